/* Looks at a request's head and finds what must not be forwarded: a table of checks. Pure. */
#include "head.h"

#include "gate_steps.h"

#include "countersign/compiler.h"

enum { CRLF_LENGTH = 2, TARGET_CONTROL_LAST = 0x20 };

static bool has_byte(struct slice text, char byte)
{
    return slice_find(text, byte) < text.length;
}

bool head_is_token(struct slice name)
{
    for (size_t i = 0; i < name.length; i++) {
        if ((gate_kinds[(unsigned char)name.data[i]] & N) == 0)
            return false;
    }
    return name.length > 0;
}

bool head_lists_token(struct http_fields fields, const char *name, const char *token)
{
    struct slice wanted = slice_text(name);
    for (size_t i = 0; i < fields.count; i++) {
        if (!slice_equal_caseless(fields.items[i].name, wanted))
            continue;
        struct slice rest = fields.items[i].value;
        struct slice part;
        while (rest.data != NULL && slice_next_part(&rest, ',', &part)) {
            if (slice_equal_text_caseless(slice_trim_blanks(part), token))
                return true;
        }
    }
    return false;
}

uint64_t head_content_length(struct http_fields fields)
{
    uint64_t length = 0;
    const struct http_field *field = http_field_find(fields, "Content-Length");
    return field != NULL && slice_to_u64(field->value, &length) ? length : 0;
}

bool head_expects_continue(struct http_fields fields)
{
    return head_lists_token(fields, "Expect", "100-continue");
}

/* --- the checks --- */

static bool has_too_many_fields(const struct request_head *head)
{
    return head->field_count > HTTP_FIELDS_MAX;
}

/* Of the first Cookie field libmicrohttpd makes a copy, in the room that was made for one head; any counts, as in the gate. */
static bool is_too_large(const struct request_head *head)
{
    size_t size = head->size;
    for (size_t i = 0; i < head->fields.count; i++) {
        if (slice_equal_text_caseless(head->fields.items[i].name, "Cookie"))
            size += head->fields.items[i].value.length;
    }
    return size > head->size_max;
}

static uintptr_t address_behind(struct slice piece)
{
    return (uintptr_t)piece.data + piece.length;
}

static bool request_line_has_a_gap(const struct request_head *head)
{
    uintptr_t target = (uintptr_t)head->target_in_pool;
    return address_behind(head->method) + 1 != target ||
           target + head->target.length + 1 != (uintptr_t)head->version.data;
}

static bool fields_have_a_gap(const struct request_head *head)
{
    uintptr_t line = address_behind(head->version) + CRLF_LENGTH;
    for (size_t i = 0; i < head->fields.count; i++) {
        const struct http_field *field = &head->fields.items[i];
        if ((uintptr_t)field->name.data != line || (uintptr_t)field->value.data <= address_behind(field->name))
            return true;
        line = address_behind(field->value) + CRLF_LENGTH;
    }
    return line + CRLF_LENGTH != (uintptr_t)head->method.data + head->size;
}

static bool method_is_refused(const struct request_head *head)
{
    return slice_equal_text_caseless(head->method, "CONNECT") || slice_equal_text_caseless(head->method, "TRACE") ||
           !http_method_is_valid(head->method);
}

/* RFC 9112 §6.1, §6.3. libmicrohttpd compares Transfer-Encoding's value with the blanks behind it and reads to the
 * connection's end where it is not "chunked"; it decodes chunks in HTTP/1.0 too, where no one else would. */
static bool length_is_ambiguous(const struct request_head *head)
{
    size_t lengths = http_field_count(head->fields, "Content-Length");
    size_t codings = http_field_count(head->fields, "Transfer-Encoding");
    if (codings == 0)
        return lengths > 1;
    return codings > 1 || lengths > 0 || slice_equal_text(head->version, "HTTP/1.0") ||
           !slice_equal_text_caseless(http_field_find(head->fields, "Transfer-Encoding")->value, "chunked");
}

static bool is_absolute_form(struct slice target)
{
    size_t colon = slice_find(target, ':');
    return colon > 0 && slice_starts_with(slice_from(target, colon), "://") &&
           head_is_token(slice_first(target, colon));
}

static bool target_is_malformed(const struct request_head *head)
{
    struct slice target = head->target;
    for (size_t i = 0; i < target.length; i++) {
        unsigned char byte = (unsigned char)target.data[i];
        if (byte <= TARGET_CONTROL_LAST || byte == 0x7F)
            return true;
    }
    return !slice_starts_with(target, "/") && !slice_equal_text(target, "*") && !is_absolute_form(target);
}

static bool a_field_is_malformed(const struct request_head *head)
{
    for (size_t i = 0; i < head->fields.count; i++) {
        if (!head_is_token(head->fields.items[i].name) || has_byte(head->fields.items[i].value, '\r'))
            return true;
    }
    return false;
}

/* RFC 9112 §3.2 */
static bool host_is_missing_or_repeated(const struct request_head *head)
{
    size_t hosts = http_field_count(head->fields, "Host");
    return hosts > 1 || (hosts == 0 && !slice_equal_text(head->version, "HTTP/1.0"));
}

struct head_finding head_inspect(const struct request_head *head)
{
    static const struct {
        bool (*is_wrong)(const struct request_head *head);
        struct head_finding finding;
    } checks[] = {
        { has_too_many_fields, { FRONT_DEFECT_HEADER_TOO_LARGE, .unbounded = true } },
        { request_line_has_a_gap, { FRONT_DEFECT_MALFORMED_TARGET, .unbounded = true } },
        { fields_have_a_gap, { FRONT_DEFECT_MALFORMED_FIELD, .unbounded = true } },
        { length_is_ambiguous, { FRONT_DEFECT_AMBIGUOUS_LENGTH, .unbounded = true } },
        { method_is_refused, { FRONT_DEFECT_METHOD_REFUSED, .unbounded = true } },
        { is_too_large, { FRONT_DEFECT_HEADER_TOO_LARGE, .unbounded = false } },
        { target_is_malformed, { FRONT_DEFECT_MALFORMED_TARGET, .unbounded = false } },
        { a_field_is_malformed, { FRONT_DEFECT_MALFORMED_FIELD, .unbounded = false } },
        { host_is_missing_or_repeated, { FRONT_DEFECT_MALFORMED_FIELD, .unbounded = false } },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
        if (checks[i].is_wrong(head))
            return checks[i].finding;
    }
    return (struct head_finding){ .defect = FRONT_DEFECT_NONE };
}
