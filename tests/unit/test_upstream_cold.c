/* Connections kept open ahead of requests where the exchange does not want them: it is not pestered, and requests go their way. */
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <poll.h>
#include <string.h>

enum { WARM = 3 };

enum step { HELD = 1, ENDED };

/* --- where none can be had --- */

enum { SECOND_US = 1000000, MOST_IN_A_SECOND = 12 /* per connection; after 0.1 s, 0.2 s, 0.4 s it would be 4 */ };

static void end_at_once(struct server *server)
{
    struct pollfd fds[] = { { .fd = server->released[0], .events = POLLIN },
                            { .fd = server->listen_fd, .events = POLLIN } };
    while (poll(fds, 2, -1) > 0 && fds[0].revents == 0) {
        struct peer peer = server_accept(server);
        peer_close(&peer);
    }
}

/* Without TLS, ends connections on which the client wants it. */
static void end_before_the_handshake(struct server *server)
{
    SSL_CTX *tls = server->tls;
    server->tls = NULL;
    end_at_once(server);
    server->tls = tls;
}

static void stop_loop(struct loop_timer *timer)
{
    loop_stop(timer->context);
}

static void run_for_a_second(struct client *client)
{
    struct error error = { 0 };
    struct loop_timer second = { .expired = stop_loop, .context = client->loop };
    loop_timer_start(client->loop, &second, SECOND_US);
    assert_true(loop_run(client->loop, &error));
    loop_timer_stop(client->loop, &second);
}

static void assert_tried_seldom(const struct tls_folder *folder, void (*script)(struct server *server))
{
    enum { KEPT = 2 };
    struct rig rig;
    rig_start_warm(&rig, folder, script, KEPT);
    rig_connect(&rig);
    upstream_keep_warm(rig.client.upstream);
    run_for_a_second(&rig.client);
    uint64_t opened = atomic_load(&rig.counts.opened);
    rig_run_to_connections(&rig, KEPT + 1); /* it is tried again, sooner or later */
    server_release(&rig.server);
    rig_end(&rig);
    assert_in_range(opened, 1, KEPT * MOST_IN_A_SECOND);
    assert_int_equal(rig.server.request_count, 0);
    rig_free(&rig);
}

static void an_exchange_that_ends_them_at_once_is_tried_seldom(void **state)
{
    assert_tried_seldom(NULL, end_at_once);
    assert_tried_seldom(*state, end_at_once);
    assert_tried_seldom(*state, end_before_the_handshake);
}

struct late {
    struct server server;
    struct client client;
    struct upstream_counts counts;
};

static bool late_is_warm(const void *context)
{
    const struct late *late = context;
    return atomic_load(&late->server.accepted) >= WARM;
}

static bool late_is_told(const void *context)
{
    const struct late *late = context;
    return upstream_is_warm(late->client.upstream);
}

/* Refused for a second, then taken: by a call first, and then as many as are wanted. */
static void an_exchange_that_refuses_is_tried_seldom_and_found_again(void **state)
{
    (void)state;
    struct late late = { 0 };
    struct answer answer;
    char url[64];
    int port = closed_port();
    struct upstream_request request = post_request("/order", "{}");
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", port);
    options.warm = WARM;
    options.counts = &late.counts;
    client_start(&late.client, &options);
    upstream_keep_warm(late.client.upstream);
    assert_false(upstream_is_warm(late.client.upstream));
    client_run_until(&late.client, late_is_told, &late); /* one could not be had */
    run_for_a_second(&late.client);
    assert_in_range(atomic_load(&late.counts.opened), 2, WARM * MOST_IN_A_SECOND);
    assert_true(upstream_is_warm(late.client.upstream));
    server_start(&late.server, "127.0.0.1", port, NULL, script_answer_many);
    client_call(&late.client, &answer, &request);
    assert_ok(&answer);
    client_run_until(&late.client, late_is_warm, &late);
    client_turn(&late.client);
    server_release(&late.server);
    client_free(&late.client);
    server_join(&late.server);
    assert_int_equal(late.server.request_count, 1);
    assert_int_equal(atomic_load(&late.server.accepted), WARM);
    exchange_end(&late.server, &answer);
}

/* --- one that is there and dead, and one that is never there --- */

static void end_when_released(struct server *server)
{
    struct peer peer = server_accept(server);
    server_wait(server);
    peer_close(&peer);
    rig_reach(server, ENDED);
    script_answer_ok(server);
}

