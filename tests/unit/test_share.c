/* Exchanges made fit for the public: what is gone, what stays, what is equal to what. */
#include "export_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct share *new_share(void)
{
    struct share *share = NULL;
    struct error error;
    assert_true(share_create(&share, &error));
    return share;
}

static void assert_body_in(struct share *share, const char *body, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1 << 20);
    assert_true(share_append_body(&out, share, SLICE_LITERAL(""), slice_text(body)));
    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
}

static void assert_head_in(struct share *share, const char *head, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1 << 20);
    assert_true(share_append_head(&out, share, slice_text(head)));
    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
}

/* Each in a memory of its own. */
static void assert_body(const char *body, const char *expected)
{
    struct share *share = new_share();
    assert_body_in(share, body, expected);
    share_free(share);
}

static void assert_head(const char *head, const char *expected)
{
    struct share *share = new_share();
    assert_head_in(share, head, expected);
    share_free(share);
}

static void nothing_private_survives_in_any_format(void **state)
{
    (void)state;
    static const char *const canaries[] = {
        FIXTURE_KEY,    "0123***", "cdef\"", FIXTURE_COOKIE, FIXTURE_BEARER, FIXTURE_SIGNATURE, "11594964764657880",
        "my-own-bot",   "1134971", "13297",  "192.0.2.44",   "203.0.113.9",  "2001:db8",        "198.51.100.77",
        "bc1qwhatever", "778899",  "jane",   ":315",         "41733",        "abababab",        "127.0.0.1:8787\\r",
    };
    const struct record record = fixture_record();
    for (int i = 0; i < EXPORT_FORMAT_COUNT; i++) {
        struct share *share = new_share();
        struct buffer out;
        const struct export_options options = { .format = (enum export_format)i,
                                                .to = "http://proxy.test:1",
                                                .share = share };
        const char *text = fixture_export(&out, &options, &record);
        for (size_t j = 0; j < sizeof(canaries) / sizeof(canaries[0]); j++)
            assert_lacks(text, canaries[j]);
        assert_contains(text, "hared"); /* it says so: "shared": true, _shared, or a remark */
        buffer_free(&out);
        share_free(share);
    }
}

static void what_is_needed_to_see_the_fault_stays(void **state)
{
    (void)state;
    const struct record record = fixture_record();
    struct share *share = new_share();
    struct buffer out;
    const struct export_options options = { .format = EXPORT_HTTP, .share = share };
    const char *text = fixture_export(&out, &options, &record);
    assert_contains(text, "\"ordPrice\":\"9.1E-10\"");
    assert_contains(text, "symbol=BTCUSDT HTTP/1.1\r\n");
    assert_contains(text, "\"code\":1401,\"message\":\"unauthorized: order ");
    assert_contains(text, "X-CS-EXPIRES: 1770742394290\r\n");
    assert_contains(text, "Date: Tue, 10 Feb 2026 16:53:14 GMT\r\n");
    assert_contains(text, "Host: api.coinstore.com\r\n");
    assert_contains(text, "\"currency\":\"USDT\"");
    buffer_free(&out);
    share_free(share);
}

static void equal_values_are_equal_tokens_in_query_body_field_and_message(void **state)
{
    (void)state;
    struct share *share = new_share();
    assert_head_in(share, "GET /api/trade/order/orderInfo?ordId=987654321&b=1 HTTP/1.1\r\n\r\n",
                   "GET /api/trade/order/orderInfo?ordId=order-1&b=1 HTTP/1.1\r\n\r\n");
    assert_body_in(share, "{\"data\":{\"ordId\":987654321,\"orderId\":\"987654321\"}}",
                   "{\"data\":{\"ordId\":100000001,\"orderId\":\"order-1\"}}");
    assert_body_in(share, "{\"msg\":\"no order 987654321.\"}", "{\"msg\":\"no order order-1.\"}");
    assert_head_in(share, "HTTP/1.1 200 OK\r\nX-Order: 987654321\r\n\r\n",
                   "HTTP/1.1 200 OK\r\nX-Order: order-1\r\n\r\n");
    assert_body_in(share, "{\"ordId\":987654322}", "{\"ordId\":100000002}");
    assert_head_in(share, "GET /a?ordId=%39876%35432%31 HTTP/1.1\r\n\r\n", "GET /a?ordId=order-1 HTTP/1.1\r\n\r\n");
    share_free(share);
}

