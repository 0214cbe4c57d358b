/* Answers: what front_reply_head says is what the client reads, byte for byte, and the connection ends when it says so. */
#include "front_fixture.h"

static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/* --- heads --- */

struct variant {
    const char *method;
    const char *version;
    const char *fields; /* of the request, behind Host */
    int status;
    bool close;
    bool has_length;
    bool has_body;
};

static bool sends_body(const struct variant *variant)
{
    return strcmp(variant->method, "HEAD") != 0 && variant->status != 204 && variant->status != 304;
}

/* One answer on its own connection. Behind it comes a second request, answered just where the first answer does not say
 * that the connection is closed. */
static void assert_variant(struct fixture *fixture, const struct variant *variant)
{
    struct client *client = client_open(fixture);
    size_t seen = fixture->seen_count;
    size_t finished = fixture->finished;
    fixture->reply = (struct front_reply){ .status = variant->status,
                                           .close = variant->close,
                                           .has_length = variant->has_length,
                                           .length = 1234,
                                           .body = variant->has_body ? SLICE_LITERAL("{\0}") : slice_of(NULL, 0) };
    buffer_append_format(&client->out, "%s /a %s\r\nHost: h\r\n%s\r\n", variant->method, variant->version,
                         variant->fields);
    client_send_text(client, "");
    wait_for_finished(fixture, finished + 1);
    assert_received(client, sends_body(variant) ? fixture->reply.body : slice_of(NULL, 0));
    bool says_close = strstr(buffer_text(&fixture->expected_head), "\r\nConnection: close\r\n") != NULL;
    client_send_text(client, get);
    if (says_close)
        wait_for_end(client);
    else
        wait_for_seen(fixture, seen + 2);
    assert_int_equal(fixture->seen_count, seen + (says_close ? 1 : 2));
    client_close(client);
    run_for(fixture, 0);
}

static void the_recorded_head_is_what_the_client_reads(void **state)
{
    (void)state;
    static const int statuses[] = {
        200, 201, 204, 205, 206, 209, 299, 301, 304, 400, 404, 418, 422, 429, 500, 503, 599
    };
    static const char *const methods[] = { "GET", "HEAD", "POST", "head", "OPTIONS" };
    static const char *const versions[] = { "HTTP/1.1", "HTTP/1.0", "HTTP/1.9" };
    static const char *const fields[] = { "",
                                          "Connection: close\r\n",
                                          "connection: Keep-Alive\r\n",
                                          "Connection: keep-alive \r\n",
                                          "Connection: x, CLOSE\r\n",
                                          "Connection: clos,close\r\n",
                                          "Connection: keep-alive, x\r\n",
                                          "Connection: x\r\nConnection: close\r\n",
                                          "Connection: keep-alive\r\nConnection: keep-alive\r\n" };
    struct fixture *fixture = fixture_open_default();
    for (size_t s = 0; s < ARRAY_LENGTH(statuses); s++) {
        for (size_t m = 0; m < ARRAY_LENGTH(methods); m++) {
            for (size_t v = 0; v < ARRAY_LENGTH(versions); v++) {
                for (unsigned bits = 0; bits < 8; bits++) {
                    struct variant variant = { .method = methods[m],
                                               .version = versions[v],
                                               .fields = fields[(s + m + v + bits) % ARRAY_LENGTH(fields)],
                                               .status = statuses[s],
                                               .close = bits & 1,
                                               .has_length = bits & 2,
                                               .has_body = bits & 4 };
                    assert_variant(fixture, &variant);
                }
            }
        }
    }
    fixture_close(fixture);
}

static void every_connection_field_is_taken_alike_in_head_and_answer(void **state)
{
    (void)state;
    static const char *const fields[] = { "",
                                          "Connection:\r\n",
                                          "Connection: close\r\n",
                                          "connection: Keep-Alive\r\n",
                                          "Connection: \tkeep-alive \r\n",
                                          "Connection: close, keep-alive\r\n",
                                          "Connection: ,,close,,\r\n",
                                          "Connection: closed\r\n",
                                          "Connection: clos,close\r\n",
                                          "Connection: keep,keep-alive\r\n",
                                          "Connection: x\r\nConnection: close\r\n",
                                          "Connection: keep-alive\r\nConnection: close\r\n",
                                          "Keep-Alive: 5\r\nConnection: keep-alive, te\r\n" };
    static const char *const versions[] = { "HTTP/1.1", "HTTP/1.0", "HTTP/1.9" };
    struct fixture *fixture = fixture_open_default();
    for (size_t f = 0; f < ARRAY_LENGTH(fields); f++) {
        for (size_t v = 0; v < ARRAY_LENGTH(versions); v++) {
            struct variant variant = {
                .method = "GET", .version = versions[v], .fields = fields[f], .status = 200, .has_body = true
            };
            assert_variant(fixture, &variant);
        }
    }
    fixture_close(fixture);
}

