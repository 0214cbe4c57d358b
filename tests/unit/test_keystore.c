/* The keystore's bytes under a key that is given: whatever is changed in them is noticed, nothing is read in part, and what is
 * written is read. The key's derivation against RFC 7914's numbers. */
#include "countersign/compiler.h"
#include "signer/keystore_build.h"
#include "signer/keystore_file.h"
#include "signer/secret_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define API_KEY "0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e"

static const struct keystore_cost cost = { .log2_n = KEYSTORE_LOG2_N, .r = KEYSTORE_R, .p = KEYSTORE_P };

static struct secret secret_of(const void *bytes, size_t length)
{
    struct secret secret;
    assert_true(secret_allocate(&secret, NULL));
    memcpy(secret.bytes, bytes, length);
    secret.length = length;
    return secret;
}

static struct secret made_up_key(unsigned char byte)
{
    unsigned char bytes[KEYSTORE_KEY];
    memset(bytes, byte, sizeof(bytes));
    return secret_of(bytes, sizeof(bytes));
}

static struct keystore_entry entry_of(const char *name, uint64_t generation)
{
    struct keystore_entry entry = { .generation = generation, .added_s = 1764000000, .rotated_s = 0 };
    (void)snprintf(entry.name, sizeof(entry.name), "%s", name);
    return entry;
}

/* A file of `count` entries e0, e1, ... with secrets s0, s1, ...; the caller frees. */
static struct buffer file_of(const struct secret *key, size_t count)
{
    struct keystore_build build;
    char salt[KEYSTORE_SALT] = { 7 };
    assert_true(keystore_build_begin(&build, &cost, slice_of(salt, sizeof(salt)), key, count, NULL));
    for (size_t i = 0; i < count; i++) {
        char name[24], text[24];
        (void)snprintf(name, sizeof(name), "e%zu", i);
        (void)snprintf(text, sizeof(text), "s%zu", i);
        struct keystore_entry entry = entry_of(name, i + 1);
        struct secret api_key = secret_of(API_KEY, strlen(API_KEY)), api_secret = secret_of(text, strlen(text));
        const struct keystore_pair pair = { .api_key = &api_key, .api_secret = &api_secret };
        assert_true(keystore_build_entry(&build, &entry, &pair, NULL));
        secret_end(&api_key);
        secret_end(&api_secret);
    }
    assert_true(keystore_build_end(&build, NULL));
    return build.out;
}

/* Whether a file is taken, as an opened keystore's would be: all of its checks. */
static bool is_taken(struct slice file, const struct secret *key)
{
    struct keystore_content *content = NULL;
    struct error error = { .kind = ERROR_NONE };
    struct buffer copy;
    buffer_init(&copy, KEYSTORE_FILE_MAX);
    assert_true(buffer_append_slice(&copy, file));
    if (!keystore_content_take(&content, &copy, "here", &error)) {
        assert_int_equal(error.kind, ERROR_INPUT);
        assert_null(strchr(error.message, '\n'));
        return false;
    }
    bool taken = keystore_key_fits(content, key) && keystore_check_seal(content, key, "here", &error);
    keystore_content_free(content);
    return taken;
}

static void make_checksum_fit(struct buffer *file)
{
    unsigned char digest[KEYSTORE_DIGEST];
    if (file->length < KEYSTORE_DIGEST)
        return;
    assert_true(keystore_digest(digest, slice_first(buffer_slice(file), file->length - KEYSTORE_DIGEST), NULL));
    memcpy(file->data + file->length - KEYSTORE_DIGEST, digest, sizeof(digest));
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct secret key = made_up_key(1);
    struct buffer file = file_of(&key, 3);
    struct keystore_content *content;
    assert_true(keystore_content_take(&content, &file, "here", NULL));
    assert_int_equal(content->view.count, 3);
    for (size_t i = 0; i < 3; i++) {
        char text[24];
        struct secret secret;
        (void)snprintf(text, sizeof(text), "s%zu", i);
        const struct keystore_item *item = &content->view.items[i];
        assert_int_equal(item->generation, i + 1);
        assert_true(keystore_decrypt_part(&secret, content, &key, item, KEYSTORE_API_SECRET, NULL));
        assert_true(slice_equal_text(secret_slice(&secret), text));
        secret_end(&secret);
        assert_true(keystore_decrypt_part(&secret, content, &key, item, KEYSTORE_API_KEY, NULL));
        assert_true(slice_equal_text(secret_slice(&secret), API_KEY));
        secret_end(&secret);
    }
    keystore_content_free(content);
    buffer_free(&file);
    secret_end(&key);
}

