/* Export as HAR 1.2. The numbers of sections are of http://www.softwareishard.com/blog/har-12-spec/. One thread. */
#include "export_har.h"

#include "countersign/base64.h"
#include "countersign/clock.h"
#include "countersign/compiler.h"
#include "countersign/content.h"
#include "countersign/json_write.h"

void har_name(struct buffer *out, const char *name)
{
    char last = out->length > 0 ? out->data[out->length - 1] : '{';
    buffer_append_format(out, "%s\"%s\":", last == '{' ? "" : ",", name);
}

void har_text(struct buffer *out, const char *name, struct slice text)
{
    har_name(out, name);
    (void)json_append_string(out, text); /* the buffer remembers a failure */
}

void har_number(struct buffer *out, const char *name, int64_t number)
{
    har_name(out, name);
    buffer_append_format(out, "%lld", (long long)number);
}

static void begin(const struct export *export, struct buffer *out)
{
    bool is_shared = export->options.share != NULL;
    buffer_append_text(out, "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"countersign\",\"version\":"
                            "\"" COUNTERSIGN_VERSION "\"}");
    if (is_shared)
        buffer_append_text(out,
                           ",\"_shared\":true,\"comment\":\"Shared: ids, balances and addresses are tokens (order-1); "
                           "lengths and signatures fit no longer.\"");
    buffer_append_text(out, ",\"entries\":[");
}

static void end(const struct export *export, struct buffer *out)
{
    (void)export;
    buffer_append_text(out, "\n]}}\n");
}

/* --- fields and parameters --- */

static void append_pair(struct buffer *out, bool is_first, struct slice name, struct slice value)
{
    buffer_append_text(out, is_first ? "{" : ",{");
    har_text(out, "name", name);
    har_text(out, "value", value);
    buffer_append_byte(out, '}');
}

static void append_fields(struct buffer *out, const struct export_message *message)
{
    har_name(out, "headers");
    buffer_append_byte(out, '[');
    for (size_t i = 0; i < message->fields.count; i++)
        append_pair(out, i == 0, message->fields.items[i].name, message->fields.items[i].value);
    buffer_append_byte(out, ']');
}

/* "%2F" as browsers show it: decoded (RFC 3986 §2.1). As it is where it stands for no UTF-8. */
static struct slice decode_percent(struct buffer *work, struct slice text)
{
    buffer_reset(work);
    (void)http_append_percent_decoded(work, text); /* the buffer remembers a failure */
    return json_is_utf8(buffer_slice(work)) ? buffer_slice(work) : text;
}

static void append_query(struct buffer *out, struct buffer *work, struct slice target)
{
    struct slice query = http_target_query(target), parameter;
    bool is_first = true;
    har_name(out, "queryString");
    buffer_append_byte(out, '[');
    while (slice_next_part(&query, '&', &parameter)) {
        size_t equals = slice_find(parameter, '=');
        if (parameter.length == 0)
            continue;
        buffer_append_text(out, is_first ? "{" : ",{");
        har_text(out, "name", decode_percent(work, slice_first(parameter, equals)));
        har_text(out, "value", decode_percent(work, slice_from(parameter, equals + 1)));
        buffer_append_byte(out, '}');
        is_first = false;
    }
    buffer_append_byte(out, ']');
}

/* --- request (4.5) --- */

/* An upstream without TLS is known by its connection. */
static const char *scheme_of(const struct har_sides *sides, const struct record *record)
{
    bool is_plain = record->connection.ip_family != 0 && record->connection.tls_version.length == 0;
    return sides->is_clients || is_plain ? "http" : "https";
}

/* Bytes that no URL holds are escaped (RFC 3986 §2.1); the request target's own escapes stay. */
static void append_url(struct buffer *out, struct buffer *work, const struct har_sides *sides,
                       const struct record *record, const struct export_message *request)
{
    struct slice host = export_field(request, "Host");
    buffer_reset(work);
    if (slice_starts_with(request->target, "/") || slice_equal_text(request->target, "*"))
        buffer_append_format(work, "%s://%.*s%s", scheme_of(sides, record),
                             SLICE_ARGUMENTS(host.length > 0 ? host : slice_text("localhost")),
                             slice_starts_with(request->target, "/") ? "" : "/");
    for (size_t i = 0; i < request->target.length; i++) {
        unsigned char byte = (unsigned char)request->target.data[i];
        if (byte <= 0x20 || byte >= 0x7f)
            buffer_append_format(work, "%%%02X", byte);
        else
            buffer_append_byte(work, (char)byte);
    }
    har_text(out, "url", buffer_slice(work));
}

/* The member "text"; where the bytes are no UTF-8 it is base64, and `encoding` is the member that says so. */
static void append_bytes(struct buffer *out, struct slice bytes, const char *encoding)
{
    if (json_is_utf8(bytes)) {
        har_text(out, "text", bytes);
        return;
    }
    har_name(out, "text");
    buffer_append_byte(out, '"');
    (void)base64_append(out, bytes); /* the buffer remembers a failure */
    buffer_append_byte(out, '"');
    har_text(out, encoding, SLICE_LITERAL("base64"));
}

