/* The signature scheme against tests/vectors/signature-vectors.json, which another implementation made, and at its
 * edges. */
#include "countersign/hex.h"
#include "countersign/scheme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VECTORS_FILE_MAX = 1 << 20, VECTORS_AT_LEAST = 20 };

static cJSON *read_vectors(void)
{
    FILE *file = fopen(TESTS_DIR "/vectors/signature-vectors.json", "rb");
    assert_non_null(file);
    char *text = malloc(VECTORS_FILE_MAX);
    assert_non_null(text);
    size_t length = fread(text, 1, VECTORS_FILE_MAX, file);
    assert_true(length < VECTORS_FILE_MAX);
    (void)fclose(file); /* was only read */
    cJSON *document = cJSON_ParseWithLength(text, length);
    free(text);
    assert_non_null(document);
    return document;
}

static const char *text_of(const cJSON *vector, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(vector, name));
    assert_non_null(text);
    return text;
}

/* The bytes a hex text stands for; the caller frees them. */
static struct slice bytes_of_hex(const char *hex)
{
    size_t length = strlen(hex) / 2;
    unsigned char *bytes = malloc(length + 1);
    assert_non_null(bytes);
    assert_true(hex_decode(bytes, hex, length));
    return slice_of(bytes, length);
}

static void release(struct slice bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static struct slice body_of(const cJSON *vector)
{
    const cJSON *repeat = cJSON_GetObjectItemCaseSensitive(vector, "body_repeat");
    if (repeat == NULL)
        return bytes_of_hex(text_of(vector, "body_hex"));
    struct slice one = bytes_of_hex(text_of(repeat, "byte_hex"));
    assert_int_equal(one.length, 1);
    size_t count = (size_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(repeat, "count"));
    char *bytes = malloc(count);
    assert_non_null(bytes);
    memset(bytes, one.data[0], count);
    release(one);
    return slice_of(bytes, count);
}

static void assert_text(const char *name, const char *step, struct slice made, const char *expected)
{
    if (!slice_equal_text(made, expected))
        fail_msg("%s: %s is %.*s, not %s", name, step, SLICE_ARGUMENTS(made), expected);
}

static void check_vector(const cJSON *vector, struct scheme_hmac *hmac)
{
    const char *name = text_of(vector, "name");
    struct slice query = slice_text(text_of(vector, "query"));
    struct slice body = body_of(vector);
    struct slice secret = bytes_of_hex(text_of(vector, "secret_hex"));
    int64_t expires = (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(vector, "expires_ms"));

    char window[24];
    (void)snprintf(window, sizeof(window), "%" PRIu64, scheme_window(expires));
    assert_text(name, "window", slice_text(window), text_of(vector, "window"));

    struct scheme_window_key key;
    assert_true(scheme_window_key_derive(&key, secret, scheme_window(expires), NULL));
    assert_text(name, "window key", slice_of(key.text, sizeof(key.text)), text_of(vector, "window_key"));

    unsigned char digest[SCHEME_SHA256_LENGTH];
    char digest_text[2 * SCHEME_SHA256_LENGTH];
    assert_true(scheme_payload_sha256(digest, query, body, NULL));
    hex_encode(digest_text, digest, sizeof(digest));
    assert_text(name, "payload", slice_of(digest_text, sizeof(digest_text)), text_of(vector, "payload_sha256"));

    char signature[SCHEME_SIGNATURE_LENGTH];
    assert_true(scheme_sign(signature, hmac, &key, query, body, NULL));
    assert_text(name, "signature", slice_of(signature, sizeof(signature)), text_of(vector, "signature"));
    release(body);
    release(secret);
}

static void every_vector_gives_its_window_key_and_signature(void **state)
{
    (void)state;
    cJSON *document = read_vectors();
    struct scheme_hmac *hmac;
    assert_true(scheme_hmac_create(&hmac, NULL));
    size_t count = 0;
    const cJSON *vector;
    cJSON_ArrayForEach(vector, cJSON_GetObjectItemCaseSensitive(document, "vectors"))
    {
        check_vector(vector, hmac);
        count++;
    }
    assert_true(count >= VECTORS_AT_LEAST);
    scheme_hmac_free(hmac);
    cJSON_Delete(document);
}

static void a_window_lasts_thirty_seconds_from_its_first_to_its_last_millisecond(void **state)
{
    (void)state;
    assert_int_equal(scheme_window(0), 0);
    assert_int_equal(scheme_window(29999), 0);
    assert_int_equal(scheme_window(30000), 1);
    assert_int_equal(scheme_window(1770742379999), 59024745);
    assert_int_equal(scheme_window(1770742380000), 59024746);
    assert_int_equal(scheme_window(1770742409999), 59024746);
    assert_int_equal(scheme_window(INT64_MAX), UINT64_C(307445734561825));
}

static struct scheme_window_key some_key(char fill)
{
    struct scheme_window_key key;
    memset(key.text, fill, sizeof(key.text));
    return key;
}

static void the_payload_is_query_then_body_with_nothing_between(void **state)
{
    (void)state;
    struct scheme_hmac *hmac;
    assert_true(scheme_hmac_create(&hmac, NULL));
    struct scheme_window_key key = some_key('a');
    struct slice whole = slice_text("symbol=tipusdt{}");
    char joined[SCHEME_SIGNATURE_LENGTH], cut[SCHEME_SIGNATURE_LENGTH];
    unsigned char joined_digest[SCHEME_SHA256_LENGTH], cut_digest[SCHEME_SHA256_LENGTH];
    assert_true(scheme_sign(joined, hmac, &key, whole, slice_of(NULL, 0), NULL));
    assert_true(scheme_payload_sha256(joined_digest, whole, slice_of(NULL, 0), NULL));
    for (size_t i = 0; i <= whole.length; i++) {
        assert_true(scheme_sign(cut, hmac, &key, slice_first(whole, i), slice_from(whole, i), NULL));
        assert_memory_equal(cut, joined, sizeof(joined));
        assert_true(scheme_payload_sha256(cut_digest, slice_first(whole, i), slice_from(whole, i), NULL));
        assert_memory_equal(cut_digest, joined_digest, sizeof(joined_digest));
    }
    scheme_hmac_free(hmac);
}

static void bytes_behind_a_nul_are_signed(void **state)
{
    (void)state;
    struct scheme_hmac *hmac;
    assert_true(scheme_hmac_create(&hmac, NULL));
    struct scheme_window_key key = some_key('a');
    char one[SCHEME_SIGNATURE_LENGTH], other[SCHEME_SIGNATURE_LENGTH];
    assert_true(scheme_sign(one, hmac, &key, slice_of(NULL, 0), SLICE_LITERAL("a\0b"), NULL));
    assert_true(scheme_sign(other, hmac, &key, slice_of(NULL, 0), SLICE_LITERAL("a\0c"), NULL));
    assert_memory_not_equal(one, other, sizeof(one));
    scheme_hmac_free(hmac);
}

static void one_context_signs_with_many_keys_without_mixing_them_up(void **state)
{
    (void)state;
    struct scheme_hmac *shared;
    assert_true(scheme_hmac_create(&shared, NULL));
    for (int round = 0; round < 3; round++) {
        for (char fill = 'a'; fill <= 'f'; fill++) {
            struct scheme_window_key key = some_key(fill);
            struct scheme_hmac *fresh;
            char by_shared[SCHEME_SIGNATURE_LENGTH], by_fresh[SCHEME_SIGNATURE_LENGTH];
            assert_true(scheme_hmac_create(&fresh, NULL));
            assert_true(scheme_sign(by_fresh, fresh, &key, slice_text("a=1"), slice_text("{}"), NULL));
            assert_true(scheme_sign(by_shared, shared, &key, slice_text("a=1"), slice_text("{}"), NULL));
            assert_memory_equal(by_shared, by_fresh, sizeof(by_fresh));
            scheme_hmac_free(fresh);
        }
    }
    scheme_hmac_free(shared);
}

/* In the place of libcrypto's. As OpenSSL before 3.0.3: a context that is started without a key goes on where it stood. */
static bool goes_on;

int EVP_MAC_init(EVP_MAC_CTX *context, const unsigned char *key, size_t length, const OSSL_PARAM *parameters)
{
    int (*real)(EVP_MAC_CTX *, const unsigned char *, size_t, const OSSL_PARAM *);
    void *found = dlsym(RTLD_NEXT, "EVP_MAC_init");
    memcpy(&real, &found, sizeof(real)); /* ISO C knows no cast from one to the other */
    return goes_on && key == NULL ? 1 : real(context, key, length, parameters);
}

/* By the older interface, all at once. */
static void assert_signature(const char *signature, const struct scheme_window_key *key, struct slice query,
                             struct slice body)
{
    unsigned char payload[512], digest[EVP_MAX_MD_SIZE];
    char expected[SCHEME_SIGNATURE_LENGTH];
    unsigned length = 0;
    assert_true(query.length + body.length <= sizeof(payload));
    memcpy(payload, query.data, query.length);
    memcpy(payload + query.length, body.data, body.length);
    assert_non_null(
        HMAC(EVP_sha256(), key->text, sizeof(key->text), payload, query.length + body.length, digest, &length));
    assert_int_equal(length, SCHEME_SHA256_LENGTH);
    hex_encode(expected, digest, length);
    assert_memory_equal(signature, expected, sizeof(expected));
}

/* Keys that stay and keys that change, texts of every length around the algorithm's blocks. */
static void sign_many_by_one_context(void)
{
    static char text[256];
    struct scheme_hmac *hmac;
    uint32_t random = 1;
    memset(text, 'x', sizeof(text));
    assert_true(scheme_hmac_create(&hmac, NULL));
    for (size_t i = 0; i < 1000; i++) {
        random = random * 1664525 + 1013904223;
        struct scheme_window_key key = some_key((char)('a' + (random >> 24) % 3));
        struct slice query = slice_of(text, i % 3 * 10), body = slice_of(text, i % sizeof(text));
        char signature[SCHEME_SIGNATURE_LENGTH];
        text[i % sizeof(text)]++;
        assert_true(scheme_sign(signature, hmac, &key, query, body, NULL));
        assert_signature(signature, &key, query, body);
    }
    scheme_hmac_free(hmac);
}

static void a_key_that_stays_signs_as_one_that_is_new(void **state)
{
    (void)state;
    sign_many_by_one_context();
}

static void a_libcrypto_that_cannot_start_again_is_given_each_key(void **state)
{
    (void)state;
    goes_on = true;
    sign_many_by_one_context();
    goes_on = false;
}

static void only_names_that_begin_with_x_cs_are_the_schemes_own(void **state)
{
    (void)state;
    assert_true(scheme_owns_field(slice_text("X-CS-SIGN")));
    assert_true(scheme_owns_field(slice_text("x-cs-apikey")));
    assert_true(scheme_owns_field(slice_text("X-cs-")));
    assert_false(scheme_owns_field(slice_text("X-CS")));
    assert_false(scheme_owns_field(slice_text("X-CSS-SIGN")));
    assert_false(scheme_owns_field(slice_text("AX-CS-SIGN")));
    assert_false(scheme_owns_field(slice_of(NULL, 0)));
}

static void texts_are_equal_only_byte_for_byte(void **state)
{
    (void)state;
    assert_true(scheme_equal_constant_time(slice_text("abc"), slice_text("abc")));
    assert_true(scheme_equal_constant_time(slice_of(NULL, 0), slice_text("")));
    assert_false(scheme_equal_constant_time(slice_text("abc"), slice_text("abd")));
    assert_false(scheme_equal_constant_time(slice_text("abc"), slice_text("ab")));
    assert_false(scheme_equal_constant_time(SLICE_LITERAL("a\0b"), SLICE_LITERAL("a\0c")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_gives_its_window_key_and_signature),
        cmocka_unit_test(a_window_lasts_thirty_seconds_from_its_first_to_its_last_millisecond),
        cmocka_unit_test(the_payload_is_query_then_body_with_nothing_between),
        cmocka_unit_test(bytes_behind_a_nul_are_signed),
        cmocka_unit_test(one_context_signs_with_many_keys_without_mixing_them_up),
        cmocka_unit_test(a_key_that_stays_signs_as_one_that_is_new),
        cmocka_unit_test(a_libcrypto_that_cannot_start_again_is_given_each_key),
        cmocka_unit_test(only_names_that_begin_with_x_cs_are_the_schemes_own),
        cmocka_unit_test(texts_are_equal_only_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
