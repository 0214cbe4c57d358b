/* What one worker counts of one listener's exchanges. Written by that worker alone, read by any thread: each number is one
 * relaxed load and one relaxed store, no lock, no allocation, no search on the request's way. Nothing here grows with what
 * clients or the exchange send: codes and statuses that are not documented are counted together. */
#ifndef COUNTERSIGN_EXCHANGE_COUNTS_H
#define COUNTERSIGN_EXCHANGE_COUNTS_H

#include "countersign/compiler.h"
#include "countersign/policy.h"
#include "countersign/record.h"

#include <stdatomic.h>

enum {
    COUNTS_CLASSES = ENDPOINT_DOUBTFUL + 2, /* the last: refused before its endpoint was looked at */
    COUNTS_CODES_MAX = 40,                  /* documented ones, "none" and "other" */
    COUNTS_REASONS_MAX = 64,                /* refusals; of failures at most as many */
    COUNTS_STATUSES = 6,                    /* by their first digit; 0: none that begins with 1 to 5 */
    COUNTS_LIMITS = 2,                      /* enum turn_limit */
    COUNTS_BUCKETS = 18                     /* of a histogram; the last has no bound */
};

#define COUNTS_NOWHERE UINT64_MAX /* no upstream */

typedef _Atomic uint64_t count_value;

/* Adds to a number that this thread alone writes. */
static inline void count_add(count_value *value, uint64_t more)
{
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + more, memory_order_relaxed);
}

static inline uint64_t count_read(const count_value *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

struct count_histogram {
    count_value buckets[COUNTS_BUCKETS]; /* each value in the first bucket whose bound it does not exceed */
    count_value sum_us;
};

struct exchange_counts {
    count_value account;  /* what the listener joins now, by the configuration's numbers: another one after a reload */
    count_value upstream; /* likewise; COUNTS_NOWHERE: it sends nothing */
    count_value begun;
    count_value ended; /* answered, and the front is done with it */
    count_value requests[COUNTS_CLASSES][RECORD_OUTCOME_COUNT][COUNTS_CODES_MAX];
    count_value statuses[COUNTS_STATUSES]; /* that clients got */
    count_value refusals[COUNTS_REASONS_MAX];
    count_value failures[COUNTS_REASONS_MAX]; /* enum upstream_failure */
    count_value reused;                       /* requests that left on a connection that was there, */
    count_value opened;                       /* and on one made for them */
    count_value unrecorded;                   /* capture.when_full = drop */
    count_value pace_waits;                   /* begun: for a turn to leave; those that ended are in pace_wait */
    count_value pace_refused[COUNTS_LIMITS];
    count_value pace_pauses;          /* begun: the exchange said that there were too many */
    count_value clients_left;         /* before the whole answer was handed to the kernel */
    struct count_histogram whole;     /* from the request's last byte to the answer's */
    struct count_histogram added;     /* of it, what passed in this proxy */
    struct count_histogram pace_wait; /* for a turn, whether it came or not */
    struct count_histogram exchange;  /* from the request's last byte sent to the answer's last byte */
};

/* The name behind an index; NULL where there is none. */
const char *exchange_counts_class(size_t index);   /* "trade", ..., "none" */
const char *exchange_counts_code(size_t index);    /* "0", "1401", ..., "none", "other" */
const char *exchange_counts_refusal(size_t index); /* "policy", ... */
const char *exchange_counts_failure(size_t index); /* "connect", ... */
const char *exchange_counts_limit(size_t index);   /* "account", "ip" */

/* The bound of a histogram's bucket, µs; INT64_MAX for the last. */
int64_t exchange_counts_bound_us(size_t bucket);

#endif
