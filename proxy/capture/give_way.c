/* See give_way.h. */
#include "give_way.h"

#include "countersign/clock.h"
#include "countersign/compiler.h"

#include <sched.h>
#include <sqlite3.h>
#include <stdint.h>
#include <unistd.h>

enum { TURN_US = 100 }; /* sooner costs more in switches than it gives others */

static _Thread_local struct {
    bool (*is_calm)(const void *context); /* NULL: it does not give way */
    const void *context;
    int64_t turn_us; /* monotonic: from when on it has the processor */
} self;

void give_way_while(bool (*is_calm)(const void *context), const void *context)
{
    self.is_calm = is_calm;
    self.context = context;
}

void give_way(void)
{
    if (self.is_calm == NULL || clock_monotonic_us() - self.turn_us < TURN_US || !self.is_calm(self.context))
        return;
    (void)sched_yield(); /* cannot fail on Linux */
    self.turn_us = clock_monotonic_us();
}

_Static_assert(sizeof(off_t) == sizeof(int64_t), "pwrite and pwrite64 are the same");

static ssize_t write_page(int fd, const void *data, size_t length, off_t offset)
{
    give_way();
    return pwrite(fd, data, length, offset);
}

void give_way_between_pages(void)
{
    static const char *const calls[] = { "pwrite", "pwrite64" }; /* SQLite uses one of them */
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    for (size_t i = 0; vfs != NULL && vfs->iVersion >= 3 && i < ARRAY_LENGTH(calls); i++)
        (void)vfs->xSetSystemCall(vfs, calls[i], (sqlite3_syscall_ptr)write_page); /* it is a favour */
}
