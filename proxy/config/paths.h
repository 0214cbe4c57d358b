/* Paths: the default file, `~`, relative ones; and look-ups in an environment that is handed in. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_PATHS_H
#define COUNTERSIGN_CONFIG_PATHS_H

#include "countersign/buffer.h"

/* The variable's value, or NULL where it is unset or empty, or where there is no environment. */
const char *config_environment_get(char *const *environment, const char *name);

/* config_default_file for this environment into *path, NULL where there is none. The caller frees it. False when out of
 * memory: then there may be one. */
MUST_CHECK bool config_paths_default_file(char **path, char *const *environment);

/* `path` with a leading `~` replaced by `home` and, where relative, with the working folder before it. The caller frees
 * it. NULL on failure: `complaint` then says why. */
char *config_path_absolute(const char *path, const char *home, struct buffer *complaint);

#endif
