/* The consuming side of the rings: reads frames into a batch, stores it, and only then lets the frames go. Used by the
 * recorder for the rings in use and by the recovery for those that were left. */
#ifndef COUNTERSIGN_CAPTURE_SOURCE_H
#define COUNTERSIGN_CAPTURE_SOURCE_H

#include "batch.h"
#include "store.h"

struct source {
    struct ring *ring;
    const char *name;       /* the file's, without its folder: the key in ring_position */
    uint64_t position;      /* what is before it is in the batch at hand */
    uint64_t limit;         /* where to stop reading; 0: at the ring's head */
    uint64_t whole_end;     /* the end of the last frame that was whole */
    uint64_t expected;      /* the next frame's sequence; 0: not known */
    uint64_t read_sequence; /* the last frame before it */
    uint64_t sequence;      /* the last frame that is stored */
    uint64_t carried;       /* frames put into batches */
    uint64_t torn;          /* stretches of frames that are missing */
    uint64_t goal;          /* the ring's head when reading began, */
    int64_t goal_us;        /* and when that was (monotonic) */
};

/* `sequence`: the last frame of this ring and run that the store holds already; 0 for a new ring. */
struct source source_of_ring(struct ring *ring, const char *name, uint64_t sequence);

/* Reads frames into the batch until it is full or `frames_max` were read. Returns how many were passed over or read. */
size_t source_read(struct source *source, struct batch *batch, size_t frames_max);

/* Stores the batch and the sources' positions in one transaction, then frees the frames' room. On failure everything
 * stays as it was and can be tried again. */
MUST_CHECK bool sources_store(struct source *sources, size_t count, const struct batch *batch, struct store *store,
                              struct error *error);

/* Notes exchanges that went unrecorded, in a transaction of its own. */
MUST_CHECK bool dropped_commit(const struct dropped *dropped, struct store *store, struct error *error);

#endif
