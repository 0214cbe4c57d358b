/* The state machine of one exchange: received -> (waiting for key) -> forwarded -> (waiting for room) -> answered.
 * Every way ends in exchange_conclude: first the outcome is in the journal, then the client gets its answer.
 * The worker's thread. */
#include "exchange_internal.h"

#include "countersign/caller.h"
#include "countersign/clock.h"
#include "countersign/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void forward(struct exchange *exchange);

static void refuse(struct exchange *exchange, enum refusal refusal, const char *detail)
{
    if (!exchange_reply_with_refusal(exchange, refusal, detail))
        log_error("exchange %" PRIu64 ": out of memory for its answer", exchange->record.id);
    exchange_conclude(exchange);
}

/* --- the end of every way --- */

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

/* The head depends on whether the front has stopped accepting by then: written anew at each try. */
static void take_client_response(struct exchange *exchange)
{
    if (!write_reply_head(exchange) &&
        (!exchange_reply_with_unsendable_answer(exchange) || !write_reply_head(exchange)))
        log_error("exchange %" PRIu64 ": out of memory for its answer", exchange->record.id);
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
    log_warning("exchange %" PRIu64 ": the record has no room for this answer; its bytes are left out", record->id);
    record->views[RECORD_UPSTREAM_RESPONSE] = (struct record_message){ .head = slice_of(NULL, 0) };
    record->views[RECORD_CLIENT_RESPONSE] = (struct record_message){ .head = slice_of(NULL, 0) };
    if (record->error_name.length == 0)
        record->error_name = SLICE_LITERAL("record-truncated");
    if (!journal_outcome(exchange->listener->worker->journal, record))
        log_error("exchange %" PRIu64 ": its outcome could not be recorded", record->id);
}

static void reply(struct exchange *exchange)
{
    struct front_reply answer = reply_of(exchange);
    struct error error;
    static const struct front_reply last_resort = { .status = 503, .close = true };
    exchange->state = EXCHANGE_ANSWERED;
    if (front_reply(exchange->request, &answer, &error))
        return;
    log_error("exchange %" PRIu64 ": cannot answer the client: %s", exchange->record.id, error.message);
    if (!front_reply(exchange->request, &last_resort,
                     &error)) /* out of memory: what could be freed is freed by others */
        log_error("exchange %" PRIu64 ": cannot even refuse: %s", exchange->record.id, error.message);
}

static void look_for_room(struct loop_timer *timer)
{
    exchange_conclude(timer->context);
}

void exchange_conclude(struct exchange *exchange)
{
    struct exchange_worker *worker = exchange->listener->worker;
    if (exchange->state != EXCHANGE_WAITING_FOR_ROOM)
        exchange->waiting_since_us = clock_monotonic_us();
    take_client_response(exchange);
    if (exchange->admitted && !exchange->has_outcome) {
        if (!journal_outcome(worker->journal, &exchange->record)) {
            if (clock_monotonic_us() - exchange->waiting_since_us < EXCHANGE_ROOM_WAIT_US && !worker->giving_up) {
                exchange->state = EXCHANGE_WAITING_FOR_ROOM;
                exchange->timer = (struct loop_timer){ .expired = look_for_room, .context = exchange };
                loop_timer_start(worker->loop, &exchange->timer, EXCHANGE_ROOM_RETRY_US);
                return;
            }
            leave_answer_out_of_record(exchange);
        }
        exchange->has_outcome = true;
    }
    reply(exchange);
}

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
    exchange->request = NULL;
    worker->in_flight--;
    exchange_free_if_over(exchange);
}

/* --- forwarded --- */

static bool copy_facts(struct exchange *exchange, const struct upstream_result *result)
{
    struct record *record = &exchange->record;
    bool copied = buffer_append_slice(&exchange->upstream_head, result->request_head) &&
                  buffer_append_slice(&exchange->response_head, result->response_head);
    record->connected_us = result->timing.connected_us;
    record->sent_us = result->timing.sent_us;
    record->first_byte_us = result->timing.first_byte_us;
    record->complete_us = result->timing.complete_us;
    record->attempts = result->attempts;
    record->views[RECORD_UPSTREAM_REQUEST] = (struct record_message){ .head = slice_of(NULL, 0) };
    if (result->bytes_left)
        record->views[RECORD_UPSTREAM_REQUEST] =
            (struct record_message){ .head = buffer_slice(&exchange->upstream_head), .body = exchange->sending.body };
    if (result->response_head.length > 0)
        record->views[RECORD_UPSTREAM_RESPONSE] = (struct record_message){
            .head = buffer_slice(&exchange->response_head),
            .body = slice_of(exchange->response_body, exchange->response_body_length),
        };
    return copied;
}

