/* A front on a loop of the test's own thread, and raw socket clients beside it on the same loop. Nothing sleeps: a test sets
 * what it waits for, and the loop runs until that is so (or a guard timer fails the test). */
#ifndef COUNTERSIGN_FRONT_FIXTURE_H
#define COUNTERSIGN_FRONT_FIXTURE_H

#include "countersign/buffer.h"
#include "countersign/compiler.h"
#include "countersign/endpoint.h"
#include "countersign/front.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SEEN_MAX = 8, GUARD_US = 20000000, CLIENT_MAX = 32 * 1024 * 1024 };

/* What the handler saw of one request, copied. */
struct seen {
    struct front_request *request;
    enum front_defect defect;
    struct buffer head; /* "METHOD TARGET VERSION\n" and "NAME=VALUE\n" for each field */
    struct buffer body;
    char peer[ENDPOINT_TEXT_MAX];
    int64_t peer_uid;
    int64_t begun_us;
    int64_t received_us;
};

struct fixture {
    struct loop *loop;
    struct front *front;
    struct sockaddr_storage address;
    socklen_t address_length;
    struct front_options options;
    struct loop_timer guard;
    bool guarded; /* the guard timer went off */

    bool answer_later;
    struct front_reply reply;
    struct buffer expected_head; /* front_reply_head's, of the last reply given */
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    size_t finished;
    size_t delivered;
    size_t released;
    size_t released_before_finished;
    bool reply_failed;

    bool (*until)(struct fixture *fixture);
    size_t until_count;
    struct client *until_client;
};

struct client {
    struct fixture *fixture;
    struct loop_io io;
    struct buffer in;
    struct buffer out;
    size_t written;
    bool closed; /* by the server, in order */
    bool reset;
};

static inline void look_whether_done(struct fixture *fixture)
{
    if (fixture->until != NULL && fixture->until(fixture))
        loop_stop(fixture->loop);
}

/* --- the handler --- */

static inline void answer(struct fixture *fixture, struct front_request *request)
{
    struct error error;
    buffer_reset(&fixture->expected_head);
    if (!front_reply_head(&fixture->expected_head, request, &fixture->reply) ||
        !front_reply(request, &fixture->reply, &error))
        fixture->reply_failed = true;
}

static inline void see_request(void *context, struct front_request *request)
{
    struct fixture *fixture = context;
    struct seen *seen = &fixture->seen[fixture->seen_count % SEEN_MAX];
    struct http_fields fields = front_request_fields(request);
    fixture->seen_count++;
    seen->request = request;
    seen->defect = front_request_defect(request);
    buffer_reset(&seen->head);
    buffer_reset(&seen->body);
    buffer_append_slice(&seen->head, front_request_method(request));
    buffer_append_byte(&seen->head, ' ');
    buffer_append_slice(&seen->head, front_request_target(request));
    buffer_append_byte(&seen->head, ' ');
    buffer_append_slice(&seen->head, front_request_version(request));
    buffer_append_byte(&seen->head, '\n');
    for (size_t i = 0; i < fields.count; i++) {
        buffer_append_slice(&seen->head, fields.items[i].name);
        buffer_append_byte(&seen->head, '=');
        buffer_append_slice(&seen->head, fields.items[i].value);
        buffer_append_byte(&seen->head, '\n');
    }
    buffer_append_slice(&seen->body, front_request_body(request));
    (void)snprintf(seen->peer, sizeof(seen->peer), "%s", front_request_peer(request));
    seen->peer_uid = front_request_peer_found(request)->uid;
    seen->begun_us = front_request_begun_us(request);
    seen->received_us = front_request_received_us(request);
    front_request_set_context(request, fixture);
    if (!fixture->answer_later)
        answer(fixture, request);
    look_whether_done(fixture);
}

static inline void see_finished(void *context, struct front_request *request, bool delivered)
{
    struct fixture *fixture = context;
    if (front_request_context(request) == fixture)
        fixture->finished++;
    fixture->delivered += delivered;
    fixture->released_before_finished = fixture->released;
    look_whether_done(fixture);
}

static inline void count_release(void *context)
{
    struct fixture *fixture = context;
    fixture->released++;
}

/* --- the server --- */

static inline void guard_expired(struct loop_timer *timer)
{
    struct fixture *fixture = timer->context;
    fixture->guarded = true;
    loop_stop(fixture->loop);
}

