/* What fails and how it is told; above all, that nothing is sent twice which must be sent once. */
#include "upstream_harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char ok_answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* --- names: libcurl's getaddrinfo is ours, so that no test asks a name server --- */

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof(real));
    if (name != NULL && strcmp(name, "unknown.test") == 0)
        return EAI_NONAME;
    if (name != NULL && strcmp(name, "slow.test") == 0) {
        (void)nanosleep(&(struct timespec){ .tv_sec = 2 }, NULL); /* a name server that does not answer */
        return EAI_AGAIN;
    }
    return real(name, service, hints, found);
}

/* --- scripts and steps that many tests share --- */

static void answer_all(struct server *server, struct peer *peer)
{
    while (server_read(server, peer)) {
        if (!peer_send(peer, ok_answer))
            break;
    }
    peer_close(peer);
}

static void answer_ok(struct server *server)
{
    struct peer peer = server_accept(server);
    answer_all(server, &peer);
}

static void call_with(struct answer *answer, const struct upstream_options *options,
                      const struct upstream_request *request)
{
    struct client client;
    client_start(&client, options);
    client_call(&client, answer, request);
    client_free(&client);
}

/* A port that nothing listens on. */
static int closed_port(void)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
    (void)close(fd);
    return ntohs(name.sin_port);
}

static int64_t taken_us(const struct answer *answer)
{
    return answer->timing.complete_us - answer->timing.started_us;
}

/* --- sent once, and what may be sent twice --- */

/* Answers one request; reads the next and ends without an answer; then answers on a second connection. */
static void die_after_the_second_request(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer) && peer_send(&peer, ok_answer))
        (void)server_read(server, &peer); /* a failure shows in the count of requests */
    peer_close(&peer);
    server_wait(server);
    int listening = fcntl(server->listen_fd, F_GETFL);
    (void)fcntl(server->listen_fd, F_SETFL, listening | O_NONBLOCK); /* a second connection is there, or never comes */
    peer = server_accept(server);
    if (peer.fd >= 0)
        answer_all(server, &peer);
}

static void reset_after_the_second_request(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer) && peer_send(&peer, ok_answer))
        (void)server_read(server, &peer); /* likewise */
    peer_reset(&peer);
    server_wait(server);
    int listening = fcntl(server->listen_fd, F_GETFL);
    (void)fcntl(server->listen_fd, F_SETFL, listening | O_NONBLOCK);
    peer = server_accept(server);
    if (peer.fd >= 0)
        answer_all(server, &peer);
}

/* A first GET that warms the connection up, then `request` on it while it dies. */
static void call_on_a_dying_connection(struct server *server, struct answer *answer,
                                       const struct upstream_request *request, void (*script)(struct server *))
{
    struct client client;
    struct answer first;
    struct upstream_request get = get_request("/first");
    server_start(server, "127.0.0.1", 0, NULL, script);
    client_start_plain(&client, server->port);
    client_call(&client, &first, &get);
    client_call(&client, answer, request);
    server_release(server);
    client_free(&client);
    server_join(server);
    answer_free(&first);
}

static void a_post_whose_reused_connection_dies_is_sent_once(void **state)
{
    (void)state;
    static void (*const scripts[])(struct server *) = { die_after_the_second_request, reset_after_the_second_request };
    for (size_t i = 0; i < 2; i++) {
        struct server server;
        struct answer answer;
        struct upstream_request request = post_request("/order", "{\"a\":1}");
        call_on_a_dying_connection(&server, &answer, &request, scripts[i]);
        assert_int_equal(server.request_count, 2);          /* the GET, and the POST once */
        assert_int_equal(atomic_load(&server.accepted), 1); /* not even a connection was made for a repeat */
        assert_int_equal(answer.failure, UPSTREAM_LOST);
        assert_true(answer.bytes_left);
        assert_int_equal(answer.attempts, 1);
        assert_int_equal(answer.asked, 1);
        assert_true(answer.connection.reused);
        assert_non_null(strstr(server.requests[1].data, "POST /order"));
        assert_memory_equal(server.requests[1].data, answer.request_head, strlen(answer.request_head));
        assert_non_null(strstr(answer.message, "not sent again"));
        answer_free(&answer);
        server_free(&server);
    }
}

static void a_get_is_not_repeated_either_unless_allowed(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    struct upstream_request request = get_request("/second");
    call_on_a_dying_connection(&server, &answer, &request, die_after_the_second_request);
    assert_int_equal(server.request_count, 2);
    assert_int_equal(answer.failure, UPSTREAM_LOST);
    assert_true(answer.bytes_left);
    answer_free(&answer);
    server_free(&server);
}

/* Two connections, both answered once; then one request is read and its connection dies. Returns the other, idle still. */
static struct peer die_beside_another(struct server *server)
{
    struct peer first = server_accept(server), second = server_accept(server);
    if (server_read(server, &first) && server_read(server, &second) && peer_send(&first, ok_answer))
        (void)peer_send(&second, ok_answer); /* a failure shows at the client */
    struct pollfd both[] = { { .fd = first.fd, .events = POLLIN }, { .fd = second.fd, .events = POLLIN } };
    (void)poll(both, 2, 10000);
    bool is_first = both[0].revents != 0;
    struct peer chosen = is_first ? first : second;
    (void)server_read(server, &chosen); /* a failure shows in the count of requests */
    peer_close(&chosen);
    return is_first ? second : first;
}

