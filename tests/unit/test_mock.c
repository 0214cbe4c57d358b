/* The mock exchange as a server: who is let in, what is refused, and how. Through a real socket. */
#include "mock_rig.h"

#include "countersign/log.h"

#include <fcntl.h>
#include <sys/stat.h>

static const char accounts[] = "/api/spot/accountList";

static int start(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct mock_options options = { .log_requests = false };
    assert_non_null(rig);
    rig_start(rig, &options);
    *state = rig;
    return 0;
}

static int stop(void **state)
{
    rig_stop(*state);
    free(*state);
    return 0;
}

static void a_correct_signature_is_accepted(void **state)
{
    struct rig *rig = *state;
    rig_signed(rig, "POST", accounts, "{}");
    assert_int_equal(rig->status, 200);
    assert_holds(rig, "\"code\":0,");
    assert_holds(rig, "{\"uid\":315,\"accountId\":1134971,\"currency\":\"USDT\",\"balance\":\"13297.94999\",\"type\":1,"
                      "\"typeName\":\"AVAILABLE\"}");
}

static void a_worked_vector_is_accepted(void **state)
{
    struct rig *rig = *state;
    rig_send(rig, "POST", accounts,
             "x-cs-apikey: " RIG_KEY "\r\nx-cs-expires: 1770742394290\r\nx-cs-sign: "
             "b0e77819987eddbbe6a588834123ab04ff9efa6f0c49c09e1175d1caa9345a98\r\n"
             "content-type: application/json; charset=utf-8\r\n",
             "{}");
    assert_holds(rig, "\"code\":0,");
}

static void query_and_body_are_signed_together_exactly_as_sent(void **state)
{
    struct rig *rig = *state;
    rig_signed(rig, "POST", "/api/spot/accountList?z=1&a=%2f+%20?&&", "{ \"b\":1 }\r\n");
    assert_holds(rig, "\"code\":0,");
}

static void a_get_without_query_signs_the_empty_payload(void **state)
{
    struct rig *rig = *state;
    rig_signed(rig, "GET", "/api/trade/order/active", NULL);
    assert_refused(rig, 200, "{\"code\":0,\"data\":[]}");
    rig_signed(rig, "GET", "/api/trade/order/active?", NULL);
    assert_refused(rig, 200, "{\"code\":0,\"data\":[]}");
}

static void a_request_without_api_key_is_answered_with_401(void **state)
{
    struct rig *rig = *state;
    rig_send(rig, "POST", accounts, "Content-Type: application/json\r\n", "{}");
    assert_refused(rig, BAD_KEY);
}

static void an_unknown_api_key_is_refused_before_anything_else_is_looked_at(void **state)
{
    struct rig *rig = *state;
    rig_send(rig, "POST", accounts, "X-CS-APIKEY: " RIG_KEY "0\r\nX-CS-EXPIRES: 1\r\nX-CS-SIGN: x\r\n", "{}");
    assert_refused(rig, BAD_KEY);
}

static void an_expires_that_is_absent_or_not_13_digits_is_unauthorized(void **state)
{
    struct rig *rig = *state;
    static const char *const fields[] = {
        "",
        "X-CS-EXPIRES: \r\n",
        "X-CS-EXPIRES: 1770742394\r\n",
        "X-CS-EXPIRES: 01770742394290\r\n",
        "X-CS-EXPIRES: 177074239429x\r\n",
        "X-CS-EXPIRES: -177074239429\r\n",
        "X-CS-EXPIRES: 1770742394.29\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        char all[256];
        (void)snprintf(all, sizeof(all), "X-CS-APIKEY: " RIG_KEY "\r\nX-CS-SIGN: 00\r\n%s", fields[i]);
        rig_send(rig, "POST", accounts, all, "{}");
        assert_refused(rig, UNAUTHORIZED);
    }
}

