/* The signer process: reads the secrets, and answers (account, window) with window keys. The supervisor starts it
 * (supervisor.h). */
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

/* A signer process's two sockets, which signer_serve owns from then on. */
struct signer_ends {
    int proxy;      /* to the proxy process: signer_wire.h */
    int supervisor; /* to the process that started this one: supervisor_link.h */
};

/* Says that the secrets are read, and answers the proxy until the supervisor's end closes. SIGINT and SIGTERM do nothing: the
 * proxy may still have requests to sign. One thread, but for SIGHUP:
 *
 * SIGHUP has every account's sources read anew, on a second thread, while keys of what is in force are given out. When all
 * can be read and are what they must be at the start, too, they take the place of the old ones, which are wiped; otherwise
 * the log says which cannot, and the old ones of all accounts stay. What comes from a variable stays as it is. The supervisor
 * hears of the end of each reading. */
MUST_CHECK bool signer_serve(struct signer *signer, const struct signer_ends *ends, struct error *error);

/* A window's key for account number `account`, however far the window is from now: what the service gives for windows
 * near now, and for commands that sign once. */
MUST_CHECK bool signer_window_key(struct scheme_window_key *key, const struct signer *signer, size_t account,
                                  uint64_t window, struct error *error);

#endif
