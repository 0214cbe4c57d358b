/* What comes back: read for its outcome, handed on unchanged. The worker's thread. */
#include "exchange_internal.h"

#include "countersign/content.h"
#include "countersign/json_scan.h"
#include "countersign/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENVELOPE_MAX = 33554432 /* bytes a compressed answer may unfold to for being looked into */ };

/* The `code` as written, without quotes: digits mostly. Anything that would not fit a field value is left out. */
static struct slice code_text(struct exchange *exchange, struct slice value, enum json_token kind)
{
    if (kind == JSON_STRING)
        value = slice_of(value.data + 1, value.length - 2);
    if ((kind != JSON_STRING && kind != JSON_NUMBER) || value.length == 0 || value.length > sizeof(exchange->api_code))
        return slice_of(NULL, 0);
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] <= 0x20 || value.data[i] >= 0x7f)
            return slice_of(NULL, 0);
    }
    memcpy(exchange->api_code, value.data, value.length);
    return slice_of(exchange->api_code, value.length);
}

/* 0 means success; the transfer endpoint also documents 200 (the exchange's documentation, "Answers"). */
static bool code_is_success(struct slice code, struct slice target)
{
    static const char transfer[] = "/v1/future/transfer";
    if (slice_equal_text(code, "0"))
        return true;
    struct slice path = http_target_path(target);
    size_t length = sizeof(transfer) - 1;
    return slice_equal_text(code, "200") && path.length >= length &&
           slice_equal_text(slice_from(path, path.length - length), transfer);
}

static void take_message(struct exchange *exchange, struct slice body)
{
    static const char *const names[] = { "message", "msg" };
    struct slice value;
    enum json_token kind;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (!json_member(body, names[i], &value, &kind) || kind != JSON_STRING)
            continue;
        buffer_reset(&exchange->api_message);
        if (json_unescape(&exchange->api_message, value))
            exchange->record.api_message = buffer_slice(&exchange->api_message);
        return;
    }
}

/* An answer to a private call without a `code` that can be read (a captive portal's page, nothing at all, a coding we do
 * not know) says neither that it was done nor that it was not. Public endpoints may answer otherwise. */
static enum record_outcome outcome_without_code(struct exchange *exchange, int status)
{
    if (status >= 300 && status != 304)
        return RECORD_HTTP_ERROR;
    if (exchange->endpoint_class == ENDPOINT_PUBLIC || slice_equal_text(exchange->sending.method, "HEAD"))
        return RECORD_OK;
    exchange->record.error_name = SLICE_LITERAL("no-code");
    exchange->record.error_message = SLICE_LITERAL("the answer came whole, but has no `code` that can be read");
    return RECORD_UNKNOWN;
}

static enum record_outcome classify_body(struct exchange *exchange, int status, struct slice body)
{
    struct slice value;
    enum json_token kind;
    enum record_outcome by_status = status >= 400 ? RECORD_HTTP_ERROR : RECORD_OK;
    if (!json_member(body, "code", &value, &kind))
        return outcome_without_code(exchange, status);
    struct slice code = code_text(exchange, value, kind);
    take_message(exchange, body);
    exchange->record.api_code = code;
    if (code.length == 0)
        return outcome_without_code(exchange, status);
    if (code_is_success(code, exchange->sending.target))
        return by_status;
    return RECORD_API_ERROR;
}

enum record_outcome exchange_classify(struct exchange *exchange, const struct upstream_result *result)
{
    const struct http_field *coding = http_field_find(result->response_fields, "Content-Encoding");
    struct buffer decoded;
    buffer_init(&decoded, ENVELOPE_MAX);
    struct slice body = result->response_body;
    enum content_result read = content_decode(&decoded, coding == NULL ? slice_of(NULL, 0) : coding->value, body);
    if (read == CONTENT_DECODED)
        body = buffer_slice(&decoded);
    else if (read != CONTENT_IDENTITY && body.length > 0)
        log_warning("exchange %" PRId64 ": the answer's body could not be decoded, so its `code` is not known",
                    exchange->record.id);
    bool readable = read == CONTENT_IDENTITY || read == CONTENT_DECODED || body.length == 0;
    enum record_outcome outcome =
        readable ? classify_body(exchange, result->status, body) : outcome_without_code(exchange, result->status);
    buffer_free(&decoded);
    return outcome;
}

static void add_reply_field(struct exchange *exchange, struct slice name, struct slice value)
{
    exchange->reply_fields[exchange->reply_field_count++] = (struct http_field){ name, value };
}

void exchange_add_own_fields(struct exchange *exchange)
{
    struct record *record = &exchange->record;
    int length = snprintf(exchange->id_text, sizeof(exchange->id_text), "%" PRId64, record->id);
    add_reply_field(exchange, SLICE_LITERAL("Countersign-Exchange"), slice_of(exchange->id_text, (size_t)length));
    length =
        snprintf(exchange->outcome_text, sizeof(exchange->outcome_text), "%s", record_outcome_name(record->outcome));
    if (record->outcome == RECORD_API_ERROR && record->api_code.length > 0)
        length = snprintf(exchange->outcome_text, sizeof(exchange->outcome_text), "%s %.*s",
                          record_outcome_name(record->outcome), SLICE_ARGUMENTS(record->api_code));
    add_reply_field(exchange, SLICE_LITERAL("Countersign-Outcome"), slice_of(exchange->outcome_text, (size_t)length));
    if (record->error_name.length > 0)
        add_reply_field(exchange, SLICE_LITERAL("Countersign-Error"), record->error_name);
    if (exchange->dropped)
        add_reply_field(exchange, SLICE_LITERAL("Countersign-Record"), SLICE_LITERAL("dropped"));
}

/* Content-Length is the front's: it tells the length of what it sends. For HEAD the exchange's own is kept. */
static void take_length(struct exchange *exchange, struct slice value)
{
    exchange->reply_has_length = slice_to_u64(value, &exchange->reply_length);
}

/* What this proxy says of an exchange, only it says. */
static bool is_ours(struct slice name)
{
    static const char prefix[] = "Countersign-";
    return slice_equal_text_caseless(slice_first(name, sizeof(prefix) - 1), prefix);
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
        else if (!is_ours(fields.items[i].name) && !http_field_is_hop_by_hop(fields, fields.items[i].name))
            add_reply_field(exchange, fields.items[i].name, fields.items[i].value);
    }
    free(fields.items);
    if (!done)
        return false;
    exchange_add_own_fields(exchange);
    exchange->reply_body = slice_of(exchange->response_body, exchange->response_body_length);
    return true;
}
