/* Wires that are kept open ahead of requests. They are opened and nothing more: no request is made for it. Those that nothing used for
 * long are replaced, before something on the way forgets them. The loop's thread. */
#include "wire.h"

#include "countersign/clock.h"
#include "countersign/log.h"

enum {
    DELAY_MIN_US = 100000,   /* after a failure; twice as long after the next */
    DELAY_MAX_US = 30000000, /* however many there were */
    LIFE_MIN_US =
        1000000, /* an exchange that ends an unused connection sooner does not want it: it counts as a failure */
    RENEW_US = 90000000,  /* of rest; well before WIRE_REST_MAX_US */
    LOOK_MIN_US = 1000000 /* between two looks for what has rested so long */
};

static unsigned wanted(const struct upstream *upstream)
{
    unsigned most = upstream->options.connections_max;
    return upstream->options.warm < most ? upstream->options.warm : most;
}

static unsigned connected(const struct upstream *upstream)
{
    return upstream->wire_counts[WIRE_IDLE] + upstream->wire_counts[WIRE_BUSY];
}

/* --- failures --- */

static void rest(struct upstream *upstream)
{
    struct upstream_warmth *warmth = &upstream->warmth;
    warmth->delay_us = warmth->delay_us == 0 ? DELAY_MIN_US : 2 * warmth->delay_us;
    if (warmth->delay_us > DELAY_MAX_US)
        warmth->delay_us = DELAY_MAX_US;
    warmth->rests = true;
    loop_timer_start(upstream->pool->loop, &warmth->timer, warmth->delay_us);
}

static void rested(struct loop_timer *timer)
{
    struct upstream *upstream = timer->context;
    upstream->warmth.rests = false;
    warm_look(upstream);
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
    warmth->delay_us = 0;
    loop_timer_stop(upstream->pool->loop, &warmth->timer);
}

void warm_note_end(const struct upstream_wire *wire)
{
    struct upstream *upstream = wire->upstream;
    bool was_unwanted = !wire->has_carried && clock_monotonic_us() - wire->connected_us < LIFE_MIN_US;
    if (!was_unwanted)
        upstream->warmth.delay_us = 0;
    else if (upstream->warmth.is_kept && !upstream->warmth.rests)
        rest(upstream);
}

/* --- age --- */

static void start_ageing(struct upstream *upstream, int64_t delay_us)
{
    upstream->warmth.ages = true;
    loop_timer_start(upstream->pool->loop, &upstream->warmth.ageing, delay_us);
}

/* Marks those that are to be replaced, and looks again when the next will be. */
static void aged(struct loop_timer *timer)
{
    struct upstream *upstream = timer->context;
    int64_t now = clock_boot_us(), next_us = INT64_MAX;
    for (struct upstream_wire *wire = upstream->wires[WIRE_IDLE]; wire != NULL; wire = wire->next) {
        int64_t left_us = wire->rested_boot_us + RENEW_US - now;
        if (left_us <= 0)
            wire_set_old(wire, true);
        else if (left_us < next_us)
            next_us = left_us;
    }
    upstream->warmth.ages = false;
    if (next_us != INT64_MAX)
        start_ageing(upstream, next_us > LOOK_MIN_US ? next_us : LOOK_MIN_US);
    warm_look(upstream);
}

static void close_an_old_one(struct upstream *upstream)
{
    struct upstream_wire *wire = upstream->wires[WIRE_IDLE];
    while (wire != NULL && !wire->is_old)
        wire = wire->next;
    if (wire != NULL)
        wire_close(wire);
}

/* Once there are others. */
static void let_old_go(struct upstream *upstream)
{
    while (upstream->warmth.old > 0 && connected(upstream) - upstream->warmth.old >= wanted(upstream))
        close_an_old_one(upstream);
}

/* --- what is kept --- */

static void open_missing(struct upstream *upstream)
{
    struct upstream_warmth *warmth = &upstream->warmth;
    while (!warmth->rests && wire_count(upstream) - warmth->old < wanted(upstream)) {
        if (wire_count(upstream) >= upstream->options.connections_max) {
            if (upstream->wire_counts[WIRE_CONNECTING] > 0)
                return; /* one by one, so that one is at hand */
            close_an_old_one(upstream);
        }
        if (wire_open(upstream, NULL, upstream->options.connect_timeout_us) != NULL) {
            warmth->has_opened = true;
            continue;
        }
        log_debug("out of memory for a connection to %s ahead of requests", upstream->host);
        rest(upstream);
    }
}

/* Once those opened are connected, or have failed, and those they replace are gone. */
static void tell_of_renewal(struct upstream *upstream)
{
    struct upstream_warmth *warmth = &upstream->warmth;
    if (!warmth->has_opened || warmth->old > 0 || upstream->wire_counts[WIRE_CONNECTING] > 0 || upstream->live != NULL)
        return;
    warmth->has_opened = false;
    if (upstream->options.renewed != NULL)
        upstream->options.renewed(upstream->options.renewed_context);
}

void warm_look(struct upstream *upstream)
{
    struct upstream_warmth *warmth = &upstream->warmth;
    if (!warmth->is_kept)
        return;
    let_old_go(upstream);
    open_missing(upstream);
    if (!warmth->ages && upstream->wires[WIRE_IDLE] != NULL)
        start_ageing(upstream, RENEW_US);
    tell_of_renewal(upstream);
}

void warm_init(struct upstream *upstream)
{
    upstream->warmth.timer = (struct loop_timer){ .expired = rested, .context = upstream };
    upstream->warmth.ageing = (struct loop_timer){ .expired = aged, .context = upstream };
}

void warm_end(struct upstream *upstream)
{
    upstream->warmth.is_kept = false;
    loop_timer_stop(upstream->pool->loop, &upstream->warmth.timer);
    loop_timer_stop(upstream->pool->loop, &upstream->warmth.ageing);
}

void upstream_keep_warm(struct upstream *upstream)
{
    if (!upstream_has_wires(upstream))
        return;
    upstream->warmth.is_kept = true;
    warm_look(upstream);
}

bool upstream_is_warm(const struct upstream *upstream)
{
    const struct upstream_warmth *warmth = &upstream->warmth;
    return !warmth->is_kept || warmth->has_failed || connected(upstream) >= wanted(upstream);
}
