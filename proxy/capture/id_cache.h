/* Which rows a table holds already, as far as it is remembered: fingerprint to row id, the latest of each slot. What has been
 * forgotten is stored or looked up again, which costs room or time and nothing else. */
#ifndef COUNTERSIGN_CAPTURE_ID_CACHE_H
#define COUNTERSIGN_CAPTURE_ID_CACHE_H

#include "fingerprint.h"

enum { ID_CACHE_SLOTS = 16384 };

struct id_cache;

MUST_CHECK bool id_cache_create(struct id_cache **cache, struct error *error);
void id_cache_free(struct id_cache *cache); /* NULL is allowed */

/* The row's id, 0 where it is not remembered. */
int64_t id_cache_find(const struct id_cache *cache, const struct fingerprint *of);
void id_cache_remember(struct id_cache *cache, const struct fingerprint *of, int64_t id);

/* After a rollback, or where others may have deleted rows: what was remembered may not exist. */
void id_cache_forget(struct id_cache *cache);

#endif
