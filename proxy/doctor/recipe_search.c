/* The search for what was signed: the right way, each recipe alone, each pair. Owns nothing but what the search holds; one
 * thread. A hash is made only where its length is one that the signature can stand for. */
#include "recipe_search.h"

#include "countersign/hex.h"

#include <string.h>

static bool is_wanted(const struct recipe_search *search, enum recipe_digest digest)
{
    for (size_t i = 0; i < search->reading_count; i++) {
        if (search->readings[i].length == recipe_digest_length(digest))
            return true;
    }
    return false;
}

static bool is_read(const struct recipe_search *search, const unsigned char *digest, enum recipe_digest kind,
                    enum recipe_output output)
{
    size_t length = recipe_digest_length(kind);
    for (size_t i = 0; i < search->reading_count; i++) {
        const struct recipe_reading *reading = &search->readings[i];
        if (reading->output == output && reading->length == length && memcmp(reading->digest, digest, length) == 0)
            return true;
    }
    return false;
}

/* Takes a try off the bound, whether it is hashed or not: to make what would be is work, too. False where too little is
 * left. */
static bool spend(struct recipe_search *search, struct slice payload)
{
    bool is_enough = payload.length <= search->work_left;
    if (is_enough)
        search->work_left -= payload.length;
    search->is_spent = search->is_spent || !is_enough;
    search->finding->is_limited = search->finding->is_limited || !is_enough;
    return is_enough;
}

static bool hash(struct recipe_search *search, unsigned char *digest, const struct recipe_key *key,
                 struct slice payload, struct error *error)
{
    struct slice bytes = buffer_slice(&key->bytes);
    return key->is_swapped ? recipe_hmac(digest, search->mac, key->digest, payload, bytes, error)
                           : recipe_hmac(digest, search->mac, key->digest, bytes, payload, error);
}

static bool make_payload(struct recipe_search *search, struct recipe_variant *variant,
                         const struct recipe_choice *choice)
{
    buffer_reset(&variant->payload);
    bool applies = recipe_payload_append(&variant->payload, &search->source, choice);
    if (variant->payload.failed)
        search->finding->is_limited = true; /* it outgrew its bound, or memory is out */
    return applies && !variant->payload.failed;
}

static bool payload_equal(const struct recipe_variant *a, const struct recipe_variant *b)
{
    return slice_equal(buffer_slice(&a->payload), buffer_slice(&b->payload));
}

static struct recipe_choice choice_of(const struct recipe *first, const struct recipe *second)
{
    struct recipe_choice choice = { .value = { 0 } };
    choice.value[first->dimension] = first->value;
    if (second != NULL)
        choice.value[second->dimension] = second->value;
    return choice;
}

/* What was signed is shown to people: an API key in it as the record shows keys (redaction.h). */
static void mask_api_key(struct buffer *payload, struct slice api_key)
{
    enum { SHOWN = 4, SHOWN_FROM = 12 };
    char *found = api_key.length == 0 ? NULL : memmem(payload->data, payload->length, api_key.data, api_key.length);
    size_t shown = api_key.length >= SHOWN_FROM ? SHOWN : 0;
    if (found != NULL)
        memset(found + shown, '*', api_key.length - 2 * shown);
}

/* Notes what was found; the payload is made once more, because outputs and keys have none of their own. */
static void note(struct recipe_search *search, const struct recipe *first, const struct recipe *second, int64_t away)
{
    struct recipe_finding *finding = search->finding;
    struct recipe_choice choice = choice_of(first, second);
    finding->verdict = RECIPE_FOUND;
    finding->recipes[0] = first;
    finding->recipes[1] = second;
    finding->recipe_count = second == NULL ? 1 : 2;
    buffer_reset(&finding->payload);
    /* It applied a moment ago; where memory is out, failed tells. */
    (void)recipe_payload_append(&finding->payload, &search->source, &choice);
    if (choice.value[RECIPE_PREFIX] == PREFIX_KEY)
        mask_api_key(&finding->payload, search->request->api_key);
    if (choice.value[RECIPE_STEPS] == STEPS_ONE ||
        !recipe_window_text(finding->window, &search->source, (enum recipe_window_form)choice.value[RECIPE_WINDOW],
                            away))
        finding->window[0] = '\0';
    search->is_found = true;
}

/* --- the right way --- */

