/* A reader of HTTP/1.1 requests for the fuzz target to judge by: RFC 9112 as it stands, line by line over the whole input,
 * sharing nothing with the front but the names of its bounds. */
#ifndef COUNTERSIGN_FUZZ_STRICT_HTTP_H
#define COUNTERSIGN_FUZZ_STRICT_HTTP_H

#include "countersign/buffer.h"
#include "countersign/http_message.h"

#include <string.h>

enum strict_verdict {
    STRICT_WHOLE,
    STRICT_MALFORMED, /* whatever may follow */
    STRICT_REFUSED,   /* over a bound, or well-formed and still not to be forwarded: when that is noticed is not said */
    STRICT_OPEN,      /* the input ends within it */
    STRICT_NEAR       /* near a bound that is the front's own: nothing can be said, nor of what follows */
};

struct strict_bounds {
    size_t head;
    size_t body;
};

struct strict_request {
    struct slice method;
    struct slice target;
    struct slice version;
    struct http_field fields[HTTP_FIELDS_MAX];
    size_t field_count;
    struct buffer body;
};

enum { STRICT_CHUNK_LINE_MAX = 250, STRICT_ENTRIES_MAX = 250 };

static inline bool strict_is_one_of(char byte, const char *bytes)
{
    return byte != '\0' && strchr(bytes, byte) != NULL;
}

static inline bool strict_is_token(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        if (!((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
              strict_is_one_of(byte, "!#$%&'*+-.^_`|~")))
            return false;
    }
    return text.length > 0;
}

static inline bool strict_has_control(struct slice text, bool tabs_too)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if ((byte < ' ' && (tabs_too || byte != '\t')) || byte == 0x7F)
            return true;
    }
    return false;
}

/* A line and its CR LF off `rest`. */
static inline enum strict_verdict strict_line(struct slice *rest, struct slice *line)
{
    size_t end = slice_find(*rest, '\n');
    if (end == rest->length)
        return STRICT_OPEN;
    if (end == 0 || rest->data[end - 1] != '\r')
        return STRICT_MALFORMED;
    *line = slice_first(*rest, end - 1);
    *rest = slice_from(*rest, end + 1);
    return strict_has_control(*line, false) ? STRICT_MALFORMED : STRICT_WHOLE;
}

/* RFC 9112 §3.2; authority form goes with CONNECT alone. */
static inline bool strict_is_to_be_forwarded(struct strict_request *request)
{
    struct slice target = request->target;
    size_t hosts = http_field_count((struct http_fields){ request->fields, request->field_count }, "Host");
    if (request->method.length > 32 || slice_equal_text_caseless(request->method, "CONNECT") ||
        slice_equal_text_caseless(request->method, "TRACE"))
        return false;
    if (hosts > 1 || (hosts == 0 && !slice_equal_text(request->version, "HTTP/1.0")))
        return false;
    if (target.data[0] == '/' || slice_equal_text(target, "*"))
        return true;
    size_t colon = slice_find(target, ':');
    return slice_starts_with(slice_from(target, colon), "://") && strict_is_token(slice_first(target, colon));
}

static inline bool strict_request_line(struct strict_request *request, struct slice line)
{
    size_t first = slice_find(line, ' ');
    request->method = slice_first(line, first);
    struct slice rest = slice_from(line, first + 1);
    size_t second = slice_find(rest, ' ');
    request->target = slice_first(rest, second);
    request->version = slice_from(rest, second + 1);
    return strict_is_token(request->method) && request->target.length > 0 &&
           !strict_has_control(request->target, true) &&
           (slice_equal_text(request->version, "HTTP/1.1") || slice_equal_text(request->version, "HTTP/1.0"));
}

/* Lines up to the empty one; trailer fields where `request` is NULL. `entries`: fields and cookies. */
static inline enum strict_verdict strict_fields(struct strict_request *request, struct slice *rest, size_t *entries)
{
    struct slice line = slice_of(NULL, 0);
    for (;;) {
        enum strict_verdict verdict = strict_line(rest, &line);
        if (verdict != STRICT_WHOLE)
            return verdict;
        if (line.length == 0)
            return STRICT_WHOLE;
        size_t colon = slice_find(line, ':');
        if (colon == line.length || !strict_is_token(slice_first(line, colon)))
            return STRICT_MALFORMED;
        struct http_field field = { slice_first(line, colon), slice_from(line, colon + 1) };
        (*entries)++;
        for (size_t i = 0; slice_equal_text_caseless(field.name, "Cookie") && i < field.value.length; i++)
            *entries += strict_is_one_of(field.value.data[i], ";,");
        bool may_end_in_lone_quote = slice_equal_text_caseless(field.name, "Cookie") && field.value.length >= 2 &&
                                     memcmp(field.value.data + field.value.length - 2, "=\"", 2) == 0;
        if (*entries > STRICT_ENTRIES_MAX || may_end_in_lone_quote)
            return STRICT_NEAR;
        if (request != NULL)
            request->fields[request->field_count++] = field;
    }
}

