/* The process that is started: it starts the signer and the proxy, outlives both, and does little else. It takes signals, its
 * children's ends and their few fixed messages (supervisor_link.h), and nothing from outside.
 *
 * - A signer that dies is started again: at once, then more slowly, SUPERVISOR_RESTARTS_MAX times in a minute. The proxy
 *   signs with the keys it holds meanwhile, and is handed the new signer's socket.
 * - A proxy that dies takes the signer with it, and the whole ends. So it is where the signer cannot be kept alive.
 * - A supervisor that dies takes both with it (PR_SET_PDEATHSIG): the signer at once, the proxy as SIGTERM would.
 *
 * So that another signer can be started, it keeps in locked memory what can be had once alone: the values of variables that
 * hold secrets, and the keystore's key where one is used. Everything else each signer reads itself. */
#ifndef COUNTERSIGN_SUPERVISOR_H
#define COUNTERSIGN_SUPERVISOR_H

#include "countersign/config.h"
#include "countersign/error.h"
#include "countersign/signer.h"

enum { SUPERVISOR_RESTARTS_MAX = 5 /* in a minute */ };

struct supervisor_options {
    const struct config *config;
    char *const *arguments; /* of the proxy process: argv of this very program, NULL-terminated */

    /* In each signer process: reads the secrets, serves over `ends` and returns the exit code; what failed was told. */
    int (*sign)(void *context, const struct signer_ends *ends);
    void *context;
};

/* Starts both, and returns when both have ended. SIGTERM and SIGINT ask the proxy to drain; a second one, to end at once.
 * SIGHUP goes on to the signer, but for one that means the end of the terminal this writes to, which is as SIGTERM is.
 * *exit_code is the proxy's, or the signer's where that did not get as far as a proxy; 3 where a signal ended the proxy or
 * the signer could not be kept alive. Speaks to a service manager where NOTIFY_SOCKET, WATCHDOG_USEC and LISTEN_FDS say so
 * (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)). The signals that it takes stay blocked: end the process with
 * *exit_code. One thread, the only one. */
MUST_CHECK bool supervise(int *exit_code, const struct supervisor_options *options, struct error *error);

#endif
