/* The sync thread of durability = power: brings rings to the disk when workers ask for it. What was asked for while one
 * sync is under way is served by the next one, together. */
#ifndef COUNTERSIGN_CAPTURE_SYNCER_H
#define COUNTERSIGN_CAPTURE_SYNCER_H

#include "journal_private.h"

#include <pthread.h>

struct syncer {
    struct wake wake;
    struct journal *journals;
    size_t journal_count;
    bool is_running;
    pthread_t thread;
};

/* Starts the thread. `syncer` is zeroed but for journals and journal_count, and wake is open. */
MUST_CHECK bool syncer_start(struct syncer *syncer, struct error *error);

/* Ends the thread; what is asked for then is not served any more. */
void syncer_stop(struct syncer *syncer);

#endif
