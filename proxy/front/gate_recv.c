/* Where the bytes of plain connections meet their gates: in recv, as this program has it.
 *
 * libmicrohttpd has no hook between a socket and its parser, and reads with recv(2) alone (a TLS connection excepted). A
 * program's own definition of a function goes before a shared library's (as with malloc), so libmicrohttpd's calls come
 * here. Only on a thread that is between gate_enter and gate_leave, and for a descriptor that gate_watch was told of, is
 * anything done but to call recvfrom. That a request came around its gate is noticed (request_take_fault), and it is
 * refused: another libmicrohttpd that reads in another way would be no silent hole. */
#include "front_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { GATED_STEP = 64 };

static _Thread_local struct front *reading;

void gate_enter(struct front *front)
{
    reading = front;
}

void gate_leave(void)
{
    reading = NULL;
}

struct front *gate_entered(void)
{
    return reading;
}

/* --- which descriptors --- */

static bool make_room(struct front *front, size_t fd)
{
    if (fd < front->gated_count)
        return true;
    size_t count = fd + GATED_STEP;
    struct front_connection **grown = realloc(front->gated, count * sizeof(struct front_connection *));
    if (grown == NULL)
        return false;
    for (size_t i = front->gated_count; i < count; i++)
        grown[i] = NULL;
    front->gated = grown;
    front->gated_count = count;
    return true;
}

bool gate_watch(struct front *front, struct front_connection *from, int fd)
{
    const struct front_options *options = &front->options;
    uint64_t chunks_max = options->body_max > FRONT_DISCARD_MAX ? options->body_max : FRONT_DISCARD_MAX;
    if (fd < 0 || !make_room(front, (size_t)fd))
        return false;
    gate_init(&from->gate, options->header_max, chunks_max);
    from->fd = fd;
    from->has_news = true;
    front->gated[fd] = from;
    return true;
}

/* The kernel resets a connection that is closed with bytes unread, and takes back what the client has not got of its answer. There are such
 * bytes where requests were held back (hold_back). Those that come later, or lie beyond the bound, still reset it. */
static void read_off(int fd)
{
    enum { ROUNDS_MAX = 64 };
    char bytes[16 * 1024];
    for (int i = 0; i < ROUNDS_MAX && recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, NULL, NULL) > 0; i++) {}
}

void gate_forget(struct front *front, struct front_connection *from)
{
    if (from->fd < 0)
        return;
    read_off(from->fd);
    gate_poll_forget(front, from);
    front->gated[from->fd] = NULL;
}

struct front_connection *gate_at(const struct front *front, int fd)
{
    return fd < 0 || (size_t)fd >= front->gated_count ? NULL : front->gated[fd];
}

/* --- the bytes --- */

static size_t give_text(const char **text, char *room, size_t length)
{
    size_t given = strlen(*text);
    given = given < length ? given : length;
    memcpy(room, *text, given);
    *text += given;
    return given;
}

/* As much of the end as there is room for. */
static size_t give_ending(struct gate_ending *ending, char *room, size_t length)
{
    size_t given = give_text(&ending->first, room, length);
    size_t filling = ending->filling < length - given ? (size_t)ending->filling : length - given;
    memset(room + given, ' ', filling);
    ending->filling -= filling;
    given += filling;
    return given + give_text(&ending->last, room + given, length - given);
}

bool gate_has_to_give(const struct front_connection *from)
{
    const struct gate_ending *ending = &from->ending;
    return from->is_shut && (ending->first[0] != '\0' || ending->filling > 0 || ending->last[0] != '\0');
}

/* What comes behind is taken from the kernel, so that closing does not reset the connection, and goes nowhere. */
static ssize_t throw_away(int fd, char *room, size_t length, int flags)
{
    ssize_t received = recvfrom(fd, room, length, flags, NULL, NULL);
    if (received <= 0)
        return received;
    errno = EAGAIN;
    return -1;
}

static ssize_t read_behind(struct front_connection *from, char *room, size_t length, int flags)
{
    size_t given = give_ending(&from->ending, room, length);
    return given > 0 ? (ssize_t)given : throw_away(from->fd, room, length, flags);
}

/* From the kernel, or what it would say; see gate_poll.c. */
static ssize_t read_news(struct front_connection *from, char *room, size_t length, int flags)
{
    if (from->is_polled && !from->has_news) {
        errno = EAGAIN;
        return -1;
    }
    ssize_t received = recvfrom(from->fd, room, length, flags, NULL, NULL);
    bool took_all =
        received < 0 ? errno == EAGAIN : from->is_tcp && !from->has_more && received > 0 && (size_t)received < length;
    from->has_news = !took_all;
    return received;
}

static ssize_t wait_for_end(struct front_connection *from)
{
    from->is_held = true;
    errno = EAGAIN;
    return -1;
}

/* While a request that came whole is under way nothing is read of those behind it: only whether the client has ended. */
static ssize_t hold_back(struct front_connection *from, char *room, size_t length, int flags)
{
    if (from->is_shut)
        return gate_has_to_give(from) ? wait_for_end(from) : throw_away(from->fd, room, length, flags);
    ssize_t received = read_news(from, room, 1, flags | MSG_PEEK);
    return received <= 0 ? received : wait_for_end(from);
}

static ssize_t read_allowed(struct front_connection *from, char *room, size_t length, int flags)
{
    if (from->is_shut)
        return read_behind(from, room, length, flags);
    ssize_t received = read_news(from, room, length, flags);
    if (received <= 0)
        return received;
    if (from->phase == FRONT_PHASE_SILENT || from->phase == FRONT_PHASE_KEPT)
        phase_enter(reading, from, FRONT_PHASE_READING);
    size_t passed = gate_feed(&from->gate, slice_of(room, (size_t)received));
    if (from->gate.fault == GATE_FINE && from->gate.state != GATE_SHUT)
        return received;
    from->is_shut = true;
    from->ending = from->gate.fault == GATE_FINE ? (struct gate_ending){ .first = "", .last = "" }
                                                 : gate_ending(&from->gate, &passed);
    return (ssize_t)(passed + give_ending(&from->ending, room + passed, length - passed));
}

/* A read of less than was asked for makes libmicrohttpd wait for the socket's next event: where that is only because no more
 * was allowed, it is told once more. */
static ssize_t read_through(struct front_connection *from, char *room, size_t length, int flags)
{
    if (from->request != NULL && gate_is_behind(&from->gate, from->request->number))
        return hold_back(from, room, length, flags);
    size_t allowed = gate_allowance(&from->gate);
    size_t most = length < allowed ? length : allowed;
    ssize_t received = read_allowed(from, room, most, flags);
    if (most < length && received == (ssize_t)most)
        gate_poll_again(reading, from);
    return received;
}

void gate_release(struct front *front, struct front_connection *from)
{
    if (from->is_held)
        gate_poll_again(front, from);
    from->is_held = false;
}

/* recv(2), under a name that the C library's headers leave alone. */
ssize_t gate_recv(int fd, void *room, size_t length, int flags) __asm__("recv") __attribute__((visibility("default")));

ssize_t gate_recv(int fd, void *room, size_t length, int flags)
{
    struct front_connection *from = reading == NULL ? NULL : gate_at(reading, fd);
    if (from == NULL)
        return recvfrom(fd, room, length, flags, NULL, NULL);
    return read_through(from, room, length, flags);
}
