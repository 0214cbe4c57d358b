/* Connections kept open ahead of requests: none costs a byte of a request, as many as were asked for, and an exchange that does not want
 * them is not pestered. */
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { WARM = 3 };

/* --- as many as were asked for --- */

/* Opens them, and sends nothing; then two calls at once, and nothing more is opened. */
static void assert_warm_without_a_request(const struct tls_folder *folder)
{
    struct rig rig;
    struct answer answers[2];
    struct upstream_request request = post_request("/order", "{}");
    rig_start_warm(&rig, folder, script_answer_many, WARM);
    rig_connect(&rig);
    upstream_keep_warm(rig.client.upstream);
    rig_run_until_warm(&rig);
    rig_run_to_connections(&rig, WARM);
    client_turn(&rig.client);
    assert_int_equal(upstream_in_flight(rig.client.pool), 0);
    assert_int_equal(atomic_load(&rig.server.request_count), 0);
    assert_int_equal(atomic_load(&rig.counts.opened), WARM);
    struct call_context calls[2] = { { .client = &rig.client, .answer = &answers[0] },
                                     { .client = &rig.client, .answer = &answers[1] } };
    client_send(&calls[0], &request, false);
    client_send(&calls[1], &request, false);
    client_run(&rig.client);
    client_turn(&rig.client);
    assert_true(upstream_is_warm(rig.client.upstream));
    assert_int_equal(atomic_load(&rig.counts.opened), WARM);
    assert_int_equal(atomic_load(&rig.counts.closed), 0);
    server_release(&rig.server);
    rig_end(&rig);
    assert_int_equal(atomic_load(&rig.server.accepted), WARM);
    assert_int_equal(rig.server.request_count, 2); /* each from its first byte */
    assert_int_equal(server_was_asked(&rig.server, "/order"), 2);
    assert_int_equal(rig.server.requests[2].length, 0);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(&answers[i]);
        assert_true(answers[i].connection.reused);
        answer_free(&answers[i]);
    }
    rig_free(&rig);
}

static void connections_are_opened_without_a_request(void **state)
{
    assert_warm_without_a_request(NULL);
    assert_warm_without_a_request(*state);
}

static void no_more_are_kept_than_there_may_be(void **state)
{
    enum { MOST = 2, CALLS = 8 };
    const struct tls_folder *folders[] = { NULL, *state };
    for (size_t f = 0; f < ARRAY_LENGTH(folders); f++) {
        struct rig rig;
        struct answer answers[CALLS];
        struct call_context calls[CALLS];
        struct upstream_request request = post_request("/order", "{}");
        rig_start_warm(&rig, folders[f], script_answer_many, MOST + 3);
        rig.options.connections_max = MOST;
        rig_connect(&rig);
        upstream_keep_warm(rig.client.upstream);
        rig_run_until_warm(&rig);
        for (size_t i = 0; i < CALLS; i++) {
            calls[i] = (struct call_context){ .client = &rig.client, .answer = &answers[i] };
            client_send(&calls[i], &request, false);
        }
        client_run(&rig.client);
        client_turn(&rig.client);
        assert_true(upstream_is_warm(rig.client.upstream));
        server_release(&rig.server);
        rig_end(&rig);
        assert_int_equal(atomic_load(&rig.server.accepted), MOST);
        assert_int_equal(atomic_load(&rig.counts.opened), MOST);
        assert_int_equal(server_was_asked(&rig.server, "/order"), CALLS);
        for (size_t i = 0; i < CALLS; i++) {
            assert_ok(&answers[i]);
            answer_free(&answers[i]);
        }
        rig_free(&rig);
    }
}

/* Calls made while the connections are, one of them cancelled: they are the same connections. */
static void a_call_takes_a_connection_that_is_being_opened(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (unsigned i = 0; i < 4; i++) {
        struct rig rig;
        struct answer answer, dropped = { 0 };
        struct upstream_request request = post_request("/order", "{}"), other = post_request("/dropped", "{}");
        rig_start_warm(&rig, folders[i / 2], script_answer_many, 1 + i % 2);
        rig.options.connections_max = 1 + i % 2;
        rig_connect(&rig);
        upstream_keep_warm(rig.client.upstream);
        struct call_context drop = { .client = &rig.client, .answer = &dropped };
        client_send(&drop, &other, false);
        struct call_context call = { .client = &rig.client, .answer = &answer };
        client_send(&call, &request, false);
        upstream_cancel(drop.call);
        rig.client.open_calls--;
        client_run(&rig.client);
        rig_run_until_warm(&rig);
        rig_run_to_connections(&rig, 1 + i % 2);
        client_turn(&rig.client);
        server_release(&rig.server);
        rig_end(&rig);
        assert_ok(&answer);
        assert_false(dropped.is_done);
        assert_int_equal(rig.server.request_count, 1);
        assert_int_equal(server_was_asked(&rig.server, "/order"), 1);
        assert_int_equal(atomic_load(&rig.server.accepted), 1 + i % 2);
        answer_free(&answer);
        rig_free(&rig);
    }
}

