/* A JSON text as a flat tree: its values in their order, each as written. Private to the diff. */
#ifndef COUNTERSIGN_COMPARE_DIFF_JSON_H
#define COUNTERSIGN_COMPARE_DIFF_JSON_H

#include "diff_private.h"

#include "countersign/json_scan.h"

#define JSON_NO_VALUE UINT32_MAX

/* Small, because memory that is touched for the first time is what a diff of megabytes waits for: offsets instead of
 * slices (DIFF_JSON_MAX fits), names as written. */
struct json_value {
    uint32_t begin, length;           /* in the text, as written, objects and arrays whole */
    uint32_t name_begin, name_length; /* of a member's name, with its quotes; 0 otherwise */
    uint32_t parent;                  /* JSON_NO_VALUE for the first */
    uint32_t next;  /* the index behind its last descendant: the next value at its level, if there is one */
    uint32_t count; /* members or elements */
    uint32_t place; /* among its parent's, from 0 */
    enum json_token kind;
};

enum json_tree_result { JSON_TREE_READ, JSON_TREE_INVALID, JSON_TREE_TOO_LARGE, JSON_TREE_NO_MEMORY };

struct json_tree {
    struct slice text;         /* borrowed */
    struct json_value *values; /* in the order of the text */
    size_t count;
    size_t capacity;
    size_t space; /* bytes of white space between tokens */
    uint64_t
        space_shape; /* equal where the same white space stands between the same count of tokens (but for chance) */
};

/* Free it in every case. */
enum json_tree_result json_tree_read(struct json_tree *tree, struct slice text);
void json_tree_free(struct json_tree *tree);

static inline struct slice json_text(const struct json_tree *tree, const struct json_value *value)
{
    return slice_of(tree->text.data + value->begin, value->length);
}

/* With its quotes; empty for what is no member. */
static inline struct slice json_name_text(const struct json_tree *tree, const struct json_value *value)
{
    return slice_of(tree->text.data + value->name_begin, value->name_length);
}

/* What stands between the quotes of a string or name, escapes as written. */
static inline struct slice json_between_quotes(struct slice quoted)
{
    return quoted.length < 2 ? SLICE_LITERAL("") : slice_of(quoted.data + 1, quoted.length - 2);
}

static inline bool json_is_container(enum json_token kind)
{
    return kind == JSON_OBJECT_BEGIN || kind == JSON_ARRAY_BEGIN;
}

/* Appends "$.orders[2].ordPrice": members that are no plain word in brackets, ["a b"]; at most DIFF_SUBJECT_MAX bytes. */
void json_append_path(struct buffer *out, const struct json_tree *tree, uint32_t value);

/* ---- The comparison ---- */

struct json_pair {
    uint32_t value[2]; /* JSON_NO_VALUE: the other side's alone */
    bool is_repeated;  /* a member whose name occurs more than once in its object */
};

struct json_diff {
    struct diff_run *run;
    enum diff_section section;
    struct json_tree trees[2];
    struct json_pair *stack;
    size_t depth;
    size_t capacity;
    size_t found;
    bool structure_differs; /* values on one side alone, or of other types */
};

static inline const struct json_value *json_value_of(const struct json_diff *json, size_t side, uint32_t index)
{
    return &json->trees[side].values[index];
}

static inline struct slice json_text_of(const struct json_diff *json, size_t side, uint32_t index)
{
    return json_text(&json->trees[side], json_value_of(json, side, index));
}

static inline struct slice json_name_of(const struct json_diff *json, size_t side, uint32_t index)
{
    return json_name_text(&json->trees[side], json_value_of(json, side, index));
}

/* The pair's path, kept with the diff. Made for listed findings alone: whether one more of this weight would be. */
struct slice json_path_of(const struct json_diff *json, const struct json_pair *pair);
bool json_is_listed(const struct json_diff *json, enum diff_weight weight);

void json_add(struct json_diff *json, const struct json_pair *pair, enum diff_change change, enum diff_weight weight,
              const char *note);

/* Two values that are not both objects, nor both arrays. */
void json_compare_scalars(struct json_diff *json, const struct json_pair *pair);

#endif
