/* Session tickets on an idle connection to the exchange, as servers other than OpenSSL's may send them: several in one TLS record, and a
 * record in pieces. */
#include "tls_by_hand.h"
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <sys/socket.h>

enum step { BEGUN = 1, WHOLE };

struct ticket_talk {
    unsigned tickets;   /* in one record */
    size_t first_bytes; /* that come ahead of the rest; 0: all at once */
};

static const struct ticket_talk ticket_talks[] = {
    { .tickets = 1 },
    { .tickets = 2 },
    { .tickets = 8 },
    { .tickets = 1, .first_bytes = 1 },  /* of a record's header */
    { .tickets = 1, .first_bytes = 5 },  /* all of it, and nothing more */
    { .tickets = 1, .first_bytes = 7 },  /* and a little more */
    { .tickets = 2, .first_bytes = 20 }, /* some of what it holds */
};

/* The record, and behind it an answer to the request that comes then. */
static void talk_by_hand(struct server *server, struct peer *peer)
{
    const struct ticket_talk *talk = rig_of(server)->given;
    struct peer raw = { .fd = peer->fd };
    server_wait(server);
    struct tls_record record = tls_by_hand_tickets(talk->tickets);
    if (talk->first_bytes > 0) {
        (void)peer_send_bytes(&raw, record.bytes, talk->first_bytes); /* a failure shows at the client, as below */
        rig_reach(server, BEGUN);
        server_wait(server);
    }
    (void)peer_send_bytes(&raw, record.bytes + talk->first_bytes, record.length - talk->first_bytes);
    rig_reach(server, WHOLE);
    if (!server_read(server, peer))
        return;
    record = tls_by_hand_text(harness_ok);
    (void)peer_send_bytes(&raw, record.bytes, record.length);
}

static void talk_by_hand_while_idle(struct server *server)
{
    tls_by_hand_prepare(server->tls);
    struct peer peer = server_accept(server);
    talk_by_hand(server, &peer);
    (void)recv(peer.fd, &(char){ 0 }, 1, 0); /* until the client's end */
    peer_reset(&peer);
}

static void keep_one(struct rig *rig, const struct tls_folder *folder, void (*script)(struct server *server),
                     const struct ticket_talk *talk)
{
    rig_start(rig, folder, script, talk);
    rig_keep_warm(rig, 1);
}

/* `looks`: the client's loop runs whenever something has come; else it is the request that looks. */
static void assert_tickets_leave_it_open(const struct tls_folder *folder, const struct ticket_talk *talk, bool looks)
{
    struct rig rig;
    struct answer answer;
    struct upstream_request request = post_request("/", "{}");
    keep_one(&rig, folder, talk_by_hand_while_idle, talk);
    for (unsigned step = talk->first_bytes > 0 ? BEGUN : WHOLE; step <= WHOLE; step++) {
        server_release(&rig.server);
        rig_await(&rig, step);
        if (looks)
            client_turn(&rig.client);
    }
    client_call(&rig.client, &answer, &request);
    assert_ok_over(&answer, true);
    assert_int_equal(atomic_load(&rig.counts.opened), 1);
    assert_int_equal(atomic_load(&rig.counts.closed), 0);
    rig_end(&rig);
    assert_int_equal(rig.server.request_count, 1);
    answer_free(&answer);
    rig_free(&rig);
}

static void tickets_in_any_records_and_pieces_leave_an_idle_connection_open(void **state)
{
    for (size_t i = 0; i < ARRAY_LENGTH(ticket_talks); i++) {
        assert_tickets_leave_it_open(*state, &ticket_talks[i], true);
        assert_tickets_leave_it_open(*state, &ticket_talks[i], false);
    }
}

/* Half a record; whoever asks meanwhile is answered over another connection. */
static void begin_a_ticket(struct server *server)
{
    const struct ticket_talk *talk = rig_of(server)->given;
    tls_by_hand_prepare(server->tls);
    struct peer peer = server_accept(server), raw = { .fd = peer.fd };
    server_wait(server);
    struct tls_record record = tls_by_hand_tickets(talk->tickets);
    (void)peer_send_bytes(&raw, record.bytes, talk->first_bytes); /* a failure shows at the client */
    rig_reach(server, BEGUN);
    struct peer other = server_accept(server);
    peer_answer_all(server, &other);
    peer_reset(&peer);
}

static void a_request_does_not_wait_for_the_rest_of_a_ticket(void **state)
{
    for (size_t i = 0; i < ARRAY_LENGTH(ticket_talks); i++) {
        if (ticket_talks[i].first_bytes == 0)
            continue;
        struct rig rig;
        struct answer answer;
        struct upstream_request request = post_request("/", "{}");
        keep_one(&rig, *state, begin_a_ticket, &ticket_talks[i]);
        server_release(&rig.server);
        rig_await(&rig, BEGUN);
        client_turn(&rig.client);
        assert_int_equal(atomic_load(&rig.counts.closed), 0);
        client_call(&rig.client, &answer, &request);
        assert_ok_over(&answer, false);
        rig_end(&rig);
        assert_int_equal(rig.server.request_count, 1);
        answer_free(&answer);
        rig_free(&rig);
    }
}

#define TICKET_TEST(name) cmocka_unit_test_setup_teardown(name, tls_folder_make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TICKET_TEST(tickets_in_any_records_and_pieces_leave_an_idle_connection_open),
        TICKET_TEST(a_request_does_not_wait_for_the_rest_of_a_ticket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