static inline struct front_options fixture_default_options(void)
{
    return (struct front_options){
        .header_max = 16 * 1024, .body_max = 64 * 1024, .connections_max = 64, .idle_timeout_us = 30 * 1000 * 1000
    };
}

static inline int fixture_listen(struct fixture *fixture, const char *where)
{
    struct endpoint endpoint;
    struct error error;
    int fd;
    assert_true(endpoint_parse(&endpoint, where, &error));
    assert_true(endpoint_listen(&fd, &endpoint, &error));
    fixture->address_length = sizeof(fixture->address);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&fixture->address, &fixture->address_length), 0);
    return fd;
}

static inline struct fixture *fixture_open(const char *where, struct front_options options)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct error error;
    assert_non_null(fixture);
    assert_true(loop_create(&fixture->loop, &error));
    options.loop = fixture->loop;
    options.listen_fd = fixture_listen(fixture, where);
    options.handler = (struct front_handler){ .request = see_request, .finished = see_finished };
    options.context = fixture;
    fixture->options = options;
    fixture->reply = (struct front_reply){ .status = 200, .body = SLICE_LITERAL("ok") };
    buffer_init(&fixture->expected_head, 2 * FRONT_REPLY_HEAD_MAX);
    for (size_t i = 0; i < SEEN_MAX; i++) {
        buffer_init(&fixture->seen[i].head, CLIENT_MAX);
        buffer_init(&fixture->seen[i].body, CLIENT_MAX);
    }
    assert_true(front_open(&fixture->front, &options, &error));
    return fixture;
}

static inline struct fixture *fixture_open_default(void)
{
    return fixture_open("127.0.0.1:0", fixture_default_options());
}

static inline void fixture_close(struct fixture *fixture)
{
    front_close(fixture->front);
    loop_free(fixture->loop);
    buffer_free(&fixture->expected_head);
    for (size_t i = 0; i < SEEN_MAX; i++) {
        buffer_free(&fixture->seen[i].head);
        buffer_free(&fixture->seen[i].body);
    }
    free(fixture);
}

static inline const struct seen *last_seen(struct fixture *fixture)
{
    assert_true(fixture->seen_count > 0);
    return &fixture->seen[(fixture->seen_count - 1) % SEEN_MAX];
}

/* --- clients --- */

