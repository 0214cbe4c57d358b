/* Commands of sources, run by a process of their own. Both sides are here: what the signer calls, on its one thread, and
 * the runner's loop, which the forked process never leaves. The runner is the supervisor's child, and serves each signer that
 * it starts; in its process group, but it takes no Ctrl-C: it goes when the supervisor does. */
#include "command_runner.h"

#include "countersign/clock.h"
#include "countersign/compiler.h"
#include "countersign/log.h"
#include "countersign/sandbox.h"
#include "secret_given.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNNER_FD = 3, RUNNER_GRACE_US = 1000000 /* for an answer, beyond the command's own bound */ };

/* The runner's answer; the secret's bytes follow it in the same datagram. `number` is the question's. */
struct answer {
    uint32_t number;
    bool done;
    struct error error;
};

struct question {
    uint32_t number; /* one up with each: a late answer is told from the one that is waited for */
    uint32_t line;
};

/* The signer's end. */
static struct {
    const struct config *config; /* NULL: there is no runner */
    int64_t timeout_us;
    pid_t process;
    int socket;
    uint32_t asked;
} runner;

/* --- the commands, by number --- */

/* Source number `index` of all: two for each account, then one for each listener's token. NULL behind the last. */
static const char *source_at(const struct config *config, size_t index)
{
    if (index >= 2 * config->account_count + config->listener_count)
        return NULL;
    if (index >= 2 * config->account_count)
        return config->listeners[index - 2 * config->account_count].token;
    const struct config_account *account = &config->accounts[index / 2];
    return index % 2 == 0 ? account->api_key : account->api_secret;
}

/* The command's line where source number `index` is one, else NULL. */
static const char *line_at(const struct config *config, size_t index)
{
    const char *source = source_at(config, index);
    bool is_command = source != NULL && slice_starts_with(slice_text(source), "command:");
    return is_command ? source + strlen("command:") : NULL;
}

