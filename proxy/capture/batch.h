/* Frames gathered for one transaction, put together by exchange: an intent, its outcome and its "replied" note that meet
 * here become one row written once. Borrows the frames' payloads, which stay in their rings until the batch is stored. */
#ifndef COUNTERSIGN_CAPTURE_BATCH_H
#define COUNTERSIGN_CAPTURE_BATCH_H

#include "record_codec.h"
#include "ring.h"

enum {
    BATCH_FRAMES_MAX = 2048,
    BATCH_BYTES_MAX = 4 * 1024 * 1024, /* a batch that has reached it takes no further frame */
    BATCH_SLOTS = 2 * BATCH_FRAMES_MAX
};

struct batch_entry {
    int64_t id;
    struct slice record;    /* the latest intent's or outcome's payload; empty where only the reply was noted */
    struct replied replied; /* id 0 where there was no note */
    bool is_new;            /* its intent is among them: no earlier batch has stored it */
};

struct batch {
    struct batch_entry entries[BATCH_FRAMES_MAX]; /* by first appearance */
    size_t count;
    size_t frames;
    size_t bytes;
    struct dropped dropped;      /* of all frames that told of some */
    uint16_t slots[BATCH_SLOTS]; /* place in entries plus one, by id; open addressing */
};

void batch_reset(struct batch *batch);
bool batch_is_full(const struct batch *batch);

/* Adds a frame; the batch must not be full. False where its payload is none: it is left out. */
bool batch_add(struct batch *batch, const struct frame *frame);

#endif
