/* A connection to the exchange that carries no request: whatever comes over it unasked ends it and is nobody's answer, but for what TLS
 * sends for itself. */
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>

enum step { STIRRED = 1, ENDED };

/* --- a byte behind an answer --- */

static void send_more_than_the_answer(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer))
        (void)peer_send(&peer, rig_of(server)->given); /* a failure shows at the client */
    (void)peer_drain(&peer);
    rig_reach(server, ENDED);
    script_answer_ok(server);
}

static void assert_excess_is_no_answer(const struct tls_folder *folder, const char *method, const char *sent,
                                       const char *body)
{
    struct rig rig;
    struct answer first, second;
    struct upstream_request get = get_request("/first"), post = post_request("/second", "{}");
    get.method = slice_text(method);
    rig_start(&rig, folder, send_more_than_the_answer, sent);
    rig_connect(&rig);
    client_call(&rig.client, &first, &get);
    assert_int_equal(first.failure, UPSTREAM_OK);
    assert_string_equal(first.response_body, body);
    rig_run_to(&rig, ENDED); /* without another request */
    assert_int_equal(atomic_load(&rig.counts.closed), 1);
    client_call(&rig.client, &second, &post);
    rig_end(&rig);
    assert_ok_over(&second, false);
    assert_int_equal(rig.server.request_count, 2);
    assert_int_equal(atomic_load(&rig.server.accepted), 2);
    answer_free(&first);
    answer_free(&second);
    rig_free(&rig);
}

