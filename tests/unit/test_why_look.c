/* What is seen of one exchange: each feature's value as it reads, from records made by hand. */
#include "why_fixture.h"

#include "doctor/why_private.h"

#include "countersign/compiler.h"

/* The feature's value for this record; "" where it is not known. */
static const char *value_of(const char *word, const struct record *record)
{
    static struct why_look look;
    static char text[256];
    struct buffer out;
    size_t i = 0;
    while (i < why_feature_count && strcmp(why_features[i].name.word, word) != 0)
        i++;
    if (i == why_feature_count)
        fail_msg("there is no feature %s", word);
    buffer_init(&out, sizeof(text));
    why_look_at(&look, record);
    bool is_known = why_features[i].write(&out, &look);
    (void)snprintf(text, sizeof(text), "%s", is_known ? buffer_text(&out) : ""); /* fits */
    buffer_free(&out);
    return text;
}

static struct record with_body(const char *body)
{
    struct record record = made_order(1, false);
    record.views[RECORD_UPSTREAM_REQUEST].body = slice_text(body);
    return record;
}

static void a_body_is_told_by_how_it_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *body, *reads;
    } cases[] = {
        { "", "with no body" },
        { "{}", "with the body {}" },
        { "{\"a\":1,\"b\":[1,2],\"c\":{}}", "with compact JSON" },
        { "[]", "with compact JSON" },
        { "{\"a\": 1, \"b\": [1, 2], \"c\": {}}", "with JSON spaced as Python's json.dumps does" },
        { "{\"a\": 1}", "with JSON spaced as Python's json.dumps does" },
        { "{\n  \"a\": 1\n}", "with JSON in several lines" },
        { "{\"a\":1}\n", "with JSON in several lines" },
        { "{ \"a\": 1 }", "with JSON spaced in another way" },
        { "{\"a\" :1}", "with JSON spaced in another way" },
        { "{\"a\": 1,\"b\":2}", "with JSON spaced in another way" },
        { "{ }", "with JSON spaced in another way" },
        { "a=1&b=2", "with a body that is not JSON" },
        { "{\"a\":1", "with a body that is not JSON" },
        { "{'a':1}", "with a body that is not JSON" },
        { "\xEF\xBB\xBF{}", "with a body that is not JSON" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct record record = with_body(cases[i].body);
        assert_string_equal(value_of("body-form", &record), cases[i].reads);
    }
}

static void an_order_is_told_by_its_members(void **state)
{
    (void)state;
    struct record record =
        with_body("{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":9.1E-10,"
                  "\"ordQty\":\"1\",\"x\":{\"ordAmt\":null}}");
    assert_string_equal(value_of("order-type", &record), "with ordType LIMIT");
    assert_string_equal(value_of("side", &record), "with side BUY");
    assert_string_equal(value_of("symbol", &record), "with symbol BTCUSDT");
    assert_string_equal(value_of("order-price", &record), "with ordPrice as a JSON number");
    assert_string_equal(value_of("order-quantity", &record), "with ordQty as a string");
    assert_string_equal(value_of("order-amount", &record), "with ordAmt as a value that is no number");
    assert_string_equal(value_of("timestamp", &record), "without a timestamp in the body");
    record =
        with_body("{\"orders\":[{\"ordType\":\"LIMIT\",\"ordPrice\":\"1\"},{\"ordType\":\"MARKET\",\"ordPrice\":2}]}");
    assert_string_equal(value_of("order-type", &record), "with several values of ordType");
    assert_string_equal(value_of("order-price", &record), "with ordPrice now as a string, now not");
    record = with_body("{\"orders\":[{\"ordPrice\":\"1\"},{\"ordPrice\":\"2\"}]}");
    assert_string_equal(value_of("order-price", &record), "with ordPrice as a string");
    record = with_body("");
    record.target = SLICE_LITERAL("/api/trade/order/active?pageNum=1&symbol=ETHUSDT");
    assert_string_equal(value_of("symbol", &record), "with symbol ETHUSDT");
    assert_string_equal(value_of("query", &record), "with a query");
}

