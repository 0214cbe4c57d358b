/* What leaves for the exchange, byte for byte, and what stays from one call to the next. */
#include "upstream_harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* --- what leaves --- */

/* `expected` has an '@' where the server's port stands in the Host field. */
static void assert_request(const struct server *server, size_t index, const char *expected)
{
    char text[4096];
    const char *mark = strchr(expected, '@');
    assert_non_null(mark);
    assert_true(index < server->request_count);
    (void)snprintf(text, sizeof(text), "%.*s%d%s", (int)(mark - expected), expected, server->port, mark + 1);
    assert_string_equal(server->requests[index].data, text);
}

static void a_get_leaves_exactly_as_given(void **state)
{
    (void)state;
    static const struct http_field fields[] = {
        FIELD("uSER-aGENT", "bot/1.0"),    FIELD("X-Empty", ""),         FIELD("x-twice", "b"),
        FIELD("Accept", "text/plain"),     FIELD("x-twice", "a  a;\t,"), FIELD("Cookie", "a=b"),
        FIELD("Authorization", "Basic x"), FIELD("x-latin", "\xe9\xff"),
    };
    struct server server;
    struct answer answer;
    struct upstream_request request = get_request("/a//b/../c/./?x=%2f;&y=[]{}|\\^`\"<>'\xc3\xa9\xff?#frag");
    request.fields = fields;
    request.field_count = ARRAY_LENGTH(fields);
    exchange_once(&server, &answer, &request, script_answer_ok);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_request(&server, 0,
                   "GET /a//b/../c/./?x=%2f;&y=[]{}|\\^`\"<>'\xc3\xa9\xff?#frag HTTP/1.1\r\nHost: 127.0.0.1:@\r\n"
                   "uSER-aGENT: bot/1.0\r\nX-Empty:\r\nx-twice: b\r\nAccept: text/plain\r\nx-twice: a  a;\t,\r\n"
                   "Cookie: a=b\r\nAuthorization: Basic x\r\nx-latin: \xe9\xff\r\n\r\n");
    assert_string_equal(answer.request_head, server.requests[0].data);
    exchange_end(&server, &answer);
}

static void nothing_is_added_to_a_bare_get(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    struct upstream_request request = get_request("*");
    exchange_once(&server, &answer, &request, script_answer_ok);
    assert_request(&server, 0, "GET * HTTP/1.1\r\nHost: 127.0.0.1:@\r\n\r\n");
    exchange_end(&server, &answer);
}

static void a_post_leaves_with_its_body_and_no_default_fields(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    struct upstream_request request = post_request("/api/trade/order/place", "{\"a\": 1}");
    exchange_once(&server, &answer, &request, script_answer_ok);
    assert_request(&server, 0,
                   "POST /api/trade/order/place HTTP/1.1\r\nHost: 127.0.0.1:@\r\nContent-Length: 8\r\n\r\n{\"a\": 1}");
    assert_int_equal(strlen(answer.request_head) + 8, server.requests[0].length);
    exchange_end(&server, &answer);
}

static void a_body_with_nul_bytes_leaves_whole(void **state)
{
    (void)state;
    static const char bytes[] = "a\0b\r\n\xff\0";
    struct server server;
    struct answer answer;
    struct upstream_request request = post_request("/", "");
    request.body = slice_of(bytes, sizeof(bytes));
    exchange_once(&server, &answer, &request, script_answer_ok);
    const struct buffer *got = &server.requests[0];
    assert_true(got->length > sizeof(bytes));
    assert_memory_equal(got->data + got->length - sizeof(bytes), bytes, sizeof(bytes));
    exchange_end(&server, &answer);
}

static void an_empty_body_has_length_zero_and_no_body_has_no_length(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    struct upstream_request request = post_request("/", "");
    exchange_once(&server, &answer, &request, script_answer_ok);
    assert_request(&server, 0, "POST / HTTP/1.1\r\nHost: 127.0.0.1:@\r\nContent-Length: 0\r\n\r\n");
    assert_true(answer.timing.sent_us > 0);
    exchange_end(&server, &answer);
    request.has_body = false;
    exchange_once(&server, &answer, &request, script_answer_ok);
    assert_request(&server, 0, "POST / HTTP/1.1\r\nHost: 127.0.0.1:@\r\n\r\n");
    exchange_end(&server, &answer);
}

