/* A request's body from --body or --body-file. Private to this room. */
#ifndef COUNTERSIGN_CLI_BODY_INPUT_H
#define COUNTERSIGN_CLI_BODY_INPUT_H

#include "countersign/buffer.h"
#include "countersign/error.h"

enum { CLI_BODY_MAX = 16 << 20 }; /* bytes; the most that proxy.body_max can be set to */

/* Initialises `body` and reads it: from `file` (`-`: standard input), else `text`; either may be NULL. Call buffer_free in
 * any case. */
MUST_CHECK bool cli_body_read(struct buffer *body, const char *text, const char *file, struct error *error);

#endif
