/* The signer's sandbox, in a child process each: what it still can, and what ends it. */
#include "countersign/scheme.h"
#include "signer/command_runner.h"
#include "signer/sandbox_signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "sandbox_fixture.h"

#define SECRET "0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e"
#define KEY    "3a1f5c7e9b2d4f6a8c0e1b3d5f7a9c2e"

enum { PATH_TEXT_MAX = 128, REPORT_MAX = 4096 };

struct setting {
    struct config config;
    struct config_account account;
    char folder[64], other[64]; /* the secret's, and one beside it */
    char source[PATH_TEXT_MAX + 16];
    char path[PATH_TEXT_MAX]; /* the secret's file */
    struct signer *signer;
    pid_t parent;
    long number; /* of the call that is tried */
};

static char source_key[] = "env:COUNTERSIGN_TEST_KEY", source_secret[] = "env:COUNTERSIGN_TEST_SECRET";

static void write_file(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(close(fd), 0);
}

static int set_up(void **state)
{
    struct setting *setting = calloc(1, sizeof(*setting));
    assert_non_null(setting);
    assert_int_equal(setenv("COUNTERSIGN_TEST_KEY", KEY, 1), 0);
    assert_int_equal(setenv("COUNTERSIGN_TEST_SECRET", SECRET, 1), 0);
    setting->parent = getpid();
    setting->account = (struct config_account){ .name = "main", .api_key = source_key, .api_secret = source_secret };
    setting->config = (struct config){ .accounts = &setting->account, .account_count = 1 };
    setting->config.proxy.sandbox = 1;
    (void)snprintf(setting->folder, sizeof(setting->folder), "/tmp/countersign-sandbox-XXXXXX");
    (void)snprintf(setting->other, sizeof(setting->other), "/tmp/countersign-sandbox-XXXXXX");
    assert_non_null(mkdtemp(setting->folder));
    assert_non_null(mkdtemp(setting->other));
    (void)snprintf(setting->path, sizeof(setting->path), "%s/secret", setting->folder);
    (void)snprintf(setting->source, sizeof(setting->source), "file:%s", setting->path);
    write_file(setting->path, SECRET);
    *state = setting;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "%s/secret", setting->other);
    (void)unlink(path); /* a test may not have made it */
    (void)unlink(setting->path);
    int result = rmdir(setting->folder) + rmdir(setting->other);
    free(setting);
    return result;
}

static void enter(void *context)
{
    struct setting *setting = context;
    struct buffer report;
    struct error error;
    buffer_init(&report, REPORT_MAX);
    if (!signer_open(&setting->signer, &setting->config, &report, &error)) {
        (void)fprintf(stderr, "%s\n", error.message);
        _exit(97);
    }
    sandbox_signer_enter(setting->signer);
}

/* --- what it still can --- */

static int derives_a_key(void *context)
{
    const struct setting *setting = context;
    struct scheme_window_key key, expected;
    if (!signer_window_key(&key, setting->signer, 0, 58000000, NULL) ||
        !scheme_window_key_derive(&expected, slice_text(SECRET), 58000000, NULL))
        return 98;
    return memcmp(&key, &expected, sizeof(key)) == 0 ? TRY_DONE : 99;
}

static void test_it_derives_keys_and_says_what_it_gave_up(void **state)
{
    struct try result;
    try_in_child(&result, enter, derives_a_key, *state);
    assert_int_equal(result.code, TRY_DONE);
    assert_non_null(strstr(result.said, "signer: sandboxed: "));
    assert_non_null(strstr(result.said, "system calls left (seccomp)"));
    assert_null(strstr(result.said, SECRET));
}

static int reads_the_source_again(void *context)
{
    const struct setting *setting = context;
    struct secret secret;
    struct error error;
    if (!secret_load(&secret, setting->account.api_secret, false, "api_secret", &error)) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 98;
    }
    return slice_equal_text(secret_slice(&secret), "another") ? TRY_DONE : 99;
}

