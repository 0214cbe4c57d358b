/* A direct-mapped table of fingerprints. The recorder's thread. */
#include "id_cache.h"

#include <stdlib.h>
#include <string.h>

struct cache_slot {
    struct fingerprint of;
    int64_t id; /* 0: empty */
};

struct id_cache {
    bool is_empty; /* forgetting again costs nothing: epochs and rollbacks come in a row at times */
    struct cache_slot slots[ID_CACHE_SLOTS];
};

bool id_cache_create(struct id_cache **cache, struct error *error)
{
    *cache = calloc(1, sizeof(**cache));
    if (*cache == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the capture store");
    (*cache)->is_empty = true; /* forgetting what was never remembered would touch every page */
    return true;
}

void id_cache_free(struct id_cache *cache)
{
    free(cache);
}

static size_t slot_of(const struct fingerprint *of)
{
    return of->words[0] % ID_CACHE_SLOTS;
}

int64_t id_cache_find(const struct id_cache *cache, const struct fingerprint *of)
{
    const struct cache_slot *slot = &cache->slots[slot_of(of)];
    return slot->id != 0 && fingerprint_equal(&slot->of, of) ? slot->id : 0;
}

void id_cache_remember(struct id_cache *cache, const struct fingerprint *of, int64_t id)
{
    cache->slots[slot_of(of)] = (struct cache_slot){ .of = *of, .id = id };
    cache->is_empty = false;
}

void id_cache_forget(struct id_cache *cache)
{
    if (!cache->is_empty)
        memset(cache->slots, 0, sizeof(cache->slots));
    cache->is_empty = true;
}
