/* A connection's bytes through a unix socket into the real libmicrohttpd and the front. Whatever comes, what is handed over
 * without a defect must be exactly what a strict reader of the same bytes (strict_http.h) reads at that place; what that
 * reader finds malformed must be handed over with a defect, so that it is answered and recorded; every request must end. Each
 * input is sent twice, whole and in pieces. */
#include "countersign/front.h"

#include "strict_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    INPUT_MAX = 128 * 1024,
    TURNS_BEFORE_END = 6,
    HEAD_MAX = 2048,
    BODY_MAX = 1024,
    PIECES_MAX = 64,
    PIECE_MAX = 40
};

struct rig {
    struct loop *loop;
    struct front *front;
    struct sockaddr_un address;
    socklen_t address_length;
    struct slice input;
    size_t sent; /* bytes of it */
    size_t piece;
    struct slice unread;
    struct strict_request expected;
    size_t handed;
    bool is_near; /* a bound: no judgement from here on */
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

static void require_same(const struct strict_request *expected, const struct front_request *request)
{
    struct http_fields fields = front_request_fields(request);
    require(slice_equal(front_request_method(request), expected->method));
    require(slice_equal(front_request_target(request), expected->target));
    require(slice_equal(front_request_version(request), expected->version));
    require(fields.count == expected->field_count);
    for (size_t i = 0; i < fields.count; i++)
        require(slice_equal(fields.items[i].name, expected->fields[i].name) &&
                slice_equal(fields.items[i].value, slice_trim_blanks(expected->fields[i].value)));
    require(slice_equal(front_request_body(request), buffer_slice(&expected->body)));
}

static enum strict_verdict read_strictly(struct rig *rig)
{
    static const struct strict_bounds bounds = { .head = HEAD_MAX, .body = BODY_MAX };
    buffer_reset(&rig->expected.body);
    enum strict_verdict verdict = strict_read(&rig->expected, &rig->unread, &bounds);
    require(!rig->expected.body.failed);
    return verdict;
}

static void check_request(struct rig *rig, const struct front_request *request)
{
    rig->handed++;
    if (rig->is_near)
        return;
    enum strict_verdict verdict = read_strictly(rig);
    rig->is_near = verdict == STRICT_NEAR;
    if (rig->is_near)
        return;
    if (front_request_defect(request) == FRONT_DEFECT_NONE) {
        require(verdict == STRICT_WHOLE);
        require_same(&rig->expected, request);
    } else {
        require(verdict != STRICT_WHOLE);
        rig->unread = slice_of(NULL, 0); /* nothing may follow; an empty input is open, so it would be found out */
    }
}

/* The first request meets no connection that an earlier one has closed. */
static void check_first(size_t handed, enum strict_verdict verdict)
{
    if (verdict == STRICT_WHOLE || verdict == STRICT_MALFORMED)
        require(handed > 0);
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

/* False when there is no more to send, or nobody to send it to. */
static bool send_piece(struct rig *rig)
{
    struct slice rest = slice_from(rig->input, rig->sent);
    if (rest.length == 0)
        return false;
    ssize_t sent = send(rig->client.fd, rest.data, rest.length < rig->piece ? rest.length : rig->piece,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return false;
    rig->sent += (size_t)sent;
    return true;
}

static void go_on_sending(struct loop_timer *timer)
{
    struct rig *rig = timer->context;
    if (rig->client_ended)
        return;
    if (send_piece(rig) || rig->turns++ < TURNS_BEFORE_END)
        loop_timer_start(rig->loop, timer, 0);
    else
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
    buffer_init(&rig.expected.body, BODY_MAX);
    require(loop_create(&rig.loop, &error));
    struct front_options options = { .loop = rig.loop,
                                     .listen_fd = listen_somewhere(&rig),
                                     .header_max = HEAD_MAX,
                                     .body_max = BODY_MAX,
                                     .connections_max = 4,
                                     .idle_timeout_us = 1000000,
                                     .handler = { .request = received, .finished = finished },
                                     .context = &rig };
    require(front_open(&rig.front, &options, &error));
    rig.later = (struct loop_timer){ .expired = reply_later, .context = &rig };
    rig.end = (struct loop_timer){ .expired = go_on_sending, .context = &rig };
    return &rig;
}

static void run(struct rig *rig, struct slice input, size_t piece)
{
    struct error error;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(fd >= 0 && connect(fd, (struct sockaddr *)&rig->address, rig->address_length) == 0);
    rig->input = rig->unread = input;
    rig->piece = piece;
    rig->sent = rig->handed = 0;
    rig->client_ended = rig->is_near = false;
    rig->client = (struct loop_io){ .fd = fd, .ready = client_ready, .context = rig };
    rig->turns = 0;
    loop_timer_start(rig->loop, &rig->end, 0);
    require(loop_io_watch(rig->loop, &rig->client, LOOP_READ, &error) && loop_run(rig->loop, &error));
    loop_timer_stop(rig->loop, &rig->end);
    require(close(fd) == 0 && front_in_flight(rig->front) == 0);
    size_t handed = rig->handed;
    rig->unread = input;
    check_first(handed, read_strictly(rig));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rig *rig;
    if (rig == NULL)
        rig = open_rig();
    struct slice input = slice_of(data, size < INPUT_MAX ? size : INPUT_MAX);
    size_t least = input.length / PIECES_MAX + 1;
    size_t piece = input.length == 0 ? 1 : data[input.length - 1] % PIECE_MAX + 1;
    run(rig, input, INPUT_MAX);
    run(rig, input, piece > least ? piece : least);
    return 0;
}
