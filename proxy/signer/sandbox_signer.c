/* The signer's sandbox: what it needs to answer requests, to read its sources again and to see the proxy process end, and
 * nothing else. Signer process, one thread. */
#include "sandbox_signer.h"

#include "countersign/compiler.h"
#include "countersign/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    SIGNER_FILES_MAX = 64,         /* descriptors: it has a handful, and a file now and then */
    SIGNER_SOURCES_PER_ACCOUNT = 2 /* the key's and the secret's */
};

/* --- system calls --- */

#define SIGNER_WRITES (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND) /* flags of open(2), all absent in one that reads */

enum {
    SIGNER_THREAD_FLAGS = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                          CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
    SIGNER_THREAD_SIGNAL = 33 /* the C library's own, SIGSETXID */
};

static const struct sandbox_rule always[] = {
    /* answers, log lines, the waits between them */
    { .call = "read" },
    { .call = "write" },
    { .call = "poll" },
    { .call = "ppoll" },
    { .call = "sendto" },
    { .call = "recvfrom" },
    { .call = "sendmsg" },
    { .call = "recvmsg" },
    { .call = "clock_gettime" },
    { .call = "gettimeofday" },
    { .call = "clock_nanosleep" },
    { .call = "nanosleep" },
    { .call = "restart_syscall" },
    /* the proxy process: it is asked to end, and seen to */
    { .call = "pidfd_send_signal" },
    { .call = "wait4" },
    { .call = "waitid" },
    /* files that are open */
    { .call = "readv" },
    { .call = "pread64" },
    { .call = "writev" },
    { .call = "lseek" },
    { .call = "fstat" },
    { .call = "fcntl" },
    { .call = "flock" },
    { .call = "close" },
    /* looks at files: nothing of them but their names, sizes and rights */
    { .call = "stat" },
    { .call = "lstat" },
    { .call = "newfstatat" },
    { .call = "statx" },
    { .call = "readlink" },
    { .call = "readlinkat" },
    { .call = "getcwd" },
    /* memory, none of which ever becomes code */
    { .call = "brk" },
    { .call = "mmap", .conditions = { SANDBOX_LACKS(2, PROT_EXEC) } },
    { .call = "mprotect", .conditions = { SANDBOX_LACKS(2, PROT_EXEC) } },
    { .call = "mremap" },
    { .call = "munmap" },
    { .call = "madvise" },
    { .call = "mlock" },
    { .call = "mlock2" },
    { .call = "munlock" },
    /* the C library */
    { .call = "futex" },
    { .call = "getrandom" },
    { .call = "getpid" },
    { .call = "gettid" },
    { .call = "getppid" },
    { .call = "getuid" },
    { .call = "geteuid" },
    { .call = "getgid" },
    { .call = "getegid" },
    { .call = "sched_yield" },
    { .call = "sched_getaffinity" },
    { .call = "sysinfo" },
    { .call = "uname" },
    { .call = "getrlimit" },
    { .call = "prlimit64", .conditions = { SANDBOX_LACKS(2, UINT64_MAX) } }, /* looks alone: no new limit is given */
    { .call = "rt_sigprocmask" },
    { .call = "rt_sigreturn" },
    { .call = "tgkill", .conditions = { SANDBOX_IS(0, SANDBOX_OWN_PROCESS) } }, /* abort(3) */
    /* a thread of its own for each reading of the sources, and no process: clone(2) with what pthread_create(3) asks for */
    { .call = "clone3", .refusal = ENOSYS }, /* its flags cannot be seen: the C library then takes clone */
    { .call = "clone", .conditions = { SANDBOX_IS(0, SIGNER_THREAD_FLAGS) } },
    { .call = "rseq" },
    { .call = "set_robust_list" },
    { .call = "rt_sigaction", .conditions = { SANDBOX_IS(0, SIGNER_THREAD_SIGNAL) } },
    { .call = "exit" },
    { .call = "exit_group" },
    { .call = "ioctl", .refusal = ENOTTY }, /* standard input and output ask whether they are a terminal */
};

static const struct sandbox_rule reading[] = {
    { .call = "open", .conditions = { SANDBOX_LACKS(1, SIGNER_WRITES) } },
    { .call = "openat", .conditions = { SANDBOX_LACKS(2, SIGNER_WRITES) } },
};