static void a_clients_own_length_type_and_expect_stay_in_their_places(void **state)
{
    (void)state;
    static const struct http_field fields[] = { FIELD("content-LENGTH", "2"), FIELD("Expect", "100-continue"),
                                                FIELD("Content-type", "application/json"), FIELD("X-Last", "1") };
    struct server server;
    struct answer answer;
    struct upstream_request request = post_request("/", "{}");
    request.fields = fields;
    request.field_count = ARRAY_LENGTH(fields);
    exchange_once(&server, &answer, &request, script_answer_ok); /* the server never sends a 100 */
    assert_request(&server, 0,
                   "POST / HTTP/1.1\r\nHost: 127.0.0.1:@\r\ncontent-LENGTH: 2\r\nExpect: 100-continue\r\n"
                   "Content-type: application/json\r\nX-Last: 1\r\n\r\n{}");
    assert_true(answer.timing.complete_us - answer.timing.connected_us < 900000); /* libcurl would wait 1 s */
    exchange_end(&server, &answer);
}

static void a_body_of_a_mebibyte_leaves_whole(void **state)
{
    (void)state;
    enum { SIZE = 1024 * 1024 };
    char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    struct server server;
    struct answer answer;
    struct upstream_request request = post_request("/", "");
    request.body = slice_of(bytes, SIZE);
    exchange_once(&server, &answer, &request, script_answer_ok);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(answer.attempts, 1);
    const struct buffer *got = &server.requests[0];
    assert_int_equal(got->length, strlen(answer.request_head) + SIZE);
    assert_memory_equal(got->data, answer.request_head, strlen(answer.request_head));
    assert_memory_equal(got->data + strlen(answer.request_head), bytes, SIZE);
    assert_true(answer.timing.sent_us > 0);
    free(bytes);
    exchange_end(&server, &answer);
}

static void a_head_that_leaves_in_pieces_is_recorded_whole(void **state)
{
    (void)state;
    enum { FIELDS = 60, SIZE = 4000, SMALL = 4096 };
    static char value[SIZE];
    struct http_field fields[FIELDS];
    memset(value, 'v', sizeof(value));
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = (struct http_field){ SLICE_LITERAL("X-Large"), slice_of(value, sizeof(value)) };
    struct server server;
    struct client client;
    struct answer answer;
    struct upstream_request request = post_request("/", "{\"a\":1}");
    request.fields = fields;
    request.field_count = FIELDS;
    server_start(&server, "127.0.0.1", 0, NULL, script_answer_ok);
    int size = SMALL; /* of the receiver's window: no write takes it all */
    assert_int_equal(setsockopt(server.listen_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
    client_start_plain(&client, server.port);
    client_call(&client, &answer, &request);
    client_free(&client);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_true(server.requests[0].length > (size_t)FIELDS * SIZE);
    assert_int_equal(strlen(answer.request_head) + 7, server.requests[0].length);
    assert_memory_equal(answer.request_head, server.requests[0].data, strlen(answer.request_head));
    assert_true(answer.timing.sent_us > 0);
    exchange_end(&server, &answer);
}

static void any_method_leaves_as_given(void **state)
{
    (void)state;
    static const char *const methods[] = { "PUT", "DELETE", "PATCH", "OPTIONS", "get", "M-SEARCH" };
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        struct server server;
        struct answer answer;
        struct upstream_request request = post_request("/", "x");
        request.method = slice_text(methods[i]);
        exchange_once(&server, &answer, &request, script_answer_ok);
        assert_int_equal(answer.failure, UPSTREAM_OK);
        assert_memory_equal(server.requests[0].data, methods[i], strlen(methods[i]));
        assert_int_equal(server.requests[0].data[server.requests[0].length - 1], 'x');
        exchange_end(&server, &answer);
    }
}

static void what_http_cannot_carry_is_refused(void **state)
{
    (void)state;
    static const char *const targets[] = { "", "/a b", "/a\r\nX: y", "/\x01", "/\x7f" };
    static const struct http_field bad[] = { FIELD("X", "a\r\nY: b"),
                                             FIELD("X", "a\0b"),
                                             FIELD("X:", "a"),
                                             FIELD("", "a"),
                                             FIELD("X Y", "a"),
                                             FIELD("Host", "other"),
                                             FIELD("transfer-encoding", "chunked"),
                                             FIELD("Content-Length", "3"),
                                             FIELD("Content-Length", "2, 2") };
    static const struct upstream_callbacks callbacks = { 0 };
    struct upstream_call *call;
    struct client client;
    client_start_plain(&client, 1);
    for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
        struct error error = { 0 };
        struct upstream_request request = get_request(targets[i]);
        assert_false(upstream_send(&call, client.upstream, &request, false, &callbacks, NULL, &error));
        assert_int_equal(error.kind, ERROR_INPUT);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct error error = { 0 };
        struct upstream_request request = post_request("/", "{}");
        request.fields = &bad[i];
        request.field_count = 1;
        assert_false(upstream_send(&call, client.upstream, &request, false, &callbacks, NULL, &error));
        assert_int_equal(error.kind, ERROR_INPUT);
    }
    struct error error = { 0 };
    struct upstream_request head = post_request("/", "{}");
    head.method = SLICE_LITERAL("HEAD");
    assert_false(upstream_send(&call, client.upstream, &head, false, &callbacks, NULL, &error));
    assert_int_equal(error.kind, ERROR_INPUT);
    assert_int_equal(upstream_in_flight(client.pool), 0);
    client_free(&client);
}