static void numbers_stay_numbers_and_on_their_side_of_2_to_the_53(void **state)
{
    (void)state;
    assert_body("{\"ordId\":11594964764657880}", "{\"ordId\":10000000000000001}");
    assert_body("{\"ordId\":9007199254740992}", "{\"ordId\":1000000000000001}");
    assert_body("{\"ordId\":9007199254740993}", "{\"ordId\":9100000000000001}");
    assert_body("{\"id\":7}", "{\"id\":11}");
    assert_body("{\"balance\":0.5}", "{\"balance\":10000001}");
    assert_body("{\"balance\":-123456789012345}", "{\"balance\":10000001}");
}

static void json_keeps_its_form(void **state)
{
    (void)state;
    assert_body(" { \"ordId\" :\t\"a\" ,\r\n\"side\": \"BUY\", \"x\": [ true, null ] } ",
                " { \"ordId\" :\t\"order-1\" ,\r\n\"side\": \"BUY\", \"x\": [ true, null ] } ");
    assert_body("{\"orderIds\":[\"a\",[\"b\",{\"symbol\":\"BTCUSDT\",\"c\":\"a\"}]]}",
                "{\"orderIds\":[\"order-1\",[\"order-2\",{\"symbol\":\"BTCUSDT\",\"c\":\"order-1\"}]]}");
    assert_body("{\"order_id\":\"a\",\"CLORDID\":\"b\"}", "{\"order_id\":\"order-1\",\"CLORDID\":\"order-2\"}");
    assert_body("{\"a\":[[\"0.1\",2E-8,-1]]}", "{\"a\":[[\"0.1\",2E-8,-1]]}");
    assert_body("", "");
}

static void names_and_values_that_are_not_known_do_not_pass(void **state)
{
    (void)state;
    assert_body("{\"email\":\"x\"}", "{\"email\":\"value-1\"}");
    assert_body("{\"1134971\":{\"symbol\":\"x y\"}}", "{\"name-1\":{\"symbol\":\"value-2\"}}");
    assert_body("{\"accoun\\u0074Id\":\"s\"}", "{\"name-1\":\"value-2\"}");
    assert_body("{\"symbol\":\"1134971\",\"code\":\"0123456789\"}", "{\"symbol\":\"1134971\",\"code\":\"value-1\"}");
    assert_body("[\"a\",5]", "[\"value-1\",12]");
    assert_body("\"a\"", "\"value-1\"");
    assert_body("secret=1&x=2", "body-1 (12 bytes that are no JSON)");
    assert_body("{\"a\":1", "body-1 (6 bytes that are no JSON)");
    assert_head("GET /u/1134971/0xabcdef0123/x?1134971&y HTTP/1.1\r\n\r\n",
                "GET /u/value-1/value-2/x?value-1&value-3 HTTP/1.1\r\n\r\n");
    assert_head("GET http://me:secret@host/ HTTP/1.1\r\n\r\n", "GET value-1 HTTP/1.1\r\n\r\n");
}

static void heads_keep_the_fields_of_the_list_alone(void **state)
{
    (void)state;
    assert_head(
        "GET / HTTP/1.1\nAccept:  */* \nUser-Agent: bot of jane\nX-12345: a\nno colon\n folded\nHost: 10.0.0.1:80\n\n",
        "GET / HTTP/1.1\nAccept:  */* \nUser-Agent: value-1\nname-2: value-3\nvalue-4\n value-5\nHost: "
        "address-6:80\n\n");
    assert_head("HTTP/1.1 401 jane's 77\r\nServer: a\x01\r\n\r\n",
                "HTTP/1.1 401 jane's value-1\r\nServer: value-2\r\n\r\n");
    assert_head("X-CS-APIKEY: a\r\n", "value-1\r\n");
    assert_head("GET / HTTP/1.1\r\nX-CS-EXPIRES: not a time\r\nX-CS-SIGN: short\r\n\r\n",
                "GET / HTTP/1.1\r\nX-CS-EXPIRES: value-1\r\nX-CS-SIGN: signature-2\r\n\r\n");
}

