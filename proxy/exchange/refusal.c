/* Answers of the proxy's own: the exchange's envelope with a message a person can act on. The worker's thread. */
#include "exchange_internal.h"

#include "countersign/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct refusal_row {
    int status;
    const char *name; /* Countersign-Error */
    const char *message;
    bool retry_after;
};

static const struct refusal_row refusals[REFUSAL_COUNT] = {
    [REFUSAL_HEADER_TOO_LARGE] = { 431, "header-too-large",
                                   "the request line and header fields are larger than proxy.header_max", false },
    [REFUSAL_BODY_TOO_LARGE] = { 413, "body-too-large", "the request body is larger than proxy.body_max", false },
    [REFUSAL_NO_ROOM] = { 503, "no-room-for-body",
                          "bodies and answers take as many bytes together as proxy.buffer_max allows; nothing was sent",
                          true },
    [REFUSAL_LATE] = { 408, "request-timeout",
                       "the request did not come whole within proxy.request_timeout; nothing was sent", false },
    [REFUSAL_METHOD] = { 405, "method-refused", "CONNECT and TRACE are not forwarded", false },
    [REFUSAL_AMBIGUOUS_LENGTH] = { 400, "ambiguous-length",
                                   "the request's length can be read in two ways (Content-Length twice, or together "
                                   "with "
                                   "Transfer-Encoding); send one Content-Length or one chunked body",
                                   false },
    [REFUSAL_MALFORMED_TARGET] = { 400, "malformed-target",
                                   "the request target is malformed (blank, control or NUL bytes, or not a path)",
                                   false },
    [REFUSAL_MALFORMED_FIELD] = { 400, "malformed-field", "a header field is malformed", false },
    [REFUSAL_MALFORMED_REQUEST] = { 400, "malformed-request",
                                    "this is not HTTP/1.1 as RFC 9112 has it, and others could read it in another way",
                                    false },
    [REFUSAL_OTHER_HOST] = { 400, "other-host",
                             "the request target is neither a path nor a URL of this listener's exchange host", false },
    [REFUSAL_UNSENDABLE] = { 400, "unsendable", "this request cannot be forwarded as it is", false },
    [REFUSAL_BROWSER] = { 403, "browser",
                          "this request comes from a web page (Origin or Sec-Fetch-Site is set), and pages may not use "
                          "this proxy",
                          false },
    [REFUSAL_HOST] = { 403, "host",
                       "the Host field names neither this listener (its address, 127.0.0.1, [::1], localhost, or one "
                       "of "
                       "allowed_hosts) nor its exchange",
                       false },
    [REFUSAL_PEER] = { 403, "peer", "this client may not use this listener", false },
    [REFUSAL_TOKEN] = { 403, "token",
                        "this listener takes requests with its token alone (Countersign-Token: TOKEN, or "
                        "Authorization: "
                        "Bearer TOKEN)",
                        false },
    [REFUSAL_POLICY] = { 403, "policy", "refused by this listener's policy", false },
    [REFUSAL_RULE] = { 403, "rule", "refused by a rule of this listener", false },
    [REFUSAL_TRADING_STOPPED] = { 403, "trading-stopped",
                                  "trading is stopped (cancels and reads pass); nothing was sent", false },
    [REFUSAL_ORDER_LIMIT] = { 403, "order-limit", "this order is beyond a limit of this listener; nothing was sent",
                              false },
    [REFUSAL_ORDER_UNREADABLE] = { 403, "order-unreadable",
                                   "this listener has limits for orders, and what this request orders cannot be read "
                                   "with certainty; nothing was sent",
                                   false },
    [REFUSAL_RECORD_FULL] = { 503, "record-full",
                              "the record has no room (is the disk full, or another program holding capture.db?); "
                              "nothing was sent",
                              true },
    [REFUSAL_NOT_SYNCED] = { 503, "record-not-synced",
                             "the disk did not take this request into the record (capture.durability = power); nothing "
                             "was sent",
                             true },
    [REFUSAL_TOO_MANY] = { 503, "too-many-in-flight",
                           "as many requests are in flight as proxy.in_flight_max allows; nothing was sent", true },
    [REFUSAL_NO_PLACE] = { 503, "too-many-connections",
                           "as many connections are open as proxy.connections_max allows; nothing was sent", true },
    [REFUSAL_PACE] = { 429, "pace", "more requests than the exchange allows in this time; nothing was sent", true },
    [REFUSAL_SIGNER_GONE] = { 503, "signer-gone",
                              "the signer gave no key for this time window (has the clock stepped?); nothing was sent",
                              true },
    [REFUSAL_SHUTTING_DOWN] = { 503, "shutting-down", "the proxy is shutting down; nothing was sent", true },
    [REFUSAL_INTERNAL] = { 503, "out-of-memory", "the proxy ran out of memory; nothing was sent", true },
};

