/* The INI file: the only user of inih. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_FILE_H
#define COUNTERSIGN_CONFIG_FILE_H

#include "draft.h"

enum { CONFIG_FILE_MAX = 1 << 20 }; /* bytes */

/* Reads draft->file into `text`. False, with a problem, where it cannot be read or is too large. */
MUST_CHECK bool config_file_read(struct buffer *text, struct config_draft *draft, const char *path);

/* Reads sections and keys from the file's text into the draft. */
void config_file_parse(struct config_draft *draft, struct slice text);

#endif
