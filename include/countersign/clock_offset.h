/* How far another machine's clock is from ours, from the `Date` of its answers (RFC 9110 §6.6.1: whole seconds). A Date of D
 * says that its clock stood somewhere in [D, D + 1 s) at some moment between the request and the answer's first byte: an
 * interval for the offset. Intervals of several answers are intersected; what is held widens with time by the drift that is
 * assumed. Pure: times are arguments. Any thread; not shared. */
#ifndef COUNTERSIGN_CLOCK_OFFSET_H
#define COUNTERSIGN_CLOCK_OFFSET_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CLOCK_OFFSET_DRIFT_PPM = 100,  /* of the two clocks against each other, at most: assumed */
    CLOCK_OFFSET_STALE_US = 20000, /* a server may keep its Date for a turn of its loop: assumed */
    CLOCK_OFFSET_CONFIRMATIONS = 3 /* answers that contradict what is held, and agree, before it is given up */
};

struct clock_interval {
    int64_t low_us; /* theirs less ours */
    int64_t high_us;
    int64_t at_us; /* our clock, when it held */
};

/* Zero-initialise: nothing is known. */
struct clock_offset {
    struct clock_interval held;
    struct clock_interval rival; /* of the answers that contradict it */
    unsigned rivals;             /* in a row that agree; 0: none */
    uint64_t answers;            /* that were taken in; 0: nothing is known */
    uint64_t restarts;           /* how often what was held was given up */
};

/* Takes one answer in: its Date in seconds since 1970, and when by our clock (the same one always, preferably one that does
 * not step) the request began to leave and the answer's first byte came. One that contradicts what is held changes nothing
 * until CLOCK_OFFSET_CONFIRMATIONS of them in a row agree. Leave answers with an Age field out: a cache's Date is old
 * (RFC 9111 §5.1). Returns whether it agreed with what is held afterwards. */
bool clock_offset_add(struct clock_offset *offset, int64_t date_s, int64_t sent_us, int64_t first_byte_us);

/* The middle of what is known at `now_us`, and how far from it the true offset can be. False where nothing is known. */
bool clock_offset_read(const struct clock_offset *offset, int64_t now_us, int64_t *offset_us, int64_t *bound_us);

/* What an offset does to requests that carry a time and are signed for its window. Which differences the exchange tolerates
 * is not documented, so nothing is said of that. */
enum clock_offset_verdict {
    CLOCK_OFFSET_UNKNOWN,
    CLOCK_OFFSET_FINE,    /* not surely beyond CLOCK_OFFSET_FINE_US */
    CLOCK_OFFSET_OFF,     /* surely beyond it: some requests carry another window than the exchange's at that moment */
    CLOCK_OFFSET_OUTSIDE, /* surely a whole window or more: every request does */
};

enum { CLOCK_OFFSET_FINE_US = 1000000 };

/* "Surely": the whole of offset ± bound lies beyond. `is_known` is what clock_offset_read returned. */
enum clock_offset_verdict clock_offset_judge(bool is_known, int64_t offset_us, int64_t bound_us, int64_t window_us);

/* Of 1000 requests at any moments, how many carry another window than the exchange's clock is in when they leave:
 * |offset| / window, at most all. 12 s of 30 s are 400. */
int64_t clock_offset_wrong_windows(int64_t offset_us, int64_t window_us);

#endif
