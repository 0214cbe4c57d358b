/* The state folder: made, and held against a second proxy. */
#ifndef COUNTERSIGN_CAPTURE_STATE_DIR_H
#define COUNTERSIGN_CAPTURE_STATE_DIR_H

#include "countersign/error.h"

/* Makes the folder and what is missing above it, mode 0700. One that is there keeps its mode. */
MUST_CHECK bool state_dir_create(const char *path, struct error *error);

/* The same; a warning is logged where others may look into it. */
MUST_CHECK bool state_dir_make(const char *path, struct error *error);

/* Takes the folder's lock. *fd keeps it until it is closed or the process ends. */
MUST_CHECK bool state_dir_lock(int *fd, const char *path, struct error *error);

/* "FOLDER/NAME". The caller frees it; NULL where memory is out. */
char *state_dir_file(const char *path, const char *name);

/* Returns once the folder's names are on the disk. */
MUST_CHECK bool state_dir_sync(const char *path, struct error *error);

#endif
