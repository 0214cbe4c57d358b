/* Requests as the front hands them over: the bytes that were sent, and the defects that must be seen in them. */
#include "front_fixture.h"

#define ASK(fixture, text) ask((fixture), slice_of((text), sizeof(text) - 1)) /* the text may hold NULs */

static void assert_head(const struct seen *seen, const char *expected)
{
    struct buffer copy;
    buffer_init(&copy, CLIENT_MAX);
    assert_true(buffer_append_slice(&copy, buffer_slice(&seen->head)));
    assert_string_equal(buffer_text(&copy), expected);
    buffer_free(&copy);
}

static void a_request_is_handed_over_as_it_was_sent(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    const struct seen *seen = ASK(fixture, "GET /a%2Fb/../%41;x=1?b=2&a=%20+&&c HTTP/1.1\r\n"
                                           "hOST: example.test\r\nX-Two:1\r\nX-One:   two words\r\nX-Two: 2\r\n\r\n");
    assert_int_equal(seen->defect, FRONT_DEFECT_NONE);
    assert_head(seen, "GET /a%2Fb/../%41;x=1?b=2&a=%20+&&c HTTP/1.1\n"
                      "hOST=example.test\nX-Two=1\nX-One=two words\nX-Two=2\n");
    assert_int_equal(seen->body.length, 0);
    assert_true(seen->begun_us > 0 && seen->begun_us <= seen->received_us);
    fixture_close(fixture);
}

static void blanks_around_a_value_are_no_part_of_it(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    const struct seen *seen = ASK(fixture, "GET / HTTP/1.1\r\nHost: \t h \t \r\nX-Empty:\r\nX-Blank:  \t \r\n\r\n");
    assert_int_equal(seen->defect, FRONT_DEFECT_NONE);
    assert_head(seen, "GET / HTTP/1.1\nHost=h\nX-Empty=\nX-Blank=\n");
    fixture_close(fixture);
}

