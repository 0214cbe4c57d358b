/* What a request asks for: values from the query and from the JSON body, exactly as written. Pure. */
#include "room.h"

#include "countersign/hex.h"
#include "countersign/json_scan.h"

#include <string.h>

/* Ends `text` after `length` bytes, or empties it where they are no usable value. */
static enum input finish(char *text, size_t length, bool usable)
{
    usable = usable && memchr(text, '\0', length) == NULL;
    text[usable ? length : 0] = '\0';
    if (!usable)
        return INPUT_UNUSABLE;
    return length == 0 ? INPUT_ABSENT : INPUT_GIVEN;
}

/* Percent-decoding with '+' for a blank, as servers read a query (application/x-www-form-urlencoded). */
static enum input decode(char *text, size_t size, struct slice value)
{
    size_t length = 0;
    for (size_t i = 0; i < value.length; i++) {
        unsigned char byte = value.data[i] == '+' ? ' ' : (unsigned char)value.data[i];
        if (byte == '%') {
            if (value.length - i < 3 || !hex_decode(&byte, value.data + i + 1, 1))
                return finish(text, 0, false);
            i += 2;
        }
        if (length + 1 >= size)
            return finish(text, 0, false);
        text[length++] = (char)byte;
    }
    return finish(text, length, true);
}

enum input input_query(char *text, size_t size, struct slice query, const char *name)
{
    struct slice part;
    text[0] = '\0';
    while (slice_next_part(&query, '&', &part)) {
        size_t equals = slice_find(part, '=');
        if (slice_equal_text(slice_first(part, equals), name))
            return decode(text, size, slice_from(part, equals + 1));
    }
    return INPUT_ABSENT;
}

/* A scalar token as text. */
static enum input scalar(char *text, size_t size, enum json_token kind, struct slice written)
{
    if (kind == JSON_NULL)
        return finish(text, 0, true);
    if (kind != JSON_STRING && kind != JSON_NUMBER)
        return finish(text, 0, false);
    struct buffer value;
    buffer_init(&value, size - 1);
    bool usable = kind == JSON_STRING ? json_unescape(&value, written) : buffer_append_slice(&value, written);
    size_t length = usable ? value.length : 0;
    if (length > 0)
        memcpy(text, value.data, length);
    buffer_free(&value);
    return finish(text, length, usable);
}

enum input input_body(char *text, size_t size, struct slice body, const char *name)
{
    struct slice written;
    enum json_token kind;
    text[0] = '\0';
    return json_member(body, name, &written, &kind) ? scalar(text, size, kind, written) : INPUT_ABSENT;
}

enum input input_value(char *text, size_t size, struct slice written)
{
    struct json_scan scan;
    json_scan_init(&scan, written);
    enum json_token kind = json_scan_next(&scan, &written);
    return scalar(text, size, kind, written);
}

static bool is_one_object(struct slice body)
{
    struct json_scan scan;
    json_scan_init(&scan, body);
    return json_scan_next(&scan, NULL) == JSON_OBJECT_BEGIN && json_scan_skip(&scan, JSON_OBJECT_BEGIN) &&
           json_scan_next(&scan, NULL) == JSON_END;
}

static bool is_sent_as_json(struct http_fields fields)
{
    const struct http_field *type = http_field_find(fields, "Content-Type");
    if (type == NULL)
        return false;
    struct slice media_type = slice_first(type->value, slice_find(type->value, ';')); /* parameters do not matter */
    return slice_equal_text_caseless(slice_trim_blanks(media_type), "application/json");
}

/* "POST request: [parameters] can be sent in JSON format to the request body. If there are no parameters, {} needs to be
 * sent", and "'Content-Type':'application/json' needs to be set" (the documentation, "Request Format"). What happens
 * otherwise is not documented; "400 Bad Request - Invalid request format" says it best. */
bool input_check_post(const struct call *call, struct answer *answer)
{
    if (call->body.length == 0)
        return answer_fail(answer, FAILURE_BAD_REQUEST, "a POST without parameters must send {}");
    if (!is_sent_as_json(call->fields))
        return answer_fail(answer, FAILURE_BAD_REQUEST, "Content-Type is not application/json");
    if (!is_one_object(call->body))
        return answer_fail(answer, FAILURE_BAD_REQUEST, "the body is not one JSON object");
    return true;
}

bool input_list_holds(struct slice body, const char *name, const char *value, bool *is_empty)
{
    struct slice list, written;
    enum json_token kind;
    *is_empty = true;
    if (!json_member(body, name, &list, &kind) || kind != JSON_ARRAY_BEGIN)
        return false;
    struct json_scan scan;
    json_scan_init(&scan, list);
    (void)json_scan_next(&scan, NULL); /* the bracket: json_member said so */
    while ((kind = json_scan_next(&scan, &written)) == JSON_STRING || kind == JSON_NUMBER) {
        char text[ORDER_TEXT_MAX];
        *is_empty = false;
        if (scalar(text, sizeof(text), kind, written) == INPUT_GIVEN &&
            slice_equal_text_caseless(slice_text(text), value))
            return true;
    }
    return false;
}
