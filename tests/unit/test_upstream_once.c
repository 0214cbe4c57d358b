/* That nothing is sent twice which must be sent once, and what may be sent twice. */
#include "upstream_harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* --- sent once, and what may be sent twice --- */

/* Answers one request; reads the next and ends without an answer; then answers on a second connection. */
static void die_after_the_second_request(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer) && peer_send(&peer, harness_ok))
        (void)server_read(server, &peer); /* a failure shows in the count of requests */
    peer_close(&peer);
    server_wait(server);
    int listening = fcntl(server->listen_fd, F_GETFL);
    (void)fcntl(server->listen_fd, F_SETFL, listening | O_NONBLOCK); /* a second connection is there, or never comes */
    peer = server_accept(server);
    if (peer.fd >= 0)
        peer_answer_all(server, &peer);
}

static void reset_after_the_second_request(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer) && peer_send(&peer, harness_ok))
        (void)server_read(server, &peer); /* likewise */
    peer_reset(&peer);
    server_wait(server);
    int listening = fcntl(server->listen_fd, F_GETFL);
    (void)fcntl(server->listen_fd, F_SETFL, listening | O_NONBLOCK);
    peer = server_accept(server);
    if (peer.fd >= 0)
        peer_answer_all(server, &peer);
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
    if (server_read(server, &first) && server_read(server, &second) && peer_send(&first, harness_ok))
        (void)peer_send(&second, harness_ok); /* a failure shows at the client */
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
    script_answer_ok(server);
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
    if (server_read(server, &peer) && peer_send(&peer, harness_ok))
        (void)server_read(server, &peer); /* a failure shows in the count of requests */
    peer_close(&peer);
    script_answer_ok(server);
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
    if (server_read(server, &peer) && peer_send(&peer, harness_ok))
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
    if (server_read(server, &peer) && peer_send(&peer, harness_ok))
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
