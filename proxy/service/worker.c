/* One worker: its loop, upstreams, fronts and exchanges live and end here. Everything but worker_drain and worker_join
 * runs on the worker's own thread once it is started. */
#include "worker.h"

#include "callers.h"
#include "descriptors.h"
#include "learning.h"
#include "worker_parts.h"

#include "countersign/exchange.h"
#include "countersign/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>

enum {
    DRAIN_LOOK_US = 5000,           /* how often a draining worker looks whether it is done */
    DRAIN_LAST_WORDS_US = 500000,   /* time for the answers of what was given up to leave */
    DRAIN_FIRST_REQUEST_US = 500000 /* for the first request of a connection that was accepted just before */
};

static struct upstream_options upstream_options(struct worker *worker, const struct config_upstream *upstream)
{
    const struct config *config = worker->config;
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
        .warm = (unsigned)upstream->warm,
        .bytes = &worker->bytes,
        .renewed = worker_let_memory_go,
        .renewed_context = worker,
    };
}

static bool open_upstreams(struct worker *worker, const struct worker_options *from, struct error *error)
{
    for (size_t i = 0; i < worker->config->upstream_count; i++) {
        struct upstream_options options = upstream_options(worker, &worker->config->upstreams[i]);
        options.clock = worker->clocks[i];
        options.counts = &from->reachings[i];
        if (!upstream_create(&worker->upstreams[i], worker->pool, &options, error))
            return error_prefix(error, "upstream %s", worker->config->upstreams[i].name);
    }
    return true;
}

/* --- fronts --- */

