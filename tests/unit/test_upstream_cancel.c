/* Calls that end before their answer, cancelled or by a deadline, at each stage of their way: nothing of them leaves afterwards, and other
 * calls go on. */
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

enum step { HELD = 1, ENDED };

enum { SMALL = 8192, WINDOW = 65536, BODY = 2 * 1024 * 1024, DEADLINE_US = 1500000 };

/* Two calls: one that ends before its time, and one that must not be touched by it. */
struct pair {
    struct rig rig;
    struct answer ended, other;
    struct call_context ending, going;
};

static void pair_start(struct pair *pair, const struct tls_folder *folder, void (*script)(struct server *server),
                       unsigned connections)
{
    memset(pair, 0, sizeof(*pair));
    rig_start(&pair->rig, folder, script, NULL);
    pair->rig.options.connections_max = connections;
    pair->ending = (struct call_context){ .client = &pair->rig.client, .answer = &pair->ended };
    pair->going = (struct call_context){ .client = &pair->rig.client, .answer = &pair->other };
}

static void pair_send(struct call_context *call, const char *target)
{
    struct upstream_request request = post_request(target, "{}");
    client_send(call, &request, false);
}

static void cancel(struct call_context *call)
{
    upstream_cancel(call->call);
    call->client->open_calls--;
}

/* After rig_end. */
static void pair_free(struct pair *pair)
{
    answer_free(&pair->ended);
    answer_free(&pair->other);
    rig_free(&pair->rig);
}

/* --- while its connection is made --- */

static void cancelled_before_the_loop_has_turned(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (unsigned i = 0; i < 8; i++) {
        struct pair pair;
        bool cancels_first = i % 2 == 0;
        pair_start(&pair, folders[i / 4], script_answer_many, 1 + i / 2 % 2);
        rig_connect(&pair.rig);
        pair_send(cancels_first ? &pair.ending : &pair.going, cancels_first ? "/ending" : "/going");
        pair_send(cancels_first ? &pair.going : &pair.ending, cancels_first ? "/going" : "/ending");
        cancel(&pair.ending);
        client_run(&pair.rig.client);
        client_turn(&pair.rig.client);
        server_release(&pair.rig.server);
        rig_end(&pair.rig);
        assert_false(pair.ended.is_done);
        assert_ok(&pair.other);
        assert_int_equal(pair.rig.server.request_count, 1);
        assert_int_equal(server_was_asked(&pair.rig.server, "/going"), 1);
        assert_int_equal(pair.rig.server.requests[1].length, 0);
        pair_free(&pair);
    }
}

/* Shakes hands when it is released; where the client does not want to any more, takes another connection. */
static void hold_the_handshake(struct server *server)
{
    SSL_CTX *tls = server->tls;
    server->tls = NULL;
    struct peer peer = server_accept(server);
    server->tls = tls;
    rig_reach(server, HELD);
    server_wait(server);
    peer.tls = SSL_new(tls);
    if (peer.tls == NULL || SSL_set_fd(peer.tls, peer.fd) != 1)
        abort();
    if (SSL_accept(peer.tls) == 1) {
        peer_answer_all(server, &peer);
        return;
    }
    peer_close(&peer);
    script_answer_ok(server);
}

static void cancelled_in_the_handshake(void **state)
{
    struct pair pair;
    pair_start(&pair, *state, hold_the_handshake, 1);
    rig_connect(&pair.rig);
    pair_send(&pair.ending, "/ending");
    rig_run_to(&pair.rig, HELD);
    cancel(&pair.ending);
    pair_send(&pair.going, "/going");
    client_turn(&pair.rig.client);
    server_release(&pair.rig.server);
    client_run(&pair.rig.client);
    rig_end(&pair.rig);
    assert_false(pair.ended.is_done);
    assert_int_equal(pair.ended.asked, 0);
    assert_ok(&pair.other);
    assert_int_equal(pair.rig.server.request_count, 1);
    assert_int_equal(server_was_asked(&pair.rig.server, "/going"), 1);
    pair_free(&pair);
}

