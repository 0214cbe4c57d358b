/* Two JSON texts compared value by value: members by name, elements by place, scalars as
 * diff_json_values.c does. A stack of pairs instead of recursion. Owns nothing beyond a call; one thread. */
#include "diff_json.h"

#include <stdlib.h>

enum { ORDER_SHOWN_MAX = 256 /* bytes of member names in a finding about their order */, FIRST_PAIRS = 64 };

static void push(struct json_diff *json, struct json_pair pair)
{
    if (json->depth == json->capacity) {
        size_t capacity = json->capacity == 0 ? FIRST_PAIRS : json->capacity * 2;
        struct json_pair *stack = reallocarray(json->stack, capacity, sizeof(*stack));
        if (stack == NULL) {
            json->run->failed = true;
            return;
        }
        json->stack = stack;
        json->capacity = capacity;
    }
    json->stack[json->depth++] = pair;
}

/* What was pushed since `mark` is to be looked at in the order in which it was pushed. */
static void reverse_since(struct json_diff *json, size_t mark)
{
    for (size_t low = mark, high = json->depth; low + 1 < high; low++, high--) {
        struct json_pair pair = json->stack[low];
        json->stack[low] = json->stack[high - 1];
        json->stack[high - 1] = pair;
    }
}

/* Nothing is to be found where the very same bytes stand. */
static void push_unless_equal(struct json_diff *json, uint32_t a, uint32_t b, bool is_repeated)
{
    if (!slice_equal(json_text_of(json, 0, a), json_text_of(json, 1, b)))
        push(json, (struct json_pair){ .value = { a, b }, .is_repeated = is_repeated });
}

static void push_one_sided(struct json_diff *json, size_t side, uint32_t value, bool is_repeated)
{
    struct json_pair pair = { .value = { JSON_NO_VALUE, JSON_NO_VALUE }, .is_repeated = is_repeated };
    pair.value[side] = value;
    json->structure_differs = true;
    push(json, pair);
}

static void compare_arrays(struct json_diff *json, const struct json_pair *pair)
{
    const struct json_value *const arrays[2] = { json_value_of(json, 0, pair->value[0]),
                                                 json_value_of(json, 1, pair->value[1]) };
    uint32_t at[2] = { pair->value[0] + 1, pair->value[1] + 1 };
    for (uint32_t i = 0; i < arrays[0]->count || i < arrays[1]->count; i++) {
        const bool has[2] = { i < arrays[0]->count, i < arrays[1]->count };
        if (has[0] && has[1])
            push_unless_equal(json, at[0], at[1], false);
        else
            push_one_sided(json, has[0] ? 0 : 1, at[has[0] ? 0 : 1], false);
        for (size_t side = 0; side < 2; side++)
            if (has[side])
                at[side] = json_value_of(json, side, at[side])->next;
    }
}

static void compare_member(struct json_diff *json, uint32_t a, uint32_t b, bool is_repeated)
{
    const struct json_pair pair = { .value = { a, b }, .is_repeated = is_repeated };
    if (!slice_equal(json_name_of(json, 0, a), json_name_of(json, 1, b)))
        json_add(json, &pair, DIFF_ESCAPES, DIFF_COSMETIC, "the same name with other escapes");
    push_unless_equal(json, a, b, is_repeated);
}

/* The usual case: the same names at the same places. Nothing is pushed where it is not. */
static bool same_names(const struct json_diff *json, const struct json_pair *pair)
{
    uint32_t a = pair->value[0], b = pair->value[1];
    uint32_t count = json_value_of(json, 0, a)->count;
    if (count != json_value_of(json, 1, b)->count)
        return false;
    a++, b++;
    for (uint32_t i = 0; i < count; i++) {
        if (!slice_equal(json_name_of(json, 0, a), json_name_of(json, 1, b)))
            return false;
        a = json_value_of(json, 0, a)->next;
        b = json_value_of(json, 1, b)->next;
    }
    return true;
}

/* An object's members, to be matched. */
struct members {
    uint32_t *values;
    struct slice *names; /* escapes resolved */
    size_t count;
    struct buffer resolved; /* the names that had escapes */
};

/* So that "c\u006fde" is `code`. One with a lone surrogate stays as written, behind a byte that no UTF-8 holds, so that it
 * is nobody else's name. NULL data: memory is out. */
