/* When which windows' keys are fetched. Pure. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_CLIENT_SCHEDULE_H
#define COUNTERSIGN_SIGNER_CLIENT_SCHEDULE_H

#include <stdint.h>

/* The windows whose keys must be held at this moment: the current one, and the next one from SIGNER_CLIENT_AHEAD_MS
 * before it begins (the same as the current one before). */
struct client_windows {
    uint64_t current;
    uint64_t ahead;
};

struct client_windows schedule_windows(int64_t now_ms);

/* The next moment (milliseconds since 1970) at which another key must be fetched; later than now_ms. */
int64_t schedule_next_ms(int64_t now_ms);

#endif
