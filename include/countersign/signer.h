/* The signer process: reads the secrets, starts the proxy process, and answers (account, window) with window keys. */
#ifndef COUNTERSIGN_SIGNER_H
#define COUNTERSIGN_SIGNER_H

#include "countersign/config.h"
#include "countersign/keystore.h"
#include "countersign/scheme.h"
#include "countersign/secret.h"

struct signer_account {
    struct secret api_key;
    struct secret api_secret;
    bool changed; /* read anew, and one of the two is another than before */
};

struct signer {
    const struct config *config;
    struct signer_account *accounts; /* config->account_count of them; empty where not read */
    struct keystore *keystore; /* with its key, for keystore_read_again; NULL where no account that was read names it */
    struct secret *tokens;     /* config->listener_count of them, empty for a listener without one; NULL: not read */
};

/* What signer_open does first: takes this process out of core dumps and other processes' reach. For commands that hold
 * secrets otherwise. */
MUST_CHECK bool signer_prepare_process(struct error *error);

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
 * are passed on once. The child dies with the signer (PR_SET_PDEATHSIG). Returns the child's exit code in *exit_code (128 +
 * signal number where one ended it). One thread, but for SIGHUP:
 *
 * SIGHUP has every account's sources read anew, on a second thread, while keys of what is in force are given out. When all
 * can be read and are what they must be at the start, too, they take the place of the old ones, which are wiped; otherwise
 * the log says which cannot, and the old ones of all accounts stay. What comes from a variable stays as it is. A SIGHUP that
 * means the end of the terminal this writes to is as SIGTERM is. */
MUST_CHECK bool signer_serve(int *exit_code, struct signer *signer, char *const arguments[], struct error *error);

/* A window's key for account number `account`, however far the window is from now: what the service gives for windows
 * near now, and for commands that sign once. */
MUST_CHECK bool signer_window_key(struct scheme_window_key *key, const struct signer *signer, size_t account,
                                  uint64_t window, struct error *error);

#endif
