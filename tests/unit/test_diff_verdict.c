/* The verdict of a diff: what it names first, and what it leaves for last. */
#include "diff_fixture.h"

static void test_what_matters_is_named_first_and_what_seldom_does_last(void **state)
{
    (void)state;
    struct record a = made_exchange("POST /a?x=1 HTTP/1.1\r\nHost: a\r\nUser-Agent: curl\r\nAccept: */*\r\n"
                                    "Content-Length: 16\r\nX-Own: 1\r\nContent-Type: text/plain\r\n\r\n",
                                    SLICE_LITERAL("{\"ordQty\":\"0.1\"}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct record b = made_exchange("POST /a?x=1 HTTP/1.1\r\nHost: b\r\nUser-Agent: bot\r\nContent-Length: 99\r\n"
                                    "X-Own: 2\r\nContent-Type: application/json\r\n\r\n",
                                    SLICE_LITERAL("{\"ordQty\":0.1}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct diff *diff = compared(&a, &b);
    require_finding(diff, DIFF_PART_FIELD, "Content-Length", DIFF_VALUE, DIFF_REAL);
    assert_verdict(diff, "The requests differ in 3 things: $.ordQty, Content-Type, X-Own, and in 3 fields that seldom "
                         "matter: Host, User-Agent, Accept.");
    diff_free(diff);
    b.views[RECORD_UPSTREAM_REQUEST].body = a.views[RECORD_UPSTREAM_REQUEST].body;
    diff = compared(&a, &b); /* nothing else explains the length */
    assert_verdict(diff, "The requests differ in 3 things: Content-Type, X-Own, Content-Length, and in 3 fields that "
                         "seldom matter: Host, User-Agent, Accept.");
    diff_free(diff);
}

static void test_fields_that_seldom_matter_are_still_a_difference(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET / HTTP/1.1\r\nAccept: a\r\nAccept: b\r\n\r\n",
                                       "GET / HTTP/1.1\r\nAccept: c\r\nAccept: d\r\n\r\n");
    assert_false(diff_is_alike(diff));
    assert_verdict(diff, "The requests differ only in a field that seldom matters: Accept.");
    diff_free(diff);
}

static void test_an_imported_request_need_not_say_its_length(void **state)
{
    (void)state;
    struct record a = made_exchange("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n", SLICE_LITERAL("{}"), OK_HEAD,
                                    SLICE_LITERAL("{}"));
    struct record b = a;
    b.views[RECORD_UPSTREAM_REQUEST].head = SLICE_LITERAL("POST / HTTP/1.1\r\n\r\n");
    struct diff *diff = compared(&a, &b);
    require_finding(diff, DIFF_PART_FIELD, "Content-Length", DIFF_MISSING, DIFF_REAL);
    diff_free(diff);
    b.id = -1;
    diff = compared(&a, &b);
    require_finding(diff, DIFF_PART_FIELD, "Content-Length", DIFF_MISSING, DIFF_EXPECTED);
    diff_free(diff);
}

static void test_two_signatures_of_one_payload_in_one_window_lead_the_verdict(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff =
        compared_heads(&orders, "GET /?a=1 HTTP/1.1\r\nAccept: a\r\nX-CS-EXPIRES: 30000\r\nX-CS-SIGN: aa\r\n\r\n",
                       "GET /?a=1 HTTP/1.1\r\nAccept: b\r\nX-CS-EXPIRES: 30000\r\nX-CS-SIGN: bb\r\n\r\n");
    require_finding(diff, DIFF_PART_FIELD, "X-CS-SIGN", DIFF_VALUE, DIFF_REAL);
    assert_int_equal(diff->counts[DIFF_REQUEST][DIFF_EXPECTED], 0);
    assert_int_equal(diff->counts[DIFF_REQUEST][DIFF_REAL], 2);
    assert_verdict(diff, "One payload in one window, but two signatures: signed with two secrets, or over other bytes "
                         "than were sent; the requests differ in X-CS-SIGN, and in a field that seldom matters: "
                         "Accept.");
    diff_free(diff);
    diff = compared_heads(&orders, "GET /?a=1 HTTP/1.1\r\nX-CS-EXPIRES: 29999\r\nX-CS-SIGN: aa\r\n\r\n",
                          "GET /?a=1 HTTP/1.1\r\nX-CS-EXPIRES: 30000\r\nX-CS-SIGN: bb\r\n\r\n");
    require_finding(diff, DIFF_PART_FIELD, "X-CS-SIGN", DIFF_VALUE, DIFF_EXPECTED);
    diff_free(diff);
}

static void test_an_unsigned_example_is_told_behind_the_values(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET /?a=1 HTTP/1.1\r\nContent-Type: a\r\n\r\n",
                                       "GET /?a=2 HTTP/1.1\r\nX-CS-SIGN: b\r\nContent-Type: b\r\n\r\n");
    assert_verdict(diff, "The requests differ in 3 things: ?a, Content-Type, X-CS-SIGN.");
    diff_free(diff);
}

static void test_a_refusal_is_told_where_the_other_side_is_an_example(void **state)
{
    (void)state;
    struct record a = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), "", SLICE_LITERAL(""));
    struct record b = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), "", SLICE_LITERAL(""));
    a.id = -1;
    a.outcome = RECORD_UNKNOWN;
    b.outcome = RECORD_REFUSED;
    b.status = 403;
    b.error_name = SLICE_LITERAL("path-denied");
    b.error_message = SLICE_LITERAL("withdrawals are closed");
    b.views[RECORD_CLIENT_RESPONSE].head = SLICE_LITERAL("HTTP/1.1 403 Forbidden\r\n\r\n");
    struct diff *diff = compared(&a, &b);
    assert_value(require_finding(diff, DIFF_PART_OUTCOME, "outcome", DIFF_ADDED, DIFF_INFO), 1, "refused");
    assert_value(require_finding(diff, DIFF_PART_OUTCOME, "status", DIFF_ADDED, DIFF_INFO), 1, "403");
    assert_value(require_finding(diff, DIFF_PART_OUTCOME, "error", DIFF_ADDED, DIFF_INFO), 1, "path-denied");
    require_finding(diff, DIFF_PART_OUTCOME, "error message", DIFF_ADDED, DIFF_INFO);
    assert_true(diff_is_alike(diff)); /* the requests are, and there is nothing else to compare */
    assert_verdict(
        diff,
        "The requests are alike, byte for byte; B was refused by the proxy: path-denied (withdrawals are closed).");
    diff_free(diff);
    diff = compared(&b, &a);
    assert_verdict(
        diff,
        "The requests are alike, byte for byte; A was refused by the proxy: path-denied (withdrawals are closed).");
    diff_free(diff);
}

