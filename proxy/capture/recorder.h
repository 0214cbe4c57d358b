/* The recorder: one thread, the only writer of capture.db. */
#ifndef COUNTERSIGN_CAPTURE_RECORDER_H
#define COUNTERSIGN_CAPTURE_RECORDER_H

#include "source.h"
#include "wake.h"

#include "countersign/capture_store.h"

#include <pthread.h>
#include <stdatomic.h>

struct recorder {
    struct wake wake;
    struct store *store; /* the thread's own while it runs; NULL after a failure to replace a damaged one */
    struct store_options store_options;
    struct source *sources; /* likewise; one for each ring */
    size_t source_count;
    size_t first_source;      /* whose turn it is */
    struct capture_keep keep; /* what is to stay in the store */
    struct batch batch;
    atomic_bool is_failing; /* the last attempt to store failed. Read by any thread, as what follows */
    _Atomic uint64_t write_errors;
    _Atomic uint64_t batches;
    bool gave_up; /* after wake.stop, with frames left in the rings */
    bool has_more_to_prune;
    bool has_stored;   /* since it was last pruned */
    int64_t pruned_us; /* monotonic */
    bool holds_pages;  /* rings have taken memory since all of it was let go */
    int64_t let_go_us; /* monotonic: when some of it was, last */
    bool is_running;
    pthread_t thread;
};

/* Starts the thread. `recorder` is zeroed but for store, store_options, sources, source_count and keep, and wake is open. */
MUST_CHECK bool recorder_start(struct recorder *recorder, struct error *error);

/* Has everything carried over and ends the thread. False where the store could not be written and frames are left in the
 * rings. */
bool recorder_stop(struct recorder *recorder);

#endif
