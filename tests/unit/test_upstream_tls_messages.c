/* What TLS sends for itself (tickets, key updates, a wish for another handshake) ends no connection to the exchange and is nobody's answer. That it
 * holds nobody up: test_upstream_flood.c. */
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/socket.h>

enum step { STIRRED = 1 };

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
            assert_ok_over(&answers[i], i > 0);
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
    assert_ok_over(&answer, false);
    server_release(&rig.server);
    rig_run_to(&rig, REFUSED);
    rig_end(&rig);
    assert_int_equal(rig.server.request_count, 1);
    answer_free(&answer);
    rig_free(&rig);
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, tls_folder_make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS_TEST(tickets_and_key_updates_leave_an_idle_connection_open),
        TLS_TEST(what_follows_a_key_update_leaves_an_idle_connection_open),
        TLS_TEST(a_handshake_that_is_wished_for_is_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
