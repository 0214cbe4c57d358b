/* The signer process: reads the secrets, starts the proxy process, and answers (account, window) with window keys. */
#ifndef COUNTERSIGN_SIGNER_H
#define COUNTERSIGN_SIGNER_H

#include "countersign/config.h"
#include "countersign/scheme.h"
#include "countersign/secret.h"

struct signer_account {
    struct secret api_key;
    struct secret api_secret;
};

struct signer {
    const struct config *config;
    struct signer_account *accounts; /* config->account_count of them; empty where not read */
    struct secret *tokens; /* config->listener_count of them, empty for a listener without one; NULL: not read */
};

/* Reads every account's secrets and every listener's token. One error for the first that cannot be read, and *report one line for each. Takes this
 * process out of core dumps and other processes' reach (RLIMIT_CORE, PR_SET_DUMPABLE) before. `config` must stay. */
MUST_CHECK bool signer_open(struct signer **signer, const struct config *config, struct buffer *report,
                            struct error *error);

/* As signer_open, for account number `account` alone: for commands that sign once. */
MUST_CHECK bool signer_open_account(struct signer **signer, const struct config *config, size_t account,
                                    struct buffer *report, struct error *error);

void signer_close(struct signer *signer); /* wipes */

/* Starts `arguments` (argv of this very program, /proc/self/exe) with the socket pair's other end as SIGNER_WIRE_FD and
 * an environment without any variable that held a secret, then answers its requests until it ends. SIGINT and SIGTERM
 * are passed on once; SIGHUP is passed on. The child dies with the signer (PR_SET_PDEATHSIG). Returns the child's exit
 * code in *exit_code (128 + signal number where one ended it). One thread. */
MUST_CHECK bool signer_serve(int *exit_code, struct signer *signer, char *const arguments[], struct error *error);

/* A window's key for account number `account`, however far the window is from now: what the service gives for windows
 * near now, and for commands that sign once. */
MUST_CHECK bool signer_window_key(struct scheme_window_key *key, const struct signer *signer, size_t account,
                                  uint64_t window, struct error *error);

#endif
