/* An exchange that sends without end: it holds no other call on the same loop up. */
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

enum step { STIRRED = 1, ENDED };

/* Tickets without end; most of a megabyte of them before the client looks. */
enum { MANY_TICKETS = 2000 };

static atomic_bool flood_stops;

static void flood(struct server *server, struct peer *peer)
{
    for (unsigned sent = 0; !atomic_load(&flood_stops); sent++) {
        if (SSL_new_session_ticket(peer->tls) != 1 || SSL_do_handshake(peer->tls) != 1)
            break; /* the client has ended */
        if (sent == MANY_TICKETS)
            rig_reach(server, STIRRED);
    }
    rig_reach(server, STIRRED);
}

static void flood_while_idle(struct server *server)
{
    struct peer peer = server_accept(server);
    bool well = server_read(server, &peer) && peer_send(&peer, harness_ok);
    server_wait(server);
    if (well)
        flood(server, &peer);
    peer_answer_all(server, &peer);
}

static void flood_instead_of_an_answer(struct server *server)
{
    struct peer peer = server_accept(server);
    bool well = server_read(server, &peer);
    if (well)
        flood(server, &peer);
    if (well && peer_send(&peer, harness_ok)) /* a failure shows at the client */
        peer_answer_all(server, &peer);
    peer_close(&peer);
}

static bool is_done(const void *context)
{
    return ((const struct answer *)context)->is_done;
}

/* A call to another host on the same loop, begun and ended while the tickets come. */
static void call_beside(struct rig *rig)
{
    struct server server;
    struct answer answer;
    char url[64];
    struct error error = { 0 };
    struct client beside = { .loop = rig->client.loop, .pool = rig->client.pool };
    struct upstream_request request = post_request("/beside", "{}");
    server_start(&server, "127.0.0.1", 0, NULL, script_answer_ok);
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
    assert_true(upstream_create(&beside.upstream, beside.pool, &options, &error));
    beside.guard = (struct loop_timer){ .expired = rig->client.guard.expired, .context = &beside };
    struct call_context call = { .client = &beside, .answer = &answer };
    client_send(&call, &request, false);
    client_run_until(&beside, is_done, &answer); /* the end of the other call may stop the loop, too */
    assert_ok(&answer);
    upstream_free(beside.upstream);
    server_join(&server);
    exchange_end(&server, &answer);
}

static void tls_messages_without_end_hold_no_other_call_up(void **state)
{
    static void (*const scripts[])(struct server *) = { flood_while_idle, flood_instead_of_an_answer };
    for (size_t i = 0; i < ARRAY_LENGTH(scripts); i++) {
        struct rig rig;
        struct answer answer;
        struct upstream_request request = get_request("/");
        struct call_context call = { .client = &rig.client, .answer = &answer };
        atomic_store(&flood_stops, false);
        rig_start(&rig, *state, scripts[i], NULL);
        rig_connect(&rig);
        client_send(&call, &request, false);
        if (i == 0) {
            client_run(&rig.client);
            server_release(&rig.server);
            rig_await(&rig, STIRRED); /* there is much to read before it is looked at */
        } else {
            rig_run_to(&rig, STIRRED);
        }
        call_beside(&rig);
        assert_int_equal(answer.is_done, i == 0);
        atomic_store(&flood_stops, true);
        client_run(&rig.client);
        assert_ok(&answer);
        rig_end(&rig);
        answer_free(&answer);
        rig_free(&rig);
    }
}

/* --- answers without end --- */

struct endless {
    const char *begin;
    const char *more;
};

static void flood_with_an_answer(struct server *server)
{
    enum { BLOCK = 32 * 1024 };
    const struct endless *endless = rig_of(server)->given;
    struct peer peer = server_accept(server);
    char block[BLOCK];
    size_t length = 0, more = strlen(endless->more);
    while (length + more <= sizeof(block)) {
        memcpy(block + length, endless->more, more);
        length += more;
    }
    bool well = server_read(server, &peer) && peer_send(&peer, endless->begin);
    while (well && peer_send_bytes(&peer, block, length))
        rig_reach(server, STIRRED);
    peer_close(&peer);
    rig_reach(server, ENDED);
}

/* The call ends for what comes, before its timeout or by it; the server sees the end. */
static void an_answer_without_end_holds_no_other_call_up(void **state)
{
    static const struct endless cases[] = {
        { "", "\r\n" },
        { "", "HTTP/1.1 100 Continue\r\n\r\n" },
        { "HTTP/1.1 200 OK\r\n", "X: y\r\n" },
        { "HTTP/1.1 200 OK\r\nX: ", "y" },
        { "HTTP/1.1 200 OK\r\n\r\n", "body" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x;" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nb\r\n" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "T: v\r\n" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0" },
    };
    const struct tls_folder *folders[] = { NULL, *state };
    for (size_t i = 0; i < 2 * ARRAY_LENGTH(cases); i++) {
        struct rig rig;
        struct answer answer;
        struct upstream_request request = post_request("/order", "{}");
        struct call_context call = { .client = &rig.client, .answer = &answer };
        rig_start(&rig, folders[i % 2], flood_with_an_answer, &cases[i / 2]);
        rig_connect(&rig);
        client_send(&call, &request, true);
        rig_run_to(&rig, STIRRED);
        call_beside(&rig);
        client_run(&rig.client);
        rig_run_to(&rig, ENDED);
        rig_end(&rig);
        assert_int_not_equal(answer.failure, UPSTREAM_OK);
        assert_true(answer.bytes_left);
        assert_int_equal(answer.attempts, 1);
        assert_int_equal(rig.server.request_count, 1);
        assert_int_equal(atomic_load(&rig.server.accepted), 1);
        answer_free(&answer);
        rig_free(&rig);
    }
}

#define FLOOD_TEST(name) cmocka_unit_test_setup_teardown(name, tls_folder_make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOOD_TEST(tls_messages_without_end_hold_no_other_call_up),
        FLOOD_TEST(an_answer_without_end_holds_no_other_call_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
