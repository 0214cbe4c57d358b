/* A judgement on a signature: reads the fields, searches, and says what was found. Owns the search's memory for its time;
 * one thread. */
#include "countersign/recipe.h"

#include "recipe_search.h"

#include <stdlib.h>
#include <string.h>

enum {
    EXPIRES_DIGITS = 13,
    EXPIRES_DIGITS_MAX = 18,           /* so that sums with it do not overflow */
    PAIRS_PAYLOAD_MAX = 256 << 10,     /* bytes of a payload that is tried in pairs */
    GROWTH_MAX = 4,                    /* times its length that a payload may have in another form */
    GROWTH_ROOM = 4096,                /* bytes that it may have besides */
    SECONDS_BELOW = 100 * 1000 * 1000, /* thousands of seconds: a timestamp below is in seconds (year 5138) */
};

unsigned recipe_oddities(const struct recipe_request *request)
{
    uint64_t expires;
    size_t digits = request->expires.length;
    unsigned oddities = 0;
    bool is_hex = request->signature.length == SCHEME_SIGNATURE_LENGTH;
    for (size_t i = 0; is_hex && i < request->signature.length; i++)
        is_hex = request->signature.data[i] != '\0' && strchr("0123456789abcdef", request->signature.data[i]) != NULL;
    if (request->signature.length > 0 && !is_hex)
        oddities |= RECIPE_ODD_SIGNATURE;
    if (digits == 0)
        return oddities;
    if (!slice_to_u64(request->expires, &expires))
        return oddities | RECIPE_ODD_EXPIRES;
    if (digits >= EXPIRES_DIGITS - 4 && digits <= EXPIRES_DIGITS - 2)
        return oddities | RECIPE_ODD_SECONDS;
    if (digits >= EXPIRES_DIGITS + 2 && digits <= EXPIRES_DIGITS + 4)
        return oddities | RECIPE_ODD_MICROSECONDS;
    return digits == EXPIRES_DIGITS ? oddities : oddities | RECIPE_ODD_EXPIRES;
}

/* The body's own time, in ms: a number, or a string of digits. */
static void read_timestamp(struct recipe_source *source, struct slice body)
{
    struct slice value;
    enum json_token kind;
    uint64_t number;
    if (source->json.nodes == NULL || !json_member(body, "timestamp", &value, &kind))
        return;
    if (kind == JSON_STRING)
        value = slice_of(value.data + 1, value.length - 2);
    if (value.length > EXPIRES_DIGITS_MAX - 3 || !slice_to_u64(value, &number))
        return;
    source->has_timestamp = true;
    source->timestamp = number < (uint64_t)SECONDS_BELOW * 1000 ? number * 1000 : number;
}

static bool read_source(struct recipe_source *source, struct error *error)
{
    struct slice body = recipe_body_trim(source->request->body);
    if (!recipe_json_read(&source->json, body))
        return error_set(error, ERROR_MEMORY, "out of memory");
    read_timestamp(source, body);
    return true;
}

static bool look_further(struct recipe_search *search, const struct recipe_options *options, struct error *error)
{
    bool is_large = search->right.payload.length > PAIRS_PAYLOAD_MAX;
    bool with_pairs = !options->without_pairs && !is_large;
    search->variants = calloc(recipe_table_count, sizeof(*search->variants));
    if (search->variants == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (!read_source(&search->source, error) || !recipe_search_alone(search, with_pairs, error))
        return false;
    if (with_pairs && !search->is_found)
        return recipe_search_pairs(search, error);
    search->finding->is_limited = search->finding->is_limited || (is_large && !search->is_found);
    return true;
}

static bool search_all(struct recipe_search *search, const struct recipe_options *options, struct error *error)
{
    bool is_right;
    search->reading_count = recipe_readings(search->readings, search->request->signature);
    if (!recipe_mac_create(&search->mac, error) || !recipe_search_right(search, &is_right, error))
        return false;
    search->finding->verdict = is_right ? RECIPE_RIGHT : search->right.key.applies ? RECIPE_NONE : RECIPE_NO_KEY;
    return is_right || look_further(search, options, error);
}

static void end_search(struct recipe_search *search)
{
    struct recipe_variant *const singles[] = { &search->right, &search->pair };
    for (size_t i = 0; i < ARRAY_LENGTH(singles); i++) {
        buffer_free(&singles[i]->payload);
        recipe_key_end(&singles[i]->key);
    }
    for (size_t i = 0; search->variants != NULL && i < recipe_table_count; i++) {
        buffer_free(&search->variants[i].payload);
        recipe_key_end(&search->variants[i].key);
    }
    free(search->variants);
    recipe_json_free(&search->source.json);
    recipe_mac_free(search->mac);
}

bool recipe_judge(struct recipe_finding *finding, const struct recipe_request *request, const struct recipe_keys *keys,
                  const struct recipe_options *options, struct error *error)
{
    static const struct recipe_options defaults = { .without_pairs = false };
    const struct recipe_options *how = options == NULL ? &defaults : options;
    size_t length = request->target.length + request->body.length;
    struct recipe_search search = {
        .finding = finding,
        .request = request,
        .keys = keys,
        .source = { .request = request },
        .variant_max = GROWTH_MAX * (length + request->host.length) + GROWTH_ROOM,
        .work_left = how->work_max == 0 ? RECIPE_WORK_MAX : how->work_max,
    };
    *finding = (struct recipe_finding){ .verdict = RECIPE_NO_FIELDS };
    buffer_init(&finding->payload, search.variant_max);
    if (request->signature.length == 0 || request->expires.length == 0)
        return true;
    finding->verdict = RECIPE_NO_WINDOW;
    if (request->expires.length > EXPIRES_DIGITS_MAX || !slice_to_u64(request->expires, &search.source.expires))
        return true;
    buffer_init(&search.right.payload, length);
    buffer_init(&search.pair.payload, search.variant_max);
    bool done = search_all(&search, how, error);
    if (done && finding->payload.failed)
        done = error_set(error, ERROR_MEMORY, "out of memory");
    end_search(&search);
    if (!done)
        recipe_finding_end(finding);
    return done;
}

void recipe_finding_end(struct recipe_finding *finding)
{
    buffer_free(&finding->payload);
}

void recipe_append_meaning(struct buffer *out, const struct recipe_finding *finding)
{
    for (size_t i = 0; i < finding->recipe_count; i++)
        buffer_append_format(out, "%s%s", i == 0 ? "" : "; and ", finding->recipes[i]->meaning);
}

void recipe_append_names(struct buffer *out, const struct recipe_finding *finding)
{
    for (size_t i = 0; i < finding->recipe_count; i++)
        buffer_append_format(out, "%s%s", i == 0 ? "" : "+", finding->recipes[i]->name);
}