static void test_body_paths_lead_what_must_differ(void **state)
{
    (void)state;
    struct record a = made_exchange("POST / HTTP/1.1\r\nX-CS-EXPIRES: 1770742394290\r\nX-CS-SIGN: a\r\nDate: a\r\n"
                                    "X-Request-Id: a\r\n\r\n",
                                    SLICE_LITERAL("{\"clOrdId\":\"a\"}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct record b = made_exchange("POST / HTTP/1.1\r\nX-CS-EXPIRES: 1770742494290\r\nX-CS-SIGN: b\r\nDate: b\r\n"
                                    "X-Request-Id: b\r\n\r\n",
                                    SLICE_LITERAL("{\"clOrdId\":\"b\"}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct diff *diff = compared(&a, &b);
    assert_verdict(diff, "Alike but for what must differ: $.clOrdId, X-CS-EXPIRES, X-CS-SIGN, Date and 1 more.");
    diff_free(diff);
    b.status = 500;
    b.outcome = RECORD_HTTP_ERROR;
    diff = compared(&a, &b);
    assert_verdict(diff,
                   "The requests are alike but for what must differ ($.clOrdId, X-CS-EXPIRES, X-CS-SIGN, Date and "
                   "1 more); the answers are ok against http_error.");
    diff_free(diff);
}

/* What differs from one request to the next is no cover for the mistakes that are looked for. */
static void test_what_must_differ_has_the_same_form(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_bodies(&orders, SLICE_LITERAL("{\"timestamp\":1764000000}"),
                                        SLICE_LITERAL("{\"timestamp\":1764000000123}"));
    assert_false(diff_is_alike(diff));
    diff_free(diff);
    diff = compared_heads(&orders, "GET / HTTP/1.1\r\nX-CS-EXPIRES: 1764000000\r\n\r\n",
                          "GET / HTTP/1.1\r\nX-CS-EXPIRES: 1764000000123\r\n\r\n");
    assert_false(diff_is_alike(diff));
    diff_free(diff);
    diff =
        compared_heads(&orders, "GET / HTTP/1.1\r\nX-CS-SIGN: ab\r\n\r\n", "GET / HTTP/1.1\r\nX-CS-SIGN: AB\r\n\r\n");
    assert_false(diff_is_alike(diff));
    diff_free(diff);
}

static void test_another_order_to_be_cancelled_is_another_request(void **state)
{
    (void)state;
    struct record a =
        made_exchange("POST / HTTP/1.1\r\n\r\n", SLICE_LITERAL("{\"clOrdId\":\"a\"}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct record b =
        made_exchange("POST / HTTP/1.1\r\n\r\n", SLICE_LITERAL("{\"clOrdId\":\"b\"}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct diff *diff = compared(&a, &b);
    assert_true(diff_is_alike(diff));
    diff_free(diff);
    a.target = b.target = SLICE_LITERAL("/api/trade/order/cancel");
    diff = compared(&a, &b);
    assert_false(diff_is_alike(diff));
    diff_free(diff);
}

static void test_byte_for_byte_is_said_of_bytes_alone(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET / HTTP/1.1\r\nA:b\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n\r\n");
    assert_verdict(diff, "Alike, but for blanks and line ends in the heads.");
    diff_free(diff);
    diff = compared_heads(&orders, "GET / HTTP/1.1\r\nCookie: ****\r\n\r\n", "GET / HTTP/1.1\r\nCookie: ****\r\n\r\n");
    assert_verdict(diff, "Alike, byte for byte as far as the record shows: some values are masked.");
    diff_free(diff);
}

static void test_a_name_in_another_case_is_said_once(void **state)
{
    (void)state;
    struct record record = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, SLICE_LITERAL("{}"));
    record.views[RECORD_CLIENT_REQUEST].head =
        SLICE_LITERAL("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nA: 1\r\n\r\n");
    record.views[RECORD_UPSTREAM_REQUEST].head = SLICE_LITERAL("GET / HTTP/1.1\r\nHost: exchange\r\nA: 1\r\n\r\n");
    struct diff *diff = compared_views(&record, RECORD_CLIENT_REQUEST, &record, RECORD_UPSTREAM_REQUEST);
    assert_verdict(diff, "Alike but for what must differ: host, connection.");
    diff_free(diff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_matters_is_named_first_and_what_seldom_does_last),
        cmocka_unit_test(test_fields_that_seldom_matter_are_still_a_difference),
        cmocka_unit_test(test_an_imported_request_need_not_say_its_length),
        cmocka_unit_test(test_two_signatures_of_one_payload_in_one_window_lead_the_verdict),
        cmocka_unit_test(test_an_unsigned_example_is_told_behind_the_values),
        cmocka_unit_test(test_a_refusal_is_told_where_the_other_side_is_an_example),
        cmocka_unit_test(test_body_paths_lead_what_must_differ),
        cmocka_unit_test(test_what_must_differ_has_the_same_form),
        cmocka_unit_test(test_another_order_to_be_cancelled_is_another_request),
        cmocka_unit_test(test_byte_for_byte_is_said_of_bytes_alone),
        cmocka_unit_test(test_a_name_in_another_case_is_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
