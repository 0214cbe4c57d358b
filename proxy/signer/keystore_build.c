/* A keystore file put together: header and its tag, entries copied or encrypted, seal and checksum. Owns nothing; one thread. */
#include "keystore_build.h"

#include <string.h>

static bool append_tag(struct keystore_build *build, const struct keystore_associated *associated, struct error *error)
{
    unsigned char nonce[KEYSTORE_NONCE];
    unsigned char tag[KEYSTORE_TAG];
    if (!keystore_encrypt(nonce, tag, slice_of(NULL, 0), build->key, associated, error))
        return false;
    (void)buffer_append(&build->out, nonce, sizeof(nonce)); /* keystore_build_end looks at `failed`, here and below */
    (void)buffer_append(&build->out, tag, sizeof(tag));
    return true;
}

bool keystore_build_begin(struct keystore_build *build, const struct keystore_cost *cost, struct slice salt,
                          const struct secret *key, size_t count, struct error *error)
{
    build->key = key;
    buffer_init(&build->out, KEYSTORE_FILE_MAX);
    keystore_append_header(&build->out, cost, salt);
    if (build->out.failed || build->out.length != sizeof(build->header))
        return error_set(error, ERROR_MEMORY, "no memory for the new keystore; nothing was changed");
    memcpy(build->header, build->out.data, sizeof(build->header)); /* the buffer moves as it grows */
    const struct keystore_associated header = { .purpose = KEYSTORE_FOR_HEADER,
                                                .first = slice_of(build->header, sizeof(build->header)) };
    if (!append_tag(build, &header, error))
        return false;
    keystore_append_u32(&build->out, (uint32_t)count);
    return true;
}

void keystore_build_copy(struct keystore_build *build, const struct keystore_item *item)
{
    (void)buffer_append_slice(&build->out, item->whole);
}

static bool append_part(struct keystore_build *build, const struct secret *secret,
                        const struct keystore_associated *associated, struct error *error)
{
    unsigned char nonce[KEYSTORE_NONCE];
    unsigned char sealed[SECRET_MAX + KEYSTORE_TAG];
    struct slice plain = secret_slice(secret);
    if (plain.length == 0 || plain.length > SECRET_MAX)
        return error_set(error, ERROR_INTERNAL, "a secret of %zu bytes does not fit the keystore", plain.length);
    if (!keystore_encrypt(nonce, sealed, plain, build->key, associated, error))
        return false;
    (void)buffer_append(&build->out, nonce, sizeof(nonce));
    keystore_append_u16(&build->out, (uint16_t)plain.length);
    (void)buffer_append(&build->out, sealed, plain.length + KEYSTORE_TAG);
    return true;
}

bool keystore_build_entry(struct keystore_build *build, const struct keystore_entry *entry,
                          const struct keystore_pair *pair, struct error *error)
{
    struct buffer head;
    buffer_init(&head, KEYSTORE_HEADER);
    keystore_append_entry_head(&head, entry);
    struct keystore_associated associated = { .purpose = KEYSTORE_FOR_API_KEY,
                                              .first = slice_of(build->header, sizeof(build->header)),
                                              .second = buffer_slice(&head) };
    bool done = !head.failed || error_set(error, ERROR_MEMORY, "no memory for the new keystore; nothing was changed");
    (void)buffer_append_slice(&build->out, buffer_slice(&head));
    done = done && append_part(build, pair->api_key, &associated, error);
    associated.purpose = KEYSTORE_FOR_API_SECRET;
    done = done && append_part(build, pair->api_secret, &associated, error);
    buffer_free(&head);
    return done;
}

bool keystore_build_end(struct keystore_build *build, struct error *error)
{
    unsigned char digest[KEYSTORE_DIGEST];
    const struct keystore_associated all = { .purpose = KEYSTORE_FOR_SEAL, .first = buffer_slice(&build->out) };
    if (!append_tag(build, &all, error) || !keystore_digest(digest, buffer_slice(&build->out), error))
        return false;
    (void)buffer_append(&build->out, digest, sizeof(digest));
    return !build->out.failed || error_set(error, ERROR_MEMORY, "no memory for the new keystore; nothing was changed");
}