bool recipe_search_right(struct recipe_search *search, bool *is_right, struct error *error)
{
    static const struct recipe_choice none = { .value = { 0 } };
    struct recipe_variant *right = &search->right;
    char expected[SCHEME_SIGNATURE_LENGTH];
    *is_right = false;
    if (!recipe_payload_append(&right->payload, &search->source, &none) || right->payload.failed)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (!recipe_key_make(&right->key, search->mac, &search->source, search->keys, &none, 0, error))
        return false;
    if (!right->key.applies)
        return true;
    if (!recipe_hmac(right->digest, search->mac, DIGEST_SHA256, buffer_slice(&right->key.bytes),
                     buffer_slice(&right->payload), error))
        return false;
    right->has_digest = true;
    hex_encode(expected, right->digest, SCHEME_SHA256_LENGTH);
    *is_right = scheme_equal_constant_time(search->request->signature, slice_of(expected, sizeof(expected)));
    return true;
}

/* --- each alone --- */

static bool make_variant(struct recipe_search *search, struct recipe_variant *variant, const struct recipe *recipe,
                         struct error *error)
{
    struct recipe_choice choice = choice_of(recipe, NULL);
    if (recipe_shapes_payload(recipe->dimension)) {
        buffer_init(&variant->payload, search->variant_max);
        variant->applies = make_payload(search, variant, &choice);
        variant->differs = variant->applies && !payload_equal(variant, &search->right);
        return true;
    }
    if (!recipe_key_make(&variant->key, search->mac, &search->source, search->keys, &choice, 0, error))
        return false;
    variant->applies = variant->key.applies;
    variant->differs = variant->applies && !recipe_key_equal(&variant->key, &search->right.key);
    return true;
}

static bool try_moment(struct recipe_search *search, const struct recipe *recipe, const struct recipe_choice *choice,
                       int64_t away, struct error *error)
{
    struct recipe_key key;
    unsigned char digest[RECIPE_DIGEST_MAX];
    struct slice payload = buffer_slice(&search->right.payload);
    bool done = recipe_key_make(&key, search->mac, &search->source, search->keys, choice, away, error);
    if (done && key.applies && spend(search, payload)) {
        search->finding->tried++;
        bool is_hashed = is_wanted(search, key.digest);
        done = !is_hashed || hash(search, digest, &key, payload, error);
        if (done && is_hashed && is_read(search, digest, key.digest, OUTPUT_HEX))
            note(search, recipe, NULL, away);
    }
    recipe_key_end(&key);
    return done;
}

/* The moments around X-CS-EXPIRES, nearest first; one window away has recipes of its own. */
static bool try_away(struct recipe_search *search, const struct recipe *recipe, struct error *error)
{
    struct recipe_choice choice = choice_of(recipe, NULL);
    bool done = true;
    for (int64_t distance = 2; done && !search->is_found && distance <= RECIPE_WINDOWS_AWAY_MAX; distance++) {
        for (int64_t away = -distance; done && !search->is_found && away <= distance; away += 2 * distance) {
            done = try_moment(search, recipe, &choice, away, error);
        }
    }
    return done;
}

/* What a variant is signed with, and what of it; a payload without the right key has none. */
static bool parts_of(const struct recipe_search *search, const struct recipe_variant *variant,
                     const struct recipe *recipe, const struct recipe_key **key, struct slice *payload)
{
    bool is_payload = recipe_shapes_payload(recipe->dimension);
    *key = is_payload ? &search->right.key : &variant->key;
    *payload = buffer_slice(is_payload ? &variant->payload : &search->right.payload);
    return (*key)->applies;
}

static bool try_alone(struct recipe_search *search, const struct recipe *recipe, struct recipe_variant *variant,
                      struct error *error)
{
    const struct recipe_key *key;
    struct slice payload;
    if (recipe->dimension == RECIPE_OUTPUT) {
        search->finding->tried += search->right.has_digest ? 1 : 0;
        if (search->right.has_digest &&
            is_read(search, search->right.digest, DIGEST_SHA256, (enum recipe_output)recipe->value))
            note(search, recipe, NULL, 0);
        return true;
    }
    if (recipe->is_alone)
        return try_away(search, recipe, error);
    if (!make_variant(search, variant, recipe, error))
        return false;
    if (!variant->differs || !parts_of(search, variant, recipe, &key, &payload) || !spend(search, payload))
        return true;
    search->finding->tried++;
    if (!is_wanted(search, key->digest))
        return true;
    if (!hash(search, variant->digest, key, payload, error))
        return false;
    variant->has_digest = true;
    if (is_read(search, variant->digest, key->digest, OUTPUT_HEX))
        note(search, recipe, NULL, 0);
    return true;
}

