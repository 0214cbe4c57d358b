/* One thread's event loop over epoll: descriptors and timers. All functions but loop_stop are for the loop's own thread.
 *
 * Watches and timers are owned by the caller, embedded in its own structs, and must outlive their registration. A
 * callback may remove or free any watch or timer, its own included. */
#ifndef COUNTERSIGN_LOOP_H
#define COUNTERSIGN_LOOP_H

#include "countersign/error.h"

#include <stddef.h>
#include <stdint.h>

struct loop;

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_FAILED = 4 /* hang-up or error; reported, never asked for */ };

struct loop_io {
    int fd;
    void (*ready)(struct loop_io *io, unsigned events); /* events: LOOP_* bits */
    void *context;                                      /* the caller's */
    unsigned events;                                    /* the loop's: what is registered, 0 when not registered */
};

struct loop_timer {
    void (*expired)(struct loop_timer *timer);
    void *context;       /* the caller's */
    int64_t deadline_us; /* the loop's: monotonic */
    size_t slot;         /* the loop's: place in the heap plus one, 0 when not running */
};

MUST_CHECK bool loop_create(struct loop **loop, struct error *error);

/* Closes the loop. Registered watches and timers are forgotten, not freed. NULL is allowed. */
void loop_free(struct loop *loop);

/* Registers io->fd for `events` (LOOP_READ, LOOP_WRITE, or both), or changes what is registered. Level-triggered. */
MUST_CHECK bool loop_io_watch(struct loop *loop, struct loop_io *io, unsigned events, struct error *error);

/* Unregisters; nothing happens when it is not registered. Call before closing io->fd. */
void loop_io_remove(struct loop *loop, struct loop_io *io);

/* Starts or restarts: `expired` is called once, after delay_us (0: behind what is being dispatched; from a timer's callback, in
 * the loop's next turn). Fails only when out of
 * memory, which ends the program: a timer that silently never fires would lose money. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_us);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/* Runs until loop_stop. `now` inside callbacks: loop_now_us, read once per turn (monotonic µs). */
MUST_CHECK bool loop_run(struct loop *loop, struct error *error);
int64_t loop_now_us(const struct loop *loop);

/* Makes loop_run return after its current turn. Any thread, and signal handlers. */
void loop_stop(struct loop *loop);

/* Wakes the loop and has `callback(context)` called once on its thread in its next turn. Calls between two turns fall
 * together. Any thread. Set the callback once, before the loop runs. */
void loop_on_wake(struct loop *loop, void (*callback)(void *context), void *context);
void loop_wake(struct loop *loop);

#endif