static bool find_line(uint32_t *index, const struct config *config, const char *line)
{
    for (uint32_t i = 0; source_at(config, i) != NULL; i++) {
        const char *known = line_at(config, i);
        if (known != NULL && (line == NULL || strcmp(known, line) == 0)) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* --- the runner --- */

/* What came with the fork and is not for commands: variables that hold secrets, descriptors, the signer's own signals. */
static bool settle(const struct config *config, int socket, pid_t parent)
{
    struct sandbox sandbox;
    sigset_t all;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
        return false;
    secret_given_leave_behind(); /* what they hold did not come with the fork, and must not be wiped here */
    for (size_t i = 0; source_at(config, i) != NULL; i++)
        secret_source_forget(source_at(config, i));
    if (dup2(socket, RUNNER_FD) < 0 || close_range(RUNNER_FD + 1, ~0U, 0) != 0)
        return false;
    (void)sigfillset(&all); /* cannot fail, as below */
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)prctl(PR_SET_NAME, "commands"); /* for people who look at processes */
    sandbox_begin(&sandbox, "commands");
    return signal(SIGCHLD, SIG_DFL) != SIG_ERR;
}

static bool send_answer(const struct answer *answer, const struct secret *secret)
{
    struct iovec parts[] = { { .iov_base = (void *)(uintptr_t)answer, .iov_len = sizeof(*answer) },
                             { .iov_base = secret->bytes, .iov_len = secret->length } };
    const struct msghdr message = { .msg_iov = parts, .msg_iovlen = ARRAY_LENGTH(parts) };
    return sendmsg(RUNNER_FD, &message, MSG_NOSIGNAL) >= 0;
}

static bool answer_one(const struct question *question, const struct config *config, int64_t timeout_us)
{
    const char *line = line_at(config, question->line);
    struct answer answer;
    struct secret secret;
    memset(&answer, 0, sizeof(answer)); /* padding, too: it crosses to another process */
    answer.number = question->number;
    if (line == NULL || !secret_allocate(&secret, &answer.error))
        return false; /* not one of ours: this ends the runner, which is told */
    answer.done = secret_read_command(&secret, line, timeout_us, &answer.error);
    if (!answer.done)
        secret.length = 0;
    bool sent = send_answer(&answer, &secret);
    secret_end(&secret);
    return sent;
}

static _Noreturn void become_runner(const struct config *config, int64_t timeout_us, int socket, pid_t parent)
{
    struct question question;
    if (!settle(config, socket, parent)) {
        log_error("the process that runs commands for secrets cannot be set up: %s", strerror(errno));
        _exit(EXIT_FAILURE);
    }
    /* A command is not waited for when the socket is closed, by a supervisor that ends, and when another question comes: who
     * asked the one before has ended. */
    secret_wait_stops_at(RUNNER_FD);
    while (recv(RUNNER_FD, &question, sizeof(question), 0) == (ssize_t)sizeof(question)) {
        if (!answer_one(&question, config, timeout_us))
            _exit(EXIT_FAILURE);
    }
    _exit(EXIT_SUCCESS);
}

/* --- the supervisor, and its signers --- */

bool command_runner_start(const struct config *config, int64_t timeout_us, struct error *error)
{
    int ends[2];
    uint32_t first;
    pid_t parent = getpid();
    if (!find_line(&first, config, NULL))
        return true;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return error_system(error, errno, "cannot make the socket to the process that runs commands");
    pid_t forked = fork();
    int number = errno;
    if (forked == 0)
        become_runner(config, timeout_us, ends[1], parent);
    (void)close(ends[1]); /* the runner has its own */
    if (forked < 0) {
        (void)close(ends[0]);
        return error_system(error, number, "cannot start the process that runs commands (fork)");
    }
    runner.config = config;
    runner.timeout_us = timeout_us;
    runner.process = forked;
    runner.socket = ends[0];
    return true;
}

void command_runner_take_over(void)
{
    enum { QUESTIONS_BITS = 16 };
    runner.asked = (uint32_t)getpid() << QUESTIONS_BITS;
}

bool command_runner_is_there(void)
{
    return runner.config != NULL;
}

static bool runner_is_gone(struct error *error)
{
    return error_set(error, ERROR_SYSTEM,
                     "the process that runs commands has ended, so this one cannot run: restart countersign");
}

static bool wait_for_answer(int64_t deadline_us, struct error *error)
{
    struct pollfd watched[] = { { .fd = runner.socket, .events = POLLIN },
                                { .fd = secret_wait_stop(), .events = POLLIN } };
    int ready;
    do {
        int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
        ready = left_ms <= 0 ? 0 : poll(watched, 2, (int)left_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return error_system(error, errno, "cannot wait for the process that runs commands");
    if (ready > 0 && watched[1].revents != 0)
        return error_set(error, ERROR_SYSTEM, "the command was not waited for: the program ends");
    return ready > 0 || error_set(error, ERROR_SYSTEM, "the process that runs commands does not answer");
}

/* The bytes go to where they stay, into locked memory. */
static bool take_answer(struct answer *answer, struct secret *secret, struct error *error)
{
    struct iovec parts[] = { { .iov_base = answer, .iov_len = sizeof(*answer) },
                             { .iov_base = secret->bytes, .iov_len = SECRET_MEMORY } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = ARRAY_LENGTH(parts) };
    ssize_t got;
    do
        got = recvmsg(runner.socket, &message, 0);
    while (got < 0 && errno == EINTR);
    if (got < (ssize_t)sizeof(*answer) || (message.msg_flags & MSG_TRUNC) != 0)
        return runner_is_gone(error);
    answer->error.message[ERROR_MESSAGE_MAX - 1] = '\0';
    secret->length = (size_t)got - sizeof(*answer);
    return true;
}

bool command_runner_read(struct secret *secret, const char *line, struct error *error)
{
    struct question question = { .number = runner.asked + 1 };
    struct answer answer;
    int64_t deadline_us = clock_monotonic_us() + runner.timeout_us + RUNNER_GRACE_US;
    if (runner.config == NULL || !find_line(&question.line, runner.config, line))
        return error_set(error, ERROR_INTERNAL, "the command is none that the configuration names");
    runner.asked = question.number;
    if (send(runner.socket, &question, sizeof(question), MSG_NOSIGNAL) != (ssize_t)sizeof(question))
        return runner_is_gone(error);
    do {
        if (!wait_for_answer(deadline_us, error) || !take_answer(&answer, secret, error))
            return false;
    } while (answer.number != question.number);
    if (!answer.done)
        return error_set(error, answer.error.kind, "%s", answer.error.message);
    return true;
}

void command_runner_end(void)
{
    if (runner.config == NULL)
        return;
    (void)close(runner.socket);             /* which ends it */
    (void)waitpid(runner.process, NULL, 0); /* its exit code says nothing that was not told */
    runner.config = NULL;
}
