/* Any bytes as a keystore's file, under a key that is given: deriving one from a passphrase would leave no time for anything
 * else. The first byte says how far the bytes have come: as they are; with a checksum that fits; as the entries of a file
 * whose header, seal and checksum fit; or as the words of one entry, which is written and must be read as it was.
 * Held: what is refused is refused in one line, and what is taken is sealed and can be read or says that it cannot. */
#include "signer/keystore_build.h"
#include "signer/secret_parts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROUGHLY_MOST = 1 << 16, KEY_BYTE = 'K' };
enum way { AS_IT_IS, CHECKSUM_FITS, ENTRIES, WORDS, WAYS };

static const struct keystore_cost cost = { .log2_n = KEYSTORE_LOG2_N, .r = KEYSTORE_R, .p = KEYSTORE_P };
static const char salt[KEYSTORE_SALT] = "a salt that never changes";

static void require(bool held)
{
    if (!held)
        abort();
}

static void try_parts(const struct keystore_content *content, const struct secret *key)
{
    for (size_t i = 0; i < content->view.count; i++) {
        for (int role = 0; role < KEYSTORE_ROLES; role++) {
            struct secret secret;
            if (keystore_decrypt_part(&secret, content, key, &content->view.items[i], (enum keystore_role)role, NULL))
                secret_end(&secret);
        }
    }
}

/* Takes the bytes over; returns whether they are a whole and sealed keystore. */
static bool try_file(struct keystore_content **content, struct buffer *bytes, const struct secret *key)
{
    struct error error = { .kind = ERROR_NONE };
    *content = NULL;
    if (!keystore_content_take(content, bytes, "here", &error)) {
        require(error.kind == ERROR_INPUT && strchr(error.message, '\n') == NULL && *content == NULL);
        return false;
    }
    try_parts(*content, key);
    return keystore_key_fits(*content, key) && keystore_check_seal(*content, key, "here", &error);
}

static void append_checksum(struct buffer *file)
{
    unsigned char digest[KEYSTORE_DIGEST];
    require(keystore_digest(digest, buffer_slice(file), NULL));
    require(buffer_append(file, digest, sizeof(digest)));
}

static void append_entries(struct buffer *file, struct slice bytes, const struct secret *key)
{
    struct keystore_build build;
    size_t count = bytes.length > 0 ? (unsigned char)bytes.data[0] : 0;
    require(keystore_build_begin(&build, &cost, slice_of(salt, sizeof(salt)), key, count, NULL));
    require(buffer_append_slice(&build.out, slice_from(bytes, 1)) || bytes.length <= 1);
    require(keystore_build_end(&build, NULL));
    buffer_free(file);
    *file = build.out;
}

static bool take_word(struct secret *word, struct slice *rest, size_t most)
{
    struct slice part;
    if (!slice_next_part(rest, '\0', &part) || part.length == 0 || part.length > most)
        return false;
    require(secret_allocate(word, NULL));
    memcpy(word->bytes, part.data, part.length);
    word->length = part.length;
    return true;
}

/* NAME, KEY, SECRET with NULs between. */
static void write_and_read(struct slice words, const struct secret *key)
{
    struct keystore_entry entry = { .generation = 1, .added_s = 1764000000 };
    struct secret api_key = { .bytes = NULL }, api_secret = { .bytes = NULL }, read;
    const struct keystore_pair pair = { .api_key = &api_key, .api_secret = &api_secret };
    struct keystore_build build = { .key = NULL };
    struct keystore_content *content = NULL;
    struct slice name;
    if (slice_next_part(&words, '\0', &name) && config_keystore_name_valid(name) &&
        take_word(&api_key, &words, KEYSTORE_API_KEY_MAX) && take_word(&api_secret, &words, SECRET_MAX)) {
        memcpy(entry.name, name.data, name.length);
        require(keystore_build_begin(&build, &cost, slice_of(salt, sizeof(salt)), key, 1, NULL));
        require(keystore_build_entry(&build, &entry, &pair, NULL) && keystore_build_end(&build, NULL));
        require(try_file(&content, &build.out, key) && content->view.count == 1);
        require(keystore_decrypt_part(&read, content, key, &content->view.items[0], KEYSTORE_API_SECRET, NULL));
        require(slice_equal(secret_slice(&read), secret_slice(&api_secret)));
        secret_end(&read);
        keystore_content_free(content);
    }
    buffer_free(&build.out);
    secret_end(&api_key);
    secret_end(&api_secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keystore_content *content;
    struct secret key;
    struct buffer file;
    if (size == 0 || size > ROUGHLY_MOST)
        return 0;
    struct slice bytes = slice_of(data + 1, size - 1);
    enum way way = (enum way)(data[0] % WAYS);
    require(secret_allocate(&key, NULL));
    memset(key.bytes, KEY_BYTE, KEYSTORE_KEY);
    key.length = KEYSTORE_KEY;
    if (way == WORDS) {
        write_and_read(bytes, &key);
    } else {
        buffer_init(&file, KEYSTORE_FILE_MAX);
        require(buffer_append_slice(&file, bytes) || bytes.length == 0);
        if (way == CHECKSUM_FITS)
            append_checksum(&file);
        else if (way == ENTRIES)
            append_entries(&file, bytes, &key);
        (void)try_file(&content, &file, &key); /* either is fine: it is held to what it says */
        keystore_content_free(content);
        buffer_free(&file);
    }
    secret_end(&key);
    return 0;
}
