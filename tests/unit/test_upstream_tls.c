/* TLS: whom the upstream trusts, what it tells of the connection, and that sessions are resumed. */
#include "upstream_harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    char folder[32];
    char ca[64];
    char other_ca[64];
};

static int make_folder(void **state)
{
    static struct fixture fixture;
    (void)snprintf(fixture.folder, sizeof(fixture.folder), "/tmp/test-upstream-XXXXXX");
    if (mkdtemp(fixture.folder) == NULL)
        return -1;
    (void)snprintf(fixture.ca, sizeof(fixture.ca), "%s/ca.pem", fixture.folder);
    (void)snprintf(fixture.other_ca, sizeof(fixture.other_ca), "%s/other.pem", fixture.folder);
    *state = &fixture;
    return 0;
}

static int remove_folder(void **state)
{
    const struct fixture *fixture = *state;
    (void)unlink(fixture->ca); /* some tests write the one, some the other */
    (void)unlink(fixture->other_ca);
    return rmdir(fixture->folder);
}

/* --- scripts --- */

/* One connection is waited for; more are there already, or were never made. */
static void count_connections(struct server *server)
{
    struct peer peer = server_accept(server);
    (void)server_read(server, &peer); /* a failure shows in the requests */
    peer_close(&peer);
    server_wait(server);
    int flags = fcntl(server->listen_fd, F_GETFL);
    (void)fcntl(server->listen_fd, F_SETFL, flags | O_NONBLOCK); /* or the next accept fails the test by its hang */
    SSL_CTX_free(server->tls);
    server->tls = NULL;
    while ((peer = server_accept(server)).fd >= 0)
        peer_close(&peer);
}

static void answer_two_connections(struct server *server)
{
    for (int i = 0; i < 2; i++) {
        struct peer peer = server_accept(server);
        if (server_read(server, &peer))
            (void)peer_send(&peer,
                            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"); /* likewise */
        (void)peer_wait_for_end(&peer);
        peer_close(&peer);
    }
}

static void hang_up_before_the_handshake_once(struct server *server)
{
    SSL_CTX *tls = server->tls;
    server->tls = NULL;
    struct peer peer = server_accept(server);
    peer_reset(&peer);
    server->tls = tls;
    script_answer_ok(server);
}

/* Ends the TCP connection without TLS's own end: what came may be cut. */
static void answer_and_cut(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer))
        (void)peer_send(&peer, "HTTP/1.1 200 OK\r\n\r\nhalf of"); /* a failure shows at the client */
    SSL_set_quiet_shutdown(peer.tls, 1);
    peer_close(&peer);
}

static void answer_until_close(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer))
        (void)peer_send(&peer, "HTTP/1.1 200 OK\r\n\r\nall of it"); /* likewise */
    peer_close(&peer);
}

/* Takes connections until the test is over. */
static void fail_all_handshakes(struct server *server)
{
    struct pollfd fds[] = { { .fd = server->released[0], .events = POLLIN },
                            { .fd = server->listen_fd, .events = POLLIN } };
    while (poll(fds, 2, -1) > 0 && fds[0].revents == 0) {
        struct peer peer = server_accept(server);
        (void)server_read(server, &peer); /* a failure shows in the requests */
        peer_close(&peer);
    }
}

/* Answers "ok" to each head of an HTTP/2 request. */
static void answer_http_2(struct server *server)
{
    enum { HEADERS = 1, STREAM = 5 /* where the stream's number stands in a frame's head, RFC 9113 §4.1 */ };
    static const unsigned char settings[] = { 0, 0, 0, 4, 0, 0, 0, 0, 0 };
    unsigned char head[] = { 0, 0, 5, 1, 4, 0, 0, 0, 0, 0x88, 0x0f, 0x0d, 1, '2' }; /* :status 200, content-length 2 */
    unsigned char data[] = { 0, 0, 2, 0, 1, 0, 0, 0, 0, 'o', 'k' };                 /* with END_STREAM */
    unsigned char preface[24], frame[9], payload[65536];
    struct peer peer = server_accept(server);
    bool well =
        peer_read_exactly(&peer, preface, sizeof(preface)) && peer_send_bytes(&peer, settings, sizeof(settings));
    while (well && peer_read_exactly(&peer, frame, sizeof(frame))) {
        size_t length = (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2];
        well = length <= sizeof(payload) && peer_read_exactly(&peer, payload, length);
        if (!well || frame[3] != HEADERS)
            continue;
        server->request_count++;
        memcpy(head + STREAM, frame + STREAM, 4);
        memcpy(data + STREAM, frame + STREAM, 4);
        well = peer_send_bytes(&peer, head, sizeof(head)) && peer_send_bytes(&peer, data, sizeof(data));
    }
    peer_close(&peer);
}

