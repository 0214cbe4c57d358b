/* How workers wake the recorder without a system call for each frame: they write to an eventfd only when the recorder said
 * that it waits.
 *
 * No wake-up is lost: the recorder says that it waits and then looks at the rings; a worker publishes a frame and then
 * looks at what the recorder said. All four accesses are sequentially consistent, so one of the two sees the other's. */
#ifndef COUNTERSIGN_CAPTURE_WAKE_H
#define COUNTERSIGN_CAPTURE_WAKE_H

#include "countersign/error.h"

#include <stdatomic.h>

enum wake_state {
    WAKE_BUSY,      /* at work: it will look at the rings before it waits */
    WAKE_GATHERING, /* lets frames gather for one transaction: to be woken only where room gets short */
    WAKE_ASLEEP     /* nothing to do: to be woken for any frame */
};

struct wake {
    _Atomic int state; /* enum wake_state */
    _Atomic bool stop; /* the recorder is to carry over what is left and end */
    int fd;            /* eventfd */
};

MUST_CHECK bool wake_open(struct wake *wake, struct error *error);
void wake_close(struct wake *wake);

/* Worker, after a frame was published. */
void wake_notify(struct wake *wake, bool room_is_short);

/* Any thread: sets `stop` and wakes. */
void wake_stop(struct wake *wake);

/* Recorder: waits in `state` until notified, stopped or `timeout_ms` (-1: none) have passed. Does not wait where
 * `ready(context)` is true after the state was set. */
void wake_wait(struct wake *wake, enum wake_state state, int timeout_ms, bool (*ready)(const void *context),
               const void *context);

#endif
