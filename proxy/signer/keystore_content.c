/* A keystore file's content: read, checked in the order in which a check means most, and decrypted part by part. Owns the
 * bytes; one thread. */
#include "keystore_file.h"
#include "keystore_private.h"
#include "secret_parts.h"

#include <stdlib.h>
#include <string.h>

#define ADVICE                                                                                                         \
    "put a copy of it in its place, or move it away and add the keys again (`countersign keys add`); nothing was "     \
    "changed"

static bool check_digest(const struct keystore_view *view, struct error *error)
{
    unsigned char digest[KEYSTORE_DIGEST];
    if (!keystore_digest(digest, view->summed_bytes, error))
        return false;
    return memcmp(digest, view->digest.data, sizeof(digest)) == 0 ||
           error_set(error, ERROR_INPUT, "it is damaged (its checksum does not fit): " ADVICE);
}

bool keystore_content_take(struct keystore_content **content, struct buffer *bytes, const char *what,
                           struct error *error)
{
    struct keystore_content *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        buffer_free(bytes);
        return error_set(error, ERROR_MEMORY, "no memory for the keystore");
    }
    made->bytes = *bytes;
    buffer_init(bytes, bytes->maximum);
    if (keystore_view_frame(&made->view, buffer_slice(&made->bytes), error) && check_digest(&made->view, error) &&
        keystore_view_entries(&made->view, error)) {
        *content = made;
        return true;
    }
    keystore_content_free(made);
    return error_prefix(error, "the keystore %s", what);
}

bool keystore_content_read(struct keystore_content **content, const char *path, struct error *error)
{
    struct buffer bytes;
    bool is_there = false;
    *content = NULL;
    buffer_init(&bytes, 2 * (size_t)KEYSTORE_FILE_MAX);
    bool done = keystore_file_read(&bytes, &is_there, path, error) &&
                (!is_there || keystore_content_take(content, &bytes, path, error));
    buffer_free(&bytes);
    return done;
}

void keystore_content_free(struct keystore_content *content)
{
    if (content == NULL)
        return;
    buffer_free(&content->bytes); /* nothing in it is plain */
    free(content);
}

bool keystore_key_fits(const struct keystore_content *content, const struct secret *key)
{
    const struct keystore_associated header = { .purpose = KEYSTORE_FOR_HEADER, .first = content->view.header };
    unsigned char nothing[1];
    return keystore_decrypt(nothing, &content->view.header_tag, key, &header);
}

bool keystore_check_seal(const struct keystore_content *content, const struct secret *key, const char *what,
                         struct error *error)
{
    const struct keystore_associated all = { .purpose = KEYSTORE_FOR_SEAL, .first = content->view.sealed_bytes };
    unsigned char nothing[1];
    return keystore_decrypt(nothing, &content->view.seal, key, &all) ||
           error_set(error, ERROR_INPUT,
                     "the keystore %s: the passphrase is right, and the file is not as it was written: somebody "
                     "changed it; " ADVICE,
                     what);
}

bool keystore_decrypt_part(struct secret *secret, const struct keystore_content *content, const struct secret *key,
                           const struct keystore_item *item, enum keystore_role role, struct error *error)
{
    static const enum keystore_purpose purposes[] = {
        [KEYSTORE_API_KEY] = KEYSTORE_FOR_API_KEY, [KEYSTORE_API_SECRET] = KEYSTORE_FOR_API_SECRET
    };
    const struct keystore_associated associated = { .purpose = purposes[role],
                                                    .first = content->view.header,
                                                    .second = item->head };
    struct secret made;
    if (!secret_allocate(&made, error))
        return false;
    if (!keystore_decrypt((unsigned char *)made.bytes, &item->parts[role], key, &associated)) {
        secret_end(&made);
        return error_set(error, ERROR_INPUT,
                         "entry %.*s of the keystore is not as it was written: somebody changed it; " ADVICE,
                         SLICE_ARGUMENTS(item->name));
    }
    made.length = item->parts[role].sealed.length - KEYSTORE_TAG;
    *secret = made;
    return true;
}