static bool open_front(struct worker *worker, const struct worker_options *from, size_t index, struct error *error)
{
    int *listen_fd = &from->listen_fds[index];
    const struct config_proxy *limits = &worker->config->proxy;
    const struct config_listener *listener = &worker->config->listeners[index];
    callers_test(worker->peers, from->callers, index, *listen_fd, from->index == 0);
    struct front_options options = {
        .loop = worker->loop,
        .peers = worker->peers,
        .listen_fd = *listen_fd,
        .header_max = (size_t)limits->header_max,
        .body_max = (size_t)limits->body_max,
        .connections_max = (unsigned)limits->connections_max,
        .places = &worker->connections[index],
        .bytes = &worker->bytes,
        .turned_away = from->turned_away,
        .descriptor_end = descriptors_end_for_clients(worker->config),
        .shares_socket = limits->workers > 1,
        .idle_timeout_us = limits->idle_timeout,
        .request_timeout_us = limits->request_timeout,
        .answer_timeout_us = limits->answer_timeout,
        .handler = exchange_front_handler(),
        .context = &worker->current->listeners[index],
        .counts = &from->front_counts[index],
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
        log_warning("shutting down: still in flight after proxy.drain, or a second signal, and given up: %u", given_up);
    if (half_read > 0)
        log_warning("shutting down: not received whole by then, so nothing of them was sent: %zu", half_read);
}

/* Whether a client was let in and has not said anything yet: closed now, its first request would get no answer. */
static bool waits_for_first_requests(const struct worker *worker, int64_t now_us)
{
    size_t count = 0;
    for (size_t i = 0; i < worker->config->listener_count; i++)
        count += front_unasked(worker->fronts[i]);
    return count > 0 && now_us < worker->drain_begun_us + DRAIN_FIRST_REQUEST_US && now_us < worker->drain_deadline_us;
}

static void look_whether_drained(struct loop_timer *timer)
{
    struct worker *worker = timer->context;
    int64_t now = loop_now_us(worker->loop);
    if (requests_in_fronts(worker) == 0 && worker->shared.in_flight == 0 && !waits_for_first_requests(worker, now)) {
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

/* Any thread that gives a turn back, or takes one. */
static void wake_for_turn(void *context)
{
    loop_wake(context);
}

static void look_for_turns(struct loop_timer *timer)
{
    exchange_look_for_turns(timer->context);
}

static void begin_to_drain(struct worker *worker)
{
    worker->shared.draining = true;
    worker->drain_begun_us = loop_now_us(worker->loop);
    worker->drain_deadline_us = worker->drain_begun_us + worker->config->proxy.drain;
    for (size_t i = 0; i < worker->config->listener_count; i++)
        front_stop_accepting(worker->fronts[i]);
    loop_timer_start(worker->loop, &worker->drain_timer, 0);
}

/* One turn may stand for several wake-ups: both to drain and to hurry may have been asked for since the last. */
static void woken(void *context)
{
    struct worker *worker = context;
    pulse_beat(worker->pulse);
    exchange_look_for_syncs(&worker->shared);
    exchange_look_for_turns(&worker->shared);
    worker_go_over(worker);
    if (atomic_load(&worker->drain_wanted) && !worker->shared.draining)
        begin_to_drain(worker);
    if (worker->shared.draining && atomic_load(&worker->hurry_wanted))
        worker->drain_deadline_us = worker->drain_begun_us;
}

static void *run(void *context)
{
    struct worker *worker = context;
    struct error error;
    (void)pthread_setname_np(pthread_self(), "worker"); /* nothing depends on it */
    worker_warm(worker);
    if (!loop_run(worker->loop, &error)) {
        log_error("a worker ended: %s", error.message);
        worker->has_failed = true; /* the others drain, the program ends */
    }
    exchange_abandon_all(&worker->shared);
    turns_part(worker->shared.turns, worker->shared.index);
    journal_on_synced(worker->shared.journal, NULL, NULL);
    pulse_end(worker->pulse);
    atomic_store(&worker->has_ended, true);
    (void)eventfd_write(worker->ended_fd, 1); /* fails when 2^64 - 2 wait already: awake then */
    return NULL;
}

static void worker_free(struct worker *worker)
{
    for (size_t i = 0; i < worker->config->listener_count; i++)
        front_close(worker->fronts[i]);
    peer_lookup_free(worker->peers);
    for (size_t i = 0; i < worker->config->upstream_count; i++)
        upstream_free(worker->upstreams[i]);
    upstream_pool_free(worker->pool);
    scheme_hmac_free(worker->shared.hmac);
    learning_close(worker->learning);
    loop_free(worker->loop);
    struct worker_generation *unseen = atomic_load(&worker->next);
    if (unseen != NULL)
        worker_generation_free(unseen);
    while (worker->current != NULL) {
        struct worker_generation *older = worker->current->older;
        worker_generation_free(worker->current);
        worker->current = older;
    }
    free(worker->upstreams);
    worker_free_warming(worker);
    free(worker->fronts);
    free(worker->connections);
    free(worker->in_flight);
    free(worker);
}

static bool open_all(struct worker *worker, const struct worker_options *options, struct error *error)
{
    if (worker->upstreams == NULL || worker->fronts == NULL || worker->connections == NULL ||
        worker->in_flight == NULL || !worker_make_warming(worker))
        return error_set(error, ERROR_MEMORY, "out of memory for a worker");
    if (!peer_lookup_create(&worker->peers, error) || !loop_create(&worker->loop, error) ||
        !scheme_hmac_create(&worker->shared.hmac, error) || !upstream_pool_create(&worker->pool, worker->loop, error) ||
        !open_upstreams(worker, options, error) ||
        !learning_open(&worker->learning, options->config, worker->loop, options->index, error))
        return false;
    worker->shared.loop = worker->loop;
    worker->shared.signer = options->signer;
    worker->shared.capture = options->capture;
    worker->shared.trading = options->trading;
    worker->shared.journal = capture_journal(options->capture, options->index);
    worker->shared.bytes = &worker->bytes;
    worker->shared.turns = pacing_turns(options->pacing);
    worker->shared.index = options->index;
    worker->shared.turn_timer = (struct loop_timer){ .expired = look_for_turns, .context = &worker->shared };
    worker_share_in_flight(worker);
    places_share(&worker->connection_places, (unsigned)options->config->proxy.connections_max, worker->connections,
                 options->config->listener_count);
    worker->current = worker_generation_make(worker, options->config, options->callers, error);
    if (worker->current == NULL)
        return false;
    for (size_t i = 0; i < options->config->listener_count; i++) {
        if (!open_front(worker, options, i, error))
            return false;
    }
    worker->drain_timer = (struct loop_timer){ .expired = look_whether_drained, .context = worker };
    loop_on_wake(worker->loop, woken, worker);
    journal_on_synced(worker->shared.journal, wake_after_sync, worker->loop);
    turns_join(worker->shared.turns, worker->shared.index, wake_for_turn, worker->loop);
    return true;
}

bool worker_start(struct worker **started, const struct worker_options *options, struct error *error)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for a worker");
    worker->config = options->config;
    worker->started = options->config;
    worker->clocks = options->clocks;
    worker->pacing = options->pacing;
    worker->pulse = options->pulse;
    worker->counts = options->counts;
    worker->ended_fd = options->ended_fd;
    worker->warmed_fd = options->warmed_fd;
    worker->upstreams = calloc(options->config->upstream_count, sizeof(struct upstream *));
    worker->fronts = calloc(options->config->listener_count, sizeof(struct front *));
    worker->connections = calloc(options->config->listener_count, sizeof(struct places_holder));
    worker->in_flight = calloc(options->config->listener_count, sizeof(struct places_holder));
    worker->bytes = (struct byte_room){ .maximum = (size_t)options->config->proxy.buffer_max };
    int number = 0;
    bool opened = open_all(worker, options, error);
    if (opened) {
        worker_note_joins(worker);
        pulse_begin(worker->pulse, worker->loop);
    }
    if (opened)
        number = pthread_create(&worker->thread, NULL, run, worker);
    if (number != 0)
        (void)error_system(error, number, "cannot start a worker's thread");
    if (!opened || number != 0) {
        pulse_end(worker->pulse);
        turns_part(pacing_turns(worker->pacing), options->index);
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

void worker_hurry(struct worker *worker)
{
    atomic_store(&worker->hurry_wanted, true);
    loop_wake(worker->loop);
}

struct pulse *worker_pulse(const struct worker *worker)
{
    return worker->pulse;
}

bool worker_has_ended(const struct worker *worker)
{
    return atomic_load(&worker->has_ended);
}

bool worker_join(struct worker *worker)
{
    (void)pthread_join(worker->thread, NULL); /* joinable and joined once: cannot fail */
    bool in_order = !worker->has_failed;
    worker_free(worker);
    return in_order;
}
