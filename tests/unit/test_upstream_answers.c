/* What comes back: kept byte for byte, whole or told to be cut. */
#include "upstream_harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* One connection: answers each request with `text` until the client ends. */
static void answer_all_with(struct server *server, const char *text)
{
    struct peer peer = server_accept(server);
    while (server_read(server, &peer)) {
        if (!peer_send(&peer, text))
            break;
    }
    peer_close(&peer);
}

/* --- what comes back --- */

static void get_from(struct server *server, struct answer *answer, void (*script)(struct server *))
{
    struct upstream_request request = get_request("/");
    exchange_once(server, answer, &request, script);
}

#define ODD_HEAD "HTTP/1.1 299 Odd  reason\r\nx-a:1\r\nX-A :  2\t\r\nContent-length: 3\r\nx-empty:\r\n\r\n"

static void answer_oddly(struct server *server)
{
    answer_all_with(server, ODD_HEAD "a\nb");
}

static void an_answers_head_is_kept_byte_for_byte(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    get_from(&server, &answer, answer_oddly);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(answer.status, 299);
    assert_int_equal(answer.field_count, 4);
    assert_string_equal(answer.response_head, ODD_HEAD);
    assert_string_equal(answer.response_body, "a\nb");
    exchange_end(&server, &answer);
}

static void answer_in_chunks(struct server *server)
{
    answer_all_with(server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                            "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-T: trailing\r\n\r\n");
}

static void chunks_are_joined_and_trailers_stay_out_of_the_head(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    get_from(&server, &answer, answer_in_chunks);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_string_equal(answer.response_body, "abcde");
    assert_string_equal(answer.response_head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n");
    exchange_end(&server, &answer);
}

static const unsigned char gzip_bytes[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 4, 0, 0x43, 0xbe, 0xb7, 0xe8 };

static void answer_compressed(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer) &&
        peer_send(&peer, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 17\r\n\r\n"))
        (void)peer_send_bytes(&peer, gzip_bytes, sizeof(gzip_bytes)); /* a failure shows at the client */
    (void)peer_wait_for_end(&peer);
    peer_close(&peer);
}

static void compressed_bytes_are_left_as_they_are(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    get_from(&server, &answer, answer_compressed);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(answer.response_body_length, sizeof(gzip_bytes));
    assert_memory_equal(answer.response_body, gzip_bytes, sizeof(gzip_bytes));
    exchange_end(&server, &answer);
}

static void answer_after_interim(struct server *server)
{
    answer_all_with(server, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                            "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx");
}

static void interim_answers_are_dropped(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    get_from(&server, &answer, answer_after_interim);
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.response_head, "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n");
    assert_string_equal(answer.response_body, "x");
    exchange_end(&server, &answer);
}

static void answer_no_content(struct server *server)
{
    answer_all_with(server, "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n");
}

static void an_answer_without_content_ends_with_its_head(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    get_from(&server, &answer, answer_no_content);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(answer.status, 204);
    assert_int_equal(answer.response_body_length, 0);
    exchange_end(&server, &answer);
}

static void answer_head(struct server *server)
{
    answer_all_with(server, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
}

static void a_head_request_waits_for_no_body(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    struct upstream_request request = get_request("/");
    request.method = SLICE_LITERAL("HEAD");
    exchange_once(&server, &answer, &request, answer_head);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_memory_equal(server.requests[0].data, "HEAD / HTTP/1.1\r\n", 17);
    exchange_end(&server, &answer);
}

static void answer_until_close(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer))
        (void)peer_send(&peer, "HTTP/1.1 200 OK\r\n\r\nall of it"); /* a failure shows at the client */
    peer_close(&peer);
}

static void an_answer_without_length_that_ends_by_close_is_whole(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    get_from(&server, &answer, answer_until_close);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_string_equal(answer.response_body, "all of it");
    exchange_end(&server, &answer);
}

