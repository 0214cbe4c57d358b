/* Reads a JSON text into a flat tree, in one pass, without recursion. The tree owns its values; one thread. */
#include "diff_json.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64, PATH_HEAD = 160 /* bytes of a cut path that stand before the cut */ };

/* FNV-1a, 64 bits (draft-eastlake-fnv): tells shapes of white space apart, nothing that must withstand an attacker. */
static const uint64_t fnv_offset = 0xcbf29ce484222325u, fnv_prime = 0x100000001b3u;

struct reader {
    struct json_tree *tree;
    struct json_scan scan;
    struct slice text;
    size_t seen;   /* offset behind the last token */
    uint32_t open; /* the innermost open object or array */
    struct slice name_text;
    struct slice name;
};

static void note_space(struct reader *reader, size_t token_begin)
{
    struct json_tree *tree = reader->tree;
    for (size_t i = reader->seen; i < token_begin; i++) {
        char byte = reader->text.data[i];
        tree->space += byte != ',' && byte != ':';
        tree->space_shape = (tree->space_shape ^ (unsigned char)byte) * fnv_prime;
    }
    tree->space_shape = (tree->space_shape ^ 0xFF) * fnv_prime; /* a token */
    reader->seen = reader->scan.offset;
}

/* An escaped name is resolved, so that "c\u006fde" is `code`; one with a lone surrogate stays as written, behind a byte
 * that no UTF-8 holds, so that it is nobody else's name. */
static bool take_name(struct reader *reader, struct slice quoted)
{
    struct buffer *names = &reader->tree->names;
    reader->name_text = quoted;
    reader->name = slice_of(quoted.data + 1, quoted.length - 2);
    if (slice_find(reader->name, '\\') == reader->name.length)
        return true;
    /* All of it at once: what names point to must not move. Resolved names are shorter than written ones. */
    if (names->capacity == 0 && buffer_reserve(names, reader->text.length) == NULL)
        return false;
    size_t begin = names->length;
    if (!json_unescape(names, quoted) &&
        !(buffer_append_byte(names, '\xFF') && buffer_append_slice(names, reader->name)))
        return false;
    reader->name = slice_of(names->data + begin, names->length - begin);
    return true;
}

static struct json_value *add_value(struct reader *reader)
{
    struct json_tree *tree = reader->tree;
    if (tree->count == tree->capacity) {
        size_t capacity = tree->capacity == 0 ? FIRST_CAPACITY : tree->capacity * 2;
        struct json_value *values = reallocarray(tree->values, capacity, sizeof(*values));
        if (values == NULL)
            return NULL;
        tree->values = values;
        tree->capacity = capacity;
    }
    struct json_value *value = &tree->values[tree->count++];
    *value = (struct json_value){ .parent = reader->open, .name = reader->name, .name_text = reader->name_text };
    reader->name = reader->name_text = SLICE_LITERAL("");
    return value;
}

static enum json_tree_result take_value(struct reader *reader, enum json_token kind, struct slice text)
{
    struct json_tree *tree = reader->tree;
    if (tree->count == DIFF_JSON_VALUES_MAX)
        return JSON_TREE_TOO_LARGE;
    struct json_value *value = add_value(reader);
    if (value == NULL)
        return JSON_TREE_NO_MEMORY;
    value->kind = kind;
    value->text = text;
    value->next = (uint32_t)tree->count;
    if (reader->open != JSON_NO_VALUE)
        value->place = tree->values[reader->open].count++;
    if (json_is_container(kind))
        reader->open = (uint32_t)tree->count - 1;
    return JSON_TREE_READ;
}

static void close_value(struct reader *reader)
{
    struct json_value *value = &reader->tree->values[reader->open];
    value->next = (uint32_t)reader->tree->count;
    value->text.length = (size_t)(reader->text.data + reader->scan.offset - value->text.data);
    reader->open = value->parent;
}

static enum json_tree_result take_token(struct reader *reader, enum json_token token, struct slice text)
{
    if (token == JSON_NAME)
        return take_name(reader, text) ? JSON_TREE_READ : JSON_TREE_NO_MEMORY;
    if (token == JSON_OBJECT_END || token == JSON_ARRAY_END)
        return (close_value(reader), JSON_TREE_READ);
    return take_value(reader, token, text);
}

enum json_tree_result json_tree_read(struct json_tree *tree, struct slice text)
{
    struct reader reader = { .tree = tree, .text = text, .open = JSON_NO_VALUE };
    enum json_tree_result result = JSON_TREE_READ;
    struct slice token_text;
    memset(tree, 0, sizeof(*tree));
    tree->space_shape = fnv_offset;
    /* A name with a lone surrogate is one byte longer, but was four bytes of quotes, colon and value longer before. */
    buffer_init(&tree->names, text.length);
    if (text.length > DIFF_JSON_MAX)
        return JSON_TREE_TOO_LARGE;
    json_scan_init(&reader.scan, text);
    while (result == JSON_TREE_READ) {
        enum json_token token = json_scan_next(&reader.scan, &token_text);
        if (token == JSON_INVALID)
            return JSON_TREE_INVALID;
        note_space(&reader, reader.scan.offset - token_text.length);
        if (token == JSON_END)
            return JSON_TREE_READ;
        result = take_token(&reader, token, token_text);
    }
    return result;
}

void json_tree_free(struct json_tree *tree)
{
    free(tree->values);
    buffer_free(&tree->names);
    tree->values = NULL;
}

static bool is_plain_word(struct slice name)
{
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.data[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
        if (!is_letter && !(i > 0 && byte >= '0' && byte <= '9'))
            return false;
    }
    return name.length > 0;
}

static void append_step(struct buffer *out, const struct json_value *value)
{
    if (value->name_text.length == 0)
        buffer_append_format(out, "[%u]", (unsigned)value->place);
    else if (is_plain_word(value->name))
        (void)(buffer_append_byte(out, '.') && buffer_append_slice(out, value->name));
    else
        (void)(buffer_append_byte(out, '[') && buffer_append_slice(out, value->name_text) &&
               buffer_append_byte(out, ']')); /* the buffer remembers a failure */
}

void json_append_path(struct buffer *out, const struct json_tree *tree, uint32_t value)
{
    uint32_t steps[JSON_DEPTH_MAX + 1];
    size_t count = 0;
    struct buffer path;
    buffer_init(&path, SIZE_MAX / 2);
    for (uint32_t at = value; tree->values[at].parent != JSON_NO_VALUE && count < ARRAY_LENGTH(steps);
         at = tree->values[at].parent)
        steps[count++] = at;
    buffer_append_byte(&path, '$');
    while (count > 0)
        append_step(&path, &tree->values[steps[--count]]);
    if (path.length <= DIFF_SUBJECT_MAX) {
        buffer_append_slice(out, buffer_slice(&path));
    } else {
        size_t tail = DIFF_SUBJECT_MAX - PATH_HEAD - sizeof("...") + 1;
        buffer_append(out, path.data, PATH_HEAD);
        buffer_append_text(out, "...");
        buffer_append_slice(out, slice_from(buffer_slice(&path), path.length - tail));
    }
    out->failed = out->failed || path.failed;
    buffer_free(&path);
}
