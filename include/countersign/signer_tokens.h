/* The listeners' tokens as the proxy process gets them: from the signer, over the same socket as keys, so that they are in no
 * command line and no environment. */
#ifndef COUNTERSIGN_SIGNER_TOKENS_H
#define COUNTERSIGN_SIGNER_TOKENS_H

#include "countersign/error.h"
#include "countersign/signer_wire.h"

#include <stddef.h>

struct signer_token {
    size_t length; /* 0: the listener has none */
    char text[SIGNER_WIRE_TOKEN_MAX];
};

/* Asks over `fd`, which stays the caller's, for the tokens of `count` listeners in the configuration's order. Before
 * signer_client_open, which takes the socket over. Blocks for at most 5 s. Wipe `tokens` after use. */
MUST_CHECK bool signer_tokens_fetch(struct signer_token *tokens, size_t count, int fd, struct error *error);

#endif
