/* Following a record as it grows. Private to the log's commands. One thread. */
#ifndef COUNTERSIGN_CLI_LOG_FOLLOW_H
#define COUNTERSIGN_CLI_LOG_FOLLOW_H

#include "log_command.h"

struct log_follower {
    bool (*add)(void *context, const struct record *record); /* false: out of memory */
    bool (*flush)(void *context, struct error *error);       /* after each look that added some */
    void *context;
    size_t limit; /* the latest so many first */
};

/* Hands over the latest exchanges that fit and have ended, then each other one once it has. Opens and opens anew
 * run->reader. Ends on a failure alone. */
MUST_CHECK bool log_follow(struct log_run *run, const struct log_follower *follower, struct error *error);

#endif
