/* When a signer that died is started again, and when no more. Pure. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_SUPERVISOR_RESTART_H
#define COUNTERSIGN_SIGNER_SUPERVISOR_RESTART_H

#include "countersign/supervisor.h"

#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. */
struct restarts {
    int64_t ends_us[SUPERVISOR_RESTARTS_MAX]; /* of the last minute, oldest first */
    size_t count;
};

/* Notes that the signer ended at `now_us` (monotonic). *delay_us is how long to wait before the next one is started. False
 * where it has been started SUPERVISOR_RESTARTS_MAX times within a minute by now. */
MUST_CHECK bool restarts_note(int64_t *delay_us, struct restarts *restarts, int64_t now_us);

#endif
