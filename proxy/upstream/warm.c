/* Connections that are opened ahead of requests. Over HTTP/1.1 they are opened and nothing more: no request is made for it. The loop's
 * thread. */
#include "wire.h"

#include "countersign/clock.h"
#include "countersign/log.h"

enum {
    WARM_DELAY_MIN_US = 100000,   /* after a failure; twice as long after the next */
    WARM_DELAY_MAX_US = 30000000, /* however many there were */
    WARM_LIFE_MIN_US =
        1000000 /* an exchange that ends an unused connection sooner does not want it: it counts as a failure */
};

/* --- a request --- */

static void tell_warm_left(struct upstream_call *call, bool has_left)
{
    void (*left)(void *context, bool has_left) = call->warm_left;
    call->warm_left = NULL;
    if (left != NULL)
        left(call->warm_context, has_left);
}

static void warm_sent(void *context)
{
    tell_warm_left(context, true);
}

static void warmed(void *context, struct upstream_result *result)
{
    struct upstream_call *call = context;
    const struct upstream *upstream = call->upstream;
    tell_warm_left(call, result->bytes_left);
    if (result->failure == UPSTREAM_OK)
        log_debug("a connection to %s is at hand", upstream->host);
    else
        log_warning("%s cannot be reached now: %s; until it can, requests get 502 and nothing is sent", upstream->url,
                    result->message);
}

void upstream_warm(struct upstream *upstream, void (*left)(void *context, bool has_left), void *context)
{
    static const struct upstream_callbacks callbacks = { .sent = warm_sent, .done = warmed };
    struct upstream_request request = { .method = SLICE_LITERAL("HEAD"), .target = SLICE_LITERAL("/") };
    struct upstream_call *call = call_start(upstream, &request, &callbacks, NULL);
    if (call == NULL) {
        log_debug("out of memory for a connection to %s ahead of requests", upstream->host);
        if (left != NULL)
            left(context, false);
        return;
    }
    call->context = call;
    call->warm_left = left;
    call->warm_context = context;
    call->may_repeat = false;
    call->is_warming = true;
    call_link(call);
}

/* --- connections alone --- */

static unsigned wanted(const struct upstream *upstream)
{
    unsigned most = upstream->options.connections_max;
    return upstream->options.warm < most ? upstream->options.warm : most;
}

static void rest(struct upstream *upstream)
{
    struct upstream_warmth *warmth = &upstream->warmth;
    warmth->delay_us = warmth->delay_us == 0 ? WARM_DELAY_MIN_US : 2 * warmth->delay_us;
    if (warmth->delay_us > WARM_DELAY_MAX_US)
        warmth->delay_us = WARM_DELAY_MAX_US;
    warmth->rests = true;
    loop_timer_start(upstream->pool->loop, &warmth->timer, warmth->delay_us);
}

static void rested(struct loop_timer *timer)
{
    struct upstream *upstream = timer->context;
    upstream->warmth.rests = false;
    warm_look(upstream);
}

void warm_init(struct upstream *upstream)
{
    upstream->warmth.timer = (struct loop_timer){ .expired = rested, .context = upstream };
}

void warm_look(struct upstream *upstream)
{
    struct upstream_warmth *warmth = &upstream->warmth;
    while (warmth->is_kept && !warmth->rests && wire_count(upstream) < wanted(upstream)) {
        if (wire_open(upstream, NULL, upstream->options.connect_timeout_us) != NULL)
            continue;
        log_debug("out of memory for a connection to %s ahead of requests", upstream->host);
        rest(upstream);
    }
}

void warm_note_failure(struct upstream *upstream, const char *words)
{
    struct upstream_warmth *warmth = &upstream->warmth;
    warmth->has_failed = true;
    if (!warmth->is_kept || warmth->rests)
        return;
    if (!warmth->is_told)
        log_warning(
            "no connection to %s is at hand, as none can be opened now (%s); it is tried again, and by each request",
            upstream->host, words);
    warmth->is_told = true;
    rest(upstream);
}

void warm_note_success(struct upstream *upstream)
{
    struct upstream_warmth *warmth = &upstream->warmth;
    if (!warmth->is_told)
        return;
    log_info("a connection to %s is at hand again", upstream->host);
    warmth->is_told = false;
    warmth->rests = false; /* what it rested for is over */
    loop_timer_stop(upstream->pool->loop, &warmth->timer);
}

void warm_note_end(const struct upstream_wire *wire)
{
    struct upstream *upstream = wire->upstream;
    bool was_unwanted = !wire->has_carried && clock_monotonic_us() - wire->connected_us < WARM_LIFE_MIN_US;
    if (!was_unwanted)
        upstream->warmth.delay_us = 0;
    else if (upstream->warmth.is_kept && !upstream->warmth.rests)
        rest(upstream);
}

void upstream_keep_warm(struct upstream *upstream)
{
    if (upstream->options.http != UPSTREAM_HTTP_1_1)
        return;
    upstream->warmth.is_kept = true;
    warm_look(upstream);
}

bool upstream_is_warm(const struct upstream *upstream)
{
    const struct upstream_warmth *warmth = &upstream->warmth;
    unsigned open = upstream->wire_counts[WIRE_IDLE] + upstream->wire_counts[WIRE_BUSY];
    return !warmth->is_kept || warmth->has_failed || open >= wanted(upstream);
}
