/* More calls than connections: each is served once, in the order in which they came, and what one call leaves behind serves the next. */
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

enum step { HELD = 1 };

/* --- the order in which requests are about to leave --- */

enum { MANY = 24 };

static const struct call_context *order[2 * MANY];
static size_t ordered;

static bool note_order(struct call_context *call, unsigned attempt, struct upstream_request *request)
{
    (void)attempt, (void)request; /* any */
    assert_true(ordered < ARRAY_LENGTH(order));
    order[ordered++] = call;
    return true;
}

static void assert_many_are_served_in_order(const struct tls_folder *folder, unsigned connections)
{
    struct rig rig;
    struct answer answers[MANY];
    struct call_context calls[MANY];
    rig_start(&rig, folder, script_answer_many, NULL);
    rig.options.connections_max = connections;
    rig_connect(&rig);
    ordered = 0;
    for (size_t i = 0; i < MANY; i++) {
        calls[i] = (struct call_context){ .client = &rig.client, .answer = &answers[i], .about_to_send = note_order };
        (void)snprintf(calls[i].text, sizeof(calls[i].text), "/%zu", i);
        struct upstream_request request = post_request(calls[i].text, "{}");
        client_send(&calls[i], &request, false);
    }
    client_run(&rig.client);
    assert_int_equal(upstream_in_flight(rig.client.pool), 0);
    server_release(&rig.server);
    rig_end(&rig);
    assert_int_equal(rig.server.request_count, MANY);
    assert_int_equal(atomic_load(&rig.server.accepted), connections);
    assert_int_equal(ordered, MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(answers[i].failure, UPSTREAM_OK);
        assert_ptr_equal(order[i], &calls[i]);
        assert_int_equal(server_was_asked(&rig.server, calls[i].text), 1);
        answer_free(&answers[i]);
    }
    rig_free(&rig);
}

static void calls_are_served_once_each_and_in_order(void **state)
{
    for (unsigned connections = 1; connections <= 2; connections++) {
        assert_many_are_served_in_order(NULL, connections);
        assert_many_are_served_in_order(*state, connections);
    }
}

/* calls[i].then makes calls[i + CHAINED]; the first CHAINED were made together. */
enum { CHAINED = 3, CHAIN = 15 };

static void send_next(struct call_context *call)
{
    struct call_context *next = call + CHAINED;
    struct upstream_request request = post_request("/", "{}");
    client_send(next, &request, false);
}

static void a_call_made_in_done_comes_behind_those_that_wait(void **state)
{
    (void)state;
    struct rig rig;
    struct answer answers[CHAIN];
    struct call_context calls[CHAIN];
    struct upstream_request request = post_request("/", "{}");
    rig_start(&rig, NULL, script_answer_many, NULL);
    rig.options.connections_max = 1;
    rig_connect(&rig);
    ordered = 0;
    for (size_t i = 0; i < CHAIN; i++)
        calls[i] = (struct call_context){ .client = &rig.client,
                                          .answer = &answers[i],
                                          .about_to_send = note_order,
                                          .then = i + CHAINED < CHAIN ? send_next : NULL };
    for (size_t i = 0; i < CHAINED; i++)
        client_send(&calls[i], &request, false);
    client_run(&rig.client);
    server_release(&rig.server);
    rig_end(&rig);
    assert_int_equal(rig.server.request_count, CHAIN);
    assert_int_equal(atomic_load(&rig.server.accepted), 1);
    assert_int_equal(ordered, CHAIN);
    for (size_t i = 0; i < CHAIN; i++) {
        assert_int_equal(answers[i].failure, UPSTREAM_OK);
        assert_ptr_equal(order[i], &calls[i]);
        answer_free(&answers[i]);
    }
    rig_free(&rig);
}

/* --- the time that a call waits for room --- */

static void answer_first_when_released(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer)) {
        rig_reach(server, HELD);
        server_wait(server);
        (void)peer_send(&peer, harness_ok); /* a failure shows at the client */
    }
    peer_answer_all(server, &peer);
}