/* By accident (the checksum tells) and by hand (it was made to fit). */
static void no_bit_can_change_unnoticed(void **state)
{
    (void)state;
    struct secret key = made_up_key(1);
    struct buffer file = file_of(&key, 2);
    assert_true(is_taken(buffer_slice(&file), &key));
    for (size_t at = 0; at < file.length; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            file.data[at] = (char)(file.data[at] ^ (1 << bit));
            if (is_taken(buffer_slice(&file), &key))
                fail_msg("bit %u of byte %zu, by accident", bit, at);
            make_checksum_fit(&file);
            if (at < file.length - KEYSTORE_DIGEST && is_taken(buffer_slice(&file), &key))
                fail_msg("bit %u of byte %zu, by hand", bit, at);
            if (at < file.length - KEYSTORE_DIGEST)
                file.data[at] = (char)(file.data[at] ^ (1 << bit));
            make_checksum_fit(&file);
        }
    }
    assert_true(is_taken(buffer_slice(&file), &key));
    buffer_free(&file);
    secret_end(&key);
}

static void no_byte_can_be_taken_out_or_put_in_unnoticed(void **state)
{
    (void)state;
    struct secret key = made_up_key(1);
    struct buffer file = file_of(&key, 2);
    for (size_t at = 0; at < file.length - KEYSTORE_DIGEST; at++) {
        for (int change = -1; change <= 1; change += 2) {
            struct buffer other;
            buffer_init(&other, KEYSTORE_FILE_MAX);
            assert_true(buffer_append(&other, file.data, at));
            if (change > 0)
                assert_true(buffer_append_byte(&other, 1));
            size_t rest = at + (change < 0 ? 1 : 0);
            assert_true(buffer_append(&other, file.data + rest, file.length - rest));
            make_checksum_fit(&other);
            assert_false(is_taken(buffer_slice(&other), &key));
            buffer_free(&other);
        }
        assert_false(is_taken(slice_first(buffer_slice(&file), at), &key));
    }
    buffer_free(&file);
    secret_end(&key);
}

static void another_key_fits_nothing(void **state)
{
    (void)state;
    struct secret key = made_up_key(1), other = made_up_key(2);
    struct buffer file = file_of(&key, 1);
    struct keystore_content *content;
    struct secret secret = { .bytes = NULL };
    assert_true(keystore_content_take(&content, &file, "here", NULL));
    assert_false(keystore_key_fits(content, &other));
    assert_false(keystore_check_seal(content, &other, "here", NULL));
    assert_false(keystore_decrypt_part(&secret, content, &other, &content->view.items[0], KEYSTORE_API_SECRET, NULL));
    assert_null(secret.bytes);
    keystore_content_free(content);
    buffer_free(&file);
    secret_end(&key);
    secret_end(&other);
}

/* GCM gives plaintext out before its tag is looked at. */
static void nothing_of_what_does_not_fit_is_left_in_memory(void **state)
{
    (void)state;
    struct secret key = made_up_key(1);
    const struct keystore_associated right = { .purpose = KEYSTORE_FOR_API_SECRET, .first = SLICE_LITERAL("header") };
    const struct keystore_associated wrong = { .purpose = KEYSTORE_FOR_API_KEY, .first = SLICE_LITERAL("header") };
    unsigned char nonce[KEYSTORE_NONCE], sealed[4 + KEYSTORE_TAG], plain[4];
    static const unsigned char zeros[4] = { 0 };
    assert_true(keystore_encrypt(nonce, sealed, SLICE_LITERAL("text"), &key, &right, NULL));
    const struct keystore_part part = { .nonce = slice_of(nonce, sizeof(nonce)),
                                        .sealed = slice_of(sealed, sizeof(sealed)) };
    assert_true(keystore_decrypt(plain, &part, &key, &right));
    assert_memory_equal(plain, "text", sizeof(plain));
    assert_false(keystore_decrypt(plain, &part, &key, &wrong));
    assert_memory_equal(plain, zeros, sizeof(plain));
    secret_end(&key);
}

static void a_file_of_the_most_entries_of_the_largest_size_fits(void **state)
{
    (void)state;
    enum {
        ENTRY_MOST = 1 + CONFIG_KEYSTORE_NAME_MAX + 24 + 2 * (KEYSTORE_NONCE + 2 + KEYSTORE_TAG) +
                     KEYSTORE_API_KEY_MAX + SECRET_MAX
    };
    assert_true(KEYSTORE_ENTRIES_AT + KEYSTORE_ENTRIES_MAX * ENTRY_MOST + KEYSTORE_TAIL < KEYSTORE_FILE_MAX);
    struct secret key = made_up_key(1);
    struct buffer most = file_of(&key, KEYSTORE_ENTRIES_MAX), more = file_of(&key, KEYSTORE_ENTRIES_MAX + 1);
    assert_true(is_taken(buffer_slice(&most), &key));
    assert_false(is_taken(buffer_slice(&more), &key));
    buffer_free(&most);
    buffer_free(&more);
    secret_end(&key);
}

