/* The configuration put in force anew while the proxy runs. Private to the service room. */
#ifndef COUNTERSIGN_SERVICE_RELOAD_H
#define COUNTERSIGN_SERVICE_RELOAD_H

#include "generation.h"
#include "worker.h"

struct reload {
    const struct config *started;  /* what the process started with: keys that need a restart stay as they are there */
    const struct config *held;     /* in force */
    const struct callers *callers; /* the start's: tokens stay */
    struct worker **workers;
    size_t worker_count;
    sem_t *followed; /* posted by each worker that has gone over */
};

/* Reads `fd` (owned), checks it whole, and has all workers go over to it. Returns what is in force then (one user, the
 * caller), or NULL: the old one stays entirely; either way the log says what is so, and why. The main thread. */
struct generation *reload_run(const struct reload *reload, int fd);

#endif
