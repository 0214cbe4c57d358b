/* How a request's body is written, and the members of an order in it. Pure; any thread. */
#include "why_private.h"

#include "countersign/compiler.h"

static const char *const member_names[WHY_MEMBER_COUNT] = {
    [WHY_TIMESTAMP] = "timestamp", [WHY_ORDER_TYPE] = "ordType", [WHY_SIDE] = "side",     [WHY_SYMBOL] = "symbol",
    [WHY_PRICE] = "ordPrice",      [WHY_QUANTITY] = "ordQty",    [WHY_AMOUNT] = "ordAmt",
};

/* What stands between the values. */
struct gaps {
    bool tight;   /* `,` and `:` with nothing around */
    bool spaced;  /* with one blank behind, as Python's json.dumps writes by itself */
    bool lines;   /* line ends */
    bool unusual; /* anything else */
};

static void note_gap(struct gaps *gaps, struct slice gap)
{
    bool has_separator = gap.length > 0 && (gap.data[0] == ',' || gap.data[0] == ':');
    if (gap.length == 0)
        return;
    if (gap.length == 1 && has_separator)
        gaps->tight = true;
    else if (gap.length == 2 && has_separator && gap.data[1] == ' ')
        gaps->spaced = true;
    else if (slice_find(gap, '\n') < gap.length)
        gaps->lines = true;
    else
        gaps->unusual = true;
}

static enum why_form form_of(const struct gaps *gaps, size_t values)
{
    if (gaps->lines)
        return WHY_BODY_INDENTED;
    if (gaps->unusual || (gaps->tight && gaps->spaced))
        return WHY_BODY_OTHERWISE;
    if (gaps->spaced)
        return WHY_BODY_SPACED;
    return values == 0 ? WHY_BODY_EMPTY_OBJECT : WHY_BODY_COMPACT;
}

static struct why_member *find_member(struct why_body *body, struct slice name)
{
    for (size_t i = 0; name.length >= 2 && i < WHY_MEMBER_COUNT; i++) {
        if (slice_equal_text(slice_of(name.data + 1, name.length - 2), member_names[i]))
            return &body->members[i];
    }
    return NULL;
}

static void note_member(struct why_member *member, enum json_token kind, struct slice value)
{
    if (kind == JSON_STRING)
        value = slice_of(value.data + 1, value.length - 2);
    if (!member->is_there) {
        *member = (struct why_member){ .is_there = true, .kind = kind, .value = value };
        return;
    }
    member->has_kinds = member->has_kinds || member->kind != kind;
    member->is_mixed = member->is_mixed || member->has_kinds || !slice_equal(member->value, value);
}

/* Members are looked for at any depth: a batch holds its orders in an array. */
void why_body_read(struct why_body *body, struct slice bytes)
{
    struct json_scan scan;
    struct gaps gaps = { .tight = false };
    struct why_member *member = NULL;
    struct slice token;
    enum json_token kind;
    size_t values = 0, end = 0;
    *body = (struct why_body){ .form = WHY_BODY_NONE };
    if (bytes.length == 0)
        return;
    json_scan_init(&scan, bytes);
    while ((kind = json_scan_next(&scan, &token)) != JSON_INVALID) {
        size_t begin = scan.offset - token.length;
        note_gap(&gaps, slice_of(bytes.data + end, begin - end));
        end = scan.offset;
        if (kind == JSON_END)
            break;
        if (member != NULL)
            note_member(member, kind, token);
        member = kind == JSON_NAME ? find_member(body, token) : NULL;
        values += kind != JSON_OBJECT_BEGIN && kind != JSON_OBJECT_END;
    }
    if (kind == JSON_INVALID)
        *body = (struct why_body){ .form = WHY_BODY_NOT_JSON };
    else
        body->form = form_of(&gaps, values);
}