static void answer_first_when_released_and_no_other(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer)) {
        server_wait(server);
        (void)peer_send(&peer, harness_ok); /* likewise */
    }
    (void)server_read(server, &peer); /* a failure shows in the count of requests */
    (void)peer_drain(&peer);
}

static void release_server(struct loop_timer *timer)
{
    struct rig *rig = timer->context;
    server_release(&rig->server);
}

/* The second of two calls over one connection waits until the first is answered. */
static void call_twice_over_one(struct rig *rig, struct answer answers[2], int64_t release_us)
{
    struct upstream_request request = post_request("/", "{}");
    struct loop_timer release = { .expired = release_server, .context = rig };
    struct call_context calls[2] = { { .client = &rig->client, .answer = &answers[0] },
                                     { .client = &rig->client, .answer = &answers[1] } };
    client_send(&calls[0], &request, false);
    client_send(&calls[1], &request, false);
    loop_timer_start(rig->client.loop, &release, release_us);
    client_run(&rig->client);
}

static void waiting_for_room_does_not_count_as_connecting(void **state)
{
    (void)state;
    struct rig rig;
    struct answer answers[2];
    rig_start(&rig, NULL, answer_first_when_released, NULL);
    rig.options.connect_timeout_us = 500000;
    rig.options.connections_max = 1;
    rig_connect(&rig);
    call_twice_over_one(&rig, answers, 1500000);
    rig_end(&rig);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(answers[i].message, "");
        assert_int_equal(answers[i].failure, UPSTREAM_OK);
        answer_free(&answers[i]);
    }
    assert_int_equal(rig.server.request_count, 2);
    rig_free(&rig);
}

struct mark {
    struct loop_timer timer;
    bool is_past;
};

static void note_past(struct loop_timer *timer)
{
    struct mark *mark = timer->context;
    mark->is_past = true;
}

/* Answered at 1.2 s, the first leaves the second 0.8 s of its 2 s. Timers of one loop come in their order, however late. */
static void waiting_for_room_counts_in_the_timeout(void **state)
{
    (void)state;
    struct rig rig;
    struct answer answers[2];
    struct mark mark = { .timer = { .expired = note_past, .context = &mark } };
    rig_start(&rig, NULL, answer_first_when_released_and_no_other, NULL);
    rig.options.timeout_us = 2000000;
    rig.options.connections_max = 1;
    rig_connect(&rig);
    loop_timer_start(rig.client.loop, &mark.timer, 2800000);
    call_twice_over_one(&rig, answers, 1200000);
    loop_timer_stop(rig.client.loop, &mark.timer);
    rig_end(&rig);
    assert_int_equal(answers[0].failure, UPSTREAM_OK);
    assert_int_equal(answers[1].failure, UPSTREAM_TIMEOUT);
    assert_false(mark.is_past);
    assert_true(answers[1].bytes_left);
    assert_int_equal(rig.server.request_count, 2);
    answer_free(&answers[0]);
    answer_free(&answers[1]);
    rig_free(&rig);
}

/* --- a caller that does not want to send after all --- */

static bool refuse(struct call_context *call, unsigned attempt, struct upstream_request *request)
{
    (void)call, (void)attempt, (void)request; /* always no */
    return false;
}

