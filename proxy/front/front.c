/* The server itself: libmicrohttpd's daemon in external-polling mode, turned by our loop. Owns the daemon, and through it
 * all connections; they come in by door.c. */
#include "front_private.h"

#include "countersign/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    /* One connection's pool holds its request's head, 64 bytes for each field (struct MHD_HTTP_Header), a copy of its
     * cookies, and then the reply's head; the spare takes what is read ahead (GATE_AHEAD_MAX). libmicrohttpd zeroes all
     * of it after each request, so it is no larger than it must be. */
    POOL_PER_FIELD = 64,
    POOL_SPARE = 8 * 1024,
    US_PER_MS = 1000,
    US_PER_S = 1000000
};

/* --- the loop --- */

/* Lets libmicrohttpd do what is to be done now, and sets the timer for what is to be done later. MHD_get_timeout leaves out
 * what only another MHD_run does, whatever happens on any socket: to go on with a connection that was resumed. */
static void turn(struct front *front)
{
    for (int round = 0; round < FRONT_ROUNDS_MAX; round++) {
        MHD_UNSIGNED_LONG_LONG wait_ms = 0;
        front->again = false;
        gate_enter(front);
        (void)MHD_run(front->daemon); /* fails only for a daemon that was stopped, or runs threads */
        gate_leave();
        bool has_deadline = MHD_get_timeout(front->daemon, &wait_ms) == MHD_YES;
        if (front->again || (has_deadline && wait_ms == 0))
            continue;
        if (has_deadline)
            loop_timer_start(front->options.loop, &front->timer, (int64_t)wait_ms * US_PER_MS);
        else
            loop_timer_stop(front->options.loop, &front->timer);
        return;
    }
    loop_timer_start(front->options.loop, &front->timer, 0); /* others on this loop get their turn */
}

void front_turn(struct front *front)
{
    front->may_ask = true;
    turn(front);
}

static void ready(struct loop_io *io, unsigned events)
{
    (void)events;
    front_turn(io->context);
}

static void expired(struct loop_timer *timer)
{
    turn(timer->context);
}

/* --- what libmicrohttpd says --- */

static void take_log_line(void *cls, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

static void take_log_line(void *cls, const char *format, va_list arguments)
{
    struct front *front = cls;
    char line[FRONT_NOTE_MAX];
    bool is_starting = front->daemon == NULL && front->note[0] == '\0';
    if (!is_starting && !log_enabled(LOG_LEVEL_DEBUG))
        return;
    (void)vsnprintf(line, sizeof(line), format, arguments); /* a long line is cut */
    for (char *byte = line; *byte != '\0'; byte++) {
        if ((unsigned char)*byte < ' ' || *byte == 0x7F)
            *byte = byte[1] == '\0' ? '\0' : '?';
    }
    if (is_starting)
        (void)snprintf(front->note, sizeof(front->note), "%s", line); /* of the same size */
    log_debug("libmicrohttpd: %s", line);
}

/* The path stays as it was sent (nobody looks at the decoded one). */
static size_t leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

/* --- open and close --- */

static unsigned idle_timeout_s(int64_t idle_timeout_us)
{
    int64_t seconds = idle_timeout_us / US_PER_S + (idle_timeout_us % US_PER_S != 0);
    return seconds > INT_MAX / 1000 ? INT_MAX / 1000 : (unsigned)seconds; /* libmicrohttpd counts in ms */
}

static size_t pool_size(size_t header_max)
{
    return header_max + (size_t)HTTP_FIELDS_MAX * POOL_PER_FIELD + FRONT_REPLY_HEAD_MAX + POOL_SPARE;
}

size_t front_connection_bytes(size_t header_max)
{
    return pool_size(header_max) + header_max + FRONT_BODY_FREE + HTTP_FIELDS_MAX * sizeof(struct http_field) +
           FRONT_CONNECTION_BYTES;
}

/* MHD_OPTION_STRICT_FOR_CLIENT stays off: what it refuses, the gate refuses too, but with an answer of the handler's. In
 * strict mode 0.9.75 closes without a word on a blank in the target, and sends its own head twice where Host is missing. */
static struct MHD_Daemon *start(struct front *front)
{
    const struct front_options *options = &front->options;
    bool is_tls = options->tls_certificate != NULL;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_SUPPRESS_DATE_NO_CLOCK |
                     MHD_USE_NO_LISTEN_SOCKET | (is_tls ? MHD_USE_TLS : 0U);
    struct MHD_OptionItem table[] = {
        { MHD_OPTION_CONNECTION_LIMIT, INT_MAX, NULL }, /* the door counts */
        { MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)idle_timeout_s(options->idle_timeout_us), NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)pool_size(options->header_max), NULL },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)receive_target, front },
        { MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)leave_escaped, NULL },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)receive_completed, NULL },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_changed, front },
        { is_tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *)(uintptr_t)options->tls_certificate },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->tls_key }, /* both are read only */
        { MHD_OPTION_END, 0, NULL },
    };
    /* The logger comes first, or libmicrohttpd writes to standard error. */
    return MHD_start_daemon(flags, 0, NULL, NULL, receive, front, MHD_OPTION_EXTERNAL_LOGGER, take_log_line, front,
                            MHD_OPTION_ARRAY, table, MHD_OPTION_END);
}