static void a_request_does_not_use_one_that_has_ended(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        struct rig rig;
        struct answer answer;
        struct upstream_request request = post_request("/order", "{}");
        rig_start_warm(&rig, folders[i], end_when_released, 1);
        rig.options.connections_max = 1;
        rig_connect(&rig);
        upstream_keep_warm(rig.client.upstream);
        rig_run_until_warm(&rig);
        server_release(&rig.server);
        rig_await(&rig, ENDED); /* the client has not looked */
        client_call(&rig.client, &answer, &request);
        rig_end(&rig);
        assert_ok(&answer);
        assert_int_equal(rig.server.request_count, 1);
        assert_int_equal(atomic_load(&rig.server.accepted), 2);
        answer_free(&answer);
        rig_free(&rig);
    }
}

static void lose_the_first_request(struct server *server)
{
    script_send_and_close(server, "");
    script_answer_ok(server);
}

static void what_is_lost_over_one_is_sent_again_only_where_it_may(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (unsigned i = 0; i < 4; i++) {
        bool may_repeat = i % 2 == 0;
        struct rig rig;
        struct answer answers[2];
        struct upstream_request request = may_repeat ? get_request("/first") : post_request("/first", "{}");
        struct upstream_request next = post_request("/next", "{}");
        rig_start_warm(&rig, folders[i / 2], lose_the_first_request, 1);
        rig.options.connections_max = 1;
        rig_connect(&rig);
        upstream_keep_warm(rig.client.upstream);
        rig_run_until_warm(&rig);
        struct call_context call = { .client = &rig.client, .answer = &answers[0] };
        client_send(&call, &request, may_repeat);
        client_run(&rig.client);
        client_call(&rig.client, &answers[1], &next);
        rig_end(&rig);
        assert_int_equal(answers[0].failure, may_repeat ? UPSTREAM_OK : UPSTREAM_LOST);
        assert_int_equal(answers[0].attempts, may_repeat ? 2 : 1);
        assert_ok(&answers[1]);
        assert_int_equal(rig.server.request_count, may_repeat ? 3 : 2);
        answer_free(&answers[0]);
        answer_free(&answers[1]);
        rig_free(&rig);
    }
}

/* Takes a first connection and shakes no hands; a second one is served. */
static void hold_the_first_handshake(struct server *server)
{
    SSL_CTX *tls = server->tls;
    server->tls = NULL;
    struct peer held = server_accept(server);
    server->tls = tls;
    rig_reach(server, HELD);
    script_answer_ok(server);
    peer_close(&held);
}

struct late_call {
    struct loop_timer timer;
    struct call_context *drop; /* NULL: none */
    struct call_context call;
};

static void make_late_call(struct loop_timer *timer)
{
    struct late_call *late = timer->context;
    struct upstream_request request = post_request("/order", "{}");
    if (late->drop != NULL) {
        upstream_cancel(late->drop->call);
        late->drop->client->open_calls--;
    }
    client_send(&late->call, &request, false);
    loop_stop(late->call.client->loop);
}

/* At 0.8 s of a connection's 1.5 s a call comes that takes it over, opened ahead or by a call that was cancelled: its own time begins
 * when it does. */
static void a_call_has_its_own_time_to_connect(void **state)
{
    for (unsigned by_call = 0; by_call < 2; by_call++) {
        struct rig rig;
        struct answer answer, dropped = { 0 };
        struct upstream_request other = post_request("/dropped", "{}");
        rig_start_warm(&rig, *state, hold_the_first_handshake, 1);
        rig.options.connections_max = 1;
        rig.options.connect_timeout_us = 1500000;
        rig_connect(&rig);
        struct call_context drop = { .client = &rig.client, .answer = &dropped };
        struct late_call late = { .timer = { .expired = make_late_call, .context = &late },
                                  .drop = by_call == 1 ? &drop : NULL,
                                  .call = { .client = &rig.client, .answer = &answer } };
        if (by_call == 1)
            client_send(&drop, &other, false);
        else
            upstream_keep_warm(rig.client.upstream);
        struct error error = { 0 };
        loop_timer_start(rig.client.loop, &late.timer, 800000);
        assert_true(loop_run(rig.client.loop, &error));
        client_run(&rig.client);
        rig_end(&rig);
        assert_ok(&answer);
        assert_false(dropped.is_done);
        assert_int_equal(rig.server.request_count, 1);
        assert_int_equal(server_was_asked(&rig.server, "/order"), 1);
        answer_free(&answer);
        rig_free(&rig);
    }
}

#define COLD_TEST(name) cmocka_unit_test_setup_teardown(name, tls_folder_make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COLD_TEST(an_exchange_that_ends_them_at_once_is_tried_seldom),
        COLD_TEST(an_exchange_that_refuses_is_tried_seldom_and_found_again),
        COLD_TEST(a_request_does_not_use_one_that_has_ended),
        COLD_TEST(what_is_lost_over_one_is_sent_again_only_where_it_may),
        COLD_TEST(a_call_has_its_own_time_to_connect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