static void one_window_to_either_side_is_accepted_and_no_more(void **state)
{
    struct rig *rig = *state;
    int64_t window = rig_now_ms / 30000;
    const struct {
        int64_t expires_ms;
        bool accepted;
    } cases[] = {
        { (window - 1) * 30000, true },     { (window - 1) * 30000 - 1, false }, { window * 30000, true },
        { (window + 2) * 30000 - 1, true }, { (window + 2) * 30000, false },     { rig_now_ms - 60000, false },
        { INT64_C(1000000000000), false },  { INT64_C(9999999999999), false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char fields[512];
        rig_fields(fields, sizeof(fields), cases[i].expires_ms, "{}");
        rig_send(rig, "POST", accounts, fields, "{}");
        if (cases[i].accepted)
            assert_holds(rig, "\"code\":0,");
        else
            assert_refused(rig, UNAUTHORIZED);
    }
}

static void a_signature_that_is_absent_or_wrong_is_a_signature_error(void **state)
{
    struct rig *rig = *state;
    static const char *const fields[] = {
        "",
        "X-CS-SIGN: \r\n",
        "X-CS-SIGN: 0\r\n",
        "X-CS-SIGN: b0e77819987eddbbe6a588834123ab04ff9efa6f0c49c09e1175d1caa9345a99\r\n",
        "X-CS-SIGN: B0E77819987EDDBBE6A588834123AB04FF9EFA6F0C49C09E1175D1CAA9345A98\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        char all[256];
        (void)snprintf(all, sizeof(all), "X-CS-APIKEY: " RIG_KEY "\r\nX-CS-EXPIRES: 1770742394290\r\n%s", fields[i]);
        rig_send(rig, "POST", accounts, all, "{}");
        assert_refused(rig, BAD_SIGNATURE);
    }
}

static void a_signature_of_other_bytes_than_were_sent_is_a_signature_error(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *target;
        const char *body;
        const char *payload;
    } cases[] = {
        { "/api/spot/accountList", "{}", "" },
        { "/api/spot/accountList", "{}", "{ }" },
        { "/api/spot/accountList?a=1", "{}", "{}" },
        { "/api/spot/accountList?a=1", "{}", "{}a=1" },
        { "/api/spot/accountList?a=1", "{}", "?a=1{}" },
        { "/api/spot/accountList?a=%31", "{}", "a=1{}" },
        { "/api/spot/accountList?b=2&a=1", "{}", "a=1&b=2{}" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char fields[512];
        rig_fields(fields, sizeof(fields), rig_now_ms, cases[i].payload);
        rig_send(rig, "POST", cases[i].target, fields, cases[i].body);
        assert_refused(rig, BAD_SIGNATURE);
    }
}

static void another_secret_is_a_signature_error(void **state)
{
    struct rig *rig = *state;
    char signature[65], fields[512];
    rig_signature(signature, "1f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e", rig_now_ms, "{}");
    (void)snprintf(fields, sizeof(fields),
                   "X-CS-APIKEY: " RIG_KEY "\r\nX-CS-EXPIRES: 1770742394290\r\nX-CS-SIGN: %s\r\n", signature);
    rig_send(rig, "POST", accounts, fields, "{}");
    assert_refused(rig, BAD_SIGNATURE);
}

static void a_signature_field_that_comes_twice_is_a_bad_request(void **state)
{
    struct rig *rig = *state;
    static const char *const repeats[] = { "X-CS-APIKEY: " RIG_KEY "\r\n", "x-cs-expires: 1770742394290\r\n",
                                           "X-Cs-Sign: 0\r\n" };
    for (size_t i = 0; i < ARRAY_LENGTH(repeats); i++) {
        char fields[512], all[640];
        rig_fields(fields, sizeof(fields), rig_now_ms, "{}");
        (void)snprintf(all, sizeof(all), "%s%s", fields, repeats[i]);
        rig_send(rig, "POST", accounts, all, "{}");
        assert_refused(rig, BAD_REQUEST);
    }
}

static void a_post_without_a_body_is_a_bad_request(void **state)
{
    struct rig *rig = *state;
    rig_signed(rig, "POST", accounts, NULL);
    assert_refused(rig, BAD_REQUEST);
    rig_signed(rig, "POST", accounts, "");
    assert_refused(rig, BAD_REQUEST);
}

static void a_post_whose_body_is_no_json_object_is_a_bad_request(void **state)
{
    struct rig *rig = *state;
    static const char *const bodies[] = { "[]", "1", "\"{}\"", "{", "{}{}", "{'a':1}", "{\"a\":1,}", "a=1", " " };
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
        rig_signed(rig, "POST", accounts, bodies[i]);
        assert_refused(rig, BAD_REQUEST);
    }
}

static void a_post_that_is_not_sent_as_json_is_a_bad_request(void **state)
{
    struct rig *rig = *state;
    static const char *const types[] = { "", "Content-Type: application/x-www-form-urlencoded\r\n",
                                         "Content-Type: application/jsonp\r\n" };
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        rig_send(rig, "POST", "/api/v2/public/config/spot/symbols", types[i], "{}");
        assert_refused(rig, BAD_REQUEST);
    }
}

static void an_unknown_path_or_method_is_not_found(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *method;
        const char *target;
    } cases[] = {
        { "GET", "/" },
        { "GET", "/api" },
        { "GET", "/v1/market/tickers" },
        { "GET", "/api/v1/market/tickers/" },
        { "GET", "/API/v1/market/tickers" },
        { "GET", "/api/v1/market/depth/" },
        { "GET", "/api/v1/market/depth/BTCUSDT/x" },
        { "POST", "/api/v1/market/tickers" },
        { "GET", "/api/trade/order/place" },
        { "DELETE", "/api/trade/order/active" },
        { "OPTIONS", "*" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        rig_send(rig, cases[i].method, cases[i].target, "", NULL);
        assert_refused(rig, NO_SERVICE);
    }
}

static void a_request_whose_length_is_ambiguous_is_a_bad_request(void **state)
{
    struct rig *rig = *state;
    rig_send(rig, "POST", accounts, "Content-Length: 3\r\n", "{}");
    assert_refused(rig, BAD_REQUEST);
}

