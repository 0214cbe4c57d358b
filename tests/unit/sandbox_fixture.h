/* A child process that enters a sandbox, tries one thing, and what became of it. */
#ifndef COUNTERSIGN_TESTS_SANDBOX_FIXTURE_H
#define COUNTERSIGN_TESTS_SANDBOX_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY_SAID_MAX 4096

enum { TRY_DONE = 0, TRY_TRAPPED = 128 + 31 /* SIGSYS, as shells say it */ };

struct
try {
    int code;                /* the child's exit code: TRY_DONE, an errno value, or TRY_TRAPPED */
    char said[TRY_SAID_MAX]; /* its standard error */
};

/* What a step returned, as an exit code. */
static inline int try_code(long result)
{
    return result >= 0 ? TRY_DONE : errno;
}

/* Forks; the child calls enter(context), then ends with attempt(context)'s value. */
static inline void try_in_child(struct try *result, void (*enter)(void *), int (*attempt)(void *), void *context)
{
    int ends[2], status;
    size_t length = 0;
    ssize_t got;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        enter(context);
        _exit(attempt(context));
    }
    (void)close(ends[1]);
    while ((got = read(ends[0], result->said + length, TRY_SAID_MAX - 1 - length)) > 0)
        length += (size_t)got;
    result->said[length] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status))
        fail_msg("the child was ended by signal %d; it said: %s", WTERMSIG(status), result->said);
    result->code = WEXITSTATUS(status);
}

/* Landlock's version here; below 1 where there is none. */
static inline int landlock_abi(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

#endif
