/* The proxy process's sandbox, in a child process each: what libraries still can, and how the rest fails. */
#include "service/sandbox_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sandbox_fixture.h"

enum { PATH_TEXT_MAX = 128, ABI_NET = 4, ABI_SCOPE = 6 };

struct setting {
    struct config config;
    struct config_account account;
    struct config_upstream upstream;
    char folder[64], state_dir[80], file[80], url[64];
    pid_t parent;
    int listener;
    uint16_t port; /* of `listener` */
};

static char source[PATH_TEXT_MAX] = "env:SECRET", empty[] = "";

static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static void listen_somewhere(struct setting *setting)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    setting->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(setting->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(setting->listener, 8), 0);
    assert_int_equal(getsockname(setting->listener, (struct sockaddr *)&address, &length), 0);
    setting->port = ntohs(address.sin_port);
}

static int set_up(void **state)
{
    struct setting *setting = calloc(1, sizeof(*setting));
    assert_non_null(setting);
    setting->parent = getpid();
    (void)snprintf(setting->folder, sizeof(setting->folder), "/tmp/countersign-sandbox-XXXXXX");
    assert_non_null(mkdtemp(setting->folder));
    (void)snprintf(setting->state_dir, sizeof(setting->state_dir), "%s/state", setting->folder);
    (void)snprintf(setting->file, sizeof(setting->file), "%s/diary", setting->folder);
    assert_int_equal(mkdir(setting->state_dir, 0700), 0);
    write_file(setting->file);
    listen_somewhere(setting);
    (void)snprintf(setting->url, sizeof(setting->url), "http://127.0.0.1:%u", (unsigned)setting->port);
    setting->account = (struct config_account){ .name = "main", .api_key = source, .api_secret = source };
    setting->upstream = (struct config_upstream){ .url = setting->url, .ca_file = empty, .proxy = empty };
    setting->config = (struct config){ .accounts = &setting->account,
                                       .account_count = 1,
                                       .upstreams = &setting->upstream,
                                       .upstream_count = 1,
                                       .proxy = { .state_dir = setting->state_dir, .sandbox = 1 } };
    *state = setting;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    (void)unlink(setting->file);
    (void)close(setting->listener);
    int result = rmdir(setting->state_dir) + rmdir(setting->folder);
    free(setting);
    return result;
}

static void enter(void *context)
{
    const struct setting *setting = context;
    sandbox_proxy_enter(&setting->config);
}

/* --- what it still can --- */

static int writes_its_state(void *context)
{
    const struct setting *setting = context;
    char first[PATH_TEXT_MAX], second[PATH_TEXT_MAX];
    (void)snprintf(first, sizeof(first), "%s/a", setting->state_dir);
    (void)snprintf(second, sizeof(second), "%s/b", setting->state_dir);
    int fd = open(first, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return try_code(fd < 0 || ftruncate(fd, 4096) != 0 || rename(first, second) != 0 || unlink(second) != 0 ? -1 : 0);
}

static void *nothing(void *context)
{
    return context;
}

static int starts_threads(void *context)
{
    pthread_t thread;
    (void)context;
    int number = pthread_create(&thread, NULL, nothing, NULL);
    return number != 0 ? number : pthread_join(thread, NULL);
}

static int resolves_names(void *context)
{
    const struct addrinfo hints = { .ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    (void)context;
    if (getaddrinfo("localhost", "443", &hints, &found) != 0)
        return 98;
    freeaddrinfo(found);
    return TRY_DONE;
}

static int asks_for_the_owner_of_a_socket(void *context)
{
    (void)context;
    return try_code(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
}

static int connect_to(uint16_t port)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    return try_code(connect(socket(AF_INET, SOCK_STREAM, 0), (const struct sockaddr *)&address, sizeof(address)));
}

static int connects_upstream(void *context)
{
    const struct setting *setting = context;
    return connect_to(setting->port);
}

static int loads_a_library(void *context)
{
    int fd = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);
    (void)context;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : TRY_DONE;
}

static int signals_itself(void *context)
{
    (void)context;
    return try_code(kill(getpid(), 0));
}

static void test_what_libraries_need_is_there(void **state)
{
    static const struct {
        const char *what;
        int (*attempt)(void *);
    } attempts[] = {
        { "state folder", writes_its_state },  { "threads", starts_threads },
        { "names", resolves_names },           { "socket owners", asks_for_the_owner_of_a_socket },
        { "the upstream", connects_upstream }, { "a library", loads_a_library },
        { "its own signals", signals_itself },
    };
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        struct try result;
        try_in_child(&result, enter, attempts[i].attempt, *state);
        if (result.code != TRY_DONE)
            fail_msg("%s: %s; it said: %s", attempts[i].what, strerror(result.code), result.said);
        assert_non_null(strstr(result.said, "proxy: sandboxed: "));
    }
}

