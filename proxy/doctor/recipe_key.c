/* What a payload was perhaps signed with: forms of the secret, of the window key, and of the two steps. Key material is
 * held in buffers that are wiped, and made large enough at once, so that none is left behind by growing. One thread. */
#include "recipe_private.h"

#include "countersign/base64.h"
#include "countersign/hex.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct recipe_mac {
    EVP_MAC *algorithm;
    EVP_MAC_CTX *contexts[DIGEST_COUNT]; /* NULL: the provider does not have that digest */
};

static const struct {
    const char *name;
    size_t length; /* bytes */
} digests[DIGEST_COUNT] = {
    [DIGEST_SHA256] = { "SHA256", 32 },
    [DIGEST_SHA512] = { "SHA512", 64 },
    [DIGEST_SHA1] = { "SHA1", 20 },
};

size_t recipe_digest_length(enum recipe_digest digest)
{
    return digests[digest].length;
}

static bool crypto_error(struct error *error, const char *step)
{
    ERR_clear_error(); /* for the next caller on this thread */
    return error_set(error, ERROR_INTERNAL, "OpenSSL could not %s: is its default provider installed?", step);
}

static EVP_MAC_CTX *make_context(EVP_MAC *algorithm, const char *digest)
{
    char name[16];
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(algorithm);
    (void)memcpy(name, digest, strlen(digest) + 1); /* returns its first argument; the names above fit */
    OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                OSSL_PARAM_construct_end() };
    if (context != NULL && EVP_MAC_CTX_set_params(context, parameters) == 1)
        return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

bool recipe_mac_create(struct recipe_mac **mac, struct error *error)
{
    *mac = NULL;
    struct recipe_mac *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory");
    made->algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    for (size_t i = 0; made->algorithm != NULL && i < DIGEST_COUNT; i++)
        made->contexts[i] = make_context(made->algorithm, digests[i].name);
    if (made->contexts[DIGEST_SHA256] == NULL) {
        recipe_mac_free(made);
        return crypto_error(error, "prepare HMAC-SHA256");
    }
    *mac = made;
    return true;
}

void recipe_mac_free(struct recipe_mac *mac)
{
    if (mac == NULL)
        return;
    for (size_t i = 0; i < DIGEST_COUNT; i++)
        EVP_MAC_CTX_free(mac->contexts[i]); /* cleanses the key it holds */
    EVP_MAC_free(mac->algorithm);
    free(mac);
}

bool recipe_hmac(unsigned char *out, struct recipe_mac *mac, enum recipe_digest digest, struct slice key,
                 struct slice message, struct error *error)
{
    EVP_MAC_CTX *context = mac->contexts[digest];
    /* A NULL key would mean "the one of before"; an empty one is a key like any other. */
    const char *key_bytes = key.length == 0 ? "" : key.data;
    size_t length = 0;
    bool done =
        EVP_MAC_init(context, (const unsigned char *)key_bytes, key.length, NULL) == 1 &&
        (message.length == 0 || EVP_MAC_update(context, (const unsigned char *)message.data, message.length) == 1) &&
        EVP_MAC_final(context, out, &length, RECIPE_DIGEST_MAX) == 1;
    return done || crypto_error(error, "compute an HMAC");
}

/* --- the secret's forms --- */

/* What stands before and behind the secret. */
static const struct {
    const char *before;
    const char *behind;
} around[] = {
    [SECRET_RIGHT] = { "", "" },           [SECRET_BLANK_BEHIND] = { "", " " }, [SECRET_BLANK_BEFORE] = { " ", "" },
    [SECRET_NEWLINE] = { "", "\n" },       [SECRET_CRLF] = { "", "\r\n" },      [SECRET_TAB] = { "", "\t" },
    [SECRET_BOM] = { "\xEF\xBB\xBF", "" }, [SECRET_QUOTED] = { "\"", "\"" },    [SECRET_SINGLE_QUOTED] = { "'", "'" },
    [SECRET_BYTES_TEXT] = { "b'", "'" },
};

