/* The worker's own parts: its state, and what its generations do to it. */
#ifndef COUNTERSIGN_SERVICE_WORKER_PARTS_H
#define COUNTERSIGN_SERVICE_WORKER_PARTS_H

#include "worker.h"

#include "countersign/bounds.h"
#include "countersign/exchange.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

/* What the exchanges of one configuration refer to. */
struct worker_generation {
    struct generation *shared; /* NULL: the start's */
    const struct config *config;
    struct exchange_listener *listeners;
    sem_t *followed;
    struct worker_generation *older; /* the worker's, once it was in force */
};

/* Since when nothing was recorded, as far as it was looked. */
struct worker_rest {
    uint64_t batches;
    int64_t since_us; /* monotonic */
};

struct worker {
    const struct config *config;
    pthread_t thread;
    struct loop *loop;
    struct peer_lookup *peers; /* of all its fronts */
    struct upstream_pool *pool;
    struct upstream **upstreams;       /* config->upstream_count */
    const struct config *started;      /* with it: what stays as it was then */
    struct clock_watch *const *clocks; /* likewise; the service's, and so the same for all generations */
    const struct pacing *pacing;       /* likewise */
    struct warming *warming;           /* worker_warm.c */
    struct worker_rest rest;           /* worker_rest.c */
    struct front **fronts;             /* config->listener_count */
    struct worker_generation *current;
    struct worker_generation *prepared;       /* the main thread's */
    _Atomic(struct worker_generation *) next; /* to be gone over to; NULL: none */
    struct exchange_worker shared;
    struct byte_room bytes;
    struct places connection_places;
    struct places_holder *connections; /* config->listener_count: each front's */
    struct places_holder *in_flight;   /* likewise: each listener's, whatever the generation */
    struct pulse *pulse;               /* the service's */
    struct exchange_counts *counts;    /* likewise: one for each listener */
    struct learning *learning;         /* NULL where no listener learns */
    atomic_bool drain_wanted;
    atomic_bool hurry_wanted;
    atomic_bool has_ended;
    int ended_fd;
    int warmed_fd;
    bool is_warm;    /* was told */
    bool has_failed; /* read after the thread's end */
    struct loop_timer drain_timer;
    int64_t drain_begun_us;
    int64_t drain_deadline_us;
};

/* Shares requests under way out among the listeners, also anew: what each keeps for itself, whatever the others' clients do. */
void worker_share_in_flight(struct worker *worker);

/* Everything of one configuration that can fail, before it is gone over to. The caller's; NULL with an error. */
struct worker_generation *worker_generation_make(struct worker *worker, const struct config *config,
                                                 const struct callers *callers, struct error *error);
void worker_generation_free(struct worker_generation *generation);

/* Has connections to the exchange opened ahead of requests, as many as the configuration says, to each upstream that a listener
 * sends to; again after a reload, for those that are new among these. Writes warmed_fd once, when they are open, the first tries
 * have failed, or WORKER_WARM_US are over; at once where there is nothing to wait for. The worker's thread. */
void worker_warm(struct worker *worker);

/* Before and after: what it needs. False when out of memory. */
MUST_CHECK bool worker_make_warming(struct worker *worker);
void worker_free_warming(struct worker *worker);

/* Has memory go back that nothing may need for a while: each time connections to the exchange were replaced, and no exchange was
 * recorded for ten seconds. `context` is the worker. Its thread. */
void worker_let_memory_go(void *context);

/* Notes which keys and upstreams are needed now, for readiness. */
void worker_note_joins(const struct worker *worker);

/* Goes over to what worker_follow gave, if anything. Between two requests: what was handed over before refers to the old one's
 * listener, and goes on with it. The worker's thread. */
void worker_go_over(struct worker *worker);

#endif
