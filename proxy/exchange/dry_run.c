/* Mode dry-run: everything up to the first byte, and then an answer that shows what would have left. The worker's thread. */
#include "exchange_internal.h"

#include "countersign/base64.h"
#include "countersign/json_write.h"
#include "countersign/log.h"
#include "countersign/redaction.h"

#include <inttypes.h>

/* No bot may take it for an order that was placed: one that looks at the HTTP status alone must not see a 2xx, one that
 * looks at the envelope's `code` alone neither 0 nor 200, and none should try again by itself. 403 is what the proxy says
 * where it understands a request and does not carry it out (RFC 9110 §15.5.4). */
enum { DRY_RUN_STATUS = 403 };

static const char message[] = "countersign: a dry run (mode = dry-run): nothing was sent to the exchange; data holds "
                              "what would have been";

/* Bytes that are no UTF-8 come as base64, which the member NAMEEncoding says. */
static void append_bytes(struct buffer *out, const char *name, struct slice bytes)
{
    bool is_text = json_is_utf8(bytes);
    (void)buffer_append_format(out, ",\"%s\":", name); /* `failed` is checked with the reply, here and below */
    if (is_text) {
        (void)json_append_string(out, bytes);
    } else {
        (void)buffer_append_byte(out, '"');
        (void)base64_append(out, bytes);
        (void)buffer_append_byte(out, '"');
    }
    (void)buffer_append_format(out, ",\"%sEncoding\":\"%s\"", name, is_text ? "text" : "base64");
}

static void append_url(struct buffer *out, const struct exchange *exchange)
{
    struct buffer url;
    buffer_init(&url, EXCHANGE_SCRATCH_MAX);
    (void)buffer_append_slice(&url, upstream_base_url(exchange->listener->upstream)); /* as above */
    (void)buffer_append_slice(&url, exchange->sending.target);
    append_bytes(out, "url", buffer_slice(&url));
    out->failed = out->failed || url.failed;
    buffer_free(&url);
}

/* The head is masked as it is in the record, which this answer goes into. */
static void append_head(struct buffer *out, const struct exchange *exchange)
{
    struct buffer masked;
    buffer_init(&masked, EXCHANGE_SCRATCH_MAX);
    (void)redaction_append_head(&masked, buffer_slice(&exchange->upstream_head)); /* as above */
    append_bytes(out, "head", buffer_slice(&masked));
    out->failed = out->failed || masked.failed;
    buffer_free(&masked);
}

static bool reply(struct exchange *exchange)
{
    struct buffer *body = &exchange->own_body;
    buffer_free(body);
    buffer_init(body, SIZE_MAX / 2); /* bounded by proxy.body_max: a byte becomes six at most */
    (void)buffer_append_format(body, "{\"code\":%d,\"message\":", DRY_RUN_STATUS); /* `failed` is checked below */
    (void)json_append_string(body, slice_text(message));
    (void)buffer_append_text(body, ",\"data\":{\"method\":");
    (void)json_append_string(body, exchange->sending.method);
    append_url(body, exchange);
    append_head(body, exchange);
    append_bytes(body, "body", exchange->sending.body);
    (void)buffer_append_text(body, "}}");
    return exchange_reply_with_own_body(exchange, DRY_RUN_STATUS, false);
}

/* Checked before it is signed, as what is sent is. */
static bool is_sendable(struct exchange *exchange, struct error *error)
{
    bool done = upstream_append_head(&exchange->upstream_head, exchange->listener->upstream, &exchange->sending, error);
    buffer_reset(&exchange->upstream_head);
    return done;
}

static enum signer_client_key refuse(struct exchange *exchange, const struct error *error)
{
    exchange_refuse(exchange, error->kind == ERROR_INPUT ? REFUSAL_UNSENDABLE : REFUSAL_INTERNAL, error->message);
    return SIGNER_CLIENT_KEY_READY;
}

/* No intent: an outcome follows at once, and nothing leaves before it. */
enum signer_client_key exchange_run_dry(struct exchange *exchange)
{
    struct upstream_request request = exchange->sending;
    struct record *record = &exchange->record;
    struct error error;
    if (!is_sendable(exchange, &error))
        return refuse(exchange, &error);
    enum signer_client_key key =
        exchange_is_to_be_signed(exchange) ? exchange_sign(exchange, &request) : SIGNER_CLIENT_KEY_READY;
    if (key != SIGNER_CLIENT_KEY_READY)
        return key;
    if (!upstream_append_head(&exchange->upstream_head, exchange->listener->upstream, &request, &error))
        return refuse(exchange, &error);
    record->outcome = RECORD_DRY_RUN;
    record->views[RECORD_UPSTREAM_REQUEST] =
        (struct record_message){ .head = buffer_slice(&exchange->upstream_head), .body = exchange->sending.body };
    if (!reply(exchange))
        log_error("exchange %" PRId64 ": out of memory for its answer", record->id);
    exchange_conclude(exchange);
    return SIGNER_CLIENT_KEY_READY;
}