/* `refused`: which of three calls; together, or each after the other's end. */
static void assert_a_refusal_leaves_the_connection(const struct tls_folder *folder, size_t refused, bool together)
{
    struct rig rig;
    struct answer answers[3];
    struct call_context calls[3];
    rig_start(&rig, folder, script_answer_many, NULL);
    rig.options.connections_max = 1;
    rig_connect(&rig);
    for (size_t i = 0; i < 3; i++) {
        calls[i] = (struct call_context){ .client = &rig.client, .answer = &answers[i] };
        calls[i].about_to_send = i == refused ? refuse : NULL;
        (void)snprintf(calls[i].text, sizeof(calls[i].text), "/%zu", i);
        struct upstream_request request = post_request(calls[i].text, "{}");
        client_send(&calls[i], &request, false);
        if (!together)
            client_run(&rig.client);
    }
    client_run(&rig.client);
    server_release(&rig.server);
    rig_end(&rig);
    assert_int_equal(atomic_load(&rig.server.accepted), 1);
    assert_int_equal(rig.server.request_count, 2);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(answers[i].failure, i == refused ? UPSTREAM_ABORTED : UPSTREAM_OK);
        assert_int_equal(answers[i].bytes_left, i != refused);
        assert_int_equal(answers[i].attempts, i != refused);
        assert_int_equal(answers[i].asked, 1);
        assert_int_equal(server_was_asked(&rig.server, calls[i].text), i != refused);
        answer_free(&answers[i]);
    }
    rig_free(&rig);
}

static void a_call_that_is_not_sent_leaves_its_connection_to_the_next(void **state)
{
    for (size_t refused = 0; refused < 3; refused++) {
        for (unsigned together = 0; together < 2; together++) {
            assert_a_refusal_leaves_the_connection(NULL, refused, together == 1);
            assert_a_refusal_leaves_the_connection(*state, refused, together == 1);
        }
    }
}

/* --- a call that is cancelled while it waits --- */

static void cancel(struct call_context *call)
{
    upstream_cancel(call->call);
    call->client->open_calls--;
}

static void cancel_next(struct call_context *call)
{
    cancel(call + 1);
}

/* `by_done`: cancelled from within the `done` of the call before it, when it is the next to be served. */
static void assert_cancelled_while_it_waits(const struct tls_folder *folder, bool by_done)
{
    struct rig rig;
    struct answer answers[3] = { 0 };
    struct call_context calls[3];
    static const char *const targets[] = { "/first", "/cancelled", "/last" };
    rig_start(&rig, folder, answer_first_when_released, NULL);
    rig.options.connections_max = 1;
    rig_connect(&rig);
    for (size_t i = 0; i < 3; i++) {
        calls[i] = (struct call_context){ .client = &rig.client, .answer = &answers[i] };
        struct upstream_request request = post_request(targets[i], "{}");
        client_send(&calls[i], &request, false);
    }
    calls[0].then = by_done ? cancel_next : NULL;
    rig_run_to(&rig, HELD);
    if (!by_done)
        cancel(&calls[1]);
    server_release(&rig.server);
    client_run(&rig.client);
    assert_int_equal(upstream_in_flight(rig.client.pool), 0);
    rig_end(&rig);
    assert_int_equal(answers[0].failure, UPSTREAM_OK);
    assert_false(answers[1].is_done);
    assert_int_equal(answers[1].asked, 0);
    assert_int_equal(answers[2].failure, UPSTREAM_OK);
    assert_int_equal(rig.server.request_count, 2);
    assert_int_equal(server_was_asked(&rig.server, "/first"), 1);
    assert_int_equal(server_was_asked(&rig.server, "/last"), 1);
    assert_int_equal(atomic_load(&rig.server.accepted), 1);
    for (size_t i = 0; i < 3; i++)
        answer_free(&answers[i]);
    rig_free(&rig);
}

static void cancelled_while_it_waits_for_room(void **state)
{
    for (unsigned by_done = 0; by_done < 2; by_done++) {
        assert_cancelled_while_it_waits(NULL, by_done == 1);
        assert_cancelled_while_it_waits(*state, by_done == 1);
    }
}

#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, tls_folder_make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(calls_are_served_once_each_and_in_order),
        QUEUE_TEST(a_call_made_in_done_comes_behind_those_that_wait),
        QUEUE_TEST(waiting_for_room_does_not_count_as_connecting),
        QUEUE_TEST(waiting_for_room_counts_in_the_timeout),
        QUEUE_TEST(a_call_that_is_not_sent_leaves_its_connection_to_the_next),
        QUEUE_TEST(cancelled_while_it_waits_for_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