/* RFC 7914 §12, the third; its first 32 bytes. */
static void the_key_is_scrypts(void **state)
{
    (void)state;
    static const unsigned char expected[KEYSTORE_KEY] = { 0x70, 0x23, 0xbd, 0xcb, 0x3a, 0xfd, 0x73, 0x48,
                                                          0x46, 0x1c, 0x06, 0xcd, 0x81, 0xfd, 0x38, 0xeb,
                                                          0xfd, 0xa8, 0xfb, 0xba, 0x90, 0x4f, 0x8e, 0x3e,
                                                          0xa9, 0xb5, 0x43, 0xf6, 0x54, 0x5d, 0xa1, 0xf2 };
    const struct keystore_cost least = { .log2_n = KEYSTORE_LOG2_N_LEAST, .r = KEYSTORE_R, .p = KEYSTORE_P };
    struct secret key;
    assert_true(keystore_derive(&key, SLICE_LITERAL("pleaseletmein"), SLICE_LITERAL("SodiumChloride"), &least, NULL));
    assert_int_equal(key.length, sizeof(expected));
    assert_memory_equal(key.bytes, expected, sizeof(expected));
    secret_end(&key);
}

/* --- opened --- */

#define PASSPHRASE_VARIABLE "COUNTERSIGN_TEST_PASSPHRASE"

struct place {
    char folder[64];
    struct keystore_place keystore;
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    assert_non_null(place);
    (void)snprintf(place->folder, sizeof(place->folder), "/tmp/countersign-keystore-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    place->keystore = (struct keystore_place){ .state_dir = place->folder, .passphrase = "env:" PASSPHRASE_VARIABLE };
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    static const char *const names[] = { "keystore", "keystore.lock", "keystore.new" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char *path = keystore_file_path(place->folder, names[i]);
        assert_non_null(path);
        (void)unlink(path); /* a test may not have made it */
        free(path);
    }
    int result = rmdir(place->folder);
    free(place);
    return result;
}

/* It is gone from the environment with each reading. */
static void set_passphrase(void)
{
    assert_int_equal(setenv(PASSPHRASE_VARIABLE, "correct horse 7", 1), 0);
}

static void change(struct keystore *keystore, const char *secret, bool is_first)
{
    struct secret api_key = secret_of(API_KEY, strlen(API_KEY)), api_secret = secret_of(secret, strlen(secret));
    const struct keystore_pair pair = { .api_key = &api_key, .api_secret = &api_secret };
    struct error error;
    bool done = is_first ? keystore_add(keystore, "main", &pair, 1764000000, &error)
                         : keystore_rotate(keystore, "main", &pair, 1764000001, &error);
    if (!done)
        fail_msg("%s", error.message);
    secret_end(&api_key);
    secret_end(&api_secret);
}

static void assert_has(const struct keystore *keystore, const char *expected)
{
    struct secret secret;
    assert_true(keystore_read_secret(&secret, keystore, "main", KEYSTORE_API_SECRET, NULL));
    assert_true(slice_equal_text(secret_slice(&secret), expected));
    secret_end(&secret);
}

/* What a running signer does when it is told that a key was rotated. */
static void what_another_process_rotated_is_read_with_the_key_at_hand(void **state)
{
    const struct place *place = *state;
    struct keystore *writer, *reader, *again;
    struct error error = { .kind = ERROR_NONE };
    set_passphrase();
    assert_true(keystore_open_or_begin(&writer, &place->keystore, NULL));
    change(writer, "first", true);
    set_passphrase();
    assert_true(keystore_open(&reader, &place->keystore, NULL));
    assert_null(getenv(PASSPHRASE_VARIABLE)); /* nothing can be asked any more */
    change(writer, "second", false);
    assert_has(reader, "first");
    assert_true(keystore_read_again(reader, NULL));
    assert_has(reader, "second");
    change(writer, "third", false);
    assert_true(keystore_open(&again, &place->keystore, NULL));
    assert_ptr_equal(again, reader);
    assert_has(reader, "third");
    keystore_close(again);
    struct secret other = secret_of("another one 8", 13);
    assert_true(keystore_change_passphrase(writer, &other, NULL));
    secret_end(&other);
    assert_has(writer, "third");
    assert_false(keystore_read_again(reader, &error));
    assert_non_null(strstr(error.message, "another passphrase"));
    assert_has(reader, "third");
    assert_true(keystore_is_open());
    keystore_close(reader);
    assert_false(keystore_is_open());
    keystore_close(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(no_bit_can_change_unnoticed),
        cmocka_unit_test(no_byte_can_be_taken_out_or_put_in_unnoticed),
        cmocka_unit_test(another_key_fits_nothing),
        cmocka_unit_test(nothing_of_what_does_not_fit_is_left_in_memory),
        cmocka_unit_test(a_file_of_the_most_entries_of_the_largest_size_fits),
        cmocka_unit_test(the_key_is_scrypts),
        cmocka_unit_test_setup_teardown(what_another_process_rotated_is_read_with_the_key_at_hand, make_place,
                                        remove_place),
    };
    return cmocka_run_group_tests_name("keystore", tests, NULL, NULL);
}