static void a_head_reads_as_documented(void **state)
{
    (void)state;
    const struct http_field fields[] = { { SLICE_LITERAL("X-Two"), SLICE_LITERAL("1") },
                                         { SLICE_LITERAL("x-one"), SLICE_LITERAL("a\tb  c") },
                                         { SLICE_LITERAL("X-Two"), SLICE_LITERAL("\xC3\xA4") } };
    static const char expected[] = "HTTP/1.1 404 Not Found\r\nX-Two: 1\r\nx-one: a\tb  c\r\nX-Two: \xC3\xA4\r\n"
                                   "Content-Length: 4\r\n\r\nbody";
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    fixture->reply = (struct front_reply){
        .status = 404, .fields = fields, .field_count = ARRAY_LENGTH(fields), .body = SLICE_LITERAL("body")
    };
    client_send_text(client, get);
    wait_for_bytes(client, sizeof(expected) - 1);
    assert_true(slice_equal_text(buffer_slice(&client->in), expected));
    assert_received(client, SLICE_LITERAL("body"));
    client_close(client);
    fixture_close(fixture);
}

static void fields_that_cannot_be_sent_are_left_out_of_head_and_answer(void **state)
{
    (void)state;
    const struct http_field fields[] = {
        { SLICE_LITERAL("Connection"), SLICE_LITERAL("upgrade") },
        { SLICE_LITERAL("content-length"), SLICE_LITERAL("99") },
        { SLICE_LITERAL("Transfer-Encoding"), SLICE_LITERAL("chunked") },
        { SLICE_LITERAL("Date"), SLICE_LITERAL("first") },
        { SLICE_LITERAL("X A"), SLICE_LITERAL("1") },
        { SLICE_LITERAL(""), SLICE_LITERAL("1") },
        { SLICE_LITERAL("X-Nul"), SLICE_LITERAL("1\0002") },
        { SLICE_LITERAL("X-Split"), SLICE_LITERAL("1\r\nX-Injected: 1") },
        { SLICE_LITERAL("X-Feed"), SLICE_LITERAL("1\n2") },
        { SLICE_LITERAL("X-Empty"), { NULL, 0 } },
        { SLICE_LITERAL("date"), SLICE_LITERAL("last") },
        { SLICE_LITERAL("X-Last"), SLICE_LITERAL("1") },
    };
    static const char expected[] =
        "HTTP/1.1 200 OK\r\nX-Empty:  \r\ndate: last\r\nX-Last: 1\r\nContent-Length: 0\r\n\r\n";
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    fixture->reply = (struct front_reply){ .status = 200, .fields = fields, .field_count = ARRAY_LENGTH(fields) };
    client_send_text(client, get);
    wait_for_bytes(client, sizeof(expected) - 1);
    assert_true(slice_equal_text(buffer_slice(&client->in), expected));
    assert_received(client, slice_of(NULL, 0));
    client_close(client);
    fixture_close(fixture);
}

/* --- sizes --- */

enum { BIG_FIELDS = 250 };

/* Fields of `total` bytes as they are sent, all of BIG_FIELDS with one value's bytes. */
static void fill_fields(struct http_field *fields, size_t total, struct slice filler)
{
    size_t each = total / BIG_FIELDS;
    for (size_t i = 0; i < BIG_FIELDS; i++) {
        fields[i].name = SLICE_LITERAL("X-Field");
        fields[i].value = slice_first(filler, each - sizeof("X-Field: \r\n") + 1);
    }
}