const char *exchange_counts_refusal(size_t index)
{
    return index > REFUSAL_NONE && index < REFUSAL_COUNT ? refusals[index].name : NULL;
}

enum refusal exchange_refusal_of_defect(enum front_defect defect)
{
    static const enum refusal of_defect[] = {
        [FRONT_DEFECT_NONE] = REFUSAL_NONE,
        [FRONT_DEFECT_HEADER_TOO_LARGE] = REFUSAL_HEADER_TOO_LARGE,
        [FRONT_DEFECT_BODY_TOO_LARGE] = REFUSAL_BODY_TOO_LARGE,
        [FRONT_DEFECT_NO_ROOM] = REFUSAL_NO_ROOM,
        [FRONT_DEFECT_LATE] = REFUSAL_LATE,
        [FRONT_DEFECT_METHOD_REFUSED] = REFUSAL_METHOD,
        [FRONT_DEFECT_AMBIGUOUS_LENGTH] = REFUSAL_AMBIGUOUS_LENGTH,
        [FRONT_DEFECT_MALFORMED_TARGET] = REFUSAL_MALFORMED_TARGET,
        [FRONT_DEFECT_MALFORMED_FIELD] = REFUSAL_MALFORMED_FIELD,
        [FRONT_DEFECT_MALFORMED_REQUEST] = REFUSAL_MALFORMED_REQUEST,
    };
    return (size_t)defect < ARRAY_LENGTH(of_defect) ? of_defect[defect] : REFUSAL_MALFORMED_FIELD;
}

static void add_retry_after(struct exchange *exchange)
{
    uint64_t seconds = exchange->retry_after_s > 0 ? (uint64_t)exchange->retry_after_s : 1;
    exchange->reply_fields[exchange->reply_field_count++] =
        (struct http_field){ SLICE_LITERAL("Retry-After"), digits_of(exchange->retry_after_text, seconds) };
}

