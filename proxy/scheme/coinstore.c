/* Coinstore's signature scheme, step by step as its documentation names the steps ("Signature Authentication").
 * Pure; any thread, but one struct scheme_hmac on one thread at a time. */
#include "countersign/scheme.h"

#include "countersign/compiler.h"
#include "countersign/hex.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_TEXT_MAX = 24 }; /* a 64-bit number in decimal with its NUL */

struct scheme_hmac {
    EVP_MAC *algorithm; /* fetching it is slow: once for each signer of requests, not once for each request */
    EVP_MAC_CTX *context;
    bool restarts; /* this libcrypto starts anew with the key it has, where it is given none */
    bool is_keyed; /* the context has `key` */
    struct scheme_window_key key;
};

/* Hands on what libcrypto says; its queue is emptied for the next caller on this thread. */
static bool crypto_error(struct error *error, const char *step)
{
    unsigned long code = ERR_get_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    ERR_clear_error();
    (void)error_set(error, ERROR_INTERNAL, "OpenSSL could not %s: %s", step,
                    reason == NULL ? "no reason given (is its default provider installed?)" : reason);
    return false; /* said here, for the static analysis */
}

bool scheme_owns_field(struct slice name)
{
    static const char prefix[] = "X-CS-";
    return slice_equal_text_caseless(slice_first(name, sizeof(prefix) - 1), prefix);
}

uint64_t scheme_window(int64_t expires_ms)
{
    return (uint64_t)expires_ms / SCHEME_WINDOW_MS;
}

void scheme_hmac_free(struct scheme_hmac *hmac)
{
    if (hmac == NULL)
        return;
    EVP_MAC_CTX_free(hmac->context); /* cleanses the key it holds */
    EVP_MAC_free(hmac->algorithm);
    OPENSSL_cleanse(&hmac->key, sizeof(hmac->key));
    free(hmac);
}

static bool update(EVP_MAC_CTX *context, struct slice part)
{
    return part.length == 0 || EVP_MAC_update(context, (const unsigned char *)part.data, part.length) == 1;
}

/* Writes hex(HMAC-SHA256(...)) of first then second, 64 characters; the context has been started. */
static bool finish_hex(char *text, struct scheme_hmac *hmac, struct slice first, struct slice second,
                       struct error *error)
{
    unsigned char digest[SCHEME_SHA256_LENGTH];
    size_t length = 0;
    bool done = update(hmac->context, first) && update(hmac->context, second) &&
                EVP_MAC_final(hmac->context, digest, &length, sizeof(digest)) == 1 && length == sizeof(digest);
    if (!done)
        return crypto_error(error, "compute an HMAC-SHA256");
    hex_encode(text, digest, sizeof(digest));
    OPENSSL_cleanse(digest, sizeof(digest));
    return true;
}

static bool start_with_key(struct scheme_hmac *hmac, struct slice key, struct error *error)
{
    /* A NULL key would mean "the one of before"; an empty one is a key like any other. */
    const char *bytes = key.length == 0 ? "" : key.data;
    hmac->is_keyed = false;
    return EVP_MAC_init(hmac->context, (const unsigned char *)bytes, key.length, NULL) == 1 ||
           crypto_error(error, "take a key for an HMAC-SHA256");
}

static bool hmac_hex(char *text, struct scheme_hmac *hmac, struct slice key, struct slice first, struct slice second,
                     struct error *error)
{
    return start_with_key(hmac, key, error) && finish_hex(text, hmac, first, second, error);
}

static bool starts_again(struct scheme_hmac *hmac)
{
    return EVP_MAC_init(hmac->context, NULL, 0, NULL) == 1;
}

/* Before 3.0.3, OpenSSL went on with what a finished context had left where it was started again without a key (its pull request
 * 18100). So the one at hand is tried, with two texts. */
static bool restarts_cleanly(struct scheme_hmac *hmac)
{
    static const struct slice key = SLICE_OF_LITERAL("key"),
                              texts[] = { SLICE_OF_LITERAL("one"), SLICE_OF_LITERAL("two") };
    struct error ignored; /* then keys are given each time */
    bool is_clean = true;
    for (size_t i = 0; is_clean && i < ARRAY_LENGTH(texts); i++) {
        char expected[SCHEME_SIGNATURE_LENGTH], got[SCHEME_SIGNATURE_LENGTH];
        is_clean = hmac_hex(expected, hmac, key, texts[i], slice_of(NULL, 0), &ignored) && starts_again(hmac) &&
                   finish_hex(got, hmac, texts[i], slice_of(NULL, 0), &ignored) &&
                   memcmp(expected, got, sizeof(got)) == 0;
    }
    ERR_clear_error();
    return is_clean;
}

