/* Any request, judged. Held: a judgement ends; a signature that was made right is right; one that was made by any recipe of
 * the table is right or found, and what is found gives this very signature; the payload that was signed is what the
 * recipes say.
 *
 * The input: a byte that chooses a recipe, one that chooses a second, one of switches; then target, X-CS-EXPIRES, X-CS-SIGN
 * and body, parted by the byte 0xFE. */
#include "countersign/hex.h"

#include "doctor/recipe_private.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHOOSERS = 3, PAIRS_MASK = 7, WITH_PAIRS = 1 /* seldom: these take some thousand hashes */, BODY_MAX = 1024 };

static const char parting = '\xFE';

static void require(bool held)
{
    if (!held)
        abort();
}

static struct slice take(struct slice *rest)
{
    struct slice part = slice_first(*rest, slice_find(*rest, parting));
    *rest = slice_from(*rest, part.length + 1);
    return part;
}

/* What a choice gives as a signature's hex; 0 where it does not apply. */
static size_t sign(char *text, const struct recipe_source *source, const struct recipe_keys *keys,
                   const struct recipe_choice *choice)
{
    struct buffer payload;
    struct recipe_key key;
    struct recipe_mac *mac;
    unsigned char digest[RECIPE_DIGEST_MAX];
    size_t length = 0;
    buffer_init(&payload, 1 << 20);
    require(recipe_mac_create(&mac, NULL) && recipe_key_make(&key, mac, source, keys, choice, 0, NULL));
    if (key.applies && recipe_payload_append(&payload, source, choice) && !payload.failed) {
        struct slice bytes = buffer_slice(&key.bytes), message = buffer_slice(&payload);
        require(recipe_hmac(digest, mac, key.digest, key.is_swapped ? message : bytes, key.is_swapped ? bytes : message,
                            NULL));
        length = 2 * recipe_digest_length(key.digest);
        hex_encode(text, digest, length / 2);
    }
    recipe_key_end(&key);
    recipe_mac_free(mac);
    buffer_free(&payload);
    return length;
}

static struct recipe_choice choice_of(const struct recipe *first, const struct recipe *second)
{
    struct recipe_choice choice = { .value = { 0 } };
    if (first != NULL)
        choice.value[first->dimension] = first->value;
    if (second != NULL)
        choice.value[second->dimension] = second->value;
    return choice;
}

/* What was found gives the signature that was judged; of forms and moments other than that, another test tells. */
static void check_found(const struct recipe_finding *finding, const struct recipe_source *source,
                        const struct recipe_keys *keys)
{
    char text[2 * RECIPE_DIGEST_MAX];
    struct recipe_choice choice = choice_of(finding->recipes[0], finding->recipes[1]);
    require(finding->recipe_count >= 1 && finding->recipe_count <= RECIPES_TOGETHER_MAX);
    if (choice.value[RECIPE_OUTPUT] != OUTPUT_HEX || choice.value[RECIPE_WINDOW] == WINDOW_AWAY ||
        choice.value[RECIPE_WINDOW] == WINDOW_OF_TIMESTAMP)
        return;
    size_t length = sign(text, source, keys, &choice);
    require(slice_equal_caseless(source->request->signature, slice_of(text, length)));
}

static enum recipe_verdict judge(const struct recipe_source *source, const struct recipe_keys *keys, bool with_pairs)
{
    struct recipe_finding finding;
    const struct recipe_options options = { .without_pairs = !with_pairs };
    require(recipe_judge(&finding, source->request, keys, &options, NULL));
    if (finding.verdict == RECIPE_FOUND)
        check_found(&finding, source, keys);
    enum recipe_verdict verdict = finding.verdict;
    recipe_finding_end(&finding);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char secret[] = "0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e";
    const struct recipe_keys keys = { .has_secret = true, .secret = slice_text(secret) };
    char signature[2 * RECIPE_DIGEST_MAX];
    if (size < CHOOSERS || size > BODY_MAX)
        return 0;
    struct slice rest = slice_of(data + CHOOSERS, size - CHOOSERS);
    const struct recipe *first = recipe_at(data[0] % recipe_count()), *second = recipe_at(data[1] % recipe_count());
    bool with_pairs = (data[2] & PAIRS_MASK) == WITH_PAIRS;
    struct recipe_request request = { .method = SLICE_LITERAL("POST"),
                                      .host = SLICE_LITERAL("h"),
                                      .api_key = SLICE_LITERAL("key") };
    struct recipe_source source = { .request = &request };
    request.target = take(&rest);
    request.expires = take(&rest);
    request.signature = take(&rest);
    request.body = rest;
    require(recipe_json_read(&source.json, recipe_body_trim(request.body)));
    bool has_window =
        request.expires.length > 0 && request.expires.length <= 18 && slice_to_u64(request.expires, &source.expires);
    (void)judge(&source, &keys, with_pairs); /* any verdict: the signature is the input's */

    if (has_window) {
        struct recipe_choice right = choice_of(NULL, NULL), wrong = choice_of(first, with_pairs ? second : NULL);
        request.signature = slice_of(signature, sign(signature, &source, &keys, &right));
        require(judge(&source, &keys, with_pairs) == RECIPE_RIGHT);
        bool is_searched =
            wrong.value[RECIPE_WINDOW] == WINDOW_AWAY || wrong.value[RECIPE_WINDOW] == WINDOW_OF_TIMESTAMP;
        request.signature = slice_of(signature, is_searched ? 0 : sign(signature, &source, &keys, &wrong));
        if (request.signature.length > 0)
            require(judge(&source, &keys, with_pairs) <= RECIPE_FOUND);
    }
    recipe_json_free(&source.json);
    return 0;
}
