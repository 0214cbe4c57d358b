/* A secret from a command's standard output: /bin/sh -c in a process group of its own, bounded in time and size. Its
 * standard error is ours, its standard input is empty. Signer process, any thread. */
#include "secret_parts.h"

#include "countersign/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct command {
    pid_t pid;  /* leader of its process group; 0 once reaped */
    int exited; /* becomes readable when it ends (pidfd_open(2)) */
    int output;
    int64_t deadline_us; /* monotonic */
    int64_t timeout_us;  /* for the message */
};

/* Each thread's own: it is no part of what a source is, and all sources are read through one signature. */
static _Thread_local int stop = -1;

void secret_wait_stops_at(int fd)
{
    stop = fd;
}

int secret_wait_stop(void)
{
    return stop;
}

/* A group that can be killed as a whole; the usual signals, whatever our own caller ignored or blocked. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, usual;
    (void)sigemptyset(&none); /* set operations fail for numbers that are no signals only */
    (void)sigemptyset(&usual);
    (void)sigaddset(&usual, SIGPIPE);
    (void)sigaddset(&usual, SIGCHLD);
    int number =
        posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (number == 0)
        number = posix_spawnattr_setpgroup(attributes, 0);
    if (number == 0)
        number = posix_spawnattr_setsigmask(attributes, &none);
    return number != 0 ? number : posix_spawnattr_setsigdefault(attributes, &usual);
}

/* Standard input from nowhere, standard output into the pipe. */
static int set_descriptors(posix_spawn_file_actions_t *actions, int output)
{
    int number = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    return number != 0 ? number : posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
}

/* Returns an errno value, as posix_spawn(3) does. */
static int spawn_shell(pid_t *pid, char *const arguments[], int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int number = posix_spawn_file_actions_init(&actions);
    if (number != 0)
        return number;
    number = posix_spawnattr_init(&attributes);
    if (number == 0) {
        number = set_attributes(&attributes);
        if (number == 0)
            number = set_descriptors(&actions, output);
        if (number == 0)
            number = posix_spawn(pid, "/bin/sh", &actions, &attributes, arguments, environ);
        (void)posix_spawnattr_destroy(&attributes); /* neither can fail */
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return number;
}

static bool start(struct command *command, const char *line, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_system(error, errno, "cannot make a pipe for the command");
    char shell[] = "sh", option[] = "-c";
    char *text = strdup(line);
    char *const arguments[] = { shell, option, text, NULL };
    pid_t pid;
    int number = text == NULL ? ENOMEM : spawn_shell(&pid, arguments, ends[1]);
    free(text);
    (void)close(ends[1]); /* the child has its own */
    command->output = ends[0];
    if (number != 0)
        return error_system(error, number, "cannot start /bin/sh for the command");
    command->pid = pid;
    command->exited = pidfd_open(command->pid, 0);
    if (command->exited < 0)
        return error_system(error, errno, "cannot watch the command");
    return true;
}

static bool wait_readable(const struct command *command, int fd, struct error *error)
{
    for (;;) {
        int64_t left_ms = (command->deadline_us - clock_monotonic_us()) / 1000;
        struct pollfd watched[] = { { .fd = fd, .events = POLLIN }, { .fd = secret_wait_stop(), .events = POLLIN } };
        int ready = left_ms <= 0 ? 0 : poll(watched, 2, (int)left_ms);
        if (ready > 0 && watched[1].revents != 0)
            return error_set(error, ERROR_SYSTEM, "the command was not waited for: the program ends");
        if (ready > 0)
            return true;
        if (ready == 0)
            return error_set(error, ERROR_CONFIG,
                             "the command has not ended within %lld ms: a command must not ask "
                             "anything",
                             (long long)(command->timeout_us / 1000));
        if (errno != EINTR)
            return error_system(error, errno, "cannot wait for the command");
    }
}

static bool read_output(struct secret *secret, const struct command *command, struct error *error)
{
    size_t length = 0;
    while (length < SECRET_MEMORY) {
        if (!wait_readable(command, command->output, error))
            return false;
        ssize_t got = read(command->output, secret->bytes + length, SECRET_MEMORY - length);
        if (got < 0 && errno != EINTR)
            return error_system(error, errno, "cannot read the command's output");
        if (got == 0) {
            secret->length = length;
            return true;
        }
        length += got < 0 ? 0 : (size_t)got;
    }
    return error_set(error, ERROR_CONFIG, "the command gives more than %d bytes: this is no key or secret", SECRET_MAX);
}

static bool take_exit(struct command *command, struct error *error)
{
    int status;
    if (!wait_readable(command, command->exited, error))
        return false;
    if (waitpid(command->pid, &status, 0) != command->pid)
        return error_system(error, errno, "cannot learn how the command ended");
    command->pid = 0;
    if (WIFSIGNALED(status))
        return error_set(error, ERROR_CONFIG, "the command was ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return error_set(error, ERROR_CONFIG, "the command failed with exit code %d: run it in a shell to see why",
                         WEXITSTATUS(status));
    return true;
}

/* Kills the whole group where the command did not end by itself. */
static void end(const struct command *command)
{
    if (command->pid > 0) {
        (void)kill(-command->pid, SIGKILL); /* may be gone already */
        (void)waitpid(command->pid, NULL, 0);
    }
    if (command->exited >= 0)
        (void)close(command->exited); /* both were only read */
    if (command->output >= 0)
        (void)close(command->output);
}

bool secret_read_command(struct secret *secret, const char *line, int64_t timeout_us, struct error *error)
{
    struct command command = { .exited = -1, .output = -1, .timeout_us = timeout_us };
    command.deadline_us = clock_monotonic_us() + timeout_us;
    bool done = start(&command, line, error) && read_output(secret, &command, error) && take_exit(&command, error);
    end(&command);
    return done;
}
