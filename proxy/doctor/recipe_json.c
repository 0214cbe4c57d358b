/* A body's JSON as a tree, so that it can be written again in other ways. Owns the nodes and the resolved names; one
 * thread. Bounded in size, in values and, by json_scan, in depth. */
#include "recipe_private.h"

#include <stdlib.h>
#include <string.h>

/* Where the next value goes. */
struct growth {
    struct recipe_json *json;
    struct recipe_node **places[JSON_DEPTH_MAX + 1];
    unsigned depth;
    struct slice name; /* of the value to come; empty in an array */
};

/* The room is for the whole text, so that no name moves. */
static struct slice plain_name(struct recipe_json *json, struct slice quoted)
{
    size_t before = json->names.length;
    if (memchr(quoted.data, '\\', quoted.length) == NULL || !json_unescape(&json->names, quoted))
        return slice_of(quoted.data + 1, quoted.length - 2);
    return slice_from(buffer_slice(&json->names), before);
}

static struct recipe_node *add_node(struct growth *growth, enum json_token kind, struct slice text)
{
    struct recipe_json *json = growth->json;
    if (json->count == RECIPE_JSON_NODES_MAX)
        return NULL;
    struct recipe_node *node = &json->nodes[json->count++];
    *node = (struct recipe_node){ .kind = kind, .name = growth->name, .text = text };
    if (node->name.length > 0)
        node->plain = plain_name(json, node->name);
    growth->name = slice_of(NULL, 0);
    struct recipe_node **place = growth->places[growth->depth];
    if (place == NULL) /* never: each level's is set when it is opened; said here, for the static analysis */
        return NULL;
    *place = node;
    growth->places[growth->depth] = &node->next;
    return node;
}

static bool add_token(struct growth *growth, enum json_token token, struct slice text)
{
    if (token == JSON_NAME) {
        growth->name = text;
        return true;
    }
    if (token == JSON_OBJECT_END || token == JSON_ARRAY_END) {
        growth->depth--;
        return true;
    }
    struct recipe_node *node = add_node(growth, token, text);
    if (node != NULL && (token == JSON_OBJECT_BEGIN || token == JSON_ARRAY_BEGIN)) {
        growth->depth++;
        growth->places[growth->depth] = &node->first;
    }
    return node != NULL;
}

static bool read_tokens(struct recipe_json *json, struct slice text)
{
    struct recipe_node *top = NULL;
    struct growth growth = { .json = json, .places = { &top } };
    struct json_scan scan;
    struct slice token_text;
    enum json_token token;
    json_scan_init(&scan, text);
    while ((token = json_scan_next(&scan, &token_text)) != JSON_END) {
        if (token == JSON_INVALID || !add_token(&growth, token, token_text))
            return false;
    }
    return true;
}

/* --- numbers as languages print them --- */

enum { PRINTED_MAX = 32 /* bytes of a double; what is none stays as written */ };

static bool print_numbers(struct recipe_json *json, struct slice text)
{
    size_t room = RECIPE_LANGUAGES * (text.length + json->count * PRINTED_MAX); /* for all, so that none moves */
    buffer_init(&json->numbers, room);
    if (buffer_reserve(&json->numbers, room) == NULL)
        return false;
    for (size_t i = 0; i < json->count; i++) {
        struct recipe_node *node = &json->nodes[i];
        for (unsigned form = NUMBERS_PYTHON; node->kind == JSON_NUMBER && form <= NUMBERS_JAVA; form++) {
            size_t before = json->numbers.length;
            recipe_number_append(&json->numbers, node->text, (enum recipe_numbers)form);
            node->printed[form - NUMBERS_PYTHON] = slice_from(buffer_slice(&json->numbers), before);
        }
    }
    return !json->numbers.failed;
}

/* --- members in the order of their names --- */

/* By bytes, which for UTF-8 is by code points, as Python sorts; names that come twice stay in their order. */
static int compare_nodes(const void *a, const void *b)
{
    const struct recipe_node *x = *(const struct recipe_node *const *)a, *y = *(const struct recipe_node *const *)b;
    int order = slice_compare(x->plain, y->plain);
    return order != 0 ? order : (x > y) - (x < y);
}

static void sort_members(struct recipe_node *object, struct recipe_node **members)
{
    size_t count = 0;
    for (struct recipe_node *member = object->first; member != NULL; member = member->next)
        members[count++] = member;
    qsort(members, count, sizeof(struct recipe_node *), compare_nodes);
    struct recipe_node **place = &object->sorted_first;
    for (size_t i = 0; i < count; i++) {
        *place = members[i];
        place = &members[i]->sorted_next;
    }
    *place = NULL;
}

static bool sort_all(struct recipe_json *json)
{
    struct recipe_node **members = calloc(json->count, sizeof(struct recipe_node *));
    if (members == NULL)
        return false;
    for (size_t i = 0; i < json->count; i++) {
        if (json->nodes[i].kind == JSON_OBJECT_BEGIN)
            sort_members(&json->nodes[i], members);
    }
    free(members);
    return true;
}

/* --- the body's own white space --- */

static enum recipe_spacing own_spacing(const struct recipe_json *json, struct slice text)
{
    struct buffer written;
    enum recipe_spacing found = SPACING_COMPACT;
    buffer_init(&written, text.length);
    for (unsigned spacing = SPACING_COMPACT; spacing <= SPACING_INDENT_4; spacing++) {
        const struct recipe_choice choice = { .value = { [RECIPE_SPACING] = spacing } };
        buffer_reset(&written);
        recipe_json_append(&written, json, &choice);
        if (!written.failed && slice_equal(buffer_slice(&written), text)) {
            found = (enum recipe_spacing)spacing;
            break;
        }
    }
    buffer_free(&written);
    return found;
}

static void forget(struct recipe_json *json)
{
    free(json->nodes);
    json->nodes = NULL;
    json->count = 0;
}

bool recipe_json_read(struct recipe_json *json, struct slice text)
{
    *json = (struct recipe_json){ .spacing = SPACING_COMPACT };
    buffer_init(&json->names, text.length);
    buffer_init(&json->numbers, 0);
    if (text.length == 0 || text.length > RECIPE_JSON_MAX)
        return true;
    size_t most = text.length < RECIPE_JSON_NODES_MAX ? text.length : RECIPE_JSON_NODES_MAX;
    json->nodes = calloc(most, sizeof(*json->nodes)); /* a value has at least one byte */
    if (json->nodes == NULL || buffer_reserve(&json->names, text.length) == NULL)
        return false;
    if (!read_tokens(json, text)) {
        forget(json);
        return true;
    }
    if (!print_numbers(json, text) || !sort_all(json))
        return false;
    json->spacing = own_spacing(json, text);
    return true;
}

void recipe_json_free(struct recipe_json *json)
{
    forget(json);
    buffer_free(&json->names);
    buffer_free(&json->numbers);
}
