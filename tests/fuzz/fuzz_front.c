/* A connection's bytes through a unix socket into the real libmicrohttpd and the front. Whatever comes, what is handed over
 * without a defect must stand in the input as it is told, and every request must end. */
#include "countersign/front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { INPUT_MAX = 128 * 1024, TURNS_BEFORE_END = 6 };

struct rig {
    struct loop *loop;
    struct front *front;
    struct sockaddr_un address;
    socklen_t address_length;
    struct slice input;
    struct loop_timer later;
    struct front_request *pending;
    struct loop_io client;
    struct loop_timer end; /* closes the client's side some turns later: 0.9.75 overlooks an end that comes with data */
    int turns;
    bool client_ended;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void stop_when_over(struct rig *rig)
{
    if (rig->client_ended && front_in_flight(rig->front) == 0)
        loop_stop(rig->loop);
}

static bool input_has(const struct rig *rig, struct slice bytes)
{
    return memmem(rig->input.data, rig->input.length, bytes.data, bytes.length) != NULL;
}

static void check_request(const struct rig *rig, const struct front_request *request)
{
    struct http_fields fields = front_request_fields(request);
    struct buffer line;
    buffer_init(&line, INPUT_MAX);
    (void)buffer_append_slice(&line, front_request_method(request)); /* `failed` is checked below */
    (void)buffer_append_byte(&line, ' ');
    (void)buffer_append_slice(&line, front_request_target(request));
    (void)buffer_append_byte(&line, ' ');
    (void)buffer_append_slice(&line, front_request_version(request));
    require(!line.failed && input_has(rig, buffer_slice(&line)));
    buffer_free(&line);
    for (size_t i = 0; i < fields.count; i++)
        require(input_has(rig, fields.items[i].name) &&
                (fields.items[i].value.length == 0 || input_has(rig, fields.items[i].value)));
    if (http_field_find(fields, "Transfer-Encoding") == NULL)
        require(front_request_body(request).length == 0 || input_has(rig, front_request_body(request)));
    require(http_field_count(fields, "Content-Length") + http_field_count(fields, "Transfer-Encoding") <= 1);
}

static void reply(struct front_request *request)
{
    struct front_reply answer = { .status = front_request_defect(request) == FRONT_DEFECT_NONE ? 200 : 400,
                                  .body = front_request_body(request) };
    struct error error;
    require(front_reply(request, &answer, &error));
}

static void reply_later(struct loop_timer *timer)
{
    struct rig *rig = timer->context;
    reply(rig->pending);
}

static void received(void *context, struct front_request *request)
{
    struct rig *rig = context;
    if (front_request_defect(request) == FRONT_DEFECT_NONE)
        check_request(rig, request);
    if (rig->input.length % 2 == 0) {
        reply(request);
        return;
    }
    rig->pending = request; /* one connection has one request at a time */
    loop_timer_start(rig->loop, &rig->later, 0);
}

static void finished(void *context, struct front_request *request, bool delivered)
{
    (void)request;
    (void)delivered;
    struct rig *rig = context;
    if (rig->client_ended)
        loop_stop(rig->loop);
}

static void client_ready(struct loop_io *io, unsigned events)
{
    (void)events;
    struct rig *rig = io->context;
    char bytes[65536];
    ssize_t length = recv(io->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (length > 0 || (length < 0 && errno == EAGAIN))
        return;
    rig->client_ended = true;
    loop_io_remove(rig->loop, io);
    stop_when_over(rig);
}

static void end_sending(struct loop_timer *timer)
{
    struct rig *rig = timer->context;
    if (rig->turns++ < TURNS_BEFORE_END)
        loop_timer_start(rig->loop, timer, 0);
    else if (!rig->client_ended)
        require(shutdown(rig->client.fd, SHUT_WR) == 0 || errno == ENOTCONN);
}

/* A name in the abstract space, which the kernel picks: no file to clean up. */
static int listen_somewhere(struct rig *rig)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    rig->address_length = sizeof(rig->address);
    require(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)) == 0 && listen(fd, 8) == 0);
    require(getsockname(fd, (struct sockaddr *)&rig->address, &rig->address_length) == 0);
    return fd;
}

static struct rig *open_rig(void)
{
    static struct rig rig;
    struct error error;
    require(loop_create(&rig.loop, &error));
    struct front_options options = { .loop = rig.loop,
                                     .listen_fd = listen_somewhere(&rig),
                                     .header_max = 2048,
                                     .body_max = 1024,
                                     .connections_max = 4,
                                     .idle_timeout_us = 1000000,
                                     .handler = { .request = received, .finished = finished },
                                     .context = &rig };
    require(front_open(&rig.front, &options, &error));
    rig.later = (struct loop_timer){ .expired = reply_later, .context = &rig };
    rig.end = (struct loop_timer){ .expired = end_sending, .context = &rig };
    return &rig;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rig *rig;
    struct error error;
    if (rig == NULL)
        rig = open_rig();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(fd >= 0 && connect(fd, (struct sockaddr *)&rig->address, rig->address_length) == 0);
    rig->input = slice_of(data, size < INPUT_MAX ? size : INPUT_MAX);
    rig->client_ended = false;
    rig->client = (struct loop_io){ .fd = fd, .ready = client_ready, .context = rig };
    ssize_t sent = send(fd, rig->input.data, rig->input.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    require(sent == (ssize_t)rig->input.length || errno == EAGAIN);
    rig->turns = 0;
    loop_timer_start(rig->loop, &rig->end, 0);
    require(loop_io_watch(rig->loop, &rig->client, LOOP_READ, &error) && loop_run(rig->loop, &error));
    loop_timer_stop(rig->loop, &rig->end);
    require(close(fd) == 0 && front_in_flight(rig->front) == 0);
    return 0;
}