static void values_without_their_fields_form_become_tokens(void **state)
{
    (void)state;
    static const char *const kept[] = {
        "Content-Type: application/json;charset=UTF-8",
        "Content-Type: text/html; charset=\"utf-8\"",
        "Content-Length: 81",
        "Accept: */*;q=0.8, text/html",
        "Accept-Language: en-US,en;q=0.9,zh_CN",
        "Connection: keep-alive",
        "Date: Tue, 10 Feb 2026 16:53:14 GMT",
        "Server: nginx/1.18.0",
        "Vary: Accept-Encoding",
        "Cache-Control: max-age=600, no-store",
        "Retry-After: 2",
        "CF-Cache-Status: DYNAMIC",
        "X-CS-EXPIRES: 1770742394290",
        "Countersign-Exchange: i17",
        "Countersign-Outcome: api_error",
        "Countersign-Error: body-too-large",
        "Transfer-Encoding: gzip, chunked",
        "Expect: 100-continue",
        "Vary:",
    };
    static const char *const replaced[] = {
        "Content-Type: x; account=1134971",
        "Content-Type: application/json; account=1134971",
        "Content-Length: 1134971134",
        "Accept: alice/bob",
        "Accept-Language: alice",
        "Connection: alice",
        "Date: Tue, 10 Feb 2026 16:53:14 GMT alice",
        "Date: alice",
        "Server: alice/1134971",
        "Server: nginx/1134971",
        "Vary: alice",
        "Cache-Control: max-age=1134971",
        "Retry-After: 1134971",
        "CF-Cache-Status: alice",
        "X-CS-EXPIRES: 1134971",
        "Countersign-Exchange: alice",
        "Countersign-Exchange: i",
        "Countersign-Outcome: alice",
        "Countersign-Error: account 1134971",
        "Expect: 1\x01",
        "Countersign-Error: account-1134971",
    };
    char head[256], expected[256];
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s\r\n\r\n", kept[i]);
        assert_head(head, head);
    }
    for (size_t i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++) {
        (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s\r\n\r\n", replaced[i]);
        (void)snprintf(expected, sizeof(expected), "HTTP/1.1 200 OK\r\n%.*s: value-1\r\n\r\n",
                       (int)strcspn(replaced[i], ":"), replaced[i]);
        assert_head(head, expected);
    }
    assert_head("HTTP/113 200 OK\r\n\r\n", "value-1\r\n\r\n");
}

static void assert_text(struct slice text, const char *begin, const char *end)
{
    char copy[256];
    (void)snprintf(copy, sizeof(copy), "%.*s", SLICE_ARGUMENTS(text));
    if (strstr(copy, begin) != copy || strstr(copy, end) == NULL)
        fail_msg("`%s` is not `%s...%s`", copy, begin, end);
}

static void the_record_is_in_tokens_and_agrees_with_its_views(void **state)
{
    (void)state;
    const struct record record = fixture_record();
    struct share *share = new_share();
    struct record shared, again;
    struct error error;
    assert_true(share_record(&shared, share, &record, &error));
    assert_true(slice_starts_with(shared.listener, "label-"));
    assert_true(slice_equal_text(shared.target, "/api/spot/accountList?ordId=order-1&symbol=BTCUSDT"));
    assert_text(shared.client_address, "address-", ":50312");
    assert_text(shared.api_message, "unauthorized: order order-1 from address-", " of order-");
    assert_int_equal(shared.status, 200);
    assert_int_equal(shared.received_us, record.received_us);
    assert_int_equal(shared.connection.ip_family, 6);
    char field[96];
    (void)snprintf(field, sizeof(field), "X-CS-SIGN: %.64s\r\n", shared.signature);
    char head[2048];
    (void)snprintf(head, sizeof(head), "%.*s", SLICE_ARGUMENTS(shared.views[RECORD_UPSTREAM_REQUEST].head));
    assert_contains(head, field);
    assert_true(slice_equal(shared.views[RECORD_CLIENT_REQUEST].body, shared.views[RECORD_UPSTREAM_REQUEST].body));
    char first[2048], second[2048];
    (void)snprintf(first, sizeof(first), "%.*s", SLICE_ARGUMENTS(shared.views[RECORD_UPSTREAM_RESPONSE].body));
    assert_true(share_record(&again, share, &record, &error));
    (void)snprintf(second, sizeof(second), "%.*s", SLICE_ARGUMENTS(again.views[RECORD_UPSTREAM_RESPONSE].body));
    assert_string_equal(first, second);
    share_free(share);
}

