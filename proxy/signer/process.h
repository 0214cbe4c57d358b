/* Starting the proxy process. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_PROCESS_H
#define COUNTERSIGN_SIGNER_PROCESS_H

#include "countersign/config.h"

#include <signal.h>
#include <sys/types.h>

/* Forks and executes `program` with `arguments`, one end of a new socket pair as SIGNER_WIRE_FD, no other descriptor
 * above standard error, `signals` as its blocked signals, and an environment without what names or held a secret. The
 * child is sent SIGTERM when the calling thread ends. *fd is the socket pair's other end, the caller's. Where
 * `program` cannot be executed the child says so and ends with exit code 3. */
MUST_CHECK bool process_start(pid_t *child, int *fd, const char *program, char *const arguments[],
                              const struct config *config, const sigset_t *signals, struct error *error);

/* 128 plus the signal's number where a signal ended it, as shells say it. `status` is waitpid(2)'s. */
int process_exit_code(int status);

/* Opens /dev/null in the place of standard descriptors that are closed, so that no socket gets their numbers. */
MUST_CHECK bool process_fill_standard_descriptors(struct error *error);

#endif
