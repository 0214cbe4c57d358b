/* One worker: its loop, upstreams, fronts and exchanges live and end here. Everything but worker_drain and worker_join
 * runs on the worker's own thread once it is started. */
#include "worker.h"

#include "callers.h"
#include "learning.h"

#include "countersign/exchange.h"
#include "countersign/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    DRAIN_LOOK_US = 5000,        /* how often a draining worker looks whether it is done */
    DRAIN_LAST_WORDS_US = 500000 /* time for the answers of what was given up to leave */
};

struct worker {
    const struct config *config;
    struct clock_watch *const *clocks; /* one for each upstream */
    pthread_t thread;
    struct loop *loop;
    struct peer_lookup *peers; /* of all its fronts */
    struct upstream_pool *pool;
    struct upstream **upstreams; /* config->upstream_count */
    struct front **fronts;       /* config->listener_count */
    struct exchange_listener *listeners;
    struct exchange_worker shared;
    struct learning *learning; /* NULL where no listener learns */
    atomic_bool drain_wanted;
    bool has_failed; /* read after the thread's end */
    struct loop_timer drain_timer;
    int64_t drain_deadline_us;
};

static struct upstream_options upstream_options(const struct config *config, const struct config_upstream *upstream)
{
    return (struct upstream_options){
        .url = upstream->url,
        .http = (enum upstream_http)upstream->http,
        .ip_family = (enum upstream_ip_family)upstream->ip_family,
        .ca_file = upstream->ca_file,
        .bind_address = upstream->bind_address,
        .proxy = upstream->proxy,
        .connect_timeout_us = upstream->connect_timeout,
        .timeout_us = upstream->timeout,
        .response_max = (size_t)config->proxy.response_max,
        .connections_max = (unsigned)upstream->connections,
    };
}

static bool open_upstreams(struct worker *worker, struct error *error)
{
    for (size_t i = 0; i < worker->config->upstream_count; i++) {
        struct upstream_options options = upstream_options(worker->config, &worker->config->upstreams[i]);
        options.clock = worker->clocks[i];
        if (!upstream_create(&worker->upstreams[i], worker->pool, &options, error))
            return error_prefix(error, "upstream %s", worker->config->upstreams[i].name);
    }
    return true;
}

static bool open_front(struct worker *worker, const struct worker_options *from, size_t index, struct error *error)
{
    int *listen_fd = &from->listen_fds[index];
    const struct config_proxy *limits = &worker->config->proxy;
    const struct config_listener *listener = &worker->config->listeners[index];
    worker->listeners[index] = (struct exchange_listener){
        .worker = &worker->shared,
        .name = listener->name,
        .account = listener->account,
        .upstream = worker->upstreams[listener->upstream],
        .clock = worker->clocks[listener->upstream],
        .mode = (enum exchange_mode)listener->mode,
        .rules = { .items = listener->rules.items,
                   .count = listener->rules.count,
                   .policy = (enum policy)listener->policy },
        .sign_all = listener->sign == CONFIG_SIGN_ALL,
        .learned = learning_of(worker->learning, index),
    };
    if (!order_limits_read(&worker->listeners[index].limits, listener->max_notional, listener->symbols,
                           listener->sides))
        return error_set(error, ERROR_CONFIG, "listener %s: max_notional, symbols or sides is not of its form",
                         listener->name);
    callers_fill(&worker->listeners[index], from->callers, index);
    callers_test(worker->peers, from->callers, index, *listen_fd, from->index == 0);
    struct front_options options = {
        .loop = worker->loop,
        .peers = worker->peers,
        .listen_fd = *listen_fd,
        .header_max = (size_t)limits->header_max,
        .body_max = (size_t)limits->body_max,
        .connections_max = (unsigned)limits->connections_max,
        .idle_timeout_us = limits->idle_timeout,
        .handler = exchange_front_handler(),
        .context = &worker->listeners[index],
    };
    if (!front_open(&worker->fronts[index], &options, error))
        return error_prefix(error, "listener %s", listener->name);
    *listen_fd = -1;
    return true;
}

static size_t requests_in_fronts(const struct worker *worker)
{
    size_t count = 0;
    for (size_t i = 0; i < worker->config->listener_count; i++)
        count += front_in_flight(worker->fronts[i]);
    return count;
}

static void report_unfinished(const struct worker *worker)
{
    unsigned given_up = worker->shared.in_flight;
    size_t half_read = requests_in_fronts(worker) - given_up;
    if (given_up > 0)
        log_warning("shutting down: still in flight after proxy.drain and given up: %u", given_up);
    if (half_read > 0)
        log_warning("shutting down: not received whole after proxy.drain, so nothing of them was sent: %zu", half_read);
}

static void look_whether_drained(struct loop_timer *timer)
{
    struct worker *worker = timer->context;
    int64_t now = loop_now_us(worker->loop);
    if (requests_in_fronts(worker) == 0 && worker->shared.in_flight == 0) {
        loop_stop(worker->loop);
        return;
    }
    if (now >= worker->drain_deadline_us && !worker->shared.giving_up) {
        report_unfinished(worker);
        exchange_abandon_all(&worker->shared);
    } else if (now >= worker->drain_deadline_us + DRAIN_LAST_WORDS_US) {
        loop_stop(worker->loop);
        return;
    }
    loop_timer_start(worker->loop, timer, DRAIN_LOOK_US);
}

