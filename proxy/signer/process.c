/* Starting the proxy process: what it inherits from the supervisor, and what it does not. Supervisor, one thread. */
#include "process.h"

#include "countersign/signer_wire.h"
#include "countersign/supervisor_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESS_FAILED = 3 }; /* the program could not do its work */

extern char **environ;

static bool entry_names(const char *entry, const char *variable)
{
    size_t length = strlen(variable);
    return strncmp(entry, variable, length) == 0 && entry[length] == '=';
}

/* `context` is a NULL-terminated copy of the environment's entries. */
static void leave_out(void *context, const char *variable)
{
    char **to = context;
    for (char **from = context; *from != NULL; from++) {
        if (!entry_names(*from, variable))
            *to++ = *from;
    }
    *to = NULL;
}

/* The environment's entries but those that name a secret's place. The caller frees the array; the entries stay. */
static char **make_environment(const struct config *config)
{
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL)
        count++;
    char **entries = calloc(count + 1, sizeof(*entries));
    if (entries == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        entries[i] = environ[i];
    config_each_secret_variable(config, leave_out, entries);
    leave_out(entries, "CREDENTIALS_DIRECTORY");
    return entries;
}

bool process_fill_standard_descriptors(struct error *error)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        if (open("/dev/null", O_RDWR) != fd) /* the lowest free number: this one */
            return error_system(error, errno, "cannot open /dev/null for the closed descriptor %d", fd);
    }
    return true;
}

/* --- in the child, between fork and exec: nothing here may take a lock or return --- */

static _Noreturn void give_up(const char *step)
{
    struct error error;
    (void)error_system(&error, errno, "countersign: cannot start the proxy process: %s", step);
    (void)!write(STDERR_FILENO, error.message, strlen(error.message)); /* nowhere else to say it */
    (void)!write(STDERR_FILENO, "\n", 1);
    _exit(PROCESS_FAILED);
}

/* Puts both at their numbers, not to be closed by exec, and closes all descriptors above. Copies first: the one may have the
 * other's number. */
static void keep_only(const struct process_ends *ends)
{
    int signer = fcntl(ends->signer, F_DUPFD_CLOEXEC, SUPERVISOR_LINK_FD + 1);
    int supervisor = fcntl(ends->supervisor, F_DUPFD_CLOEXEC, SUPERVISOR_LINK_FD + 1);
    if (signer < 0 || supervisor < 0 || dup2(signer, SIGNER_WIRE_FD) < 0 || dup2(supervisor, SUPERVISOR_LINK_FD) < 0)
        give_up("its sockets");
    if (close_range(SUPERVISOR_LINK_FD + 1, ~0U, 0) != 0)
        give_up("closing descriptors (close_range)");
}

static _Noreturn void become_proxy(const char *program, char *const arguments[], char *const environment[],
                                   const struct process_ends *ends, pid_t parent, const sigset_t *signals)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
        give_up("PR_SET_PDEATHSIG");
    if (getppid() != parent) /* the supervisor died before it could be noticed */
        _exit(PROCESS_FAILED);
    keep_only(ends);
    if (sigprocmask(SIG_SETMASK, signals, NULL) != 0)
        give_up("its signal mask");
    (void)execve(program, arguments, environment);
    give_up(program);
}

/* --- in the supervisor --- */

bool process_start(pid_t *child, const struct process_ends *ends, const char *program, char *const arguments[],
                   const struct config *config, const sigset_t *signals, struct error *error)
{
    char **environment = make_environment(config);
    if (environment == NULL)
        return error_set(error, ERROR_MEMORY, "no memory for the proxy's environment");
    pid_t parent = getpid();
    pid_t forked = fork();
    int number = errno;
    if (forked == 0)
        become_proxy(program, arguments, environment, ends, parent, signals);
    free(environment);
    if (forked < 0)
        return error_system(error, number, "cannot start the proxy process (fork)");
    *child = forked;
    return true;
}

int process_exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
