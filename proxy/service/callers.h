/* Who may ask, for each listener: put together from the configuration and the signer once, then shared by all workers.
 * Private to this room. */
#ifndef COUNTERSIGN_SERVICE_CALLERS_H
#define COUNTERSIGN_SERVICE_CALLERS_H

#include "countersign/config.h"
#include "countersign/exchange.h"

struct callers;

/* Asks the signer over `signer_fd` (which stays the caller's) for the tokens where the configuration names some; before
 * signer_client_open. `config` must stay. */
MUST_CHECK bool callers_open(struct callers **callers, const struct config *config, int signer_fd, struct error *error);
/* The same for a configuration with the same listeners, with the tokens that `held` has. */
MUST_CHECK bool callers_renew(struct callers **callers, const struct callers *held, const struct config *config,
                              struct error *error);
void callers_close(struct callers *callers); /* wipes; NULL is allowed */

/* Gives a worker's listener its rules. */
void callers_fill(struct exchange_listener *listener, const struct callers *callers, size_t index);

/* Wipes what callers_fill gave. */
void callers_wipe(struct exchange_listener *listener);

/* Whether the users of this listener's clients can be found: looks for its socket, and where that fails warns with what to do
 * (where `warns`: one worker does for all). */
void callers_test(struct peer_lookup *lookup, const struct callers *callers, size_t index, int listen_fd, bool warns);

/* Warns of each listener that other machines can reach. */
void callers_report(const struct config *config);

#endif