static void die_beside_an_idle_connection(struct server *server)
{
    struct peer idle = die_beside_another(server);
    (void)server_read(server, &idle); /* ends when the client does: nothing comes here */
    peer_close(&idle);
}

static void die_beside_an_idle_connection_then_answer(struct server *server)
{
    struct peer idle = die_beside_another(server);
    answer_ok(server);
    (void)server_read(server, &idle); /* likewise */
    peer_close(&idle);
}

/* Two calls at once open two connections; then `request` is sent while both are idle. */
static void call_beside_an_idle_connection(struct server *server, struct answer *answer,
                                           const struct upstream_request *request, bool may_repeat,
                                           void (*script)(struct server *))
{
    struct client client;
    struct answer answers[2];
    struct upstream_request get = get_request("/");
    server_start(server, "127.0.0.1", 0, NULL, script);
    client_start_plain(&client, server->port);
    struct call_context calls[3] = { { .client = &client, .answer = &answers[0] },
                                     { .client = &client, .answer = &answers[1] },
                                     { .client = &client, .answer = answer } };
    client_send(&calls[0], &get, false);
    client_send(&calls[1], &get, false);
    client_run(&client);
    client_send(&calls[2], request, may_repeat);
    client_run(&client);
    client_free(&client);
    server_join(server);
    answer_free(&answers[0]);
    answer_free(&answers[1]);
}

static void a_post_is_not_repeated_on_another_idle_connection(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    struct upstream_request post = post_request("/order", "{}");
    call_beside_an_idle_connection(&server, &answer, &post, false, die_beside_an_idle_connection);
    assert_int_equal(atomic_load(&server.accepted), 2);
    assert_int_equal(server.request_count, 3);
    assert_int_equal(answer.failure, UPSTREAM_LOST);
    assert_true(answer.connection.reused);
    assert_true(answer.bytes_left);
    answer_free(&answer);
    server_free(&server);
}

/* An idle connection may be as dead as the one that just died. */
static void a_repeat_goes_over_a_new_connection_even_beside_an_idle_one(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    struct upstream_request get = get_request("/again");
    call_beside_an_idle_connection(&server, &answer, &get, true, die_beside_an_idle_connection_then_answer);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(answer.attempts, 2);
    assert_false(answer.connection.reused);
    assert_int_equal(atomic_load(&server.accepted), 3);
    assert_int_equal(server.request_count, 4);
    answer_free(&answer);
    server_free(&server);
}

/* As die_after_the_second_request, but the second connection is taken at once. */
static void die_then_answer(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer) && peer_send(&peer, ok_answer))
        (void)server_read(server, &peer); /* a failure shows in the count of requests */
    peer_close(&peer);
    answer_ok(server);
}

static bool sign(struct call_context *context, unsigned attempt, struct upstream_request *request)
{
    (void)snprintf(context->text, sizeof(context->text), "signature-%u", attempt);
    context->fields[0] = (struct http_field){ SLICE_LITERAL("X-CS-SIGN"), slice_text(context->text) };
    request->fields = context->fields;
    request->field_count = 1;
    return true;
}

static void repeat_a_get(struct server *server, struct answer *answer, void (*script)(struct server *))
{
    struct client client;
    struct answer first;
    struct call_context context = { .client = &client, .answer = answer, .about_to_send = sign };
    struct upstream_request request = get_request("/second");
    server_start(server, "127.0.0.1", 0, NULL, script);
    client_start_plain(&client, server->port);
    client_call(&client, &first, &request);
    client_send(&context, &request, true);
    client_run(&client);
    client_free(&client);
    server_join(server);
    answer_free(&first);
}

static void a_get_that_may_be_repeated_is_signed_again_and_answered(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    repeat_a_get(&server, &answer, die_then_answer);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(answer.attempts, 2);
    assert_int_equal(answer.asked, 2);
    assert_true(answer.bytes_left);
    assert_false(answer.connection.reused);
    assert_int_equal(server.request_count, 3);
    assert_non_null(strstr(server.requests[1].data, "X-CS-SIGN: signature-1\r\n"));
    assert_non_null(strstr(server.requests[2].data, "X-CS-SIGN: signature-2\r\n"));
    assert_string_equal(answer.request_head, server.requests[2].data);
    assert_string_equal(answer.response_body, "ok");
    answer_free(&answer);
    server_free(&server);
}

static void die_twice(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer) && peer_send(&peer, ok_answer))
        (void)server_read(server, &peer); /* a failure shows in the count of requests */
    peer_close(&peer);
    peer = server_accept(server);
    (void)server_read(server, &peer); /* likewise */
    peer_close(&peer);
}

static void a_repeat_that_fails_too_is_the_last(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    repeat_a_get(&server, &answer, die_twice);
    assert_int_equal(answer.failure, UPSTREAM_LOST);
    assert_int_equal(answer.attempts, 2);
    assert_true(answer.bytes_left);
    assert_int_equal(server.request_count, 3);
    answer_free(&answer);
    server_free(&server);
}

