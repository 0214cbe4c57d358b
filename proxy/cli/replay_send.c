/* A plain socket, a deadline, and the end of an answer found by its Content-Length: the proxy gives one always, but for
 * answers without a body. One thread. */
#include "replay_send.h"

#include "countersign/clock.h"
#include "countersign/http_message.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 65536 };

struct sending {
    int fd;
    int64_t deadline_us; /* monotonic */
    struct error *error;
    const char *address;
    sigset_t mask; /* while it waits: with Ctrl-C let through */
};

/* --- Ctrl-C --- */

static volatile sig_atomic_t interrupted;

static void note_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* Ctrl-C ends the wait and not the program, which is to say what has left; it is let through while it waits alone. */
static void catch_interrupt(struct sending *sending, struct sigaction *before)
{
    struct sigaction action = { .sa_handler = note_interrupt };
    sigset_t blocked;
    (void)sigemptyset(&action.sa_mask); /* none of these can fail with a signal that there is */
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &blocked, &sending->mask);
    (void)sigdelset(&sending->mask, SIGINT);
    (void)sigaction(SIGINT, NULL, before);
    if (before->sa_handler != SIG_IGN) /* in the background of a script */
        (void)sigaction(SIGINT, &action, NULL);
}

static void leave_interrupt(const struct sending *sending, const struct sigaction *before)
{
    (void)sigprocmask(SIG_SETMASK, &sending->mask, NULL); /* as above; one that came too late is noted, and no matter */
    (void)sigaction(SIGINT, before, NULL);
}

/* --- waiting --- */

static bool time_is_up(const struct sending *sending)
{
    return error_set(sending->error, ERROR_NETWORK, "the proxy at %s did not answer in time", sending->address);
}

static bool wait_until(const struct sending *sending, short events)
{
    int64_t left_us = sending->deadline_us - clock_monotonic_us();
    struct pollfd ready = { .fd = sending->fd, .events = events };
    if (left_us <= 0)
        return time_is_up(sending);
    const struct timespec left = { .tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000 };
    int count = ppoll(&ready, 1, &left, &sending->mask);
    if (interrupted)
        return error_set(sending->error, ERROR_SYSTEM, "interrupted while waiting for the proxy at %s",
                         sending->address);
    if (count < 0 && errno != EINTR)
        return error_system(sending->error, errno, "waiting for the proxy at %s", sending->address);
    return count != 0 || time_is_up(sending);
}

static bool is_passing(int number)
{
    return number == EAGAIN || number == EINTR;
}

static bool send_all(const struct sending *sending, struct slice bytes, bool *sent)
{
    while (bytes.length > 0) {
        if (!wait_until(sending, POLLOUT))
            return false;
        ssize_t written = send(sending->fd, bytes.data, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written < 0 && !is_passing(errno))
            return error_set(sending->error, ERROR_NETWORK, "sending to the proxy at %s: %s", sending->address,
                             strerror(errno));
        *sent = *sent || written > 0;
        bytes = slice_from(bytes, written > 0 ? (size_t)written : 0);
    }
    return true;
}

/* *ended: the other side has closed. */
static bool read_more(const struct sending *sending, struct buffer *answer, bool *ended)
{
    if (!wait_until(sending, POLLIN))
        return false;
    char *room = buffer_reserve(answer, READ_SIZE);
    if (room == NULL)
        return error_set(sending->error, ERROR_LIMIT, "the proxy's answer is larger than %d bytes", REPLAY_ANSWER_MAX);
    ssize_t length = recv(sending->fd, room, READ_SIZE, MSG_DONTWAIT);
    if (length < 0 && !is_passing(errno))
        return error_set(sending->error, ERROR_NETWORK, "reading from the proxy at %s: %s", sending->address,
                         strerror(errno));
    *ended = length == 0;
    buffer_commit(answer, length > 0 ? (size_t)length : 0);
    return true;
}

/* The head's length with its empty line, 0 where it is not whole yet. */
static size_t head_end(struct slice bytes)
{
    const char *end = bytes.length < 4 ? NULL : memmem(bytes.data, bytes.length, "\r\n\r\n", 4);
    return end == NULL ? 0 : (size_t)(end - bytes.data) + 4;
}

