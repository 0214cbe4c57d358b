/* An exchange as one JSON object. Written straight into a buffer: ids and numbers stay exact, NUL bytes included. Owns
 * nothing; any thread. */
#include "export_private.h"

#include "countersign/base64.h"
#include "countersign/clock.h"
#include "countersign/compiler.h"
#include "countersign/hex.h"
#include "countersign/json_write.h"

struct object {
    struct buffer *out;
    bool has_members;
};

static void begin_object(struct object *object, struct buffer *out)
{
    *object = (struct object){ .out = out };
    buffer_append_byte(out, '{');
}

static void end_object(struct object *object)
{
    buffer_append_byte(object->out, '}');
}

static void add_name(struct object *object, const char *name)
{
    buffer_append_format(object->out, "%s\"%s\":", object->has_members ? "," : "", name);
    object->has_members = true;
}

static void add_null(struct object *object, const char *name)
{
    add_name(object, name);
    buffer_append_text(object->out, "null");
}

static void add_number(struct object *object, const char *name, int64_t number)
{
    add_name(object, name);
    buffer_append_format(object->out, "%lld", (long long)number);
}

static void add_count(struct object *object, const char *name, uint64_t count)
{
    add_name(object, name);
    buffer_append_format(object->out, "%llu", (unsigned long long)count);
}

static void add_known_number(struct object *object, const char *name, int64_t number, bool known)
{
    if (known)
        add_number(object, name, number);
    else
        add_null(object, name);
}

static void add_flag(struct object *object, const char *name, bool flag)
{
    add_name(object, name);
    buffer_append_text(object->out, flag ? "true" : "false");
}

static void append_base64(struct buffer *out, struct slice bytes)
{
    buffer_append_byte(out, '"');
    (void)base64_append(out, bytes); /* the buffer remembers a failure */
    buffer_append_byte(out, '"');
}

static void add_bytes(struct object *object, const char *name, struct slice bytes, bool is_text)
{
    add_name(object, name);
    if (is_text)
        (void)json_append_string(object->out, bytes); /* the buffer remembers a failure */
    else
        append_base64(object->out, bytes);
}

/* Bytes that are no UTF-8 come as base64, which the member NAMEEncoding then says. Empty is null. */
static void add_text(struct object *object, const char *name, struct slice bytes)
{
    bool is_text = json_is_utf8(bytes);
    if (bytes.length == 0) {
        add_null(object, name);
        return;
    }
    add_bytes(object, name, bytes, is_text);
    if (!is_text) {
        buffer_append_format(object->out, ",\"%sEncoding\":\"base64\"", name);
    }
}

static void add_client(struct object *record_object, const struct record *record)
{
    struct object object;
    add_name(record_object, "client");
    begin_object(&object, record_object->out);
    add_text(&object, "address", record->client_address);
    add_known_number(&object, "uid", record->client_uid, record->client_uid >= 0);
    end_object(&object);
}

static void add_times(struct object *record_object, const struct record *record)
{
    const struct {
        const char *name;
        int64_t wall_us;
    } moments[] = {
        { "receivedUs", record->received_us },    { "connectedUs", record->connected_us },
        { "signedUs", record->signed_us },        { "sentUs", record->sent_us },
        { "firstByteUs", record->first_byte_us }, { "completeUs", record->complete_us },
        { "repliedUs", record->replied_us },
    };
    struct object object;
    char text[CLOCK_TEXT_MAX];
    add_name(record_object, "times");
    begin_object(&object, record_object->out);
    add_text(&object, "received",
             slice_text(record->received_us != 0 ? clock_format_utc(text, record->received_us) : ""));
    for (size_t i = 0; i < ARRAY_LENGTH(moments); i++)
        add_known_number(&object, moments[i].name, moments[i].wall_us, moments[i].wall_us != 0);
    add_known_number(&object, "waitedUs", record->waited_us, record->waited_us != 0);
    end_object(&object);
}

/* A member of its own where something was found out later, and none else. */
static void add_reconciled(struct object *record_object, const struct record *record)
{
    struct object object;
    char text[CLOCK_TEXT_MAX];
    add_name(record_object, "reconciled");
    begin_object(&object, record_object->out);
    add_text(&object, "summary", record->reconciled);
    add_text(&object, "detail", record->reconciled_detail);
    add_flag(&object, "settled", record->is_settled);
    add_text(&object, "at", slice_text(clock_format_utc(text, record->reconciled_us)));
    end_object(&object);
}

