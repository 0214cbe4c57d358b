/* A direct-mapped table of digests. The recorder's thread. */
#include "bytes_cache.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_SLOTS = 16384 };

struct cache_slot {
    struct bytes_digest digest;
    int64_t id; /* 0: empty */
};

struct bytes_cache {
    EVP_MD *sha256; /* fetched once: fetching for each digest is slow (OpenSSL 3) */
    EVP_MD_CTX *context;
    struct cache_slot slots[CACHE_SLOTS];
};

bool bytes_cache_create(struct bytes_cache **cache, struct error *error)
{
    struct bytes_cache *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the capture store");
    made->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    made->context = EVP_MD_CTX_new();
    if (made->sha256 == NULL || made->context == NULL) {
        bytes_cache_free(made);
        return error_set(error, ERROR_INTERNAL, "OpenSSL gives no SHA-256; check its configuration");
    }
    *cache = made;
    return true;
}

void bytes_cache_free(struct bytes_cache *cache)
{
    if (cache == NULL)
        return;
    EVP_MD_CTX_free(cache->context);
    EVP_MD_free(cache->sha256);
    free(cache);
}

bool bytes_cache_digest(struct bytes_digest *digest, struct bytes_cache *cache, struct slice data)
{
    return EVP_DigestInit_ex2(cache->context, cache->sha256, NULL) == 1 &&
           EVP_DigestUpdate(cache->context, data.data, data.length) == 1 &&
           EVP_DigestFinal_ex(cache->context, digest->bytes, NULL) == 1;
}

static size_t slot_of(const struct bytes_digest *digest)
{
    return (digest->bytes[0] | (size_t)digest->bytes[1] << 8) % CACHE_SLOTS;
}

int64_t bytes_cache_find(const struct bytes_cache *cache, const struct bytes_digest *digest)
{
    const struct cache_slot *slot = &cache->slots[slot_of(digest)];
    return slot->id != 0 && memcmp(&slot->digest, digest, sizeof(*digest)) == 0 ? slot->id : 0;
}

void bytes_cache_remember(struct bytes_cache *cache, const struct bytes_digest *digest, int64_t id)
{
    cache->slots[slot_of(digest)] = (struct cache_slot){ .digest = *digest, .id = id };
}

void bytes_cache_forget(struct bytes_cache *cache)
{
    memset(cache->slots, 0, sizeof(cache->slots));
}
