/* Preloaded into the program by tests (LD_PRELOAD): the wall clock of all its processes is off by as much as a file that the test
 * maps says (TEST_STEPPING_CLOCK), while the clocks that cannot be set stay as they are: a time namespace does not cover
 * CLOCK_REALTIME. Timers by the wall clock go off as on such a machine, and TFD_TIMER_CANCEL_ON_SET is kept: timerfd_create(2).
 * Any thread. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_US = 1000, US_PER_S = 1000000, DESCRIPTORS = 1024, LOOK_MS = 10 };

/* The file: 8 bytes each. */
struct orders {
    _Atomic int64_t ahead_us;        /* how far the clock was set ahead */
    _Atomic int64_t drift_ppm;       /* and how fast it has been running ahead */
    _Atomic int64_t drifts_since_us; /* from this moment of CLOCK_MONOTONIC on */
};

static struct orders nothing_is_off;
static struct orders *orders = &nothing_is_off;
static atomic_bool by_wall_clock[DESCRIPTORS]; /* timers, as the next two */
static atomic_bool ends_on_set[DESCRIPTORS];
static _Atomic int64_t set_at_us[DESCRIPTORS]; /* ahead_us when it was set */

__attribute__((constructor)) static void take_orders(void)
{
    const char *path = getenv("TEST_STEPPING_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd); /* the mapping stays */
    if (mapped != MAP_FAILED)
        orders = mapped;
}

static struct timespec real_reading(clockid_t clock)
{
    struct timespec now = { 0, 0 };
    (void)syscall(SYS_clock_gettime, clock, &now); /* cannot fail for a clock that there is */
    return now;
}

static int64_t microseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * US_PER_S + time.tv_nsec / NS_PER_US;
}

static int64_t ahead_us(void)
{
    int64_t ppm = atomic_load(&orders->drift_ppm);
    int64_t drifted_us =
        ppm == 0 ? 0 : microseconds(real_reading(CLOCK_MONOTONIC)) - atomic_load(&orders->drifts_since_us);
    return atomic_load(&orders->ahead_us) + drifted_us / 1000 * ppm / 1000;
}

static struct timespec moved(struct timespec time, int64_t by_us)
{
    int64_t ns = time.tv_nsec + by_us % US_PER_S * NS_PER_US, second = (int64_t)US_PER_S * NS_PER_US;
    time.tv_sec += by_us / US_PER_S;
    if (ns < 0 || ns >= second) {
        time.tv_sec += ns < 0 ? -1 : 1;
        ns += ns < 0 ? second : -second;
    }
    time.tv_nsec = ns;
    return time;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, clock, now);
    *now = moved(real_reading(clock), ahead_us());
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int64_t us = microseconds(real_reading(CLOCK_REALTIME)) + ahead_us();
    (void)zone; /* obsolete: gettimeofday(2) */
    *now = (struct timeval){ .tv_sec = us / US_PER_S, .tv_usec = us % US_PER_S };
    return 0;
}

time_t time(time_t *seconds)
{
    time_t now = (time_t)((microseconds(real_reading(CLOCK_REALTIME)) + ahead_us()) / US_PER_S);
    if (seconds != NULL)
        *seconds = now;
    return now;
}

int timerfd_create(int clock, int flags)
{
    int fd = (int)syscall(SYS_timerfd_create, clock, flags);
    if (fd >= 0 && fd < DESCRIPTORS)
        atomic_store(&by_wall_clock[fd], clock == CLOCK_REALTIME);
    return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *before)
{
    struct itimerspec real = *at;
    bool is_set = at->it_value.tv_sec != 0 || at->it_value.tv_nsec != 0;
    if (is_set && (flags & TFD_TIMER_ABSTIME) != 0 && fd >= 0 && fd < DESCRIPTORS && atomic_load(&by_wall_clock[fd])) {
        real.it_value = moved(real.it_value, -ahead_us());
        atomic_store(&ends_on_set[fd], (flags & TFD_TIMER_CANCEL_ON_SET) != 0);
        atomic_store(&set_at_us[fd], atomic_load(&orders->ahead_us));
    }
    return (int)syscall(SYS_timerfd_settime, fd, flags, &real, before);
}

static bool is_cancelled(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS && atomic_load(&ends_on_set[fd]) &&
           atomic_load(&set_at_us[fd]) != atomic_load(&orders->ahead_us);
}

ssize_t read(int fd, void *bytes, size_t size)
{
    if (!is_cancelled(fd))
        return syscall(SYS_read, fd, bytes, size);
    atomic_store(&ends_on_set[fd], false);
    errno = ECANCELED;
    return -1;
}

static int mark_cancelled(struct pollfd *watched, nfds_t count)
{
    int marked = 0;
    for (nfds_t i = 0; i < count; i++) {
        bool was_ready = watched[i].revents != 0;
        if (!is_cancelled(watched[i].fd))
            continue;
        watched[i].revents |= POLLIN;
        marked += was_ready ? 0 : 1;
    }
    return marked;
}

static bool has_timer(const struct pollfd *watched, nfds_t count)
{
    bool found = false;
    for (nfds_t i = 0; i < count; i++)
        found =
            found || (watched[i].fd >= 0 && watched[i].fd < DESCRIPTORS && atomic_load(&ends_on_set[watched[i].fd]));
    return found;
}

/* Where such a timer is waited for without an end, in short parts. */
int poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
    for (;;) {
        bool in_parts = timeout_ms < 0 && has_timer(watched, count);
        int ready = (int)syscall(SYS_poll, watched, count, in_parts ? LOOK_MS : timeout_ms);
        if (ready < 0)
            return ready;
        ready += mark_cancelled(watched, count);
        if (ready > 0 || !in_parts)
            return ready;
    }
}