/* What programs take for a secret that was not set. */
static const char *const unset[] = {
    [SECRET_EMPTY] = "",
    [SECRET_NONE] = "None",
    [SECRET_UNDEFINED] = "undefined",
    [SECRET_NULL] = "null",
};

static bool append_hex_decoded(struct buffer *out, struct slice text)
{
    char *room = text.length % 2 == 0 ? buffer_reserve(out, text.length / 2) : NULL;
    if (room == NULL || !hex_decode((unsigned char *)room, text.data, text.length / 2))
        return false;
    buffer_commit(out, text.length / 2);
    return true;
}

static bool append_hex_encoded(struct buffer *out, struct slice bytes)
{
    char *room = buffer_reserve(out, 2 * bytes.length);
    if (room == NULL)
        return false;
    hex_encode(room, (const unsigned char *)bytes.data, bytes.length);
    buffer_commit(out, 2 * bytes.length);
    return true;
}

static bool append_case(struct buffer *out, struct slice text, bool is_upper)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        if (is_upper && byte >= 'a' && byte <= 'z')
            byte = (char)(byte - 'a' + 'A');
        if (!is_upper && byte >= 'A' && byte <= 'Z')
            byte = (char)(byte - 'A' + 'a');
        (void)buffer_append_byte(out, byte); /* `failed` tells */
    }
    return !out->failed;
}

static bool append_around(struct buffer *out, struct slice secret, enum recipe_secret form)
{
    buffer_append_text(out, around[form].before);
    buffer_append_slice(out, secret);
    return buffer_append_text(out, around[form].behind) && !out->failed;
}

static bool append_form(struct buffer *out, struct slice secret, enum recipe_secret form)
{
    switch (form) {
    case SECRET_HEX_DECODED:
        return append_hex_decoded(out, secret);
    case SECRET_HEX_ENCODED:
        return append_hex_encoded(out, secret);
    case SECRET_BASE64_DECODED:
        return base64_decode(out, secret);
    case SECRET_BASE64_ENCODED:
        return base64_append(out, secret);
    case SECRET_UPPER:
    case SECRET_LOWER:
        return append_case(out, secret, form == SECRET_UPPER);
    case SECRET_FIRST_MISSING:
        return buffer_append_slice(out, slice_from(secret, 1));
    case SECRET_LAST_MISSING:
        return secret.length > 0 && buffer_append_slice(out, slice_first(secret, secret.length - 1));
    default:
        return append_around(out, secret, form);
    }
}

bool recipe_secret_append(struct buffer *out, const struct recipe_keys *keys, struct slice api_key,
                          enum recipe_secret form)
{
    if (form == SECRET_IS_API_KEY)
        return api_key.length > 0 && buffer_append_slice(out, api_key);
    if (form >= SECRET_EMPTY)
        return buffer_append_text(out, unset[form]);
    return keys->has_secret && append_form(out, keys->secret, form);
}

/* --- the steps --- */

/* A window key that is at hand, for who holds no secret. */
static bool find_window_key(unsigned char *digest, const struct recipe_keys *keys, struct slice window)
{
    uint64_t number;
    if (!slice_to_u64(window, &number))
        return false;
    for (size_t i = 0; i < keys->window_key_count; i++) {
        if (keys->window_keys[i].window == number)
            return hex_decode(digest, keys->window_keys[i].key.text, SCHEME_SHA256_LENGTH);
    }
    return false;
}

/* One attempt at a key: what goes into it. */
struct attempt {
    struct recipe_mac *mac;
    const struct recipe_keys *keys;
    const struct recipe_choice *choice;
    struct slice api_key;
    struct slice window;
};