/* --- when they end --- */

/* Ends a connection behind its answer. */
static bool answer_and_close(struct server *server, struct peer *peer)
{
    (void)server; /* any */
    (void)peer_send(peer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    peer_close(peer);
    return false;
}

static void answer_many_and_close(struct server *server)
{
    server->answer = answer_and_close;
    script_answer_many(server);
}

/* Takes `WARM` connections, ends them when released, and takes others. */
static void end_all_once(struct server *server)
{
    struct peer peers[WARM];
    for (size_t i = 0; i < WARM; i++)
        peers[i] = server_accept(server);
    server_wait(server);
    for (size_t i = 0; i < WARM; i++)
        peer_close(&peers[i]);
    script_answer_many(server);
}

static void those_that_the_exchange_ends_are_replaced(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        struct rig rig;
        struct answer answer;
        struct upstream_request request = post_request("/order", "{}");
        rig_start_warm(&rig, folders[i], end_all_once, WARM);
        rig_connect(&rig);
        upstream_keep_warm(rig.client.upstream);
        rig_run_until_warm(&rig);
        server_release(&rig.server);
        rig_run_to_connections(&rig, 2 * WARM);
        rig_run_until_warm(&rig);
        client_call(&rig.client, &answer, &request);
        server_release(&rig.server);
        rig_end(&rig);
        assert_ok(&answer);
        assert_true(answer.connection.reused);
        assert_int_equal(rig.server.request_count, 1);
        assert_int_equal(atomic_load(&rig.server.accepted), 2 * WARM);
        answer_free(&answer);
        rig_free(&rig);
    }
}

static void one_that_ends_behind_an_answer_is_replaced(void **state)
{
    enum { CALLS = 3 };
    const struct tls_folder *folders[] = { NULL, *state };
    for (size_t f = 0; f < ARRAY_LENGTH(folders); f++) {
        struct rig rig;
        struct upstream_request request = post_request("/order", "{}");
        rig_start_warm(&rig, folders[f], answer_many_and_close, 1);
        rig_connect(&rig);
        upstream_keep_warm(rig.client.upstream);
        for (unsigned i = 0; i < CALLS; i++) {
            struct answer answer;
            rig_run_to_connections(&rig, i + 1);
            rig_run_until_warm(&rig);
            client_call(&rig.client, &answer, &request);
            assert_ok(&answer);
            assert_true(answer.connection.reused);
            answer_free(&answer);
        }
        rig_run_to_connections(&rig, CALLS + 1);
        server_release(&rig.server);
        rig_end(&rig);
        assert_int_equal(server_was_asked(&rig.server, "/order"), CALLS);
        assert_int_equal(atomic_load(&rig.server.accepted), CALLS + 1);
        rig_free(&rig);
    }
}

/* --- when it is said to be warm --- */

static void it_is_warm_once_all_are_open(void **state)
{
    struct rig rig;
    rig_start_warm(&rig, *state, script_answer_many, WARM);
    rig_connect(&rig);
    assert_true(upstream_is_warm(rig.client.upstream)); /* none are kept yet */
    upstream_keep_warm(rig.client.upstream);
    assert_false(upstream_is_warm(rig.client.upstream));
    rig_run_until_warm(&rig);
    assert_int_equal(atomic_load(&rig.counts.opened), WARM);
    rig_run_to_connections(&rig, WARM);
    upstream_keep_warm(rig.client.upstream); /* once more is no more */
    client_turn(&rig.client);
    assert_true(upstream_is_warm(rig.client.upstream));
    server_release(&rig.server);
    rig_end(&rig);
    assert_int_equal(atomic_load(&rig.server.accepted), WARM);
    rig_free(&rig);
}

