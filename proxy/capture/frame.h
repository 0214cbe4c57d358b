/* One frame of a ring: a header with length, sequence and checksums, then the payload. */
#ifndef COUNTERSIGN_CAPTURE_FRAME_H
#define COUNTERSIGN_CAPTURE_FRAME_H

#include "countersign/slice.h"

enum frame_type {
    FRAME_INTENT = 1, /* a record as far as it is known before its first byte leaves */
    FRAME_OUTCOME,    /* a whole record */
    FRAME_REPLIED,    /* when the reply left */
    FRAME_DROPPED     /* exchanges that went out unrecorded */
};

enum { FRAME_HEADER_SIZE = 40, FRAME_ALIGNMENT = 8 };

/* Added to the sums of one run's frames: two random words that nobody outside knows. Whoever searches a ring for frames
 * then takes no bytes of a client for one. Zeroed: sums that anybody can compute. */
struct frame_key {
    uint64_t header;
    uint64_t payload;
};

struct frame {
    enum frame_type type;
    uint64_t sequence;    /* 1 and up within one run of one ring */
    struct slice payload; /* borrowed */
};

/* What a "dropped" frame tells: exchanges that went out unrecorded. */
struct dropped {
    uint64_t count;
    int64_t first_us; /* wall clock */
    int64_t last_us;
};

enum frame_state {
    FRAME_GOOD,
    FRAME_TORN, /* the payload is not what was written, but the header is: the next frame is where its length says */
    FRAME_LOST  /* nothing here can be trusted, the length included */
};

/* The sum that headers and payloads are checked by, without a key. */
uint64_t frame_sum(const char *data, size_t length);

/* Bytes that a frame takes: header and payload, up to the next multiple of FRAME_ALIGNMENT. */
size_t frame_size(size_t payload_length);

/* Writes the header at `at`, before the payload of `payload_length` bytes that stands FRAME_HEADER_SIZE behind it. */
void frame_seal(char *at, const struct frame_key *key, enum frame_type type, uint64_t sequence, size_t payload_length);

/* Whether a header with this key stands at `at`, and its whole frame within `available` bytes; then gives the frame's
 * sequence and size. Does not look at the payload. */
bool frame_begins(uint64_t *sequence, size_t *size, const struct frame_key *key, const char *at, size_t available);

/* How far behind `at` (a multiple of FRAME_ALIGNMENT) the next place is where a frame may begin; `available` where there is
 * none. Fast: looks for no more than the first bytes of a header. */
size_t frame_seek(const char *at, size_t available);

/* Reads the frame at `at`, of which `available` bytes may be looked at. `frame` is written where it is GOOD, its `sequence`
 * and `size` (of the whole frame) also where it is TORN. */
enum frame_state frame_read(struct frame *frame, size_t *size, const struct frame_key *key, const char *at,
                            size_t available);

#endif