static void a_timestamp_is_told_by_its_distance_from_expires(void **state)
{
    (void)state;
    static const struct {
        const char *body, *reads;
    } cases[] = {
        { "{\"timestamp\":1700000000000}", "with a timestamp within 1 s of X-CS-EXPIRES" },
        { "{\"timestamp\":\"1700000000999\"}", "with a timestamp within 1 s of X-CS-EXPIRES" },
        { "{\"timestamp\":1700000001000}", "with a timestamp 1 to 5 s after X-CS-EXPIRES" },
        { "{\"timestamp\":1699999971000}", "with a timestamp 5 to 30 s before X-CS-EXPIRES" },
        { "{\"timestamp\":1699999970000}", "with a timestamp 30 s to 5 min before X-CS-EXPIRES" },
        { "{\"timestamp\":1700000000}", "with a timestamp more than 5 min before X-CS-EXPIRES" }, /* seconds */
        { "{\"timestamp\":1.7e12}", "" },
        { "{}", "" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct record record = with_body(cases[i].body);
        assert_string_equal(value_of("timestamp-distance", &record), cases[i].reads);
    }
}

/* 1700000000 is Tue, 14 Nov 2023 22:13:20 GMT. */
static void the_clocks_are_compared_by_the_answers_date(void **state)
{
    (void)state;
    struct record record = made_order(1, false);
    record.first_byte_us = (int64_t)FIRST_US * MILLION;
    assert_string_equal(value_of("clock-offset", &record), "");
#define DATED(time) "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 " time " GMT\r\n\r\n"
    record.views[RECORD_UPSTREAM_RESPONSE].head = SLICE_LITERAL(DATED("22:13:20"));
    assert_string_equal(value_of("clock-offset", &record), "with clocks that agree");
    record.views[RECORD_UPSTREAM_RESPONSE].head = SLICE_LITERAL(DATED("22:13:00"));
    assert_string_equal(value_of("clock-offset", &record), "with our clock 15 to 30 s ahead of the exchange's");
    record.views[RECORD_UPSTREAM_RESPONSE].head = SLICE_LITERAL(DATED("22:14:05"));
    assert_string_equal(value_of("clock-offset", &record), "with our clock 30 to 60 s behind the exchange's");
}

static void a_signature_has_an_age_and_a_place_in_its_window(void **state)
{
    (void)state;
    struct record record = made_order(1, false); /* 1700000000000 is 20 s into its window */
    record.sent_us = ((int64_t)FIRST_US * 1000 + 7) * 1000;
    assert_string_equal(value_of("window-age", &record), "signed 20 to 25 s into the window");
    assert_string_equal(value_of("signature-age", &record), "sent less than 0.1 s after X-CS-EXPIRES");
    record.sent_us += (int64_t)45 * MILLION;
    assert_string_equal(value_of("signature-age", &record), "sent 30 to 60 s after X-CS-EXPIRES");
    record.expires_ms += 60000;
    assert_string_equal(value_of("signature-age", &record), "sent with an X-CS-EXPIRES more than 1 s ahead");
    record.is_signed = false;
    assert_string_equal(value_of("window-age", &record), "");
}

static void who_signed_is_seen_in_what_left(void **state)
{
    (void)state;
    struct record record = made_order(1, false);
    assert_string_equal(value_of("signed", &record), "signed by countersign");
    record.is_signed = false;
    assert_string_equal(value_of("signed", &record), "not signed");
    record.expires_ms = 0;
    record.views[RECORD_UPSTREAM_REQUEST].head =
        SLICE_LITERAL("POST / HTTP/1.1\r\nX-CS-SIGN: 00\r\nx-cs-expires: 1700000003000\r\n\r\n");
    assert_string_equal(value_of("signed", &record), "signed by the client");
    assert_string_equal(value_of("window-age", &record), "signed 20 to 25 s into the window");
}

static void fields_that_matter_are_told_by_their_value(void **state)
{
    (void)state;
    struct record record = made_order(1, false);
    assert_string_equal(value_of("content-type", &record), "with Content-Type application/json");
    assert_string_equal(value_of("exch-language", &record), "without exch-language");
    record.views[RECORD_UPSTREAM_REQUEST].head =
        SLICE_LITERAL("POST / HTTP/1.1\r\nEXCH-Language: en_US\r\nUser-Agent: x\r\nAccept-Encoding: gzip\r\n\r\n");
    assert_string_equal(value_of("exch-language", &record), "with exch-language en_US");
    assert_string_equal(value_of("user-agent", &record), "with User-Agent x");
    assert_string_equal(value_of("accept-encoding", &record), "with Accept-Encoding gzip");
}

static void a_connection_is_told_by_its_ends_and_kinds(void **state)
{
    (void)state;
    struct record record = made_order(1, false);
    record.connection.remote_address = SLICE_LITERAL("192.0.2.7");
    record.api_key_masked = SLICE_LITERAL("0123********cdef");
    static const struct {
        const char *word, *reads;
    } cases[] = {
        { "endpoint", "to POST " ORDER_TARGET },
        { "method", "with method POST" },
        { "query", "without a query" },
        { "ip-family", "over IPv4" },
        { "egress", "from 127.0.0.1 by way of 192.0.2.7" },
        { "local-address", "from 127.0.0.1" },
        { "remote-address", "to 192.0.2.7" },
        { "reused", "on a new connection" },
        { "tls-version", "over TLSv1.3" },
        { "http-version", "over HTTP/1.1" },
        { "listener", "through listener bot" },
        { "account", "for account main" },
        { "api-key", "with key 0123********cdef" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_string_equal(value_of(cases[i].word, &record), cases[i].reads);
    record.connection.reused = true;
    assert_string_equal(value_of("reused", &record), "on a connection used before");
    record.connection.tls_version = slice_of(NULL, 0);
    assert_string_equal(value_of("tls-version", &record), "without TLS");
    record.connection = (struct record_connection){ .ip_family = 0 }; /* none, or not known */
    static const char *const unknown[] = { "ip-family", "egress", "local-address", "reused", "tls-version" };
    for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++)
        assert_string_equal(value_of(unknown[i], &record), "");
}

/* What the client sent is no match for what leaves: it lacks what this program adds. */
static void of_a_request_that_did_not_leave_nothing_is_known_of_what_left(void **state)
{
    (void)state;
    struct record record = made_order(1, false);
    record.views[RECORD_UPSTREAM_REQUEST] = (struct record_message){ .head = { NULL, 0 } };
    assert_string_equal(value_of("content-type", &record), "");
    assert_string_equal(value_of("body-form", &record), "");
    assert_string_equal(value_of("hour", &record), "from 22:00 to 22:59 UTC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_told_by_how_it_is_written),
        cmocka_unit_test(an_order_is_told_by_its_members),
        cmocka_unit_test(a_timestamp_is_told_by_its_distance_from_expires),
        cmocka_unit_test(the_clocks_are_compared_by_the_answers_date),
        cmocka_unit_test(a_signature_has_an_age_and_a_place_in_its_window),
        cmocka_unit_test(who_signed_is_seen_in_what_left),
        cmocka_unit_test(fields_that_matter_are_told_by_their_value),
        cmocka_unit_test(a_connection_is_told_by_its_ends_and_kinds),
        cmocka_unit_test(of_a_request_that_did_not_leave_nothing_is_known_of_what_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
