/* What may be sent, its head as it leaves, and its form for libcurl: a list of "Name: value" lines. The list and its text
 * live in the call, so a call that is used again allocates nothing. */
#include "upstream_internal.h"

#include "countersign/compiler.h"

#include <string.h>

/* Lines without a value keep libcurl from adding its defaults. They come first: libcurl looks at the first line of a name,
 * so a client's own "Expect: 100-continue" leaves as given, and nothing waits for the 100. */
static const char *const suppressed[UPSTREAM_SUPPRESSED] = { "Accept", "Content-Type", "Expect" };

enum { LINE_EXTRA = 3, METHOD_MAX = 32 };

static bool is_control(char byte)
{
    return (unsigned char)byte < 0x20 || byte == 0x7f;
}

/* Without an end before the last byte, compilers look at many bytes at once. */
static bool has_control(struct slice text, bool but_tab)
{
    unsigned found = 0;
    for (size_t i = 0; i < text.length; i++)
        found |= (unsigned)is_control(text.data[i]) & (unsigned)(text.data[i] != '\t' || !but_tab);
    return found != 0;
}

/* RFC 9112 §3.2: a blank or a line end in the target would change what the request line says. */
static bool target_is_sendable(struct slice target)
{
    return target.length > 0 && target.length <= UPSTREAM_HEAD_MAX / 2 && !has_control(target, false) &&
           slice_find(target, ' ') == target.length;
}

/* RFC 9110 §5.5: visible bytes, blanks, and bytes beyond ASCII. */
static bool value_is_sendable(struct slice value)
{
    return !has_control(value, true);
}

static bool name_is_sendable(struct slice name)
{
    /* a method is a token like a name, but bounded: look at one piece at a time */
    for (size_t at = 0; at < name.length; at += METHOD_MAX) {
        size_t left = name.length - at;
        if (!http_method_is_valid(slice_of(name.data + at, left < METHOD_MAX ? left : METHOD_MAX)))
            return false;
    }
    return name.length > 0;
}

static bool field_check(const struct http_field *field, size_t body_length, struct error *error)
{
    uint64_t length;
    if (!name_is_sendable(field->name) || !value_is_sendable(field->value))
        return error_set(error, ERROR_INPUT, "a header field holds bytes that HTTP cannot carry (RFC 9110 §5.5)");
    if (slice_equal_text_caseless(field->name, "Host") || slice_equal_text_caseless(field->name, "Transfer-Encoding"))
        return error_set(error, ERROR_INPUT, "the header field %.*s is not the sender's to give",
                         SLICE_ARGUMENTS(field->name));
    if (slice_equal_text_caseless(field->name, "Content-Length") &&
        (!slice_to_u64(slice_trim_blanks(field->value), &length) || length != body_length))
        return error_set(error, ERROR_INPUT, "the header field Content-Length is not the length of the body, %zu bytes",
                         body_length);
    return true;
}

static bool fields_check(const struct upstream_request *request, struct error *error)
{
    size_t bytes = 0;
    if (request->field_count > UPSTREAM_FIELDS_MAX)
        return error_set(error, ERROR_INPUT, "a request with %zu header fields: at most %d can be sent",
                         request->field_count, UPSTREAM_FIELDS_MAX);
    for (size_t i = 0; i < request->field_count; i++) {
        if (!field_check(&request->fields[i], request->has_body ? request->body.length : 0, error))
            return false;
        bytes += request->fields[i].name.length + request->fields[i].value.length;
    }
    if (bytes > UPSTREAM_HEAD_MAX / 2)
        return error_set(error, ERROR_INPUT, "a request with %zu bytes of header fields: at most %d can be sent", bytes,
                         UPSTREAM_HEAD_MAX / 2);
    return true;
}

bool request_check(const struct upstream_request *request, struct error *error)
{
    if (!http_method_is_valid(request->method))
        return error_set(error, ERROR_INPUT, "the request's method is not a token (RFC 9110 §5.6.2)");
    if (!target_is_sendable(request->target))
        return error_set(error, ERROR_INPUT,
                         "the request's target is empty, too long, or holds a blank or a control byte");
    /* libcurl leaves the body out of a request whose answer has none */
    if (request->has_body && slice_equal_text(request->method, "HEAD"))
        return error_set(error, ERROR_INPUT, "a HEAD request with a body cannot be sent");
    return fields_check(request, error);
}