static bool is_interim(struct slice head)
{
    return slice_starts_with(head, "HTTP/1.1 1");
}

/* The bytes of the answer's last head: an interim answer (RFC 9110 §15.2), as to `Expect: 100-continue`, is no answer. */
static bool read_head(const struct sending *sending, struct buffer *answer, size_t *head_length)
{
    bool ended = false;
    while ((*head_length = head_end(buffer_slice(answer))) == 0 || is_interim(buffer_slice(answer))) {
        if (*head_length > 0) {
            answer->length -= *head_length;
            memmove(answer->data, answer->data + *head_length, answer->length);
            continue;
        }
        if (ended)
            return error_set(sending->error, ERROR_NETWORK, "the proxy at %s closed without an answer",
                             sending->address);
        if (!read_more(sending, answer, &ended))
            return false;
    }
    return true;
}

/* How many bytes of body the head promises. */
static bool body_length(uint64_t *length, const struct sending *sending, struct slice head, bool has_no_body)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    int status;
    *length = 0;
    if (!http_parse_response_head(&status, &fields, HTTP_FIELDS_MAX, head))
        return error_set(sending->error, ERROR_NETWORK, "what answers at %s speaks no HTTP/1.1", sending->address);
    const struct http_field *field = http_field_find(fields, "Content-Length");
    if (has_no_body || status == 204 || status == 304 || field == NULL)
        return true;
    return slice_to_u64(field->value, length) ||
           error_set(sending->error, ERROR_NETWORK, "the answer from %s has a Content-Length that is no number",
                     sending->address);
}

static bool read_answer(const struct sending *sending, struct buffer *answer, size_t *head_length, bool has_no_body)
{
    uint64_t wanted;
    bool ended = false;
    if (!read_head(sending, answer, head_length) ||
        !body_length(&wanted, sending, slice_first(buffer_slice(answer), *head_length), has_no_body))
        return false;
    while (answer->length - *head_length < wanted) {
        if (ended)
            return error_set(sending->error, ERROR_NETWORK, "the proxy at %s closed before its answer was whole",
                             sending->address);
        if (!read_more(sending, answer, &ended))
            return false;
    }
    return true;
}

static bool nobody_answers(const struct sending *sending, int number)
{
    return error_set(sending->error, ERROR_NETWORK,
                     "no proxy answers at %s (%s): start `countersign serve`, or name its address with --to",
                     sending->address, strerror(number));
}

/* Within the deadline: a listener whose queue is full lets a plain connect wait for ever. */
static bool open_socket(struct sending *sending, const struct endpoint *endpoint)
{
    int number = 0;
    socklen_t length = sizeof(number);
    sending->fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sending->fd < 0)
        return error_system(sending->error, errno, "cannot make a socket for %s", sending->address);
    if (connect(sending->fd, (const struct sockaddr *)&endpoint->address, endpoint->length) == 0)
        return true;
    if (errno != EINPROGRESS) /* EAGAIN: a unix socket's queue is full */
        return nobody_answers(sending, errno);
    if (!wait_until(sending, POLLOUT))
        return false;
    (void)getsockopt(sending->fd, SOL_SOCKET, SO_ERROR, &number, &length); /* cannot fail on a socket */
    return number == 0 || nobody_answers(sending, number);
}

bool replay_send(struct buffer *answer, size_t *head_length, bool *sent, const struct endpoint *endpoint,
                 struct slice head, struct slice body, int64_t timeout_us, struct error *error)
{
    char address[ENDPOINT_TEXT_MAX];
    struct sending sending = { .fd = -1, .deadline_us = clock_monotonic_us() + timeout_us, .error = error };
    sending.address = endpoint_format(address, (const struct sockaddr *)&endpoint->address, endpoint->length);
    struct sigaction before;
    *sent = false;
    catch_interrupt(&sending, &before);
    bool done = open_socket(&sending, endpoint) && send_all(&sending, head, sent) && send_all(&sending, body, sent) &&
                read_answer(&sending, answer, head_length, slice_starts_with(head, "HEAD "));
    leave_interrupt(&sending, &before);
    if (sending.fd >= 0)
        (void)close(sending.fd); /* everything was read, or the failure is told */
    return done;
}