static void a_word_of_a_message_that_is_an_order_is_known_as_one(void **state)
{
    (void)state;
    struct record record = { .id = 1, .client_uid = -1 }, shared;
    struct share *share = new_share();
    struct error error;
    char body[256];
    record.views[RECORD_CLIENT_REQUEST].body =
        SLICE_LITERAL("{\"msg\":\"no mine here, 77123\",\"clOrdId\":\"mine\",\"accountId\":\"77123\"}");
    assert_true(share_record(&shared, share, &record, &error));
    (void)snprintf(body, sizeof(body), "%.*s", SLICE_ARGUMENTS(shared.views[RECORD_CLIENT_REQUEST].body));
    assert_string_equal(body,
                        "{\"msg\":\"no order-1 here, account-2\",\"clOrdId\":\"order-1\",\"accountId\":\"account-2\"}");
    share_free(share);
}

/* The facts and the views of a record in tokens, in a memory of its own. */
static void assert_record(const struct record *record, const char *target, const char *message, const char *body)
{
    struct share *share = new_share();
    struct record shared;
    struct error error;
    assert_true(share_record(&shared, share, record, &error));
    const struct slice parts[] = { shared.target, shared.api_message, shared.views[RECORD_CLIENT_REQUEST].body };
    const char *const expected[] = { target, message, body };
    for (size_t i = 0; i < 3; i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARGUMENTS(parts[i]));
        assert_string_equal(text, expected[i]);
    }
    share_free(share);
}

static void a_word_that_is_a_token_is_one_everywhere(void **state)
{
    (void)state;
    struct record record = { .client_uid = -1 };
    record.target = SLICE_LITERAL("/api/trade/order/grid-17?alicebot=1&symbol=BTCUSDT&x-alicebot=2");
    record.api_message = SLICE_LITERAL("order alicebot of account 1134971 rejected, alicebot's (grid-17)");
    record.views[RECORD_CLIENT_REQUEST].body =
        SLICE_LITERAL("{\"alicebot\":{\"symbol\":\"x\"},\"clOrdIds\":[\"alicebot\",\"grid-17\"],\"order\":\"trade\"}");
    assert_record(&record, "/api/trade/order/order-2?order-1=value-4&symbol=BTCUSDT&name-5=value-6",
                  "order order-1 of account value-7 rejected, value-8 (order-2)",
                  "{\"order-1\":{\"symbol\":\"x\"},\"clOrdIds\":[\"order-1\",\"order-2\"],\"order\":\"value-3\"}");
}

static void a_word_of_a_message_alone_is_a_token_in_the_path_too(void **state)
{
    (void)state;
    struct record record = { .client_uid = -1 };
    record.target = SLICE_LITERAL("/u/grid-17/bob");
    record.api_message = SLICE_LITERAL("no grid-17 for bob");
    record.views[RECORD_CLIENT_REQUEST].body = SLICE_LITERAL("{\"message\":\"user 1134971 (alice)\",\"t\":\"alice\"}");
    assert_record(&record, "/u/value-3/bob", "no value-3 for bob",
                  "{\"message\":\"user value-2 (value-1)\",\"t\":\"value-1\"}");
}

