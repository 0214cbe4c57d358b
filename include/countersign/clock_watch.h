/* Another machine's clock as several threads watch it together: each gives the dates of the answers it got, every thread
 * reads what is known. Our side of it is CLOCK_BOOTTIME, so that a step of this machine's clock does not touch what was
 * learned; what is read is against CLOCK_REALTIME at that moment, and so shows such a step at once. */
#ifndef COUNTERSIGN_CLOCK_WATCH_H
#define COUNTERSIGN_CLOCK_WATCH_H

#include "countersign/clock_offset.h"
#include "countersign/error.h"

struct clock_watch;

struct clock_reading {
    bool is_known;     /* false: there was no answer yet, and the rest is 0 */
    int64_t offset_us; /* theirs less this machine's wall clock: above 0 where theirs is ahead */
    int64_t bound_us;  /* how far from it the true one can be */
};

/* Called with what is known after an answer was taken in: on the thread that gave it, never on two at once, and never
 * again before it has returned. Must be short. */
typedef void clock_watch_taken(void *context, const struct clock_reading *reading);

/* `taken` may be NULL. */
MUST_CHECK bool clock_watch_create(struct clock_watch **watch, clock_watch_taken *taken, void *context,
                                   struct error *error);

/* After the last user. NULL is allowed. */
void clock_watch_free(struct clock_watch *watch);

/* As clock_offset_add, with readings of clock_boot_us. Any thread. Never waits: where another thread is giving an answer at
 * this moment, this one is left out. */
void clock_watch_add(struct clock_watch *watch, int64_t date_s, int64_t sent_us, int64_t first_byte_us);

/* The other machine's time now (µs since 1970), by CLOCK_BOOTTIME and what is known; this machine's wall clock while nothing
 * is. Once something is known it never goes back, on any thread: where an estimate turns out to have been ahead, it stands
 * still until it is right. NULL: the wall clock. Any thread; never waits. */
int64_t clock_watch_time_us(struct clock_watch *watch);

/* What is known now. Any thread; never waits. */
struct clock_reading clock_watch_read(const struct clock_watch *watch);

#endif
