/* HAR's JSON: members of an object in one pass, elements of an array, strings. Pure; any thread. */
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
