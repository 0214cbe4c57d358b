/* One thread's event loop: epoll for descriptors, a binary heap for timers, an eventfd for wake-ups from outside.
 * Owns its own descriptors; watches and timers belong to the callers. */
#include "countersign/loop.h"

#include "countersign/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    LOOP_BATCH = 64,
    /* Made room for at birth, where running out of memory is an error: three for each of in_flight_max requests, and more. */
    LOOP_FIRST_TIMERS = 1024
};

struct loop {
    int epoll_fd;
    int wake_fd;
    struct loop_io wake;
    void (*on_wake)(void *context);
    void *on_wake_context;
    atomic_bool stopping;
    int64_t now_us;
    struct epoll_event batch[LOOP_BATCH];
    int batch_count; /* of the turn under way: a removed watch is taken out of what is still to be dispatched */
    struct loop_timer **timers; /* binary heap, the earliest deadline first */
    size_t timer_count;
    size_t timer_capacity;
};

static void woken(struct loop_io *io, unsigned events)
{
    (void)events; /* only reading is asked for */
    struct loop *loop = io->context;
    uint64_t count;
    if (read(loop->wake_fd, &count, sizeof(count)) < 0)
        return; /* another turn took it */
    if (loop->on_wake != NULL)
        loop->on_wake(loop->on_wake_context);
}

bool loop_create(struct loop **created, struct error *error)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for an event loop");
    loop->timers = calloc(LOOP_FIRST_TIMERS, sizeof(struct loop_timer *));
    if (loop->timers == NULL) {
        free(loop);
        return error_set(error, ERROR_MEMORY, "out of memory for an event loop's timers");
    }
    loop->timer_capacity = LOOP_FIRST_TIMERS;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->now_us = clock_monotonic_us();
    loop->wake = (struct loop_io){ .fd = loop->wake_fd, .ready = woken, .context = loop };
    if (loop->epoll_fd < 0 || loop->wake_fd < 0) {
        (void)error_system(error, errno, "cannot open an event loop's descriptors");
        loop_free(loop);
        return false;
    }
    if (!loop_io_watch(loop, &loop->wake, LOOP_READ, error)) {
        loop_free(loop);
        return false;
    }
    *created = loop;
    return true;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    if (loop->epoll_fd >= 0)
        (void)close(loop->epoll_fd); /* nothing is buffered behind it */
    if (loop->wake_fd >= 0)
        (void)close(loop->wake_fd); /* likewise */
    for (size_t i = 0; i < loop->timer_count; i++)
        loop->timers[i]->slot = 0;
    free(loop->timers);
    free(loop);
}

bool loop_io_watch(struct loop *loop, struct loop_io *io, unsigned events, struct error *error)
{
    if (io->events == events)
        return true;
    struct epoll_event event = { .data.ptr = io };
    if (events & LOOP_READ)
        event.events |= EPOLLIN;
    if (events & LOOP_WRITE)
        event.events |= EPOLLOUT;
    int operation = io->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(loop->epoll_fd, operation, io->fd, &event) != 0)
        return error_system(error, errno, "cannot watch descriptor %d", io->fd);
    io->events = events;
    return true;
}

void loop_io_remove(struct loop *loop, struct loop_io *io)
{
    if (io->events == 0)
        return;
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL); /* fails only where it is closed, hence gone */
    io->events = 0;
    for (int i = 0; i < loop->batch_count; i++) {
        if (loop->batch[i].data.ptr == io)
            loop->batch[i].data.ptr = NULL;
    }
}

static void timer_put(struct loop *loop, size_t index, struct loop_timer *timer)
{
    loop->timers[index] = timer;
    timer->slot = index + 1;
}