static void die_after_the_second_request(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer) && peer_send(&peer, harness_ok))
        (void)server_read(server, &peer); /* a failure shows in the count of requests */
    peer_close(&peer);
    server_wait(server);
    int flags = fcntl(server->listen_fd, F_GETFL);
    (void)fcntl(server->listen_fd, F_SETFL, flags | O_NONBLOCK);
    peer = server_accept(server);
    peer_close(&peer);
}

/* --- steps --- */

static struct upstream_options tls_options(char *url, size_t size, const struct server *server, const char *ca_file)
{
    struct upstream_options options = client_options(url, size, "https", "localhost", server->port);
    options.ca_file = ca_file;
    options.ip_family = UPSTREAM_IP_V4;
    return options;
}

static void call_tls(struct server *server, struct answer *answer, const char *ca_file, enum upstream_http http)
{
    char url[64];
    struct upstream_options options = tls_options(url, sizeof(url), server, ca_file);
    options.http = http;
    struct upstream_request request = post_request("/order", "{}");
    call_once(answer, &options, &request);
}

/* --- tests --- */

static void a_server_of_the_ca_file_is_trusted_and_its_connection_told(void **state)
{
    const struct fixture *fixture = *state;
    static const struct {
        int version;
        const char *name;
    } cases[] = { { TLS1_2_VERSION, "TLSv1.2" }, { TLS1_3_VERSION, "TLSv1.3" } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct server server;
        struct answer answer;
        server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, cases[i].version),
                     script_answer_ok);
        call_tls(&server, &answer, fixture->ca, UPSTREAM_HTTP_1_1);
        server_join(&server);
        assert_string_equal(answer.message, "");
        assert_int_equal(answer.failure, UPSTREAM_OK);
        assert_string_equal(answer.connection.tls_version, cases[i].name);
        assert_true(strlen(answer.connection.tls_cipher) > 5);
        assert_string_equal(answer.connection.http_version, "HTTP/1.1");
        assert_memory_equal(server.requests[0].data, answer.request_head, strlen(answer.request_head));
        assert_string_equal(answer.response_body, "ok");
        exchange_end(&server, &answer);
    }
}

static void an_address_is_verified_like_a_name(void **state)
{
    const struct fixture *fixture = *state;
    struct server server;
    struct client client;
    struct answer answer;
    char url[64];
    server_start(&server, "127.0.0.1", 0, tls_server_create("IP:127.0.0.1", fixture->ca, TLS1_3_VERSION),
                 script_answer_ok);
    struct upstream_options options = client_options(url, sizeof(url), "https", "127.0.0.1", server.port);
    options.ca_file = fixture->ca;
    struct upstream_request request = get_request("/");
    client_start(&client, &options);
    client_call(&client, &answer, &request);
    client_free(&client);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    exchange_end(&server, &answer);
}

/* Refused in the handshake, once: nothing of the request left, and a second try would end alike. */
static void assert_not_trusted(struct server *server, struct answer *answer, const char *ca_file, const char *said)
{
    call_tls(server, answer, ca_file, UPSTREAM_HTTP_1_1);
    server_release(server);
    server_join(server);
    assert_int_equal(answer->failure, UPSTREAM_TLS);
    assert_false(answer->bytes_left);
    assert_int_equal(answer->attempts, 0);
    assert_int_equal(answer->asked, 0);
    assert_int_equal(atomic_load(&server->accepted), 1);
    assert_int_equal(server->requests[0].length, 0);
    assert_non_null(strstr(answer->message, said));
    assert_non_null(strstr(answer->message, "localhost"));
    exchange_end(server, answer);
}

static void a_certificate_that_nobody_vouches_for_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    struct server server;
    struct answer answer;
    server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, TLS1_3_VERSION),
                 count_connections);
    assert_not_trusted(&server, &answer, "", "self-signed certificate");
}

static void a_certificate_of_another_ca_file_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    struct server server;
    struct answer answer;
    SSL_CTX_free(tls_server_create("DNS:localhost", fixture->other_ca, TLS1_3_VERSION));
    server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, TLS1_3_VERSION),
                 count_connections);
    assert_not_trusted(&server, &answer, fixture->other_ca, "certificate");
}

static void a_certificate_for_another_host_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    struct server server;
    struct answer answer;
    server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:other.test", fixture->ca, TLS1_2_VERSION),
                 count_connections);
    assert_not_trusted(&server, &answer, fixture->ca, "subject name");
}

static void an_old_tls_version_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    struct server server;
    struct answer answer;
    char url[64];
    server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, TLS1_1_VERSION),
                 fail_all_handshakes);
    struct upstream_options options = tls_options(url, sizeof(url), &server, fixture->ca);
    options.connect_timeout_us = 350000; /* for as long, the handshake is tried again */
    struct upstream_request request = post_request("/order", "{}");
    call_once(&answer, &options, &request);
    server_release(&server);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_TLS);
    assert_false(answer.bytes_left);
    assert_int_equal(server.requests[0].length, 0);
    exchange_end(&server, &answer);
}

