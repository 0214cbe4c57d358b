/* Pools and upstreams: their birth and end. */
#include "upstream_internal.h"

#include <stdlib.h>

/* --- pool --- */

bool upstream_pool_create(struct upstream_pool **created, struct loop *loop, struct error *error)
{
    /* counted by libcurl, and safe on any thread in the versions we build on (CURL_VERSION_THREADSAFE) */
    if (reserve_global_init() != CURLE_OK)
        return error_set(error, ERROR_INTERNAL, "cannot start libcurl %s", curl_version());
    struct upstream_pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        curl_global_cleanup();
        return error_set(error, ERROR_MEMORY, "out of memory for the upstreams");
    }
    pool->loop = loop;
    *created = pool;
    return true;
}

size_t upstream_in_flight(const struct upstream_pool *pool)
{
    return pool->in_flight;
}

/* Ends everything that needs the loop. */
static void shut_down(struct upstream *upstream)
{
    while (upstream->live != NULL)
        call_drop(upstream->live);
    while (upstream->spare != NULL) {
        struct upstream_call *call = upstream->spare;
        upstream->spare = call->next;
        call_free(call);
    }
    upstream->spare_count = 0;
    warm_end(upstream);
    wires_close(upstream);
    loop_timer_stop(upstream->pool->loop, &upstream->queue_timer);
    driver_free(upstream);
    sockets_free(upstream);
}

static void leave_pool(struct upstream *upstream)
{
    struct upstream_pool *pool = upstream->pool;
    if (upstream->previous != NULL)
        upstream->previous->next = upstream->next;
    else
        pool->upstreams = upstream->next;
    if (upstream->next != NULL)
        upstream->next->previous = upstream->previous;
    upstream->pool = NULL;
}

void upstream_pool_free(struct upstream_pool *pool)
{
    if (pool == NULL)
        return;
    while (pool->upstreams != NULL) {
        struct upstream *upstream = pool->upstreams;
        shut_down(upstream);
        leave_pool(upstream);
    }
    free(pool);
    curl_global_cleanup();
}

/* --- upstream --- */

static void join_pool(struct upstream *upstream)
{
    struct upstream_pool *pool = upstream->pool;
    upstream->next = pool->upstreams;
    if (pool->upstreams != NULL)
        pool->upstreams->previous = upstream;
    pool->upstreams = upstream;
}

static bool take_buffer(struct upstream *upstream, struct error *error)
{
    if (!upstream_has_wires(upstream))
        return true;
    upstream->has_tls_egress = slice_starts_with(slice_text(upstream->options.proxy), "https:");
    upstream->read_buffer = malloc(UPSTREAM_READ_BYTES);
    return upstream->read_buffer != NULL ||
           error_set(error, ERROR_MEMORY, "out of memory for the upstream %s", upstream->options.url);
}

bool upstream_create(struct upstream **created, struct upstream_pool *pool, const struct upstream_options *options,
                     struct error *error)
{
    struct upstream *upstream = calloc(1, sizeof(*upstream));
    if (upstream == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the upstream %s", options->url);
    upstream->pool = pool;
    upstream->options = *options;
    join_pool(upstream);
    wire_queue_init(upstream);
    warm_init(upstream);
    if (take_buffer(upstream, error) && options_take(upstream, error) && driver_create(upstream, error)) {
        *created = upstream;
        return true;
    }
    upstream_free(upstream);
    return false;
}

void upstream_free(struct upstream *upstream)
{
    if (upstream == NULL)
        return;
    if (upstream->pool != NULL) {
        shut_down(upstream);
        leave_pool(upstream);
    }
    free(upstream->read_buffer);
    free(upstream->url);
    free(upstream->host);
    free(upstream->ca_file);
    free(upstream->bind_address);
    free(upstream->egress_proxy);
    free(upstream);
}

bool upstream_has_wires(const struct upstream *upstream)
{
    return upstream->options.http == UPSTREAM_HTTP_1_1;
}

const char *upstream_host(const struct upstream *upstream)
{
    return upstream->host;
}

struct slice upstream_base_url(const struct upstream *upstream)
{
    struct slice url = slice_text(upstream->url);
    return slice_first(url, url.length - 1); /* options.c sees to it that it ends with its only path, "/" */
}
