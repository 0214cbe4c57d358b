/* A database file that cannot be trusted is renamed together with what belongs to it, so that nothing of it is lost. */
#ifndef COUNTERSIGN_CAPTURE_SET_ASIDE_H
#define COUNTERSIGN_CAPTURE_SET_ASIDE_H

#include "countersign/error.h"

#include <stdint.h>

enum { SET_ASIDE_PATH_MAX = 4096 + 64 };

/* Renames PATH to PATH.damaged-YYYYMMDDTHHMMSSZ (with a number behind it where that is taken), and PATH-wal likewise;
 * PATH-shm, which holds nothing of its own, is removed. `aside` of SET_ASIDE_PATH_MAX bytes gets the new name. The
 * database must not be open in this process. */
MUST_CHECK bool set_aside(char *aside, const char *path, int64_t now_us, struct error *error);

#endif
