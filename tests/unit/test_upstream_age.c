/* Connections to the exchange that carried nothing for long: none that may have been forgotten on the way carries a request, and those
 * kept ahead of requests are replaced before. */
#include "upstream_clock.h"
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <poll.h>
#include <string.h>

enum { FRESH_S = 100, FORGOTTEN_S = 119, RENEWED_S = 100, LONG_S = 600 };

struct counted {
    const struct rig *rig;
    uint64_t opened;
    uint64_t closed;
};

static bool is_counted(const void *context)
{
    const struct counted *counted = context;
    return atomic_load(&counted->rig->counts.opened) >= counted->opened &&
           atomic_load(&counted->rig->counts.closed) >= counted->closed;
}

static void run_until_counted(struct rig *rig, uint64_t opened, uint64_t closed)
{
    struct counted counted = { .rig = rig, .opened = opened, .closed = closed };
    client_run_until(&rig->client, is_counted, &counted);
}

static void assert_counts(const struct rig *rig, uint64_t opened, uint64_t closed)
{
    assert_int_equal(atomic_load(&rig->counts.opened), opened);
    assert_int_equal(atomic_load(&rig->counts.closed), closed);
}

static void assert_asked_once(const struct answer *answer, bool is_reused)
{
    assert_ok_over(answer, is_reused);
    assert_int_equal(answer->asked, 1);
}

/* What a slow machine takes for a handshake or an answer ends nothing here. */
static void start(struct rig *rig, const struct tls_folder *folder, void (*script)(struct server *server))
{
    rig_start(rig, folder, script, NULL);
    rig->options.connect_timeout_us = rig->options.timeout_us = (int64_t)LONG_S * 1000000;
}

/* --- the next request --- */

struct rest {
    void (*clock_goes_on)(unsigned seconds);
    unsigned seconds;
    bool is_used; /* by the next request */
};

static void assert_used_after_rest(const struct tls_folder *folder, const struct rest *rest)
{
    struct rig rig;
    struct answer answers[2];
    struct upstream_request request = post_request("/order", "{}");
    start(&rig, folder, script_answer_many);
    rig_connect(&rig);
    client_call(&rig.client, &answers[0], &request);
    rest->clock_goes_on(rest->seconds);
    client_call(&rig.client, &answers[1], &request);
    assert_counts(&rig, rest->is_used ? 1 : 2, rest->is_used ? 0 : 1);
    server_release(&rig.server);
    rig_end(&rig);
    assert_int_equal(server_was_asked(&rig.server, "/order"), 2);
    assert_int_equal(rig.server.request_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_asked_once(&answers[i], i > 0 && rest->is_used);
        answer_free(&answers[i]);
    }
    rig_free(&rig);
}

static void a_connection_that_rested_for_too_long_carries_no_request(void **state)
{
    static const struct rest rests[] = {
        { clock_pass, FRESH_S, true },
        { clock_pass, FORGOTTEN_S, false },
        { clock_sleep, FRESH_S, true },
        { clock_sleep, FORGOTTEN_S, false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rests); i++) {
        (void)clock_restore(NULL); /* cannot fail */
        assert_used_after_rest(NULL, &rests[i]);
        assert_used_after_rest(*state, &rests[i]);
    }
}

/* Rest alone counts, not age. */
static void a_connection_in_use_again_and_again_is_kept(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        struct rig rig;
        struct upstream_request request = post_request("/order", "{}");
        start(&rig, folders[i], script_answer_many);
        rig_connect(&rig);
        for (unsigned call = 0; call < 4; call++) {
            struct answer answer;
            client_call(&rig.client, &answer, &request);
            assert_asked_once(&answer, call > 0);
            answer_free(&answer);
            clock_pass(FRESH_S);
        }
        assert_counts(&rig, 1, 0);
        server_release(&rig.server);
        rig_end(&rig);
        rig_free(&rig);
    }
}

/* --- those that are kept ahead of requests --- */

enum { KEPT = 2 };

enum step { ONE_IS_NEW = 1, BOTH_ARE_NEW, OLD_HAVE_ENDED, ASKED };