bool exchange_reply_with_own_body(struct exchange *exchange, int status, bool retry_after)
{
    const struct buffer *body = &exchange->own_body;
    free(exchange->reply_fields);
    exchange->reply_field_count = 0;
    exchange->reply_fields = calloc(EXCHANGE_ANSWER_FIELDS_EXTRA + 2, sizeof(struct http_field));
    if (exchange->reply_fields == NULL)
        return false;
    exchange->reply_status = status;
    exchange->reply_body = buffer_slice(body);
    exchange->reply_has_length = true; /* for an answer to HEAD */
    exchange->reply_length = body->length;
    exchange->reply_fields[exchange->reply_field_count++] =
        (struct http_field){ SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/json") };
    if (retry_after)
        add_retry_after(exchange);
    exchange_add_own_fields(exchange);
    return !body->failed;
}

/* Builds status, fields and envelope from what is said of it by then (outcome, error name, exchange->error_message). */
static bool build_own_answer(struct exchange *exchange, int status, bool retry_after)
{
    struct buffer *body = &exchange->own_body;
    buffer_reset(body);
    (void)buffer_append_format(body, "{\"code\":%d,\"message\":", status); /* `failed` is checked with the reply */
    (void)json_append_string(body, buffer_slice(&exchange->error_message));
    (void)buffer_append_text(body, ",\"data\":null}");
    return exchange_reply_with_own_body(exchange, status, retry_after);
}

static void set_message(struct exchange *exchange, const char *name, const char *message, const char *detail)
{
    struct buffer *text = &exchange->error_message;
    buffer_reset(text);
    (void)buffer_append_format(text, "countersign: %s", message); /* a message cut short is still one */
    if (detail[0] != '\0')
        (void)buffer_append_format(text, ": %s", detail); /* likewise */
    exchange->record.error_name = slice_text(name);
    exchange->record.error_message = buffer_slice(text);
}

bool exchange_reply_with_refusal(struct exchange *exchange, enum refusal refusal, const char *detail)
{
    const struct refusal_row *row = &refusals[refusal];
    exchange->record.outcome = RECORD_REFUSED;
    exchange->refusal = refusal;
    set_message(exchange, row->name, row->message, detail);
    return build_own_answer(exchange, row->status, row->retry_after);
}

bool exchange_append_turned_away(struct buffer *answer)
{
    const struct refusal_row *row = &refusals[REFUSAL_NO_PLACE];
    return buffer_append_format(
        answer,
        "HTTP/1.1 %d Service Unavailable\r\n"
        "Content-Type: application/json\r\n"
        "Content-Length: %d\r\n"
        "Connection: close\r\n"
        "Retry-After: 1\r\n"
        "Countersign-Outcome: refused\r\n"
        "Countersign-Error: %s\r\n"
        "\r\n"
        "{\"code\":%d,\"message\":\"countersign: %s\",\"data\":null}",
        row->status,
        snprintf(NULL, 0, "{\"code\":%d,\"message\":\"countersign: %s\",\"data\":null}", row->status, row->message),
        row->name, row->status, row->message);
}

static bool is_in_doubt(const struct exchange *exchange)
{
    bool only_looks =
        slice_equal_text(exchange->sending.method, "GET") || slice_equal_text(exchange->sending.method, "HEAD");
    return exchange->record.outcome == RECORD_UNKNOWN && !only_looks;
}

/* What became of a request that had begun to be sent, or had not. */
static const char *what_happened(const struct exchange *exchange)
{
    if (exchange->record.outcome != RECORD_UNKNOWN)
        return "nothing was sent";
    return is_in_doubt(exchange) ? "the request left and no whole answer came, so its outcome is unknown"
                                 : "the request left and no whole answer came";
}

/* What to do about it goes to the client alone: the record's sentence is one for all of its kind (the store keeps each
 * once). */
static void advise(struct exchange *exchange)
{
    struct buffer *text = &exchange->error_message;
    size_t recorded = text->length;
    if (!is_in_doubt(exchange))
        return;
    if (exchange->dropped)
        (void)buffer_append_text(text, "; look it up, an order by its clOrdId, before sending it again: it is not in "
                                       "the record"); /* a message cut short is still one, here and below */
    else
        (void)buffer_append_format(
            text, "; look it up before sending it again: `countersign reconcile %" PRId64 "` does, for orders",
            exchange->record.id);
    exchange->record.error_message = slice_first(buffer_slice(text), recorded);
}

bool exchange_reply_with_failure(struct exchange *exchange, const struct upstream_result *result)
{
    bool late = result->failure == UPSTREAM_TIMEOUT || result->failure == UPSTREAM_CONNECT_TIMEOUT;
    exchange->record.outcome = result->bytes_left ? RECORD_UNKNOWN : RECORD_NOT_SENT;
    exchange->failure = result->failure;
    set_message(exchange, upstream_failure_name(result->failure), what_happened(exchange), result->message);
    advise(exchange);
    if (result->failure == UPSTREAM_NO_DESCRIPTOR) /* this machine's shortage, and nothing of the exchange's */
        return build_own_answer(exchange, 503, true);
    return build_own_answer(exchange, result->bytes_left && late ? 504 : 502, false);
}

bool exchange_reply_with_unsendable_answer(struct exchange *exchange)
{
    char detail[128];
    (void)snprintf(detail, sizeof(detail), "its status is %d and its head has %zu bytes", exchange->reply_status,
                   exchange->response_head.length); /* sized for it */
    set_message(exchange, "answer-unsendable",
                "the exchange answered, but this answer cannot be passed on; see it with `countersign log show`",
                detail);
    return build_own_answer(exchange, 502, false);
}

bool exchange_reply_with_abandonment(struct exchange *exchange, bool bytes_may_have_left)
{
    exchange->record.outcome = bytes_may_have_left ? RECORD_UNKNOWN : RECORD_NOT_SENT;
    set_message(exchange, "shutting-down", what_happened(exchange),
                "the proxy shut down while this request was in flight");
    advise(exchange);
    return build_own_answer(exchange, bytes_may_have_left ? 502 : 503, false);
}
