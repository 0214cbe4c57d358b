/* The supervisor, the signer and the proxy process, for real: this program is the supervisor, forks the signer, and starts itself
 * again as the proxy process, which then looks at what it was given. Its checks tell the line that failed. */
#include "countersign/clock.h"
#include "countersign/signer.h"
#include "countersign/signer_client.h"
#include "countersign/supervisor.h"
#include "countersign/supervisor_link.h"
#include "signer/process.h"
#include "signer/signer_parts.h"
#include "signer/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET_ONE "0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e"
#define SECRET_TWO "1e2d3c4b5a69788796a5b4c3d2e1f001"
#define KEY_ONE    "3a1f5c7e9b2d4f6a8c0e1b3d5f7a9c2e"

#define VARIABLE_KEY "COUNTERSIGN_TEST_API_KEY"
#define VARIABLE_ONE "COUNTERSIGN_TEST_SECRET_ONE"
#define VARIABLE_TWO "COUNTERSIGN_TEST_SECRET_TWO"
#define VARIABLE_ANY "COUNTERSIGN_TEST_ANYTHING"

enum { WAIT_US = 10000000, REPORT_MAX = 4096, ACCOUNTS = 3, MISSES = 20000 };

/* Three accounts; the last one shares both variables with the others. */
struct setting {
    struct config config;
    struct config_account accounts[ACCOUNTS];
};

static char source_key[] = "env:" VARIABLE_KEY, source_one[] = "env:" VARIABLE_ONE, source_two[] = "env:" VARIABLE_TWO;

static void make_setting(struct setting *setting)
{
    *setting = (struct setting){
        .accounts = { { .name = "one", .api_key = source_key, .api_secret = source_one },
                      { .name = "two", .api_key = source_key, .api_secret = source_two },
                      { .name = "three", .api_key = source_key, .api_secret = source_one } },
        .config = { .account_count = ACCOUNTS },
    };
    setting->config.accounts = setting->accounts;
}

static void set_variables(void)
{
    assert_int_equal(setenv(VARIABLE_KEY, KEY_ONE, 1), 0);
    assert_int_equal(setenv(VARIABLE_ONE, SECRET_ONE, 1), 0);
    assert_int_equal(setenv(VARIABLE_TWO, SECRET_TWO, 1), 0);
    assert_int_equal(setenv(VARIABLE_ANY, "stays", 1), 0);
}

/* --- the proxy process's part --- */

#define CHILD_CHECK(condition)                                                                                         \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "child: line %d: %s\n", __LINE__, #condition);                                       \
            _exit(99);                                                                                                 \
        }                                                                                                              \
    } while (0)

static enum signer_client_key child_asks(struct signer_client_pair *pair, struct signer_client *client, size_t account,
                                         uint64_t window)
{
    int64_t deadline = clock_monotonic_us() + WAIT_US;
    enum signer_client_key found;
    while ((found = signer_client_window_key(pair, client, account, window)) == SIGNER_CLIENT_KEY_LATER) {
        CHILD_CHECK(clock_monotonic_us() < deadline);
        (void)sched_yield(); /* no longer: what is looked for lies between two instructions */
    }
    return found;
}

static void child_checks_key(struct signer_client *client, size_t account, const char *secret, uint64_t window)
{
    struct signer_client_pair pair;
    struct scheme_window_key expected;
    CHILD_CHECK(scheme_window_key_derive(&expected, slice_text(secret), window, NULL));
    CHILD_CHECK(child_asks(&pair, client, account, window) == SIGNER_CLIENT_KEY_READY);
    CHILD_CHECK(memcmp(&pair.window_key, &expected, sizeof(expected)) == 0);
    CHILD_CHECK(slice_equal_text(signer_client_api_key_slice(&pair.api_key), KEY_ONE));
}

static int child_takes_keys(void)
{
    static const char *const names[] = { "one", "two", "three" };
    static const char *const secrets[] = { SECRET_ONE, SECRET_TWO, SECRET_ONE };
    struct signer_client *client;
    struct signer_client_pair key;
    struct error error;
    if (!signer_client_open(&client, SIGNER_WIRE_FD, &error)) {
        (void)fprintf(stderr, "child: %s\n", error.message);
        return 98;
    }
    CHILD_CHECK(signer_client_account_count(client) == ACCOUNTS);
    uint64_t now = scheme_window(clock_wall_us() / 1000);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        CHILD_CHECK(strcmp(signer_client_account_name(client, i), names[i]) == 0);
        child_checks_key(client, i, secrets[i], now);
        child_checks_key(client, i, secrets[i], now + 1);
        CHILD_CHECK(child_asks(&key, client, i, now + 5) == SIGNER_CLIENT_KEY_GONE);
        CHILD_CHECK(child_asks(&key, client, i, now - 5) == SIGNER_CLIENT_KEY_GONE);
    }
    CHILD_CHECK(signer_client_is_alive(client));
    signer_client_close(client);
    return 42;
}