/* HTTP/2 carries names in lower case (RFC 9113 §8.2.1), and libcurl shows them so; Host it turns into a pseudo-field. */
static void append_name(struct buffer *head, struct slice name, enum upstream_http http)
{
    if (http != UPSTREAM_HTTP_2) {
        (void)buffer_append_slice(head, name); /* the caller checks `failed`, here and below */
        return;
    }
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.data[i];
        bool is_lowered = byte >= 'A' && byte <= 'Z';
        (void)buffer_append_byte(head, is_lowered ? (char)(byte - 'A' + 'a') : byte);
    }
}

static bool gives_length(const struct upstream_request *request)
{
    for (size_t i = 0; i < request->field_count; i++) {
        if (slice_equal_text_caseless(request->fields[i].name, "Content-Length"))
            return true;
    }
    return false;
}

bool upstream_append_head(struct buffer *head, const struct upstream *upstream, const struct upstream_request *request,
                          struct error *error)
{
    if (!request_check(request, error))
        return false;
    return head_write(head, upstream, request) ||
           error_set(error, ERROR_MEMORY, "out of memory for a request to %s", upstream->host);
}

bool head_write(struct buffer *head, const struct upstream *upstream, const struct upstream_request *request)
{
    static const char *const versions[] = {
        [UPSTREAM_HTTP_1_1] = " HTTP/1.1\r\n", [UPSTREAM_HTTP_2] = " HTTP/2\r\n", [UPSTREAM_HTTP_AUTO] = " HTTP/1.1\r\n"
    };
    (void)buffer_append_slice(head, request->method); /* `failed` is checked at the end of the run */
    (void)buffer_append_byte(head, ' ');
    (void)buffer_append_slice(head, request->target);
    (void)buffer_append_text(head, versions[upstream->options.http]);
    (void)http_append_field(head, SLICE_LITERAL("Host"), slice_text(upstream->host));
    for (size_t i = 0; i < request->field_count; i++) {
        struct slice value = slice_trim_blanks(request->fields[i].value);
        append_name(head, request->fields[i].name, upstream->options.http);
        (void)buffer_append_text(head, value.length == 0 ? ":" : ": "); /* libcurl's form, as in fields_write */
        (void)buffer_append_slice(head, value);
        (void)buffer_append_text(head, "\r\n");
    }
    if (request->has_body && !gives_length(request)) /* as libcurl does */
        (void)buffer_append_format(head, "%s: %zu\r\n",
                                   upstream->options.http == UPSTREAM_HTTP_2 ? "content-length" : "Content-Length",
                                   request->body.length);
    (void)buffer_append_text(head, "\r\n");
    return !head->failed;
}

/* Bytes of all lines: each has a separator of up to two bytes and a NUL. */
static size_t text_size(const struct upstream_request *request)
{
    size_t size = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(suppressed); i++)
        size += strlen(suppressed[i]) + LINE_EXTRA;
    for (size_t i = 0; i < request->field_count; i++)
        size += request->fields[i].name.length + request->fields[i].value.length + LINE_EXTRA;
    return size;
}

/* The room for the text is reserved, so the appends do not fail and the text does not move. */
static void line_add(struct upstream_call *call, size_t index, struct slice name, const char *separator,
                     struct slice value)
{
    call->lines[index].data = call->field_text.data + call->field_text.length;
    call->lines[index].next = NULL;
    if (index > 0)
        call->lines[index - 1].next = &call->lines[index];
    (void)buffer_append_slice(&call->field_text, name);
    (void)buffer_append_text(&call->field_text, separator);
    (void)buffer_append_slice(&call->field_text, value);
    (void)buffer_append_byte(&call->field_text, '\0');
}

bool fields_write(struct upstream_call *call, const struct upstream_request *request)
{
    static const struct slice nothing = { NULL, 0 };
    buffer_reset(&call->field_text);
    if (buffer_reserve(&call->field_text, text_size(request)) == NULL)
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(suppressed); i++)
        line_add(call, i, slice_text(suppressed[i]), ":", nothing);
    for (size_t i = 0; i < request->field_count; i++) {
        struct slice value = slice_trim_blanks(request->fields[i].value);
        /* libcurl's notation for a field with an empty value is "Name;" */
        line_add(call, UPSTREAM_SUPPRESSED + i, request->fields[i].name, value.length == 0 ? ";" : ": ", value);
    }
    return true;
}
