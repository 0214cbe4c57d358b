/* Generations of the configuration: freed by whoever lets go last. Any thread. */
#include "generation.h"

#include <stdlib.h>

bool generation_make(struct generation **generation, struct config *config, const struct callers *held,
                     struct error *error)
{
    struct generation *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        config_free(config);
        return error_set(error, ERROR_MEMORY, "out of memory for the configuration");
    }
    made->config = config;
    atomic_init(&made->users, 1);
    if (!callers_renew(&made->callers, held, config, error)) {
        generation_release(made);
        return false;
    }
    *generation = made;
    return true;
}

void generation_hold(struct generation *generation)
{
    (void)atomic_fetch_add(&generation->users, 1); /* what it was is of no use */
}

void generation_release(struct generation *generation)
{
    if (generation == NULL || atomic_fetch_sub(&generation->users, 1) != 1)
        return;
    callers_close(generation->callers);
    config_free(generation->config);
    free(generation);
}