/* A miss that comes while the client waits for the answer to an earlier one must not be overlooked. */
static int child_misses_many_keys(void)
{
    struct signer_client *client;
    struct signer_client_pair key;
    struct error error;
    CHILD_CHECK(signer_client_open(&client, SIGNER_WIRE_FD, &error));
    uint64_t now = scheme_window(clock_wall_us() / 1000);
    for (uint64_t i = 0; i < MISSES; i++)
        CHILD_CHECK(child_asks(&key, client, 0, now + 5 + i % 7) == SIGNER_CLIENT_KEY_GONE);
    signer_client_close(client);
    return 42;
}

static int child_looks_around(void)
{
    struct rlimit core;
    struct stat status;
    int signal_at_death = 0;
    sigset_t blocked;
    CHILD_CHECK(getenv(VARIABLE_KEY) == NULL && getenv(VARIABLE_ONE) == NULL && getenv(VARIABLE_TWO) == NULL);
    CHILD_CHECK(getenv("CREDENTIALS_DIRECTORY") == NULL);
    CHILD_CHECK(getenv(VARIABLE_ANY) != NULL);
    CHILD_CHECK(fstat(SIGNER_WIRE_FD, &status) == 0 && S_ISSOCK(status.st_mode));
    CHILD_CHECK(fcntl(SIGNER_WIRE_FD, F_GETFD) == 0); /* no FD_CLOEXEC */
    CHILD_CHECK(fstat(SUPERVISOR_LINK_FD, &status) == 0 && S_ISSOCK(status.st_mode));
    CHILD_CHECK(fcntl(SUPERVISOR_LINK_FD, F_GETFD) == 0);
    for (int fd = SUPERVISOR_LINK_FD + 1; fd < 256; fd++)
        CHILD_CHECK(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
    CHILD_CHECK(prctl(PR_GET_PDEATHSIG, &signal_at_death, 0, 0, 0) == 0 && signal_at_death == SIGTERM);
    CHILD_CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
    CHILD_CHECK(sigprocmask(SIG_BLOCK, NULL, &blocked) == 0);
    CHILD_CHECK(!sigismember(&blocked, SIGTERM) && !sigismember(&blocked, SIGCHLD));
    CHILD_CHECK(sigismember(&blocked, SIGHUP)); /* it must not end what has not yet come to look after it */
    return 42;
}

static void child_receives(struct signer_wire_message *message)
{
    struct pollfd readable = { .fd = SIGNER_WIRE_FD, .events = POLLIN };
    CHILD_CHECK(poll(&readable, 1, WAIT_US / 1000) == 1);
    CHILD_CHECK(wire_receive(message, SIGNER_WIRE_FD) == WIRE_DONE);
}

static void child_expects_signal(const sigset_t *set, int number)
{
    const struct timespec at_most = { .tv_sec = WAIT_US / 1000000 };
    CHILD_CHECK(sigtimedwait(set, NULL, &at_most) == number);
}

static void child_is_told(enum supervisor_message_type type)
{
    struct supervisor_message message;
    int passed;
    CHILD_CHECK(supervisor_link_wait(&message, &passed, SUPERVISOR_LINK_FD, WAIT_US / 1000) == SUPERVISOR_LINK_DONE);
    CHILD_CHECK(message.type == (uint32_t)type && passed < 0);
}

/* SIGHUP is sent first, so it is dealt with by the time that the first sign of the next one comes. */
static int child_sends_signals(void)
{
    sigset_t watched, left;
    CHILD_CHECK(sigemptyset(&watched) == 0 && sigaddset(&watched, SIGHUP) == 0 && sigaddset(&watched, SIGTERM) == 0 &&
                sigaddset(&watched, SIGINT) == 0);
    CHILD_CHECK(sigprocmask(SIG_BLOCK, &watched, NULL) == 0);
    child_is_told(SUPERVISOR_START);
    CHILD_CHECK(kill(getppid(), SIGHUP) == 0 && kill(getppid(), SIGINT) == 0);
    child_expects_signal(&watched, SIGTERM);
    CHILD_CHECK(kill(getppid(), SIGTERM) == 0);
    child_is_told(SUPERVISOR_HURRY);
    CHILD_CHECK(sigpending(&left) == 0 && !sigismember(&left, SIGTERM) && !sigismember(&left, SIGINT) &&
                !sigismember(&left, SIGHUP));
    return 42;
}

/* As a proxy that no longer does what it is told. */
static int child_is_deaf(void)
{
    sigset_t deaf;
    CHILD_CHECK(sigemptyset(&deaf) == 0 && sigaddset(&deaf, SIGTERM) == 0);
    CHILD_CHECK(sigprocmask(SIG_BLOCK, &deaf, NULL) == 0);
    CHILD_CHECK(kill(getppid(), SIGTERM) == 0);
    child_expects_signal(&deaf, SIGTERM);
    CHILD_CHECK(kill(getppid(), SIGTERM) == 0);
    (void)sleep(WAIT_US / 1000000);
    return 97;
}

static void child_asks_for_key(struct signer_wire_message *answer, uint64_t generation, uint64_t window)
{
    struct signer_wire_message message;
    const struct wire_wanted wanted = { .generation = generation, .account = 0, .window = window };
    wire_begin(&message, SIGNER_WIRE_KEY_WANTED);
    message.generation = generation;
    message.window = window;
    CHILD_CHECK(wire_send(SIGNER_WIRE_FD, &message) == WIRE_DONE);
    child_receives(answer);
    CHILD_CHECK(wire_is_key(answer, &wanted));
}

static void child_gets_key_of(const char *secret, uint64_t generation)
{
    struct signer_wire_message answer;
    struct scheme_window_key expected;
    uint64_t window = scheme_window(clock_wall_us() / 1000);
    child_asks_for_key(&answer, generation, window);
    CHILD_CHECK(answer.status == SIGNER_WIRE_OK);
    CHILD_CHECK(scheme_window_key_derive(&expected, slice_text(secret), window, NULL));
    CHILD_CHECK(memcmp(&answer.body.key, &expected, sizeof(expected)) == 0);
}

/* Its account's command reads a file that this puts a pipe in the place of: a source that takes its time. */
static int child_rotates_slowly(void)
{
    struct signer_wire_message message;
    const char *path = getenv(VARIABLE_ANY);
    CHILD_CHECK(path != NULL && unlink(path) == 0 && mkfifo(path, 0600) == 0);
    wire_begin(&message, SIGNER_WIRE_HELLO);
    CHILD_CHECK(wire_send(SIGNER_WIRE_FD, &message) == WIRE_DONE);
    child_receives(&message);
    CHILD_CHECK(wire_is_account(&message, 0, 1));
    CHILD_CHECK(kill(getppid(), SIGHUP) == 0);
    int pipe = open(path, O_WRONLY | O_CLOEXEC); /* the command is there to read */
    CHILD_CHECK(pipe >= 0);
    for (int i = 0; i < 100; i++)
        child_gets_key_of(SECRET_ONE, 1);
    CHILD_CHECK(write(pipe, SECRET_TWO "\n", sizeof(SECRET_TWO)) == sizeof(SECRET_TWO) && close(pipe) == 0);
    child_receives(&message);
    CHILD_CHECK(wire_is_account(&message, 0, 2) && message.body.account_info.changed == 1);
    child_gets_key_of(SECRET_TWO, 2);
    child_asks_for_key(&message, 1, scheme_window(clock_wall_us() / 1000));
    CHILD_CHECK(message.status == SIGNER_WIRE_REPLACED);
    return 42;
}

static int child_sends_garbage(void)
{
    struct pollfd readable = { .fd = SIGNER_WIRE_FD, .events = POLLIN };
    char byte;
    CHILD_CHECK(send(SIGNER_WIRE_FD, "garbage", 7, 0) == 7);
    CHILD_CHECK(poll(&readable, 1, WAIT_US / 1000) == 1);
    CHILD_CHECK(recv(SIGNER_WIRE_FD, &byte, 1, 0) <= 0);
    return 43;
}

/* Says that it runs, and waits to be ended. */
static int child_waits(void)
{
    CHILD_CHECK(write(STDOUT_FILENO, "r", 1) == 1);
    (void)sleep(WAIT_US / 1000000);
    return 97;
}

static int child_closes_its_socket(void)
{
    CHILD_CHECK(close(SIGNER_WIRE_FD) == 0);
    return 44;
}

static int child_exits_at_once(void)
{
    return 45;
}

static int child_kills_itself(void)
{
    CHILD_CHECK(raise(SIGKILL) == 0);
    return 96;
}

static const struct {
    const char *name;
    int (*run)(void);
} children[] = {
    { "takes-keys", child_takes_keys },
    { "misses-many-keys", child_misses_many_keys },
    { "looks-around", child_looks_around },
    { "sends-signals", child_sends_signals },
    { "is-deaf", child_is_deaf },
    { "rotates-slowly", child_rotates_slowly },
    { "sends-garbage", child_sends_garbage },
    { "waits", child_waits },
    { "closes-its-socket", child_closes_its_socket },
    { "exits-at-once", child_exits_at_once },
    { "kills-itself", child_kills_itself },
};

static int run_child(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(children); i++) {
        if (strcmp(children[i].name, name) == 0)
            return children[i].run();
    }
    return 95;
}