static void methods_and_non_ascii_targets_keep_their_bytes(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    const struct seen *seen = ASK(fixture, "pATCH /\xFF\xC3\xA4?\x80 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(seen->defect, FRONT_DEFECT_NONE);
    assert_head(seen, "pATCH /\xFF\xC3\xA4?\x80 HTTP/1.1\nHost=h\n");
    fixture_close(fixture);
}

static void a_query_of_thousands_of_arguments_arrives_whole(void **state)
{
    (void)state;
    enum { ARGUMENTS = 5000 };
    struct fixture *fixture = fixture_open_default();
    struct buffer request;
    struct buffer expected;
    buffer_init(&request, CLIENT_MAX);
    buffer_init(&expected, CLIENT_MAX);
    buffer_append_text(&expected, "GET /?");
    for (int i = 0; i < ARGUMENTS; i++)
        buffer_append_text(&expected, "&a");
    buffer_append_text(&expected, " HTTP/1.1");
    buffer_append_slice(&request, buffer_slice(&expected));
    buffer_append_text(&request, "\r\nHost: h\r\n\r\n");
    buffer_append_text(&expected, "\nHost=h\n");
    const struct seen *seen = ask(fixture, buffer_slice(&request));
    assert_int_equal(seen->defect, FRONT_DEFECT_NONE);
    assert_head(seen, buffer_text(&expected));
    buffer_free(&request);
    buffer_free(&expected);
    fixture_close(fixture);
}

static void a_head_that_comes_byte_by_byte_is_understood(void **state)
{
    (void)state;
    static const char request[] = "POST /p?q=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}";
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    for (size_t i = 0; i < sizeof(request) - 1; i++) {
        client_send(client, slice_of(request + i, 1));
        run_for(fixture, 0);
        run_for(fixture, 0);
    }
    wait_for_finished(fixture, 1);
    assert_head(last_seen(fixture), "POST /p?q=1 HTTP/1.1\nHost=h\nContent-Length=2\n");
    assert_true(slice_equal_text(buffer_slice(&last_seen(fixture)->body), "{}"));
    client_close(client);
    fixture_close(fixture);
}

static void http_1_0_needs_no_host(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    const struct seen *seen = ASK(fixture, "GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(seen->defect, FRONT_DEFECT_NONE);
    assert_head(seen, "GET / HTTP/1.0\n");
    fixture_close(fixture);
}

static void the_peers_address_is_told(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    char address[ENDPOINT_TEXT_MAX];
    client_send_text(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_seen(fixture, 1);
    assert_string_equal(last_seen(fixture)->peer, endpoint_format_local(address, client->io.fd));
    assert_int_equal(last_seen(fixture)->peer_uid, -1);
    client_close(client);
    fixture_close(fixture);
}

static void the_peers_ipv6_address_is_told(void **state)
{
    (void)state;
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    if (probe < 0)
        skip();
    assert_int_equal(close(probe), 0);
    struct fixture *fixture = fixture_open("[::1]:0", fixture_default_options());
    const struct seen *seen = ASK(fixture, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_memory_equal(seen->peer, "[::1]:", 6);
    fixture_close(fixture);
}

static void the_user_behind_a_unix_socket_is_told(void **state)
{
    (void)state;
    char folder[] = "/tmp/countersign-front-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char where[64];
    (void)snprintf(where, sizeof(where), "unix:%s/socket", folder);
    struct fixture *fixture = fixture_open(where, fixture_default_options());
    const struct seen *seen = ASK(fixture, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(seen->peer, "unix:");
    assert_int_equal(seen->peer_uid, (int64_t)getuid());
    fixture_close(fixture);
    assert_int_equal(unlink(where + strlen("unix:")), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* --- bodies --- */

static void a_body_arrives_byte_for_byte(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    const struct seen *seen = ASK(fixture, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n\0\xFF\r\n{\0");
    assert_int_equal(seen->defect, FRONT_DEFECT_NONE);
    assert_true(slice_equal(buffer_slice(&seen->body), SLICE_LITERAL("\0\xFF\r\n{\0")));
    fixture_close(fixture);
}

static void a_chunked_body_is_joined(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    const struct seen *seen =
        ASK(fixture, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
                     "3\r\nabc\r\n1;extension=1\r\n\0\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n");
    assert_int_equal(seen->defect, FRONT_DEFECT_NONE);
    assert_true(slice_equal(buffer_slice(&seen->body), SLICE_LITERAL("abc\0"
                                                                     "0123456789")));
    assert_head(seen, "POST / HTTP/1.1\nHost=h\nTransfer-Encoding=Chunked\n");
    fixture_close(fixture);
}

/* A request with a body of `length` bytes; `chunked` in one chunk. */
static void append_post(struct buffer *request, size_t length, bool chunked)
{
    buffer_append_text(request, "POST / HTTP/1.1\r\nHost: h\r\n");
    if (chunked)
        buffer_append_format(request, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", length);
    else
        buffer_append_format(request, "Content-Length: %zu\r\n\r\n", length);
    char *body = buffer_reserve(request, length);
    assert_non_null(body);
    for (size_t i = 0; i < length; i++)
        body[i] = (char)(i * 31 + i / 257);
    buffer_commit(request, length);
    if (chunked)
        buffer_append_text(request, "\r\n0\r\n\r\n");
}

static void a_body_of_body_max_arrives_and_one_byte_more_is_too_large(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    for (int chunked = 0; chunked < 2; chunked++) {
        for (size_t more = 0; more < 2; more++) {
            struct buffer request;
            buffer_init(&request, CLIENT_MAX);
            append_post(&request, fixture->options.body_max + more, chunked);
            const struct seen *seen = ask(fixture, buffer_slice(&request));
            assert_int_equal(seen->defect, more == 0 ? FRONT_DEFECT_NONE : FRONT_DEFECT_BODY_TOO_LARGE);
            assert_int_equal(seen->body.length, more == 0 ? fixture->options.body_max : 0);
            buffer_free(&request);
        }
    }
    fixture_close(fixture);
}

static void a_large_body_arrives_whole(void **state)
{
    (void)state;
    enum { LENGTH = 3 * 1024 * 1024 + 17 };
    struct front_options options = fixture_default_options();
    options.body_max = LENGTH;
    struct fixture *fixture = fixture_open("127.0.0.1:0", options);
    struct buffer request;
    buffer_init(&request, CLIENT_MAX);
    append_post(&request, LENGTH, false);
    const struct seen *seen = ask(fixture, buffer_slice(&request));
    assert_int_equal(seen->body.length, LENGTH);
    assert_memory_equal(seen->body.data, request.data + request.length - LENGTH, LENGTH);
    buffer_free(&request);
    fixture_close(fixture);
}

static void a_body_too_large_is_read_so_that_its_sender_can_read_the_answer(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    append_post(&client->out, 7 * 1024 * 1024, false);
    client_send_text(client, "");
    wait_for_end(client);
    assert_false(client->reset);
    assert_int_equal(last_seen(fixture)->defect, FRONT_DEFECT_BODY_TOO_LARGE);
    assert_received(client, fixture->reply.body);
    client_close(client);
    fixture_close(fixture);
}

static void a_body_far_too_large_is_refused_before_it_comes(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    const struct seen *seen = ASK(fixture, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8388609\r\n\r\n");
    assert_int_equal(seen->defect, FRONT_DEFECT_BODY_TOO_LARGE);
    fixture_close(fixture);
}

static void a_chunked_body_without_end_is_refused(void **state)
{
    (void)state;
    enum { MEBIBYTE = 1024 * 1024, CHUNKS = 9 };
    for (size_t chunks = 1; chunks <= CHUNKS; chunks += CHUNKS - 1) { /* one of 9 MiB, and nine */
        struct fixture *fixture = fixture_open_default();
        struct client *client = client_open(fixture);
        buffer_append_text(&client->out, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (size_t i = 0; i < chunks; i++) {
            size_t size = (size_t)CHUNKS * MEBIBYTE / chunks;
            buffer_append_format(&client->out, "%zx\r\n", size);
            memset(buffer_reserve(&client->out, size), 'x', size);
            buffer_commit(&client->out, size);
            buffer_append_text(&client->out, "\r\n");
        }
        client_send_text(client, "");
        wait_for_end(client);
        assert_int_equal(fixture->seen_count, 1);
        assert_int_equal(last_seen(fixture)->defect, FRONT_DEFECT_BODY_TOO_LARGE);
        assert_int_equal(last_seen(fixture)->body.length, 0);
        assert_int_equal(front_in_flight(fixture->front), 0);
        client_close(client);
        fixture_close(fixture);
    }
}

static void a_client_that_waits_for_100_gets_it(void **state)
{
    (void)state;
    static const char continued[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    client_send_text(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    wait_for_bytes(client, sizeof(continued) - 1);
    assert_true(slice_equal_text(buffer_slice(&client->in), continued));
    assert_int_equal(fixture->seen_count, 0);
    buffer_reset(&client->in);
    client_send_text(client, "{}");
    wait_for_finished(fixture, 1);
    assert_received(client, fixture->reply.body);
    client_close(client);
    fixture_close(fixture);
}

static void a_client_that_waits_for_100_and_sends_no_body_is_answered(void **state)
{
    (void)state;
    static const char request[] = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n"
                                  "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    client_send_text(client, request);
    wait_for_finished(fixture, 2);
    assert_false(fixture->reply_failed);
    assert_int_equal(fixture->delivered, 2);
    assert_head(&fixture->seen[0], "POST / HTTP/1.1\nHost=h\nExpect=100-continue\n");
    assert_head(&fixture->seen[1], "GET /next HTTP/1.1\nHost=h\n");
    client_close(client);
    fixture_close(fixture);
}

static void a_client_that_waits_for_100_with_a_body_too_large_gets_the_answer(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    const struct seen *seen =
        ASK(fixture, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(seen->defect, FRONT_DEFECT_BODY_TOO_LARGE);
    fixture_close(fixture);
}

/* --- defects --- */

struct defective {
    struct slice request;
    enum front_defect defect;
};

#define DEFECTIVE(text, name)                                                                                          \
    {                                                                                                                  \
        { (text), sizeof(text) - 1 }, FRONT_DEFECT_##name                                                              \
    }

/* Each is handed over with its defect, answered, and its connection closed, whatever came behind it. */
static void assert_defects(const struct defective *cases, size_t count)
{
    struct fixture *fixture = fixture_open_default();
    fixture->reply.status = 400;
    for (size_t i = 0; i < count; i++) {
        struct client *client = client_open(fixture);
        size_t finished = fixture->finished;
        client_send(client, cases[i].request);
        wait_for_end(client);
        if (fixture->finished != finished + 1 || last_seen(fixture)->defect != cases[i].defect)
            print_error("case %zu: %.*s\n", i, SLICE_ARGUMENTS(cases[i].request));
        assert_int_equal(fixture->finished, finished + 1);
        assert_int_equal(last_seen(fixture)->defect, cases[i].defect);
        assert_true(slice_starts_with(buffer_slice(&client->in), "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"));
        assert_received(client, fixture->reply.body);
        client_close(client);
    }
    fixture_close(fixture);
}

static void a_length_that_two_readers_could_take_differently_is_refused(void **state)
{
    (void)state;
    static const struct defective cases[] = {
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", AMBIGUOUS_LENGTH),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\n{}", AMBIGUOUS_LENGTH),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  AMBIGUOUS_LENGTH),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", AMBIGUOUS_LENGTH),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", AMBIGUOUS_LENGTH),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked \r\n\r\n0\r\n\r\n", AMBIGUOUS_LENGTH),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n", AMBIGUOUS_LENGTH),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "0\r\n\r\n",
                  AMBIGUOUS_LENGTH),
        DEFECTIVE("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", AMBIGUOUS_LENGTH),
    };
    assert_defects(cases, ARRAY_LENGTH(cases));
}

static void methods_that_make_a_tunnel_or_an_echo_are_refused(void **state)
{
    (void)state;
    static const struct defective cases[] = {
        DEFECTIVE("CONNECT example.test:443 HTTP/1.1\r\nHost: example.test\r\n\r\n", METHOD_REFUSED),
        DEFECTIVE("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", METHOD_REFUSED),
        DEFECTIVE("connect example.test:443 HTTP/1.1\r\nHost: example.test\r\n\r\n", METHOD_REFUSED),
        DEFECTIVE("AMETHODOFMORETHANTHIRTYTWOLETTERS / HTTP/1.1\r\nHost: h\r\n\r\n", METHOD_REFUSED),
    };
    assert_defects(cases, ARRAY_LENGTH(cases));
}

static void a_target_that_is_not_what_was_sent_is_refused(void **state)
{
    (void)state;
    static const struct defective cases[] = {
        DEFECTIVE("GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),
        DEFECTIVE("GET /a\0 HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),
        DEFECTIVE("GET /a?b\0c=d&e HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),
        DEFECTIVE("GET /a\0?b&c HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),
        DEFECTIVE("GET  /a HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),
        DEFECTIVE("GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),

        DEFECTIVE("GET /a\x7F HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),
        DEFECTIVE("GET a HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),
        DEFECTIVE("GET ?a HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),
        DEFECTIVE("GET ** HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),
        DEFECTIVE("GET ://h/ HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),
        DEFECTIVE("GET h:443 HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_TARGET),
    };
    assert_defects(cases, ARRAY_LENGTH(cases));
}

static void every_form_of_target_is_handed_over(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    const struct seen *seen = ASK(fixture, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(seen->defect, FRONT_DEFECT_NONE);
    assert_head(seen, "OPTIONS * HTTP/1.1\nHost=h\n");
    seen = ASK(fixture, "GET https://api.example.test/a?b HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(seen->defect, FRONT_DEFECT_NONE);
    assert_head(seen, "GET https://api.example.test/a?b HTTP/1.1\nHost=h\n");
    fixture_close(fixture);
}

static void fields_that_are_not_what_was_sent_are_refused(void **state)
{
    (void)state;
    static const struct defective cases[] = {
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\nX-A : 1\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\n: 1\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\nX(A): 1\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\nX\xC3\xA4: 1\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\n X-A: 1\r\nHost: h\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r2\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\0002\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\0\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\nX-A: \0\0\0\r\nX-B: 1\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\n\0X-A: 1\r\nX-B: 1\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n 2\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\t2\r\n\t3\r\nX-B: 1\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nContent-: 2\r\n Length\r\n\r\n{}", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\nX-B: 2\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\n\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", MALFORMED_FIELD),
    };
    assert_defects(cases, ARRAY_LENGTH(cases));
}

static void a_defective_request_whose_body_comes_later_is_answered_behind_it(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    client_send_text(client, "POST a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
    run_for(fixture, 20000);
    assert_int_equal(fixture->seen_count, 0);
    client_send_text(client, "{}");
    wait_for_end(client);
    assert_false(client->reset);
    assert_int_equal(last_seen(fixture)->defect, FRONT_DEFECT_MALFORMED_TARGET);
    assert_received(client, fixture->reply.body);
    client_close(client);
    fixture_close(fixture);
}

/* A request with `count` fields, or whose head has `size` bytes. */
static void append_get(struct buffer *request, size_t count, size_t size)
{
    buffer_append_text(request, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (size_t i = 1; i < count; i++)
        buffer_append_format(request, "X-%zu: 1\r\n", i);
    if (size > 0) {
        buffer_append_text(request, "X-Filler: ");
        while (request->length + 4 < size)
            buffer_append_byte(request, 'x');
        buffer_append_text(request, "\r\n");
    }
    buffer_append_text(request, "\r\n");
}

static void assert_size(size_t count, size_t size, enum front_defect defect)
{
    struct fixture *fixture = fixture_open_default();
    struct buffer request;
    buffer_init(&request, CLIENT_MAX);
    append_get(&request, count, size);
    if (size > 0)
        assert_int_equal(request.length, size);
    assert_int_equal(ask(fixture, buffer_slice(&request))->defect, defect);
    buffer_free(&request);
    fixture_close(fixture);
}

static void a_head_over_its_bounds_is_refused(void **state)
{
    (void)state;
    size_t header_max = fixture_default_options().header_max;
    assert_size(HTTP_FIELDS_MAX, 0, FRONT_DEFECT_NONE);
    assert_size(HTTP_FIELDS_MAX + 1, 0, FRONT_DEFECT_HEADER_TOO_LARGE);
    assert_size(1, header_max, FRONT_DEFECT_NONE);
    assert_size(1, header_max + 1, FRONT_DEFECT_HEADER_TOO_LARGE);
    assert_size(1, header_max * 4, FRONT_DEFECT_HEADER_TOO_LARGE);
}

static void a_head_without_end_is_refused(void **state)
{
    (void)state;
    static const char *const beginnings[] = { "", "GET /",
                                              "GET / HTTP/1.1\r\nCookie: ", "GET / HTTP/1.1\r\nCookie: a;b;" };
    for (size_t i = 0; i < ARRAY_LENGTH(beginnings); i++) {
        struct fixture *fixture = fixture_open_default();
        struct client *client = client_open(fixture);
        buffer_append_text(&client->out, beginnings[i]);
        memset(buffer_reserve(&client->out, 1024 * 1024), i == 3 ? ';' : 'x', 1024 * 1024);
        buffer_commit(&client->out, 1024 * 1024);
        client_send_text(client, "");
        wait_for_end(client);
        assert_int_equal(fixture->seen_count, 1);
        assert_int_equal(last_seen(fixture)->defect, FRONT_DEFECT_HEADER_TOO_LARGE);
        assert_int_equal(front_in_flight(fixture->front), 0);
        client_close(client);
        fixture_close(fixture);
    }
}

static void what_is_not_http_1_1_is_handed_over_with_its_defect(void **state)
{
    (void)state;
    static const struct defective cases[] = {
        DEFECTIVE("\x16\x03\x01\x02\r\n\r\n", MALFORMED_REQUEST), /* a TLS hello's beginning */
        DEFECTIVE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("GET\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("GET /\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE(" GET / HTTP/1.1\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("\0GET / HTTP/1.1\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("G(T / HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("GE\0T /a HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("GET /a  HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("GET / HTTP/1.1\nHost: h\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("GET / HTTP/2.0\r\nHost: h\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("GET / http/1.1\r\nHost: h\r\n\r\n", MALFORMED_REQUEST),
        DEFECTIVE("GET / HTTP/1.1\r\nHost h\r\n\r\n", MALFORMED_FIELD),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: two\r\n\r\n{}", MALFORMED_REQUEST),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n{}", MALFORMED_REQUEST),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n{}", MALFORMED_REQUEST),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", MALFORMED_REQUEST),
        DEFECTIVE("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n",
                  MALFORMED_REQUEST),
    };
    assert_defects(cases, ARRAY_LENGTH(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_handed_over_as_it_was_sent),
        cmocka_unit_test(blanks_around_a_value_are_no_part_of_it),
        cmocka_unit_test(methods_and_non_ascii_targets_keep_their_bytes),
        cmocka_unit_test(a_query_of_thousands_of_arguments_arrives_whole),
        cmocka_unit_test(a_head_that_comes_byte_by_byte_is_understood),
        cmocka_unit_test(http_1_0_needs_no_host),
        cmocka_unit_test(the_peers_address_is_told),
        cmocka_unit_test(the_peers_ipv6_address_is_told),
        cmocka_unit_test(the_user_behind_a_unix_socket_is_told),
        cmocka_unit_test(a_body_arrives_byte_for_byte),
        cmocka_unit_test(a_chunked_body_is_joined),
        cmocka_unit_test(a_body_of_body_max_arrives_and_one_byte_more_is_too_large),
        cmocka_unit_test(a_large_body_arrives_whole),
        cmocka_unit_test(a_body_too_large_is_read_so_that_its_sender_can_read_the_answer),
        cmocka_unit_test(a_body_far_too_large_is_refused_before_it_comes),
        cmocka_unit_test(a_chunked_body_without_end_is_refused),
        cmocka_unit_test(a_client_that_waits_for_100_gets_it),
        cmocka_unit_test(a_client_that_waits_for_100_and_sends_no_body_is_answered),
        cmocka_unit_test(a_client_that_waits_for_100_with_a_body_too_large_gets_the_answer),
        cmocka_unit_test(a_length_that_two_readers_could_take_differently_is_refused),
        cmocka_unit_test(methods_that_make_a_tunnel_or_an_echo_are_refused),
        cmocka_unit_test(a_target_that_is_not_what_was_sent_is_refused),
        cmocka_unit_test(every_form_of_target_is_handed_over),
        cmocka_unit_test(fields_that_are_not_what_was_sent_are_refused),
        cmocka_unit_test(a_defective_request_whose_body_comes_later_is_answered_behind_it),
        cmocka_unit_test(a_head_over_its_bounds_is_refused),
        cmocka_unit_test(a_head_without_end_is_refused),
        cmocka_unit_test(what_is_not_http_1_1_is_handed_over_with_its_defect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
