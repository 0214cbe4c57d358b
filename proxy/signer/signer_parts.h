/* Reading accounts a second time, and what is done before they are read the first time. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_PARTS_H
#define COUNTERSIGN_SIGNER_PARTS_H

#include "countersign/signer.h"

/* Starts the process that runs commands, where a source needs it and there is none yet. */
MUST_CHECK bool signer_start_runner(const struct config *config, struct error *error);

/* Reads every account's sources anew, with the checks of the start, into a set of secrets of its own (signer_discard).
 * `held` is what was read before: variables' values are taken over from it, and it is not changed. One error for the first
 * that cannot be read, and *report one line for each. Any thread. */
MUST_CHECK bool signer_read_anew(struct signer **fresh, const struct signer *held, struct buffer *report,
                                 struct error *error);

/* Wipes and frees what was read anew and nothing else; NULL is fine. */
void signer_discard(struct signer *signer);

/* Puts what `fresh` holds in the place of what `signer` holds, wipes that, and ends `fresh`. */
void signer_replace(struct signer *signer, struct signer *fresh);

#endif