static void a_byte_behind_an_answer_is_no_answer(void **state)
{
    static const struct {
        const char *method;
        const char *sent;
        const char *body;
    } cases[] = {
        { "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab!", "ab" },
        { "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab\r\n", "ab" },
        { "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
          "ab" },
        { "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 100 Continue\r\n\r\n", "ab" },
        { "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n!", "ab" },
        { "GET", "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", "" },
        { "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_excess_is_no_answer(NULL, cases[i].method, cases[i].sent, cases[i].body);
        assert_excess_is_no_answer(*state, cases[i].method, cases[i].sent, cases[i].body);
    }
}

/* --- what comes over an idle connection --- */

struct stir {
    const char *text;
    bool shuts; /* ends its side; over TLS without TLS's own end */
    bool tells; /* TLS's own end */
    bool resets;
    bool keeps_reading; /* to see when the client ends */
};

static const struct stir stirs[] = {
    { .text = "x", .keeps_reading = true },
    { .text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", .keeps_reading = true },
    { .text = "HTTP/1.1 408 Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      .shuts = true,
      .keeps_reading = true },
    { .text = "", .shuts = true, .keeps_reading = true },
    { .text = "", .tells = true, .keeps_reading = true },
    { .text = "", .resets = true },
    { .text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", .resets = true },
};

static void stir(struct peer *peer, const struct stir *what)
{
    if (what->text[0] != '\0')
        (void)peer_send(peer, what->text); /* a failure shows at the client */
    if (what->tells && peer->tls != NULL)
        (void)SSL_shutdown(peer->tls); /* likewise */
    if (what->shuts || (what->tells && peer->tls == NULL))
        (void)shutdown(peer->fd, SHUT_WR); /* likewise */
    if (what->resets)
        peer_reset(peer);
}

static void stir_while_idle(struct server *server)
{
    const struct stir *what = rig_of(server)->given;
    struct peer peer = server_accept(server);
    if (server_read(server, &peer))
        (void)peer_send(&peer, harness_ok); /* a failure shows at the client */
    server_wait(server);
    stir(&peer, what);
    rig_reach(server, STIRRED);
    if (what->keeps_reading) {
        char byte; /* TLS's own reads end with what the server itself has said */
        while (recv(peer.fd, &byte, 1, 0) > 0)
            continue;
        peer_close(&peer);
    }
    rig_reach(server, ENDED);
    script_answer_ok(server);
}

static bool is_one_closed(const void *context)
{
    const struct rig *rig = context;
    return atomic_load(&rig->counts.closed) >= 1;
}

/* `looks`: the client's loop runs before the next request, which finds no connection then; else it is the request that must look. */
static void assert_a_stirred_connection_ends(const struct tls_folder *folder, const struct stir *what, bool looks)
{
    struct rig rig;
    struct answer first, second;
    struct upstream_request get = get_request("/first"), post = post_request("/second", "{}");
    rig_start(&rig, folder, stir_while_idle, what);
    rig_connect(&rig);
    client_call(&rig.client, &first, &get);
    client_turn(&rig.client); /* so that it is the idle connection's own, and not the answer's */
    assert_int_equal(atomic_load(&rig.counts.closed), 0);
    server_release(&rig.server);
    if (looks) {
        rig_run_to(&rig, ENDED);
        client_run_until(&rig.client, is_one_closed, &rig);
    } else {
        rig_await(&rig, STIRRED);
    }
    client_call(&rig.client, &second, &post);
    assert_int_equal(atomic_load(&rig.counts.closed), 1);
    rig_end(&rig);
    assert_ok_over(&first, false);
    assert_ok_over(&second, false);
    assert_int_equal(rig.server.request_count, 2);
    assert_memory_equal(rig.server.requests[1].data, "POST /second ", 13);
    assert_int_equal(atomic_load(&rig.server.accepted), 2);
    assert_int_equal(atomic_load(&rig.counts.opened), 2);
    assert_int_equal(atomic_load(&rig.counts.closed), 2);
    answer_free(&first);
    answer_free(&second);
    rig_free(&rig);
}

static void what_comes_unasked_ends_an_idle_connection_at_once(void **state)
{
    for (size_t i = 0; i < ARRAY_LENGTH(stirs); i++) {
        assert_a_stirred_connection_ends(NULL, &stirs[i], true);
        assert_a_stirred_connection_ends(*state, &stirs[i], true);
    }
}

static void a_request_does_not_use_a_connection_over_which_something_came(void **state)
{
    for (size_t i = 0; i < ARRAY_LENGTH(stirs); i++) {
        assert_a_stirred_connection_ends(NULL, &stirs[i], false);
        assert_a_stirred_connection_ends(*state, &stirs[i], false);
    }
}

/* --- what comes before there is a request --- */

static bool answer_with_the_handshake(SSL *tls, const char *text)
{
    unsigned char byte;
    size_t count = 0;
    return SSL_read_early_data(tls, &byte, 1, &count) == SSL_READ_EARLY_DATA_FINISH &&
           SSL_write_early_data(tls, text, strlen(text), &count) == 1;
}

/* Sends an answer right behind its part of the handshake of a first connection, before the client can have asked. */
static void answer_unasked(struct server *server)
{
    SSL_CTX *tls = server->tls;
    server->tls = NULL;
    struct peer peer = server_accept(server);
    server->tls = tls;
    peer.tls = SSL_new(tls);
    if (peer.tls == NULL || SSL_set_fd(peer.tls, peer.fd) != 1 || SSL_set_max_early_data(peer.tls, 1) != 1 ||
        !answer_with_the_handshake(peer.tls, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"))
        abort();
    if (SSL_accept(peer.tls) == 1) /* a client that has had enough may be gone */
        peer_answer_all(server, &peer);
    peer_close(&peer);
    script_answer_ok(server);
}

static void what_came_before_a_request_is_not_its_answer(void **state)
{
    struct rig rig;
    struct answer first, second;
    struct upstream_request post = post_request("/first", "{}"), next = post_request("/second", "{}");
    rig_start(&rig, *state, answer_unasked, NULL);
    rig_connect(&rig);
    client_call(&rig.client, &first, &post);
    assert_string_not_equal(first.response_body, "bad");
    client_call(&rig.client, &second, &next);
    rig_end(&rig);
    assert_ok_over(&second, first.failure == UPSTREAM_OK);
    assert_int_equal(rig.server.request_count, 1 + first.attempts);
    answer_free(&first);
    answer_free(&second);
    rig_free(&rig);
}

#define IDLE_TEST(name) cmocka_unit_test_setup_teardown(name, tls_folder_make, tls_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IDLE_TEST(a_byte_behind_an_answer_is_no_answer),
        IDLE_TEST(what_comes_unasked_ends_an_idle_connection_at_once),
        IDLE_TEST(a_request_does_not_use_a_connection_over_which_something_came),
        IDLE_TEST(what_came_before_a_request_is_not_its_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