static inline void client_take(struct client *client)
{
    for (;;) {
        char bytes[65536];
        ssize_t length = recv(client->io.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (length > 0) {
            buffer_append(&client->in, bytes, (size_t)length);
            continue;
        }
        client->closed |= length == 0;
        client->reset |= length < 0 && errno != EAGAIN;
        break;
    }
    if (client->closed || client->reset)
        loop_io_remove(client->fixture->loop, &client->io);
}

static inline void client_give(struct client *client)
{
    size_t left = client->out.length - client->written;
    ssize_t length = send(client->io.fd, client->out.data + client->written, left, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (length > 0)
        client->written += (size_t)length;
    else if (length < 0 && errno != EAGAIN)
        client->written = client->out.length; /* the server has closed: what it said is still to be read */
}

static inline void client_ready(struct loop_io *io, unsigned events)
{
    struct client *client = io->context;
    struct error error;
    if (events & LOOP_WRITE)
        client_give(client);
    if (events & (LOOP_READ | LOOP_FAILED))
        client_take(client);
    bool more = client->written < client->out.length;
    if (io->events != 0 && !loop_io_watch(client->fixture->loop, io, LOOP_READ | (more ? LOOP_WRITE : 0U), &error))
        client->reset = true;
    look_whether_done(client->fixture);
}

static inline struct client *client_open(struct fixture *fixture)
{
    struct client *client = calloc(1, sizeof(*client));
    struct error error;
    assert_non_null(client);
    int fd = socket(fixture->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&fixture->address, fixture->address_length), 0);
    client->fixture = fixture;
    client->io = (struct loop_io){ .fd = fd, .ready = client_ready, .context = client };
    buffer_init(&client->in, CLIENT_MAX);
    buffer_init(&client->out, CLIENT_MAX);
    assert_true(loop_io_watch(fixture->loop, &client->io, LOOP_READ, &error));
    return client;
}

static inline void client_close(struct client *client)
{
    loop_io_remove(client->fixture->loop, &client->io);
    assert_int_equal(close(client->io.fd), 0);
    buffer_free(&client->in);
    buffer_free(&client->out);
    free(client);
}

/* Queues bytes; they are sent while the loop runs. */
static inline void client_send(struct client *client, struct slice bytes)
{
    struct error error;
    assert_true(buffer_append_slice(&client->out, bytes));
    if (client->io.events != 0)
        assert_true(loop_io_watch(client->fixture->loop, &client->io, LOOP_READ | LOOP_WRITE, &error));
}

static inline void client_send_text(struct client *client, const char *text)
{
    client_send(client, slice_text(text));
}

/* --- waiting --- */

static inline void run_until(struct fixture *fixture, bool (*until)(struct fixture *fixture))
{
    struct error error;
    fixture->until = until;
    if (!until(fixture)) {
        fixture->guard = (struct loop_timer){ .expired = guard_expired, .context = fixture };
        loop_timer_start(fixture->loop, &fixture->guard, GUARD_US);
        assert_true(loop_run(fixture->loop, &error));
        loop_timer_stop(fixture->loop, &fixture->guard);
    }
    fixture->until = NULL;
    assert_false(fixture->guarded);
}

static inline bool enough_seen(struct fixture *fixture)
{
    return fixture->seen_count >= fixture->until_count;
}

static inline void wait_for_seen(struct fixture *fixture, size_t count)
{
    fixture->until_count = count;
    run_until(fixture, enough_seen);
}

static inline bool enough_finished(struct fixture *fixture)
{
    return fixture->finished >= fixture->until_count;
}

static inline void wait_for_finished(struct fixture *fixture, size_t count)
{
    fixture->until_count = count;
    run_until(fixture, enough_finished);
}

static inline bool in_flight_is(struct fixture *fixture)
{
    return front_in_flight(fixture->front) == fixture->until_count;
}

/* Looks in every turn: a request that is only begun gives no other sign. */
static inline void look_again(struct loop_timer *timer)
{
    struct fixture *fixture = timer->context;
    loop_timer_start(fixture->loop, timer, 100);
    look_whether_done(fixture);
}

static inline void wait_for_in_flight(struct fixture *fixture, size_t count)
{
    struct loop_timer looking = { .expired = look_again, .context = fixture };
    fixture->until_count = count;
    loop_timer_start(fixture->loop, &looking, 0);
    run_until(fixture, in_flight_is);
    loop_timer_stop(fixture->loop, &looking);
}

static inline bool client_has_ended(struct fixture *fixture)
{
    return fixture->until_client->closed || fixture->until_client->reset;
}

static inline void wait_for_end(struct client *client)
{
    client->fixture->until_client = client;
    run_until(client->fixture, client_has_ended);
}

static inline bool client_has_bytes(struct fixture *fixture)
{
    return fixture->until_client->in.length >= fixture->until_count || client_has_ended(fixture);
}

static inline void wait_for_bytes(struct client *client, size_t count)
{
    client->fixture->until_client = client;
    client->fixture->until_count = count;
    run_until(client->fixture, client_has_bytes);
}

static inline void time_is_over(struct loop_timer *timer)
{
    loop_stop(timer->context);
}

/* For what must *not* happen. */
static inline void run_for(struct fixture *fixture, int64_t delay_us)
{
    struct loop_timer timer = { .expired = time_is_over, .context = fixture->loop };
    struct error error;
    loop_timer_start(fixture->loop, &timer, delay_us);
    assert_true(loop_run(fixture->loop, &error));
}

/* What the handler's answer must look like on the wire: the head that front_reply_head gave, and `body`. */
static inline void assert_received(struct client *client, struct slice body)
{
    struct fixture *fixture = client->fixture;
    assert_false(fixture->reply_failed);
    wait_for_bytes(client, fixture->expected_head.length + body.length);
    struct slice head = slice_first(buffer_slice(&client->in), fixture->expected_head.length);
    struct slice rest = slice_from(buffer_slice(&client->in), fixture->expected_head.length);
    assert_int_equal(client->in.length, fixture->expected_head.length + body.length);
    assert_memory_equal(head.data, fixture->expected_head.data, head.length);
    assert_true(slice_equal(rest, body));
    buffer_reset(&client->in);
}

/* One client, one request, and what the handler saw of it; the answer has come by then. */
static inline const struct seen *ask(struct fixture *fixture, struct slice bytes)
{
    struct client *client = client_open(fixture);
    size_t finished = fixture->finished;
    client_send(client, bytes);
    wait_for_finished(fixture, finished + 1);
    assert_received(client, fixture->reply.body);
    client_close(client);
    return last_seen(fixture);
}

#endif
