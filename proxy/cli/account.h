/* Whose key a command uses, and where that account's requests go. Private to this room. The program's one thread. */
#ifndef COUNTERSIGN_CLI_ACCOUNT_H
#define COUNTERSIGN_CLI_ACCOUNT_H

#include "countersign/config.h"
#include "countersign/signer.h"

/* The account named `wanted`; NULL: the only one there is. Else ERROR_USAGE, naming those that there are. */
MUST_CHECK bool account_find(size_t *account, const char *wanted, const struct config *config, struct error *error);

/* Where the first listener of this account forwards to; the first upstream where there is none. */
const struct config_upstream *account_upstream(const struct config *config, size_t account);

/* As signer_open_account. The report has a line for each secret that cannot be read: all but the last are printed as
 * lines of `command`, the last is the error. */
MUST_CHECK bool account_open_signer(struct signer **signer, const char *command, const struct config *config,
                                    size_t account, struct error *error);

#endif
