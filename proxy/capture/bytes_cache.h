/* Which bytes the store holds already, as far as it is remembered: SHA-256 to row id, the latest of each slot. What has
 * been forgotten is stored again, which costs room and nothing else. */
#ifndef COUNTERSIGN_CAPTURE_BYTES_CACHE_H
#define COUNTERSIGN_CAPTURE_BYTES_CACHE_H

#include "countersign/error.h"
#include "countersign/slice.h"

enum { BYTES_DIGEST_LENGTH = 32 };

struct bytes_digest {
    unsigned char bytes[BYTES_DIGEST_LENGTH];
};

struct bytes_cache;

MUST_CHECK bool bytes_cache_create(struct bytes_cache **cache, struct error *error);
void bytes_cache_free(struct bytes_cache *cache); /* NULL is allowed */

MUST_CHECK bool bytes_cache_digest(struct bytes_digest *digest, struct bytes_cache *cache, struct slice data);

/* The row's id, 0 where it is not remembered. */
int64_t bytes_cache_find(const struct bytes_cache *cache, const struct bytes_digest *digest);
void bytes_cache_remember(struct bytes_cache *cache, const struct bytes_digest *digest, int64_t id);

/* After a rollback: rows that were remembered may not exist. */
void bytes_cache_forget(struct bytes_cache *cache);

#endif