/* --- what it cannot --- */

static int executes(void *context)
{
    char program[] = "/bin/true";
    char *const arguments[] = { program, NULL };
    (void)context;
    return try_code(execv(program, arguments));
}

static int spawns(void *context)
{
    char program[] = "/bin/true";
    char *const arguments[] = { program, NULL }, *const none[] = { NULL };
    pid_t child;
    (void)context;
    return posix_spawn(&child, program, NULL, NULL, arguments, none);
}

static int makes_memory_that_is_written_and_run(void *context)
{
    (void)context;
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? errno
               : TRY_DONE;
}

static int makes_its_memory_run(void *context)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)context;
    return try_code(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}

static int makes_a_raw_socket(void *context)
{
    (void)context;
    return try_code(socket(AF_PACKET, SOCK_RAW, 0));
}

static int signals_another(void *context)
{
    const struct setting *setting = context;
    return try_code(kill(setting->parent, 0));
}

static int writes_elsewhere(void *context)
{
    const struct setting *setting = context;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "%s/new", setting->folder);
    return try_code(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int connects_elsewhere(void *context)
{
    const struct setting *setting = context;
    return connect_to((uint16_t)(setting->port ^ 1));
}

#ifndef COUNTERSIGN_SANITIZED /* a sanitizer's own needs allow these */
static int reads_another_process(void *context)
{
    const struct setting *setting = context;
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)setting->parent);
    return try_code(open(path, O_RDONLY | O_CLOEXEC));
}

static int reads_a_home(void *context)
{
    const struct setting *setting = context;
    return try_code(open(setting->file, O_RDONLY | O_CLOEXEC));
}

static int traces(void *context)
{
    const struct setting *setting = context;
    return try_code(ptrace(PTRACE_SEIZE, setting->parent, NULL, NULL));
}

static int becomes_dumpable(void *context)
{
    (void)context;
    return try_code(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
#endif

static int uses_a_ring(void *context)
{
    char parameters[256] = { 0 };
    (void)context;
    return try_code(syscall(SYS_io_uring_setup, 8, parameters));
}

static void test_the_rest_fails_and_nothing_ends(void **state)
{
    static const struct {
        const char *what;
        int (*attempt)(void *);
        int expected, abi; /* of Landlock, where that is what forbids it */
    } attempts[] = {
        { "execute", executes, EPERM, 0 },
        { "spawn", spawns, EPERM, 0 },
        { "memory written and run", makes_memory_that_is_written_and_run, EACCES, 0 },
        { "memory made to run", makes_its_memory_run, EACCES, 0 },
        { "a raw socket", makes_a_raw_socket, ENOSYS, 0 },
        { "another's signal", signals_another, ENOSYS, 0 },
        { "io_uring", uses_a_ring, ENOSYS, 0 },
        { "write elsewhere", writes_elsewhere, EACCES, 1 },
        { "connect elsewhere", connects_elsewhere, EACCES, ABI_NET },
#ifndef COUNTERSIGN_SANITIZED
        { "another's environment", reads_another_process, EACCES, 1 },
        { "a home folder", reads_a_home, EACCES, 1 },
        { "trace", traces, ENOSYS, 0 },
        { "core dumps", becomes_dumpable, ENOSYS, 0 },
#endif
    };
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        struct try result;
        if (attempts[i].abi > landlock_abi())
            continue;
        try_in_child(&result, enter, attempts[i].attempt, *state);
        if (result.code != attempts[i].expected)
            fail_msg("%s: %s; it said: %s", attempts[i].what, strerror(result.code), result.said);
    }
}

static void test_a_secrets_file_within_reach_is_told(void **state)
{
    struct setting *setting = *state;
    struct try result;
#ifdef COUNTERSIGN_SANITIZED
    skip(); /* a sanitizer reads everywhere */
#endif
    (void)snprintf(source, sizeof(source), "file:/usr/../etc/hostname");
    try_in_child(&result, enter, signals_itself, setting);
    assert_non_null(strstr(result.said, "it may read /etc and so the secret's file /etc/hostname"));
    (void)snprintf(source, sizeof(source), "file:%s", setting->file);
    try_in_child(&result, enter, signals_itself, setting);
    assert_null(strstr(result.said, "the secret's file"));
    (void)snprintf(source, sizeof(source), "env:SECRET");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_libraries_need_is_there),
        TEST(test_the_rest_fails_and_nothing_ends),
        TEST(test_a_secrets_file_within_reach_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
