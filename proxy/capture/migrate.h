/* Carries a store of an older schema over into today's. */
#ifndef COUNTERSIGN_CAPTURE_MIGRATE_H
#define COUNTERSIGN_CAPTURE_MIGRATE_H

#include "countersign/capture_store.h"

/* `path` is a store of `version`, open nowhere in this process, and the folder's lock is held. It is copied into a new file
 * beside it (PATH.migrating), which then takes its place: until that moment the old one stays as it was. Needs room for
 * both. */
MUST_CHECK bool migrate_store(const char *path, int64_t version, struct capture_progress progress, struct error *error);

#endif
