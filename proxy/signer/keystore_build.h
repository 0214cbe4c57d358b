/* A keystore file put together. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_KEYSTORE_BUILD_H
#define COUNTERSIGN_SIGNER_KEYSTORE_BUILD_H

#include "keystore_private.h"

struct keystore_build {
    struct buffer out;
    char header[KEYSTORE_HEADER];
    const struct secret *key;
};

/* Begins a file of `count` entries under this key. Follow with that many entries and keystore_build_end; buffer_free(&out) in
 * any case. */
MUST_CHECK bool keystore_build_begin(struct keystore_build *build, const struct keystore_cost *cost, struct slice salt,
                                     const struct secret *key, size_t count, struct error *error);

/* One that stands in a file with the same header, as it is. */
void keystore_build_copy(struct keystore_build *build, const struct keystore_item *item);

/* One that is encrypted now. */
MUST_CHECK bool keystore_build_entry(struct keystore_build *build, const struct keystore_entry *entry,
                                     const struct keystore_pair *pair, struct error *error);

MUST_CHECK bool keystore_build_end(struct keystore_build *build, struct error *error);

#endif
