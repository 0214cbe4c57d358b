/* The way to the exchange: IP family, bind address, egress proxy, connections opened ahead; and options that are refused. */
#include "upstream_harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the way out --- */

static void an_ip_family_is_kept_to(void **state)
{
    (void)state;
    static const struct {
        enum upstream_ip_family family;
        const char *address;
        int expected;
    } cases[] = { { UPSTREAM_IP_V4, "127.0.0.1", 4 }, { UPSTREAM_IP_V6, "::1", 6 } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct server server;
        struct answer answer;
        char url[64];
        struct upstream_request request = get_request("/");
        server_start(&server, cases[i].address, 0, NULL, script_answer_ok);
        struct upstream_options options = client_options(url, sizeof(url), "http", "localhost", server.port);
        options.ip_family = cases[i].family;
        call_once(&answer, &options, &request);
        server_join(&server);
        assert_int_equal(answer.failure, UPSTREAM_OK);
        assert_int_equal(answer.connection.ip_family, cases[i].expected);
        assert_string_equal(answer.connection.remote_address, cases[i].address);
        answer_free(&answer);
        server_free(&server);
    }
}

static void the_other_ip_family_is_not_used(void **state)
{
    (void)state;
    struct answer answer;
    char url[64];
    struct upstream_request request = get_request("/");
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", closed_port());
    options.ip_family = UPSTREAM_IP_V6;
    options.connect_timeout_us = 200000;
    call_once(&answer, &options, &request);
    assert_true(answer.failure == UPSTREAM_NAME_RESOLUTION || answer.failure == UPSTREAM_CONNECT);
    assert_false(answer.bytes_left);
    answer_free(&answer);
}

static void a_bind_address_is_where_connections_come_from(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    char url[64];
    struct upstream_request request = get_request("/");
    server_start(&server, "127.0.0.1", 0, NULL, script_answer_ok);
    struct upstream_options options = client_options(url, sizeof(url), "http", "localhost", server.port);
    options.bind_address = "127.0.0.5";
    call_once(&answer, &options, &request);
    server_join(&server);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_string_equal(server.peer_address, "127.0.0.5");
    assert_string_equal(answer.connection.local_address, "127.0.0.5");
    answer_free(&answer);
    server_free(&server);
}

static void a_bind_address_of_another_machine_fails_at_once(void **state)
{
    (void)state;
    struct answer answer;
    char url[64];
    struct upstream_request request = get_request("/");
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", closed_port());
    options.bind_address = "192.0.2.1";
    call_once(&answer, &options, &request);
    assert_int_equal(answer.failure, UPSTREAM_CONNECT);
    assert_false(answer.bytes_left);
    answer_free(&answer);
}

static void the_environments_proxies_are_not_used(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    char url[64], closed[64];
    struct upstream_request request = get_request("/");
    (void)snprintf(closed, sizeof(closed), "http://127.0.0.1:%d", closed_port());
    assert_int_equal(setenv("http_proxy", closed, 1) | setenv("ALL_PROXY", closed, 1), 0);
    server_start(&server, "127.0.0.1", 0, NULL, script_answer_ok);
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", server.port);
    call_once(&answer, &options, &request);
    server_join(&server);
    assert_int_equal(unsetenv("http_proxy") | unsetenv("ALL_PROXY"), 0);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    answer_free(&answer);
    server_free(&server);
}

/* An HTTP proxy that takes the CONNECT and is then the origin itself. */
static void be_an_egress_proxy(struct server *server)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer) && peer_send(&peer, "HTTP/1.1 200 Go\r\nX-Proxy: secret\r\n\r\n"))
        peer_answer_all(server, &peer);
    peer_close(&peer);
}

static void refuse_to_be_an_egress_proxy(struct server *server)
{
    script_send_and_close(server, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
}

static void call_through(struct server *server, struct answer *answer, void (*script)(struct server *))
{
    static const struct http_field fields[] = { { { "X-CS-SIGN", 9 }, { "abc", 3 } } };
    char url[64], proxy[64];
    struct upstream_request request = post_request("/order", "{}");
    request.fields = fields;
    request.field_count = 1;
    server_start(server, "127.0.0.1", 0, NULL, script);
    struct upstream_options options = client_options(url, sizeof(url), "http", "unknown.test", 8080);
    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server->port);
    options.proxy = proxy;
    assert_int_equal(setenv("no_proxy", "*", 1), 0); /* is not looked at */
    call_once(answer, &options, &request);
    assert_int_equal(unsetenv("no_proxy"), 0);
    server_join(server);
}