static struct slice resolved_name(struct members *members, struct slice quoted)
{
    struct buffer *resolved = &members->resolved;
    struct slice name = json_between_quotes(quoted);
    if (slice_find(name, '\\') == name.length)
        return name;
    /* All of it at once: what names point to must not move. A resolved name is never longer than a quoted one. */
    if (resolved->capacity == 0 && buffer_reserve(resolved, resolved->maximum) == NULL)
        return slice_of(NULL, 0);
    size_t begin = resolved->length;
    if (!json_unescape(resolved, quoted) &&
        !(buffer_append_byte(resolved, '\xFF') && buffer_append_slice(resolved, name)))
        return slice_of(NULL, 0);
    return slice_of(resolved->data + begin, resolved->length - begin);
}

static bool list_members(struct members *members, const struct json_tree *tree, uint32_t object)
{
    members->count = tree->values[object].count;
    members->values = calloc(members->count + 1, sizeof(*members->values));
    members->names = calloc(members->count + 1, sizeof(*members->names));
    buffer_init(&members->resolved, tree->values[object].length);
    if (members->values == NULL || members->names == NULL)
        return false;
    uint32_t at = object + 1;
    for (size_t i = 0; i < members->count; i++, at = tree->values[at].next) {
        members->values[i] = at;
        members->names[i] = resolved_name(members, json_name_text(tree, &tree->values[at]));
        if (members->names[i].data == NULL)
            return false;
    }
    return true;
}

static struct slice names_in_order(struct json_diff *json, const struct members *members, const struct json_tree *tree)
{
    struct buffer out;
    buffer_init(&out, 2 * ORDER_SHOWN_MAX);
    for (size_t i = 0; i < members->count; i++) {
        struct slice name = json_between_quotes(json_name_text(tree, &tree->values[members->values[i]]));
        if (out.length + name.length > ORDER_SHOWN_MAX) {
            buffer_append_text(&out, i > 0 ? ", ..." : "...");
            break;
        }
        buffer_append_text(&out, i > 0 ? ", " : "");
        buffer_append_slice(&out, name);
    }
    return diff_keep_buffer(json->run, &out);
}

static void add_key_order(struct json_diff *json, const struct json_pair *pair, const struct members members[2])
{
    struct diff_finding finding = { .section = json->section,
                                    .part = DIFF_PART_JSON,
                                    .change = DIFF_KEY_ORDER,
                                    .weight = DIFF_COSMETIC,
                                    .has = { true, true } };
    if (json_is_listed(json, DIFF_COSMETIC)) {
        finding.subject = json_path_of(json, pair);
        for (size_t side = 0; side < 2; side++)
            finding.values[side] = names_in_order(json, &members[side], &json->trees[side]);
    }
    json->found++;
    diff_add(json->run, &finding);
}

static bool is_out_of_order(const struct diff_matching *matching)
{
    uint32_t last = 0;
    for (size_t i = 0; i < matching->counts[0]; i++) {
        uint32_t partner = matching->partners[0][i];
        if (partner == DIFF_NO_PARTNER)
            continue;
        if (partner < last)
            return true;
        last = partner;
    }
    return false;
}

static void push_members(struct json_diff *json, const struct members members[2], const struct diff_matching *matching)
{
    for (size_t i = 0; i < members[0].count; i++) {
        uint32_t partner = matching->partners[0][i];
        if (partner == DIFF_NO_PARTNER)
            push_one_sided(json, 0, members[0].values[i], matching->is_repeated[0][i]);
        else
            compare_member(json, members[0].values[i], members[1].values[partner], matching->is_repeated[0][i]);
    }
    for (size_t i = 0; i < members[1].count; i++)
        if (matching->partners[1][i] == DIFF_NO_PARTNER)
            push_one_sided(json, 1, members[1].values[i], matching->is_repeated[1][i]);
}

static void match_members(struct json_diff *json, const struct json_pair *pair)
{
    struct members members[2] = { { .values = NULL } };
    struct diff_matching matching = { .partners = { NULL, NULL } };
    bool done = list_members(&members[0], &json->trees[0], pair->value[0]) &&
                list_members(&members[1], &json->trees[1], pair->value[1]) &&
                diff_match(&matching, (const struct slice *[2]){ members[0].names, members[1].names },
                           (const size_t[2]){ members[0].count, members[1].count }, false);
    if (!done)
        json->run->failed = true;
    if (done && is_out_of_order(&matching))
        add_key_order(json, pair, members);
    if (done)
        push_members(json, members, &matching);
    diff_matching_free(&matching);
    for (size_t side = 0; side < 2; side++) {
        free(members[side].values);
        free(members[side].names);
        buffer_free(&members[side].resolved);
    }
}