static void the_programs_own_facts_stay_in_their_form_alone(void **state)
{
    (void)state;
    const struct {
        struct slice error, tls, cipher, http;
        bool stays;
    } cases[] = {
        { SLICE_LITERAL("body-too-large"), SLICE_LITERAL("TLSv1.3"), SLICE_LITERAL("TLS_AES_256_GCM_SHA384"),
          SLICE_LITERAL("HTTP/1.1"), true },
        { SLICE_LITERAL("tls"), SLICE_LITERAL("TLSv1"), SLICE_LITERAL("ECDHE-RSA-CHACHA20-POLY1305"),
          SLICE_LITERAL("HTTP/2"), true },
        { SLICE_LITERAL("account 1134971"), SLICE_LITERAL("1134971"), SLICE_LITERAL("TLS_1134971"),
          SLICE_LITERAL("HTTP/1134971"), false },
        { SLICE_LITERAL("alice"), SLICE_LITERAL("alice"), SLICE_LITERAL("alice"), SLICE_LITERAL("alice"), false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct share *share = new_share();
        struct record record = { .client_uid = -1, .error_name = cases[i].error }, shared;
        struct error error;
        record.connection.tls_version = cases[i].tls;
        record.connection.tls_cipher = cases[i].cipher;
        record.connection.http_version = cases[i].http;
        record.views[RECORD_CLIENT_REQUEST].body = SLICE_LITERAL("{\"t\":\"alice\"}");
        assert_true(share_record(&shared, share, &record, &error));
        assert_int_equal(slice_equal(shared.error_name, cases[i].error), cases[i].stays);
        assert_int_equal(slice_equal(shared.connection.tls_version, cases[i].tls), cases[i].stays);
        assert_int_equal(slice_equal(shared.connection.tls_cipher, cases[i].cipher), cases[i].stays);
        assert_int_equal(slice_equal(shared.connection.http_version, cases[i].http), cases[i].stays);
        share_free(share);
    }
}

static void a_number_that_is_an_id_is_a_token_whatever_its_name(void **state)
{
    (void)state;
    struct record record = { .client_uid = -1 };
    record.api_message = SLICE_LITERAL("no");
    record.views[RECORD_CLIENT_REQUEST].body = SLICE_LITERAL(
        "{\"price\":1134971,\"code\":\"1134971\",\"x\":1134971,\"accountId\":1134971,\"id\":7,\"qty\":7}");
    record.target = SLICE_LITERAL("/a?price=1134971&qty=1134972");
    assert_record(&record, "/a?price=value-1&qty=1134972", "no",
                  "{\"price\":1000001,\"code\":\"value-1\",\"x\":1000001,\"accountId\":1000001,\"id\":12,\"qty\":7}");
}

static void thousands_of_values_stay_apart(void **state)
{
    (void)state;
    struct share *share = new_share();
    char body[64], expected[64];
    for (int round = 0; round < 2; round++) {
        for (int i = 1; i <= 5000; i++) {
            (void)snprintf(body, sizeof(body), "{\"ordId\":\"order of mine %d\"}", i);
            (void)snprintf(expected, sizeof(expected), "{\"ordId\":\"order-%d\"}", i);
            assert_body_in(share, body, expected);
        }
    }
    share_free(share);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_private_survives_in_any_format),
        cmocka_unit_test(what_is_needed_to_see_the_fault_stays),
        cmocka_unit_test(equal_values_are_equal_tokens_in_query_body_field_and_message),
        cmocka_unit_test(numbers_stay_numbers_and_on_their_side_of_2_to_the_53),
        cmocka_unit_test(json_keeps_its_form),
        cmocka_unit_test(names_and_values_that_are_not_known_do_not_pass),
        cmocka_unit_test(heads_keep_the_fields_of_the_list_alone),
        cmocka_unit_test(the_record_is_in_tokens_and_agrees_with_its_views),
        cmocka_unit_test(a_word_of_a_message_that_is_an_order_is_known_as_one),
        cmocka_unit_test(a_word_that_is_a_token_is_one_everywhere),
        cmocka_unit_test(a_word_of_a_message_alone_is_a_token_in_the_path_too),
        cmocka_unit_test(values_without_their_fields_form_become_tokens),
        cmocka_unit_test(the_programs_own_facts_stay_in_their_form_alone),
        cmocka_unit_test(a_number_that_is_an_id_is_a_token_whatever_its_name),
        cmocka_unit_test(thousands_of_values_stay_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