static void an_egress_proxy_sees_connect_and_no_field_of_the_request(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    call_through(&server, &answer, be_an_egress_proxy);
    assert_int_equal(answer.failure, UPSTREAM_OK);
    assert_int_equal(server.request_count, 2);
    assert_memory_equal(server.requests[0].data, "CONNECT unknown.test:8080 HTTP/1.1\r\n", 36);
    assert_null(strstr(server.requests[0].data, "X-CS-SIGN"));
    assert_string_equal(server.requests[1].data, "POST /order HTTP/1.1\r\nHost: unknown.test:8080\r\nX-CS-SIGN: abc\r\n"
                                                 "Content-Length: 2\r\n\r\n{}");
    assert_memory_equal(answer.request_head, server.requests[1].data, strlen(answer.request_head));
    assert_memory_equal(answer.request_head, "POST", 4);
    assert_null(strstr(answer.response_head, "X-Proxy"));
    answer_free(&answer);
    server_free(&server);
}

static void an_egress_proxy_that_refuses_is_told_as_such(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    call_through(&server, &answer, refuse_to_be_an_egress_proxy);
    assert_int_equal(answer.failure, UPSTREAM_EGRESS_PROXY);
    assert_false(answer.bytes_left);
    assert_int_equal(answer.attempts, 0);
    assert_int_equal(server.request_count, 1);
    assert_string_equal(answer.request_head, "");
    assert_non_null(strstr(answer.message, "403"));
    answer_free(&answer);
    server_free(&server);
}

static void warming_opens_connections_that_are_then_used(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    struct answer answer;
    struct upstream_request request = get_request("/");
    server_start(&server, "127.0.0.1", 0, NULL, script_answer_many);
    client_start_plain(&client, server.port);
    for (int i = 0; i < 3; i++)
        upstream_warm(client.upstream, NULL, NULL);
    assert_int_equal(upstream_in_flight(client.pool), 0); /* they are not the caller's */
    struct error error;
    while (atomic_load(&server.accepted) < 3 || server.request_count < 3) {
        loop_timer_start(client.loop, &client.guard, 10000);
        assert_true(loop_run(client.loop, &error));
    }
    client.timed_out = false;
    client_call(&client, &answer, &request);
    server_release(&server);
    client_free(&client);
    server_join(&server);
    assert_true(answer.connection.reused);
    assert_int_equal(atomic_load(&server.accepted), 3);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(server.requests[i].data, "HEAD / HTTP/1.1\r\nHost: ", 23);
    answer_free(&answer);
    server_free(&server);
}

static void wrong_options_are_refused_with_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *url, *ca_file, *bind_address, *proxy, *said;
        enum upstream_http http;
    } cases[] = {
        { "not a url", "", "", "", "https://host", UPSTREAM_HTTP_1_1 },
        { "ftp://host", "", "", "", "https://host", UPSTREAM_HTTP_1_1 },
        { "https://host/path", "", "", "", "https://host", UPSTREAM_HTTP_1_1 },
        { "https://user@host", "", "", "", "https://host", UPSTREAM_HTTP_1_1 },
        { "https://host?a", "", "", "", "https://host", UPSTREAM_HTTP_1_1 },
        { "https://host", "/nonexistent/ca.pem", "", "", "/nonexistent/ca.pem", UPSTREAM_HTTP_1_1 },
        { "https://host", "/dev/null", "", "", "/dev/null", UPSTREAM_HTTP_1_1 },
        { "https://host", "", "eth0", "", "eth0", UPSTREAM_HTTP_1_1 },
        { "https://host", "", "", "ftp://proxy", "proxy", UPSTREAM_HTTP_1_1 },
        { "http://127.0.0.1:1", "", "", "", "TLS", UPSTREAM_HTTP_2 },
    };
    struct client client;
    client_start_plain(&client, 1);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char url[64];
        struct error error = { 0 };
        struct upstream *made = NULL;
        struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", 1);
        options.url = cases[i].url;
        options.ca_file = cases[i].ca_file;
        options.bind_address = cases[i].bind_address;
        options.proxy = cases[i].proxy;
        options.http = cases[i].http;
        assert_false(upstream_create(&made, client.pool, &options, &error));
        assert_null(made);
        assert_int_equal(error.kind, ERROR_CONFIG);
        assert_non_null(strstr(error.message, cases[i].said));
    }
    client_free(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ip_family_is_kept_to),
        cmocka_unit_test(the_other_ip_family_is_not_used),
        cmocka_unit_test(a_bind_address_is_where_connections_come_from),
        cmocka_unit_test(a_bind_address_of_another_machine_fails_at_once),
        cmocka_unit_test(the_environments_proxies_are_not_used),
        cmocka_unit_test(an_egress_proxy_sees_connect_and_no_field_of_the_request),
        cmocka_unit_test(an_egress_proxy_that_refuses_is_told_as_such),
        cmocka_unit_test(warming_opens_connections_that_are_then_used),
        cmocka_unit_test(wrong_options_are_refused_with_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
