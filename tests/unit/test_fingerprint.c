/* Fingerprints of what the store holds: the algorithm by OpenSSL's own SipHash, and that values do not run into each other. */
#include "capture/fingerprint.h"

#include "countersign/compiler.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 256 };

static const unsigned char key[FINGERPRINT_KEY_LENGTH] = { 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 255, 254, 253, 252, 251, 250 };

/* Of `length` bytes, by another implementation; little-endian, as the machines that this runs on. */
static struct fingerprint by_openssl(const unsigned char *bytes, size_t length)
{
    struct fingerprint made;
    size_t size = sizeof(made), written = 0;
    OSSL_PARAM parameters[] = { OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end() };
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(algorithm);
    assert_non_null(context);
    assert_int_equal(EVP_MAC_init(context, key, sizeof(key), parameters), 1);
    assert_int_equal(EVP_MAC_update(context, bytes, length), 1);
    assert_int_equal(EVP_MAC_final(context, (unsigned char *)&made, &written, sizeof(made)), 1);
    assert_int_equal(written, sizeof(made));
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(algorithm);
    return made;
}

static void is_siphash_of_the_values_as_words(void **state)
{
    (void)state;
    char text[ROOM];
    struct fingerprinter fingerprinter;
    fingerprinter_init_with(&fingerprinter, key);
    for (size_t i = 0; i < ROOM; i++)
        text[i] = (char)(i * 7 + 3);
    for (size_t length = 0; length < ROOM; length++) {
        unsigned char words[ROOM + 24] = { 5 };
        words[8] = (unsigned char)length;
        memcpy(words + 16, text, length);
        struct fingerprint expected = by_openssl(words, 16 + (length + 7) / 8 * 8);
        struct fingerprint made = fingerprint_of(&fingerprinter, 5, slice_of(text, length));
        assert_true(fingerprint_equal(&made, &expected));
    }
}

static struct fingerprint of_two(struct fingerprinter *fingerprinter, struct slice first, struct slice second)
{
    fingerprint_begin(fingerprinter);
    fingerprint_add(fingerprinter, first);
    fingerprint_add(fingerprinter, second);
    return fingerprint_end(fingerprinter);
}

static void tells_values_by_where_one_ends(void **state)
{
    (void)state;
    static const char text[] = "abc\0\0\0\0\0\0\0\0\0defghijkl";
    struct fingerprint seen[sizeof(text)];
    struct fingerprinter fingerprinter;
    fingerprinter_init_with(&fingerprinter, key);
    for (size_t i = 0; i < ARRAY_LENGTH(seen); i++) {
        seen[i] = of_two(&fingerprinter, slice_of(text, i), slice_of(text + i, sizeof(text) - i));
        for (size_t before = 0; before < i; before++)
            assert_false(fingerprint_equal(&seen[before], &seen[i]));
    }
}

static void each_has_a_key_of_its_own(void **state)
{
    (void)state;
    struct fingerprinter one, other;
    struct error error;
    assert_true(fingerprinter_init(&one, &error));
    assert_true(fingerprinter_init(&other, &error));
    struct fingerprint by_one = fingerprint_of(&one, 0, SLICE_LITERAL("the same"));
    struct fingerprint by_other = fingerprint_of(&other, 0, SLICE_LITERAL("the same"));
    struct fingerprint again = fingerprint_of(&one, 0, SLICE_LITERAL("the same"));
    assert_false(fingerprint_equal(&by_one, &by_other));
    assert_true(fingerprint_equal(&by_one, &again));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_siphash_of_the_values_as_words),
        cmocka_unit_test(tells_values_by_where_one_ends),
        cmocka_unit_test(each_has_a_key_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
