/* Starting the proxy process. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_PROCESS_H
#define COUNTERSIGN_SIGNER_PROCESS_H

#include "countersign/config.h"

#include <signal.h>
#include <sys/types.h>

/* The proxy's ends of its two sockets; they stay the caller's. */
struct process_ends {
    int signer;     /* becomes SIGNER_WIRE_FD */
    int supervisor; /* becomes SUPERVISOR_LINK_FD */
};

/* Forks and executes `program` with `arguments`, the two ends, no other descriptor above standard error, `signals` as its
 * blocked signals, and an environment without what names or held a secret. The child is sent SIGTERM when the calling
 * thread ends. Where `program` cannot be executed the child says so and ends with exit code 3. */
MUST_CHECK bool process_start(pid_t *child, const struct process_ends *ends, const char *program,
                              char *const arguments[], const struct config *config, const sigset_t *signals,
                              struct error *error);

/* 128 plus the signal's number where a signal ended it, as shells say it. `status` is waitpid(2)'s. */
int process_exit_code(int status);

/* Opens /dev/null in the place of standard descriptors that are closed, so that no socket gets their numbers. */
MUST_CHECK bool process_fill_standard_descriptors(struct error *error);

#endif
