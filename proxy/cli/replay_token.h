/* The token that a listener asks for, put to a request that is sent again. Private to this room. */
#ifndef COUNTERSIGN_CLI_REPLAY_TOKEN_H
#define COUNTERSIGN_CLI_REPLAY_TOKEN_H

#include "log_command.h"

/* Appends a whole request head to `out`, with Countersign-Token where the configuration says that the listener of this name
 * has one: the record has it masked. Reads it from its source; with --store there is no configuration to ask, and none is
 * added. Wipe `out` after use. */
MUST_CHECK bool replay_token_add(struct buffer *out, struct slice head, const struct log_options *options,
                                 const char *listener, struct error *error);

#endif
