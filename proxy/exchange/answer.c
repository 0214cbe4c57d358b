/* What comes back: read for its outcome, handed on unchanged. The worker's thread. */
#include "exchange_internal.h"

#include "countersign/answer_status.h"
#include "countersign/envelope.h"
#include "countersign/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The outcome of an answer that came whole, by what it says of itself. */
static const enum record_outcome outcomes[ENVELOPE_VERDICT_COUNT] = {
    [ENVELOPE_OK] = RECORD_OK,
    [ENVELOPE_API_ERROR] = RECORD_API_ERROR,
    [ENVELOPE_HTTP_ERROR] = RECORD_HTTP_ERROR,
    [ENVELOPE_NO_CODE] = RECORD_UNKNOWN,
};

/* The record borrows: the code is kept in the exchange, the message in its buffer. */
static void take_envelope(struct exchange *exchange, const struct envelope *envelope)
{
    struct record *record = &exchange->record;
    memcpy(exchange->api_code, envelope->code, envelope->code_length);
    record->api_code = slice_of(envelope->code_length > 0 ? exchange->api_code : NULL, envelope->code_length);
    if (envelope->has_message)
        record->api_message = buffer_slice(&exchange->api_message);
    if (envelope->verdict != ENVELOPE_NO_CODE)
        return;
    record->error_name = SLICE_LITERAL("no-code");
    record->error_message = SLICE_LITERAL("the answer came whole, but has no `code` that can be read");
}

enum record_outcome exchange_classify(struct exchange *exchange, const struct upstream_result *result)
{
    const struct http_field *coding = http_field_find(result->response_fields, "Content-Encoding");
    const struct envelope_answer answer = {
        .method = exchange->sending.method,
        .target = exchange->sending.target,
        .is_public = exchange->endpoint_class == ENDPOINT_PUBLIC,
        .status = result->status,
        .coding = coding == NULL ? slice_of(NULL, 0) : coding->value,
        .body = result->response_body,
    };
    struct envelope envelope;
    envelope_read(&envelope, &exchange->api_message, &answer);
    if (envelope.is_unreadable)
        log_warning("exchange %" PRId64 ": the answer's body could not be decoded, so its `code` is not known",
                    exchange->record.id);
    take_envelope(exchange, &envelope);
    return outcomes[envelope.verdict];
}

static void add_reply_field(struct exchange *exchange, struct slice name, struct slice value)
{
    exchange->reply_fields[exchange->reply_field_count++] = (struct http_field){ name, value };
}

/* The outcome's name; behind it, of an error of the exchange's, its code. */
static struct slice outcome_value(struct exchange *exchange)
{
    const struct record *record = &exchange->record;
    const char *name = record_outcome_name(record->outcome);
    if (record->outcome != RECORD_API_ERROR || record->api_code.length == 0)
        return slice_text(name);
    int length = snprintf(exchange->outcome_text, sizeof(exchange->outcome_text), "%s %.*s", name,
                          SLICE_ARGUMENTS(record->api_code));
    return slice_of(exchange->outcome_text, (size_t)length);
}

void exchange_add_own_fields(struct exchange *exchange)
{
    struct record *record = &exchange->record;
    add_reply_field(exchange, SLICE_LITERAL("Countersign-Exchange"),
                    digits_of(exchange->id_text, (uint64_t)record->id));
    add_reply_field(exchange, SLICE_LITERAL("Countersign-Outcome"), outcome_value(exchange));
    if (record->error_name.length > 0)
        add_reply_field(exchange, SLICE_LITERAL("Countersign-Error"), record->error_name);
    if (record->waited_us > 0) {
        uint64_t waited_ms = (uint64_t)(record->waited_us + 999) / 1000;
        add_reply_field(exchange, SLICE_LITERAL("Countersign-Waited"), digits_of(exchange->waited_text, waited_ms));
    }
    if (exchange->dropped)
        add_reply_field(exchange, SLICE_LITERAL("Countersign-Record"), SLICE_LITERAL("dropped"));
}

/* Content-Length is the front's: it tells the length of what it sends. For HEAD the exchange's own is kept. */
static void take_length(struct exchange *exchange, struct slice value)
{
    exchange->reply_has_length = slice_to_u64(value, &exchange->reply_length);
}

/* What this proxy says of an exchange, only it says; and what lets a page read an answer (the Fetch standard's CORS
 * protocol), nobody says. */
static bool is_left_out(struct slice name)
{
    static const char *const prefixes[] = { "Countersign-", "Access-Control-" };
    for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++) {
        if (slice_equal_text_caseless(slice_first(name, strlen(prefixes[i])), prefixes[i]))
            return true;
    }
    return false;
}

/* A bot that looks at the status alone takes HTTP 200 for done: where its listener is told so, a failure has another. What
 * came back stays in the record as it came. */
static void give_status_that_fits(struct exchange *exchange)
{
    const struct record *record = &exchange->record;
    if (exchange->listener->failures_as_status && record->outcome == RECORD_API_ERROR && exchange->reply_status == 200)
        exchange->reply_status = answer_status_of_code(record->api_code);
}

bool exchange_reply_with_answer(struct exchange *exchange, const struct upstream_result *result)
{
    /* The fields must outlive `result`: read them again from the copy of the head. */
    struct http_field *items = calloc(result->response_fields.count + EXCHANGE_ANSWER_FIELDS_EXTRA, sizeof(*items));
    struct http_fields fields = { .items = calloc(result->response_fields.count + 1, sizeof(*items)) };
    exchange->reply_fields = items;
    bool done = items != NULL && fields.items != NULL &&
                http_parse_response_head(&exchange->reply_status, &fields, result->response_fields.count,
                                         buffer_slice(&exchange->response_head));
    for (size_t i = 0; done && i < fields.count; i++) {
        if (slice_equal_text_caseless(fields.items[i].name, "Content-Length"))
            take_length(exchange, fields.items[i].value);
        else if (!is_left_out(fields.items[i].name) && !http_field_is_hop_by_hop(fields, fields.items[i].name))
            add_reply_field(exchange, fields.items[i].name, fields.items[i].value);
    }
    free(fields.items);
    if (!done)
        return false;
    give_status_that_fits(exchange);
    exchange_add_own_fields(exchange);
    exchange->reply_body = slice_of(exchange->response_body, exchange->response_body_length);
    return true;
}