/* --- the signer's part --- */

static struct signer *open_signer(struct setting *setting)
{
    struct signer *signer = NULL;
    struct error error;
    struct buffer report;
    make_setting(setting);
    set_variables();
    buffer_init(&report, REPORT_MAX);
    if (!signer_open(&signer, &setting->config, &report, &error))
        fail_msg("%s", error.message);
    buffer_free(&report);
    return signer;
}

/* In the signer process. */
static int sign(void *context, const struct signer_ends *ends)
{
    const struct config *config = context;
    struct signer *signer = NULL;
    struct error error;
    struct buffer report;
    buffer_init(&report, REPORT_MAX);
    bool done = signer_open(&signer, config, &report, &error) && signer_serve(signer, ends, &error);
    if (!done)
        (void)fprintf(stderr, "signer: %s\n", error.message);
    signer_close(signer);
    buffer_free(&report);
    return done ? 0 : 94;
}

/* The supervisor's part, in this process: sandbox = off, for other tests follow. Its signals stay blocked behind it. */
static int supervise_child_to_the_end(struct config *config, const char *name)
{
    char program[] = "test", option[] = "child", mode[32];
    char *const arguments[] = { program, option, mode, NULL };
    const struct supervisor_options options = {
        .config = config, .arguments = arguments, .sign = sign, .context = config
    };
    struct error error;
    int exit_code = -1;
    (void)snprintf(mode, sizeof(mode), "%s", name);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/nowhere", 1), 0);
    if (!supervise(&exit_code, &options, &error))
        fail_msg("%s", error.message);
    return exit_code;
}

