/* A worker: one thread with one loop, its own upstreams, fronts and journal. Private to the service room. */
#ifndef COUNTERSIGN_SERVICE_WORKER_H
#define COUNTERSIGN_SERVICE_WORKER_H

#include "countersign/capture.h"
#include "countersign/clock_watch.h"
#include "countersign/config.h"
#include "countersign/error.h"
#include "countersign/signer_client.h"
#include "countersign/trading_state.h"

struct worker;

struct worker_options {
    const struct config *config;
    struct signer_client *signer;
    const struct callers *callers; /* who may ask */
    struct capture *capture;
    const struct trading_page *trading;
    struct clock_watch *const *clocks; /* one for each upstream of the configuration; shared by the workers */
    unsigned index;
    int *listen_fds; /* one for each listener of the configuration; taken over one by one by the worker's fronts */
};

/* Opens everything and starts the thread. */
MUST_CHECK bool worker_start(struct worker **worker, const struct worker_options *options, struct error *error);

/* Tells the worker to take no new requests, finish what is in flight within proxy.drain, and end. Any thread. */
void worker_drain(struct worker *worker);

/* Waits for the thread's end and frees. Returns whether it ended because it was told to. */
MUST_CHECK bool worker_join(struct worker *worker);

#endif