/* The listener goes with the connection. */
static void die_for_good(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer) && peer_send(&peer, ok_answer))
        (void)server_read(server, &peer); /* a failure shows in the count of requests */
    (void)shutdown(server->listen_fd, SHUT_RDWR);
    peer_close(&peer);
}

static void a_repeat_that_finds_no_connection_leaves_the_first_attempt_open(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    repeat_a_get(&server, &answer, die_for_good);
    assert_int_equal(answer.failure, UPSTREAM_LOST); /* not UPSTREAM_CONNECT: the first attempt had left */
    assert_int_equal(answer.attempts, 1);
    assert_true(answer.bytes_left);
    answer_free(&answer);
    server_free(&server);
}

/* --- answers that end early, or are none --- */

static void send_and_close(struct server *server, const char *text)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer))
        (void)peer_send(&peer, text); /* a failure shows at the client */
    peer_close(&peer);
}

static void end_before_the_length(struct server *server)
{
    send_and_close(server, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\npart");
}

static void end_within_a_chunk(struct server *server)
{
    send_and_close(server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\npart");
}

static void end_between_chunks(struct server *server)
{
    send_and_close(server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
}

static void end_within_the_head(struct server *server)
{
    send_and_close(server, "HTTP/1.1 200 OK\r\nContent-Le");
}

static void end_at_once(struct server *server)
{
    send_and_close(server, "");
}

static void speak_something_else(struct server *server)
{
    send_and_close(server, "220 mail.example.com ESMTP\r\n");
}

static void speak_a_head_without_colons(struct server *server)
{
    send_and_close(server, "HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n");
}

static void answers_that_end_early_or_are_none_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        void (*script)(struct server *server);
        enum upstream_failure failure;
        int status;
        const char *body;
    } cases[] = {
        { end_before_the_length, UPSTREAM_LOST, 200, "part" },
        { end_within_a_chunk, UPSTREAM_LOST, 200, "part" },
        { end_between_chunks, UPSTREAM_LOST, 200, "part" },
        { end_within_the_head, UPSTREAM_LOST, 0, "" },
        { end_at_once, UPSTREAM_LOST, 0, "" },
        { speak_something_else, UPSTREAM_RESPONSE_MALFORMED, 0, "" },
        { speak_a_head_without_colons, UPSTREAM_RESPONSE_MALFORMED, 0, "" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct server server;
        struct answer answer;
        char url[64];
        struct upstream_request request = post_request("/", "{}");
        server_start(&server, "127.0.0.1", 0, NULL, cases[i].script);
        struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
        call_with(&answer, &options, &request);
        server_join(&server);
        if (answer.failure != cases[i].failure || answer.status != cases[i].status)
            fail_msg("case %zu: %s, status %d: %s", i, upstream_failure_name(answer.failure), answer.status,
                     answer.message);
        assert_string_equal(answer.response_body, cases[i].body);
        assert_true(answer.bytes_left);
        assert_int_equal(answer.attempts, 1);
        assert_non_null(strstr(answer.message, "127.0.0.1:"));
        answer_free(&answer);
        server_free(&server);
    }
}

static void send_much_body(struct server *server)
{
    char block[1000];
    memset(block, 'x', sizeof(block));
    struct peer peer = server_accept(server);
    bool sent = server_read(server, &peer) && peer_send(&peer, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; sent && i < 100; i++)
        sent = peer_send_bytes(&peer, block, sizeof(block));
    (void)peer_wait_for_end(&peer);
    peer_close(&peer);
}

static void send_much_head(struct server *server)
{
    struct peer peer = server_accept(server);
    bool sent = server_read(server, &peer) && peer_send(&peer, "HTTP/1.1 200 OK\r\n");
    while (sent)
        sent = peer_send(&peer, "X-Filler: 0123456789012345678901234567890123456789\r\n");
    peer_close(&peer);
}

static void send_interim_answers_without_end(struct server *server)
{
    struct peer peer = server_accept(server);
    bool sent = server_read(server, &peer);
    while (sent)
        sent = peer_send(&peer, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    peer_close(&peer);
}

static void an_answer_beyond_the_bound_is_cut_off(void **state)
{
    (void)state;
    static void (*const scripts[])(struct server *) = { send_much_body, send_much_head,
                                                        send_interim_answers_without_end };
    for (size_t i = 0; i < ARRAY_LENGTH(scripts); i++) {
        struct server server;
        struct answer answer;
        char url[64];
        struct upstream_request request = get_request("/");
        server_start(&server, "127.0.0.1", 0, NULL, scripts[i]);
        struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
        options.response_max = 20000;
        call_with(&answer, &options, &request);
        server_join(&server);
        assert_int_equal(answer.failure, UPSTREAM_RESPONSE_TOO_LARGE);
        assert_true(answer.response_body_length <= 20000);
        assert_true(answer.bytes_left);
        answer_free(&answer);
        server_free(&server);
    }
}

static void send_exactly(struct server *server)
{
    send_and_close(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void an_answer_of_just_the_bound_passes(void **state)
{
    (void)state;
    for (size_t less = 0; less < 2; less++) {
        struct server server;
        struct answer answer;
        char url[64];
        struct upstream_request request = get_request("/");
        server_start(&server, "127.0.0.1", 0, NULL, send_exactly);
        struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
        options.response_max = sizeof(ok_answer) - 1 - less;
        call_with(&answer, &options, &request);
        server_join(&server);
        assert_int_equal(answer.failure, less == 0 ? UPSTREAM_OK : UPSTREAM_RESPONSE_TOO_LARGE);
        answer_free(&answer);
        server_free(&server);
    }
}

/* --- no connection --- */

static void a_name_that_does_not_resolve_is_told_at_once(void **state)
{
    (void)state;
    struct answer answer;
    char url[64];
    struct upstream_options options = client_options(url, sizeof(url), "https", "unknown.test", 443);
    struct upstream_request request = post_request("/", "{}");
    call_with(&answer, &options, &request);
    assert_int_equal(answer.failure, UPSTREAM_NAME_RESOLUTION);
    assert_string_equal(answer.message,
                        "could not resolve host name unknown.test (Could not resolve host: unknown.test)");
    assert_false(answer.bytes_left);
    assert_int_equal(answer.attempts, 0);
    assert_int_equal(answer.asked, 0);
    assert_int_equal(answer.connection.ip_family, 0);
    assert_true(taken_us(&answer) < 1000000);
    answer_free(&answer);
}

static void a_slow_name_server_holds_nothing_up(void **state)
{
    (void)state;
    struct answer answer;
    char url[64];
    struct upstream_options options = client_options(url, sizeof(url), "http", "slow.test", 80);
    options.connect_timeout_us = 200000;
    struct upstream_request request = get_request("/");
    struct client client;
    client_start(&client, &options);
    client_call(&client, &answer, &request); /* libcurl would wait for its resolver thread here: 2 s */
    assert_int_equal(answer.failure, UPSTREAM_CONNECT_TIMEOUT);
    assert_true(taken_us(&answer) < 1500000);
    answer_free(&answer);
    client_free(&client);
}

static void a_refused_connection_is_tried_again_until_the_connect_timeout(void **state)
{
    (void)state;
    struct answer answer;
    char url[64];
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", closed_port());
    options.connect_timeout_us = 450000;
    struct upstream_request request = post_request("/", "{}");
    call_with(&answer, &options, &request);
    assert_int_equal(answer.failure, UPSTREAM_CONNECT);
    assert_false(answer.bytes_left);
    assert_int_equal(answer.attempts, 0);
    assert_true(taken_us(&answer) >= 300000 && taken_us(&answer) < 1500000);
    assert_non_null(strstr(answer.message, "could not connect to 127.0.0.1:"));
    answer_free(&answer);
}

struct late_server {
    struct loop_timer timer;
    struct server server;
    int port;
};

static void start_late_server(struct loop_timer *timer)
{
    struct late_server *late = timer->context;
    server_start(&late->server, "127.0.0.1", late->port, NULL, answer_ok);
}

static void a_server_that_comes_up_in_time_is_reached(void **state)
{
    (void)state;
    struct late_server late = { .port = closed_port() };
    struct client client;
    struct answer answer;
    struct call_context context = { .client = &client, .answer = &answer };
    struct upstream_request request = post_request("/", "{}");
    client_start_plain(&client, late.port);
    late.timer = (struct loop_timer){ .expired = start_late_server, .context = &late };
    loop_timer_start(client.loop, &late.timer, 350000);
    client_send(&context, &request, false);
    client_run(&client);
    client_free(&client);
    server_join(&late.server);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(answer.attempts, 1);
    assert_int_equal(answer.asked, 1);
    assert_int_equal(late.server.request_count, 1);
    answer_free(&answer);
    server_free(&late.server);
}

/* A listener whose queue is full: further connections are neither taken nor refused. */
static int full_listener(int held[3], int *port)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
    for (int i = 0; i < 3; i++) {
        held[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(held[i], (struct sockaddr *)&name, sizeof(name)); /* under way, or taken into the queue */
    }
    *port = ntohs(name.sin_port);
    return fd;
}

static void a_connection_that_is_never_made_ends_by_the_connect_timeout(void **state)
{
    (void)state;
    int held[3], port, fd = full_listener(held, &port);
    struct answer answer;
    char url[64];
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", port);
    options.connect_timeout_us = 300000;
    struct upstream_request request = post_request("/", "{}");
    call_with(&answer, &options, &request);
    assert_int_equal(answer.failure, UPSTREAM_CONNECT_TIMEOUT);
    assert_false(answer.bytes_left);
    assert_true(taken_us(&answer) >= 290000 && taken_us(&answer) < 1500000);
    answer_free(&answer);
    for (int i = 0; i < 3; i++)
        (void)close(held[i]);
    (void)close(fd);
}

static void say_nothing(struct server *server)
{
    struct peer peer = server_accept(server);
    (void)server_read(server, &peer); /* a failure shows in the count of requests */
    (void)peer_wait_for_end(&peer);
    peer_close(&peer);
}

static void no_answer_within_the_timeout_is_told_as_such(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    char url[64];
    struct upstream_request request = post_request("/", "{}");
    server_start(&server, "127.0.0.1", 0, NULL, say_nothing);
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
    options.timeout_us = 300000;
    call_with(&answer, &options, &request);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_TIMEOUT);
    assert_true(answer.bytes_left);
    assert_int_equal(answer.attempts, 1);
    assert_int_equal(server.request_count, 1);
    assert_true(taken_us(&answer) >= 290000 && taken_us(&answer) < 1500000);
    assert_non_null(strstr(answer.message, "timeout 0.3 s"));
    answer_free(&answer);
    server_free(&server);
}

static bool refuse(struct call_context *context, unsigned attempt, struct upstream_request *request)
{
    (void)context, (void)attempt, (void)request; /* always no */
    return false;
}

static bool spoil(struct call_context *context, unsigned attempt, struct upstream_request *request)
{
    (void)attempt; /* always the same */
    context->fields[0] = (struct http_field){ SLICE_LITERAL("X"), SLICE_LITERAL("a\r\nInjected: b") };
    request->fields = context->fields;
    request->field_count = 1;
    return true;
}

static void what_the_caller_stops_or_spoils_is_not_sent(void **state)
{
    (void)state;
    static const struct {
        bool (*about_to_send)(struct call_context *context, unsigned attempt, struct upstream_request *request);
        enum upstream_failure failure;
    } cases[] = { { refuse, UPSTREAM_ABORTED }, { spoil, UPSTREAM_INTERNAL } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct server server;
        struct client client;
        struct answer answer;
        struct call_context context = { .client = &client, .answer = &answer, .about_to_send = cases[i].about_to_send };
        struct upstream_request request = post_request("/", "{}");
        server_start(&server, "127.0.0.1", 0, NULL, say_nothing);
        client_start_plain(&client, server.port);
        client_send(&context, &request, true);
        client_run(&client);
        client_free(&client);
        server_join(&server);
        assert_int_equal(answer.failure, cases[i].failure);
        assert_int_equal(answer.attempts, 0);
        assert_int_equal(answer.asked, 1);
        assert_false(answer.bytes_left);
        assert_int_equal(server.requests[0].length, 0);
        answer_free(&answer);
        server_free(&server);
    }
}

/* --- many calls --- */

enum { MANY = 40, MANY_CONNECTIONS = 4 };

struct many_peers {
    struct server *server;
    struct peer peers[MANY];
    struct pollfd fds[MANY + 2];
    nfds_t count;
};

/* Serves up to MANY connections in one thread until server_release. */
static void answer_many(struct server *server)
{
    struct many_peers many = { .server = server, .count = 2 };
    many.fds[0] = (struct pollfd){ .fd = server->released[0], .events = POLLIN };
    many.fds[1] = (struct pollfd){ .fd = server->listen_fd, .events = POLLIN };
    while (poll(many.fds, many.count, -1) > 0 && many.fds[0].revents == 0) {
        if (many.fds[1].revents != 0 && many.count < MANY + 2) {
            many.peers[many.count - 2] = server_accept(server);
            many.fds[many.count] = (struct pollfd){ .fd = many.peers[many.count - 2].fd, .events = POLLIN };
            many.count++;
            continue;
        }
        for (nfds_t i = 2; i < many.count; i++) {
            if (many.fds[i].revents == 0)
                continue;
            if (!server_read(server, &many.peers[i - 2]) || !peer_send(&many.peers[i - 2], ok_answer))
                many.fds[i].fd = -1; /* closed below */
        }
    }
    for (nfds_t i = 2; i < many.count; i++)
        peer_close(&many.peers[i - 2]);
}

static void calls_beyond_the_connections_wait_and_are_all_answered(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    char url[64];
    struct answer answers[MANY];
    struct call_context calls[MANY];
    struct upstream_request request = post_request("/", "{}");
    server_start(&server, "127.0.0.1", 0, NULL, answer_many);
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
    options.connections_max = MANY_CONNECTIONS;
    client_start(&client, &options);
    for (size_t i = 0; i < MANY; i++) {
        calls[i] = (struct call_context){ .client = &client, .answer = &answers[i] };
        client_send(&calls[i], &request, false);
    }
    assert_int_equal(upstream_in_flight(client.pool), MANY);
    client_run(&client);
    assert_int_equal(upstream_in_flight(client.pool), 0);
    server_release(&server);
    client_free(&client);
    server_join(&server);
    assert_int_equal(server.request_count, MANY);
    assert_int_equal(atomic_load(&server.accepted), MANY_CONNECTIONS);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(answers[i].failure, UPSTREAM_OK);
        answer_free(&answers[i]);
    }
    server_free(&server);
}

static void a_call_that_waits_for_a_connection_in_vain_times_out_unsent(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    char url[64];
    struct answer first, second;
    struct upstream_request request = post_request("/", "{}");
    server_start(&server, "127.0.0.1", 0, NULL, say_nothing);
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
    options.connections_max = 1;
    options.timeout_us = 400000;
    client_start(&client, &options);
    struct call_context calls[2] = { { .client = &client, .answer = &first },
                                     { .client = &client, .answer = &second } };
    client_send(&calls[0], &request, false);
    client_send(&calls[1], &request, false);
    client_run(&client);
    client_free(&client);
    server_join(&server);
    assert_int_equal(first.failure, UPSTREAM_TIMEOUT);
    assert_true(first.bytes_left);
    assert_int_equal(second.failure, UPSTREAM_CONNECT_TIMEOUT);
    assert_false(second.bytes_left);
    assert_int_equal(server.request_count, 1);
    answer_free(&first);
    answer_free(&second);
    server_free(&server);
}

static void call_again(struct call_context *context)
{
    struct call_context *next = context + 1;
    struct upstream_request request = get_request("/next");
    if (context->text[0] == '\0')
        client_send(next, &request, false);
}

static void a_call_may_be_made_from_within_done(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    struct answer answers[2];
    struct call_context calls[2] = { { .client = &client, .answer = &answers[0], .then = call_again },
                                     { .client = &client, .answer = &answers[1] } };
    struct upstream_request request = get_request("/");
    server_start(&server, "127.0.0.1", 0, NULL, answer_ok);
    client_start_plain(&client, server.port);
    client_send(&calls[0], &request, false);
    client_run(&client);
    client_free(&client);
    server_join(&server);
    assert_int_equal(answers[1].failure, UPSTREAM_OK);
    assert_true(answers[1].connection.reused);
    answer_free(&answers[0]);
    answer_free(&answers[1]);
    server_free(&server);
}

/* --- dropped calls --- */

static void stop_once_sent(struct loop_timer *timer)
{
    struct call_context *context = timer->context;
    if (upstream_call_bytes_left(context->call))
        loop_stop(context->client->loop);
    else
        loop_timer_start(context->client->loop, timer, 1000);
}

/* Runs until the call's first byte has left. */
static void run_until_sent(struct call_context *context)
{
    struct error error;
    struct loop_timer timer = { .expired = stop_once_sent, .context = context };
    assert_false(upstream_call_bytes_left(context->call));
    loop_timer_start(context->client->loop, &timer, 1000);
    loop_timer_start(context->client->loop, &context->client->guard, HARNESS_LIMIT_US);
    assert_true(loop_run(context->client->loop, &error));
    assert_false(context->client->timed_out);
    loop_timer_stop(context->client->loop, &context->client->guard);
}

static void a_cancelled_call_ends_without_done(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    struct answer answer;
    struct call_context context = { .client = &client, .answer = &answer };
    struct upstream_request request = post_request("/", "{}");
    server_start(&server, "127.0.0.1", 0, NULL, say_nothing);
    client_start_plain(&client, server.port);
    client_send(&context, &request, false);
    run_until_sent(&context);
    upstream_cancel(context.call);
    assert_int_equal(upstream_in_flight(client.pool), 0);
    server_join(&server); /* it waits for the connection's end */
    client_free(&client);
    assert_false(answer.is_done);
    assert_int_equal(server.request_count, 1);
    server_free(&server);
}

static void a_pool_freed_in_mid_call_drops_the_call(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    struct answer answers[3];
    char url[64];
    struct upstream_request request = post_request("/", "{}");
    server_start(&server, "127.0.0.1", 0, NULL, say_nothing);
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
    options.connections_max = 1;
    client_start(&client, &options);
    struct call_context calls[2] = { { .client = &client, .answer = &answers[0] },
                                     { .client = &client, .answer = &answers[1] } }; /* the second waits in the queue */
    client_send(&calls[0], &request, false);
    client_send(&calls[1], &request, false);
    run_until_sent(&calls[0]);
    upstream_pool_free(client.pool);
    server_join(&server); /* it waits for the connection's end */
    client.pool = NULL;
    client_free(&client);
    assert_false(answers[0].is_done);
    assert_false(answers[1].is_done);
    server_free(&server);
}

static void a_pool_freed_while_a_connection_is_tried_again_drops_the_call(void **state)
{
    (void)state;
    struct client client;
    struct answer answer;
    struct error error;
    struct call_context context = { .client = &client, .answer = &answer };
    struct upstream_request request = get_request("/");
    client_start_plain(&client, closed_port());
    client_send(&context, &request, false);
    loop_timer_start(client.loop, &client.guard, 50000); /* within the first wait */
    assert_true(loop_run(client.loop, &error));
    client_free(&client);
    assert_false(answer.is_done);
}

/* --- the way out --- */

static void an_ip_family_is_kept_to(void **state)
{
    (void)state;
    static const struct {
        enum upstream_ip_family family;
        const char *address;
        int expected;
    } cases[] = { { UPSTREAM_IP_V4, "127.0.0.1", 4 }, { UPSTREAM_IP_V6, "::1", 6 } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct server server;
        struct answer answer;
        char url[64];
        struct upstream_request request = get_request("/");
        server_start(&server, cases[i].address, 0, NULL, answer_ok);
        struct upstream_options options = client_options(url, sizeof(url), "http", "localhost", server.port);
        options.ip_family = cases[i].family;
        call_with(&answer, &options, &request);
        server_join(&server);
        assert_int_equal(answer.failure, UPSTREAM_OK);
        assert_int_equal(answer.connection.ip_family, cases[i].expected);
        assert_string_equal(answer.connection.remote_address, cases[i].address);
        answer_free(&answer);
        server_free(&server);
    }
}

static void the_other_ip_family_is_not_used(void **state)
{
    (void)state;
    struct answer answer;
    char url[64];
    struct upstream_request request = get_request("/");
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", closed_port());
    options.ip_family = UPSTREAM_IP_V6;
    options.connect_timeout_us = 200000;
    call_with(&answer, &options, &request);
    assert_true(answer.failure == UPSTREAM_NAME_RESOLUTION || answer.failure == UPSTREAM_CONNECT);
    assert_false(answer.bytes_left);
    answer_free(&answer);
}

static void a_bind_address_is_where_connections_come_from(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    char url[64];
    struct upstream_request request = get_request("/");
    server_start(&server, "127.0.0.1", 0, NULL, answer_ok);
    struct upstream_options options = client_options(url, sizeof(url), "http", "localhost", server.port);
    options.bind_address = "127.0.0.5";
    call_with(&answer, &options, &request);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_string_equal(server.peer_address, "127.0.0.5");
    assert_string_equal(answer.connection.local_address, "127.0.0.5");
    answer_free(&answer);
    server_free(&server);
}

static void a_bind_address_of_another_machine_fails_at_once(void **state)
{
    (void)state;
    struct answer answer;
    char url[64];
    struct upstream_request request = get_request("/");
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", closed_port());
    options.bind_address = "192.0.2.1";
    call_with(&answer, &options, &request);
    assert_int_equal(answer.failure, UPSTREAM_CONNECT);
    assert_false(answer.bytes_left);
    answer_free(&answer);
}

static void the_environments_proxies_are_not_used(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    char url[64], closed[64];
    struct upstream_request request = get_request("/");
    (void)snprintf(closed, sizeof(closed), "http://127.0.0.1:%d", closed_port());
    assert_int_equal(setenv("http_proxy", closed, 1) | setenv("ALL_PROXY", closed, 1), 0);
    server_start(&server, "127.0.0.1", 0, NULL, answer_ok);
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
    call_with(&answer, &options, &request);
    server_join(&server);
    assert_int_equal(unsetenv("http_proxy") | unsetenv("ALL_PROXY"), 0);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    answer_free(&answer);
    server_free(&server);
}

/* An HTTP proxy that takes the CONNECT and is then the origin itself. */
static void be_an_egress_proxy(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer) && peer_send(&peer, "HTTP/1.1 200 Go\r\nX-Proxy: secret\r\n\r\n"))
        answer_all(server, &peer);
    peer_close(&peer);
}

static void refuse_to_be_an_egress_proxy(struct server *server)
{
    send_and_close(server, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
}

static void call_through(struct server *server, struct answer *answer, void (*script)(struct server *))
{
    static const struct http_field fields[] = { { { "X-CS-SIGN", 9 }, { "abc", 3 } } };
    char url[64], proxy[64];
    struct upstream_request request = post_request("/order", "{}");
    request.fields = fields;
    request.field_count = 1;
    server_start(server, "127.0.0.1", 0, NULL, script);
    struct upstream_options options = client_options(url, sizeof(url), "http", "unknown.test", 8080);
    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server->port);
    options.proxy = proxy;
    assert_int_equal(setenv("no_proxy", "*", 1), 0); /* is not looked at */
    call_with(answer, &options, &request);
    assert_int_equal(unsetenv("no_proxy"), 0);
    server_join(server);
}

static void an_egress_proxy_sees_connect_and_no_field_of_the_request(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    call_through(&server, &answer, be_an_egress_proxy);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(server.request_count, 2);
    assert_memory_equal(server.requests[0].data, "CONNECT unknown.test:8080 HTTP/1.1\r\n", 36);
    assert_null(strstr(server.requests[0].data, "X-CS-SIGN"));
    assert_string_equal(server.requests[1].data, "POST /order HTTP/1.1\r\nHost: unknown.test:8080\r\nX-CS-SIGN: abc\r\n"
                                                 "Content-Length: 2\r\n\r\n{}");
    assert_memory_equal(answer.request_head, server.requests[1].data, strlen(answer.request_head));
    assert_memory_equal(answer.request_head, "POST", 4);
    assert_null(strstr(answer.response_head, "X-Proxy"));
    answer_free(&answer);
    server_free(&server);
}

static void an_egress_proxy_that_refuses_is_told_as_such(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    call_through(&server, &answer, refuse_to_be_an_egress_proxy);
    assert_int_equal(answer.failure, UPSTREAM_EGRESS_PROXY);
    assert_false(answer.bytes_left);
    assert_int_equal(answer.attempts, 0);
    assert_int_equal(server.request_count, 1);
    assert_string_equal(answer.request_head, "");
    assert_non_null(strstr(answer.message, "403"));
    answer_free(&answer);
    server_free(&server);
}

static void warming_opens_connections_that_are_then_used(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    struct answer answer;
    struct upstream_request request = get_request("/");
    server_start(&server, "127.0.0.1", 0, NULL, answer_many);
    client_start_plain(&client, server.port);
    upstream_warm(client.upstream, 3);
    assert_int_equal(upstream_in_flight(client.pool), 0); /* they are not the caller's */
    struct error error;
    while (atomic_load(&server.accepted) < 3 || server.request_count < 3) {
        loop_timer_start(client.loop, &client.guard, 10000);
        assert_true(loop_run(client.loop, &error));
    }
    client.timed_out = false;
    client_call(&client, &answer, &request);
    server_release(&server);
    client_free(&client);
    server_join(&server);
    assert_true(answer.connection.reused);
    assert_int_equal(atomic_load(&server.accepted), 3);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(server.requests[i].data, "HEAD / HTTP/1.1\r\nHost: ", 23);
    answer_free(&answer);
    server_free(&server);
}

static void wrong_options_are_refused_with_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *url, *ca_file, *bind_address, *proxy, *said;
        enum upstream_http http;
    } cases[] = {
        { "not a url", "", "", "", "https://host", UPSTREAM_HTTP_1_1 },
        { "ftp://host", "", "", "", "https://host", UPSTREAM_HTTP_1_1 },
        { "https://host/path", "", "", "", "https://host", UPSTREAM_HTTP_1_1 },
        { "https://user@host", "", "", "", "https://host", UPSTREAM_HTTP_1_1 },
        { "https://host?a", "", "", "", "https://host", UPSTREAM_HTTP_1_1 },
        { "https://host", "/nonexistent/ca.pem", "", "", "/nonexistent/ca.pem", UPSTREAM_HTTP_1_1 },
        { "https://host", "/dev/null", "", "", "/dev/null", UPSTREAM_HTTP_1_1 },
        { "https://host", "", "eth0", "", "eth0", UPSTREAM_HTTP_1_1 },
        { "https://host", "", "", "ftp://proxy", "proxy", UPSTREAM_HTTP_1_1 },
        { "http://127.0.0.1:1", "", "", "", "TLS", UPSTREAM_HTTP_2 },
    };
    struct client client;
    client_start_plain(&client, 1);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char url[64];
        struct error error = { 0 };
        struct upstream *made = NULL;
        struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", 1);
        options.url = cases[i].url;
        options.ca_file = cases[i].ca_file;
        options.bind_address = cases[i].bind_address;
        options.proxy = cases[i].proxy;
        options.http = cases[i].http;
        assert_false(upstream_create(&made, client.pool, &options, &error));
        assert_null(made);
        assert_int_equal(error.kind, ERROR_CONFIG);
        assert_non_null(strstr(error.message, cases[i].said));
    }
    client_free(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_whose_reused_connection_dies_is_sent_once),
        cmocka_unit_test(a_get_is_not_repeated_either_unless_allowed),
        cmocka_unit_test(a_post_is_not_repeated_on_another_idle_connection),
        cmocka_unit_test(a_repeat_goes_over_a_new_connection_even_beside_an_idle_one),
        cmocka_unit_test(a_get_that_may_be_repeated_is_signed_again_and_answered),
        cmocka_unit_test(a_repeat_that_fails_too_is_the_last),
        cmocka_unit_test(a_repeat_that_finds_no_connection_leaves_the_first_attempt_open),
        cmocka_unit_test(answers_that_end_early_or_are_none_are_told_apart),
        cmocka_unit_test(an_answer_beyond_the_bound_is_cut_off),
        cmocka_unit_test(an_answer_of_just_the_bound_passes),
        cmocka_unit_test(a_name_that_does_not_resolve_is_told_at_once),
        cmocka_unit_test(a_slow_name_server_holds_nothing_up),
        cmocka_unit_test(a_refused_connection_is_tried_again_until_the_connect_timeout),
        cmocka_unit_test(a_server_that_comes_up_in_time_is_reached),
        cmocka_unit_test(a_connection_that_is_never_made_ends_by_the_connect_timeout),
        cmocka_unit_test(no_answer_within_the_timeout_is_told_as_such),
        cmocka_unit_test(what_the_caller_stops_or_spoils_is_not_sent),
        cmocka_unit_test(calls_beyond_the_connections_wait_and_are_all_answered),
        cmocka_unit_test(a_call_that_waits_for_a_connection_in_vain_times_out_unsent),
        cmocka_unit_test(a_call_may_be_made_from_within_done),
        cmocka_unit_test(a_cancelled_call_ends_without_done),
        cmocka_unit_test(a_pool_freed_in_mid_call_drops_the_call),
        cmocka_unit_test(a_pool_freed_while_a_connection_is_tried_again_drops_the_call),
        cmocka_unit_test(an_ip_family_is_kept_to),
        cmocka_unit_test(the_other_ip_family_is_not_used),
        cmocka_unit_test(a_bind_address_is_where_connections_come_from),
        cmocka_unit_test(a_bind_address_of_another_machine_fails_at_once),
        cmocka_unit_test(the_environments_proxies_are_not_used),
        cmocka_unit_test(an_egress_proxy_sees_connect_and_no_field_of_the_request),
        cmocka_unit_test(an_egress_proxy_that_refuses_is_told_as_such),
        cmocka_unit_test(warming_opens_connections_that_are_then_used),
        cmocka_unit_test(wrong_options_are_refused_with_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
