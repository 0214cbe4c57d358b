/* The listeners' tokens at the signer: what clients of a listener have to bring. They are no exchange secret, and the proxy
 * process, which compares them, asks for each. Private to this room. */
#ifndef COUNTERSIGN_TOKENS_PRIVATE_H
#define COUNTERSIGN_TOKENS_PRIVATE_H

#include "countersign/signer.h"
#include "wire.h"

/* Reads the token of every listener that has one, into signer->tokens; after the accounts, for a token must be neither key nor
 * secret. Adds one line to the report for each that cannot be used; the first is the sum. */
void tokens_load(struct signer *signer, struct buffer *report, struct error *sum);

/* Takes the variables that held tokens out of this process. */
void tokens_forget(const struct config *config);

void tokens_end(struct signer *signer); /* wipes */

/* Whether the message asks for a listener's token. */
bool tokens_is_question(const struct signer_wire_message *message, size_t listener_count);

/* Makes the answer to it. */
void tokens_answer(struct signer_wire_message *answer, const struct signer *signer, size_t listener);

/* Whether the message is what the proxy may get in answer, for this listener: everything in it in range. */
bool tokens_is_answer(const struct signer_wire_message *message, size_t listener);

#endif