/* Each starts with the signals as they were, as a program of its own would. */
static int supervise_child(struct config *config, const char *name)
{
    sigset_t before;
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &before), 0);
    int exit_code = supervise_child_to_the_end(config, name);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    return exit_code;
}

static int serve_child(const char *name)
{
    struct setting setting;
    make_setting(&setting);
    set_variables();
    return supervise_child(&setting.config, name);
}

static void the_proxy_gets_the_accounts_and_the_keys_of_windows_around_now(void **state)
{
    (void)state;
    assert_int_equal(serve_child("takes-keys"), 42);
}

static void no_missed_key_is_overlooked(void **state)
{
    (void)state;
    assert_int_equal(serve_child("misses-many-keys"), 42);
}

static void the_proxy_inherits_no_secret_and_two_descriptors(void **state)
{
    (void)state;
    int extra = open("/dev/null", O_RDONLY); /* NOLINT: it must not need FD_CLOEXEC to stay here */
    assert_true(extra > 2);
    assert_int_equal(serve_child("looks-around"), 42);
    assert_int_equal(close(extra), 0);
}

/* Starts the proxy process by itself, with ends whose other sides nobody has. Returns its status. */
static int start_alone(const char *path, const char *name)
{
    struct setting setting;
    struct error error;
    int signer[2], supervisor[2], status;
    pid_t child;
    char program[] = "test", option[] = "child", mode[32];
    char *const arguments[] = { program, option, mode, NULL };
    sigset_t mask;
    (void)snprintf(mode, sizeof(mode), "%s", name);
    make_setting(&setting);
    assert_true(sigemptyset(&mask) == 0 && sigaddset(&mask, SIGHUP) == 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, signer), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, supervisor), 0);
    const struct process_ends ends = { .signer = signer[1], .supervisor = supervisor[1] };
    if (!process_start(&child, &ends, path, arguments, &setting.config, &mask, &error))
        fail_msg("%s", error.message);
    assert_int_equal(waitpid(child, &status, 0), child);
    const int descriptors[] = { signer[0], signer[1], supervisor[0], supervisor[1] };
    for (size_t i = 0; i < ARRAY_LENGTH(descriptors); i++)
        assert_int_equal(close(descriptors[i]), 0);
    return status;
}