static void timer_sift_up(struct loop *loop, size_t index)
{
    struct loop_timer *timer = loop->timers[index];
    while (index > 0 && loop->timers[(index - 1) / 2]->deadline_us > timer->deadline_us) {
        timer_put(loop, index, loop->timers[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    timer_put(loop, index, timer);
}

static void timer_sift_down(struct loop *loop, size_t index)
{
    struct loop_timer *timer = loop->timers[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= loop->timer_count)
            break;
        if (child + 1 < loop->timer_count && loop->timers[child + 1]->deadline_us < loop->timers[child]->deadline_us)
            child++;
        if (loop->timers[child]->deadline_us >= timer->deadline_us)
            break;
        timer_put(loop, index, loop->timers[child]);
        index = child;
    }
    timer_put(loop, index, timer);
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_us)
{
    loop_timer_stop(loop, timer);
    timer->deadline_us = clock_monotonic_us() + delay_us;
    if (loop->timer_count == loop->timer_capacity) {
        size_t capacity = loop->timer_capacity * 2;
        struct loop_timer **timers = realloc(loop->timers, capacity * sizeof(struct loop_timer *));
        if (timers == NULL)
            abort(); /* see loop.h: a timer that never fires would leave an order hanging */
        loop->timers = timers;
        loop->timer_capacity = capacity;
    }
    timer_put(loop, loop->timer_count++, timer);
    timer_sift_up(loop, timer->slot - 1);
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    if (timer->slot == 0)
        return;
    size_t index = timer->slot - 1;
    timer->slot = 0;
    struct loop_timer *last = loop->timers[--loop->timer_count];
    if (last == timer)
        return;
    timer_put(loop, index, last);
    timer_sift_up(loop, index);
    timer_sift_down(loop, last->slot - 1);
}

/* Milliseconds epoll may wait: rounded up, so that a timer is due when it returns. */
static int wait_ms(const struct loop *loop)
{
    if (loop->timer_count == 0)
        return -1;
    int64_t left_us = loop->timers[0]->deadline_us - clock_monotonic_us();
    if (left_us <= 0)
        return 0;
    return left_us > 3600000000 ? 3600000 : (int)((left_us + 999) / 1000);
}

/* What a descriptor's callback has started with no delay is due in the same turn, without another look at the descriptors; what a
 * timer's callback starts so is for the next: `due` is read once. */
static void run_timers(struct loop *loop)
{
    if (loop->timer_count == 0)
        return;
    int64_t due = clock_monotonic_us();
    while (loop->timer_count > 0 && loop->timers[0]->deadline_us <= due) {
        struct loop_timer *timer = loop->timers[0];
        loop_timer_stop(loop, timer);
        timer->expired(timer);
    }
}

static void dispatch(struct loop *loop)
{
    for (int i = 0; i < loop->batch_count; i++) {
        struct loop_io *io = loop->batch[i].data.ptr;
        uint32_t happened = loop->batch[i].events;
        if (io == NULL)
            continue;
        unsigned events = 0;
        if (happened & EPOLLIN)
            events |= LOOP_READ;
        if (happened & EPOLLOUT)
            events |= LOOP_WRITE;
        if (happened & (EPOLLERR | EPOLLHUP))
            events |= LOOP_FAILED;
        io->ready(io, events);
    }
    loop->batch_count = 0;
}

bool loop_run(struct loop *loop, struct error *error)
{
    while (!atomic_load(&loop->stopping)) {
        int count = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, wait_ms(loop));
        if (count < 0 && errno != EINTR)
            return error_system(error, errno, "cannot wait for events");
        loop->batch_count = count < 0 ? 0 : count;
        loop->now_us = clock_monotonic_us();
        dispatch(loop);
        run_timers(loop);
    }
    atomic_store(&loop->stopping, false);
    return true;
}

int64_t loop_now_us(const struct loop *loop)
{
    return loop->now_us;
}

void loop_on_wake(struct loop *loop, void (*callback)(void *context), void *context)
{
    loop->on_wake = callback;
    loop->on_wake_context = context;
}

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    if (write(loop->wake_fd, &one, sizeof(one)) < 0)
        return; /* the counter is full: the wake-up is pending already */
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    loop_wake(loop);
}
