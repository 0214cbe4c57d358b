/* sd_notify(3)'s protocol. Supervisor. */
#include "supervisor_notify.h"

#include "countersign/compiler.h"
#include "countersign/log.h"
#include "countersign/slice.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINES_MAX = 512 };

/* "/path" or "@name" in the abstract namespace; other families (vsock) are for virtual machines. */
static socklen_t address_of(struct sockaddr_un *address, const char *name)
{
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length >= sizeof(address->sun_path))
        return 0;
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(address->sun_path, name, length);
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

static int connect_to(const char *name)
{
    struct sockaddr_un address;
    socklen_t length = address_of(&address, name);
    int opened = length == 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (length == 0)
        errno = EINVAL;
    if (opened >= 0 && connect(opened, (const struct sockaddr *)&address, length) == 0)
        return opened;
    log_warning("the service manager cannot be told of this program's state (NOTIFY_SOCKET=%s): %s", name,
                strerror(errno));
    if (opened >= 0)
        (void)close(opened); /* never used */
    return -1;
}

/* sd_watchdog_enabled(3): meant for this process where WATCHDOG_PID is missing or names it. */
static int64_t watchdog_interval_us(void)
{
    const char *interval = getenv("WATCHDOG_USEC"), *process = getenv("WATCHDOG_PID");
    uint64_t us = 0, pid = (uint64_t)getpid();
    if (interval == NULL || !slice_to_u64(slice_text(interval), &us) || us > INT64_MAX ||
        (process != NULL && (!slice_to_u64(slice_text(process), &pid) || pid != (uint64_t)getpid())))
        return 0;
    return (int64_t)us;
}

void notify_open(struct notify *notify)
{
    static const char *const variables[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID" };
    const char *name = getenv(variables[0]);
    notify->socket = name == NULL || name[0] == '\0' ? -1 : connect_to(name);
    notify->watchdog_us = notify->socket < 0 ? 0 : watchdog_interval_us();
    for (size_t i = 0; i < ARRAY_LENGTH(variables); i++)
        (void)unsetenv(variables[i]); /* fails for names that are none only */
}

void notify_close(struct notify *notify)
{
    if (notify->socket >= 0)
        (void)close(notify->socket); /* datagrams are taken whole, or not at all */
    notify->socket = -1;
}

void notify_send(const struct notify *notify, const char *lines)
{
    if (notify->socket >= 0)
        (void)!send(notify->socket, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT); /* see the header */
}

void notify_ready(const struct notify *notify, const char *status)
{
    char lines[LINES_MAX];
    (void)snprintf(lines, sizeof(lines), "READY=1\nSTATUS=%s\n", status); /* a status that is cut is one still */
    notify_send(notify, lines);
}

void notify_reloading(const struct notify *notify, int64_t monotonic_us)
{
    char lines[LINES_MAX];
    (void)snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reading keys anew\n",
                   monotonic_us); /* fits */
    notify_send(notify, lines);
}
