/* The proxy process's system calls: those of its own libraries (libmicrohttpd, libcurl with its resolver's threads, OpenSSL,
 * SQLite), and those that the C library and its name services may turn to instead of one another. Constant.
 *
 * What no row allows fails with ENOSYS, as on an older kernel: libraries that try the new way first take the old one then.
 * So a new C library slows nothing down and breaks nothing. What has a row with another error is what such a fallback does
 * not exist for. A request's own calls have no conditions: the kernel then need not look at the filter at all. */
#include "sandbox_calls.h"

#include "countersign/compiler.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define SET_ANONYMOUS_NAME 0x53564d41 /* PR_SET_VMA: names memory for /proc/PID/maps (Linux 5.17) */

static const struct sandbox_rule requests[] = {
    { .call = "read" },
    { .call = "write" },
    { .call = "readv" },
    { .call = "writev" },
    { .call = "sendto" },
    { .call = "recvfrom" },
    { .call = "sendmsg" },
    { .call = "recvmsg" },
    { .call = "epoll_wait" },
    { .call = "epoll_pwait" },
    { .call = "epoll_pwait2" },
    { .call = "epoll_ctl" },
    { .call = "poll" },
    { .call = "ppoll" },
    { .call = "futex" },
    { .call = "accept" },
    { .call = "accept4" },
    { .call = "close" },
    { .call = "shutdown" },
    { .call = "getsockopt" },
    { .call = "setsockopt" },
    { .call = "getsockname" },
    { .call = "getpeername" },
    { .call = "connect" },
    { .call = "fcntl" },
    { .call = "madvise" },
    { .call = "munmap" },
    { .call = "mremap" },
    { .call = "brk" },
    { .call = "clock_gettime" },
    { .call = "clock_getres" },
    { .call = "gettimeofday" },
    { .call = "time" },
    { .call = "getrandom" },
    { .call = "timerfd_settime" },
    { .call = "pwrite64" },
    { .call = "pread64" },
    { .call = "fdatasync" },
    { .call = "fsync" },
    { .call = "msync" },
    { .call = "restart_syscall" },
};

static const struct sandbox_rule connections[] = {
    { .call = "socket", .conditions = { SANDBOX_IS(0, AF_INET) } },
    { .call = "socket", .conditions = { SANDBOX_IS(0, AF_INET6) } },
    { .call = "socket", .conditions = { SANDBOX_IS(0, AF_UNIX) } },
    { .call = "socket",
      .conditions = { SANDBOX_IS(0, AF_NETLINK) } }, /* addresses of this machine, owners of sockets */
    { .call = "socketpair" },
    { .call = "bind" },
    { .call = "listen" },
    { .call = "sendmmsg" },
    { .call = "recvmmsg" },
    { .call = "select" },
    { .call = "pselect6" },
    { .call = "epoll_create" },
    { .call = "epoll_create1" },
    { .call = "eventfd" },
    { .call = "eventfd2" },
    { .call = "pipe" },
    { .call = "pipe2" },
    { .call = "timerfd_create" },
    { .call = "timerfd_gettime" },
    { .call = "signalfd4" },
    { .call = "inotify_init1" }, /* of the switch that stops trading */
    { .call = "inotify_add_watch" },
    { .call = "sendfile" },
    { .call = "dup" },
    { .call = "dup2" },
    { .call = "dup3" },
    { .call = "ioctl",
      .conditions = { SANDBOX_IS(1, TCGETS) } }, /* whether it is a terminal; what to type there: no row */
    { .call = "ioctl", .conditions = { SANDBOX_IS(1, TIOCGWINSZ) } },
    { .call = "ioctl", .conditions = { SANDBOX_IS(1, FIONBIO) } },
    { .call = "ioctl", .conditions = { SANDBOX_IS(1, FIONREAD) } },
    { .call = "ioctl", .conditions = { SANDBOX_IS(1, SIOCGIFINDEX) } },
    { .call = "ioctl", .conditions = { SANDBOX_IS(1, SIOCGIFNAME) } },
    { .call = "ioctl", .conditions = { SANDBOX_IS(1, SIOCGIFFLAGS) } },
    { .call = "ioctl", .conditions = { SANDBOX_IS(1, SIOCGIFADDR) } },
    { .call = "ioctl", .conditions = { SANDBOX_IS(1, SIOCGIFCONF) } },
};

static const struct sandbox_rule files[] = {
    { .call = "open" },      { .call = "openat" },          { .call = "stat" },
    { .call = "lstat" },     { .call = "fstat" },           { .call = "newfstatat" },
    { .call = "statx" },     { .call = "statfs" },          { .call = "fstatfs" },
    { .call = "access" },    { .call = "faccessat" },       { .call = "faccessat2" },
    { .call = "readlink" },  { .call = "readlinkat" },      { .call = "getcwd" },
    { .call = "getdents" },  { .call = "getdents64" },      { .call = "lseek" },
    { .call = "preadv" },    { .call = "preadv2" },         { .call = "pwritev" },
    { .call = "pwritev2" },  { .call = "rename" },          { .call = "renameat" },
    { .call = "renameat2" }, { .call = "unlink" },          { .call = "unlinkat" },
    { .call = "mkdir" },     { .call = "mkdirat" },         { .call = "rmdir" },
    { .call = "chmod" },     { .call = "fchmod" },          { .call = "fchmodat" },
    { .call = "fchown" },    { .call = "umask" },           { .call = "truncate" },
    { .call = "ftruncate" }, { .call = "fallocate" },       { .call = "flock" },
    { .call = "fadvise64" }, { .call = "sync_file_range" }, { .call = "utimensat" },
    { .call = "link" },      { .call = "linkat" },          { .call = "close_range" },
};

