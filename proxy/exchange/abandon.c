/* The end of the drain: what is still under way is given up, with what is known of it. The worker's thread. */
#include "exchange_internal.h"

#include "countersign/log.h"

#include <inttypes.h>

/* What had left by then belongs into the record: it is what has to be looked up. */
static void take_call_back(struct exchange *exchange)
{
    exchange->record.sent_us = upstream_call_sent_us(exchange->call);
    exchange->record.views[RECORD_UPSTREAM_REQUEST] = (struct record_message){ .head = slice_of(NULL, 0) };
    if (upstream_call_bytes_left(exchange->call) &&
        buffer_append_slice(&exchange->upstream_head, upstream_call_request_head(exchange->call)))
        exchange->record.views[RECORD_UPSTREAM_REQUEST] =
            (struct record_message){ .head = buffer_slice(&exchange->upstream_head), .body = exchange->sending.body };
    upstream_cancel(exchange->call);
    exchange->call = NULL;
}

void exchange_abandon_all(struct exchange_worker *worker)
{
    worker->giving_up = true;
    for (struct exchange *exchange = worker->live, *next; exchange != NULL; exchange = next) {
        next = exchange->next;
        if (exchange->state == EXCHANGE_ANSWERED)
            continue;
        loop_timer_stop(worker->loop, &exchange->timer);
        bool with_upstream = exchange->call != NULL;
        bool may_have_left = with_upstream && upstream_call_bytes_left(exchange->call);
        if (with_upstream)
            take_call_back(exchange);
        if (exchange->state != EXCHANGE_WAITING_FOR_ROOM && !exchange_reply_with_abandonment(exchange, may_have_left))
            log_error("exchange %" PRId64 ": out of memory for its answer", exchange->record.id);
        exchange_conclude(exchange);
    }
}