/* The sync thread. */
static void wake_after_sync(void *context)
{
    loop_wake(context);
}

static void woken(void *context)
{
    struct worker *worker = context;
    exchange_look_for_syncs(&worker->shared);
    if (!atomic_load(&worker->drain_wanted) || worker->shared.draining)
        return;
    worker->shared.draining = true;
    worker->drain_deadline_us = loop_now_us(worker->loop) + worker->config->proxy.drain;
    for (size_t i = 0; i < worker->config->listener_count; i++)
        front_stop_accepting(worker->fronts[i]);
    loop_timer_start(worker->loop, &worker->drain_timer, 0);
}

/* Whether one of the listeners sends anything there. */
static bool is_sent_to(const struct worker *worker, size_t upstream)
{
    for (size_t i = 0; i < worker->config->listener_count; i++) {
        const struct config_listener *listener = &worker->config->listeners[i];
        if (listener->upstream == upstream && listener->mode != CONFIG_MODE_DRY_RUN)
            return true;
    }
    return false;
}

static void *run(void *context)
{
    struct worker *worker = context;
    struct error error;
    for (size_t i = 0; i < worker->config->upstream_count; i++) {
        if (is_sent_to(worker, i))
            upstream_warm(worker->upstreams[i], (unsigned)worker->config->upstreams[i].warm);
    }
    if (!loop_run(worker->loop, &error)) {
        log_error("a worker ended: %s", error.message);
        worker->has_failed = true;
        (void)kill(getpid(), SIGTERM); /* to ourselves: the other workers drain, the program ends */
    }
    exchange_abandon_all(&worker->shared);
    journal_on_synced(worker->shared.journal, NULL, NULL);
    return NULL;
}

static void worker_free(struct worker *worker)
{
    for (size_t i = 0; i < worker->config->listener_count; i++)
        front_close(worker->fronts[i]);
    for (size_t i = 0; worker->listeners != NULL && i < worker->config->listener_count; i++)
        callers_wipe(&worker->listeners[i]);
    peer_lookup_free(worker->peers);
    for (size_t i = 0; i < worker->config->upstream_count; i++)
        upstream_free(worker->upstreams[i]);
    upstream_pool_free(worker->pool);
    scheme_hmac_free(worker->shared.hmac);
    learning_close(worker->learning);
    loop_free(worker->loop);
    free(worker->upstreams);
    free(worker->fronts);
    free(worker->listeners);
    free(worker);
}

static bool open_all(struct worker *worker, const struct worker_options *options, struct error *error)
{
    if (worker->upstreams == NULL || worker->fronts == NULL || worker->listeners == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for a worker");
    if (!peer_lookup_create(&worker->peers, error) || !loop_create(&worker->loop, error) ||
        !scheme_hmac_create(&worker->shared.hmac, error) || !upstream_pool_create(&worker->pool, worker->loop, error) ||
        !open_upstreams(worker, error) ||
        !learning_open(&worker->learning, options->config, worker->loop, options->index, error))
        return false;
    worker->shared.loop = worker->loop;
    worker->shared.signer = options->signer;
    worker->shared.capture = options->capture;
    worker->shared.trading = options->trading;
    worker->shared.journal = capture_journal(options->capture, options->index);
    worker->shared.in_flight_max = (unsigned)options->config->proxy.in_flight_max;
    for (size_t i = 0; i < options->config->listener_count; i++) {
        if (!open_front(worker, options, i, error))
            return false;
    }
    worker->drain_timer = (struct loop_timer){ .expired = look_whether_drained, .context = worker };
    loop_on_wake(worker->loop, woken, worker);
    journal_on_synced(worker->shared.journal, wake_after_sync, worker->loop);
    return true;
}

bool worker_start(struct worker **started, const struct worker_options *options, struct error *error)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for a worker");
    worker->config = options->config;
    worker->clocks = options->clocks;
    worker->upstreams = calloc(options->config->upstream_count, sizeof(struct upstream *));
    worker->fronts = calloc(options->config->listener_count, sizeof(struct front *));
    worker->listeners = calloc(options->config->listener_count, sizeof(struct exchange_listener));
    int number = 0;
    bool opened = open_all(worker, options, error);
    if (opened)
        number = pthread_create(&worker->thread, NULL, run, worker);
    if (number != 0)
        (void)error_system(error, number, "cannot start a worker's thread");
    if (!opened || number != 0) {
        worker_free(worker);
        return false;
    }
    *started = worker;
    return true;
}

void worker_drain(struct worker *worker)
{
    atomic_store(&worker->drain_wanted, true);
    loop_wake(worker->loop);
}

bool worker_join(struct worker *worker)
{
    (void)pthread_join(worker->thread, NULL); /* joinable and joined once: cannot fail */
    bool in_order = !worker->has_failed;
    worker_free(worker);
    return in_order;
}