static void it_is_warm_where_none_are_to_be_kept(void **state)
{
    static const struct {
        unsigned warm;
        enum upstream_http http;
    } cases[] = { { 0, UPSTREAM_HTTP_1_1 }, { WARM, UPSTREAM_HTTP_AUTO }, { WARM, UPSTREAM_HTTP_2 } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct rig rig;
        rig_start_warm(&rig, *state, script_answer_many, cases[i].warm);
        rig.options.http = cases[i].http;
        rig_connect(&rig);
        upstream_keep_warm(rig.client.upstream);
        assert_true(upstream_is_warm(rig.client.upstream));
        client_turn(&rig.client);
        assert_int_equal(atomic_load(&rig.counts.opened), 0);
        server_release(&rig.server);
        rig_end(&rig);
        assert_int_equal(atomic_load(&rig.server.accepted), 0);
        rig_free(&rig);
    }
}

static void an_upstream_can_be_freed_while_it_warms_up(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (unsigned i = 0; i < 4; i++) {
        struct rig rig;
        rig_start_warm(&rig, folders[i / 2], script_answer_many, WARM);
        rig_connect(&rig);
        upstream_keep_warm(rig.client.upstream);
        if (i % 2 == 0)
            client_turn(&rig.client);
        server_release(&rig.server);
        rig_end(&rig);
        assert_int_equal(rig.server.request_count, 0);
        assert_int_equal(atomic_load(&rig.counts.opened), atomic_load(&rig.counts.closed));
        rig_free(&rig);
    }
}

/* --- that they were opened --- */

struct renewals {
    struct rig *rig;
    unsigned count;
};

static void note_renewal(void *context)
{
    struct renewals *renewals = context;
    const struct client *client = &renewals->rig->client;
    assert_int_equal(upstream_in_flight(client->pool), 0);
    assert_true(upstream_is_warm(client->upstream));
    renewals->count++;
}

static bool answer_when_released(struct server *server, struct peer *peer)
{
    server_wait(server);
    return peer_send(peer, harness_ok);
}

static void answer_many_when_released(struct server *server)
{
    server->answer = answer_when_released;
    script_answer_many(server);
}

static void it_is_told_that_they_were_opened(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        struct rig rig;
        struct renewals renewals = { .rig = &rig };
        rig_start_warm(&rig, folders[i], end_all_once, WARM);
        rig.options.renewed = note_renewal;
        rig.options.renewed_context = &renewals;
        rig_connect(&rig);
        upstream_keep_warm(rig.client.upstream);
        rig_run_until_warm(&rig);
        client_turn(&rig.client);
        assert_int_equal(renewals.count, 1);
        server_release(&rig.server);
        rig_run_to_connections(&rig, 2 * WARM);
        rig_run_until_warm(&rig);
        client_turn(&rig.client);
        assert_in_range(renewals.count, 2, 1 + WARM); /* they may have ended one by one */
        server_release(&rig.server);
        rig_end(&rig);
        rig_free(&rig);
    }
}

static void it_is_told_once_no_request_is_under_way(void **state)
{
    struct rig rig;
    struct answer answer;
    struct renewals renewals = { .rig = &rig };
    struct upstream_request request = post_request("/order", "{}");
    (void)state; /* the server shakes no hands while it holds an answer back */
    rig_start_warm(&rig, NULL, answer_many_when_released, WARM);
    rig.options.renewed = note_renewal;
    rig.options.renewed_context = &renewals;
    rig_connect(&rig);
    struct call_context call = { .client = &rig.client, .answer = &answer };
    client_send(&call, &request, false);
    upstream_keep_warm(rig.client.upstream);
    rig_run_until_warm(&rig);
    client_turn(&rig.client);
    assert_int_equal(atomic_load(&rig.counts.opened), WARM);
    assert_int_equal(renewals.count, 0);
    server_release(&rig.server);
    client_run(&rig.client);
    client_turn(&rig.client);
    assert_int_equal(renewals.count, 1);
    server_release(&rig.server);
    rig_end(&rig);
    assert_ok(&answer);
    answer_free(&answer);
    rig_free(&rig);
}

#define WARM_TEST(name) cmocka_unit_test_setup_teardown(name, tls_folder_make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WARM_TEST(connections_are_opened_without_a_request),
        WARM_TEST(no_more_are_kept_than_there_may_be),
        WARM_TEST(a_call_takes_a_connection_that_is_being_opened),
        WARM_TEST(those_that_the_exchange_ends_are_replaced),
        WARM_TEST(one_that_ends_behind_an_answer_is_replaced),
        WARM_TEST(it_is_warm_once_all_are_open),
        WARM_TEST(it_is_warm_where_none_are_to_be_kept),
        WARM_TEST(an_upstream_can_be_freed_while_it_warms_up),
        WARM_TEST(it_is_told_that_they_were_opened),
        WARM_TEST(it_is_told_once_no_request_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
