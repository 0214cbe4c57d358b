/* The end of every way: first the outcome is in the journal, then the client gets its answer. The worker's thread. */
#include "exchange_internal.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <inttypes.h>

static struct front_reply reply_of(const struct exchange *exchange)
{
    return (struct front_reply){
        .status = exchange->reply_status,
        .fields = exchange->reply_fields,
        .field_count = exchange->reply_field_count,
        .body = exchange->reply_body,
        .has_length = exchange->reply_has_length,
        .length = exchange->reply_length,
        .close = exchange->must_close,
    };
}

static bool write_reply_head(struct exchange *exchange)
{
    struct front_reply reply = reply_of(exchange);
    buffer_reset(&exchange->reply_head);
    return front_reply_head(&exchange->reply_head, exchange->request, &reply);
}

/* The exchange's answer may be one that cannot be passed on; one of our own lacked nothing but memory, and is tried again. */
static bool find_another_answer(struct exchange *exchange)
{
    return exchange->response_head.length == 0 || exchange_reply_with_unsendable_answer(exchange);
}

/* The head depends on whether the front has stopped accepting by then: written anew at each try. */
static void take_client_response(struct exchange *exchange)
{
    if (!write_reply_head(exchange) && (!find_another_answer(exchange) || !write_reply_head(exchange)))
        log_error("exchange %" PRId64 ": out of memory for its answer", exchange->record.id);
    int status = exchange->reply_status;
    bool has_body = !slice_equal_text(exchange->record.method, "HEAD") && status != 204 && status != 304;
    exchange->record.status = exchange->reply_status;
    exchange->record.views[RECORD_CLIENT_RESPONSE] =
        (struct record_message){ .head = buffer_slice(&exchange->reply_head),
                                 .body = has_body ? exchange->reply_body : slice_of(NULL, 0) };
}

/* The answer still reaches the client; the record says that its bytes are missing. */
static void leave_answer_out_of_record(struct exchange *exchange)
{
    struct record *record = &exchange->record;
    log_warning("exchange %" PRId64 ": the record has no room for this answer; its bytes are left out", record->id);
    record->views[RECORD_UPSTREAM_RESPONSE] = (struct record_message){ .head = slice_of(NULL, 0) };
    record->views[RECORD_CLIENT_RESPONSE] = (struct record_message){ .head = slice_of(NULL, 0) };
    if (record->error_name.length == 0)
        record->error_name = SLICE_LITERAL("record-truncated");
    if (!journal_outcome(exchange->listener->worker->journal, record))
        log_error("exchange %" PRId64 ": its outcome could not be recorded", record->id);
}

static void reply(struct exchange *exchange)
{
    struct front_reply answer = reply_of(exchange);
    struct error error;
    enum record_outcome outcome = exchange->record.outcome;
    bool is_at_home = outcome == RECORD_REFUSED || outcome == RECORD_NOT_SENT || outcome == RECORD_DRY_RUN;
    struct front_reply last_resort = { .status = is_at_home ? 503 : 502, .close = true }; /* 503: nothing was sent */
    exchange->state = EXCHANGE_ANSWERED;
    if (front_reply(exchange->request, &answer, &error))
        return;
    log_error("exchange %" PRId64 ": cannot answer the client: %s", exchange->record.id, error.message);
    /* out of memory: nothing of this exchange's own could be freed for it */
    if (front_reply(exchange->request, &last_resort, &error))
        return;
    log_error("exchange %" PRId64 ": not even a status line can be sent, so its connection is ended: %s",
              exchange->record.id, error.message);
    front_reset(exchange->request); /* a client that waits for ever would be worse */
}

static void look_for_room(struct loop_timer *timer)
{
    exchange_conclude(timer->context);
}

/* Whether waiting can make room: the recorder frees the ring, but an answer of half its size may never find a gap. */
static bool is_worth_waiting(const struct exchange *exchange)
{
    const struct exchange_worker *worker = exchange->listener->worker;
    return !worker->giving_up && exchange->response_body_length < journal_size(worker->journal) / 2 &&
           clock_monotonic_us() - exchange->waiting_since_us < EXCHANGE_ROOM_WAIT_US;
}

/* What was signed and then did not leave is known by its digest alone; where it left, the digest follows from it (record.h). */
static void note_unsent_payload(struct exchange *exchange)
{
    struct record *record = &exchange->record;
    struct slice body = exchange->sending.body;
    struct error error;
    if (!record->digest_follows || slice_equal(body, record->views[RECORD_UPSTREAM_REQUEST].body))
        return;
    record->digest_follows = false;
    if (!scheme_payload_sha256(record->payload_sha256, http_target_query(exchange->sending.target), body, &error))
        log_error("exchange %" PRId64 ": the digest of what was signed is missing in its record: %s", record->id,
                  error.message);
}

/* False while it waits for room. */
static bool write_outcome(struct exchange *exchange)
{
    struct exchange_worker *worker = exchange->listener->worker;
    if (!exchange->admitted || exchange->has_outcome)
        return true;
    note_unsent_payload(exchange);
    if (!journal_outcome(worker->journal, &exchange->record)) {
        if (is_worth_waiting(exchange)) {
            exchange->state = EXCHANGE_WAITING_FOR_ROOM;
            exchange->timer = (struct loop_timer){ .expired = look_for_room, .context = exchange };
            loop_timer_start(worker->loop, &exchange->timer, EXCHANGE_ROOM_RETRY_US);
            return false;
        }
        leave_answer_out_of_record(exchange);
    }
    exchange->has_outcome = true;
    return true;
}

void exchange_conclude(struct exchange *exchange)
{
    exchange_end_turn(exchange);
    if (exchange->state != EXCHANGE_WAITING_FOR_ROOM)
        exchange->waiting_since_us = clock_monotonic_us();
    take_client_response(exchange);
    if (write_outcome(exchange))
        reply(exchange);
}
