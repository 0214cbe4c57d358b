/* The process that runs the commands of "command:" sources for a signer that gave up starting programs. It is forked before
 * any secret is read, so it holds none but what a command of its own just printed, and it takes nothing from outside but
 * the number of a configured command. One for a process: what a process gave up, it gave up for all that runs in it.
 * Private to this room. */
#ifndef COUNTERSIGN_SIGNER_COMMAND_RUNNER_H
#define COUNTERSIGN_SIGNER_COMMAND_RUNNER_H

#include "countersign/config.h"
#include "secret_parts.h"

/* Starts it where an account has a "command:" source; else nothing happens. Each command gets `timeout_us` from its start.
 * It ends with the calling thread's process, by SIGKILL, or with command_runner_end. */
MUST_CHECK bool command_runner_start(const struct config *config, int64_t timeout_us, struct error *error);

/* In a process that was forked from the one that started it, and goes on in its place: an answer that its forerunner did not
 * live to take is not taken for one of its own. */
void command_runner_take_over(void);

/* Whether there is one: commands then go through it, all of them. */
bool command_runner_is_there(void);

/* As secret_read_command, for a line that the configuration names: the same errors, and that the runner has ended. Waits
 * for as long as the command takes, and SECRET_COMMAND_TIMEOUT_US at most beyond its own bound. */
MUST_CHECK bool command_runner_read(struct secret *secret, const char *line, struct error *error);

/* Ends it and waits for that; nothing happens where there is none. */
void command_runner_end(void);

#endif