static bool sign(struct call_context *context, unsigned attempt, struct upstream_request *request)
{
    (void)snprintf(context->text, sizeof(context->text), "signature-%u", attempt);
    memcpy(context->fields, request->fields, request->field_count * sizeof(context->fields[0]));
    context->fields[request->field_count] =
        (struct http_field){ SLICE_LITERAL("X-CS-SIGN"), slice_text(context->text) };
    request->fields = context->fields;
    request->field_count++;
    return true;
}

static void fields_added_when_about_to_be_sent_leave(void **state)
{
    (void)state;
    static const struct http_field fields[] = { FIELD("X-First", "1") };
    struct server server;
    struct client client;
    struct answer answer;
    struct call_context context = { .client = &client, .answer = &answer, .about_to_send = sign };
    struct upstream_request request = post_request("/", "{}");
    request.fields = fields;
    request.field_count = 1;
    server_start(&server, "127.0.0.1", 0, NULL, script_answer_ok);
    client_start_plain(&client, server.port);
    client_send(&context, &request, false);
    client_run(&client);
    client_free(&client);
    server_join(&server);
    assert_request(&server, 0,
                   "POST / HTTP/1.1\r\nHost: 127.0.0.1:@\r\nX-First: 1\r\nX-CS-SIGN: signature-1\r\n"
                   "Content-Length: 2\r\n\r\n{}");
    assert_int_equal(answer.asked, 1);
    exchange_end(&server, &answer);
}

static void the_host_value_is_what_leaves(void **state)
{
    (void)state;
    static const char *const hosts[] = { "LocalHost", "127.0.0.1" };
    for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
        struct server server;
        struct client client;
        struct answer answer;
        char url[64], line[128];
        server_start(&server, "127.0.0.1", 0, NULL, script_answer_ok);
        struct upstream_options options = client_options(url, sizeof(url), "http", hosts[i], server.port);
        options.ip_family = UPSTREAM_IP_V4;
        client_start(&client, &options);
        struct upstream_request request = get_request("/");
        client_call(&client, &answer, &request);
        (void)snprintf(line, sizeof(line), "\r\nHost: %s\r\n", upstream_host(client.upstream));
        client_free(&client);
        server_join(&server);
        assert_non_null(strstr(server.requests[0].data, line));
        exchange_end(&server, &answer);
    }
}

static void a_schemes_own_port_is_not_in_the_host_value(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host;
    } cases[] = { { "https://api.coinstore.com", "api.coinstore.com" },
                  { "https://api.coinstore.com:443/", "api.coinstore.com" },
                  { "https://api.coinstore.com:8443", "api.coinstore.com:8443" },
                  { "http://127.0.0.1:80", "127.0.0.1" },
                  { "http://[::1]:8080", "[::1]:8080" } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct client client;
        char url[64];
        struct upstream_options options = client_options(url, sizeof(url), "http", "x", 1);
        options.url = cases[i].url;
        client_start(&client, &options);
        assert_string_equal(upstream_host(client.upstream), cases[i].host);
        client_free(&client);
    }
}

/* --- from one call to the next --- */