/* Another process puts a new file beside the source's, then renames it into its place, once the sandbox is up. */
static void enter_and_replace(void *context)
{
    struct setting *setting = context;
    char replacement[PATH_TEXT_MAX];
    int ready[2], status;
    char byte = 0;
    (void)snprintf(replacement, sizeof(replacement), "%s/next", setting->folder);
    if (pipe2(ready, O_CLOEXEC) != 0)
        _exit(95);
    pid_t writer = fork();
    if (writer == 0) {
        (void)!read(ready[0], &byte, 1);
        write_file(replacement, "another");
        _exit(rename(replacement, setting->path) == 0 ? 0 : 1);
    }
    enter(setting);
    if (write(ready[1], &byte, 1) != 1 || waitpid(writer, &status, 0) != writer || status != 0)
        _exit(96);
}

static void test_a_file_that_took_the_sources_place_is_read(void **state)
{
    struct setting *setting = *state;
    struct try result;
    setting->account.api_secret = setting->source;
    try_in_child(&result, enter_and_replace, reads_the_source_again, setting);
    assert_string_equal(result.code == TRY_DONE ? "" : result.said, "");
}

static int asks_the_parent_nothing(void *context)
{
    const struct setting *setting = context;
    return pidfd_send_signal((int)setting->number, 0, NULL, 0) == 0 ? TRY_DONE : 98;
}

static void enter_with_a_descriptor_of_the_parent(void *context)
{
    struct setting *setting = context;
    setting->number = pidfd_open(getppid(), 0);
    enter(setting);
}

static void test_it_signals_a_process_that_it_has_a_descriptor_of(void **state)
{
    struct try result;
    try_in_child(&result, enter_with_a_descriptor_of_the_parent, asks_the_parent_nothing, *state);
    assert_int_equal(result.code, TRY_DONE);
}

/* --- what it cannot --- */

static int opens_a_file_elsewhere(void *context)
{
    const struct setting *setting = context;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "%s/secret", setting->other);
    return try_code(open(path, O_RDONLY | O_CLOEXEC));
}

static void test_a_file_elsewhere_stays_shut(void **state)
{
    struct setting *setting = *state;
    char path[PATH_TEXT_MAX];
    struct try result;
#ifdef COUNTERSIGN_SANITIZED
    skip(); /* a sanitizer reads everywhere */
#endif
    (void)snprintf(path, sizeof(path), "%s/secret", setting->other);
    write_file(path, "not for it");
    try_in_child(&result, enter, opens_a_file_elsewhere, setting); /* its sources are variables: no file at all */
    assert_int_equal(result.code, EACCES);
    if (landlock_abi() < 1)
        skip(); /* nothing but Landlock looks at names */
    setting->account.api_secret = setting->source;
    try_in_child(&result, enter, opens_a_file_elsewhere, setting);
    assert_int_equal(result.code, EACCES);
}

static int writes_a_file(void *context)
{
    const struct setting *setting = context;
    return try_code(open(setting->path, O_WRONLY | O_CLOEXEC));
}

