/* A ring of frames in a shared mapping of a preallocated file. One producer (a worker), one consumer (the recorder); what
 * is published survives the death of the process.
 *
 * The data area is mapped twice in a row, so a frame that crosses the ring's end is still one run of bytes. Positions
 * are counts of bytes since the ring was made: they never wrap. */
#ifndef COUNTERSIGN_CAPTURE_RING_H
#define COUNTERSIGN_CAPTURE_RING_H

#include "frame.h"

#include "countersign/error.h"

#include <stdatomic.h>
#include <stdint.h>

enum { RING_RUN_LENGTH = 32, RING_GRAIN = 65536 /* sizes are multiples; a multiple of every page size in use */ };

struct ring_header; /* the file's first RING_GRAIN bytes */

struct ring {
    struct ring_header *header; /* NULL: not open */
    char *data;
    size_t size;          /* bytes of the data area */
    int fd;               /* -1: none, it is a ring that was left */
    bool is_keyed;        /* frames can be searched for: no bytes of a client pass for one */
    struct frame_key key; /* from the run's name; zeroes in a ring that is not keyed */
    uint64_t sequence;    /* the producer's: of the last frame */
    uint64_t let_go;      /* the consumer's: the position before which nothing takes memory */
    uint64_t ready;       /* likewise: the position before which writing costs no page fault, where it is beyond head */
    /* Monotonic µs: since when frames have been there that are not consumed, as far as it is known. Both sides write it, each
     * with a time at which it was true. */
    _Atomic int64_t behind_since_us;
};

/* Makes the file anew (an old one is unlinked) with its whole space allocated, `size` rounded up to a multiple of
 * RING_GRAIN. `run` (RING_RUN_LENGTH hexadecimal digits, random) tells this run's frames from others'; nobody who sends
 * requests may know it. */
MUST_CHECK bool ring_create(struct ring *ring, const char *path, size_t size, const char *run, struct error *error);

enum ring_found {
    RING_USABLE,
    RING_UNPLACED, /* where frames begin and end cannot be trusted (head and tail are now 0); ring_find_oldest helps */
    RING_UNUSED,   /* made but never finished: nothing was ever in it */
    RING_DAMAGED   /* its header cannot be trusted; error says how */
};

/* Opens a ring that an earlier run left, to consume it. False where the file cannot be opened or mapped at all. `ring`
 * is open where it is RING_USABLE or RING_UNPLACED. Rings of this program's earlier versions are read as well. */
MUST_CHECK bool ring_open_left(struct ring *ring, enum ring_found *found, const char *path, struct error *error);

/* The same on an open file, which stays the caller's; `path` is for messages. */
MUST_CHECK bool ring_open_left_on(struct ring *ring, enum ring_found *found, int fd, const char *path,
                                  struct error *error);

void ring_close(struct ring *ring); /* the file stays; a ring that is not open is allowed */

/* Returns once all that was published before the call is on the disk. Any thread. After a failure, what was not on the disk
 * by then may never be, whatever later calls return. */
MUST_CHECK bool ring_sync(const struct ring *ring, struct error *error);

/* Likewise for a ring just created: the file with its size and mode. */
MUST_CHECK bool ring_sync_new(const struct ring *ring, struct error *error);

/* Exchanges that went out unrecorded and are in no frame yet. It is in the ring's header, so that it outlives the process.
 * The producer's, and the recovery's. */
struct dropped *ring_dropped(struct ring *ring);

const char *ring_run(const struct ring *ring); /* NUL-terminated */

/* Bytes between tail and head. Any thread. */
size_t ring_used(const struct ring *ring);

/* Producer: room for a frame with `payload_length` bytes, or NULL where there is none. Nothing is visible until
 * ring_publish, which must give the same length. */
char *ring_claim(struct ring *ring, size_t payload_length);
void ring_publish(struct ring *ring, enum frame_type type, size_t payload_length);

/* Consumer. */
uint64_t ring_head(const struct ring *ring); /* what is before it is written and visible */
uint64_t ring_tail(const struct ring *ring);
/* Reads the frame at *position (before `head`) and moves *position behind it. Where no frame is that was written after the
 * one with sequence `after`, *position moves to where the next one may be: a stretch that was torn or lost is passed over,
 * and in a ring that is not keyed all up to `head`. A frame that is GOOD may have any sequence. */
enum frame_state ring_read(struct frame *frame, const struct ring *ring, uint64_t *position, uint64_t head,
                           uint64_t after);
void ring_release(struct ring *ring, uint64_t position); /* what is before it, and before head, may be overwritten */

/* Up to `most` bytes of what was released leave this process's memory, the oldest first; the file keeps what they held. To write
 * there again costs a page fault for each page: not for a ring that is gone round quickly. */
void ring_let_go(struct ring *ring, size_t most);

/* Brings some of the pages into memory in which the next `ahead` bytes are written; false where all are there. A page fault in a
 * mapping that is written to can wait for the file system's journal: better here than in the producer, with a request at hand. A
 * kernel that cannot (before Linux 5.14) leaves it to the producer. */
bool ring_make_ready(struct ring *ring, size_t ahead);

/* Searches the whole ring, whatever head and tail say, for the oldest frame written after the one with sequence `after`.
 * *position becomes a position of it at or behind tail. False where there is none, and in a ring that is not keyed. */
bool ring_find_oldest(uint64_t *position, const struct ring *ring, uint64_t after);

#endif