/* Though the supervisor has taken them out of its own environment by then. */
static void variables_that_hold_secrets_are_left_out_of_the_proxys_environment(void **state)
{
    (void)state;
    struct error error;
    set_variables();
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/nowhere", 1), 0);
    assert_true(signer_prepare_process(&error));
    assert_int_equal(process_exit_code(start_alone("/proc/self/exe", "looks-around")), 42);
}

static void sigterm_is_passed_on_once_then_to_hurry_and_sighup_is_kept(void **state)
{
    (void)state;
    assert_int_equal(serve_child("sends-signals"), 42);
}

static void a_proxy_that_does_not_hurry_is_killed(void **state)
{
    (void)state;
    assert_int_equal(serve_child("is-deaf"), 3);
}

/* One account; its secret's command reads the file `path`. */
static int serve_child_with_command(const char *name)
{
    char folder[] = "/tmp/countersign-test-XXXXXX", path[64], source[80];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/secret", folder);
    (void)snprintf(source, sizeof(source), "command:cat %s", path);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0 && write(file, SECRET_ONE, strlen(SECRET_ONE)) > 0 && close(file) == 0);
    set_variables();
    assert_int_equal(setenv(VARIABLE_ANY, path, 1), 0);
    struct config_account account = { .name = "one", .api_key = source_key, .api_secret = source };
    struct config config = { .account_count = 1, .accounts = &account };
    int exit_code = supervise_child(&config, name);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    return exit_code;
}

static void keys_of_the_old_secret_are_given_until_the_new_one_has_been_read(void **state)
{
    (void)state;
    assert_int_equal(serve_child_with_command("rotates-slowly"), 42);
}

static void a_message_that_is_none_ends_the_service_and_not_the_wait(void **state)
{
    (void)state;
    assert_int_equal(serve_child("sends-garbage"), 43);
    assert_int_equal(serve_child("closes-its-socket"), 44);
}

static void the_proxys_exit_code_is_handed_on_and_3_where_a_signal_ended_it(void **state)
{
    (void)state;
    assert_int_equal(serve_child("exits-at-once"), 45);
    assert_int_equal(serve_child("kills-itself"), 3);
}

static void an_ignored_sigchld_does_not_hide_the_proxys_end(void **state)
{
    (void)state;
    assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    assert_int_equal(serve_child("exits-at-once"), 45);
}

/* As main does once supervise has returned, while its parent still asks it to end. */
static void a_signal_that_comes_when_all_has_ended_does_not_take_the_exit_code_away(void **state)
{
    (void)state;
    struct setting setting;
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        make_setting(&setting);
        set_variables();
        int exit_code = supervise_child_to_the_end(&setting.config, "exits-at-once");
        (void)raise(SIGTERM);
        _exit(exit_code);
    }
    int status = 0;
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 45);
}

static char read_byte(int fd)
{
    struct pollfd readable = { .fd = fd, .events = POLLIN };
    char byte = '\0';
    assert_int_equal(poll(&readable, 1, WAIT_US / 1000), 1);
    return read(fd, &byte, 1) == 1 ? byte : '\0';
}

/* Signer and proxy hold the pipe's only other ends once the supervisor is dead: the pipe's end is the end of both. */
static void a_killed_supervisor_takes_both_with_it(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        if (dup2(ends[1], STDOUT_FILENO) < 0)
            _exit(1);
        _exit(serve_child("waits"));
    }
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(read_byte(ends[0]), 'r');
    assert_int_equal(kill(process, SIGKILL), 0);
    assert_int_equal(waitpid(process, NULL, 0), process);
    assert_int_equal(read_byte(ends[0]), '\0');
    assert_int_equal(close(ends[0]), 0);
}

