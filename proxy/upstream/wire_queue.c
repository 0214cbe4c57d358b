/* Which call gets which wire. Calls wait in the order in which they came. Each that finds no idle wire has one connected for it, as long as
 * there is room; whoever has waited longest gets the first that is there. The loop's thread. */
#include "wire.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <assert.h>

/* --- the waiting --- */

void wire_queue_look(struct upstream *upstream)
{
    loop_timer_start(upstream->pool->loop, &upstream->queue_timer, 0);
}

void wire_queue_enter(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    assert(!call->is_waiting && call->wire == NULL);
    call->is_waiting = true;
    call->next_waiting = NULL;
    call->previous_waiting = upstream->last_waiting;
    if (upstream->last_waiting != NULL)
        upstream->last_waiting->next_waiting = call;
    else
        upstream->first_waiting = call;
    upstream->last_waiting = call;
    wire_queue_look(upstream);
}

/* The wire goes on connecting for `other`, or for whoever comes. */
static void give_connecting(struct upstream_call *call, struct upstream_call *other)
{
    struct upstream_wire *wire = call->connecting;
    call->connecting = NULL;
    if (wire == NULL)
        return;
    wire->call = other;
    wire->was_opened_for_another = true;
    if (other != NULL)
        other->connecting = wire;
}

static void leave(struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    if (call->previous_waiting != NULL)
        call->previous_waiting->next_waiting = call->next_waiting;
    else
        upstream->first_waiting = call->next_waiting;
    if (call->next_waiting != NULL)
        call->next_waiting->previous_waiting = call->previous_waiting;
    else
        upstream->last_waiting = call->previous_waiting;
    loop_timer_stop(upstream->pool->loop, &call->retry); /* it has what it rested for */
    call->is_waiting = false;
    call->needs_new_wire = false;
    call->rests = false;
}

void wire_queue_leave(struct upstream_call *call)
{
    if (!call->is_waiting)
        return;
    give_connecting(call, NULL);
    leave(call);
}

void wire_abandon(struct upstream_call *call)
{
    if (call->wire == NULL)
        return;
    wire_close(call->wire);
    call->wire = NULL;
    wire_queue_look(call->upstream);
}

/* --- idle wires --- */

static bool can_be_used(struct upstream_wire *wire)
{
    const char *why = NULL;
    if (sockets_is_silent(wire->upstream, wire->io.fd))
        why = "nothing came over a connection where a request had waited in vain";
    else if (clock_boot_us() - wire->rested_boot_us > WIRE_REST_MAX_US)
        why = "a connection was idle for so long that something on the way may have forgotten it";
    else if (wire_look(wire) != WIRE_CLEAN)
        why = "bytes, or its end, came over a connection that was idle";
    if (why != NULL)
        log_debug("%s: %s; it is closed", wire->upstream->host, why);
    return why == NULL;
}

static struct upstream_wire *take_idle(struct upstream *upstream)
{
    while (upstream->wires[WIRE_IDLE] != NULL) {
        if (can_be_used(upstream->wires[WIRE_IDLE]))
            return upstream->wires[WIRE_IDLE];
        wire_close(upstream->wires[WIRE_IDLE]);
    }
    return NULL;
}

void wire_stirred(struct upstream_wire *wire)
{
    struct upstream *upstream = wire->upstream;
    if (wire_look(wire) != WIRE_SPOILT)
        return;
    log_debug("%s: bytes, or its end, came over a connection that was idle; it is closed", upstream->host);
    warm_note_end(wire);
    wire_close(wire);
    wire_queue_look(upstream);
}

/* --- new wires --- */

static struct upstream_wire *connecting_for_nobody(const struct upstream *upstream)
{
    struct upstream_wire *wire = upstream->wires[WIRE_CONNECTING];
    while (wire != NULL && wire->call != NULL)
        wire = wire->next;
    return wire;
}

