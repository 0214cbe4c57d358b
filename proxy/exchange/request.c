/* What leaves for the exchange: byte for byte what the client sent, but for what design and documentation name; in mode
 * observe but for Host and what belongs to one connection.
 * The worker's thread. */
#include "exchange_internal.h"

#include "countersign/clock.h"
#include "countersign/log.h"
#include "countersign/redaction.h"
#include "countersign/secret.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "A POST without parameters must send the body `{}`": the exchange's documentation. */
static const struct slice empty_object = { "{}", 2 };

/* A head that is cut where its defect is ends with what came whole: without an empty line, and where the request line itself
 * is at fault, without a line's end. */
static void append_client_head(struct buffer *head, const struct front_request *request)
{
    struct http_fields fields = front_request_fields(request);
    bool has_line = front_request_version(request).length > 0;
    if (front_request_method(request).length == 0)
        return;
    (void)buffer_append_slice(head, front_request_method(request)); /* `failed` is checked behind the last */
    (void)buffer_append_byte(head, ' ');
    (void)buffer_append_slice(head, front_request_target(request));
    if (!has_line)
        return;
    (void)buffer_append_byte(head, ' ');
    (void)buffer_append_slice(head, front_request_version(request));
    (void)buffer_append_text(head, "\r\n");
    for (size_t i = 0; i < fields.count; i++)
        (void)http_append_field(head, fields.items[i].name, fields.items[i].value);
    if (front_request_head_is_whole(request))
        (void)buffer_append_text(head, "\r\n");
}

bool exchange_take_client_request(struct exchange *exchange)
{
    struct front_request *request = exchange->request;
    struct buffer *head = &exchange->client_head;
    append_client_head(head, request);
    exchange->record.views[RECORD_CLIENT_REQUEST] =
        (struct record_message){ .head = buffer_slice(head), .body = front_request_body(request) };
    /* The front's copy of the method goes before the exchange does, where a connection breaks within its reply. */
    exchange->record.method = slice_first(buffer_slice(head), exchange->record.method.length);
    return !head->failed;
}

/* Absolute form ("GET http://host/path", RFC 9112 §3.2.2) is taken for the upstream's own host alone. */
static bool origin_form(struct slice *target, struct slice raw, const char *host)
{
    static const char *const schemes[] = { "http://", "https://" };
    if (raw.length > 0 && raw.data[0] == '/') {
        *target = raw;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
        size_t length = strlen(schemes[i]);
        if (!slice_equal_text_caseless(slice_first(raw, length), schemes[i]))
            continue;
        struct slice rest = slice_from(raw, length);
        size_t path = slice_find(rest, '/');
        if (path == rest.length || !slice_equal_text_caseless(slice_first(rest, path), host))
            return false;
        *target = slice_from(rest, path);
        return true;
    }
    return false;
}

static bool passes_untouched(const struct exchange *exchange)
{
    return exchange->listener->mode == EXCHANGE_OBSERVE;
}

static bool is_forwarded(const struct exchange *exchange, struct http_fields fields, struct slice name)
{
    bool may_pass = redaction_rule_find(name)->forward || (passes_untouched(exchange) && scheme_owns_field(name));
    /* Host is the upstream's. The client's `Expect: 100-continue` was answered here (RFC 9110 §10.1.1). */
    return may_pass && !slice_equal_text_caseless(name, "Host") && !slice_equal_text_caseless(name, "Expect") &&
           !http_field_is_hop_by_hop(fields, name);
}

static void add_field(struct exchange *exchange, struct slice name, struct slice value)
{
    exchange->request_fields[exchange->sending.field_count++] = (struct http_field){ name, value };
}

static struct slice length_value(struct exchange *exchange)
{
    return digits_of(exchange->length_text, exchange->sending.body.length);
}

/* The client's fields at their places; a Content-Length keeps its place but tells the length that is sent. */
static void add_client_fields(struct exchange *exchange, struct http_fields fields, bool *has_length, bool *has_type)
{
    for (size_t i = 0; i < fields.count; i++) {
        struct http_field field = fields.items[i];
        if (!is_forwarded(exchange, fields, field.name) || caller_field_is_token(&exchange->listener->token, &field))
            continue;
        if (slice_equal_text_caseless(field.name, "Content-Length")) {
            *has_length = true;
            if (exchange->sending.has_body && !passes_untouched(exchange))
                field.value = length_value(exchange);
        }
        *has_type = *has_type || slice_equal_text_caseless(field.name, "Content-Type");
        add_field(exchange, field.name, field.value);
    }
}