static void a_program_that_cannot_be_started_is_told_with_exit_code_3(void **state)
{
    (void)state;
    int output[2];
    char message[256] = "";
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    assert_true(kept >= 10);
    assert_int_equal(dup2(output[1], STDERR_FILENO), STDERR_FILENO);
    int status = start_alone("/nowhere/at/all", "waits");
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(process_exit_code(status), 3);
    assert_true(read(output[0], message, sizeof(message) - 1) > 0);
    assert_non_null(strstr(message, "/nowhere/at/all: No such file"));
    const int descriptors[] = { output[0], output[1], kept };
    for (size_t i = 0; i < ARRAY_LENGTH(descriptors); i++)
        assert_int_equal(close(descriptors[i]), 0);
}

static void closed_standard_descriptors_are_filled_before_a_socket_gets_their_numbers(void **state)
{
    (void)state;
    int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    (void)close(STDIN_FILENO); /* may be closed already */
    assert_int_equal(serve_child("looks-around"), 42);
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
    if (kept >= 0) {
        assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
        assert_int_equal(close(kept), 0);
    }
}

/* --- reading the secrets --- */

static void two_accounts_may_name_the_same_variable_and_all_are_gone_afterwards(void **state)
{
    (void)state;
    struct setting setting;
    struct signer *signer = open_signer(&setting);
    assert_true(slice_equal_text(secret_slice(&signer->accounts[0].api_secret), SECRET_ONE));
    assert_true(slice_equal_text(secret_slice(&signer->accounts[1].api_secret), SECRET_TWO));
    assert_true(slice_equal_text(secret_slice(&signer->accounts[2].api_secret), SECRET_ONE));
    assert_true(slice_equal_text(secret_slice(&signer->accounts[2].api_key), KEY_ONE));
    assert_null(getenv(VARIABLE_KEY));
    assert_null(getenv(VARIABLE_ONE));
    assert_null(getenv(VARIABLE_TWO));
    assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    signer_close(signer);
}

static void one_account_can_be_opened_without_the_others(void **state)
{
    (void)state;
    struct setting setting;
    struct signer *signer = NULL;
    struct scheme_window_key key, expected;
    struct buffer report;
    make_setting(&setting);
    set_variables();
    assert_int_equal(unsetenv(VARIABLE_ONE), 0);
    buffer_init(&report, REPORT_MAX);
    assert_true(signer_open_account(&signer, &setting.config, 1, &report, NULL));
    assert_true(scheme_window_key_derive(&expected, slice_text(SECRET_TWO), 7, NULL));
    assert_true(signer_window_key(&key, signer, 1, 7, NULL));
    assert_memory_equal(&key, &expected, sizeof(key));
    assert_false(signer_window_key(&key, signer, 0, 7, NULL));
    assert_false(signer_window_key(&key, signer, ACCOUNTS, 7, NULL));
    signer_close(signer);
    assert_false(signer_open_account(&signer, &setting.config, ACCOUNTS, &report, NULL));
    buffer_free(&report);
}

static void every_secret_that_cannot_be_read_has_its_line_in_the_report(void **state)
{
    (void)state;
    struct setting setting;
    struct signer *signer = NULL;
    struct error error = { .kind = ERROR_NONE };
    struct buffer report;
    make_setting(&setting);
    set_variables();
    assert_int_equal(unsetenv(VARIABLE_TWO), 0);
    assert_int_equal(setenv(VARIABLE_KEY, "two words", 1), 0);
    buffer_init(&report, REPORT_MAX);
    assert_false(signer_open(&signer, &setting.config, &report, &error));
    assert_null(signer);
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_non_null(strstr(error.message, "api_key of account one"));
    const char *text = buffer_text(&report);
    static const char *const expected[] = { "api_key of account one:", "api_key of account two:",
                                            "api_secret of account two (env:" VARIABLE_TWO "):",
                                            "api_key of account three:" };
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        if (strstr(text, expected[i]) == NULL)
            fail_msg("\"%s\" is not in:\n%s", expected[i], text);
    }
    assert_null(strstr(text, "api_secret of account one"));
    assert_null(strstr(text, "two words"));
    assert_null(getenv(VARIABLE_ONE)); /* taken out all the same */
    buffer_free(&report);
}

/* --- reading them anew --- */

static void write_file(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    assert_int_equal(close(file), 0);
}