static bool start_daemon(struct front *front, struct error *error)
{
    struct MHD_Daemon *daemon = start(front);
    if (daemon == NULL)
        return error_set(error, ERROR_SYSTEM, "cannot start the HTTP server: %s",
                         front->note[0] == '\0' ? "libmicrohttpd gave no reason" : front->note);
    front->daemon = daemon;
    return true;
}

static bool watch(struct front *front, struct error *error)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(front->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || info->epoll_fd < 0)
        return error_set(error, ERROR_INTERNAL, "libmicrohttpd has no epoll descriptor");
    front->io = (struct loop_io){ .fd = info->epoll_fd, .ready = ready, .context = front };
    front->timer = (struct loop_timer){ .expired = expired, .context = front };
    return loop_io_watch(front->options.loop, &front->io, LOOP_READ, error);
}

static void take_places(struct front *front)
{
    front->places = front->options.places;
    if (front->places != NULL)
        return;
    places_share(&front->own_places, front->options.connections_max, &front->own_holder, 1);
    front->places = &front->own_holder;
}

/* Where it fails, the listening socket is the caller's still. */
static bool open_all(struct front *front, struct error *error)
{
    return start_daemon(front, error) && watch(front, error) && door_open(front, error);
}

static void end_all(struct front *front)
{
    loop_timer_stop(front->options.loop, &front->timer);
    loop_io_remove(front->options.loop, &front->io);
    phase_stop(front);
    door_free(front);
    if (front->daemon != NULL)
        MHD_stop_daemon(front->daemon);
    free(front->gated);
    buffer_free(&front->scratch);
    free(front);
}

bool front_open(struct front **opened, const struct front_options *options, struct error *error)
{
    struct front *front = calloc(1, sizeof(*front));
    if (front == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for an HTTP server");
    front->options = *options;
    front->accepting = true;
    front->spare_fd = -1;
    take_places(front);
    buffer_init(&front->scratch, FRONT_REPLY_HEAD_MAX + 2); /* and the two NULs */
    if (!open_all(front, error)) {
        if (front->spare_fd >= 0)
            (void)close(front->spare_fd); /* a copy that nobody used */
        loop_io_remove(options->loop, &front->door);
        end_all(front);
        return false;
    }
    *opened = front;
    return true;
}

void front_stop_accepting(struct front *front)
{
    if (!front->accepting)
        return;
    front->accepting = false;
    door_close(front);
}

void front_set_context(struct front *front, void *context)
{
    front->options.context = context;
}

size_t front_in_flight(const struct front *front)
{
    return front->request_count;
}

size_t front_unasked(const struct front *front)
{
    return front->unasked;
}

/* libmicrohttpd panics where it is stopped with suspended connections that are not about to be resumed. Stopping resumes,
 * closes and completes each, without asking `receive` again. */
void front_close(struct front *front)
{
    if (front == NULL)
        return;
    front_stop_accepting(front);
    for (struct front_request *request = front->requests; request != NULL; request = request->next) {
        if (request->state == FRONT_REQUEST_WAITING)
            MHD_resume_connection(request->connection);
    }
    end_all(front);
}