static void take_connection(struct exchange *exchange, const struct upstream_connection *connection)
{
    exchange->connection = *connection;
    exchange->record.connection = (struct record_connection){
        .local_address = slice_text(exchange->connection.local_address),
        .remote_address = slice_text(exchange->connection.remote_address),
        .local_port = connection->local_port,
        .remote_port = connection->remote_port,
        .ip_family = connection->ip_family,
        .reused = connection->reused,
        .tls_version = slice_text(exchange->connection.tls_version),
        .tls_cipher = slice_text(exchange->connection.tls_cipher),
        .http_version = slice_text(exchange->connection.http_version),
    };
}

/* `bytes_left` at an abort: a first attempt left, and the repeat found no key. */
static bool was_stopped_for_key(const struct exchange *exchange, const struct upstream_result *result)
{
    return result->failure == UPSTREAM_ABORTED && !result->bytes_left && result->attempts == 0 &&
           exchange->state == EXCHANGE_WAITING_FOR_KEY;
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
        forward(exchange);
        return;
    }
    struct record *record = &exchange->record;
    bool answered = false;
    if (result->failure == UPSTREAM_OK)
        record->outcome = exchange_classify(exchange, result);
    if (result->connection.ip_family != 0)
        take_connection(exchange, &result->connection);
    exchange->response_body = upstream_result_take_body(result, &exchange->response_body_length);
    bool copied = copy_facts(exchange, result);
    if (result->failure == UPSTREAM_OK && copied)
        answered = exchange_reply_with_answer(exchange, result);
    if (!answered && !exchange_reply_with_failure(exchange, result))
        log_error("exchange %" PRIu64 ": out of memory for its answer", record->id);
    exchange_conclude(exchange);
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
    if (exchange->endpoint_class != ENDPOINT_PUBLIC || exchange->listener->sign_all) {
        if (exchange_sign(exchange, request) != SIGNER_CLIENT_KEY_READY) {
            if (!exchange->has_missed_key) /* what connecting took is not taken from the time for the key */
                exchange->waiting_since_us = clock_monotonic_us();
            exchange->has_missed_key = true;
            exchange->state = EXCHANGE_WAITING_FOR_KEY;
            return false;
        }
    }
    take_connection(exchange, connection);
    record->attempts = attempt;
    record->views[RECORD_UPSTREAM_REQUEST].body = exchange->sending.body;
    if (!journal_intent(exchange->listener->worker->journal, record)) {
        log_error("exchange %" PRIu64 ": its intent could not be recorded, so it is not sent", record->id);
        return false;
    }
    return true;
}

/* A repeat must not change anything: methods that are safe by definition (RFC 9110 §9.2.1), without a body. */
static bool may_repeat(const struct exchange *exchange)
{
    return (slice_equal_text(exchange->sending.method, "GET") || slice_equal_text(exchange->sending.method, "HEAD")) &&
           !exchange->sending.has_body;
}

static void hand_to_upstream(struct exchange *exchange)
{
    static const struct upstream_callbacks callbacks = { .about_to_send = about_to_send, .done = done };
    struct error error;
    exchange->state = EXCHANGE_FORWARDED;
    if (!upstream_send(&exchange->call, exchange->listener->upstream, &exchange->sending, may_repeat(exchange),
                       &callbacks, exchange, &error)) {
        exchange->call = NULL;
        refuse(exchange, error.kind == ERROR_INPUT ? REFUSAL_UNSENDABLE : REFUSAL_INTERNAL, error.message);
    }
}

/* --- waiting for the key --- */

static void look_for_key(struct loop_timer *timer)
{
    forward(timer->context);
}

/* Looks whether the key of this moment's window is at hand, so that `about_to_send` finds it. */
static enum signer_client_key key_at_hand(struct exchange *exchange)
{
    struct scheme_window_key key;
    enum signer_client_key found = signer_client_window_key(
        &key, exchange->listener->worker->signer, exchange->listener->account, scheme_window(clock_wall_us() / 1000));
    explicit_bzero(&key, sizeof(key));
    return found;
}

