/* What the kernel keeps for each process: privileges, dumps, limits, locked memory. One thread. */
#include "countersign/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum {
    MAPS_LINE_MAX = 512,
    MEMORY_TO_COME =
        512 << 20 /* bytes that must still be had with all memory locked: a keystore's scrypt takes its share */
};

void sandbox_begin(struct sandbox *sandbox, const char *process)
{
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
    *sandbox = (struct sandbox){ .process = process };
    sandbox->no_new_privileges = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (!sandbox->no_new_privileges)
        sandbox_warn(sandbox, "it could still gain privileges (PR_SET_NO_NEW_PRIVS)", errno,
                     "use a kernel of Linux 3.5 or later");
    sandbox->not_dumpable = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
    if (!sandbox->not_dumpable)
        sandbox_warn(sandbox, "debuggers of the same user may look into it (PR_SET_DUMPABLE)", errno,
                     "look for what forbids prctl(2) here");
    sandbox->no_core = setrlimit(RLIMIT_CORE, &none) == 0;
    if (!sandbox->no_core)
        sandbox_warn(sandbox, "its core dumps are not switched off (RLIMIT_CORE)", errno,
                     "look for what forbids setrlimit(2) here");
}

void sandbox_limit(const struct sandbox *sandbox, int resource, uint64_t value, const char *what)
{
    const struct rlimit limit = { .rlim_cur = value, .rlim_max = value };
    if (setrlimit((__rlimit_resource_t)resource, &limit) != 0)
        sandbox_warn(sandbox, what, errno, "look for what forbids setrlimit(2) here");
}

/* --- memory --- */

/* Whether memory can still be mapped: with MCL_FUTURE all that comes counts against the limit. */
static bool can_still_grow(void)
{
    void *memory = mmap(NULL, MEMORY_TO_COME, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    (void)munmap(memory, MEMORY_TO_COME); /* our own mapping: cannot fail */
    return true;
}

/* Where no limit is in the way: pages are locked as they come into use, so that start-up reads none from disk. */
static bool lock_all(void)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        return false;
    if (can_still_grow())
        return true;
    (void)munlockall(); /* cannot fail; each secret is locked again below, with all the rest that can be written */
    return false;
}

/* One line of proc(5)'s maps. What cannot be written holds the program's files, and no secret. */
static bool lock_mapping(const char *line)
{
    char *rest;
    unsigned long long begin = strtoull(line, &rest, 16), end = *rest == '-' ? strtoull(rest + 1, &rest, 16) : 0;
    if (end <= begin || strncmp(rest, " rw", 3) != 0)
        return true;
    return mlock2((const void *)(uintptr_t)begin, (size_t)(end - begin), MLOCK_ONFAULT) == 0;
}

static bool lock_writable(void)
{
    char line[MAPS_LINE_MAX];
    FILE *maps = fopen("/proc/self/maps", "re");
    bool done = maps != NULL;
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
        done = lock_mapping(line) && done; /* a line that was cut goes on with a path, which is no mapping */
    int number = errno;
    if (maps != NULL)
        (void)fclose(maps); /* was only read */
    errno = number;
    return done;
}

void sandbox_lock_memory(struct sandbox *sandbox)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_MEMLOCK, &limit); /* up to what is granted; without, less is locked, which is told */
    }
    if (lock_all()) {
        sandbox->memory = SANDBOX_MEMORY_ALL;
    } else if (lock_writable()) {
        sandbox->memory = SANDBOX_MEMORY_WRITABLE;
    } else {
        sandbox->memory = SANDBOX_MEMORY_PART;
        sandbox_warn(
            sandbox, "not all of its memory is locked, so what it holds may reach the swap", errno,
            "raise the limit (ulimit -l, LimitMEMLOCK= in systemd's unit) to 8 MiB or more, or encrypt the swap");
    }
}