static void add_signing(struct object *record_object, const struct record *record)
{
    struct object object;
    char sha256[2 * sizeof(record->payload_sha256)];
    if (!record->is_signed) {
        add_null(record_object, "signing");
        return;
    }
    hex_encode(sha256, record->payload_sha256, sizeof(record->payload_sha256));
    add_name(record_object, "signing");
    begin_object(&object, record_object->out);
    add_count(&object, "payloadLength", record->payload_length);
    add_text(&object, "payloadSha256", slice_of(sha256, sizeof(sha256)));
    add_number(&object, "expiresMs", record->expires_ms);
    add_count(&object, "window", record->window);
    add_text(&object, "signature", slice_of(record->signature, sizeof(record->signature)));
    end_object(&object);
}

static void add_clock(struct object *record_object, const struct record *record)
{
    struct object object;
    if (record->clock_bound_us == 0) {
        add_null(record_object, "clock");
        return;
    }
    add_name(record_object, "clock");
    begin_object(&object, record_object->out);
    add_number(&object, "offsetUs", record->clock_offset_us);
    add_number(&object, "boundUs", record->clock_bound_us);
    end_object(&object);
}

static void add_connection(struct object *record_object, const struct record_connection *connection)
{
    struct object object;
    if (connection->ip_family == 0) {
        add_null(record_object, "connection");
        return;
    }
    add_name(record_object, "connection");
    begin_object(&object, record_object->out);
    add_text(&object, "localAddress", connection->local_address);
    add_number(&object, "localPort", connection->local_port);
    add_text(&object, "remoteAddress", connection->remote_address);
    add_number(&object, "remotePort", connection->remote_port);
    add_number(&object, "ipFamily", connection->ip_family);
    add_flag(&object, "reused", connection->reused);
    add_text(&object, "tlsVersion", connection->tls_version);
    add_text(&object, "tlsCipher", connection->tls_cipher);
    add_text(&object, "httpVersion", connection->http_version);
    end_object(&object);
}

static void add_view(struct object *views, const char *name, const struct record_message *message)
{
    struct object object;
    bool is_text = json_is_utf8(message->body);
    if (message->head.length == 0 && message->body.length == 0) {
        add_null(views, name);
        return;
    }
    add_name(views, name);
    begin_object(&object, views->out);
    add_text(&object, "head", message->head);
    add_count(&object, "bodyLength", message->body.length);
    add_bytes(&object, "body", message->body, is_text);
    add_text(&object, "bodyEncoding", slice_text(is_text ? "text" : "base64"));
    end_object(&object);
}

static void add_views(struct object *record_object, const struct record *record)
{
    static const char *const names[RECORD_VIEW_COUNT] = {
        [RECORD_CLIENT_REQUEST] = "clientRequest",
        [RECORD_UPSTREAM_REQUEST] = "upstreamRequest",
        [RECORD_UPSTREAM_RESPONSE] = "upstreamResponse",
        [RECORD_CLIENT_RESPONSE] = "clientResponse",
    };
    struct object object;
    add_name(record_object, "views");
    begin_object(&object, record_object->out);
    for (size_t i = 0; i < RECORD_VIEW_COUNT; i++)
        add_view(&object, names[i], &record->views[i]);
    end_object(&object);
}

void export_append_object(struct buffer *out, const struct record *record, bool with_views, bool is_shared)
{
    struct object object;
    begin_object(&object, out);
    add_number(&object, "id", record->id);
    add_text(&object, "listener", record->listener);
    add_text(&object, "account", record->account);
    add_text(&object, "apiKeyMasked", record->api_key_masked);
    add_client(&object, record);
    add_text(&object, "clientSignature",
             slice_text(record->client_signature == RECORD_CLIENT_SIGNATURE_NOT_CHECKED
                            ? ""
                            : record_client_signature_name(record->client_signature)));
    add_text(&object, "method", record->method);
    add_text(&object, "target", record->target);
    add_text(&object, "outcome", slice_text(record_outcome_name(record->outcome)));
    add_known_number(&object, "status", record->status, record->status != 0);
    add_text(&object, "apiCode", record->api_code);
    add_text(&object, "apiMessage", record->api_message);
    add_text(&object, "error", record->error_name);
    add_text(&object, "errorMessage", record->error_message);
    if (record->reconciled.length > 0)
        add_reconciled(&object, record);
    add_times(&object, record);
    add_flag(&object, "delivered", record->delivered);
    add_signing(&object, record);
    add_clock(&object, record);
    add_count(&object, "attempts", record->attempts);
    add_connection(&object, &record->connection);
    if (with_views)
        add_views(&object, record);
    if (is_shared)
        add_flag(&object, "shared", true);
    end_object(&object);
}

void export_append_json(struct buffer *out, const struct record *record, bool with_views)
{
    export_append_object(out, record, with_views, false);
}