/* Two are opened; the second of two more is had once the server was released. */
static void let_two_be_replaced(struct server *server)
{
    struct peer old[KEPT] = { server_accept(server), server_accept(server) }, fresh[KEPT];
    fresh[0] = server_accept(server);
    rig_reach(server, ONE_IS_NEW);
    server_wait(server);
    fresh[1] = server_accept(server);
    rig_reach(server, BOTH_ARE_NEW);
    bool have_ended = peer_wait_for_end(&old[0]) && peer_wait_for_end(&old[1]); /* and nothing came */
    rig_reach(server, have_ended ? OLD_HAVE_ENDED : BOTH_ARE_NEW);
    struct pollfd both[KEPT] = { { .fd = fresh[0].fd, .events = POLLIN }, { .fd = fresh[1].fd, .events = POLLIN } };
    (void)poll(both, KEPT, -1); /* a failure shows at the client, as below */
    peer_answer_all(server, &fresh[both[0].revents != 0 ? 0 : 1]);
    for (size_t i = 0; i < KEPT; i++) {
        peer_close(&old[i]);
        peer_close(&fresh[i]);
    }
}

static void connections_kept_ahead_are_replaced_by_new_ones_that_come_first(void **state)
{
    struct rig rig;
    struct answer answer;
    struct upstream_request request = post_request("/order", "{}");
    start(&rig, *state, let_two_be_replaced);
    rig_keep_warm(&rig, KEPT);
    clock_pass(RENEWED_S);
    rig_run_to(&rig, ONE_IS_NEW);
    run_until_counted(&rig, 2 * KEPT, 0);
    client_turn(&rig.client);
    assert_counts(&rig, 2 * KEPT, 0); /* the last is not had yet: its handshake waits */
    server_release(&rig.server);
    rig_run_to(&rig, OLD_HAVE_ENDED);
    run_until_counted(&rig, 2 * KEPT, KEPT);
    assert_true(upstream_is_warm(rig.client.upstream));
    client_call(&rig.client, &answer, &request);
    assert_counts(&rig, 2 * KEPT, KEPT);
    rig_end(&rig);
    assert_asked_once(&answer, true);
    assert_int_equal(rig.server.request_count, 1);
    answer_free(&answer);
    rig_free(&rig);
}

/* Shakes hands with a new one for each old one that has ended. */
static void take_a_new_one_for_each_that_ended(struct server *server)
{
    struct peer old[KEPT] = { server_accept(server), server_accept(server) }, fresh[KEPT];
    struct pollfd both[KEPT] = { { .fd = old[0].fd, .events = POLLIN }, { .fd = old[1].fd, .events = POLLIN } };
    for (size_t i = 0; i < KEPT; i++) {
        (void)poll(both, KEPT, -1); /* a failure shows at the client, as below */
        both[both[0].revents != 0 ? 0 : 1].fd = -1;
        fresh[i] = server_accept(server);
    }
    rig_reach(server, BOTH_ARE_NEW);
    server_wait(server);
    for (size_t i = 0; i < KEPT; i++) {
        peer_close(&old[i]);
        peer_close(&fresh[i]);
    }
}

static void replacing_keeps_to_the_greatest_number_of_connections(void **state)
{
    struct rig rig;
    start(&rig, *state, take_a_new_one_for_each_that_ended);
    rig.options.connections_max = KEPT;
    rig_keep_warm(&rig, KEPT);
    clock_pass(RENEWED_S);
    rig_run_to(&rig, BOTH_ARE_NEW);
    run_until_counted(&rig, 2 * KEPT, KEPT);
    assert_counts(&rig, 2 * KEPT, KEPT);
    assert_true(upstream_is_warm(rig.client.upstream));
    server_release(&rig.server);
    rig_end(&rig);
    assert_int_equal(rig.server.request_count, 0);
    rig_free(&rig);
}