static void compare_objects(struct json_diff *json, const struct json_pair *pair)
{
    if (!same_names(json, pair)) {
        match_members(json, pair);
        return;
    }
    uint32_t a = pair->value[0] + 1, b = pair->value[1] + 1;
    for (uint32_t i = 0; i < json_value_of(json, 0, pair->value[0])->count; i++) {
        compare_member(json, a, b, false);
        a = json_value_of(json, 0, a)->next;
        b = json_value_of(json, 1, b)->next;
    }
}

static void compare_pair(struct json_diff *json, const struct json_pair *pair)
{
    if (pair->value[0] == JSON_NO_VALUE || pair->value[1] == JSON_NO_VALUE) {
        json_add(json, pair, pair->value[1] == JSON_NO_VALUE ? DIFF_MISSING : DIFF_ADDED, DIFF_REAL, NULL);
        return;
    }
    const struct json_value *a = json_value_of(json, 0, pair->value[0]), *b = json_value_of(json, 1, pair->value[1]);
    size_t mark = json->depth;
    if (a->kind == JSON_OBJECT_BEGIN && b->kind == JSON_OBJECT_BEGIN)
        compare_objects(json, pair);
    else if (a->kind == JSON_ARRAY_BEGIN && b->kind == JSON_ARRAY_BEGIN)
        compare_arrays(json, pair);
    else
        json_compare_scalars(json, pair);
    reverse_since(json, mark);
}

/* Where the structures differ, so does what stands between: then only some white space against none is told. */
static void compare_space(struct json_diff *json)
{
    const struct json_tree *trees = json->trees;
    bool differs = json->structure_differs ? (trees[0].space == 0) != (trees[1].space == 0)
                                           : trees[0].space_shape != trees[1].space_shape;
    if (!differs)
        return;
    json->found++;
    diff_add(json->run, &(struct diff_finding){
                            .section = json->section,
                            .part = DIFF_PART_JSON,
                            .change = DIFF_SPACE,
                            .weight = DIFF_COSMETIC,
                            .subject = SLICE_LITERAL("white space"),
                            .numbers = { (int64_t)trees[0].space, (int64_t)trees[1].space },
                        });
}

static void walk(struct json_diff *json)
{
    push(json, (struct json_pair){ .value = { 0, 0 } });
    while (json->depth > 0 && !json->run->failed) {
        struct json_pair pair = json->stack[--json->depth];
        compare_pair(json, &pair);
    }
    compare_space(json);
}

/* Tells why the texts are not compared by their values. Two that are no JSON at all need no word. */
static void tell_unread(struct json_diff *json, const enum json_tree_result results[2])
{
    bool is_large = results[0] == JSON_TREE_TOO_LARGE || results[1] == JSON_TREE_TOO_LARGE;
    if (results[0] == JSON_TREE_NO_MEMORY || results[1] == JSON_TREE_NO_MEMORY)
        json->run->failed = true;
    else if (is_large)
        diff_add_limit(json->run, json->section, DIFF_PART_BODY,
                       "a body over 8 MiB or 400000 JSON values: compared by its bytes alone");
    else if (results[0] != results[1])
        diff_add(json->run,
                 &(struct diff_finding){
                     .section = json->section,
                     .part = DIFF_PART_BODY,
                     .change = DIFF_LIMIT,
                     .weight = DIFF_INFO,
                     .subject = SLICE_LITERAL("body"),
                     .note = results[0] == JSON_TREE_READ ? "A's is JSON, B's is not" : "B's is JSON, A's is not",
                 });
}

bool diff_compare_json(struct diff_run *run, enum diff_section section, const struct slice texts[2], size_t *found)
{
    struct json_diff json = { .run = run, .section = section };
    const enum json_tree_result results[2] = { json_tree_read(&json.trees[0], texts[0]),
                                               json_tree_read(&json.trees[1], texts[1]) };
    bool is_json = results[0] == JSON_TREE_READ && results[1] == JSON_TREE_READ;
    if (is_json)
        walk(&json);
    else
        tell_unread(&json, results);
    *found = json.found;
    free(json.stack);
    json_tree_free(&json.trees[0]);
    json_tree_free(&json.trees[1]);
    return is_json;
}
