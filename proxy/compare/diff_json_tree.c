/* Reads a JSON text into a flat tree, in one pass, without recursion. The tree owns its values; one thread. */
#include "diff_json.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 64,
    BYTES_PER_VALUE =
        8,          /* usually more: a tree that seldom grows is not copied, and memory never touched costs nothing */
    PATH_HEAD = 160 /* bytes of a cut path that stand before the cut */
};

/* FNV-1a, 64 bits (draft-eastlake-fnv): tells shapes of white space apart, nothing that must withstand an attacker. */
static const uint64_t fnv_offset = 0xcbf29ce484222325u, fnv_prime = 0x100000001b3u;

struct reader {
    struct json_tree *tree;
    struct json_scan scan;
    struct slice text;
    size_t seen;       /* offset behind the last token */
    uint32_t open;     /* the innermost open object or array */
    struct slice name; /* of the value to come */
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

static struct json_value *add_value(struct reader *reader)
{
    struct json_tree *tree = reader->tree;
    if (tree->count == tree->capacity) {
        size_t guess = reader->text.length / BYTES_PER_VALUE + FIRST_CAPACITY;
        size_t capacity = tree->capacity == 0 ? guess : tree->capacity * 2;
        struct json_value *values = reallocarray(tree->values, capacity, sizeof(*values));
        if (values == NULL)
            return NULL;
        tree->values = values;
        tree->capacity = capacity;
    }
    return &tree->values[tree->count++];
}

/* Of a slice of the text; the empty one stands at 0. */
static uint32_t offset_of(const struct reader *reader, struct slice part)
{
    return part.length > 0 ? (uint32_t)(part.data - reader->text.data) : 0;
}

static enum json_tree_result take_value(struct reader *reader, enum json_token kind, struct slice text)
{
    struct json_tree *tree = reader->tree;
    if (tree->count == DIFF_JSON_VALUES_MAX)
        return JSON_TREE_TOO_LARGE;
    struct json_value *value = add_value(reader);
    if (value == NULL)
        return JSON_TREE_NO_MEMORY;
    *value = (struct json_value){ .begin = offset_of(reader, text),
                                  .length = (uint32_t)text.length,
                                  .name_begin = offset_of(reader, reader->name),
                                  .name_length = (uint32_t)reader->name.length,
                                  .parent = reader->open,
                                  .next = (uint32_t)tree->count,
                                  .kind = kind };
    reader->name = SLICE_LITERAL("");
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
    value->length = (uint32_t)reader->scan.offset - value->begin;
    reader->open = value->parent;
}

static enum json_tree_result take_token(struct reader *reader, enum json_token token, struct slice text)
{
    if (token == JSON_NAME)
        return (reader->name = text, JSON_TREE_READ);
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
    tree->text = text;
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

static void append_step(struct buffer *out, const struct json_tree *tree, const struct json_value *value)
{
    struct slice quoted = json_name_text(tree, value);
    if (quoted.length == 0)
        buffer_append_format(out, "[%u]", (unsigned)value->place);
    else if (is_plain_word(json_between_quotes(quoted)))
        (void)(buffer_append_byte(out, '.') && buffer_append_slice(out, json_between_quotes(quoted)));
    else
        (void)(buffer_append_byte(out, '[') && buffer_append_slice(out, quoted) &&
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
        append_step(&path, tree, &tree->values[steps[--count]]);
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