static void a_second_connection_resumes_the_session(void **state)
{
    const struct fixture *fixture = *state;
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (size_t i = 0; i < ARRAY_LENGTH(versions); i++) {
        struct server server;
        struct client client;
        struct answer answers[2];
        char url[64];
        struct upstream_request request = get_request("/");
        server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, versions[i]),
                     answer_two_connections);
        struct upstream_options options = tls_options(url, sizeof(url), &server, fixture->ca);
        client_start(&client, &options);
        client_call(&client, &answers[0], &request);
        struct answer *second = &answers[1];
        client_call(&client, second, &request);
        client_free(&client);
        server_join(&server);
        assert_int_equal(answers[0].failure, UPSTREAM_OK);
        assert_int_equal(second->failure, UPSTREAM_OK);
        assert_false(second->connection.reused);
        assert_int_equal(server.resumed, 1);
        answer_free(&answers[0]);
        exchange_end(&server, second);
    }
}

/* Two calls at once use two libcurl handles: the second must find the session of the first. */
static void handles_share_their_sessions(void **state)
{
    const struct fixture *fixture = *state;
    struct server server;
    struct client client;
    struct answer answers[2];
    char url[64];
    struct upstream_request request = get_request("/");
    server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, TLS1_3_VERSION),
                 answer_two_connections);
    struct upstream_options options = tls_options(url, sizeof(url), &server, fixture->ca);
    options.connections_max = 1; /* the second call waits for the first's connection to end */
    client_start(&client, &options);
    struct call_context calls[2] = { { .client = &client, .answer = &answers[0] },
                                     { .client = &client, .answer = &answers[1] } };
    client_send(&calls[0], &request, false);
    client_send(&calls[1], &request, false);
    client_run(&client);
    client_free(&client);
    server_join(&server);
    assert_int_equal(answers[0].failure, UPSTREAM_OK);
    assert_int_equal(answers[1].failure, UPSTREAM_OK);
    assert_int_equal(server.resumed, 1);
    answer_free(&answers[0]);
    exchange_end(&server, &answers[1]);
}

static void a_handshake_that_is_cut_is_tried_again(void **state)
{
    const struct fixture *fixture = *state;
    struct server server;
    struct answer answer;
    server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, TLS1_3_VERSION),
                 hang_up_before_the_handshake_once);
    call_tls(&server, &answer, fixture->ca, UPSTREAM_HTTP_1_1);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(answer.attempts, 1);
    assert_int_equal(atomic_load(&server.accepted), 2);
    assert_int_equal(server.request_count, 1);
    exchange_end(&server, &answer);
}

static void http_2_that_is_demanded_and_not_spoken_fails_unsent(void **state)
{
    const struct fixture *fixture = *state;
    struct server server;
    struct answer answer;
    server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, TLS1_3_VERSION),
                 count_connections);
    call_tls(&server, &answer, fixture->ca, UPSTREAM_HTTP_2);
    server_release(&server);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_TLS);
    assert_false(answer.bytes_left);
    assert_int_equal(answer.asked, 0);
    assert_int_equal(server.requests[0].length, 0);
    assert_non_null(strstr(answer.message, "HTTP/2"));
    exchange_end(&server, &answer);
}

static void http_auto_falls_back_to_1_1(void **state)
{
    const struct fixture *fixture = *state;
    struct server server;
    struct answer answer;
    server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, TLS1_3_VERSION),
                 script_answer_ok);
    call_tls(&server, &answer, fixture->ca, UPSTREAM_HTTP_AUTO);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_string_equal(answer.connection.http_version, "HTTP/1.1");
    assert_memory_equal(server.requests[0].data, "POST /order HTTP/1.1\r\n", 22);
    exchange_end(&server, &answer);
}

static void http_2_is_spoken_where_it_is_demanded_and_offered(void **state)
{
    const struct fixture *fixture = *state;
    struct server server;
    struct client client;
    struct answer answers[2];
    char url[64];
    SSL_CTX *tls = tls_server_create("DNS:localhost", fixture->ca, TLS1_3_VERSION);
    tls_server_offer(tls, "h2");
    server_start(&server, "127.0.0.1", 0, tls, answer_http_2);
    struct upstream_options options = tls_options(url, sizeof(url), &server, fixture->ca);
    options.http = UPSTREAM_HTTP_2;
    struct upstream_request request = get_request("/a//b/../c?x=%2f");
    client_start(&client, &options);
    client_call(&client, &answers[0], &request);
    client_call(&client, &answers[1], &request);
    client_free(&client);
    server_join(&server);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(answers[i].message, "");
        assert_int_equal(answers[i].status, 200);
        assert_string_equal(answers[i].response_body, "ok");
        assert_string_equal(answers[i].connection.http_version, "HTTP/2");
        assert_int_equal(answers[i].connection.reused, i == 1);
        assert_memory_equal(answers[i].request_head, "GET /a//b/../c?x=%2f HTTP/2\r\n", 29);
    }
    assert_int_equal(server.request_count, 2);
    answer_free(&answers[0]);
    exchange_end(&server, &answers[1]);
}

