/* Preloaded into the program by tests (LD_PRELOAD): the wall clock of all its processes is off by as much as a file that the test
 * maps says (TEST_STEPPING_CLOCK), while the clocks that cannot be set stay as they are: a time namespace does not cover
 * CLOCK_REALTIME. Timers by the wall clock go off as on such a machine. Any thread. */
#include <fcntl.h>
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

enum { NS_PER_US = 1000, US_PER_S = 1000000, DESCRIPTORS = 1024 };

/* The file: 8 bytes each. */
struct orders {
    _Atomic int64_t ahead_us;        /* how far the clock was set ahead */
    _Atomic int64_t drift_ppm;       /* and how fast it has been running ahead */
    _Atomic int64_t drifts_since_us; /* from this moment of CLOCK_MONOTONIC on */
};

static struct orders nothing_is_off;
static struct orders *orders = &nothing_is_off;
static atomic_bool by_wall_clock[DESCRIPTORS]; /* timers */

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
    if (is_set && (flags & TFD_TIMER_ABSTIME) != 0 && fd >= 0 && fd < DESCRIPTORS && atomic_load(&by_wall_clock[fd]))
        real.it_value = moved(real.it_value, -ahead_us());
    return (int)syscall(SYS_timerfd_settime, fd, flags, &real, before);
}