/* The supervisor: another signer, up to the moment at which that limits itself. What it forks has no more than this. */
enum { FORK_FLAGS = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD };

static const struct sandbox_rule starting[] = {
#ifndef COUNTERSIGN_SANITIZED
    { .call = "clone", .conditions = { SANDBOX_IS(0, FORK_FLAGS) } },
    { .call = "prctl" },
    { .call = "setrlimit" },
    { .call = "rt_sigaction", .conditions = { SANDBOX_IS(0, SIGSYS) } },
    { .call = "rt_sigaction", .conditions = { SANDBOX_IS(0, SIGCHLD) } },
#endif
    { .call = "prlimit64" },
    { .call = "socketpair", .conditions = { SANDBOX_IS(0, AF_UNIX) } },
    { .call = "pidfd_open" },
    { .call = "eventfd2" },
    { .call = "signalfd4" },
    { .call = "close_range" },
    { .call = "mlockall" },
    { .call = "munlockall" },
    { .call = "seccomp" },
    { .call = "landlock_create_ruleset" },
    { .call = "landlock_add_rule" },
    { .call = "landlock_restrict_self" },
};

/* No source is a file: then none is opened, also where the kernel has no Landlock. */
static const struct sandbox_rule no_reading[] = {
    { .call = "open", .refusal = EACCES, .conditions = { SANDBOX_LACKS(1, SIGNER_WRITES) } },
    { .call = "openat", .refusal = EACCES, .conditions = { SANDBOX_LACKS(2, SIGNER_WRITES) } },
};

/* What the sanitizers of test builds do behind the program's back: a second process looks for leaks at the end. */
#ifdef COUNTERSIGN_SANITIZED
static const struct sandbox_rule sanitizers[] = {
    { .call = "clone" },
    { .call = "ptrace" },
    { .call = "prctl" },
    { .call = "arch_prctl" },
    { .call = "rt_sigaction" },
    { .call = "sigaltstack" },
    { .call = "set_robust_list" },
    { .call = "getdents64" },
    { .call = "getdents" },
    { .call = "kill" },
    { .call = "pipe" },
    { .call = "setrlimit" },
};
#define SANITIZER_RULES                                                                                                \
    {                                                                                                                  \
        sanitizers, ARRAY_LENGTH(sanitizers)                                                                           \
    }
#else
#define SANITIZER_RULES                                                                                                \
    {                                                                                                                  \
        NULL, 0                                                                                                        \
    }
#endif

/* --- files --- */

struct reads {
    struct sandbox_path *paths;
    char **owned; /* the paths' text */
    size_t count, room;
};

static void reads_free(struct reads *reads)
{
    for (size_t i = 0; i < reads->count; i++)
        free(reads->owned[i]);
    free(reads->owned);
    free(reads->paths);
}

/* Takes the folder over. Without memory it stays out of reach: a source in it cannot be read again, which is told then. */
static void add_folder(struct reads *reads, char *folder, enum sandbox_right right)
{
    if (folder == NULL || reads->count == reads->room) {
        free(folder);
        return;
    }
    reads->owned[reads->count] = folder;
    reads->paths[reads->count++] = (struct sandbox_path){ .path = folder, .right = right };
}

/* The folder that a file is in: whoever changes a secret often puts another file in its place. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* Both the folder that is named and, behind symbolic links, the one that the file is in now. */
static void add_file(struct reads *reads, const char *path)
{
    char *real = realpath(path, NULL);
    add_folder(reads, folder_of(path), SANDBOX_READ_FILES);
    if (real != NULL && strcmp(real, path) != 0)
        add_folder(reads, folder_of(real), SANDBOX_READ_FILES);
    free(real);
}

static void add_source(struct reads *reads, const char *source, const char *state_dir)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    struct slice text = slice_text(source);
    if (slice_starts_with(text, "file:"))
        add_file(reads, source + strlen("file:"));
    else if (slice_starts_with(text, "credential:") && credentials != NULL)
        add_folder(reads, strdup(credentials), SANDBOX_READ_FILES);
    else if (slice_starts_with(text, "keystore:"))
        add_folder(reads, strdup(state_dir), SANDBOX_READ_FILES);
}

