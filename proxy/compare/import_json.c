/* HAR's JSON: members of an object in one pass, elements of an array, strings, base64. Pure; any thread. */
#include "import_private.h"

/* A name with escapes is none of those that are looked for: no writer of HAR escapes letters. */
static struct import_member *find_member(struct import_member *members, size_t count, struct slice quoted)
{
    struct slice name = slice_of(quoted.data + 1, quoted.length - 2);
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_text(name, members[i].name))
            return &members[i];
    }
    return NULL;
}

bool import_json_members(struct slice object, struct import_member *members, size_t count)
{
    struct json_scan scan;
    struct slice name, value;
    json_scan_init(&scan, object);
    for (size_t i = 0; i < count; i++)
        members[i].kind = JSON_END;
    if (json_scan_next(&scan, NULL) != JSON_OBJECT_BEGIN)
        return false;
    while (json_scan_next(&scan, &name) == JSON_NAME) {
        enum json_token kind = json_scan_next(&scan, &value);
        if (!json_scan_skip(&scan, kind))
            return false;
        struct import_member *member = find_member(members, count, name);
        if (member == NULL || member->kind != JSON_END || kind == JSON_NULL)
            continue;
        member->kind = kind;
        member->value = slice_of(value.data, (size_t)(object.data + scan.offset - value.data));
    }
    return true;
}

bool import_json_array_begin(struct json_scan *scan, struct slice array)
{
    json_scan_init(scan, array);
    return json_scan_next(scan, NULL) == JSON_ARRAY_BEGIN;
}

bool import_json_array_next(struct json_scan *scan, struct slice *element, enum json_token *kind)
{
    struct slice value;
    *kind = json_scan_next(scan, &value);
    if (*kind == JSON_ARRAY_END || *kind == JSON_END || *kind == JSON_INVALID || !json_scan_skip(scan, *kind))
        return false;
    *element = slice_of(value.data, (size_t)(scan->text.data + scan->offset - value.data));
    return true;
}

bool import_json_text(struct import *import, struct slice *text, struct slice quoted, struct error *error)
{
    struct buffer out;
    buffer_init(&out, quoted.length);
    bool is_text = json_unescape(&out, quoted);
    bool done = is_text ? import_keep_buffer(import, text, &out, error)
                        : error_set(error, ERROR_INPUT, "a string is no Unicode (half of a surrogate pair)");
    buffer_free(&out);
    return done;
}

/* A character's six bits, -1 where it is none. */
static int base64_value(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

bool import_base64_decode(struct buffer *out, struct slice text)
{
    unsigned bits = 0, count = 0, padding = 0;
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        int value = base64_value(byte);
        if (is_blank(byte))
            continue;
        padding += byte == '=';
        if (byte != '=' && (value < 0 || padding > 0))
            return false;
        bits = bits << 6 | (unsigned)(value < 0 ? 0 : value);
        if (++count % 4 != 0)
            continue;
        buffer_append_byte(out, (char)(bits >> 16));
        if (padding < 2)
            buffer_append_byte(out, (char)(bits >> 8));
        if (padding < 1)
            buffer_append_byte(out, (char)bits);
        bits = 0;
    }
    return count % 4 == 0 && padding <= 2 && !out->failed;
}
