/* The state machine of one exchange: received -> (waiting for turn) -> (waiting for sync) -> (waiting for key) -> forwarded -> (waiting for room)
 * -> answered; with mode = dry-run the answer comes in the place of forwarded. A sync is waited for with durability = power, by what may change anything: then an intent is on the disk
 * before it is signed, and a second one, with the signature, is in the journal before its first byte leaves. Every way ends in exchange_conclude: first the outcome is in the journal, then the client gets its answer.
 * The worker's thread. */
#include "exchange_internal.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void exchange_refuse(struct exchange *exchange, enum refusal refusal, const char *detail)
{
    if (!exchange_reply_with_refusal(exchange, refusal, detail))
        log_error("exchange %" PRId64 ": out of memory for its answer", exchange->record.id);
    exchange_conclude(exchange);
}

/* --- the end --- */

static void finished(void *context, struct front_request *request, bool delivered)
{
    (void)context;
    struct exchange *exchange = front_request_context(request);
    if (exchange == NULL)
        return; /* refused before there was memory for an exchange */
    struct exchange_worker *worker = exchange->listener->worker;
    exchange->record.delivered = delivered;
    exchange->record.replied_us = clock_wall_us();
    if (exchange->has_outcome)
        journal_replied(worker->journal, exchange->record.id, exchange->record.replied_us, delivered);
    exchange_report(exchange);
    exchange_count_ended(exchange);
    exchange->request = NULL;
    worker->in_flight--;
    if (exchange->has_place)
        places_give_back(exchange->listener->places);
    exchange_free_if_over(exchange);
}

/* --- forwarded --- */

bool exchange_is_to_be_signed(const struct exchange *exchange)
{
    const struct exchange_listener *listener = exchange->listener;
    return listener->mode != EXCHANGE_OBSERVE && (exchange->endpoint_class != ENDPOINT_PUBLIC || listener->sign_all);
}

/* Where a repeat was stopped for it, a first attempt has left: that is the outcome then, and nothing is tried again. */
static bool was_stopped_for_key(const struct exchange *exchange, const struct upstream_result *result)
{
    return result->failure == UPSTREAM_ABORTED && result->attempts == 0 && exchange->state == EXCHANGE_WAITING_FOR_KEY;
}

/* Trading may have gone on again meanwhile: it is refused all the same, as nothing is tried twice. */
static void refuse_late(struct exchange *exchange)
{
    char detail[EXCHANGE_DETAIL_MAX] = "it was, for a moment, when this request was about to leave";
    (void)exchange_is_stopped(exchange, detail, sizeof(detail)); /* the detail is what is wanted */
    exchange_refuse(exchange, REFUSAL_TRADING_STOPPED, detail);
}

static void done(void *context, struct upstream_result *result)
{
    struct exchange *exchange = context;
    exchange->call = NULL;
    if (exchange->state == EXCHANGE_ANSWERED) { /* given up at shutdown: its outcome is written */
        exchange_free_if_over(exchange);
        return;
    }
    if (was_stopped_for_key(exchange, result)) {
        exchange_forward(exchange);
        return;
    }
    if (exchange->is_stopped_late && !result->bytes_left) {
        refuse_late(exchange);
        return;
    }
    struct record *record = &exchange->record;
    bool answered = false;
    if (result->failure == UPSTREAM_OK) {
        record->outcome = exchange_classify(exchange, result);
        exchange_heed_too_many(exchange, result);
    }
    if (result->connection.ip_family != 0)
        exchange_take_connection(exchange, &result->connection);
    if (exchange_is_to_be_signed(exchange) && result->attempts < record->attempts)
        exchange_take_signing_back(exchange);
    exchange->charged = result->charged;
    exchange->response_body = upstream_result_take_body(result, &exchange->response_body_length);
    bool copied = exchange_copy_facts(exchange, result);
    if (result->failure == UPSTREAM_OK && copied)
        answered = exchange_reply_with_answer(exchange, result);
    if (!answered && !exchange_reply_with_failure(exchange, result))
        log_error("exchange %" PRId64 ": out of memory for its answer", record->id);
    exchange_conclude(exchange);
}