/* One of two carries a request while the other rests, is replaced, and ends. */
static void answer_when_the_other_was_replaced(struct server *server)
{
    struct peer peers[KEPT] = { server_accept(server), server_accept(server) };
    struct pollfd both[KEPT] = { { .fd = peers[0].fd, .events = POLLIN }, { .fd = peers[1].fd, .events = POLLIN } };
    (void)poll(both, KEPT, -1); /* a failure shows at the client, as below */
    size_t used = both[0].revents != 0 ? 0 : 1;
    (void)server_read(server, &peers[used]);
    rig_reach(server, ASKED);
    struct peer fresh = server_accept(server);
    (void)peer_wait_for_end(&peers[1 - used]);
    server_wait(server);
    (void)peer_send(&peers[used], harness_ok);
    peer_answer_all(server, &peers[used]);
    peer_close(&peers[1 - used]);
    peer_close(&fresh);
}

static void a_connection_in_use_is_not_replaced(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        struct rig rig;
        struct answer answers[2];
        struct upstream_request request = post_request("/order", "{}");
        struct call_context call = { .client = &rig.client, .answer = &answers[0] };
        start(&rig, folders[i], answer_when_the_other_was_replaced);
        rig_keep_warm(&rig, KEPT);
        client_send(&call, &request, false);
        rig_run_to(&rig, ASKED);
        clock_pass(RENEWED_S);
        run_until_counted(&rig, KEPT + 1, 1);
        server_release(&rig.server);
        client_run(&rig.client);
        client_call(&rig.client, &answers[1], &request);
        assert_counts(&rig, KEPT + 1, 1);
        rig_end(&rig);
        assert_int_equal(server_was_asked(&rig.server, "/order"), 2);
        for (size_t k = 0; k < 2; k++) {
            assert_asked_once(&answers[k], true);
            answer_free(&answers[k]);
        }
        rig_free(&rig);
    }
}

/* --- libcurl has an opinion of its own --- */

enum { THREE = 3 };

static bool end_behind_the_first(struct server *server, struct peer *peer)
{
    static const char last[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    return peer_send(peer, server->request_count == 1 ? last : harness_ok);
}

static void answer_and_end_behind_the_first(struct server *server)
{
    server->answer = end_behind_the_first;
    script_answer_many(server);
}

/* As another is opened, it looks for connections that were idle for 118 s: CURLOPT_MAXAGE_CONN. */
static void connections_that_libcurl_takes_for_old_stay_open(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        struct rig rig;
        struct answer first, answers[THREE];
        struct call_context calls[THREE];
        struct upstream_request request = post_request("/order", "{}");
        start(&rig, folders[i], answer_and_end_behind_the_first);
        rig_keep_warm(&rig, THREE);
        clock_pass_for_libcurl(FORGOTTEN_S);
        client_call(&rig.client, &first, &request);
        run_until_counted(&rig, THREE + 1, 1);
        client_turn(&rig.client);
        for (size_t k = 0; k < THREE; k++) {
            calls[k] = (struct call_context){ .client = &rig.client, .answer = &answers[k] };
            client_send(&calls[k], &request, false);
        }
        client_run(&rig.client);
        assert_counts(&rig, THREE + 1, 1);
        server_release(&rig.server);
        rig_end(&rig);
        assert_int_equal(server_was_asked(&rig.server, "/order"), THREE + 1);
        for (size_t k = 0; k < THREE; k++) {
            assert_string_equal(answers[k].message, "");
            assert_int_equal(answers[k].failure, UPSTREAM_OK);
            assert_int_equal(answers[k].asked, 1);
            answer_free(&answers[k]);
        }
        answer_free(&first);
        rig_free(&rig);
    }
}

static int make(void **state)
{
    return clock_restore(state) == 0 ? tls_folder_make(state) : -1;
}

#define AGE_TEST(name) cmocka_unit_test_setup_teardown(name, make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AGE_TEST(a_connection_that_rested_for_too_long_carries_no_request),
        AGE_TEST(a_connection_in_use_again_and_again_is_kept),
        AGE_TEST(connections_kept_ahead_are_replaced_by_new_ones_that_come_first),
        AGE_TEST(replacing_keeps_to_the_greatest_number_of_connections),
        AGE_TEST(a_connection_in_use_is_not_replaced),
        AGE_TEST(connections_that_libcurl_takes_for_old_stay_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
