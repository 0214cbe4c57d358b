/* How fast requests may leave: at most so many in any stretch of time, as the exchange counts them (its API documentation,
 * "Rate limits": 120 requests in 3 s for each user, 300 for each IP). Pure: the time is an argument, in µs of a clock that
 * never steps. Not safe between threads: who shares one keeps it under a lock.
 *
 * A request first holds a turn, and notes later when it left: connecting and waiting for a key come between. Those that hold
 * a turn and those that left within the span are together never more than the rate's count. The span is a little longer than
 * the rate's window, as requests do not all take the same time on their way.
 *
 * What must outlive the process is kept apart, in a struct pace_memory: it may lie in a file that is mapped. */
#ifndef COUNTERSIGN_PACE_H
#define COUNTERSIGN_PACE_H

#include "countersign/compiler.h"
#include "countersign/slice.h"

enum {
    PACE_COUNT_MAX = 2000,          /* requests in a rate */
    PACE_WINDOW_MIN_US = 100000,    /* 100 ms */
    PACE_WINDOW_MAX_US = 600000000, /* 10 min */
    PACE_MARGIN_DIVISOR = 50,       /* the span is longer than the window by one part in so many: 2% */
    PACE_PAUSE_MAX_WINDOWS = 8,     /* that a pause without a Retry-After lasts at most */
    PACE_RETRY_AFTER_MAX_US = 60000000
};

struct pace_rate {
    unsigned count; /* 0: no bound, "off" */
    int64_t window_us;
};

/* "120/3s": COUNT/DURATION, the duration with ms, s or m; or "off". False for another form or outside of the bounds above. */
MUST_CHECK bool pace_rate_parse(struct pace_rate *rate, struct slice text);

/* All 0: nothing has left. */
struct pace_memory {
    int64_t pause_began_us;  /* of this episode's latest pause */
    int64_t pause_until_us;  /* no turns before */
    int64_t pause_length_us; /* of this episode's latest; 0: there is no episode */
    uint32_t held;           /* turns given, and nothing has left for them yet */
    uint32_t noted;          /* of the times, filled */
    uint32_t newest;
    uint32_t unused;
    int64_t times[PACE_COUNT_MAX]; /* a ring of the last moments at which a request left; never falling */
};

struct pace {
    struct pace_rate rate;
    int64_t span_us;
    struct pace_memory *memory;
};

/* No bound at first. `memory` is borrowed. */
void pace_init(struct pace *pace, struct pace_memory *memory);

/* Another rate: what has left under the old one counts. */
void pace_set_rate(struct pace *pace, struct pace_rate rate);

/* Puts into `fresh`, all 0, what counts of `last`, which a process left that was ended at any moment: turns that were held then
 * are taken to have left now. Bytes that cannot be right are left out. */
void pace_recall(struct pace_memory *fresh, const struct pace_memory *last, int64_t now_us);

/* Takes a turn; only where pace_next_us says now. It ends with pace_sent or pace_give_back. */
void pace_hold(struct pace *pace);
void pace_sent(struct pace *pace, int64_t now_us);
void pace_give_back(struct pace *pace);

/* A request left without a turn: it counts, whether there was room or not. */
void pace_note_sent(struct pace *pace, int64_t now_us);

/* The earliest moment at which there may be room if no turn is given back: not before, and perhaps not then. `now_us` or
 * earlier: now. The second form: for who lets `ahead` others go first. */
int64_t pace_next_us(const struct pace *pace, int64_t now_us);
int64_t pace_next_after_us(const struct pace *pace, int64_t now_us, unsigned ahead);

/* The exchange answered a request that left at `sent_us` with "too many requests" (RFC 6585 §4). Nothing leaves for
 * `retry_after_us` (below 0: it did not say), at most PACE_RETRY_AFTER_MAX_US; else for a third of a window at first, and
 * twice as long each time that it says so again, up to PACE_PAUSE_MAX_WINDOWS. What left before the pause began says nothing
 * new. A whole window without another one ends the episode. True where one begins; never without a bound. */
bool pace_told_too_many(struct pace *pace, int64_t now_us, int64_t sent_us, int64_t retry_after_us);

/* What a Retry-After field says (RFC 9110 §10.2.3: seconds, or an IMF-fixdate), in µs from `wall_us` (since 1970) on. Below
 * 0: neither; a date that is past is 0. */
int64_t pace_retry_after_us(struct slice value, int64_t wall_us);

#endif