static bool sign_now(struct exchange *exchange, unsigned attempt, struct upstream_request *request)
{
    if (attempt > 1)
        exchange_keep_signing(exchange);
    if (exchange_sign(exchange, request) == SIGNER_CLIENT_KEY_READY)
        return true;
    if (!exchange->has_missed_key) /* what connecting took is not taken from the time for the key */
        exchange->waiting_since_us = clock_monotonic_us();
    exchange->has_missed_key = true;
    exchange->state = EXCHANGE_WAITING_FOR_KEY;
    return false;
}

/* The moment to sign: a connection is at hand, nothing is written. The intent is in the journal before the first byte
 * leaves. */
static bool about_to_send(void *context, const struct upstream_connection *connection, unsigned attempt,
                          struct upstream_request *request)
{
    struct exchange *exchange = context;
    struct record *record = &exchange->record;
    if (exchange->state == EXCHANGE_ANSWERED)
        return false; /* given up at shutdown */
    char detail[EXCHANGE_DETAIL_MAX];
    exchange->is_stopped_late = exchange_is_stopped(exchange, detail, sizeof(detail));
    if (exchange->is_stopped_late || (attempt > 1 && !exchange_turn_repeats(exchange)))
        return false;
    if (exchange_is_to_be_signed(exchange) && !sign_now(exchange, attempt, request))
        return false;
    exchange_take_connection(exchange, connection);
    exchange_count_leaving(exchange, connection->reused);
    record->attempts = attempt;
    record->views[RECORD_UPSTREAM_REQUEST].body = exchange->sending.body;
    if (exchange->admitted && !journal_intent(exchange->listener->worker->journal, record)) {
        log_error("exchange %" PRId64 ": its intent could not be recorded, so it is not sent", record->id);
        return false;
    }
    return true;
}

static void sent(void *context)
{
    exchange_turn_left(context);
}

bool exchange_is_safe(const struct exchange *exchange)
{
    return slice_equal_text(exchange->record.method, "GET") || slice_equal_text(exchange->record.method, "HEAD");
}

/* A repeat must not change anything. */
static bool may_repeat(const struct exchange *exchange)
{
    return exchange_is_safe(exchange) && !exchange->sending.has_body;
}

static void hand_to_upstream(struct exchange *exchange)
{
    static const struct upstream_callbacks callbacks = { .about_to_send = about_to_send, .sent = sent, .done = done };
    struct error error;
    exchange->state = EXCHANGE_FORWARDED;
    if (!upstream_send(&exchange->call, exchange->listener->upstream, &exchange->sending, may_repeat(exchange),
                       &callbacks, exchange, &error)) {
        exchange->call = NULL;
        exchange_refuse(exchange, error.kind == ERROR_INPUT ? REFUSAL_UNSENDABLE : REFUSAL_INTERNAL, error.message);
    }
}

/* --- waiting for the key --- */

static void look_for_key(struct loop_timer *timer)
{
    exchange_forward(timer->context);
}

static void wait_for_key(struct exchange *exchange)
{
    exchange->state = EXCHANGE_WAITING_FOR_KEY;
    exchange->timer = (struct loop_timer){ .expired = look_for_key, .context = exchange };
    loop_timer_start(exchange->listener->worker->loop, &exchange->timer, EXCHANGE_KEY_RETRY_US);
}

/* Hands it to the upstream, or does without one. */
static void go_on(struct exchange *exchange)
{
    if (exchange->listener->mode != EXCHANGE_DRY_RUN)
        hand_to_upstream(exchange);
    else if (exchange_run_dry(exchange) != SIGNER_CLIENT_KEY_READY)
        wait_for_key(exchange); /* the window has changed since the look */
}

