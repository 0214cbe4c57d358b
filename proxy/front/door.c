/* The door: takes connections from the listening socket and hands them to libmicrohttpd, or turns them away with an answer.
 *
 * libmicrohttpd 0.9.75 is not let near the listening socket: at its bound it stops listening, so that clients wait in the
 * kernel's queue without a word; where descriptors are out and none of its own connections is open it turns in a busy loop,
 * and otherwise it waits for one of its own to close, though others' descriptors are as good.
 *
 * Owns the listening socket, one spare descriptor, and the connections that are turned away. Those are kept a moment, until
 * their client has written its request and read the answer: closed before, the kernel would reset them, and the client might
 * not see what it was told. The loop's thread. */
#include "front_private.h"

#include "countersign/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTED_AT_ONCE = 64,        /* in one turn of the loop */
    OTHERS_TURN_US = 5000,        /* for another that shares the socket to accept */
    DESCRIPTORS_WAIT_US = 100000, /* before it is looked again for free descriptors */
    PATIENCE_US = 1000000,        /* for one that is turned away to write and to read */
    WARNING_EVERY_US = 10000000,
    DRAINED_AT_ONCE = 16 /* reads of what is thrown away */
};

static const char bare_answer[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
                                  "Content-Length: 0\r\n\r\n";

/* --- those that are turned away --- */

static struct slice answer_of(const struct front *front)
{
    struct slice own = front->options.turned_away;
    return own.length > 0 ? own : slice_of(bare_answer, sizeof(bare_answer) - 1);
}

/* It is shorter than what a new connection's buffer takes. To TLS it would be noise. */
static void say(const struct front *front, int fd)
{
    struct slice answer = answer_of(front);
    if (front->options.tls_certificate == NULL)
        (void)send(fd, answer.data, answer.length, MSG_NOSIGNAL | MSG_DONTWAIT); /* fails where the client is gone */
    (void)shutdown(fd, SHUT_WR);                                                 /* likewise */
}

/* False at the end. recv is this room's own; see gate_recv.c. */
static bool drain(int fd)
{
    char thrown_away[4096];
    ssize_t received = 1;
    for (int i = 0; i < DRAINED_AT_ONCE && received > 0; i++)
        received = recvfrom(fd, thrown_away, sizeof(thrown_away), MSG_DONTWAIT, NULL, NULL);
    return received > 0 || (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}

static void let_go(struct front_turned_away *one)
{
    if (!one->answered)
        say(one->front, one->io.fd);
    (void)drain(one->io.fd); /* what stays unread resets the connection */
    loop_io_remove(one->front->options.loop, &one->io);
    (void)close(one->io.fd); /* nothing of it is needed any more */
    one->io.fd = -1;
}

static void spoke(struct loop_io *io, unsigned events)
{
    struct front_turned_away *one = io->context;
    bool goes_on = drain(io->fd) && (events & LOOP_FAILED) == 0;
    if (!one->answered) {
        say(one->front, io->fd);
        one->answered = true;
    }
    if (!goes_on)
        let_go(one);
}

static void look_for_patience(struct loop_timer *timer)
{
    struct front *front = timer->context;
    int64_t now = loop_now_us(front->options.loop);
    int64_t wait_us = 0;
    for (size_t i = 0; i < FRONT_TURNED_AWAY_MAX; i++) {
        struct front_turned_away *one = &front->turned_away[i];
        int64_t left_us = one->since_us + PATIENCE_US - now;
        if (one->io.fd >= 0 && left_us <= 0)
            let_go(one);
        else if (one->io.fd >= 0 && (wait_us == 0 || left_us < wait_us))
            wait_us = left_us;
    }
    if (wait_us > 0)
        loop_timer_start(front->options.loop, timer, wait_us);
}

/* A free one, or that of who has had the most time. */
static struct front_turned_away *place_for_one(struct front *front)
{
    struct front_turned_away *oldest = &front->turned_away[0];
    for (size_t i = 0; i < FRONT_TURNED_AWAY_MAX && oldest->io.fd >= 0; i++) {
        struct front_turned_away *one = &front->turned_away[i];
        if (one->io.fd < 0 || one->since_us < oldest->since_us)
            oldest = one;
    }
    if (oldest->io.fd >= 0)
        let_go(oldest);
    return oldest;
}

static void warn(struct front *front, const char *why)
{
    int64_t now = loop_now_us(front->options.loop);
    front->turned_away_count++;
    if (front->warned_us != 0 && now - front->warned_us < WARNING_EVERY_US)
        return;
    log_warning("connections were turned away with 503: %u: %s", front->turned_away_count, why);
    front->turned_away_count = 0;
    front->warned_us = now;
}

static void turn_away(struct front *front, int fd)
{
    struct front_turned_away *one = place_for_one(front);
    struct error error;
    *one = (struct front_turned_away){ .front = front, .since_us = loop_now_us(front->options.loop) };
    one->io = (struct loop_io){ .fd = fd, .ready = spoke, .context = one };
    if (!loop_io_watch(front->options.loop, &one->io, LOOP_READ, &error)) {
        let_go(one); /* with its answer; it may not see it */
        return;
    }
    if (front->turned_away_timer.slot == 0)
        loop_timer_start(front->options.loop, &front->turned_away_timer, PATIENCE_US);
}

/* --- the door --- */

static void leave_ajar(struct front *front, int64_t delay_us)
{
    loop_io_remove(front->options.loop, &front->door);
    loop_timer_start(front->options.loop, &front->door_timer, delay_us);
}

/* The spare descriptor is given for one connection, which is answered and closed; then it is taken again. */
static void answer_by_spare(struct front *front)
{
    warn(front, "descriptors are out (RLIMIT_NOFILE); see `countersign config check` for how many are needed");
    if (front->spare_fd < 0) {
        leave_ajar(front, DESCRIPTORS_WAIT_US);
        return;
    }
    (void)close(front->spare_fd); /* it is a copy that nobody uses */
    int fd = accept4(front->options.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        say(front, fd);
        (void)drain(fd); /* as in let_go */
        (void)close(fd); /* likewise */
    }
    front->spare_fd = fcntl(front->options.listen_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        leave_ajar(front, DESCRIPTORS_WAIT_US); /* the whole machine's are out, or memory is */
}

static bool is_out_of_descriptors(const struct front *front, int fd)
{
    return front->options.descriptor_end > 0 && fd >= front->options.descriptor_end;
}

/* The same connection by the lowest number that is free by now. */
static int take_lowest(int fd)
{
    int lower = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (lower < 0 || lower > fd) {
        if (lower >= 0)
            (void)close(lower); /* the other stays */
        return fd;
    }
    (void)close(fd); /* likewise */
    return lower;
}

static void take_in(struct front *front, int fd, const struct sockaddr *address, socklen_t length)
{
    bool lacks_room = is_out_of_descriptors(front, fd) || !places_are_left(front->places);
    if (lacks_room && phase_make_room(front)) {
        front_turn(front);
        fd = take_lowest(fd);
    }
    if (is_out_of_descriptors(front, fd)) {
        warn(front, "descriptors run out (RLIMIT_NOFILE); see `countersign config check` for how many are needed");
        turn_away(front, fd);
    } else if (!places_are_left(front->places)) {
        warn(front, "there are as many as proxy.connections_max allows");
        turn_away(front, fd);
    } else {
        gate_enter(front);                                            /* it puts it into its epoll set */
        (void)MHD_add_connection(front->daemon, fd, address, length); /* where it fails, it has closed it */
        gate_leave();
    }
}

/* Whether to accept though there is no place: another front may have one for who waits. */
static bool is_to_be_left_to_others(struct front *front)
{
    if (places_are_left(front->places) || !front->options.shares_socket)
        return false;
    front->has_waited = !front->has_waited;
    if (front->has_waited)
        leave_ajar(front, OTHERS_TURN_US);
    return front->has_waited;
}

/* False where no more is to be accepted now. */
static bool accept_one(struct front *front)
{
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t length = sizeof(address);
    int fd = accept4(front->options.listen_fd, (struct sockaddr *)&address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        take_in(front, fd, (const struct sockaddr *)&address, length);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        answer_by_spare(front);
    return errno == EINTR || errno == ECONNABORTED;
}

static void knocked(struct loop_io *io, unsigned events)
{
    struct front *front = io->context;
    (void)events; /* accept4 tells */
    if (is_to_be_left_to_others(front))
        return;
    for (int i = 0; i < ACCEPTED_AT_ONCE && front->accepting && accept_one(front); i++) {}
    front_turn(front);
}

static bool watch(struct front *front, struct error *error)
{
    return loop_io_watch(front->options.loop, &front->door, LOOP_READ, error);
}

static void look_again(struct loop_timer *timer)
{
    struct front *front = timer->context;
    struct error error;
    if (front->spare_fd < 0)
        front->spare_fd = fcntl(front->options.listen_fd, F_DUPFD_CLOEXEC, 0); /* -1: not yet */
    if (!watch(front, &error)) {
        log_error("cannot accept connections, trying again: %s", error.message);
        loop_timer_start(front->options.loop, timer, DESCRIPTORS_WAIT_US);
    }
}

bool door_open(struct front *front, struct error *error)
{
    const struct front_options *options = &front->options;
    front->turned_away = calloc(FRONT_TURNED_AWAY_MAX, sizeof(*front->turned_away));
    if (front->turned_away == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for an HTTP server");
    for (size_t i = 0; i < FRONT_TURNED_AWAY_MAX; i++)
        front->turned_away[i].io.fd = -1;
    front->door = (struct loop_io){ .fd = options->listen_fd, .ready = knocked, .context = front };
    front->door_timer = (struct loop_timer){ .expired = look_again, .context = front };
    front->turned_away_timer = (struct loop_timer){ .expired = look_for_patience, .context = front };
    front->spare_fd = fcntl(options->listen_fd, F_DUPFD_CLOEXEC, 0);
    if (front->spare_fd < 0)
        return error_system(error, errno, "cannot copy the listening socket");
    return watch(front, error);
}

void door_close(struct front *front)
{
    loop_timer_stop(front->options.loop, &front->door_timer);
    loop_io_remove(front->options.loop, &front->door);
    if (front->spare_fd >= 0)
        (void)close(front->spare_fd); /* a listening socket has nothing to lose; likewise the next */
    (void)close(front->options.listen_fd);
    front->spare_fd = -1;
}

void door_free(struct front *front)
{
    loop_timer_stop(front->options.loop, &front->turned_away_timer);
    for (size_t i = 0; front->turned_away != NULL && i < FRONT_TURNED_AWAY_MAX; i++) {
        if (front->turned_away[i].io.fd >= 0)
            let_go(&front->turned_away[i]);
    }
    free(front->turned_away);
}