/* No memory is both written and run, and nothing written is made to run; a library is still loaded from its file. */
static const struct sandbox_rule memory[] = {
    { .call = "mmap", .conditions = { SANDBOX_LACKS(2, PROT_EXEC) } },
    { .call = "mmap",
      .conditions = { { .argument = 2, .mask = PROT_EXEC | PROT_WRITE, .value = PROT_EXEC },
                      SANDBOX_LACKS(3, MAP_ANONYMOUS) } },
    { .call = "mmap",
      .refusal = EACCES,
      .conditions = { { .argument = 2, .mask = PROT_EXEC | PROT_WRITE, .value = PROT_EXEC },
                      SANDBOX_HAS(3, MAP_ANONYMOUS) } },
    { .call = "mmap", .refusal = EACCES, .conditions = { SANDBOX_HAS(2, PROT_EXEC | PROT_WRITE) } },
    { .call = "mprotect", .conditions = { SANDBOX_LACKS(2, PROT_EXEC) } },
    { .call = "mprotect", .refusal = EACCES, .conditions = { SANDBOX_HAS(2, PROT_EXEC) } },
    { .call = "mlock" },
    { .call = "mlock2" },
    { .call = "munlock" },
    { .call = "mincore" },
    { .call = "membarrier" },
};

static const struct sandbox_rule threads[] = {
    { .call = "clone", .conditions = { SANDBOX_HAS(0, CLONE_THREAD) } },
#ifndef COUNTERSIGN_SANITIZED
    { .call = "clone", .refusal = EPERM, .conditions = { SANDBOX_LACKS(0, CLONE_THREAD) } },
#endif
    { .call = "fork", .refusal = EPERM },
    { .call = "vfork", .refusal = EPERM },
    { .call = "execve", .refusal = EPERM },
    { .call = "execveat", .refusal = EPERM },
    { .call = "kill", .conditions = { SANDBOX_IS(0, SANDBOX_OWN_PROCESS) } },
    { .call = "tgkill", .conditions = { SANDBOX_IS(0, SANDBOX_OWN_PROCESS) } },
    { .call = "prctl", .conditions = { SANDBOX_IS(0, PR_SET_NAME) } },
    { .call = "prctl", .conditions = { SANDBOX_IS(0, PR_GET_NAME) } },
    { .call = "prctl", .conditions = { SANDBOX_IS(0, SET_ANONYMOUS_NAME) } },
    { .call = "prlimit64", .conditions = { SANDBOX_LACKS(2, UINT64_MAX) } }, /* looks alone: no new limit is given */
    { .call = "getrlimit" },
    { .call = "set_robust_list" },
    { .call = "get_robust_list" },
    { .call = "rseq" },
    { .call = "set_tid_address" },
    { .call = "exit" },
    { .call = "exit_group" },
    { .call = "futex_waitv" },
    { .call = "sched_yield" },
    { .call = "sched_getaffinity" },
    { .call = "sched_getparam" },
    { .call = "sched_getscheduler" },
    { .call = "getpid" },
    { .call = "gettid" },
    { .call = "getppid" },
    { .call = "getpgrp" },
    { .call = "getpgid" },
    { .call = "getuid" },
    { .call = "geteuid" },
    { .call = "getgid" },
    { .call = "getegid" },
    { .call = "getresuid" },
    { .call = "getresgid" },
    { .call = "getgroups" },
    { .call = "getrusage" },
    { .call = "times" },
    { .call = "sysinfo" },
    { .call = "uname" },
    { .call = "getcpu" },
    { .call = "clock_nanosleep" },
    { .call = "nanosleep" },
    { .call = "alarm" },
    { .call = "getitimer" },
    { .call = "setitimer" },
    { .call = "rt_sigaction" },
    { .call = "rt_sigprocmask" },
    { .call = "rt_sigreturn" },
    { .call = "rt_sigpending" },
    { .call = "rt_sigtimedwait" },
    { .call = "rt_sigsuspend" },
    { .call = "sigaltstack" },
    { .call = "pause" },
};

/* What the sanitizers of test builds do behind the program's back: a second process looks for leaks at the end. */
#ifdef COUNTERSIGN_SANITIZED
static const struct sandbox_rule sanitizers[] = {
    { .call = "ptrace" },    { .call = "clone" },       { .call = "wait4" }, { .call = "arch_prctl" },
    { .call = "setrlimit" }, { .call = "personality" }, { .call = "prctl" },
};
#endif

#define TABLE(rows)                                                                                                    \
    {                                                                                                                  \
        rows, ARRAY_LENGTH(rows)                                                                                       \
    }

const struct sandbox_filter *sandbox_proxy_calls(void)
{
    static const struct sandbox_rules tables[] = {
        TABLE(requests),   TABLE(connections), TABLE(files), TABLE(memory), TABLE(threads),
#ifdef COUNTERSIGN_SANITIZED
        TABLE(sanitizers),
#endif
    };
    static const struct sandbox_filter filter = { .tables = tables,
                                                  .table_count = ARRAY_LENGTH(tables),
                                                  .otherwise = ENOSYS };
    return &filter;
}