static void an_answer_cut_without_tls_end_is_lost(void **state)
{
    const struct fixture *fixture = *state;
    struct server server;
    struct answer answer;
    server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, TLS1_3_VERSION),
                 answer_and_cut);
    call_tls(&server, &answer, fixture->ca, UPSTREAM_HTTP_1_1);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_LOST);
    assert_true(answer.bytes_left);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.response_body, "half of");
    exchange_end(&server, &answer);
}

static void an_answer_that_ends_with_tls_end_is_whole(void **state)
{
    const struct fixture *fixture = *state;
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (size_t i = 0; i < ARRAY_LENGTH(versions); i++) {
        struct server server;
        struct answer answer;
        server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, versions[i]),
                     answer_until_close);
        call_tls(&server, &answer, fixture->ca, UPSTREAM_HTTP_1_1);
        server_join(&server);
        assert_int_equal(answer.failure, UPSTREAM_OK);
        assert_string_equal(answer.response_body, "all of it");
        exchange_end(&server, &answer);
    }
}

static void a_post_whose_reused_tls_connection_dies_is_sent_once(void **state)
{
    const struct fixture *fixture = *state;
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (size_t i = 0; i < ARRAY_LENGTH(versions); i++) {
        struct server server;
        struct client client;
        struct answer first, second;
        char url[64];
        struct upstream_request get = get_request("/"), post = post_request("/order", "{}");
        server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, versions[i]),
                     die_after_the_second_request);
        struct upstream_options options = tls_options(url, sizeof(url), &server, fixture->ca);
        client_start(&client, &options);
        client_call(&client, &first, &get);
        client_call(&client, &second, &post);
        server_release(&server);
        client_free(&client);
        server_join(&server);
        assert_int_equal(server.request_count, 2);
        assert_int_equal(atomic_load(&server.accepted), 1);
        assert_int_equal(second.failure, UPSTREAM_LOST);
        assert_true(second.bytes_left);
        assert_int_equal(second.attempts, 1);
        answer_free(&first);
        exchange_end(&server, &second);
    }
}

static void a_large_post_leaves_whole_in_many_records(void **state)
{
    const struct fixture *fixture = *state;
    enum { SIZE = 1024 * 1024 };
    char *bytes = malloc(SIZE), url[64];
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 13 + i / 257);
    struct server server;
    struct client client;
    struct answer answer;
    server_start(&server, "127.0.0.1", 0, tls_server_create("DNS:localhost", fixture->ca, TLS1_3_VERSION),
                 script_answer_ok);
    struct upstream_options options = tls_options(url, sizeof(url), &server, fixture->ca);
    struct upstream_request request = post_request("/", "");
    request.body = slice_of(bytes, SIZE);
    client_start(&client, &options);
    client_call(&client, &answer, &request);
    client_free(&client);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(server.requests[0].length, strlen(answer.request_head) + SIZE);
    assert_memory_equal(server.requests[0].data + strlen(answer.request_head), bytes, SIZE);
    assert_true(answer.timing.sent_us > 0);
    free(bytes);
    exchange_end(&server, &answer);
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS_TEST(a_server_of_the_ca_file_is_trusted_and_its_connection_told),
        TLS_TEST(an_address_is_verified_like_a_name),
        TLS_TEST(a_certificate_that_nobody_vouches_for_is_refused),
        TLS_TEST(a_certificate_of_another_ca_file_is_refused),
        TLS_TEST(a_certificate_for_another_host_is_refused),
        TLS_TEST(an_old_tls_version_is_refused),
        TLS_TEST(a_second_connection_resumes_the_session),
        TLS_TEST(handles_share_their_sessions),
        TLS_TEST(a_handshake_that_is_cut_is_tried_again),
        TLS_TEST(http_2_that_is_demanded_and_not_spoken_fails_unsent),
        TLS_TEST(http_auto_falls_back_to_1_1),
        TLS_TEST(http_2_is_spoken_where_it_is_demanded_and_offered),
        TLS_TEST(an_answer_cut_without_tls_end_is_lost),
        TLS_TEST(an_answer_that_ends_with_tls_end_is_whole),
        TLS_TEST(a_post_whose_reused_tls_connection_dies_is_sent_once),
        TLS_TEST(a_large_post_leaves_whole_in_many_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