static bool holds(const struct signer *signer, size_t account, const char *secret)
{
    return slice_equal_text(secret_slice(&signer->accounts[account].api_secret), secret) &&
           slice_equal_text(secret_slice(&signer->accounts[account].api_key), KEY_ONE);
}

static void what_is_read_anew_is_beside_what_is_held_until_it_replaces_that(void **state)
{
    (void)state;
    char folder[] = "/tmp/countersign-test-XXXXXX", path[64], source[80];
    struct setting setting;
    struct signer *signer = NULL, *fresh = NULL;
    struct error error;
    struct buffer report;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/secret", folder);
    (void)snprintf(source, sizeof(source), "file:%s", path);
    make_setting(&setting);
    set_variables();
    setting.accounts[1].api_secret = source;
    write_file(path, SECRET_ONE);
    buffer_init(&report, REPORT_MAX);
    assert_true(signer_open(&signer, &setting.config, &report, &error));

    write_file(path, SECRET_TWO);
    assert_int_equal(setenv(VARIABLE_ONE, "another", 1),
                     0); /* nobody can from outside, and it would not be looked at */
    assert_true(signer_read_anew(&fresh, signer, &report, &error));
    assert_true(holds(signer, 0, SECRET_ONE) && holds(signer, 1, SECRET_ONE) && holds(signer, 2, SECRET_ONE));
    assert_true(holds(fresh, 0, SECRET_ONE) && holds(fresh, 1, SECRET_TWO) && holds(fresh, 2, SECRET_ONE));
    assert_true(!fresh->accounts[0].changed && fresh->accounts[1].changed && !fresh->accounts[2].changed);
    signer_replace(signer, fresh);
    assert_true(holds(signer, 0, SECRET_ONE) && holds(signer, 1, SECRET_TWO));

    fresh = NULL;
    write_file(path, KEY_ONE);
    assert_false(signer_read_anew(&fresh, signer, &report, &error));
    assert_non_null(strstr(error.message, "account two are the same text"));
    assert_int_equal(unlink(path), 0);
    buffer_reset(&report);
    assert_false(signer_read_anew(&fresh, signer, &report, &error));
    assert_null(fresh);
    assert_non_null(strstr(error.message, "api_secret of account two (file:"));
    assert_non_null(strstr(buffer_text(&report), "api_secret of account two (file:"));
    assert_null(strstr(buffer_text(&report), "same text")); /* of what was not read */
    assert_true(holds(signer, 0, SECRET_ONE) && holds(signer, 1, SECRET_TWO));
    signer_close(signer);
    buffer_free(&report);
    assert_int_equal(rmdir(folder), 0);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "child") == 0)
        return run_child(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_accounts_may_name_the_same_variable_and_all_are_gone_afterwards),
        cmocka_unit_test(one_account_can_be_opened_without_the_others),
        cmocka_unit_test(every_secret_that_cannot_be_read_has_its_line_in_the_report),
        cmocka_unit_test(what_is_read_anew_is_beside_what_is_held_until_it_replaces_that),
        cmocka_unit_test(the_proxy_gets_the_accounts_and_the_keys_of_windows_around_now),
        cmocka_unit_test(no_missed_key_is_overlooked),
        cmocka_unit_test(the_proxy_inherits_no_secret_and_two_descriptors),
        cmocka_unit_test(variables_that_hold_secrets_are_left_out_of_the_proxys_environment),
        cmocka_unit_test(sigterm_is_passed_on_once_then_to_hurry_and_sighup_is_kept),
        cmocka_unit_test(a_proxy_that_does_not_hurry_is_killed),
        cmocka_unit_test(keys_of_the_old_secret_are_given_until_the_new_one_has_been_read),
        cmocka_unit_test(a_message_that_is_none_ends_the_service_and_not_the_wait),
        cmocka_unit_test(the_proxys_exit_code_is_handed_on_and_3_where_a_signal_ended_it),
        cmocka_unit_test(an_ignored_sigchld_does_not_hide_the_proxys_end),
        cmocka_unit_test(a_signal_that_comes_when_all_has_ended_does_not_take_the_exit_code_away),
        cmocka_unit_test(a_killed_supervisor_takes_both_with_it),
        cmocka_unit_test(a_program_that_cannot_be_started_is_told_with_exit_code_3),
        cmocka_unit_test(closed_standard_descriptors_are_filled_before_a_socket_gets_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