/* By the connect timeout, or by the whole call's where that is shorter. */
static void a_deadline_in_the_handshake(void **state)
{
    static const enum upstream_failure failures[] = { UPSTREAM_CONNECT_TIMEOUT, UPSTREAM_TIMEOUT };
    for (size_t i = 0; i < ARRAY_LENGTH(failures); i++) {
        struct pair pair;
        pair_start(&pair, *state, hold_the_handshake, 1);
        *(i == 0 ? &pair.rig.options.connect_timeout_us : &pair.rig.options.timeout_us) = DEADLINE_US;
        rig_connect(&pair.rig);
        pair_send(&pair.ending, "/ending");
        client_run(&pair.rig.client);
        server_release(&pair.rig.server);
        pair_send(&pair.going, "/going");
        client_run(&pair.rig.client);
        rig_end(&pair.rig);
        /* a call's own deadline may be told as the connection's, which it did not get either */
        assert_true(pair.ended.failure == failures[i] || pair.ended.failure == UPSTREAM_CONNECT_TIMEOUT);
        assert_false(pair.ended.bytes_left);
        assert_int_equal(pair.ended.attempts, 0);
        assert_int_equal(pair.ended.asked, 0);
        assert_ok(&pair.other);
        assert_int_equal(pair.rig.server.request_count, 1);
        assert_int_equal(server_was_asked(&pair.rig.server, "/going"), 1);
        pair_free(&pair);
    }
}

/* --- while it is written --- */

static atomic_size_t drained;

/* Reads nothing of the first connection until the client has gone; answers a second when it is released. */
static void hold_the_body(struct server *server)
{
    struct peer held = server_accept(server);
    server_wait(server);
    script_answer_ok(server);
    atomic_store(&drained, peer_drain(&held));
}

static bool has_left(const void *context)
{
    const struct call_context *call = context;
    return upstream_call_bytes_left(call->call);
}

/* Sends both, and runs until a part of the one has left: it cannot have left whole. */
static void send_large(struct pair *pair, const char *bytes)
{
    struct upstream_request request = post_request("/ending", "");
    request.body = slice_of(bytes, BODY);
    server_takes(&pair->rig.server, WINDOW);
    sockets_take(SMALL);
    rig_connect(&pair->rig);
    client_send(&pair->ending, &request, false);
    client_run_until(&pair->rig.client, has_left, &pair->ending);
    client_turn(&pair->rig.client);
    assert_int_equal(upstream_call_sent_us(pair->ending.call), 0);
    sockets_take(0);
}

static void assert_ended_in_the_body(struct pair *pair)
{
    assert_int_equal(atomic_load(&pair->rig.counts.closed), 1);
    server_release(&pair->rig.server);
    client_run(&pair->rig.client);
    rig_end(&pair->rig);
    assert_true(atomic_load(&drained) < BODY); /* of TLS's, whole records alone count */
    assert_ok(&pair->other);
    assert_false(pair->other.connection.reused);
    assert_int_equal(pair->rig.server.request_count, 1);
    assert_int_equal(server_was_asked(&pair->rig.server, "/going"), 1);
    assert_int_equal(atomic_load(&pair->rig.server.accepted), 2);
    pair_free(pair);
}

static void cancelled_while_it_is_written(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    char *bytes = make_bytes(BODY);
    for (unsigned i = 0; i < 4; i++) {
        struct pair pair;
        pair_start(&pair, folders[i / 2], hold_the_body, 1 + i % 2);
        send_large(&pair, bytes);
        pair_send(&pair.going, "/going");
        client_turn(&pair.rig.client);
        cancel(&pair.ending);
        assert_false(pair.ended.is_done);
        assert_ended_in_the_body(&pair);
    }
    free(bytes);
}

static void a_deadline_while_it_is_written(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    char *bytes = make_bytes(BODY);
    for (unsigned i = 0; i < 4; i++) {
        struct pair pair;
        pair_start(&pair, folders[i / 2], hold_the_body, 1 + i % 2);
        pair.rig.options.timeout_us = DEADLINE_US;
        send_large(&pair, bytes);
        client_run(&pair.rig.client);
        assert_int_equal(pair.ended.failure, UPSTREAM_TIMEOUT);
        assert_true(pair.ended.bytes_left);
        assert_int_equal(pair.ended.attempts, 1);
        assert_int_equal(pair.ended.timing.sent_us, 0);
        pair_send(&pair.going, "/going");
        assert_ended_in_the_body(&pair);
    }
    free(bytes);
}

/* --- while its answer comes --- */

static void send_half_an_answer(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer))
        (void)peer_send(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha"); /* a failure shows at the client */
    rig_reach(server, HELD);
    (void)peer_drain(&peer);
    rig_reach(server, ENDED);
    script_answer_ok(server);
}

