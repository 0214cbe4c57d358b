/* A worker: one thread with one loop, its own upstreams, fronts and journal. Private to the service room. */
#ifndef COUNTERSIGN_SERVICE_WORKER_H
#define COUNTERSIGN_SERVICE_WORKER_H

#include "countersign/capture.h"
#include "countersign/clock_watch.h"
#include "countersign/config.h"
#include "countersign/error.h"
#include "countersign/exchange_counts.h"
#include "countersign/front.h"
#include "countersign/pulse.h"
#include "countersign/signer_client.h"
#include "countersign/slice.h"
#include "countersign/trading_state.h"
#include "countersign/upstream.h"

#include "generation.h"
#include "pacing.h"

#include <semaphore.h>

struct worker;

/* How long a worker's connections to the exchange may keep others waiting at its start. */
enum { WORKER_WARM_US = 1000000 };

struct worker_options {
    const struct config *config;
    struct signer_client *signer;
    const struct callers *callers; /* who may ask */
    struct capture *capture;
    const struct trading_page *trading;
    struct clock_watch *const *clocks; /* one for each upstream of the configuration; shared by the workers */
    const struct pacing *pacing;       /* likewise */
    struct slice turned_away;          /* what a connection is answered with for which there is no place */
    unsigned index;
    /* What others may see of it; outlives the worker. */
    struct pulse *pulse;
    struct exchange_counts *counts;    /* one for each listener */
    struct front_counts *front_counts; /* likewise */
    struct upstream_counts *reachings; /* one for each upstream */
    int ended_fd;                      /* eventfd(2), written when the worker's thread has come to its end */
    int warmed_fd;                     /* likewise, when its connections to the exchange are open: see WORKER_WARM_US */
    int *listen_fds; /* one for each listener of the configuration; taken over one by one by the worker's fronts */
};

/* Opens everything and starts the thread. */
MUST_CHECK bool worker_start(struct worker **worker, const struct worker_options *options, struct error *error);

/* Makes what the worker needs to go over to a configuration with the same sections; it goes on with the old one. The main
 * thread, which then calls one of the two below. `followed` is posted when it has gone over. */
MUST_CHECK bool worker_prepare(struct worker *worker, struct generation *generation, sem_t *followed,
                               struct error *error);
void worker_unprepare(struct worker *worker);

/* Has the worker go over: each request that is handed to it from then on follows the new configuration, those before end under
 * theirs. */
void worker_follow(struct worker *worker);

/* Tells the worker to take no new requests, finish what is in flight within proxy.drain, and end. Any thread. */
void worker_drain(struct worker *worker);

/* Tells a worker that drains to give up what is in flight, and end. Any thread. */
void worker_hurry(struct worker *worker);

/* For asking whether the worker's loop turns; and whether its thread has come to its end. Any thread. */
struct pulse *worker_pulse(const struct worker *worker);
bool worker_has_ended(const struct worker *worker);

/* Waits for the thread's end and frees. Returns whether it ended because it was told to. */
MUST_CHECK bool worker_join(struct worker *worker);

#endif
