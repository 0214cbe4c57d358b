/* Whether the terminal that a process was started at has gone: what tells a hang-up from a SIGHUP that somebody sent. Private
 * to this room. */
#ifndef COUNTERSIGN_SIGNER_TERMINAL_END_H
#define COUNTERSIGN_SIGNER_TERMINAL_END_H

#include <stdbool.h>
#include <unistd.h>

struct terminals {
    bool had[STDERR_FILENO + 1]; /* standard descriptors that were terminals at the start */
};

void terminals_note(struct terminals *terminals);

/* Whether one of them has gone: then SIGHUP is the hang-up that it was named for, and who left it running without a terminal
 * did not ask for that. */
bool terminals_have_gone(const struct terminals *terminals);

#endif