/* A call that must not use an idle wire takes its place. */
static bool make_room(struct upstream *upstream, const struct upstream_call *call)
{
    if (wire_count(upstream) < upstream->options.connections_max)
        return true;
    if (!call->needs_new_wire || upstream->wires[WIRE_IDLE] == NULL)
        return false;
    wire_close(upstream->wires[WIRE_IDLE]);
    return true;
}

/* Has a connection made for the call. False when out of memory. */
static bool connect_for(struct upstream_call *call)
{
    struct upstream_wire *wire = connecting_for_nobody(call->upstream);
    if (wire != NULL) {
        call_begin_connect_timeout(call);
        wire->call = call;
        wire->was_opened_for_another = true;
        call->connecting = wire;
        return true;
    }
    if (!make_room(call->upstream, call))
        return true;
    call_begin_connect_timeout(call); /* to wait for room was no part of it */
    call->connecting = wire_open(call->upstream, call, call->connect_deadline_us - clock_monotonic_us());
    return call->connecting != NULL;
}

/* --- serving --- */

/* Does one thing for one call. False: there is nothing left to be done. */
static bool serve_one(struct upstream *upstream)
{
    for (struct upstream_call *call = upstream->first_waiting; call != NULL; call = call->next_waiting) {
        struct upstream_wire *wire = call->needs_new_wire ? NULL : take_idle(upstream);
        if (wire != NULL) {
            wire_queue_leave(call);
            wire_talk_begin(wire, call, true);
            return true;
        }
        if (call->connecting != NULL || call->rests)
            continue;
        if (!connect_for(call)) {
            call_conclude(call, CURLE_OUT_OF_MEMORY);
            return true;
        }
        if (call->connecting == NULL) /* no room: nor for those behind it, and an idle wire would have been found */
            return false;
    }
    return false;
}

static void hand_out(struct loop_timer *timer)
{
    struct upstream *upstream = timer->context;
    while (serve_one(upstream)) {}
    warm_look(upstream);
}

void wire_queue_init(struct upstream *upstream)
{
    upstream->queue_timer = (struct loop_timer){ .expired = hand_out, .context = upstream };
}

/* --- connected --- */

static void give_new(struct upstream_wire *wire)
{
    struct upstream *upstream = wire->upstream;
    struct upstream_call *opener = wire->call, *first = upstream->first_waiting;
    wire->call = NULL;
    if (opener != NULL)
        opener->connecting = NULL;
    wire_move(wire, WIRE_IDLE);
    warm_note_success(upstream);
    wire_queue_look(upstream);
    if (first == NULL)
        return;
    give_connecting(first, opener == first ? NULL : opener);
    leave(first);
    wire_talk_begin(wire, first, false);
}

static void tell_failure(struct upstream_wire *wire, CURLcode code)
{
    struct upstream *upstream = wire->upstream;
    struct upstream_call *call = wire->call;
    if (call == NULL || wire->was_opened_for_another)
        warm_note_failure(upstream, wire->curl_words[0] != '\0' ? wire->curl_words : curl_easy_strerror(code));
    if (call == NULL) {
        wire_close(wire);
        wire_queue_look(upstream);
        return;
    }
    /* one that took the wire over has another try of its own, as long as there is time */
    bool is_own = !wire->was_opened_for_another || clock_monotonic_us() >= call->connect_deadline_us;
    call->connecting = NULL;
    if (is_own) {
        call_keep_words(call, wire->curl_words);
        call->os_error = connection_os_error(wire->easy);
        call->stop = wire->lacks_descriptor ? STOP_NO_DESCRIPTOR : STOP_NONE;
    }
    wire_close(wire);
    wire_queue_look(upstream); /* a call that had taken the wire over has one of its own made */
    if (is_own)
        call_transfer_ended(call, code);
}

void wire_connected(struct upstream_wire *wire, CURLcode code)
{
    if (code == CURLE_OK && !wire_take_connection(wire))
        code = CURLE_RECV_ERROR;
    if (code == CURLE_OK)
        give_new(wire);
    else
        tell_failure(wire, code);
}
