/* What is sent again when connections end, or cannot be had: over what, and how often. */
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <poll.h>
#include <string.h>

/* Two connections are answered once; one more request is read from either, and both end. */
static void end_both(struct server *server)
{
    const bool *resets = rig_of(server)->given;
    void (*end)(struct peer *) = *resets ? peer_reset : peer_close;
    struct peer peers[2] = { server_accept(server), server_accept(server) };
    if (server_read(server, &peers[0]) && server_read(server, &peers[1]) && peer_send(&peers[0], harness_ok))
        (void)peer_send(&peers[1], harness_ok); /* a failure shows at the client */
    struct pollfd both[] = { { .fd = peers[0].fd, .events = POLLIN }, { .fd = peers[1].fd, .events = POLLIN } };
    (void)poll(both, 2, -1);
    size_t chosen = both[0].revents != 0 ? 0 : 1;
    (void)server_read(server, &peers[chosen]); /* a failure shows in the count of requests */
    end(&peers[1 - chosen]);
    end(&peers[chosen]);
    script_answer_ok(server);
}

/* Two calls open two connections, a third is lost with both; then one more. */
static void lose_with_both(struct rig *rig, const struct tls_folder *folder, bool resets, struct answer *lost,
                           const struct upstream_request *request, bool may_repeat)
{
    struct answer answers[3];
    struct call_context calls[4];
    struct upstream_request get = get_request("/first"), next = post_request("/next", "{}");
    struct answer *ends[4] = { &answers[0], &answers[1], lost, &answers[2] };
    rig_start(rig, folder, end_both, &resets);
    rig_connect(rig);
    for (size_t i = 0; i < 4; i++)
        calls[i] = (struct call_context){ .client = &rig->client, .answer = ends[i] };
    client_send(&calls[0], &get, false);
    client_send(&calls[1], &get, false);
    client_run(&rig->client);
    client_turn(&rig->client);
    client_send(&calls[2], request, may_repeat);
    client_run(&rig->client);
    client_send(&calls[3], &next, false);
    client_run(&rig->client);
    rig_end(rig);
    assert_int_equal(answers[2].failure, UPSTREAM_OK);
    assert_int_equal(atomic_load(&rig->server.accepted), 3);
    for (size_t i = 0; i < 3; i++)
        answer_free(&answers[i]);
}

static void a_post_lost_with_both_connections_is_sent_once(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    struct upstream_request request = post_request("/order", "{}");
    for (size_t i = 0; i < 4; i++) {
        struct rig rig;
        struct answer lost;
        lose_with_both(&rig, folders[i / 2], i % 2 == 0, &lost, &request, false);
        assert_int_equal(lost.failure, UPSTREAM_LOST);
        assert_true(lost.bytes_left);
        assert_true(lost.connection.reused);
        assert_int_equal(lost.attempts, 1);
        assert_int_equal(lost.asked, 1);
        assert_int_equal(rig.server.request_count, 4);
        assert_int_equal(server_was_asked(&rig.server, "/order"), 1);
        assert_int_equal(server_was_asked(&rig.server, "/next"), 1);
        answer_free(&lost);
        rig_free(&rig);
    }
}

static void a_get_lost_with_both_connections_is_repeated_once_over_a_new_one(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    struct upstream_request request = get_request("/order");
    for (size_t i = 0; i < 4; i++) {
        struct rig rig;
        struct answer lost;
        lose_with_both(&rig, folders[i / 2], i % 2 == 0, &lost, &request, true);
        assert_int_equal(lost.failure, UPSTREAM_OK);
        assert_string_equal(lost.response_body, "ok");
        assert_false(lost.connection.reused);
        assert_int_equal(lost.attempts, 2);
        assert_int_equal(lost.asked, 2);
        assert_int_equal(rig.server.request_count, 5);
        assert_memory_equal(rig.server.requests[2].data, "GET /order ", 11);
        assert_memory_equal(rig.server.requests[3].data, "GET /order ", 11);
        assert_memory_equal(rig.server.requests[4].data, "POST /next ", 11);
        answer_free(&lost);
        rig_free(&rig);
    }
}

/* Ends a first connection behind `given`, in answer to its first request. */
static void end_behind(struct server *server)
{
    script_send_and_close(server, rig_of(server)->given);
    script_answer_ok(server);
}

/* The next call shows what came to the server in between. */
static void call_and_another(struct rig *rig, const char *text, struct answer *answer)
{
    struct answer second;
    struct upstream_request get = get_request("/get"), next = post_request("/next", "{}");
    struct call_context call = { .client = &rig->client, .answer = answer };
    rig_start(rig, NULL, end_behind, text);
    rig_connect(rig);
    client_send(&call, &get, true);
    client_run(&rig->client);
    client_call(&rig->client, &second, &next);
    rig_end(rig);
    assert_int_equal(second.failure, UPSTREAM_OK);
    assert_int_equal(server_was_asked(&rig->server, "/next"), 1);
    answer_free(&second);
}

static void a_get_is_repeated_where_no_byte_of_an_answer_came_and_never_else(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum upstream_failure failure;
        unsigned attempts;
    } cases[] = { { "", UPSTREAM_OK, 2 },
                  { "H", UPSTREAM_LOST, 1 },
                  { "HTTP/1.1 100 Continue\r\n\r\n", UPSTREAM_LOST, 1 },
                  { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", UPSTREAM_LOST, 1 } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct rig rig;
        struct answer answer;
        call_and_another(&rig, cases[i].text, &answer);
        assert_int_equal(answer.failure, cases[i].failure);
        assert_int_equal(answer.attempts, cases[i].attempts);
        assert_int_equal(rig.server.request_count, cases[i].attempts + 1);
        answer_free(&answer);
        rig_free(&rig);
    }
}