static bool make(struct scheme_hmac **hmac, struct error *error)
{
    struct scheme_hmac *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return crypto_error(error, "get memory for an HMAC context");
    char name[] = "SHA256";
    OSSL_PARAM digest[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                            OSSL_PARAM_construct_end() };
    made->algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    made->context = made->algorithm == NULL ? NULL : EVP_MAC_CTX_new(made->algorithm);
    if (made->context == NULL || EVP_MAC_CTX_set_params(made->context, digest) != 1) {
        scheme_hmac_free(made);
        return crypto_error(error, "prepare HMAC-SHA256");
    }
    *hmac = made;
    return true;
}

bool scheme_hmac_create(struct scheme_hmac **hmac, struct error *error)
{
    if (!make(hmac, error))
        return false;
    (*hmac)->restarts = restarts_cleanly(*hmac);
    return true;
}

bool scheme_window_key_derive(struct scheme_window_key *key, struct slice secret, uint64_t window, struct error *error)
{
    struct scheme_hmac *hmac = NULL;
    if (!make(&hmac, error)) /* for this one text: whether it starts again does not matter */
        return false;
    char text[WINDOW_TEXT_MAX];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)window); /* 20 digits at most */
    bool done = hmac_hex(key->text, hmac, secret, slice_text(text), slice_of(NULL, 0), error);
    scheme_hmac_free(hmac);
    return done;
}

/* A window's key signs many requests: 0.4 µs for 100 bytes, where being keyed anew takes 0.7 µs, duplicating a keyed context 1.3 µs (it
 * allocates), and fetching the algorithm each time 1.8 µs. */
static bool start(struct scheme_hmac *hmac, const struct scheme_window_key *key, struct error *error)
{
    if (hmac->is_keyed && CRYPTO_memcmp(hmac->key.text, key->text, sizeof(key->text)) == 0 && starts_again(hmac))
        return true;
    if (!start_with_key(hmac, slice_of(key->text, sizeof(key->text)), error))
        return false;
    hmac->key = *key;
    hmac->is_keyed = hmac->restarts;
    return true;
}

bool scheme_sign(char *signature, struct scheme_hmac *hmac, const struct scheme_window_key *key, struct slice query,
                 struct slice body, struct error *error)
{
    bool done = start(hmac, key, error) && finish_hex(signature, hmac, query, body, error);
    hmac->is_keyed = hmac->is_keyed && done; /* what a failure leaves behind is not started from */
    return done;
}

/* Fetched by the first who needs it, for all threads and the whole life of the process: EVP_sha256() would have it fetched for each
 * digest, which takes longer than the digest. NULL where it cannot be had. */
static const EVP_MD *sha256(void)
{
    static _Atomic(EVP_MD *) kept;
    EVP_MD *known = atomic_load_explicit(&kept, memory_order_acquire);
    if (known != NULL)
        return known;
    EVP_MD *fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (fetched == NULL || atomic_compare_exchange_strong(&kept, &known, fetched))
        return fetched;
    EVP_MD_free(fetched); /* another thread was first */
    return known;
}

bool scheme_payload_sha256(unsigned char *digest, struct slice query, struct slice body, struct error *error)
{
    const EVP_MD *algorithm = sha256();
    EVP_MD_CTX *context = algorithm == NULL ? NULL : EVP_MD_CTX_new();
    unsigned char made[SCHEME_SHA256_LENGTH];
    bool done = context != NULL && EVP_DigestInit_ex(context, algorithm, NULL) == 1 &&
                (query.length == 0 || EVP_DigestUpdate(context, query.data, query.length) == 1) &&
                (body.length == 0 || EVP_DigestUpdate(context, body.data, body.length) == 1) &&
                EVP_DigestFinal_ex(context, made, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (!done)
        return crypto_error(error, "compute a SHA-256");
    memcpy(digest, made, sizeof(made));
    return true;
}

bool scheme_equal_constant_time(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || CRYPTO_memcmp(a.data, b.data, a.length) == 0);
}