static inline enum strict_verdict strict_chunks(struct strict_request *request, struct slice *rest, size_t *entries,
                                                const struct strict_bounds *bounds)
{
    struct slice line = slice_of(NULL, 0);
    for (;;) {
        enum strict_verdict verdict = strict_line(rest, &line);
        if (verdict != STRICT_WHOLE)
            return verdict;
        if (line.length > STRICT_CHUNK_LINE_MAX)
            return STRICT_NEAR;
        size_t digits = 0, size = 0;
        for (; digits < line.length && strict_is_one_of(line.data[digits], "0123456789abcdefABCDEF"); digits++) {
            char byte = line.data[digits];
            size_t digit = byte <= '9' ? (size_t)(byte - '0') : (size_t)((byte | 0x20) - 'a') + 10;
            size = size > bounds->body ? size : size * 16 + digit;
        }
        if (digits == 0 || (digits < line.length && line.data[digits] != ';'))
            return STRICT_MALFORMED;
        if (size > bounds->body || request->body.length + size > bounds->body)
            return STRICT_REFUSED;
        if (size == 0)
            return strict_fields(NULL, rest, entries);
        if (rest->length < size + 2)
            return STRICT_OPEN;
        if (!slice_starts_with(slice_from(*rest, size), "\r\n"))
            return STRICT_MALFORMED;
        (void)buffer_append(&request->body, rest->data, size); /* `failed` is looked at by the caller */
        *rest = slice_from(*rest, size + 2);
    }
}

static inline enum strict_verdict strict_body(struct strict_request *request, struct slice *rest, size_t *entries,
                                              const struct strict_bounds *bounds)
{
    struct http_fields fields = { request->fields, request->field_count };
    const struct http_field *length = http_field_find(fields, "Content-Length");
    const struct http_field *coding = http_field_find(fields, "Transfer-Encoding");
    bool is_1_0 = slice_equal_text(request->version, "HTTP/1.0");
    uint64_t size = 0;
    if (http_field_count(fields, "Content-Length") + http_field_count(fields, "Transfer-Encoding") > 1)
        return STRICT_MALFORMED;
    if (coding != NULL && (is_1_0 || !slice_equal_text_caseless(coding->value, "chunked")))
        return STRICT_MALFORMED;
    if (coding != NULL)
        return strict_chunks(request, rest, entries, bounds);
    if (length != NULL && !slice_to_u64(length->value, &size))
        return STRICT_MALFORMED;
    if (size > bounds->body)
        return STRICT_REFUSED;
    if (rest->length < size)
        return STRICT_OPEN;
    (void)buffer_append(&request->body, rest->data, (size_t)size); /* `failed` is looked at by the caller */
    *rest = slice_from(*rest, (size_t)size);
    return STRICT_WHOLE;
}

/* OWS before a value always counts as none; behind it, but for the two fields that end a request. */
static inline void strict_trim(struct strict_request *request)
{
    for (size_t i = 0; i < request->field_count; i++) {
        struct http_field *field = &request->fields[i];
        struct slice trimmed = slice_trim_blanks(field->value);
        bool frames = slice_equal_text_caseless(field->name, "Content-Length") ||
                      slice_equal_text_caseless(field->name, "Transfer-Encoding");
        if (frames && trimmed.length > 0)
            trimmed.length = (size_t)(field->value.data + field->value.length - trimmed.data);
        field->value = trimmed;
    }
}

/* The request at the beginning of `rest`, which then begins behind it. The caller empties request->body before. */
static inline enum strict_verdict strict_read(struct strict_request *request, struct slice *rest,
                                              const struct strict_bounds *bounds)
{
    struct slice line = slice_of(NULL, 0), all = *rest;
    size_t entries = 0;
    request->field_count = 0;
    enum strict_verdict verdict = strict_line(rest, &line);
    if (verdict == STRICT_WHOLE && !strict_request_line(request, line))
        verdict = STRICT_MALFORMED;
    if (verdict == STRICT_WHOLE)
        verdict = strict_fields(request, rest, &entries);
    size_t head = all.length - rest->length;
    if (head > bounds->head)
        return STRICT_REFUSED; /* a fault may come before that, or after */
    for (size_t i = 0; i < request->field_count; i++) {
        if (slice_equal_text_caseless(request->fields[i].name, "Cookie"))
            head += request->fields[i].value.length;
    }
    if (head > bounds->head)
        return STRICT_NEAR; /* cookies count twice */
    if (verdict != STRICT_WHOLE)
        return verdict;
    strict_trim(request);
    if (!strict_is_to_be_forwarded(request))
        return STRICT_REFUSED;
    verdict = strict_body(request, rest, &entries, bounds);
    bool has_trailer_at_bound = all.length - rest->length - request->body.length > bounds->head;
    return has_trailer_at_bound ? STRICT_NEAR : verdict;
}

#endif
