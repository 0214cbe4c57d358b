/* The proxy process's main thread while the workers run: signals, what the supervisor says, whether the workers are alive,
 * and their end. Private to the service room. */
#ifndef COUNTERSIGN_SERVICE_LIFE_H
#define COUNTERSIGN_SERVICE_LIFE_H

#include "inherited.h"
#include "worker.h"

struct life {
    int link;               /* to the supervisor; owned */
    int signals;            /* signalfd(2) */
    int ended;              /* eventfd(2): a worker's thread has come to its end */
    int warmed;             /* likewise: a worker's connections to the exchange are open */
    int64_t alive_every_us; /* how often the supervisor wants to hear that the workers are alive; 0: never */
    void (*on_configuration)(void *context, int fd); /* the configuration's file, opened anew; the callee's */
    void *context;
    bool is_hurried; /* the supervisor said so; it may come together with the signal to drain */
    struct signer_client *signer;
    struct worker **workers;
    size_t worker_count;
    uint64_t *asked; /* of each worker's pulse, when they were looked at last */
    int64_t look_us; /* monotonic: when they are looked at next */
};

/* Blocks the signals, and takes what the supervisor says at the start: sockets, then how often it wants to hear. Before
 * threads are started. Owns `link` from then on. */
MUST_CHECK bool life_begin(struct life *life, int link, struct inherited *inherited, struct error *error);

/* Waits until as many workers have their connections open, for WORKER_WARM_US at most. Not beyond what life_run takes: a
 * signal, the supervisor's end, a worker's. */
void life_wait_until_warm(const struct life *life, size_t workers);

/* Tells the supervisor that every listener accepts. */
void life_tell_ready(const struct life *life);

/* Runs until SIGTERM or SIGINT comes, the supervisor ends, or a worker does. The workers and the signer's client are the
 * caller's. */
MUST_CHECK bool life_run(struct life *life, struct signer_client *signer, struct worker **workers, size_t worker_count,
                         struct error *error);

/* Tells the workers to drain and waits for their end; where the supervisor says so, to end at once. */
void life_drain(struct life *life);

void life_end(struct life *life);

#endif
