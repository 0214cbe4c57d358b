/* No connection, no answer in time, and calls that wait, are dropped or stopped. */
#include "upstream_harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- no connection --- */

static void a_name_that_does_not_resolve_is_told_at_once(void **state)
{
    (void)state;
    struct answer answer;
    char url[64];
    struct upstream_options options = client_options(url, sizeof(url), "https", "unknown.test", 443);
    struct upstream_request request = post_request("/", "{}");
    call_once(&answer, &options, &request);
    assert_int_equal(answer.failure, UPSTREAM_NAME_RESOLUTION);
    assert_string_equal(answer.message,
                        "could not resolve host name unknown.test (Could not resolve host: unknown.test)");
    assert_false(answer.bytes_left);
    assert_int_equal(answer.attempts, 0);
    assert_int_equal(answer.asked, 0);
    assert_int_equal(answer.connection.ip_family, 0);
    assert_true(answer_took_us(&answer) < 1000000);
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
    assert_true(answer_took_us(&answer) < 1500000);
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
    call_once(&answer, &options, &request);
    assert_int_equal(answer.failure, UPSTREAM_CONNECT);
    assert_false(answer.bytes_left);
    assert_int_equal(answer.attempts, 0);
    assert_true(answer_took_us(&answer) >= 300000 && answer_took_us(&answer) < 1500000);
    assert_non_null(strstr(answer.message, "could not connect to 127.0.0.1:"));
    answer_free(&answer);
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
    late_server_expect(&late, &client, 350000, script_answer_ok);
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

/* A listener at *port (0: any) whose queue is full: further connections are neither taken nor refused. */
static int full_listener(int held[3], int *port)
{
    struct sockaddr_in name = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)*port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0); /* closed_port holds it, too */
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
    int held[3], port = 0, fd = full_listener(held, &port);
    struct answer answer;
    char url[64];
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", port);
    options.connect_timeout_us = 300000;
    struct upstream_request request = post_request("/", "{}");
    call_once(&answer, &options, &request);
    assert_int_equal(answer.failure, UPSTREAM_CONNECT_TIMEOUT);
    assert_false(answer.bytes_left);
    assert_true(answer_took_us(&answer) >= 290000 && answer_took_us(&answer) < 1500000);
    answer_free(&answer);
    for (int i = 0; i < 3; i++)
        (void)close(held[i]);
    (void)close(fd);
}

struct late_listener {
    struct loop_timer timer;
    int port;
    int fd;
    int held[3];
};

static void start_late_listener(struct loop_timer *timer)
{
    struct late_listener *late = timer->context;
    late->fd = full_listener(late->held, &late->port);
}

/* Refused at first, then neither taken nor refused: what the user can act on is the refusal. */
static void a_try_that_ran_out_of_time_does_not_hide_why_the_one_before_failed(void **state)
{
    (void)state;
    struct late_listener late = { .port = closed_port() };
    struct client client;
    struct answer answer;
    char url[64];
    struct call_context context = { .client = &client, .answer = &answer };
    struct upstream_request request = get_request("/");
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", late.port);
    options.connect_timeout_us = 400000;
    client_start(&client, &options);
    late.timer = (struct loop_timer){ .expired = start_late_listener, .context = &late };
    loop_timer_start(client.loop, &late.timer, 50000);
    client_send(&context, &request, false);
    client_run(&client);
    client_free(&client);
    assert_int_equal(answer.failure, UPSTREAM_CONNECT);
    assert_non_null(strstr(answer.message, "could not connect to 127.0.0.1:"));
    answer_free(&answer);
    for (int i = 0; i < 3; i++)
        (void)close(late.held[i]);
    (void)close(late.fd);
}

static void no_answer_within_the_timeout_is_told_as_such(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    char url[64];
    struct upstream_request request = post_request("/", "{}");
    server_start(&server, "127.0.0.1", 0, NULL, script_say_nothing);
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
    options.timeout_us = 300000;
    call_once(&answer, &options, &request);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_TIMEOUT);
    assert_true(answer.bytes_left);
    assert_int_equal(answer.attempts, 1);
    assert_int_equal(server.request_count, 1);
    assert_true(answer_took_us(&answer) >= 290000 && answer_took_us(&answer) < 1500000);
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
        server_start(&server, "127.0.0.1", 0, NULL, script_say_nothing);
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

static void calls_beyond_the_connections_wait_and_are_all_answered(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    char url[64];
    struct answer answers[MANY];
    struct call_context calls[MANY];
    struct upstream_request request = post_request("/", "{}");
    server_start(&server, "127.0.0.1", 0, NULL, script_answer_many);
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

/* Takes one connection and no other, not even when that one has ended. */
static void say_nothing_to_one(struct server *server)
{
    struct peer peer = server_accept(server);
    (void)shutdown(server->listen_fd, SHUT_RDWR);
    (void)server_read(server, &peer); /* a failure shows in the count of requests */
    (void)peer_wait_for_end(&peer);
    peer_close(&peer);
}

static void a_call_that_waits_for_a_connection_in_vain_times_out_unsent(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    char url[64];
    struct answer first, second;
    struct upstream_request request = post_request("/", "{}");
    server_start(&server, "127.0.0.1", 0, NULL, say_nothing_to_one);
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
    server_start(&server, "127.0.0.1", 0, NULL, script_answer_ok);
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
    server_start(&server, "127.0.0.1", 0, NULL, script_say_nothing);
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
    server_start(&server, "127.0.0.1", 0, NULL, script_say_nothing);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_does_not_resolve_is_told_at_once),
        cmocka_unit_test(a_slow_name_server_holds_nothing_up),
        cmocka_unit_test(a_refused_connection_is_tried_again_until_the_connect_timeout),
        cmocka_unit_test(a_server_that_comes_up_in_time_is_reached),
        cmocka_unit_test(a_connection_that_is_never_made_ends_by_the_connect_timeout),
        cmocka_unit_test(a_try_that_ran_out_of_time_does_not_hide_why_the_one_before_failed),
        cmocka_unit_test(no_answer_within_the_timeout_is_told_as_such),
        cmocka_unit_test(what_the_caller_stops_or_spoils_is_not_sent),
        cmocka_unit_test(calls_beyond_the_connections_wait_and_are_all_answered),
        cmocka_unit_test(a_call_that_waits_for_a_connection_in_vain_times_out_unsent),
        cmocka_unit_test(a_call_may_be_made_from_within_done),
        cmocka_unit_test(a_cancelled_call_ends_without_done),
        cmocka_unit_test(a_pool_freed_in_mid_call_drops_the_call),
        cmocka_unit_test(a_pool_freed_while_a_connection_is_tried_again_drops_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
