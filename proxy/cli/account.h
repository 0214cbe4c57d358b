/* The account whose secret a command uses. Private to this room. */
#ifndef COUNTERSIGN_CLI_ACCOUNT_H
#define COUNTERSIGN_CLI_ACCOUNT_H

#include "countersign/signer.h"

/* The account of this name, or the only one where `wanted` is NULL. ERROR_USAGE, naming those that there are, otherwise. */
MUST_CHECK bool cli_account_find(size_t *account, const char *wanted, const struct config *config, struct error *error);

/* Where the first listener of this account forwards to; the first upstream where there is none. */
const struct config_upstream *cli_account_upstream(const struct config *config, size_t account);

/* Whether reading the account's secrets runs a command, or asks for the keystore's passphrase. */
bool cli_account_disturbs(const struct config_account *account);

/* Reads that account's secrets in this process; end with signer_close. `command` names it in what is printed of further
 * trouble. */
MUST_CHECK bool cli_signer_open(struct signer **signer, const char *command, const struct config *config,
                                size_t account, struct error *error);

#endif