enum refusal exchange_build_request(struct exchange *exchange)
{
    struct front_request *request = exchange->request;
    struct http_fields fields = front_request_fields(request);
    struct upstream_request *sending = &exchange->sending;
    bool gets_defaults = slice_equal_text(front_request_method(request), "POST") && !passes_untouched(exchange);
    if (!origin_form(&sending->target, front_request_target(request), upstream_host(exchange->listener->upstream)))
        return REFUSAL_OTHER_HOST;
    exchange->request_fields = calloc(fields.count + EXCHANGE_REQUEST_FIELDS_EXTRA, sizeof(struct http_field));
    if (exchange->request_fields == NULL)
        return REFUSAL_INTERNAL;
    sending->method = exchange->record.method;
    sending->body = front_request_body(request);
    if (gets_defaults && sending->body.length == 0)
        sending->body = empty_object;
    sending->has_body = sending->body.length > 0;
    bool has_length = false, has_type = false;
    add_client_fields(exchange, fields, &has_length, &has_type);
    if (gets_defaults && !has_type)
        add_field(exchange, SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/json"));
    if (sending->has_body && !has_length) /* the client sent it in chunks */
        add_field(exchange, SLICE_LITERAL("Content-Length"), length_value(exchange));
    sending->fields = exchange->request_fields;
    return REFUSAL_NONE;
}

static bool payload_signature(struct exchange *exchange, const struct scheme_window_key *key)
{
    struct record *record = &exchange->record;
    struct slice query = http_target_query(exchange->sending.target), body = exchange->sending.body;
    struct error error;
    if (!scheme_sign(record->signature, exchange->listener->worker->hmac, key, query, body, &error)) {
        log_error("cannot sign exchange %" PRId64 ": %s", record->id, error.message);
        return false;
    }
    record->payload_length = query.length + body.length;
    record->is_signed = true;
    record->digest_follows = true; /* see note_unsent_payload */
    return true;
}

void exchange_note_api_key(struct exchange *exchange, struct slice api_key)
{
    const struct exchange_listener *listener = exchange->listener;
    secret_mask(exchange->api_key_masked, api_key);
    exchange->record.account = slice_text(signer_client_account_name(listener->worker->signer, listener->account));
    exchange->record.api_key_masked = slice_of(exchange->api_key_masked, api_key.length);
}

/* Its bytes alone: most of the room behind them is never used. */
static void keep_api_key(struct exchange *exchange, const struct signer_client_api_key *api_key)
{
    exchange->api_key.length = api_key->length;
    memcpy(exchange->api_key.text, api_key->text, api_key->length);
}

/* The one reading that X-CS-EXPIRES, window and signature come from. */
static int64_t time_to_sign_by(const struct exchange_listener *listener, int64_t now_us)
{
    return listener->signs_by == NULL ? now_us : clock_watch_time_us(listener->signs_by);
}

void exchange_keep_signing(struct exchange *exchange)
{
    const struct record *record = &exchange->record;
    struct exchange_signing *earlier = &exchange->earlier;
    earlier->signed_us = record->signed_us;
    earlier->expires_ms = record->expires_ms;
    earlier->window = record->window;
    memcpy(earlier->signature, record->signature, sizeof(earlier->signature));
    earlier->api_key = exchange->api_key;
}

void exchange_take_signing_back(struct exchange *exchange)
{
    struct record *record = &exchange->record;
    const struct exchange_signing *earlier = &exchange->earlier;
    record->signed_us = earlier->signed_us;
    record->expires_ms = earlier->expires_ms;
    record->window = earlier->window;
    memcpy(record->signature, earlier->signature, sizeof(record->signature));
    exchange->api_key = earlier->api_key;
    exchange_note_api_key(exchange, signer_client_api_key_slice(&exchange->api_key));
}

enum signer_client_key exchange_sign(struct exchange *exchange, struct upstream_request *request)
{
    struct exchange_worker *worker = exchange->listener->worker;
    struct record *record = &exchange->record;
    struct signer_client_pair pair;
    int64_t now_us = clock_wall_us(), signs_at_us = time_to_sign_by(exchange->listener, now_us);
    uint64_t window = scheme_window(signs_at_us / 1000);
    enum signer_client_key found = signer_client_window_key(&pair, worker->signer, exchange->listener->account, window);
    if (found != SIGNER_CLIENT_KEY_READY)
        return found;
    record->signed_us = now_us;
    record->expires_ms = signs_at_us / 1000;
    record->window = window;
    bool is_signed = payload_signature(exchange, &pair.window_key);
    explicit_bzero(&pair.window_key, sizeof(pair.window_key));
    if (!is_signed)
        return SIGNER_CLIENT_KEY_GONE;
    keep_api_key(exchange, &pair.api_key);
    struct http_field *last = exchange->request_fields + exchange->sending.field_count;
    last[0] =
        (struct http_field){ SLICE_LITERAL(SCHEME_FIELD_APIKEY), signer_client_api_key_slice(&exchange->api_key) };
    last[1] =
        (struct http_field){ SLICE_LITERAL(SCHEME_FIELD_SIGN), slice_of(record->signature, SCHEME_SIGNATURE_LENGTH) };
    last[2] = (struct http_field){ SLICE_LITERAL(SCHEME_FIELD_EXPIRES),
                                   digits_of(exchange->expires_text, (uint64_t)record->expires_ms) };
    request->field_count = exchange->sending.field_count + 3;
    exchange_note_api_key(exchange, signer_client_api_key_slice(&exchange->api_key));
    return SIGNER_CLIENT_KEY_READY;
}