static int creates_a_file(void *context)
{
    const struct setting *setting = context;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "%s/new", setting->folder);
    return try_code(open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int makes_a_socket(void *context)
{
    (void)context;
    return try_code(socket(AF_INET, SOCK_STREAM, 0));
}

static int makes_a_unix_socket(void *context)
{
    (void)context;
    return try_code(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int connects(void *context)
{
    const struct sockaddr address = { .sa_family = AF_UNSPEC };
    (void)context;
    return try_code(connect(STDIN_FILENO, &address, sizeof(address)));
}

static int executes(void *context)
{
    char program[] = "/bin/true";
    char *const arguments[] = { program, NULL };
    (void)context;
    return try_code(execv(program, arguments));
}

static int makes_memory_that_runs(void *context)
{
    (void)context;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : TRY_DONE;
}

static int makes_its_memory_run(void *context)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)context;
    return try_code(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}

static int reads_another_process(void *context)
{
    const struct setting *setting = context;
    char byte;
    struct iovec here = { &byte, 1 }, there = { &byte, 1 };
    return try_code(process_vm_readv(setting->parent, &here, 1, &there, 1, 0));
}

static int kills_another_process(void *context)
{
    const struct setting *setting = context;
    return try_code(syscall(SYS_tgkill, setting->parent, setting->parent, 0));
}

static int opens_a_process(void *context)
{
    const struct setting *setting = context;
    return try_code(pidfd_open(setting->parent, 0));
}

static int renames(void *context)
{
    const struct setting *setting = context;
    return try_code(rename(setting->path, setting->path));
}

static int raises_a_limit(void *context)
{
    const struct rlimit more = { .rlim_cur = 65, .rlim_max = 65 };
    (void)context;
    return try_code(prlimit(0, RLIMIT_NOFILE, &more, NULL));
}

#ifndef COUNTERSIGN_SANITIZED
static int forks(void *context)
{
    (void)context;
    return try_code(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

static int traces(void *context)
{
    const struct setting *setting = context;
    return try_code(ptrace(PTRACE_SEIZE, setting->parent, NULL, NULL));
}

static int takes_the_signal_of_its_end(void *context)
{
    (void)context;
    return signal(SIGSYS, SIG_IGN) == SIG_ERR ? errno : TRY_DONE;
}

static int becomes_dumpable(void *context)
{
    (void)context;
    return try_code(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
#endif

static void test_what_it_never_does_ends_it(void **state)
{
    struct setting *setting = *state;
    static const struct {
        const char *what;
        int (*attempt)(void *);
        int number;
    } attempts[] = {
        { "open for writing", writes_a_file, SYS_openat },
        { "create", creates_a_file, SYS_openat },
        { "rename", renames, SYS_rename },
        { "socket", makes_a_socket, SYS_socket },
        { "unix socket", makes_a_unix_socket, SYS_socket },
        { "connect", connects, SYS_connect },
        { "execute", executes, SYS_execve },
        { "memory that runs", makes_memory_that_runs, SYS_mmap },
        { "memory made to run", makes_its_memory_run, SYS_mprotect },
        { "another's memory", reads_another_process, SYS_process_vm_readv },
        { "another's signal", kills_another_process, SYS_tgkill },
        { "another process", opens_a_process, SYS_pidfd_open },
        { "a higher limit", raises_a_limit, SYS_prlimit64 },
#ifndef COUNTERSIGN_SANITIZED
        { "fork", forks, SYS_clone },
        { "trace", traces, SYS_ptrace },
        { "the signal of its end", takes_the_signal_of_its_end, SYS_rt_sigaction },
        { "core dumps", becomes_dumpable, SYS_prctl },
#endif
    };
    setting->account.api_secret = setting->source; /* so that files are opened at all */
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        struct try result;
        char number[64];
        (void)snprintf(number, sizeof(number), "signer: system call number %d is none", attempts[i].number);
        try_in_child(&result, enter, attempts[i].attempt, setting);
        if (result.code != TRY_TRAPPED || strstr(result.said, number) == NULL)
            fail_msg("%s: ended with %d and said: %s", attempts[i].what, result.code, result.said);
    }
}

static int starts_a_program(void *context)
{
    (void)context;
    return system("exit 7") == -1 ? errno : TRY_DONE;
}

static void test_without_the_sandbox_the_same_is_possible(void **state)
{
    struct setting *setting = *state;
    struct try result;
    setting->config.proxy.sandbox = 0;
    try_in_child(&result, enter, starts_a_program, setting);
    assert_int_equal(result.code, TRY_DONE);
    assert_non_null(strstr(result.said, "sandbox = off"));
    try_in_child(&result, enter, makes_a_socket, setting);
    assert_int_equal(result.code, TRY_DONE);
}

/* --- commands --- */

static void test_a_command_runs_again_under_the_sandbox(void **state)
{
    struct setting *setting = *state;
    char source[PATH_TEXT_MAX + 16];
    struct try result;
    (void)snprintf(source, sizeof(source), "command:cat %s", setting->path);
    setting->account.api_secret = source;
    try_in_child(&result, enter_and_replace, reads_the_source_again, setting);
    assert_string_equal(result.code == TRY_DONE ? "" : result.said, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_it_derives_keys_and_says_what_it_gave_up),
        TEST(test_a_file_that_took_the_sources_place_is_read),
        TEST(test_it_signals_a_process_that_it_has_a_descriptor_of),
        TEST(test_a_file_elsewhere_stays_shut),
        TEST(test_what_it_never_does_ends_it),
        TEST(test_without_the_sandbox_the_same_is_possible),
        TEST(test_a_command_runs_again_under_the_sandbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