static struct reads reads_make(const struct config *config)
{
    enum { EXTRA = 4 }; /* with the configuration's file */
    size_t room = (size_t)2 * (SIGNER_SOURCES_PER_ACCOUNT * config->account_count + config->listener_count) + EXTRA;
    struct reads reads = { .paths = calloc(room, sizeof(*reads.paths)), .owned = calloc(room, sizeof(*reads.owned)) };
    reads.room = reads.paths != NULL && reads.owned != NULL ? room : 0;
    for (size_t i = 0; i < config->account_count; i++) {
        add_source(&reads, config->accounts[i].api_key, config->proxy.state_dir);
        add_source(&reads, config->accounts[i].api_secret, config->proxy.state_dir);
    }
    if (config->file != NULL)
        add_file(&reads, config->file); /* for SIGHUP */
#ifdef COUNTERSIGN_SANITIZED
    add_folder(&reads, strdup("/"), SANDBOX_READ); /* a sanitizer's report names source lines */
#endif
    return reads;
}

/* For another signer: what its sources are in, the tokens' with them, and where it finds its own memory to lock it. */
static struct reads reads_make_for_start(const struct config *config)
{
    struct reads reads = reads_make(config);
    for (size_t i = 0; i < config->listener_count; i++)
        add_source(&reads, config->listeners[i].token, config->proxy.state_dir);
    add_folder(&reads, strdup("/proc"), SANDBOX_READ_FILES);
    return reads;
}

/* --- the steps --- */

static bool is_regular_file(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

static void set_limits(const struct sandbox *sandbox)
{
    sandbox_limit(sandbox, RLIMIT_NOFILE, SIGNER_FILES_MAX, "it could open more files than it needs (RLIMIT_NOFILE)");
    if (!is_regular_file(STDOUT_FILENO) && !is_regular_file(STDERR_FILENO)) /* the log may be kept in a file */
        sandbox_limit(sandbox, RLIMIT_FSIZE, 0, "it could write into files (RLIMIT_FSIZE)");
}

static void limit_calls(struct sandbox *sandbox, bool reads_files, bool starts_signers)
{
    const struct sandbox_rules tables[] = {
        { always, ARRAY_LENGTH(always) },
        { reads_files ? reading : no_reading, reads_files ? ARRAY_LENGTH(reading) : ARRAY_LENGTH(no_reading) },
        { starting, starts_signers ? ARRAY_LENGTH(starting) : 0 },
        SANITIZER_RULES,
    };
    const struct sandbox_filter filter = { .tables = tables, .table_count = ARRAY_LENGTH(tables), .otherwise = 0 };
    sandbox_limit_calls(sandbox, &filter);
}

void sandbox_signer_enter(const struct signer *signer)
{
    struct sandbox sandbox;
    struct reads reads = reads_make(signer->config);
    const struct sandbox_reach reach = { .paths = reads.paths, .path_count = reads.count };
    sandbox_begin(&sandbox, "signer");
    sandbox_use_libraries_once();
    sandbox_lock_memory(&sandbox);
    if (signer->config->proxy.sandbox != 0) {
        set_limits(&sandbox);
        sandbox_limit_reach(&sandbox, &reach);
        limit_calls(&sandbox, reads.count > 0, false);
    } else {
        sandbox_warn(&sandbox, "sandbox = off in the configuration", 0, "take that out once it runs with sandbox = on");
    }
    sandbox_report(&sandbox, reads.count > 0 ? "reads the folders of its secrets alone" : "opens no file");
    reads_free(&reads);
}

void sandbox_supervisor_enter(const struct config *config)
{
    struct sandbox sandbox;
    struct reads reads = reads_make_for_start(config);
    const struct sandbox_reach reach = { .paths = reads.paths, .path_count = reads.count };
    sandbox_begin(&sandbox, "supervisor");
    sandbox_lock_memory(&sandbox);
    if (config->proxy.sandbox != 0) {
        sandbox_limit_reach(&sandbox, &reach);
        limit_calls(&sandbox, true, true);
    } else {
        sandbox_warn(&sandbox, "sandbox = off in the configuration", 0, "take that out once it runs with sandbox = on");
    }
    sandbox_report(&sandbox, "starts signers, and reads the folders of their secrets for them");
    reads_free(&reads);
}

void sandbox_use_libraries_once(void)
{
    struct scheme_window_key key;
    tzset();
    if (scheme_window_key_derive(&key, SLICE_LITERAL("no secret"), 0,
                                 NULL)) /* one that fails is told when it is needed */
        OPENSSL_cleanse(&key, sizeof(key));
}