static void a_large_head_is_sent_whatever_the_requests_size(void **state)
{
    (void)state;
    static char filler[1024];
    static struct http_field fields[BIG_FIELDS];
    static const size_t totals[] = { FRONT_REPLY_HEAD_MAX / 2, FRONT_REPLY_HEAD_MAX - 512 };
    struct fixture *fixture = fixture_open_default();
    memset(filler, 'v', sizeof(filler));
    for (size_t i = 0; i < ARRAY_LENGTH(totals); i++) {
        for (size_t field_count = 0; field_count < HTTP_FIELDS_MAX - 1; field_count += HTTP_FIELDS_MAX - 2) {
            struct client *client = client_open(fixture);
            fill_fields(fields, totals[i], slice_of(filler, sizeof(filler)));
            fixture->reply = (struct front_reply){
                .status = 200, .fields = fields, .field_count = BIG_FIELDS, .body = SLICE_LITERAL("ok")
            };
            buffer_append_text(&client->out, "GET / HTTP/1.1\r\nHost: h\r\n");
            for (size_t f = 0; f < field_count; f++)
                buffer_append_format(&client->out, "X-%03zu: %.*s\r\n", f, 53, filler);
            client_send_text(client, "\r\n");
            wait_for_finished(fixture, fixture->finished + 1);
            assert_int_equal(last_seen(fixture)->defect, FRONT_DEFECT_NONE);
            assert_received(client, SLICE_LITERAL("ok"));
            client_close(client);
        }
    }
    fixture_close(fixture);
}

/* What is behind a request under way would take the room in which its answer gets its head. */
static void append_request(struct buffer *out, size_t number, size_t fields, size_t value)
{
    static char filler[4096];
    memset(filler, 'v', sizeof(filler));
    buffer_append_format(out, "GET /%zu HTTP/1.1\r\nHost: h\r\n", number);
    for (size_t f = 0; f < fields; f++)
        buffer_append_format(out, "X-%03zu: %.*s\r\n", f, (int)value, filler);
    buffer_append_text(out, "\r\n");
}

static void answer_in_order(struct fixture *fixture, size_t count)
{
    char line[64];
    for (size_t i = 0; i < count; i++) {
        wait_for_seen(fixture, i + 1);
        (void)snprintf(line, sizeof(line), "GET /%zu HTTP/1.1\n", i);
        assert_int_equal(fixture->seen_count, i + 1);
        assert_true(slice_equal_text(slice_first(buffer_slice(&last_seen(fixture)->head), strlen(line)), line));
        run_for(fixture, 0);
        answer(fixture, last_seen(fixture)->request);
    }
    wait_for_finished(fixture, count);
    assert_int_equal(fixture->delivered, count);
}

static void a_large_head_is_sent_whatever_is_behind_the_request(void **state)
{
    (void)state;
    enum { BEHIND = 60000 };
    static const struct {
        size_t first_fields, first_value, fields, value;
    } shapes[] = { { 250, 0, 0, 0 },   { 250, 0, 1, 800 },   { 250, 50, 0, 0 },    { 250, 50, 1, 800 },
                   { 250, 0, 250, 0 }, { 250, 50, 250, 50 }, { 4, 4000, 4, 4000 }, { 1, 1000, 3, 4000 } };
    static char filler[1024];
    static struct http_field fields[BIG_FIELDS];
    memset(filler, 'v', sizeof(filler));
    for (size_t i = 0; i < ARRAY_LENGTH(shapes) * 2; i++) {
        struct fixture *fixture = fixture_open_default();
        struct client *client = client_open(fixture);
        size_t count = 0;
        fill_fields(fields, i % 2 == 0 ? 14000 : FRONT_REPLY_HEAD_MAX - 512, slice_of(filler, sizeof(filler)));
        fixture->answer_later = true;
        fixture->reply = (struct front_reply){ .status = 200, .fields = fields, .field_count = BIG_FIELDS };
        append_request(&client->out, count++, shapes[i / 2].first_fields, shapes[i / 2].first_value);
        while (client->out.length < BEHIND)
            append_request(&client->out, count++, shapes[i / 2].fields, shapes[i / 2].value);
        client_send_text(client, "");
        answer_in_order(fixture, count);
        client_close(client);
        fixture_close(fixture);
    }
}

/* Of a request whose head has this many bytes, most of them 250 cookies. */
static void append_cookies(struct buffer *out, size_t head)
{
    static const char rest[] = "GET /0 HTTP/1.1\r\nHost: h\r\nCookie: \r\n\r\n";
    enum { COOKIES = 250 };
    static char filler[128];
    memset(filler, 'v', sizeof(filler));
    size_t bytes = head - (sizeof(rest) - 1);
    buffer_append_text(out, "GET /0 HTTP/1.1\r\nHost: h\r\nCookie: ");
    for (size_t i = 0; i < COOKIES; i++) {
        size_t each = bytes / COOKIES + (i < bytes % COOKIES);
        buffer_append_format(out, "c=%.*s;", (int)(each - sizeof("c=;") + 1), filler);
    }
    buffer_append_text(out, "\r\n\r\n");
}

