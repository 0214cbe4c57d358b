/* The supervisor's children: watched, told to end, seen to have ended. Supervisor. */
#include "supervisor_child.h"

#include "countersign/clock.h"
#include "countersign/log.h"
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIGNAL_NAME_MAX = 16, REASON_MAX = 64, US_PER_MS = 1000, US_PER_S = 1000000 };

bool child_begin(struct child *child, pid_t pid, int link, struct error *error)
{
    child->pid = pid;
    child->link = link;
    child->begun_us = clock_monotonic_us();
    child->process = pidfd_open(pid, 0);
    if (child->process >= 0)
        return true;
    int number = errno;
    (void)kill(pid, SIGTERM); /* not reaped: the number is still its own */
    return error_system(error, number, "cannot watch the %s process (pidfd_open)", child->name);
}

void child_close_link(struct child *child)
{
    if (child->link >= 0)
        (void)close(child->link); /* nothing written is lost: datagrams are taken whole */
    child->link = -1;
}

static void note_end(struct child *child, int status)
{
    child->status = status;
    child->lived_us = clock_monotonic_us() - child->begun_us;
    child->pid = 0;
    child_close_link(child);
    if (child->process >= 0)
        (void)close(child->process); /* nothing was written */
    child->process = -1;
}

bool child_has_ended(struct child *child)
{
    int status;
    if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return false;
    note_end(child, status);
    return true;
}

void child_wait(struct child *child)
{
    int status;
    pid_t ended;
    if (child->pid == 0)
        return;
    do {
        ended = waitpid(child->pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    note_end(child, ended > 0 ? status : 0); /* ours, and not reaped: it cannot fail otherwise */
}

void child_signal(const struct child *child, int number)
{
    if (child->pid != 0)
        (void)pidfd_send_signal(child->process, number, NULL, 0); /* fails where it has just ended */
}

int child_exit_code(const struct child *child)
{
    return process_exit_code(child->status);
}

void child_report_end(const struct child *child, const char *then)
{
    bool by_signal = WIFSIGNALED(child->status);
    const char *core = by_signal && WCOREDUMP(child->status) ? ", core dumped" : "";
    const char *abbreviation = by_signal ? sigabbrev_np(WTERMSIG(child->status)) : NULL;
    char name[SIGNAL_NAME_MAX], reason[REASON_MAX];
    (void)snprintf(name, sizeof(name), "SIG%s", abbreviation == NULL ? "?" : abbreviation); /* fits; as below */
    if (by_signal)
        (void)snprintf(reason, sizeof(reason), "was ended by %s (signal %d%s)", name, WTERMSIG(child->status), core);
    else
        (void)snprintf(reason, sizeof(reason), "ended with exit code %d", WEXITSTATUS(child->status));
    const struct log_value values[] = {
        { "event", "process-ended", 0 },
        { "process", child->name, 0 },
        { "exit_code", NULL, child_exit_code(child) },
        { "signal", by_signal ? name : "", 0 },
        { "core", NULL, core[0] != '\0' },
        { "lived_ms", NULL, child->lived_us / US_PER_MS },
        { NULL, NULL, 0 },
    };
    log_line_values(LOG_LEVEL_ERROR, values, "the %s process %s after %.1f s: %s", child->name, reason,
                    (double)child->lived_us / US_PER_S, then);
}
