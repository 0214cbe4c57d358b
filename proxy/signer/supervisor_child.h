/* One of the supervisor's two children: what is known of it while it lives, and what is said of its end. Private to this
 * room. */
#ifndef COUNTERSIGN_SIGNER_SUPERVISOR_CHILD_H
#define COUNTERSIGN_SIGNER_SUPERVISOR_CHILD_H

#include "countersign/error.h"

#include <stdint.h>
#include <sys/types.h>

struct child {
    const char *name; /* "signer", "proxy" */
    pid_t pid;        /* 0: there is none */
    int process;      /* the same as pidfd_open(2) has it, or -1 */
    int link;         /* this process's end of its supervisor_link.h, or -1 */
    int64_t begun_us; /* monotonic */
    int status;       /* waitpid(2)'s, of one that ended */
    int64_t lived_us;
};

/* Takes up a child that was just forked. False where it cannot be watched: it was told to end then. */
MUST_CHECK bool child_begin(struct child *child, pid_t pid, int link, struct error *error);

/* Whether it has ended: `status` and `lived_us` then tell of it, and what was open for it is closed. */
bool child_has_ended(struct child *child);

/* Waits for its end, after what must bring that about. */
void child_wait(struct child *child);

void child_signal(const struct child *child, int number);
void child_close_link(struct child *child);

/* 128 plus the signal's number where a signal ended it, as shells say it. */
int child_exit_code(const struct child *child);

/* A line that says which process ended, why and after how long, and `then`: what is done about it. */
void child_report_end(const struct child *child, const char *then);

#endif