/* libmicrohttpd copies them into the pool in which the answer's head is made; so they count twice. */
static void a_large_head_is_sent_whatever_the_requests_cookies(void **state)
{
    (void)state;
    enum { HEAD_MAX = 16 * 1024, REST = 37 };
    static char filler[1024];
    static struct http_field fields[BIG_FIELDS];
    static const struct {
        size_t head;
        enum front_defect defect;
    } cases[] = { { HEAD_MAX / 4, FRONT_DEFECT_NONE },
                  { (HEAD_MAX + REST) / 2, FRONT_DEFECT_NONE },
                  { (HEAD_MAX + REST) / 2 + 1, FRONT_DEFECT_HEADER_TOO_LARGE },
                  { HEAD_MAX, FRONT_DEFECT_HEADER_TOO_LARGE } };
    memset(filler, 'v', sizeof(filler));
    fill_fields(fields, FRONT_REPLY_HEAD_MAX - 512, slice_of(filler, sizeof(filler)));
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct fixture *fixture = fixture_open_default();
        struct client *client = client_open(fixture);
        assert_int_equal(fixture->options.header_max, HEAD_MAX);
        fixture->reply = (struct front_reply){
            .status = 200, .fields = fields, .field_count = BIG_FIELDS, .body = SLICE_LITERAL("ok")
        };
        append_cookies(&client->out, cases[i].head);
        assert_int_equal(client->out.length, cases[i].head);
        client_send_text(client, "");
        wait_for_finished(fixture, 1);
        assert_int_equal(last_seen(fixture)->defect, cases[i].defect);
        assert_received(client, SLICE_LITERAL("ok"));
        client_close(client);
        fixture_close(fixture);
    }
}

static void a_head_over_its_bound_fails_and_another_answer_can_be_given(void **state)
{
    (void)state;
    static char filler[1024];
    static struct http_field fields[BIG_FIELDS];
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    struct error error;
    fill_fields(fields, FRONT_REPLY_HEAD_MAX + 1024, slice_of(filler, sizeof(filler)));
    struct front_reply large = { .status = 200, .fields = fields, .field_count = BIG_FIELDS };
    struct front_reply interim = { .status = 199 };
    struct front_reply no_status = { .status = 600 };
    fixture->answer_later = true;
    client_send_text(client, get);
    wait_for_seen(fixture, 1);
    struct front_request *request = last_seen(fixture)->request;
    assert_false(front_reply(request, &large, &error));
    assert_int_equal(error.kind, ERROR_LIMIT);
    assert_false(front_reply(request, &interim, &error));
    assert_false(front_reply(request, &no_status, &error));
    answer(fixture, request);
    assert_false(front_reply(request, &fixture->reply, &error));
    assert_received(client, fixture->reply.body);
    client_close(client);
    fixture_close(fixture);
}

static void a_large_body_is_sent_whole_and_released_once(void **state)
{
    (void)state;
    enum { LENGTH = 5 * 1024 * 1024 + 3 };
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    char *body = malloc(LENGTH);
    assert_non_null(body);
    for (size_t i = 0; i < LENGTH; i++)
        body[i] = (char)(i * 7 + i / 251);
    fixture->reply.body = slice_of(body, LENGTH);
    fixture->reply.release = count_release;
    fixture->reply.release_context = fixture;
    client_send_text(client, get);
    wait_for_seen(fixture, 1);
    assert_int_equal(fixture->released, 0);
    assert_received(client, fixture->reply.body);
    wait_for_finished(fixture, 1);
    assert_int_equal(fixture->delivered, 1);
    assert_int_equal(fixture->released_before_finished, 1);
    client_close(client);
    fixture_close(fixture);
    free(body);
}

/* --- several on one connection --- */

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    for (int later = 0; later < 2; later++) {
        struct fixture *fixture = fixture_open_default();
        struct client *client = client_open(fixture);
        fixture->answer_later = later;
        for (int i = 0; i < COUNT; i++)
            buffer_append_format(&client->out, "POST /%d?a=b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", i);
        client_send_text(client, "");
        for (size_t i = 0; i < COUNT; i++) {
            char target[32];
            wait_for_seen(fixture, i + 1);
            const struct seen *seen = &fixture->seen[i % SEEN_MAX];
            (void)snprintf(target, sizeof(target), "POST /%zu?a=b HTTP/1.1\n", i);
            assert_true(slice_starts_with(buffer_slice(&seen->head), target));
            assert_true(slice_equal_text(buffer_slice(&seen->body), "{}"));
            if (later)
                answer(fixture, seen->request);
        }
        wait_for_finished(fixture, COUNT);
        wait_for_bytes(client, COUNT * (fixture->expected_head.length + 2));
        assert_int_equal(client->in.length, COUNT * (fixture->expected_head.length + 2));
        assert_int_equal(fixture->delivered, COUNT);
        client_close(client);
        fixture_close(fixture);
    }
}