/* HMAC(secret, window), or what stands for it. *applies is false where it cannot be made. */
static bool first_step(unsigned char *digest, bool *applies, const struct attempt *attempt, struct error *error)
{
    enum recipe_secret form = (enum recipe_secret)attempt->choice->value[RECIPE_SECRET];
    unsigned steps = attempt->choice->value[RECIPE_STEPS];
    enum recipe_digest kind = (enum recipe_digest)attempt->choice->value[RECIPE_DIGEST];
    bool is_swapped = steps == STEPS_FIRST_SWAPPED || steps == STEPS_BOTH_SWAPPED;
    if (!attempt->keys->has_secret && form == SECRET_RIGHT) {
        *applies = !is_swapped && kind == DIGEST_SHA256 && find_window_key(digest, attempt->keys, attempt->window);
        return true;
    }
    struct buffer secret;
    buffer_init(&secret, RECIPE_KEY_MAX);
    *applies = buffer_reserve(&secret, RECIPE_KEY_MAX) != NULL &&
               recipe_secret_append(&secret, attempt->keys, attempt->api_key, form);
    bool done = !*applies ||
                (is_swapped ? recipe_hmac(digest, attempt->mac, kind, attempt->window, buffer_slice(&secret), error)
                            : recipe_hmac(digest, attempt->mac, kind, buffer_slice(&secret), attempt->window, error));
    buffer_wipe(&secret);
    return done;
}

static bool append_intermediate(struct buffer *out, struct slice digest, unsigned form)
{
    size_t before = out->length;
    if (form == INTERMEDIATE_RAW)
        return buffer_append_slice(out, digest);
    if (form == INTERMEDIATE_BASE64)
        return base64_append(out, digest);
    if (!append_hex_encoded(out, digest))
        return false;
    for (size_t i = before; form == INTERMEDIATE_UPPER && i < out->length; i++) {
        if (out->data[i] >= 'a')
            out->data[i] = (char)(out->data[i] - 'a' + 'A');
    }
    return true;
}

static bool make_bytes(struct recipe_key *key, const struct attempt *attempt, struct error *error)
{
    const struct recipe_choice *choice = attempt->choice;
    unsigned char digest[RECIPE_DIGEST_MAX];
    if (choice->value[RECIPE_STEPS] == STEPS_ONE) {
        key->applies = recipe_secret_append(&key->bytes, attempt->keys, attempt->api_key,
                                            (enum recipe_secret)choice->value[RECIPE_SECRET]);
        return true;
    }
    bool done = first_step(digest, &key->applies, attempt, error);
    if (done && key->applies)
        key->applies = append_intermediate(&key->bytes, slice_of(digest, digests[key->digest].length),
                                           choice->value[RECIPE_INTERMEDIATE]);
    OPENSSL_cleanse(digest, sizeof(digest));
    return done;
}

bool recipe_key_make(struct recipe_key *key, struct recipe_mac *mac, const struct recipe_source *source,
                     const struct recipe_keys *keys, const struct recipe_choice *choice, int64_t away,
                     struct error *error)
{
    char window[RECIPE_WINDOW_TEXT_MAX];
    unsigned steps = choice->value[RECIPE_STEPS];
    size_t room = 2 * (size_t)RECIPE_DIGEST_MAX;
    *key = (struct recipe_key){ .digest = (enum recipe_digest)choice->value[RECIPE_DIGEST],
                                .is_swapped = steps == STEPS_SECOND_SWAPPED || steps == STEPS_BOTH_SWAPPED };
    if (steps == STEPS_ONE)
        room = RECIPE_KEY_MAX;
    buffer_init(&key->bytes, RECIPE_KEY_MAX);
    if (buffer_reserve(&key->bytes, room) == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (mac->contexts[key->digest] == NULL ||
        !recipe_window_text(window, source, (enum recipe_window_form)choice->value[RECIPE_WINDOW], away))
        return true; /* does not apply */
    const struct attempt attempt = { mac, keys, choice, source->request->api_key, slice_text(window) };
    return make_bytes(key, &attempt, error);
}

void recipe_key_end(struct recipe_key *key)
{
    buffer_wipe(&key->bytes);
}

bool recipe_key_equal(const struct recipe_key *a, const struct recipe_key *b)
{
    return a->is_swapped == b->is_swapped && a->digest == b->digest &&
           slice_equal(buffer_slice(&a->bytes), buffer_slice(&b->bytes));
}
