/* One worker's journal: its ring, what is promised of it, and whom to wake. Opened and closed by capture.c. */
#ifndef COUNTERSIGN_CAPTURE_JOURNAL_PRIVATE_H
#define COUNTERSIGN_CAPTURE_JOURNAL_PRIVATE_H

#include "ring.h"
#include "wake.h"

#include "countersign/capture.h"

#include <pthread.h>

/* Between a worker and the sync thread (syncer.h). Positions are the ring's. */
struct journal_sync {
    struct wake *wake;       /* the sync thread's; NULL: durability = process */
    _Atomic uint64_t asked;  /* the worker's: frames before it are waited for */
    _Atomic uint64_t synced; /* the sync thread's: what is before it is on the disk */
    _Atomic uint64_t failed; /* likewise: what was before it, and not before `synced` by then, may not be */
    bool is_failing;         /* the sync thread's own */
    pthread_mutex_t listener;
    void (*on_synced)(void *context); /* under the mutex, as its context */
    void *context;
};

struct journal {
    struct ring ring; /* the recorder consumes it */
    struct wake *wake;
    size_t overhead; /* record_image_overhead() */
    /* Request sizes of the exchanges that were admitted and have no outcome yet. */
    size_t *admitted;
    size_t admitted_count;
    size_t admitted_capacity;
    bool drops_when_full;
    bool is_dropping;        /* ring_dropped() counts exchanges that no frame tells of yet */
    _Atomic size_t reserved; /* room of the admitted. Atomic, as what follows: metrics look from another thread */
    _Atomic size_t owed;     /* outcomes written whose reply has not been noted */
    struct journal_sync sync;
};

#endif
