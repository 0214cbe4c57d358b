/* One attempt to send a request, and the one that it repeats. A repeat that is let go may find a connection that takes no byte: then
 * what arrived, if anything did, is the attempt before. The loop's thread. */
#include "upstream_internal.h"

#include "countersign/clock.h"

static void swap(struct buffer *one, struct buffer *other)
{
    struct buffer kept = *one;
    *one = *other;
    *other = kept;
}

static void put_aside(struct upstream_call *call, const struct upstream_connection *before)
{
    struct upstream_attempt *earlier = &call->earlier;
    swap(&earlier->request_head, &call->request_head);
    earlier->number = call->result.attempts;
    earlier->connection = *before;
    earlier->connected_us = call->result.timing.connected_us;
    earlier->sent_us = call->result.timing.sent_us;
}

bool attempt_may_begin(const struct upstream_call *call)
{
    if (call->result.attempts == 0)
        return true;
    return call->may_repeat && call->result.attempts < UPSTREAM_ATTEMPTS_MAX && call->response_bytes == 0;
}

enum upstream_stop attempt_ask_caller(struct upstream_call *call, struct upstream_request *request)
{
    struct upstream_request asked = call->request;
    *request = call->request;
    if (call->callbacks.about_to_send != NULL &&
        !call->callbacks.about_to_send(call->context, &call->result.connection, call->result.attempts + 1, &asked))
        return call->result.attempts == 0 ? STOP_ABOUT_TO_SEND : STOP_REPEAT; /* what was lost stays lost */
    request->fields = asked.fields;                                           /* nothing else is its to change */
    request->field_count = asked.field_count;
    return request_check(request, NULL) ? STOP_NONE : STOP_REQUEST;
}

void attempt_begin(struct upstream_call *call, int64_t connected_us, const struct upstream_connection *before)
{
    if (call->result.attempts > 0)
        put_aside(call, before);
    buffer_reset(&call->request_head);
    buffer_reset(&call->response_head);
    buffer_reset(&call->response_body);
    call->response_head_is_whole = false;
    call->tls_end_came = false;
    call->folded = '\0';
    call->response_bytes = 0;
    call->coding_bytes = 0;
    call->body_sent = 0;
    call->result.status = 0;
    call->result.response_fields.count = 0;
    call->result.timing.connected_us = connected_us;
    call->begun_boot_us = clock_boot_us();
    call->result.timing.sent_us = 0;
    call->result.timing.first_byte_us = 0;
}

void attempt_release(struct upstream_call *call)
{
    call->result.attempts++;
    call->is_writing = true;
    call->released_us = clock_monotonic_us();
}

void attempt_renounce(struct upstream_call *call, int64_t connected_us, const struct upstream_connection *before)
{
    if (call->result.attempts > 0)
        call->result.connection = *before;
    else
        call->result.timing.connected_us = connected_us;
}

void attempt_settle(struct upstream_call *call)
{
    struct upstream_attempt *earlier = &call->earlier;
    if (earlier->number == 0 || call->request_head.length > 0)
        return;
    swap(&earlier->request_head, &call->request_head);
    call->result.attempts = earlier->number;
    call->result.connection = earlier->connection;
    call->result.timing.connected_us = earlier->connected_us;
    call->result.timing.sent_us = earlier->sent_us;
}
