/* What is left of files, ports and signals (landlock(7)). The kernel's version decides how much of it can be limited; the
 * headers of the build may be older than the kernel, so what they lack is said here. One thread. */
#include "countersign/sandbox.h"

#include "countersign/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The numbers are the kernel's own (include/uapi/linux/landlock.h), and never change. */
#define RIGHT_TRUNCATE     (UINT64_C(1) << 14)
#define RIGHT_DEVICE_IOCTL (UINT64_C(1) << 15)
#define NET_BIND_TCP       (UINT64_C(1) << 0)
#define NET_CONNECT_TCP    (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT     (UINT64_C(1) << 0) /* unix sockets without a path that others made */
#define SCOPE_SIGNAL       (UINT64_C(1) << 1)

enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_NET = 4, ABI_IOCTL = 5, ABI_SCOPE = 6, RULE_PORT = 2 };

static const uint64_t rights_first = ((UINT64_C(1) << 13) - 1); /* ABI 1: EXECUTE to MAKE_SYM */
static const uint64_t rights_of_files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                        LANDLOCK_ACCESS_FS_READ_FILE | RIGHT_TRUNCATE | RIGHT_DEVICE_IOCTL;

struct ruleset {
    uint64_t files;
    uint64_t net;    /* from ABI_NET on */
    uint64_t scoped; /* from ABI_SCOPE on */
};

struct port_rule {
    uint64_t rights;
    uint64_t port;
};

static const uint64_t rights[] = {
    [SANDBOX_READ_FILES] = LANDLOCK_ACCESS_FS_READ_FILE,
    [SANDBOX_READ] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    [SANDBOX_USE] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE,
    [SANDBOX_KEEP] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
                     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | RIGHT_TRUNCATE,
};

static struct ruleset all_of(int abi, bool own_signals_only)
{
    struct ruleset set = { .files = rights_first };
    if (abi >= ABI_REFER)
        set.files |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= ABI_TRUNCATE)
        set.files |= RIGHT_TRUNCATE;
    if (abi >= ABI_IOCTL)
        set.files |= RIGHT_DEVICE_IOCTL;
    if (abi >= ABI_NET)
        set.net = NET_BIND_TCP | NET_CONNECT_TCP;
    if (abi >= ABI_SCOPE)
        set.scoped = SCOPE_ABSTRACT | (own_signals_only ? SCOPE_SIGNAL : 0);
    return set;
}

/* An older kernel wants a shorter set: it refuses fields that it does not know. */
static size_t size_for(int abi)
{
    if (abi >= ABI_SCOPE)
        return sizeof(struct ruleset);
    return abi >= ABI_NET ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
}

/* A file cannot have a folder's rights. */
static bool add_path(int ruleset, const struct sandbox_path *path, uint64_t known)
{
    struct stat status;
    struct landlock_path_beneath_attr rule = { .allowed_access = rights[path->right] & known,
                                               .parent_fd = open(path->path, O_PATH | O_CLOEXEC) };
    if (rule.parent_fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES; /* not there, or not for us anyway */
    bool done = fstat(rule.parent_fd, &status) == 0;
    if (done && !S_ISDIR(status.st_mode))
        rule.allowed_access &= rights_of_files;
    done = done && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    int number = errno;
    (void)close(rule.parent_fd); /* was a name only */
    errno = number;
    return done;
}

/* Port 0 is what binding to an address of this machine asks for before it connects: any free one. */
static bool add_ports(int ruleset, const struct sandbox_reach *reach)
{
    struct port_rule bind = { .rights = NET_BIND_TCP, .port = 0 };
    bool done = reach->port_count == 0 || syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &bind, 0) == 0;
    for (size_t i = 0; done && i < reach->port_count; i++) {
        struct port_rule rule = { .rights = NET_CONNECT_TCP, .port = reach->ports[i] };
        done = syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0) == 0;
    }
    return done;
}

static bool enter(int ruleset, int abi, const struct sandbox_reach *reach, uint64_t known)
{
    for (size_t i = 0; i < reach->path_count; i++) {
        if (!add_path(ruleset, &reach->paths[i], known))
            return false;
    }
    return (abi < ABI_NET || add_ports(ruleset, reach)) && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

void sandbox_limit_reach(struct sandbox *sandbox, const struct sandbox_reach *reach)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct ruleset set = all_of((int)abi, reach->own_signals_only);
    int ruleset = abi < 1 ? -1 : (int)syscall(SYS_landlock_create_ruleset, &set, size_for((int)abi), 0);
    bool done = ruleset >= 0 && enter(ruleset, (int)abi, reach, set.files);
    int number = errno;
    if (ruleset >= 0)
        (void)close(ruleset); /* in force, or of no use */
    if (done)
        sandbox->landlock_abi = (int)abi;
    else
        sandbox_warn(sandbox, "the kernel does not limit which files and ports it can use (Landlock)", number,
                     "use a kernel of Linux 5.13 or later with landlock in its lsm= list, and a container that lets "
                     "landlock calls through");
}