bool recipe_search_alone(struct recipe_search *search, bool keep_payloads, struct error *error)
{
    bool done = true;
    for (size_t i = 0; done && !search->is_found && i < recipe_table_count; i++) {
        done = try_alone(search, &recipe_table[i], &search->variants[i], error);
        if (!keep_payloads)
            buffer_free(&search->variants[i].payload);
    }
    return done;
}

/* --- pairs --- */

/* Tells the pair's parts; false where it gives nothing that a simpler way does not, or the bound is reached. */
static bool pair_parts(struct recipe_search *search, size_t i, size_t j, const struct recipe_key **key,
                       struct slice *payload, bool *failed, struct error *error)
{
    const struct recipe *a = &recipe_table[i], *b = &recipe_table[j];
    const struct recipe_variant *first = &search->variants[i], *second = &search->variants[j];
    struct recipe_variant *pair = &search->pair;
    struct recipe_choice choice = choice_of(a, b);
    *key = &search->right.key;
    *payload = buffer_slice(&search->right.payload);
    if (recipe_shapes_payload(b->dimension)) { /* then the first does, too: these come first in the table */
        if (!first->applies || !second->applies || !search->right.key.applies || !make_payload(search, pair, &choice))
            return false;
        *payload = buffer_slice(&pair->payload);
        return spend(search, *payload) && !payload_equal(pair, &search->right) && !payload_equal(pair, first) &&
               !payload_equal(pair, second);
    }
    if (recipe_shapes_payload(a->dimension)) {
        *key = &second->key;
        *payload = buffer_slice(&first->payload);
        return first->differs && second->differs && spend(search, *payload);
    }
    recipe_key_end(&pair->key);
    *failed = !recipe_key_make(&pair->key, search->mac, &search->source, search->keys, &choice, 0, error);
    *key = &pair->key;
    return !*failed && pair->key.applies && !recipe_key_equal(&pair->key, &search->right.key) &&
           !recipe_key_equal(&pair->key, &first->key) && !recipe_key_equal(&pair->key, &second->key) &&
           spend(search, *payload);
}

/* A signature's form goes with what the other recipe alone gives. */
static void try_with_output(struct recipe_search *search, size_t i, const struct recipe *output)
{
    const struct recipe_variant *first = &search->variants[i];
    const struct recipe *recipe = &recipe_table[i];
    if (!first->differs)
        return;
    search->finding->tried++;
    enum recipe_digest kind = recipe_shapes_payload(recipe->dimension) ? DIGEST_SHA256 : first->key.digest;
    if (first->has_digest && is_read(search, first->digest, kind, (enum recipe_output)output->value))
        note(search, recipe, output, 0);
}

static bool try_pair(struct recipe_search *search, size_t i, size_t j, struct error *error)
{
    const struct recipe_key *key;
    struct slice payload;
    unsigned char digest[RECIPE_DIGEST_MAX];
    bool failed = false;
    if (recipe_table[j].dimension == RECIPE_OUTPUT) {
        try_with_output(search, i, &recipe_table[j]);
        return true;
    }
    if (!pair_parts(search, i, j, &key, &payload, &failed, error))
        return !failed;
    search->finding->tried++;
    if (!is_wanted(search, key->digest))
        return true;
    if (!hash(search, digest, key, payload, error))
        return false;
    if (is_read(search, digest, key->digest, OUTPUT_HEX))
        note(search, &recipe_table[i], &recipe_table[j], 0);
    return true;
}

bool recipe_search_pairs(struct recipe_search *search, struct error *error)
{
    bool done = true;
    search->is_spent = false;
    for (size_t i = 0; done && !search->is_found && i < recipe_table_count; i++) {
        for (size_t j = i + 1; done && !search->is_found && j < recipe_table_count; j++) {
            const struct recipe *a = &recipe_table[i], *b = &recipe_table[j];
            if (a->dimension != b->dimension && !a->is_alone && !b->is_alone)
                done = try_pair(search, i, j, error);
            if (search->is_spent)
                return done; /* the rest would take as much */
        }
    }
    return done;
}