/* The specification knows text alone here; what is no UTF-8 comes as base64, which `_encoding` says. */
static void append_post_data(struct buffer *out, const struct export_message *message, struct slice body)
{
    if (body.length == 0)
        return;
    har_name(out, "postData");
    buffer_append_byte(out, '{');
    har_text(out, "mimeType", export_field(message, "Content-Type"));
    append_bytes(out, body, "_encoding");
    buffer_append_byte(out, '}');
}

static struct slice or_text(struct slice text, const char *otherwise)
{
    return text.length > 0 ? text : slice_text(otherwise);
}

static void append_request(struct export *export, struct buffer *out, const struct har_sides *sides,
                           const struct record *record)
{
    const struct record_message *bytes = &record->views[sides->request];
    struct export_message message;
    export_read_request(&message, bytes->head);
    if (!message.is_read) {
        message.method = record->method;
        message.target = record->target;
    }
    har_name(out, "request");
    buffer_append_byte(out, '{');
    har_text(out, "method", message.method);
    append_url(out, &export->work, sides, record, &message);
    har_text(out, "httpVersion", or_text(message.version, "HTTP/1.1"));
    buffer_append_text(out, ",\"cookies\":[]"); /* their fields are masked */
    append_fields(out, &message);
    append_query(out, &export->work, message.target);
    append_post_data(out, &message, bytes->body);
    har_number(out, "headersSize", bytes->head.length > 0 ? (int64_t)bytes->head.length : -1);
    har_number(out, "bodySize", (int64_t)bytes->body.length);
    buffer_append_byte(out, '}');
}

/* --- response (4.6) --- */

static void append_content(struct export *export, struct buffer *out, const struct export_message *message,
                           struct slice body)
{
    struct slice text = body;
    struct buffer decoded;
    buffer_init(&decoded, EXPORT_DECODED_MAX);
    /* Shared bodies are decoded already. */
    bool is_decoded = export->options.share == NULL &&
                      content_decode(&decoded, export_field(message, "Content-Encoding"), body) == CONTENT_DECODED;
    if (is_decoded)
        text = buffer_slice(&decoded);
    har_name(out, "content");
    buffer_append_byte(out, '{');
    har_number(out, "size", (int64_t)text.length);
    if (is_decoded)
        har_number(out, "compression", (int64_t)text.length - (int64_t)body.length);
    har_text(out, "mimeType", or_text(export_field(message, "Content-Type"), "x-unknown")); /* as browsers do */
    append_bytes(out, text, "encoding");
    buffer_append_byte(out, '}');
    buffer_free(&decoded);
}

/* No answer is status 0, as in browsers. */
static void append_response(struct export *export, struct buffer *out, const struct har_sides *sides,
                            const struct record *record)
{
    const struct record_message *bytes = &record->views[sides->response];
    struct export_message message;
    export_read_response(&message, bytes->head);
    har_name(out, "response");
    buffer_append_byte(out, '{');
    har_number(out, "status", message.status);
    har_text(out, "statusText", message.reason);
    har_text(out, "httpVersion", or_text(message.version, "HTTP/1.1"));
    buffer_append_text(out, ",\"cookies\":[]"); /* their fields are masked */
    append_fields(out, &message);
    append_content(export, out, &message, bytes->body);
    har_text(out, "redirectURL", export_field(&message, "Location"));
    har_number(out, "headersSize", bytes->head.length > 0 ? (int64_t)bytes->head.length : -1);
    har_number(out, "bodySize", bytes->head.length > 0 ? (int64_t)bytes->body.length : -1);
    buffer_append_byte(out, '}');
}

/* --- entry (4.4) --- */

static struct har_sides sides_of(const struct record *record)
{
    if (record->views[RECORD_UPSTREAM_REQUEST].head.length > 0)
        return (struct har_sides){ RECORD_UPSTREAM_REQUEST, RECORD_UPSTREAM_RESPONSE, false };
    return (struct har_sides){ RECORD_CLIENT_REQUEST, RECORD_CLIENT_RESPONSE, true };
}

static void append_connection(struct buffer *out, const struct record_connection *connection)
{
    if (connection->ip_family == 0)
        return;
    har_text(out, "serverIPAddress", connection->remote_address);
    har_name(out, "connection");
    buffer_append_format(out, "\"%d\"", connection->local_port);
}

static bool append(struct export *export, struct buffer *out, const struct record *record, struct error *error)
{
    const struct har_sides sides = sides_of(record);
    char time[CLOCK_TEXT_MAX];
    (void)error; /* the buffer remembers a failure */
    buffer_append_text(out, export->count == 0 ? "\n{" : ",\n{");
    har_text(out, "startedDateTime", slice_text(clock_format_utc(time, record->received_us)));
    har_append_timings(out, &sides, record);
    append_request(export, out, &sides, record);
    append_response(export, out, &sides, record);
    buffer_append_text(out, ",\"cache\":{}");
    append_connection(out, &record->connection);
    har_name(out, "_countersign");
    export_append_object(out, record, true, export->options.share != NULL);
    buffer_append_byte(out, '}');
    return true;
}

const struct export_writer export_har = { "har", begin, append, end };
