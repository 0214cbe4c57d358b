/* libcurl's multi handle on the loop: libcurl says which sockets to watch and when to be woken; the loop says what
 * happened. What has ended is told to the call outside of libcurl, so that `done` may start new calls. */
#include "wire.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <stdlib.h>

static void tell_ended_calls(struct upstream *upstream)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(upstream->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE && upstream_has_wires(upstream))
            wire_connected(wire_of_easy(message->easy_handle), message->data.result);
        else if (message->msg == CURLMSG_DONE)
            call_transfer_ended(call_of_easy(message->easy_handle), message->data.result);
    }
}

static void drive(struct upstream *upstream, curl_socket_t fd, int happened)
{
    int running;
    upstream->turn_began_us = clock_monotonic_us();
    upstream->turn_is_cut = false;
    CURLMcode code = curl_multi_socket_action(upstream->multi, fd, happened, &running);
    if (code != CURLM_OK) /* its calls end by their timeout */
        log_error("libcurl cannot go on with %s: %s", upstream->host, curl_multi_strerror(code));
    tell_ended_calls(upstream);
}

static void socket_ready(struct loop_io *io, unsigned events)
{
    struct upstream_watch *watch = io->context;
    int happened = 0;
    if (watch
            ->is_idle) { /* its end, or bytes that nobody asked for: who takes the connection looks at it (sockets.c) */
        loop_io_remove(watch->upstream->pool->loop, io);
        return;
    }
    if (events & LOOP_READ)
        happened |= CURL_CSELECT_IN;
    if (events & LOOP_WRITE)
        happened |= CURL_CSELECT_OUT;
    if (events & LOOP_FAILED)
        happened = 0; /* libcurl then looks itself: told of an error alone, it would not read what came before it */
    drive(watch->upstream, io->fd, happened);
}

static unsigned events_of(int what)
{
    unsigned events = 0;
    if (what & CURL_POLL_IN)
        events |= LOOP_READ;
    if (what & CURL_POLL_OUT)
        events |= LOOP_WRITE;
    return events;
}

/* The one that the socket has kept, or another. */
static struct upstream_watch *watch_take(struct upstream *upstream, curl_socket_t fd)
{
    struct upstream_watch *watch = sockets_take_watch(upstream, fd);
    if (watch == NULL)
        watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return NULL;
    watch->upstream = upstream;
    watch->is_idle = false;
    watch->io.fd = fd;
    watch->io.ready = socket_ready;
    watch->io.context = watch;
    if (curl_multi_assign(upstream->multi, fd, watch) == CURLM_OK)
        return watch;
    watch_free(watch);
    return NULL;
}

void watch_free(struct upstream_watch *watch)
{
    loop_io_remove(watch->upstream->pool->loop, &watch->io);
    free(watch);
}

/* Between two requests over one connection the socket stays registered: to leave and come back were two system calls for each
 * request. A wire has it registered as its own. */
static void watch_rest(struct upstream_watch *watch)
{
    watch->is_idle = true;
    if (upstream_has_wires(watch->upstream) || watch->io.events != LOOP_READ ||
        !sockets_keep_watch(watch->upstream, watch))
        watch_free(watch);
}

/* Always returns 0: anything else would have libcurl fail every transfer of this handle for good. A call whose socket is
 * not watched ends by its timeout. */
static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    struct upstream *upstream = context;
    struct upstream_watch *watch = assigned;
    struct error error;
    (void)easy; /* sockets belong to connections, not to calls */
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL)
            watch_rest(watch);
        return 0;
    }
    if (watch == NULL)
        watch = watch_take(upstream, fd);
    if (watch == NULL)
        log_error("out of memory for a connection to %s", upstream->host);
    else if (!loop_io_watch(upstream->pool->loop, &watch->io, events_of(what), &error))
        log_error("a connection to %s: %s", upstream->host, error.message);
    return 0;
}

static int timer_changed(CURLM *multi, long delay_ms, void *context)
{
    struct upstream *upstream = context;
    (void)multi; /* the upstream's own */
    if (delay_ms < 0)
        loop_timer_stop(upstream->pool->loop, &upstream->timer);
    else
        loop_timer_start(upstream->pool->loop, &upstream->timer, (int64_t)delay_ms * 1000);
    return 0;
}

static void timer_expired(struct loop_timer *timer)
{
    drive(timer->context, CURL_SOCKET_TIMEOUT, 0);
}

static bool multi_configure(struct upstream *upstream)
{
    CURLM *multi = upstream->multi;
    long connections =
        upstream_has_wires(upstream) ? 0 : (long)upstream->options.connections_max; /* wires count themselves */
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_changed) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, upstream) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_changed) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, upstream) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections) == CURLM_OK;
}

bool driver_create(struct upstream *upstream, struct error *error)
{
    upstream->timer = (struct loop_timer){ .expired = timer_expired, .context = upstream };
    upstream->multi = curl_multi_init();
    upstream->tls_sessions = curl_share_init();
    if (upstream->multi == NULL || upstream->tls_sessions == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the upstream %s", upstream->host);
    /* one thread uses it, so it needs no lock callbacks */
    if (!multi_configure(upstream) ||
        curl_share_setopt(upstream->tls_sessions, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)
        return error_set(error, ERROR_INTERNAL, "libcurl %s refuses the settings for the upstream %s", curl_version(),
                         upstream->host);
    return true;
}

void driver_free(struct upstream *upstream)
{
    /* neither can fail: no call of this upstream is left */
    if (upstream->multi != NULL)
        (void)curl_multi_cleanup(upstream->multi);
    if (upstream->tls_sessions != NULL)
        (void)curl_share_cleanup(upstream->tls_sessions);
    loop_timer_stop(upstream->pool->loop, &upstream->timer);
    upstream->multi = NULL;
    upstream->tls_sessions = NULL;
}
