/* The admin address's thread: its birth and end. Owns the loop, the front on it and the look-up of peers. */
#include "inspector_internal.h"

#include "countersign/clock.h"
#include "countersign/log.h"
#include "countersign/thread.h"

#include <stdlib.h>
#include <unistd.h>

static void finished(void *context, struct front_request *request, bool delivered)
{
    (void)delivered; /* who left gets nothing, and nothing depends on it */
    health_forget(context, request);
}

/* The listeners' clients are found, or not, in the same way: here the same is told once more, for this address. */
static void test_peers(struct inspector *inspector)
{
    struct error error;
    if (peer_lookup_test(inspector->peers, inspector->options.listen_fd, &error) || inspector->rule.takes_any)
        return;
    const struct log_value values[] = { { "event", "peer-unknown", 0 }, { "listener", "admin", 0 }, { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_WARNING, values,
                    "the admin address will refuse every client over TCP: %s. Until then use a unix socket, or "
                    "admin_peer = any",
                    error.message);
}

static bool open_front(struct inspector *inspector, struct error *error)
{
    const struct front_options options = {
        .loop = inspector->loop,
        .peers = inspector->peers,
        .listen_fd = inspector->options.listen_fd,
        .header_max = INSPECTOR_HEADER_MAX,
        .body_max = 0,
        .connections_max = INSPECTOR_CONNECTIONS_MAX,
        .idle_timeout_us = INSPECTOR_IDLE_US,
        .handler = { .request = answer_request, .finished = finished },
        .context = inspector,
    };
    return front_open(&inspector->front, &options, error);
}

static void *run(void *context)
{
    struct inspector *inspector = context;
    struct error error;
    /* By itself: from another thread it is a write below /proc, which the sandbox forbids. Nothing depends on it. */
    (void)pthread_setname_np(pthread_self(), "admin");
    if (!loop_run(inspector->loop, &error))
        log_error("the admin address answers no more: %s", error.message); /* the proxy goes on */
    return NULL;
}

static bool open_all(struct inspector *inspector, struct error *error)
{
    if (!peer_rule_parse(&inspector->rule, inspector->options.config->proxy.admin_peer, (uint32_t)geteuid(), error))
        return error_prefix(error, "[proxy] admin_peer");
    if (!loop_create(&inspector->loop, error) || !peer_lookup_create(&inspector->peers, error))
        return false;
    test_peers(inspector);
    if (!open_front(inspector, error))
        return false;
    inspector->has_thread = thread_start(&inspector->thread, "admin", run, inspector, error);
    return inspector->has_thread;
}

static void free_all(struct inspector *inspector)
{
    front_close(inspector->front);
    if (inspector->loop != NULL)
        health_end(inspector);
    peer_lookup_free(inspector->peers);
    loop_free(inspector->loop);
    free(inspector);
}

bool inspector_open(struct inspector **opened, const struct inspector_options *options, struct error *error)
{
    struct inspector *inspector = calloc(1, sizeof(*inspector));
    if (inspector == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the admin address");
    inspector->options = *options;
    inspector->started_us = clock_wall_us();
    if (open_all(inspector, error)) {
        *opened = inspector;
        return true;
    }
    bool took_socket = inspector->front != NULL;
    free_all(inspector);
    if (!took_socket)
        (void)close(options->listen_fd); /* a listening socket has nothing to lose; nobody else closes it */
    return false;
}

void inspector_drain(struct inspector *inspector)
{
    if (inspector != NULL)
        atomic_store(&inspector->draining, true);
}

void inspector_note_reload(struct inspector *inspector, bool in_force)
{
    if (inspector != NULL)
        (void)atomic_fetch_add(in_force ? &inspector->reloads : &inspector->reloads_failed, 1);
}

void inspector_close(struct inspector *inspector)
{
    if (inspector == NULL)
        return;
    loop_stop(inspector->loop);
    (void)pthread_join(inspector->thread, NULL); /* cannot fail: ours, joined once */
    free_all(inspector);
}
