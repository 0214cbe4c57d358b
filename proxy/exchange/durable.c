/* Waiting for the disk: with durability = power, a request that may change anything leaves once its intent is on the disk.
 * The worker's thread. */
#include "exchange_internal.h"

#include "countersign/log.h"

#include <inttypes.h>

/* Methods that are safe by definition (RFC 9110 §9.2.1) place no order. What goes unrecorded has nothing to wait for. */
bool exchange_is_to_be_synced(const struct exchange *exchange)
{
    return exchange->admitted && journal_is_synced(exchange->listener->worker->journal) && !exchange_is_safe(exchange);
}

static void give_up(struct loop_timer *timer)
{
    exchange_refuse(timer->context, REFUSAL_NOT_SYNCED, "the disk took too long");
}

/* As far as it is known before it is signed, which is when a connection is at hand: the body that will be sent is in it. */
static bool write_intent(struct exchange *exchange)
{
    struct record *record = &exchange->record;
    record->views[RECORD_UPSTREAM_REQUEST].body = exchange->sending.body;
    bool written = journal_intent(exchange->listener->worker->journal, record);
    record->views[RECORD_UPSTREAM_REQUEST].body = slice_of(NULL, 0); /* nothing has left yet */
    return written;
}

void exchange_wait_for_sync(struct exchange *exchange)
{
    struct exchange_worker *worker = exchange->listener->worker;
    if (!write_intent(exchange)) {
        log_error("exchange %" PRId64 ": its intent could not be recorded, so it is not sent", exchange->record.id);
        exchange_refuse(exchange, REFUSAL_RECORD_FULL, "");
        return;
    }
    exchange->state = EXCHANGE_WAITING_FOR_SYNC;
    exchange->sync_ticket = journal_ask_for_sync(worker->journal);
    exchange->timer = (struct loop_timer){ .expired = give_up, .context = exchange };
    loop_timer_start(worker->loop, &exchange->timer, EXCHANGE_SYNC_WAIT_US);
}

static void look(struct exchange *exchange)
{
    struct exchange_worker *worker = exchange->listener->worker;
    enum journal_sync_state state = journal_sync_look(worker->journal, exchange->sync_ticket);
    if (state == JOURNAL_SYNC_PENDING)
        return;
    loop_timer_stop(worker->loop, &exchange->timer);
    if (state == JOURNAL_SYNC_DONE)
        exchange_forward(exchange);
    else
        exchange_refuse(exchange, REFUSAL_NOT_SYNCED, "");
}

void exchange_look_for_syncs(struct exchange_worker *worker)
{
    for (struct exchange *exchange = worker->live, *next; exchange != NULL; exchange = next) {
        next = exchange->next;
        if (exchange->state == EXCHANGE_WAITING_FOR_SYNC)
            look(exchange);
    }
}