static void forward(struct exchange *exchange)
{
    struct exchange_worker *worker = exchange->listener->worker;
    if (exchange->state != EXCHANGE_WAITING_FOR_KEY)
        exchange->waiting_since_us = clock_monotonic_us();
    bool is_signed = exchange->endpoint_class != ENDPOINT_PUBLIC || exchange->listener->sign_all;
    enum signer_client_key key = is_signed ? key_at_hand(exchange) : SIGNER_CLIENT_KEY_READY;
    bool patience = clock_monotonic_us() - exchange->waiting_since_us < EXCHANGE_KEY_WAIT_US;
    if (key == SIGNER_CLIENT_KEY_READY && patience) {
        hand_to_upstream(exchange);
    } else if (key != SIGNER_CLIENT_KEY_GONE && patience) {
        exchange->state = EXCHANGE_WAITING_FOR_KEY;
        exchange->timer = (struct loop_timer){ .expired = look_for_key, .context = exchange };
        loop_timer_start(worker->loop, &exchange->timer, EXCHANGE_KEY_RETRY_US);
    } else {
        refuse(exchange, REFUSAL_SIGNER_GONE, "");
    }
}

/* --- received --- */

static size_t request_bytes(const struct exchange *exchange)
{
    return exchange->client_head.length + front_request_body(exchange->request).length;
}

static enum refusal judge_caller(const struct exchange *exchange)
{
    static const enum refusal of_verdict[] = {
        [CALLER_MAY_ASK] = REFUSAL_NONE,
        [CALLER_IS_A_BROWSER] = REFUSAL_BROWSER,
        [CALLER_NAMES_ANOTHER_HOST] = REFUSAL_HOST,
    };
    bool is_unix = slice_starts_with(exchange->record.client_address, "unix:");
    return of_verdict[caller_judge(front_request_fields(exchange->request), !is_unix,
                                   upstream_host(exchange->listener->upstream))];
}

/* The first reason against this request, in the order in which a person would want to hear it. */
static enum refusal reason_to_refuse(struct exchange *exchange, char *detail, size_t detail_size)
{
    const struct exchange_worker *worker = exchange->listener->worker;
    enum refusal refusal = exchange_refusal_of_defect(front_request_defect(exchange->request));
    if (refusal == REFUSAL_NONE)
        refusal = judge_caller(exchange);
    if (refusal != REFUSAL_NONE)
        return refusal;
    if (worker->draining)
        return REFUSAL_SHUTTING_DOWN;
    if (worker->in_flight > worker->in_flight_max)
        return REFUSAL_TOO_MANY;
    refusal = exchange_build_request(exchange);
    if (refusal != REFUSAL_NONE)
        return refusal;
    exchange->endpoint_class = endpoint_classify(exchange->sending.method, exchange->sending.target);
    if (!policy_allows(exchange->listener->policy, exchange->endpoint_class)) {
        (void)snprintf(detail, detail_size, "%s, and policy %s of listener %s (%s) does not let that pass",
                       endpoint_class_meaning(exchange->endpoint_class), policy_name(exchange->listener->policy),
                       exchange->listener->name, policy_summary(exchange->listener->policy)); /* cutting it is fine */
        return REFUSAL_POLICY;
    }
    return REFUSAL_NONE;
}

static void begin(struct exchange *exchange)
{
    char detail[256] = "";
    exchange->state = EXCHANGE_RECEIVED;
    if (!exchange_take_client_request(exchange)) {
        refuse(exchange, REFUSAL_INTERNAL, "");
        return;
    }
    exchange->admitted = journal_admit(exchange->listener->worker->journal, request_bytes(exchange));
    enum refusal refusal =
        exchange->admitted ? reason_to_refuse(exchange, detail, sizeof(detail)) : REFUSAL_RECORD_FULL;
    if (refusal != REFUSAL_NONE)
        refuse(exchange, refusal, detail);
    else
        forward(exchange);
}

static void received(void *context, struct front_request *request)
{
    static const struct front_reply no_memory = { .status = 503, .close = true };
    struct exchange *exchange = exchange_create(context, request);
    struct error error;
    front_request_set_context(request, exchange);
    if (exchange != NULL)
        begin(exchange);
    else if (!front_reply(request, &no_memory, &error))
        log_error("out of memory: a request could not be answered");
}

struct front_handler exchange_front_handler(void)
{
    return (struct front_handler){ .request = received, .finished = finished };
}

/* --- shutdown --- */

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
            log_error("exchange %" PRIu64 ": out of memory for its answer", exchange->record.id);
        exchange_conclude(exchange);
    }
}