static void a_connection_is_used_again_after_each_kind_of_answer(void **state)
{
    (void)state;
    const struct front_reply replies[] = { { .status = 200, .body = SLICE_LITERAL("body") },
                                           { .status = 204 },
                                           { .status = 304, .has_length = true, .length = 7 },
                                           { .status = 200 },
                                           { .status = 500, .body = SLICE_LITERAL("x") } };
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    for (size_t i = 0; i < 3 * ARRAY_LENGTH(replies); i++) {
        fixture->reply = replies[i % ARRAY_LENGTH(replies)];
        client_send_text(client, get);
        wait_for_finished(fixture, i + 1);
        assert_received(client, fixture->reply.body);
    }
    assert_false(client->closed);
    client_close(client);
    fixture_close(fixture);
}

/* Bytes that are left unread when the server closes would take back what the client has not got yet. */
static void an_answer_that_closes_arrives_whole_whatever_is_behind_its_request(void **state)
{
    (void)state;
    enum { BODY = 1000000, BEHIND = 6000, ROUND_US = 1000, ROUNDS = 5000 };
    static char body[BODY], room[64 * 1024];
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    size_t got = 0;
    ssize_t received = -1;
    fixture->answer_later = true;
    fixture->reply = (struct front_reply){ .status = 200, .body = slice_of(body, sizeof(body)), .close = true };
    append_request(&client->out, 0, 0, 0);
    for (size_t i = 1; client->out.length < BEHIND; i++)
        append_request(&client->out, i, 1, 100);
    client_send_text(client, "");
    wait_for_seen(fixture, 1);
    loop_io_remove(fixture->loop, &client->io); /* it reads once the server has closed, as far as it goes by itself */
    answer(fixture, last_seen(fixture)->request);
    run_for(fixture, 100 * ROUND_US);
    for (int i = 0; i < ROUNDS && received != 0; i++) {
        while ((received = recvfrom(client->io.fd, room, sizeof(room), MSG_DONTWAIT, NULL, NULL)) > 0)
            got += (size_t)received;
        assert_true(received == 0 || errno == EAGAIN);
        run_for(fixture, ROUND_US);
    }
    assert_int_equal(received, 0);
    assert_int_equal(got, fixture->expected_head.length + BODY);
    client_close(client);
    fixture_close(fixture);
}

static void a_head_request_is_answered_without_a_body_and_the_next_one_too(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_open_default();
    struct client *client = client_open(fixture);
    fixture->reply.has_length = true;
    fixture->reply.length = 1 << 20;
    for (size_t i = 0; i < 3; i++) {
        client_send_text(client, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
        wait_for_finished(fixture, i + 1);
        assert_received(client, slice_of(NULL, 0));
    }
    assert_non_null(strstr(buffer_text(&fixture->expected_head), "\r\nContent-Length: 1048576\r\n"));
    client_close(client);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recorded_head_is_what_the_client_reads),
        cmocka_unit_test(every_connection_field_is_taken_alike_in_head_and_answer),
        cmocka_unit_test(a_head_reads_as_documented),
        cmocka_unit_test(fields_that_cannot_be_sent_are_left_out_of_head_and_answer),
        cmocka_unit_test(a_large_head_is_sent_whatever_the_requests_size),
        cmocka_unit_test(a_large_head_is_sent_whatever_is_behind_the_request),
        cmocka_unit_test(a_large_head_is_sent_whatever_the_requests_cookies),
        cmocka_unit_test(a_head_over_its_bound_fails_and_another_answer_can_be_given),
        cmocka_unit_test(a_large_body_is_sent_whole_and_released_once),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_connection_is_used_again_after_each_kind_of_answer),
        cmocka_unit_test(an_answer_that_closes_arrives_whole_whatever_is_behind_its_request),
        cmocka_unit_test(a_head_request_is_answered_without_a_body_and_the_next_one_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
