/* The recorder's sleep and the workers' call. */
#include "wake.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool wake_open(struct wake *wake, struct error *error)
{
    atomic_init(&wake->state, WAKE_BUSY);
    atomic_init(&wake->stop, false);
    wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake->fd < 0)
        return error_system(error, errno, "cannot create an eventfd");
    return true;
}

void wake_close(struct wake *wake)
{
    if (wake->fd >= 0)
        (void)close(wake->fd); /* holds nothing */
    wake->fd = -1;
}

static void ring_bell(const struct wake *wake)
{
    uint64_t one = 1;
    ssize_t written;
    do
        written = write(wake->fd, &one, sizeof(one));
    while (written < 0 && errno == EINTR); /* EAGAIN: the counter is full, so the recorder is called already */
}

void wake_notify(struct wake *wake, bool room_is_short)
{
    int state = atomic_load(&wake->state);
    if (state == WAKE_ASLEEP || (state == WAKE_GATHERING && room_is_short)) {
        if (atomic_exchange(&wake->state, WAKE_BUSY) != WAKE_BUSY) /* one call is enough */
            ring_bell(wake);
    }
}

void wake_stop(struct wake *wake)
{
    atomic_store(&wake->stop, true);
    ring_bell(wake);
}

void wake_wait(struct wake *wake, enum wake_state state, int timeout_ms, bool (*ready)(const void *context),
               const void *context)
{
    atomic_store(&wake->state, (int)state);
    if (!atomic_load(&wake->stop) && !ready(context)) {
        struct pollfd bell = { .fd = wake->fd, .events = POLLIN };
        (void)poll(&bell, 1, timeout_ms); /* EINTR: the caller looks again anyway */
    }
    atomic_store(&wake->state, WAKE_BUSY);
    uint64_t count;
    (void)!read(wake->fd, &count, sizeof(count)); /* EAGAIN: it was not rung */
}
