/* Findings of two JSON values: where they are, and how two scalars differ. Numbers are decimals, strings what they mean.
 * Owns nothing; one thread. */
#include "diff_json.h"

#include "countersign/http_message.h"

#include <string.h>

struct slice json_path_of(const struct json_diff *json, const struct json_pair *pair)
{
    size_t side = pair->value[0] != JSON_NO_VALUE ? 0 : 1;
    struct buffer path;
    buffer_init(&path, DIFF_SUBJECT_MAX);
    json_append_path(&path, &json->trees[side], pair->value[side]);
    return diff_keep_buffer(json->run, &path);
}

bool json_is_listed(const struct json_diff *json, enum diff_weight weight)
{
    return json->run->diff->counts[json->section][weight] < DIFF_LISTED_MAX;
}

void json_add(struct json_diff *json, const struct json_pair *pair, enum diff_change change, enum diff_weight weight,
              const char *note)
{
    struct diff_finding finding = {
        .section = json->section, .part = DIFF_PART_JSON, .change = change, .weight = weight, .note = note
    };
    for (size_t side = 0; side < 2; side++) {
        finding.has[side] = pair->value[side] != JSON_NO_VALUE;
        if (finding.has[side])
            finding.values[side] = json_text_of(json, side, pair->value[side]);
    }
    if (pair->is_repeated && note == NULL)
        finding.note = "its name occurs more than once in its object";
    if (json_is_listed(json, weight))
        finding.subject = json_path_of(json, pair);
    json->found++;
    diff_add(json->run, &finding);
}

static bool same_string(struct slice a, struct slice b)
{
    bool is_same = false;
    struct buffer left, right;
    if (slice_find(a, '\\') == a.length && slice_find(b, '\\') == b.length)
        return false; /* without escapes other bytes are another string */
    buffer_init(&left, a.length);
    buffer_init(&right, b.length);
    if (json_unescape(&left, a) && json_unescape(&right, b))
        is_same = slice_equal(buffer_slice(&left), buffer_slice(&right));
    buffer_free(&left);
    buffer_free(&right);
    return is_same;
}

/* A new order has a clOrdId of its own; anywhere else in a request it says which order is meant. */
static bool names_an_order(const struct json_diff *json, struct slice name)
{
    if (json->section != DIFF_REQUEST || !slice_equal_text(name, "clOrdId"))
        return false;
    for (size_t side = 0; side < 2; side++) {
        struct slice path = http_target_path(json->run->diff->sides[side].record->target);
        if (memmem(path.data, path.length, "/order/place", strlen("/order/place")) == NULL)
            return true;
    }
    return false;
}

/* Either side's name, for one of them may be written with escapes. */
static const char *expected_reason(const struct json_diff *json, const struct json_pair *pair)
{
    const char *reason = NULL;
    for (size_t side = 0; reason == NULL && side < 2; side++) {
        struct slice name = json_between_quotes(json_name_of(json, side, pair->value[side]));
        reason = diff_expected_member(name, json->section == DIFF_REQUEST);
        if (reason != NULL && names_an_order(json, name))
            return NULL;
    }
    return reason;
}

/* What the members' values are beside their quotes. */
static const char *other_form(const struct json_diff *json, const struct json_pair *pair)
{
    struct slice values[2];
    for (size_t side = 0; side < 2; side++) {
        values[side] = json_text_of(json, side, pair->value[side]);
        if (values[side].length > 1 && values[side].data[0] == '"')
            values[side] = json_between_quotes(values[side]);
    }
    return diff_other_form(json_between_quotes(json_name_of(json, 0, pair->value[0])), values[0], values[1]);
}

static void add_other_value(struct json_diff *json, const struct json_pair *pair, const char *note)
{
    const char *reason = expected_reason(json, pair), *form = reason != NULL ? other_form(json, pair) : NULL;
    if (form != NULL) {
        json_add(json, pair, DIFF_VALUE, DIFF_REAL, form);
        return;
    }
    json_add(json, pair, DIFF_VALUE, reason != NULL ? DIFF_EXPECTED : DIFF_REAL, reason != NULL ? reason : note);
}

static void compare_strings(struct json_diff *json, const struct json_pair *pair, struct slice a, struct slice b)
{
    if (same_string(a, b)) {
        json_add(json, pair, DIFF_ESCAPES, DIFF_COSMETIC, "the same string with other escapes");
        return;
    }
    struct slice left = json_between_quotes(a), right = json_between_quotes(b);
    bool same_number = diff_is_number(left) && diff_is_number(right) && diff_numbers_equal(left, right);
    add_other_value(json, pair, same_number ? "the same number, but strings" : NULL);
}

static void compare_numbers(struct json_diff *json, const struct json_pair *pair, struct slice a, struct slice b)
{
    if (diff_numbers_equal(a, b))
        json_add(json, pair, DIFF_NUMBER_FORM, DIFF_COSMETIC, "the same number, written otherwise");
    else
        add_other_value(json, pair, NULL);
}

static bool is_boolean(enum json_token kind)
{
    return kind == JSON_TRUE || kind == JSON_FALSE;
}

/* "1" against 1 is a frequent slip. */
static const char *note_on_types(enum json_token a, enum json_token b, struct slice left, struct slice right)
{
    if (a == JSON_STRING && b == JSON_NUMBER && slice_equal(json_between_quotes(left), right))
        return "a string against the number of the same digits";
    if (a == JSON_NUMBER && b == JSON_STRING && slice_equal(left, json_between_quotes(right)))
        return "a number against the string of the same digits";
    return NULL;
}

void json_compare_scalars(struct json_diff *json, const struct json_pair *pair)
{
    enum json_token a = json_value_of(json, 0, pair->value[0])->kind, b = json_value_of(json, 1, pair->value[1])->kind;
    struct slice left = json_text_of(json, 0, pair->value[0]), right = json_text_of(json, 1, pair->value[1]);
    if (a == JSON_STRING && b == JSON_STRING) {
        compare_strings(json, pair, left, right);
    } else if (a == JSON_NUMBER && b == JSON_NUMBER) {
        compare_numbers(json, pair, left, right);
    } else if (is_boolean(a) && is_boolean(b)) {
        add_other_value(json, pair, NULL);
    } else {
        json->structure_differs = json->structure_differs || json_is_container(a) || json_is_container(b);
        json_add(json, pair, DIFF_TYPE, DIFF_REAL, note_on_types(a, b, left, right));
    }
}
