/* What TLS sends for itself (tickets, key updates, a wish for another handshake) ends no connection to the exchange, is nobody's answer
 * and holds nobody up. */
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/socket.h>

enum step { STIRRED = 1 };

static void assert_ok(const struct answer *answer, bool is_reused)
{
    assert_string_equal(answer->message, "");
    assert_int_equal(answer->failure, UPSTREAM_OK);
    assert_int_equal(answer->status, 200);
    assert_string_equal(answer->response_body, "ok");
    assert_int_equal(answer->attempts, 1);
    assert_int_equal(answer->connection.reused, is_reused);
}

/* --- tickets and key updates, as OpenSSL sends them --- */

enum { TICKETS = 3, ROUNDS = 2 };

static bool update_key(SSL *tls, int type)
{
    return SSL_key_update(tls, type) == 1 && SSL_do_handshake(tls) == 1;
}

static bool send_tickets(SSL *tls)
{
    bool well = true;
    for (int i = 0; i < TICKETS; i++)
        well = well && SSL_new_session_ticket(tls) == 1 && SSL_do_handshake(tls) == 1;
    return well;
}

static bool send_tickets_and_a_key_update(SSL *tls, unsigned round)
{
    return send_tickets(tls) && update_key(tls, round == 1 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
}

/* OpenSSL has decrypted the record behind a key update that asks for one before it has taken it in: SSL_has_pending tells of it. */
static bool send_key_updates_before_other_messages(SSL *tls, unsigned round)
{
    (void)round; /* always the same */
    return update_key(tls, SSL_KEY_UPDATE_REQUESTED) && update_key(tls, SSL_KEY_UPDATE_NOT_REQUESTED) &&
           update_key(tls, SSL_KEY_UPDATE_REQUESTED) && send_tickets(tls);
}

/* `given` is a pointer to one of them. */
typedef bool (*tls_talk)(SSL *tls, unsigned round);

static void talk_tls_while_idle(struct server *server)
{
    const tls_talk *talk = rig_of(server)->given;
    struct peer peer = server_accept(server);
    for (unsigned i = 1; i <= ROUNDS && server_read(server, &peer) && peer_send(&peer, harness_ok); i++) {
        server_wait(server);
        if (!(*talk)(peer.tls, i))
            abort();
        rig_reach(server, i);
    }
    peer_answer_all(server, &peer);
}

static void assert_tls_messages_leave_it_open(const struct tls_folder *folder, tls_talk talk)
{
    for (unsigned looks = 0; looks < 2; looks++) {
        struct rig rig;
        struct answer answers[ROUNDS + 1];
        struct upstream_request request = post_request("/", "{}");
        rig_start(&rig, folder, talk_tls_while_idle, &talk);
        rig_connect(&rig);
        for (unsigned i = 0; i < ARRAY_LENGTH(answers); i++) {
            client_call(&rig.client, &answers[i], &request);
            assert_ok(&answers[i], i > 0);
            if (i == ROUNDS)
                break;
            server_release(&rig.server);
            rig_await(&rig, i + 1);
            if (looks == 1)
                client_turn(&rig.client);
        }
        assert_int_equal(atomic_load(&rig.counts.closed), 0);
        rig_end(&rig);
        assert_int_equal(rig.server.request_count, ROUNDS + 1);
        assert_int_equal(atomic_load(&rig.server.accepted), 1);
        for (size_t i = 0; i < ARRAY_LENGTH(answers); i++)
            answer_free(&answers[i]);
        rig_free(&rig);
    }
}

static void tickets_and_key_updates_leave_an_idle_connection_open(void **state)
{
    assert_tls_messages_leave_it_open(*state, send_tickets_and_a_key_update);
}

static void what_follows_a_key_update_leaves_an_idle_connection_open(void **state)
{
    assert_tls_messages_leave_it_open(*state, send_key_updates_before_other_messages);
}

/* --- a wish for another handshake (TLS 1.2, RFC 5246 §7.4.1.1) --- */

enum { REFUSED = STIRRED + 1, HANDSHAKE = 0x16 /* a record's type: RFC 5246 §6.2.1 */ };

/* What is answered to it is an alert (§7.2.2), and no handshake. */
static void wish_for_a_handshake(struct server *server)
{
    if (SSL_CTX_set_min_proto_version(server->tls, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(server->tls, TLS1_2_VERSION) != 1)
        abort();
    struct peer peer = server_accept(server);
    bool well = server_read(server, &peer) && peer_send(&peer, harness_ok);
    server_wait(server);
    if (well && (SSL_renegotiate(peer.tls) != 1 || SSL_do_handshake(peer.tls) != 1))
        abort();
    unsigned char type = HANDSHAKE;
    if (recv(peer.fd, &type, 1, MSG_PEEK) == 1 && type != HANDSHAKE)
        rig_reach(server, REFUSED);
    peer_reset(&peer);
}

static void a_handshake_that_is_wished_for_is_not_begun(void **state)
{
    struct rig rig;
    struct answer answer;
    struct upstream_request request = post_request("/", "{}");
    rig_start(&rig, *state, wish_for_a_handshake, NULL);
    rig_connect(&rig);
    client_call(&rig.client, &answer, &request);
    assert_ok(&answer, false);
    server_release(&rig.server);
    rig_run_to(&rig, REFUSED);
    rig_end(&rig);
    assert_int_equal(rig.server.request_count, 1);
    answer_free(&answer);
    rig_free(&rig);
}

/* --- without end --- */

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
    client_call(&beside, &answer, &request);
    assert_ok(&answer, false);
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
        assert_ok(&answer, false);
        rig_end(&rig);
        answer_free(&answer);
        rig_free(&rig);
    }
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, tls_folder_make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS_TEST(tickets_and_key_updates_leave_an_idle_connection_open),
        TLS_TEST(what_follows_a_key_update_leaves_an_idle_connection_open),
        TLS_TEST(a_handshake_that_is_wished_for_is_not_begun),
        TLS_TEST(tls_messages_without_end_hold_no_other_call_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