/* Looks whether the key of this moment's window is at hand, so that `about_to_send` finds it. */
static enum signer_client_key key_at_hand(struct exchange *exchange)
{
    const struct exchange_listener *listener = exchange->listener;
    struct signer_client *signer = listener->worker->signer;
    struct signer_client_pair pair;
    signer_client_follow(signer, listener->account, listener->signs_by);
    enum signer_client_key found = signer_client_window_key(
        &pair, signer, listener->account, scheme_window(clock_watch_time_us(listener->signs_by) / 1000));
    explicit_bzero(&pair.window_key, sizeof(pair.window_key));
    return found;
}

/* What the signer does not say, because it is known here. */
static const char *why_no_key(const struct exchange_listener *listener)
{
    struct clock_reading reading = { .is_known = false };
    if (listener->signs_by != NULL)
        reading = clock_watch_read(listener->signs_by);
    return reading.is_known && llabs(reading.offset_us) / 1000 > SIGNER_WIRE_OFFSET_MAX_MS
               ? "this machine's clock is more than 5 minutes off the exchange's, the most that clock = exchange "
                 "corrects: "
                 "set it"
               : "";
}

void exchange_forward(struct exchange *exchange)
{
    int64_t now_us = clock_monotonic_us();
    if (exchange->state != EXCHANGE_WAITING_FOR_KEY)
        exchange->waiting_since_us = now_us;
    enum signer_client_key key = exchange_is_to_be_signed(exchange) ? key_at_hand(exchange) : SIGNER_CLIENT_KEY_READY;
    bool patience = now_us - exchange->waiting_since_us < EXCHANGE_KEY_WAIT_US;
    if (key == SIGNER_CLIENT_KEY_READY && patience) {
        go_on(exchange);
    } else if (key != SIGNER_CLIENT_KEY_GONE && patience) {
        wait_for_key(exchange);
    } else {
        exchange_refuse(exchange, REFUSAL_SIGNER_GONE, why_no_key(exchange->listener));
    }
}

/* --- received --- */

void exchange_set_out(struct exchange *exchange)
{
    if (exchange_is_to_be_synced(exchange))
        exchange_wait_for_sync(exchange);
    else
        exchange_forward(exchange);
}

static size_t request_bytes(const struct exchange *exchange)
{
    return exchange->client_head.length + front_request_body(exchange->request).length;
}

/* Whether the record has room for it, or may do without it. */
static bool is_let_in(struct exchange *exchange)
{
    struct journal *journal = exchange->listener->worker->journal;
    exchange->admitted = journal_admit(journal, request_bytes(exchange));
    exchange->dropped = !exchange->admitted && journal_drop(journal, exchange->record.received_us);
    return exchange->admitted || exchange->dropped;
}

static void note_clock(struct exchange *exchange)
{
    struct clock_reading reading = clock_watch_read(exchange->listener->clock);
    exchange->record.clock_offset_us = reading.offset_us;
    exchange->record.clock_bound_us = reading.bound_us;
}

static void begin(struct exchange *exchange)
{
    char detail[EXCHANGE_DETAIL_MAX] = "";
    exchange->state = EXCHANGE_RECEIVED;
    if (!exchange_take_client_request(exchange)) {
        exchange_refuse(exchange, REFUSAL_INTERNAL, "");
        return;
    }
    exchange_look_at_client_signature(exchange);
    note_clock(exchange);
    if (!is_let_in(exchange)) {
        exchange_refuse(exchange, REFUSAL_RECORD_FULL, "");
        return;
    }
    enum refusal refusal = exchange_reason_to_refuse(exchange, detail, sizeof(detail));
    if (refusal != REFUSAL_NONE)
        exchange_refuse(exchange, refusal, detail);
    else
        exchange_take_turn(exchange);
}

static void received(void *context, struct front_request *request)
{
    static const struct front_reply no_memory = { .status = 503, .close = true };
    struct exchange *exchange = exchange_create(context, request);
    struct error error;
    front_request_set_context(request, exchange);
    if (exchange != NULL) {
        begin(exchange);
    } else if (!front_reply(request, &no_memory, &error)) {
        log_error("out of memory: a request could not be answered, so its connection is ended; nothing was sent");
        front_reset(request);
    }
}

struct front_handler exchange_front_handler(void)
{
    return (struct front_handler){ .request = received, .finished = finished };
}
