/* One frame of a ring: a header with length, sequence and checksums, then the payload. */
#ifndef COUNTERSIGN_CAPTURE_FRAME_H
#define COUNTERSIGN_CAPTURE_FRAME_H

#include "countersign/slice.h"

enum frame_type {
    FRAME_INTENT = 1, /* a record as far as it is known before its first byte leaves */
    FRAME_OUTCOME,    /* a whole record */
    FRAME_REPLIED     /* when the reply left */
};

enum { FRAME_HEADER_SIZE = 40, FRAME_ALIGNMENT = 8 };

struct frame {
    enum frame_type type;
    uint64_t sequence;    /* 1 and up within one run of one ring */
    struct slice payload; /* borrowed */
};

enum frame_state {
    FRAME_GOOD,
    FRAME_TORN, /* the payload is not what was written, but the length can be trusted: the next frame is where it says */
    FRAME_LOST  /* nothing here can be trusted, the length included */
};

/* Bytes that a frame takes: header and payload, up to the next multiple of FRAME_ALIGNMENT. */
size_t frame_size(size_t payload_length);

/* Writes the header at `at`, before the payload of `payload_length` bytes that stands FRAME_HEADER_SIZE behind it. */
void frame_seal(char *at, enum frame_type type, uint64_t sequence, size_t payload_length);

/* Reads the frame at `at`, of which `available` bytes may be looked at. `frame` is written where it is GOOD, `size` (of
 * the whole frame) also where it is TORN. */
enum frame_state frame_read(struct frame *frame, size_t *size, const char *at, size_t available);

#endif
