/* One worker's journal: its ring, what is promised of it, and whom to wake. Opened and closed by capture.c. */
#ifndef COUNTERSIGN_CAPTURE_JOURNAL_PRIVATE_H
#define COUNTERSIGN_CAPTURE_JOURNAL_PRIVATE_H

#include "ring.h"
#include "wake.h"

#include "countersign/capture.h"

struct journal {
    struct ring ring; /* the recorder consumes it */
    struct wake *wake;
    size_t overhead; /* record_image_overhead() */
    /* Request sizes of the exchanges that were admitted and have no outcome yet. */
    size_t *admitted;
    size_t admitted_count;
    size_t admitted_capacity;
    _Atomic size_t reserved; /* their room. Atomic, as what follows: metrics look from another thread */
    _Atomic size_t owed;     /* outcomes written whose reply has not been noted */
};

#endif