static bool refuse_the_second(struct call_context *call, unsigned attempt, struct upstream_request *request)
{
    (void)call, (void)request; /* any */
    return attempt == 1;
}

static void a_repeat_that_its_caller_does_not_want_is_told_as_what_was_lost(void **state)
{
    (void)state;
    struct rig rig;
    struct answer answer, second;
    struct upstream_request get = get_request("/get"), next = post_request("/next", "{}");
    struct call_context call = { .client = &rig.client, .answer = &answer, .about_to_send = refuse_the_second };
    rig_start(&rig, NULL, end_behind, "");
    rig_connect(&rig);
    client_send(&call, &get, true);
    client_run(&rig.client);
    client_call(&rig.client, &second, &next); /* over the connection that was made for the repeat */
    rig_end(&rig);
    assert_int_equal(answer.failure, UPSTREAM_LOST);
    assert_true(answer.bytes_left);
    assert_int_equal(answer.attempts, 1);
    assert_int_equal(answer.asked, 2);
    assert_memory_equal(answer.request_head, rig.server.requests[0].data, rig.server.requests[0].length);
    assert_int_equal(second.failure, UPSTREAM_OK);
    assert_int_equal(rig.server.request_count, 2);
    assert_int_equal(server_was_asked(&rig.server, "/next"), 1);
    assert_int_equal(atomic_load(&rig.server.accepted), 2);
    answer_free(&answer);
    answer_free(&second);
    rig_free(&rig);
}

/* --- an exchange that is not there yet --- */

enum { EARLY = 3 };

static void calls_that_are_refused_at_first_are_sent_once_each(void **state)
{
    (void)state;
    for (unsigned connections = 1; connections <= EARLY; connections++) {
        struct late_server late = { .port = closed_port() };
        struct client client;
        struct answer answers[EARLY];
        struct call_context calls[EARLY];
        char url[64];
        struct upstream_request request = post_request("/order", "{}");
        struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", late.port);
        options.connections_max = connections;
        client_start(&client, &options);
        late_server_expect(&late, &client, 250000, script_answer_many);
        for (size_t i = 0; i < EARLY; i++) {
            calls[i] = (struct call_context){ .client = &client, .answer = &answers[i] };
            client_send(&calls[i], &request, false);
        }
        client_run(&client);
        client_free(&client);
        server_release(&late.server);
        server_join(&late.server);
        assert_int_equal(server_was_asked(&late.server, "/order"), EARLY);
        assert_int_equal(late.server.request_count, EARLY);
        assert_true(atomic_load(&late.server.accepted) <= connections);
        for (size_t i = 0; i < EARLY; i++) {
            assert_int_equal(answers[i].failure, UPSTREAM_OK);
            assert_int_equal(answers[i].asked, 1);
            answer_free(&answers[i]);
        }
        server_free(&late.server);
    }
}

static void calls_that_are_refused_all_end(void **state)
{
    (void)state;
    for (unsigned connections = 1; connections <= EARLY; connections++) {
        struct client client;
        struct answer answers[EARLY];
        struct call_context calls[EARLY];
        char url[64];
        struct upstream_request request = post_request("/order", "{}");
        struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", closed_port());
        options.connections_max = connections;
        options.connect_timeout_us = 250000;
        client_start(&client, &options);
        for (size_t i = 0; i < EARLY; i++) {
            calls[i] = (struct call_context){ .client = &client, .answer = &answers[i] };
            client_send(&calls[i], &request, false);
        }
        client_run(&client);
        client_free(&client);
        for (size_t i = 0; i < EARLY; i++) {
            assert_int_equal(answers[i].failure, UPSTREAM_CONNECT);
            assert_false(answers[i].bytes_left);
            assert_int_equal(answers[i].attempts + answers[i].asked, 0);
            answer_free(&answers[i]);
        }
    }
}

static void answer_in_part(struct server *server)
{
    script_send_and_close(server, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
}

static void what_came_of_a_lost_answer_is_told(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    struct upstream_request order = post_request("/order", "{}");
    exchange_once(&server, &answer, &order, answer_in_part);
    assert_int_equal(answer.failure, UPSTREAM_LOST);
    assert_string_equal(answer.response_body, "half");
    assert_non_null(strstr(answer.message, "4 bytes of its body came"));
    exchange_end(&server, &answer);
}

#define REPEAT_TEST(name) cmocka_unit_test_setup_teardown(name, tls_folder_make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPEAT_TEST(a_post_lost_with_both_connections_is_sent_once),
        REPEAT_TEST(a_get_lost_with_both_connections_is_repeated_once_over_a_new_one),
        REPEAT_TEST(a_repeat_that_its_caller_does_not_want_is_told_as_what_was_lost),
        REPEAT_TEST(a_get_is_repeated_where_no_byte_of_an_answer_came_and_never_else),
        REPEAT_TEST(calls_that_are_refused_at_first_are_sent_once_each),
        REPEAT_TEST(calls_that_are_refused_all_end),
        REPEAT_TEST(what_came_of_a_lost_answer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
