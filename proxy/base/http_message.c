/* HTTP messages as bytes. Pure; any thread. */
#include "countersign/http_message.h"

#include "countersign/compiler.h"
#include "countersign/hex.h"

const struct http_field *http_field_find(struct http_fields fields, const char *name)
{
    struct slice wanted = slice_text(name);
    for (size_t i = 0; i < fields.count; i++) {
        if (slice_equal_caseless(fields.items[i].name, wanted))
            return &fields.items[i];
    }
    return NULL;
}

size_t http_field_count(struct http_fields fields, const char *name)
{
    struct slice wanted = slice_text(name);
    size_t count = 0;
    for (size_t i = 0; i < fields.count; i++)
        count += slice_equal_caseless(fields.items[i].name, wanted);
    return count;
}

static bool connection_lists(struct slice value, struct slice name)
{
    struct slice part;
    while (slice_next_part(&value, ',', &part)) {
        if (slice_equal_caseless(slice_trim_blanks(part), name))
            return true;
    }
    return false;
}

bool http_field_is_hop_by_hop(struct http_fields fields, struct slice name)
{
    static const struct slice always[] = {
        SLICE_OF_LITERAL("Connection"),
        SLICE_OF_LITERAL("Keep-Alive"),
        SLICE_OF_LITERAL("Proxy-Connection"),
        SLICE_OF_LITERAL("Proxy-Authorization"),
        SLICE_OF_LITERAL("Proxy-Authenticate"),
        SLICE_OF_LITERAL("TE"),
        SLICE_OF_LITERAL("Trailer"),
        SLICE_OF_LITERAL("Transfer-Encoding"),
        SLICE_OF_LITERAL("Upgrade"),
    };
    for (size_t i = 0; i < ARRAY_LENGTH(always); i++) {
        if (slice_equal_caseless(name, always[i]))
            return true;
    }
    for (size_t i = 0; i < fields.count; i++) {
        if (slice_equal_caseless(fields.items[i].name, always[0]) && connection_lists(fields.items[i].value, name))
            return true;
    }
    return false;
}

bool http_append_field(struct buffer *head, struct slice name, struct slice value)
{
    return buffer_append_slice(head, name) && buffer_append(head, ": ", 2) && buffer_append_slice(head, value) &&
           buffer_append(head, "\r\n", 2);
}

/* Cuts the first line, without its CRLF or LF, off `rest`. */
static bool next_line(struct slice *rest, struct slice *line)
{
    size_t end = slice_find(*rest, '\n');
    if (end == rest->length)
        return false;
    *line = slice_first(*rest, end);
    if (line->length > 0 && line->data[line->length - 1] == '\r')
        line->length--;
    *rest = slice_from(*rest, end + 1);
    return true;
}

static bool parse_fields(struct http_fields *fields, size_t capacity, struct slice rest)
{
    fields->count = 0;
    struct slice line;
    while (next_line(&rest, &line)) {
        if (line.length == 0)
            return rest.length == 0;
        size_t colon = slice_find(line, ':');
        if (colon == 0 || colon == line.length || fields->count == capacity)
            return false;
        fields->items[fields->count++] = (struct http_field){ .name = slice_first(line, colon),
                                                              .value = slice_trim_blanks(slice_from(line, colon + 1)) };
    }
    return false;
}

bool http_parse_response_head(int *status, struct http_fields *fields, size_t capacity, struct slice head)
{
    struct slice line, version, code = { NULL, 0 };
    uint64_t number;
    if (!next_line(&head, &line) || !slice_starts_with(line, "HTTP/"))
        return false;
    if (!slice_next_part(&line, ' ', &version) || !slice_next_part(&line, ' ', &code))
        return false;
    if (code.length != 3 || !slice_to_u64(code, &number) || !parse_fields(fields, capacity, head))
        return false;
    *status = (int)number;
    return true;
}

bool http_parse_request_head(struct slice *method, struct slice *target, struct http_fields *fields, size_t capacity,
                             struct slice head)
{
    struct slice line, first, second;
    if (!next_line(&head, &line) || !slice_next_part(&line, ' ', &first) || !slice_next_part(&line, ' ', &second))
        return false;
    if (!slice_starts_with(line, "HTTP/") || !parse_fields(fields, capacity, head))
        return false;
    *method = first;
    *target = second;
    return true;
}

struct slice http_target_path(struct slice target)
{
    return slice_first(target, slice_find(target, '?'));
}

struct slice http_target_query(struct slice target)
{
    return slice_from(target, slice_find(target, '?') + 1);
}

bool http_method_is_valid(struct slice method)
{
    static const char marks[] = "!#$%&'*+-.^_`|~"; /* tchar, RFC 9110 §5.6.2 */
    if (method.length == 0 || method.length > 32)
        return false;
    for (size_t i = 0; i < method.length; i++) {
        char byte = method.data[i];
        bool alphanumeric =
            (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
        if (!alphanumeric && slice_find(SLICE_LITERAL(marks), byte) == sizeof(marks) - 1)
            return false;
    }
    return true;
}

bool http_append_percent_decoded(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte == '%' && text.length - i > 2 && hex_decode(&byte, text.data + i + 1, 1))
            i += 2;
        (void)buffer_append_byte(out, (char)byte); /* the buffer remembers a failure */
    }
    return !out->failed;
}