static void assert_ended_in_the_answer(struct pair *pair)
{
    rig_run_to(&pair->rig, ENDED); /* the server sees it at once */
    pair_send(&pair->going, "/going");
    client_run(&pair->rig.client);
    rig_end(&pair->rig);
    assert_ok(&pair->other);
    assert_false(pair->other.connection.reused);
    assert_int_equal(pair->rig.server.request_count, 2);
    assert_int_equal(server_was_asked(&pair->rig.server, "/ending"), 1);
    assert_int_equal(server_was_asked(&pair->rig.server, "/going"), 1);
    pair_free(pair);
}

static void cancelled_while_its_answer_comes(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (unsigned i = 0; i < 4; i++) {
        struct pair pair;
        pair_start(&pair, folders[i / 2], send_half_an_answer, 1);
        rig_connect(&pair.rig);
        pair_send(&pair.ending, "/ending");
        rig_run_to(&pair.rig, HELD);
        if (i % 2 == 0)
            client_turn(&pair.rig.client);
        cancel(&pair.ending);
        assert_false(pair.ended.is_done);
        assert_ended_in_the_answer(&pair);
    }
}

static void a_deadline_while_its_answer_comes(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (unsigned i = 0; i < 2; i++) {
        struct pair pair;
        pair_start(&pair, folders[i], send_half_an_answer, 1);
        pair.rig.options.timeout_us = DEADLINE_US;
        rig_connect(&pair.rig);
        pair_send(&pair.ending, "/ending");
        client_run(&pair.rig.client);
        assert_int_equal(pair.ended.failure, UPSTREAM_TIMEOUT);
        assert_true(pair.ended.bytes_left);
        assert_int_equal(pair.ended.status, 200);
        assert_string_equal(pair.ended.response_body, "ha");
        assert_ended_in_the_answer(&pair);
    }
}

/* Answers two connections together. */
static void answer_two_together(struct server *server)
{
    struct peer peers[2] = { server_accept(server), server_accept(server) };
    if (server_read(server, &peers[0]) && server_read(server, &peers[1])) {
        rig_reach(server, HELD);
        server_wait(server);
        if (peer_send(&peers[0], harness_ok) && peer_send(&peers[1], harness_ok))
            rig_reach(server, ENDED);
    }
    (void)peer_drain(&peers[0]);
    (void)peer_drain(&peers[1]);
}

static void cancel_other(struct call_context *call)
{
    struct call_context *other = call->fields[0].name.length == 1 ? call + 1 : call - 1;
    cancel(other);
}

/* Both answers are there before the client looks: the first to be done cancels the other. */
static void cancelled_by_one_that_is_answered_in_the_same_turn(void **state)
{
    const struct tls_folder *folders[] = { NULL, *state };
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        struct pair pair;
        struct call_context calls[2];
        pair_start(&pair, folders[i], answer_two_together, 2);
        rig_connect(&pair.rig);
        calls[0] = pair.ending;
        calls[1] = pair.going;
        calls[0].fields[0].name.length = 1; /* which of the two it is */
        for (size_t n = 0; n < 2; n++) {
            calls[n].then = cancel_other;
            pair_send(&calls[n], "/");
        }
        rig_run_to(&pair.rig, HELD);
        server_release(&pair.rig.server);
        rig_await(&pair.rig, ENDED);
        client_run(&pair.rig.client);
        client_turn(&pair.rig.client);
        assert_int_equal(upstream_in_flight(pair.rig.client.pool), 0);
        assert_int_equal(pair.ended.is_done + pair.other.is_done, 1);
        assert_ok(pair.ended.is_done ? &pair.ended : &pair.other);
        assert_int_equal(atomic_load(&pair.rig.counts.closed), 1);
        rig_end(&pair.rig);
        assert_int_equal(pair.rig.server.request_count, 2);
        pair_free(&pair);
    }
}

#define CANCEL_TEST(name) cmocka_unit_test_setup_teardown(name, tls_folder_make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CANCEL_TEST(cancelled_before_the_loop_has_turned),
        CANCEL_TEST(cancelled_in_the_handshake),
        CANCEL_TEST(a_deadline_in_the_handshake),
        CANCEL_TEST(cancelled_while_it_is_written),
        CANCEL_TEST(a_deadline_while_it_is_written),
        CANCEL_TEST(cancelled_while_its_answer_comes),
        CANCEL_TEST(a_deadline_while_its_answer_comes),
        CANCEL_TEST(cancelled_by_one_that_is_answered_in_the_same_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
