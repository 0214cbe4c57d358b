/* What a process gives up before it takes bytes from outside: the rights it never needs again. Each step is one more wall
 * that a kernel, a container or a limit may not grant: then a warning says what is missing and what to do, and the process
 * goes on without. Nothing that was given up can be had back.
 *
 * One thread, before any other is started: threads inherit what the one that started them gave up. */
#ifndef COUNTERSIGN_SANDBOX_H
#define COUNTERSIGN_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sandbox_memory {
    SANDBOX_MEMORY_NOT_ASKED,
    SANDBOX_MEMORY_ALL,      /* all of it, and what will be mapped */
    SANDBOX_MEMORY_WRITABLE, /* all that could hold a secret now */
    SANDBOX_MEMORY_PART      /* the limit did not allow as much */
};

/* What was given up so far. */
struct sandbox {
    const char *process; /* its name in lines: "signer" */
    bool no_new_privileges;
    bool not_dumpable;
    bool no_core;
    enum sandbox_memory memory;
    int landlock_abi; /* 0: the kernel limits no files */
    size_t calls;     /* how many system calls are left; 0: the kernel limits none */
};

/* No new privileges (PR_SET_NO_NEW_PRIVS), out of reach for debuggers and /proc/PID/mem of the same user
 * (PR_SET_DUMPABLE), no core dumps (RLIMIT_CORE). `process` must stay. */
void sandbox_begin(struct sandbox *sandbox, const char *process);

/* Keeps memory from swap, as much of it as RLIMIT_MEMLOCK allows: mlock2(2), mlockall(2). */
void sandbox_lock_memory(struct sandbox *sandbox);

/* Lowers a resource limit for good; `resource` is one of setrlimit(2). */
void sandbox_limit(const struct sandbox *sandbox, int resource, uint64_t value, const char *what);

/* --- files, ports, signals: landlock(7) --- */

enum sandbox_right {
    SANDBOX_READ_FILES, /* open files for reading, but list no folder */
    SANDBOX_READ,       /* list folders, too */
    SANDBOX_USE,        /* read and write what is there */
    SANDBOX_KEEP        /* all of it: create, rename, delete files */
};

struct sandbox_path {
    const char *path; /* a folder with all below it, or a file; one that is not there is skipped */
    enum sandbox_right right;
};

struct sandbox_reach {
    const struct sandbox_path *paths;
    size_t path_count;
    const uint16_t *ports; /* TCP connections go there alone; from Landlock's ABI 4 on */
    size_t port_count;
    bool own_signals_only; /* signals reach none but this process; from ABI 6 on */
};

/* What is not named can no longer be opened, made or connected to; what is open stays. */
void sandbox_limit_reach(struct sandbox *sandbox, const struct sandbox_reach *reach);

/* --- system calls: seccomp(2) --- */

/* Looks at one argument, counted from 0: its bits in `mask` must be `value`. A mask of 0 looks at nothing. */
struct sandbox_condition {
    unsigned argument;
    uint64_t mask;
    uint64_t value;
};

#define SANDBOX_OWN_PROCESS UINT64_MAX /* as a value: getpid(2)'s */
#define SANDBOX_IS(number, wanted)                                                                                     \
    {                                                                                                                  \
        .argument = (number), .mask = UINT32_MAX, .value = (wanted)                                                    \
    } /* an int */
#define SANDBOX_LACKS(number, bits)                                                                                    \
    {                                                                                                                  \
        .argument = (number), .mask = (bits), .value = 0                                                               \
    }
#define SANDBOX_HAS(number, bits)                                                                                      \
    {                                                                                                                  \
        .argument = (number), .mask = (bits), .value = (bits)                                                          \
    }
enum { SANDBOX_CONDITIONS = 2 };

/* One call by its name in syscalls(2), where all conditions hold; several rows for one call add up, and must not hold for
 * the same arguments. A call that this machine does not have is skipped. */
struct sandbox_rule {
    const char *call;
    int refusal; /* 0: it is made; else the errno value it fails with */
    struct sandbox_condition conditions[SANDBOX_CONDITIONS];
};

struct sandbox_rules {
    const struct sandbox_rule *rows;
    size_t count;
};

struct sandbox_filter {
    const struct sandbox_rules *tables;
    size_t table_count;
    int otherwise; /* the errno value of what no row allows; 0: the process ends, after a line that names the call */
};

void sandbox_limit_calls(struct sandbox *sandbox, const struct sandbox_filter *filter);

/* One log line: what was given up. `reads`: what is left of the files, in a few words. */
void sandbox_report(const struct sandbox *sandbox, const char *reads);

/* A warning that something is missing: "signer: WHAT: REASON. ADVICE". `number` is the errno value behind it. */
void sandbox_warn(const struct sandbox *sandbox, const char *what, int number, const char *advice);

#endif