static void answer_with_redirect(struct server *server)
{
    answer_all_with(server, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
}

static void answer_unauthorized(struct server *server)
{
    answer_all_with(server, "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nSet-Cookie: a=b\r\n"
                            "Content-Length: 0\r\n\r\n");
}

static void answer_expectation_failed(struct server *server)
{
    answer_all_with(server, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
}

static void no_answer_makes_libcurl_ask_again(void **state)
{
    (void)state;
    static const struct http_field fields[] = { FIELD("Expect", "100-continue") };
    static void (*const scripts[])(struct server *) = { answer_with_redirect, answer_unauthorized,
                                                        answer_expectation_failed };
    static const int statuses[] = { 302, 401, 417 };
    for (size_t i = 0; i < ARRAY_LENGTH(scripts); i++) {
        struct server server;
        struct answer answer;
        struct upstream_request request = post_request("/", "{}");
        request.fields = fields;
        request.field_count = 1;
        exchange_once(&server, &answer, &request, scripts[i]);
        assert_int_equal(answer.failure, UPSTREAM_OK);
        assert_int_equal(answer.status, statuses[i]);
        assert_int_equal(server.request_count, 1);
        exchange_end(&server, &answer);
    }
}

/* --- answers that end early, or are none --- */

static void end_before_the_length(struct server *server)
{
    script_send_and_close(server, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\npart");
}

static void end_within_a_chunk(struct server *server)
{
    script_send_and_close(server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\npart");
}

static void end_between_chunks(struct server *server)
{
    script_send_and_close(server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
}

static void end_within_the_head(struct server *server)
{
    script_send_and_close(server, "HTTP/1.1 200 OK\r\nContent-Le");
}

static void end_at_once(struct server *server)
{
    script_send_and_close(server, "");
}

static void speak_something_else(struct server *server)
{
    script_send_and_close(server, "220 mail.example.com ESMTP\r\n");
}

static void speak_a_head_without_colons(struct server *server)
{
    script_send_and_close(server, "HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n");
}

static void answers_that_end_early_or_are_none_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        void (*script)(struct server *server);
        enum upstream_failure failure;
        int status;
        const char *body;
    } cases[] = {
        { end_before_the_length, UPSTREAM_LOST, 200, "part" },
        { end_within_a_chunk, UPSTREAM_LOST, 200, "part" },
        { end_between_chunks, UPSTREAM_LOST, 200, "part" },
        { end_within_the_head, UPSTREAM_LOST, 0, "" },
        { end_at_once, UPSTREAM_LOST, 0, "" },
        { speak_something_else, UPSTREAM_RESPONSE_MALFORMED, 0, "" },
        { speak_a_head_without_colons, UPSTREAM_RESPONSE_MALFORMED, 0, "" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct server server;
        struct answer answer;
        char url[64];
        struct upstream_request request = post_request("/", "{}");
        server_start(&server, "127.0.0.1", 0, NULL, cases[i].script);
        struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
        call_once(&answer, &options, &request);
        server_join(&server);
        if (answer.failure != cases[i].failure || answer.status != cases[i].status)
            fail_msg("case %zu: %s, status %d: %s", i, upstream_failure_name(answer.failure), answer.status,
                     answer.message);
        assert_string_equal(answer.response_body, cases[i].body);
        assert_true(answer.bytes_left);
        assert_int_equal(answer.attempts, 1);
        assert_non_null(strstr(answer.message, "127.0.0.1:"));
        answer_free(&answer);
        server_free(&server);
    }
}

static void send_much_body(struct server *server)
{
    char block[1000];
    memset(block, 'x', sizeof(block));
    struct peer peer = server_accept(server);
    bool sent = server_read(server, &peer) && peer_send(&peer, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; sent && i < 100; i++)
        sent = peer_send_bytes(&peer, block, sizeof(block));
    (void)peer_wait_for_end(&peer);
    peer_close(&peer);
}

static void send_much_head(struct server *server)
{
    struct peer peer = server_accept(server);
    bool sent = server_read(server, &peer) && peer_send(&peer, "HTTP/1.1 200 OK\r\n");
    while (sent)
        sent = peer_send(&peer, "X-Filler: 0123456789012345678901234567890123456789\r\n");
    peer_close(&peer);
}

static void send_interim_answers_without_end(struct server *server)
{
    struct peer peer = server_accept(server);
    bool sent = server_read(server, &peer);
    while (sent)
        sent = peer_send(&peer, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    peer_close(&peer);
}

static void an_answer_beyond_the_bound_is_cut_off(void **state)
{
    (void)state;
    static void (*const scripts[])(struct server *) = { send_much_body, send_much_head,
                                                        send_interim_answers_without_end };
    for (size_t i = 0; i < ARRAY_LENGTH(scripts); i++) {
        struct server server;
        struct answer answer;
        char url[64];
        struct upstream_request request = get_request("/");
        server_start(&server, "127.0.0.1", 0, NULL, scripts[i]);
        struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
        options.response_max = 20000;
        call_once(&answer, &options, &request);
        server_join(&server);
        assert_int_equal(answer.failure, UPSTREAM_RESPONSE_TOO_LARGE);
        assert_true(answer.response_body_length <= 20000);
        assert_true(answer.bytes_left);
        answer_free(&answer);
        server_free(&server);
    }
}

static void send_exactly(struct server *server)
{
    script_send_and_close(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void an_answer_of_just_the_bound_passes(void **state)
{
    (void)state;
    for (size_t less = 0; less < 2; less++) {
        struct server server;
        struct answer answer;
        char url[64];
        struct upstream_request request = get_request("/");
        server_start(&server, "127.0.0.1", 0, NULL, send_exactly);
        struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
        options.response_max = strlen(harness_ok) - less;
        call_once(&answer, &options, &request);
        server_join(&server);
        assert_int_equal(answer.failure, less == 0 ? UPSTREAM_OK : UPSTREAM_RESPONSE_TOO_LARGE);
        answer_free(&answer);
        server_free(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answers_head_is_kept_byte_for_byte),
        cmocka_unit_test(chunks_are_joined_and_trailers_stay_out_of_the_head),
        cmocka_unit_test(compressed_bytes_are_left_as_they_are),
        cmocka_unit_test(interim_answers_are_dropped),
        cmocka_unit_test(an_answer_without_content_ends_with_its_head),
        cmocka_unit_test(a_head_request_waits_for_no_body),
        cmocka_unit_test(an_answer_without_length_that_ends_by_close_is_whole),
        cmocka_unit_test(no_answer_makes_libcurl_ask_again),
        cmocka_unit_test(answers_that_end_early_or_are_none_are_told_apart),
        cmocka_unit_test(an_answer_beyond_the_bound_is_cut_off),
        cmocka_unit_test(an_answer_of_just_the_bound_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
