/* A configuration that was put in force while the proxy runs, and who refers to it. Private to the service room. */
#ifndef COUNTERSIGN_SERVICE_GENERATION_H
#define COUNTERSIGN_SERVICE_GENERATION_H

#include "callers.h"

#include <stdatomic.h>

/* Constant once made, but for the count. */
struct generation {
    struct config *config;
    struct callers *callers;
    atomic_uint users; /* the main thread while it is in force, and each worker while an exchange follows it */
};

/* Takes `config` over, also on failure; one user. `held`: whose tokens stay. */
MUST_CHECK bool generation_make(struct generation **generation, struct config *config, const struct callers *held,
                                struct error *error);
void generation_hold(struct generation *generation);
void generation_release(struct generation *generation); /* NULL, which the start's configuration has, is allowed */

#endif
