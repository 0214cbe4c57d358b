/* What a worker's exchanges refer to of the configuration, made for each generation of it, and the worker's way from one to
 * the next. Made by the main thread, taken over and freed by the worker's. */
#include "worker_parts.h"

#include "callers.h"
#include "generation.h"
#include "learning.h"

#include <stdlib.h>

void worker_share_in_flight(struct worker *worker)
{
    places_share(&worker->shared.in_flight_places, (unsigned)worker->config->proxy.in_flight_max, worker->in_flight,
                 worker->config->listener_count);
}

void worker_generation_free(struct worker_generation *generation)
{
    for (size_t i = 0; generation->listeners != NULL && i < generation->config->listener_count; i++)
        callers_wipe(&generation->listeners[i]);
    free(generation->listeners);
    generation_release(generation->shared);
    free(generation);
}

static bool fill_listener(struct exchange_listener *made, struct worker *worker, const struct config *config,
                          const struct callers *callers, size_t index, struct error *error)
{
    const struct config_listener *listener = &config->listeners[index];
    bool follows_exchange = worker->started->accounts[listener->account].clock == CONFIG_CLOCK_EXCHANGE;
    *made = (struct exchange_listener){
        .worker = &worker->shared,
        .name = listener->name,
        .account = listener->account,
        .upstream = worker->upstreams[listener->upstream],
        .clock = worker->clocks[listener->upstream],
        .signs_by = follows_exchange ? worker->clocks[listener->upstream] : NULL,
        .mode = (enum exchange_mode)listener->mode,
        .rules = { .items = listener->rules.items,
                   .count = listener->rules.count,
                   .policy = (enum policy)listener->policy },
        .sign_all = listener->sign == CONFIG_SIGN_ALL,
        .failures_as_status = listener->failures == CONFIG_FAILURES_AS_STATUS,
        .learned = learning_of(worker->learning, index),
        .places = &worker->in_flight[index],
        .pace = pacing_of(worker->pacing, config, listener),
        .counts = &worker->counts[index],
    };
    if (!order_limits_read(&made->limits, listener->max_notional, listener->symbols, listener->sides))
        return error_set(error, ERROR_CONFIG, "listener %s: max_notional, symbols or sides is not of its form",
                         listener->name);
    callers_fill(made, callers, index);
    return true;
}

struct worker_generation *worker_generation_make(struct worker *worker, const struct config *config,
                                                 const struct callers *callers, struct error *error)
{
    struct worker_generation *made = calloc(1, sizeof(*made));
    bool done = made != NULL;
    if (done) {
        made->config = config;
        made->listeners = calloc(config->listener_count, sizeof(*made->listeners));
        done = made->listeners != NULL;
    }
    if (!done)
        (void)error_set(error, ERROR_MEMORY, "out of memory for a worker"); /* NULL says it */
    for (size_t i = 0; done && i < config->listener_count; i++)
        done = fill_listener(&made->listeners[i], worker, config, callers, i, error);
    if (!done && made != NULL)
        worker_generation_free(made);
    return done ? made : NULL;
}

bool worker_prepare(struct worker *worker, struct generation *generation, sem_t *followed, struct error *error)
{
    worker->prepared = worker_generation_make(worker, generation->config, generation->callers, error);
    if (worker->prepared == NULL)
        return false;
    worker->prepared->shared = generation;
    worker->prepared->followed = followed;
    generation_hold(generation);
    return true;
}

void worker_unprepare(struct worker *worker)
{
    worker_generation_free(worker->prepared);
    worker->prepared = NULL;
}

void worker_follow(struct worker *worker)
{
    struct worker_generation *unseen = atomic_exchange(&worker->next, worker->prepared);
    worker->prepared = NULL;
    if (unseen != NULL)
        worker_generation_free(unseen); /* the worker was slow: it goes over to the newest at once */
    loop_wake(worker->loop);
}

static bool is_over(const struct worker_generation *generation)
{
    unsigned exchanges = 0;
    for (size_t i = 0; i < generation->config->listener_count; i++)
        exchanges += generation->listeners[i].exchanges;
    return exchanges == 0;
}

/* Frees what no exchange refers to any more. What is still referred to is looked at again with the next one, or the end. */
static void free_older(struct worker_generation *newest)
{
    struct worker_generation **place = &newest->older;
    while (*place != NULL) {
        struct worker_generation *generation = *place;
        if (!is_over(generation)) {
            place = &generation->older;
            continue;
        }
        *place = generation->older;
        worker_generation_free(generation);
    }
}

void worker_note_joins(const struct worker *worker)
{
    for (size_t i = 0; i < worker->config->listener_count; i++) {
        const struct config_listener *listener = &worker->config->listeners[i];
        uint64_t upstream = listener->mode == CONFIG_MODE_DRY_RUN ? COUNTS_NOWHERE : listener->upstream;
        atomic_store_explicit(&worker->counts[i].account, listener->account, memory_order_relaxed);
        atomic_store_explicit(&worker->counts[i].upstream, upstream, memory_order_relaxed);
    }
}

void worker_go_over(struct worker *worker)
{
    struct worker_generation *next = atomic_exchange(&worker->next, NULL);
    if (next == NULL)
        return;
    next->older = worker->current;
    worker->current = next;
    worker->config = next->config;
    worker_share_in_flight(worker);
    for (size_t i = 0; i < next->config->listener_count; i++)
        front_set_context(worker->fronts[i], &next->listeners[i]);
    worker_note_joins(worker);
    worker_warm(worker);
    free_older(next);
    (void)sem_post(next->followed); /* fails beyond SEM_VALUE_MAX, which one post for each SIGHUP does not reach */
}
