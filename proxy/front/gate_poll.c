/* What libmicrohttpd's own epoll set costs: its epoll_ctl and epoll_wait, as this program has them (see gate_recv.c for how, and for why
 * another libmicrohttpd would merely go without).
 *
 * 0.9.75 takes a connection out of its set while it is suspended, which every request is that waits for the exchange, and puts it in again
 * afterwards. Each time the kernel then tells at once that the socket can be written to, which wakes the loop for nothing; and at each step
 * the library asks its set, and reads, to find that nothing has come. So here
 *
 *   - a suspended connection stays in the kernel's set, parked: that something happened on it is noted, and not told. What the library
 *     missed it finds by itself, as it reads from each connection that it resumes;
 *   - the set is asked once in each turn that the loop begins because of it, not in the rounds after that: what happens meanwhile
 *     stays in the set, and begins the loop's next turn;
 *   - a connection on which nothing happened since a read has taken all there was is not read from (gate_recv.c). */
#include "front_private.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In an event's data, beside the descriptor: no pointer of a program has this bit. */
static const uint64_t gated_mark = (uint64_t)1 << 63;

/* The plain system calls, of which the C library's are no more. */
static int plain_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    return (int)syscall(SYS_epoll_ctl, epoll_fd, operation, fd, event);
}

static int plain_wait(int epoll_fd, struct epoll_event *events, int count, int timeout_ms)
{
    return epoll_pwait(epoll_fd, events, count, timeout_ms, NULL);
}

/* --- the set --- */

static int set_events(const struct front_connection *from, int epoll_fd, int operation)
{
    struct epoll_event marked = { .events = from->events, .data.u64 = gated_mark | (unsigned)from->fd };
    return plain_ctl(epoll_fd, operation, from->fd, &marked);
}

/* Behind its parking, what came meanwhile and was not read is told anew, as it would be of a connection that is put in. */
static int put_in(struct front_connection *from, int epoll_fd, const struct epoll_event *event)
{
    bool is_to_be_told = !from->is_polled || from->has_news;
    from->events = event->events | EPOLLRDHUP;
    if (is_to_be_told && set_events(from, epoll_fd, from->is_polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD) != 0)
        return -1;
    from->is_polled = true;
    from->is_parked = false;
    from->event_data = event->data.ptr;
    return 0;
}

void gate_poll_forget(const struct front *front, struct front_connection *from)
{
    if (from->is_parked) /* libmicrohttpd, for which it is not in the set, closes it without taking it out */
        (void)plain_ctl(front->io.fd, EPOLL_CTL_DEL, from->fd, NULL); /* fails only where it is closed, hence gone */
    from->is_parked = false;
}

/* Where it is not in the set yet, putting it in tells. */
void gate_poll_again(const struct front *front, struct front_connection *from)
{
    from->has_news = true;
    if (from->is_polled && !from->is_parked)
        (void)set_events(from, front->io.fd, EPOLL_CTL_MOD); /* fails only where it is closed */
}

int gate_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event) __asm__("epoll_ctl")
    __attribute__((visibility("default")));

int gate_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    const struct front *front = gate_entered();
    struct front_connection *from = front == NULL || front->io.fd != epoll_fd ? NULL : gate_at(front, fd);
    if (from != NULL && operation == EPOLL_CTL_ADD)
        return put_in(from, epoll_fd, event);
    if (from == NULL || operation != EPOLL_CTL_DEL || !from->is_polled)
        return plain_ctl(epoll_fd, operation, fd, event);
    from->is_parked = true;
    return 0;
}

/* --- what has happened --- */

/* Whether libmicrohttpd is to be told. */
static bool take_event(const struct front *front, struct epoll_event *event)
{
    if ((event->data.u64 & gated_mark) == 0)
        return true; /* of TLS, or another kind that is none of ours */
    struct front_connection *from = gate_at(front, (int)(unsigned)event->data.u64);
    if (from == NULL)
        return false; /* it is being closed */
    if ((event->events & ~(uint32_t)EPOLLOUT) != 0)
        from->has_news = true;
    if ((event->events & ~(uint32_t)(EPOLLIN | EPOLLOUT)) != 0)
        from->has_more = true;
    if (gate_has_to_give(from))
        event->events |= EPOLLIN;
    event->data.ptr = from->event_data;
    return !from->is_parked;
}

static int ask(struct front *front, struct epoll_event *events, int most, int timeout_ms)
{
    int count = plain_wait(front->io.fd, events, most, timeout_ms);
    int told = 0;
    front->may_ask = count == most;
    for (int i = 0; i < count; i++) {
        struct epoll_event event = events[i];
        if (take_event(front, &event))
            events[told++] = event;
    }
    return count < 0 ? count : told;
}

int gate_epoll_wait(int epoll_fd, struct epoll_event *events, int most, int timeout_ms) __asm__("epoll_wait")
    __attribute__((visibility("default")));

int gate_epoll_wait(int epoll_fd, struct epoll_event *events, int most, int timeout_ms)
{
    struct front *front = gate_entered();
    if (front == NULL || front->io.fd != epoll_fd)
        return plain_wait(epoll_fd, events, most, timeout_ms);
    return front->may_ask ? ask(front, events, most, timeout_ms) : 0;
}