static void every_answer_has_one_date_and_one_content_type(void **state)
{
    struct rig *rig = *state;
    rig_send(rig, "GET", "/api/v1/market/tickers", "", NULL);
    assert_holds(rig, "\r\nDate: Tue, 10 Feb 2026 16:53:14 GMT\r\n");
    assert_holds(rig, "\r\nContent-Type: application/json\r\n");
    assert_null(strstr(strstr(rig->answer, "Date:") + 1, "Date:"));
    rig_send(rig, "GET", "/nowhere", "", NULL);
    assert_holds(rig, "\r\nDate: Tue, 10 Feb 2026 16:53:14 GMT\r\n");
    assert_holds(rig, "\r\nContent-Type: application/json\r\n");
}

static void one_connection_carries_many_requests(void **state)
{
    struct rig *rig = *state;
    static const char two[] =
        "GET /api/v1/ticker/price?symbol=btcusdt HTTP/1.1\r\nHost: mock\r\n\r\n"
        "GET /api/v1/ticker/price?symbol=ethusdt HTTP/1.1\r\nHost: mock\r\nConnection: close\r\n\r\n";
    rig_exchange(rig, two, sizeof(two) - 1);
    assert_holds(rig, "btcusdt");
    assert_holds(rig, "ethusdt");
}

/* What the mock logs while `act` runs, into `text`. */
static void capture_log(char *text, size_t size, void (*act)(struct rig *rig), struct rig *rig)
{
    char path[] = "/tmp/test_mock_XXXXXX";
    int file = mkstemp(path);
    int kept = dup(STDERR_FILENO);
    assert_true(file >= 0 && kept >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
    act(rig);
    rig_stop(rig); /* the log line is written after the answer: the thread has ended when this returns */
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    ssize_t length = pread(file, text, size - 1, 0);
    assert_true(length >= 0);
    text[length] = '\0';
    (void)close(file);
    (void)close(kept);
}

static void send_wrong_signature(struct rig *rig)
{
    char fields[512];
    rig_fields(fields, sizeof(fields), rig_now_ms, "other");
    rig_send(rig, "POST", "/api/trade/order/place?a=1", fields, "{\"symbol\":\"BTCUSDT\"}");
}

static void the_log_says_why_a_signature_was_refused_and_holds_no_secret(void **state)
{
    (void)state;
    struct rig *rig = calloc(1, sizeof(*rig));
    struct mock_options options = { .log_requests = true };
    char text[4096], right[65];
    assert_non_null(rig);
    rig_start(rig, &options);
    capture_log(text, sizeof(text), send_wrong_signature, rig);
    free(rig);
    assert_non_null(strstr(text,
                           "POST /api/trade/order/place?a=1 200 code 3005: signature differs: expects the HMAC of "
                           "23 bytes of query+body"));
    rig_signature(right, RIG_SECRET, rig_now_ms, "a=1{\"symbol\":\"BTCUSDT\"}");
    assert_null(strstr(text, right));
    assert_null(strstr(text, RIG_SECRET));
    assert_null(strstr(text, RIG_KEY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_correct_signature_is_accepted, start, stop),
        cmocka_unit_test_setup_teardown(a_worked_vector_is_accepted, start, stop),
        cmocka_unit_test_setup_teardown(query_and_body_are_signed_together_exactly_as_sent, start, stop),
        cmocka_unit_test_setup_teardown(a_get_without_query_signs_the_empty_payload, start, stop),
        cmocka_unit_test_setup_teardown(a_request_without_api_key_is_answered_with_401, start, stop),
        cmocka_unit_test_setup_teardown(an_unknown_api_key_is_refused_before_anything_else_is_looked_at, start, stop),
        cmocka_unit_test_setup_teardown(an_expires_that_is_absent_or_not_13_digits_is_unauthorized, start, stop),
        cmocka_unit_test_setup_teardown(one_window_to_either_side_is_accepted_and_no_more, start, stop),
        cmocka_unit_test_setup_teardown(a_signature_that_is_absent_or_wrong_is_a_signature_error, start, stop),
        cmocka_unit_test_setup_teardown(a_signature_of_other_bytes_than_were_sent_is_a_signature_error, start, stop),
        cmocka_unit_test_setup_teardown(another_secret_is_a_signature_error, start, stop),
        cmocka_unit_test_setup_teardown(a_signature_field_that_comes_twice_is_a_bad_request, start, stop),
        cmocka_unit_test_setup_teardown(a_post_without_a_body_is_a_bad_request, start, stop),
        cmocka_unit_test_setup_teardown(a_post_whose_body_is_no_json_object_is_a_bad_request, start, stop),
        cmocka_unit_test_setup_teardown(a_post_that_is_not_sent_as_json_is_a_bad_request, start, stop),
        cmocka_unit_test_setup_teardown(an_unknown_path_or_method_is_not_found, start, stop),
        cmocka_unit_test_setup_teardown(a_request_whose_length_is_ambiguous_is_a_bad_request, start, stop),
        cmocka_unit_test_setup_teardown(every_answer_has_one_date_and_one_content_type, start, stop),
        cmocka_unit_test_setup_teardown(one_connection_carries_many_requests, start, stop),
        cmocka_unit_test(the_log_says_why_a_signature_was_refused_and_holds_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
