/* The end of a process that makes a system call which it may not make. Private to this room. */
#ifndef COUNTERSIGN_SANDBOX_TRAP_H
#define COUNTERSIGN_SANDBOX_TRAP_H

#include "countersign/compiler.h"

#include <stdbool.h>

/* Takes SIGSYS. The filter that follows must allow write, exit_group and rt_sigprocmask, and not rt_sigaction: so nothing
 * that runs later can take the signal instead. False with errno. */
MUST_CHECK bool trap_prepare(const char *process);

#endif
