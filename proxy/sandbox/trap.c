/* The last line of a process that asks for what it may not have: which call it was, and what that means. Without it such an
 * end would say "Bad system call" and no more. On the thread that made the call; the call itself was not made. */
#include "trap.h"

#include "countersign/digits.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRAP_TEXT_MAX = 512, TRAP_EXIT = 128 + SIGSYS /* as shells say it */ };

/* The line's two parts, made while there is time: a handler of signals formats nothing. */
static char before[TRAP_TEXT_MAX], after[TRAP_TEXT_MAX];

static void end_here(int signal, siginfo_t *info, void *context)
{
    char room[DIGITS_MAX];
    struct slice number = digits_of(room, info->si_syscall < 0 ? 0 : (uint64_t)info->si_syscall);
    (void)signal;
    (void)context;
    (void)!write(STDERR_FILENO, before, strlen(before)); /* where nobody reads, the exit code still tells */
    (void)!write(STDERR_FILENO, number.data, number.length);
    (void)!write(STDERR_FILENO, after, strlen(after));
    _exit(TRAP_EXIT);
}

bool trap_prepare(const char *process)
{
    struct sigaction action = { .sa_sigaction = end_here, .sa_flags = SA_SIGINFO };
    (void)sigfillset(&action.sa_mask);                                                       /* cannot fail */
    (void)snprintf(before, sizeof(before), "countersign: %s: system call number ", process); /* fits, as below */
    (void)snprintf(
        after, sizeof(after),
        " is none that it ever makes, so it may have been taken over: it ends here. Look for what was sent to "
        "this machine; replace the key if in doubt. If this comes back after an update of the system, report "
        "it, and go on with sandbox = off meanwhile.\n");
    return sigaction(SIGSYS, &action, NULL) == 0;
}