static void a_connection_is_used_again_and_keeps_nothing_of_the_last_call(void **state)
{
    (void)state;
    static const struct http_field fields[] = { FIELD("X-Secret", "1") };
    struct server server;
    struct client client;
    struct answer first, second;
    struct upstream_request post = post_request("/first", "{\"a\":1}"), get = get_request("/second");
    post.fields = fields;
    post.field_count = 1;
    server_start(&server, "127.0.0.1", 0, NULL, script_answer_ok);
    client_start_plain(&client, server.port);
    client_call(&client, &first, &post);
    client_call(&client, &second, &get);
    assert_int_equal(upstream_in_flight(client.pool), 0);
    client_free(&client);
    server_join(&server);
    assert_int_equal(atomic_load(&server.accepted), 1);
    assert_false(first.connection.reused);
    assert_true(second.connection.reused);
    assert_int_equal(first.connection.local_port, second.connection.local_port);
    assert_request(&server, 1, "GET /second HTTP/1.1\r\nHost: 127.0.0.1:@\r\n\r\n");
    assert_string_equal(second.response_body, "ok");
    answer_free(&first);
    exchange_end(&server, &second);
}

static void the_connection_and_the_times_are_told(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    struct upstream_request request = get_request("/");
    exchange_once(&server, &answer, &request, script_answer_ok);
    assert_string_equal(answer.connection.remote_address, "127.0.0.1");
    assert_string_equal(answer.connection.local_address, "127.0.0.1");
    assert_int_equal(answer.connection.remote_port, server.port);
    assert_true(answer.connection.local_port > 0);
    assert_int_equal(answer.connection.ip_family, 4);
    assert_string_equal(answer.connection.tls_version, "");
    assert_string_equal(answer.connection.http_version, "HTTP/1.1");
    const struct upstream_timing *timing = &answer.timing;
    assert_true(timing->started_us > 0 && timing->started_us <= timing->connected_us);
    assert_true(timing->connected_us <= timing->sent_us && timing->sent_us <= timing->first_byte_us);
    assert_true(timing->first_byte_us <= timing->complete_us);
    assert_string_equal(answer.message, "");
    exchange_end(&server, &answer);
}

static char *taken;
static size_t taken_length;

static void take_body(void *context, struct upstream_result *result)
{
    struct client *client = context;
    taken = upstream_result_take_body(result, &taken_length);
    loop_stop(client->loop);
}

static void a_body_can_be_taken_over(void **state)
{
    (void)state;
    static const struct upstream_callbacks callbacks = { .done = take_body };
    struct server server;
    struct client client;
    struct upstream_call *call;
    struct error error;
    struct upstream_request request = get_request("/");
    server_start(&server, "127.0.0.1", 0, NULL, script_answer_ok);
    client_start_plain(&client, server.port);
    assert_true(upstream_send(&call, client.upstream, &request, false, &callbacks, &client, &error));
    assert_int_equal(upstream_in_flight(client.pool), 1);
    client.open_calls = 1;
    client_run(&client);
    client_free(&client);
    server_join(&server);
    assert_int_equal(taken_length, 2);
    assert_memory_equal(taken, "ok", 2);
    free(taken);
    server_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_leaves_exactly_as_given),
        cmocka_unit_test(nothing_is_added_to_a_bare_get),
        cmocka_unit_test(a_post_leaves_with_its_body_and_no_default_fields),
        cmocka_unit_test(a_body_with_nul_bytes_leaves_whole),
        cmocka_unit_test(an_empty_body_has_length_zero_and_no_body_has_no_length),
        cmocka_unit_test(a_clients_own_length_type_and_expect_stay_in_their_places),
        cmocka_unit_test(a_body_of_a_mebibyte_leaves_whole),
        cmocka_unit_test(a_head_that_leaves_in_pieces_is_recorded_whole),
        cmocka_unit_test(any_method_leaves_as_given),
        cmocka_unit_test(what_http_cannot_carry_is_refused),
        cmocka_unit_test(fields_added_when_about_to_be_sent_leave),
        cmocka_unit_test(the_host_value_is_what_leaves),
        cmocka_unit_test(a_schemes_own_port_is_not_in_the_host_value),
        cmocka_unit_test(a_connection_is_used_again_and_keeps_nothing_of_the_last_call),
        cmocka_unit_test(the_connection_and_the_times_are_told),
        cmocka_unit_test(a_body_can_be_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
