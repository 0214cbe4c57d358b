/* The end of a call: what became of it is made up and told. The loop's thread. */
#include "upstream_internal.h"

#include "countersign/clock.h"

/* Where the last try for a connection just ran out of time, the one before it says why there was none. */
static CURLcode telling_code(struct upstream_call *call, CURLcode code)
{
    if (code != CURLE_OPERATION_TIMEDOUT || call->retried_code == CURLE_OK || call->result.attempts > 0)
        return code;
    call->stop = STOP_NONE;
    call_keep_words(call, call->retried_words);
    return call->retried_code;
}

/* What fails once a connection was at hand says nothing of whether one can be had. */
static void note_reach(struct upstream_counts *counts, const struct upstream_result *result)
{
    static const enum upstream_reach reaches[] = {
        [UPSTREAM_OK] = UPSTREAM_REACHED,           [UPSTREAM_NAME_RESOLUTION] = UPSTREAM_OUT_OF_REACH,
        [UPSTREAM_CONNECT] = UPSTREAM_OUT_OF_REACH, [UPSTREAM_CONNECT_TIMEOUT] = UPSTREAM_OUT_OF_REACH,
        [UPSTREAM_TLS] = UPSTREAM_OUT_OF_REACH,     [UPSTREAM_EGRESS_PROXY] = UPSTREAM_OUT_OF_REACH,
        [UPSTREAM_INTERNAL] = UPSTREAM_NOT_TRIED,
    };
    enum upstream_reach reach = reaches[result->failure];
    if (counts == NULL || reach == UPSTREAM_NOT_TRIED)
        return;
    atomic_store_explicit(&counts->reach, (int)reach, memory_order_relaxed);
    atomic_store_explicit(&counts->reached_us, result->timing.complete_us, memory_order_relaxed);
}

static bool is_waited_on(const struct upstream *upstream, int local_port)
{
    for (const struct upstream_call *call = upstream->live; call != NULL; call = call->next) {
        if (call->is_writing && call->result.connection.local_port == local_port)
            return true;
    }
    return false;
}

/* Ends the connection that this call had if it is silent and no other call waits for an answer there: over HTTP/2, libcurl
 * would go on to use it. */
void call_leave_silent(const struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    int local_port = call->result.connection.local_port;
    if (sockets_are_silent(upstream, local_port) && !is_waited_on(upstream, local_port))
        sockets_end(upstream, local_port);
}

void call_conclude(struct upstream_call *call, CURLcode code)
{
    struct upstream_result *result = &call->result;
    code = telling_code(call, code);
    attempt_settle(call);
    result->timing.complete_us = clock_wall_us();
    result->bytes_left = upstream_call_bytes_left(call);
    result->request_head = buffer_slice(&call->request_head);
    result->response_head = buffer_slice(&call->response_head);
    result->response_body = buffer_slice(&call->response_body);
    result->charged = call->head_charged + call->copy_charged + call->body_charged;
    call->head_charged = call->copy_charged = call->body_charged = 0;
    failure_explain(call, code);
    date_take(call);
    note_reach(call->upstream->options.counts, result);
    call_detach(call);
    if (call->is_writing && !upstream_has_wires(call->upstream))
        call_leave_silent(call);
    call->callbacks.done(call->context, result);
    call_make_spare(call);
}
