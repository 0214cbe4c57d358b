/* Two exchanges compared: first lines, parameters, fields, what is signed, answers, network, timings, verdicts. */
#include "diff_fixture.h"

static struct diff *compared_answers(struct two_orders *orders, const char *a, const char *b)
{
    orders->records[0] = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), a, SLICE_LITERAL("{}"));
    orders->records[1] = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), b, SLICE_LITERAL("{}"));
    return compared(&orders->records[0], &orders->records[1]);
}

static void test_an_exchange_is_alike_with_itself(void **state)
{
    (void)state;
    struct record record = made_exchange(ORDER_HEAD, SLICE_LITERAL("{\"a\":1}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct diff *diff = compared(&record, &record);
    assert_true(diff_is_alike(diff));
    assert_verdict(diff, "Alike, byte for byte.");
    diff_free(diff);
}

static void test_method_and_path_are_told_apart(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET /a HTTP/1.1\r\n\r\n", "POST /b HTTP/1.1\r\n\r\n");
    const struct diff_finding *path = require_finding(diff, DIFF_PART_LINE, "path", DIFF_VALUE, DIFF_REAL);
    assert_value(path, 0, "/a");
    assert_value(path, 1, "/b");
    require_finding(diff, DIFF_PART_LINE, "method", DIFF_VALUE, DIFF_REAL);
    assert_false(diff_is_alike(diff));
    assert_verdict(diff, "The requests differ in 2 things: the method, the path.");
    diff_free(diff);
}

static void test_parameters_are_matched_by_name(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET /a?symbol=X&size=1&from=%20&timestamp=1 HTTP/1.1\r\n\r\n",
                                       "GET /a?size=2&symbol=X&from=%20&page=1&timestamp=2 HTTP/1.1\r\n\r\n");
    require_finding(diff, DIFF_PART_PARAMETER, "size", DIFF_VALUE, DIFF_REAL);
    require_finding(diff, DIFF_PART_PARAMETER, "page", DIFF_ADDED, DIFF_REAL);
    require_finding(diff, DIFF_PART_PARAMETER, NULL, DIFF_MOVED, DIFF_COSMETIC);
    require_finding(diff, DIFF_PART_PARAMETER, "timestamp", DIFF_VALUE, DIFF_EXPECTED);
    assert_null(finding_of(diff, DIFF_PART_PARAMETER, "from", DIFF_VALUE));
    diff_free(diff);
}

static void test_percent_encoding_alone_is_written_otherwise(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET /a?x=%41b HTTP/1.1\r\n\r\n", "GET /a?x=Ab HTTP/1.1\r\n\r\n");
    require_finding(diff, DIFF_PART_PARAMETER, "x", DIFF_VALUE, DIFF_COSMETIC);
    assert_false(diff_is_alike(diff)); /* other bytes are signed */
    diff_free(diff);
}

static void test_a_lone_question_mark_is_found(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET /a? HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1\r\n\r\n");
    require_finding(diff, DIFF_PART_LINE, "target", DIFF_VALUE, DIFF_COSMETIC);
    diff_free(diff);
}

static void test_fields_missing_added_other_moved_and_in_other_case(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff =
        compared_heads(&orders, "GET / HTTP/1.1\r\nHost: x\r\nAccept: a\r\nContent-Type: t\r\nOne: 1\r\nTwo: 2\r\n\r\n",
                       "GET / HTTP/1.1\r\nTwo: 2\r\nHost: x\r\ncontent-type: u\r\nOne: 1\r\nThree: 3\r\n\r\n");
    const struct diff_finding *accept = require_finding(diff, DIFF_PART_FIELD, "Accept", DIFF_MISSING, DIFF_REAL);
    assert_value(accept, 0, "a");
    assert_false(accept->has[1]);
    require_finding(diff, DIFF_PART_FIELD, "Three", DIFF_ADDED, DIFF_REAL);
    require_finding(diff, DIFF_PART_FIELD, "Content-Type", DIFF_VALUE, DIFF_REAL);
    require_finding(diff, DIFF_PART_FIELD, "Content-Type", DIFF_CASE, DIFF_COSMETIC);
    const struct diff_finding *moved = require_finding(diff, DIFF_PART_FIELD, "Two", DIFF_MOVED, DIFF_COSMETIC);
    assert_int_equal(moved->numbers[0], 4); /* among those that both have: Accept is A's alone */
    assert_int_equal(moved->numbers[1], 1);
    assert_null(finding_of(diff, DIFF_PART_FIELD, "Host", DIFF_MOVED)); /* the fewest that moved */
    assert_int_equal(diff->counts[DIFF_REQUEST][DIFF_REAL], 3);
    diff_free(diff);
}

static void test_a_field_that_moved_has_two_places(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET / HTTP/1.1\r\nOne: 1\r\nTwo: 2\r\nThree: 3\r\n\r\n",
                                       "GET / HTTP/1.1\r\nThree: 3\r\nTwo: 2\r\nOne: 1\r\n\r\n");
    size_t moved = 0;
    for (size_t i = 0; i < diff->count; i++) {
        moved += diff->findings[i].change == DIFF_MOVED;
        if (diff->findings[i].change == DIFF_MOVED)
            assert_int_not_equal(diff->findings[i].numbers[0], diff->findings[i].numbers[1]);
    }
    assert_true(moved > 0);
    assert_false(diff_is_alike(diff));
    diff_free(diff);
    diff = compared_heads(&orders, "GET / HTTP/1.1\r\nOne: 1\r\nTwo: 2\r\nThree: 3\r\n\r\n",
                          "GET / HTTP/1.1\r\nNew: 0\r\nThree: 3\r\nOne: 1\r\nTwo: 2\r\n\r\n");
    const struct diff_finding *three = require_finding(diff, DIFF_PART_FIELD, "Three", DIFF_MOVED, DIFF_COSMETIC);
    assert_int_equal(three->numbers[0], 3);
    assert_int_equal(three->numbers[1], 1);
    diff_free(diff);
}

static void test_repeated_fields_are_matched_in_their_order(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET / HTTP/1.1\r\nX: 1\r\nX: 2\r\n\r\n",
                                       "GET / HTTP/1.1\r\nX: 1\r\nX: 3\r\nX: 4\r\n\r\n");
    assert_value(require_finding(diff, DIFF_PART_FIELD, "X", DIFF_VALUE, DIFF_REAL), 1, "3");
    assert_value(require_finding(diff, DIFF_PART_FIELD, "X", DIFF_ADDED, DIFF_REAL), 1, "4");
    diff_free(diff);
}

static void test_signature_expires_and_dates_must_differ(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff =
        compared_heads(&orders, "GET / HTTP/1.1\r\nX-CS-EXPIRES: 1770742394290\r\nX-CS-SIGN: aa\r\nDate: x\r\n\r\n",
                       "GET / HTTP/1.1\r\nX-CS-EXPIRES: 1770742494290\r\nX-CS-SIGN: bb\r\nDate: y\r\n\r\n");
    assert_true(diff_is_alike(diff));
    assert_int_equal(diff->counts[DIFF_REQUEST][DIFF_EXPECTED], 3);
    assert_verdict(diff, "Alike but for what must differ: X-CS-EXPIRES, X-CS-SIGN, Date.");
    diff_free(diff);
}

static void test_a_signature_on_one_side_alone_is_a_difference(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET / HTTP/1.1\r\nX-CS-SIGN: aa\r\n\r\n", "GET / HTTP/1.1\r\n\r\n");
    require_finding(diff, DIFF_PART_FIELD, "X-CS-SIGN", DIFF_MISSING, DIFF_REAL);
    diff_free(diff);
}

static void test_two_signatures_of_one_payload_in_one_window_mean_two_secrets(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET / HTTP/1.1\r\nX-CS-EXPIRES: 30000\r\nX-CS-SIGN: aa\r\n\r\n",
                                       "GET / HTTP/1.1\r\nX-CS-EXPIRES: 59999\r\nX-CS-SIGN: bb\r\n\r\n");
    require_finding(diff, DIFF_PART_PAYLOAD, "signature", DIFF_VALUE, DIFF_REAL);
    assert_false(diff_is_alike(diff));
    diff_free(diff);
}

static void test_one_signature_of_two_payloads_means_that_other_bytes_were_signed(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "GET /?a=1 HTTP/1.1\r\nX-CS-EXPIRES: 1\r\nX-CS-SIGN: aa\r\n\r\n",
                                       "GET /?a=2 HTTP/1.1\r\nX-CS-EXPIRES: 2\r\nX-CS-SIGN: aa\r\n\r\n");
    require_finding(diff, DIFF_PART_PAYLOAD, "signature", DIFF_SAME, DIFF_REAL);
    diff_free(diff);
}

static void test_a_payload_split_otherwise_is_the_same_payload(void **state)
{
    (void)state;
    struct record a = made_exchange("POST /?ab HTTP/1.1\r\n\r\n", SLICE_LITERAL("c"), OK_HEAD, SLICE_LITERAL("{}"));
    struct record b = made_exchange("POST /?a HTTP/1.1\r\n\r\n", SLICE_LITERAL("bc"), OK_HEAD, SLICE_LITERAL("{}"));
    struct diff *diff = compared(&a, &b);
    const struct diff_finding *payload = require_finding(diff, DIFF_PART_PAYLOAD, "payload", DIFF_SAME, DIFF_INFO);
    assert_int_equal(payload->numbers[0], 3);
    assert_non_null(payload->note);
    require_finding(diff, DIFF_PART_PAYLOAD, "query", DIFF_BYTES, DIFF_INFO);
    diff_free(diff);
}

static void test_a_hash_that_does_not_fit_the_bytes_is_a_difference(void **state)
{
    (void)state;
    struct record a = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, SLICE_LITERAL("{}")), b;
    a.is_signed = true;
    b = a;
    b.payload_sha256[31] = 1;
    struct diff *diff = compared(&a, &b);
    require_finding(diff, DIFF_PART_PAYLOAD, "SHA-256", DIFF_VALUE, DIFF_REAL);
    assert_false(diff_is_alike(diff));
    diff_free(diff);
}

static void test_content_length_follows_from_the_bodies(void **state)
{
    (void)state;
    struct record a = made_exchange("POST / HTTP/1.1\r\nContent-Length: 15\r\n\r\n",
                                    SLICE_LITERAL("{\"clOrdId\":\"a\"}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct record b = made_exchange("POST / HTTP/1.1\r\nContent-Length: 16\r\n\r\n",
                                    SLICE_LITERAL("{\"clOrdId\":\"bb\"}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct diff *diff = compared(&a, &b);
    require_finding(diff, DIFF_PART_FIELD, "Content-Length", DIFF_VALUE, DIFF_EXPECTED);
    assert_true(diff_is_alike(diff));
    diff_free(diff);
    b.views[RECORD_UPSTREAM_REQUEST].head = SLICE_LITERAL("POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n");
    diff = compared(&a, &b);
    require_finding(diff, DIFF_PART_FIELD, "Content-Length", DIFF_VALUE, DIFF_REAL);
    diff_free(diff);
}

static void test_answers_differ_in_status_and_outcome(void **state)
{
    (void)state;
    struct two_orders orders = { { made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, SLICE_LITERAL("{}")),
                                   made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"),
                                                 "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n\r\n",
                                                 SLICE_LITERAL("{}")) } };
    orders.records[0].api_code = SLICE_LITERAL("0");
    orders.records[1].outcome = RECORD_API_ERROR;
    orders.records[1].api_code = SLICE_LITERAL("1401");
    orders.records[1].api_message = SLICE_LITERAL("unauthorized");
    struct diff *diff = compared(&orders.records[0], &orders.records[1]);
    require_finding(diff, DIFF_PART_LINE, "status", DIFF_VALUE, DIFF_REAL);
    require_finding(diff, DIFF_PART_LINE, "reason", DIFF_VALUE, DIFF_COSMETIC);
    require_finding(diff, DIFF_PART_OUTCOME, "code", DIFF_VALUE, DIFF_REAL);
    require_finding(diff, DIFF_PART_OUTCOME, "message", DIFF_ADDED, DIFF_REAL);
    assert_verdict(diff, "The requests are alike; the answers are ok 0 against api_error 1401 (unauthorized).");
    diff_free(diff);
}

static void test_another_way_to_write_the_same_answer_is_alike(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_answers(&orders, "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nSet-Cookie: **\r\n\r\n",
                                         "HTTP/1.1 200 Fine\r\nb: 2\r\nA: 1\r\n\r\n");
    assert_true(diff_is_alike(diff));
    assert_true(diff->counts[DIFF_ANSWER][DIFF_COSMETIC] >= 3);
    require_finding(diff, DIFF_PART_FIELD, "Set-Cookie", DIFF_MISSING, DIFF_EXPECTED);
    diff_free(diff);
}

static void test_an_answer_on_one_side_alone_is_a_difference_but_for_an_example(void **state)
{
    (void)state;
    struct record a = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct record b = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), "", SLICE_LITERAL(""));
    struct diff *diff = compared(&a, &b);
    require_finding(diff, DIFF_PART_MESSAGE, "answer", DIFF_MISSING, DIFF_REAL);
    assert_verdict(diff, "The requests are alike; only A has an answer.");
    diff_free(diff);
    b.id = -1; /* imported */
    b.outcome = RECORD_UNKNOWN;
    diff = compared(&a, &b);
    require_finding(diff, DIFF_PART_MESSAGE, "answer", DIFF_MISSING, DIFF_INFO);
    assert_true(diff_is_alike(diff));
    diff_free(diff);
}

static void test_requests_of_the_client_are_compared_where_one_never_left(void **state)
{
    (void)state;
    struct record a = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, SLICE_LITERAL("{}")), b = a;
    b.views[RECORD_UPSTREAM_REQUEST] = (struct record_message){ .head = SLICE_LITERAL("") };
    struct diff *diff = compared(&a, &b);
    assert_int_equal(diff->requests[0], RECORD_CLIENT_REQUEST);
    assert_int_equal(diff->requests[1], RECORD_CLIENT_REQUEST);
    diff_free(diff);
}

static void test_what_countersign_sets_must_differ_between_views(void **state)
{
    (void)state;
    struct record record = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, SLICE_LITERAL("{}"));
    record.views[RECORD_CLIENT_REQUEST].head =
        SLICE_LITERAL("POST /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nA: 1\r\n\r\n");
    record.views[RECORD_UPSTREAM_REQUEST].head =
        SLICE_LITERAL("POST /a HTTP/1.1\r\nHost: exchange\r\nA: 1\r\nX-CS-SIGN: aa\r\nX-CS-APIKEY: **\r\n\r\n");
    struct diff *diff = compared_views(&record, RECORD_CLIENT_REQUEST, &record, RECORD_UPSTREAM_REQUEST);
    assert_true(diff_is_alike(diff));
    assert_int_equal(diff->counts[DIFF_REQUEST][DIFF_EXPECTED], 4);
    assert_int_equal(diff->counts[DIFF_ANSWER][DIFF_REAL], 0);
    diff_free(diff);
    record.views[RECORD_UPSTREAM_REQUEST].body = SLICE_LITERAL("{ }");
    diff = compared_views(&record, RECORD_CLIENT_REQUEST, &record, RECORD_UPSTREAM_REQUEST);
    assert_false(diff_is_alike(diff)); /* a body is never changed on its way */
    diff_free(diff);
}

static void test_a_request_and_an_answer_are_refused(void **state)
{
    (void)state;
    struct record record = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct diff_side sides[2] = { { .record = &record, .has_view = true, .view = RECORD_CLIENT_REQUEST },
                                  { .record = &record, .has_view = true, .view = RECORD_CLIENT_RESPONSE } };
    struct error error;
    struct diff *diff;
    assert_false(diff_create(&diff, sides, &error));
    assert_int_equal(error.kind, ERROR_USAGE);
    sides[1].has_view = false;
    assert_false(diff_create(&diff, sides, &error));
    assert_null(diff);
}

static void test_where_a_request_comes_from_counts_and_where_it_went_is_told(void **state)
{
    (void)state;
    struct record a = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, SLICE_LITERAL("{}")), b;
    a.connection = (struct record_connection){ .local_address = SLICE_LITERAL("192.0.2.7"),
                                               .remote_address = SLICE_LITERAL("192.0.2.9"),
                                               .remote_port = 443,
                                               .ip_family = 4 };
    b = a;
    b.connection.remote_address = SLICE_LITERAL("192.0.2.10");
    b.connection.reused = true;
    struct diff *diff = compared(&a, &b);
    assert_true(diff_is_alike(diff));
    require_finding(diff, DIFF_PART_FACT, "remote address", DIFF_VALUE, DIFF_INFO);
    require_finding(diff, DIFF_PART_FACT, "connection", DIFF_VALUE, DIFF_INFO);
    diff_free(diff);
    b.connection.local_address = SLICE_LITERAL("2001:db8::7");
    b.connection.ip_family = 6;
    diff = compared(&a, &b);
    require_finding(diff, DIFF_PART_FACT, "IP family", DIFF_VALUE, DIFF_REAL);
    require_finding(diff, DIFF_PART_FACT, "local address", DIFF_VALUE, DIFF_INFO);
    assert_verdict(diff, "The requests are alike; they left over IPv4 against IPv6.");
    diff_free(diff);
}

static void test_timings_are_told_and_never_a_difference(void **state)
{
    (void)state;
    struct record a = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, SLICE_LITERAL("{}")), b = a;
    a.received_us = b.received_us = 1000000;
    a.sent_us = 1000100;
    b.sent_us = 9000000;
    struct diff *diff = compared(&a, &b);
    const struct diff_finding *sent = require_finding(diff, DIFF_PART_DURATION, "until sent", DIFF_VALUE, DIFF_INFO);
    assert_int_equal(sent->numbers[0], 100);
    assert_int_equal(sent->numbers[1], 8000000);
    assert_true(diff_is_alike(diff));
    diff_free(diff);
}

static void test_another_account_is_a_difference(void **state)
{
    (void)state;
    struct record a = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, SLICE_LITERAL("{}")), b = a;
    a.account = SLICE_LITERAL("main");
    b.account = SLICE_LITERAL("second");
    struct diff *diff = compared(&a, &b);
    require_finding(diff, DIFF_PART_PAYLOAD, "account", DIFF_VALUE, DIFF_REAL);
    assert_verdict(diff, "The requests are alike; they are of two accounts.");
    diff_free(diff);
}

static void test_a_head_that_is_none_is_compared_by_its_bytes(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_heads(&orders, "no head at all", ORDER_HEAD);
    const struct diff_finding *head = require_finding(diff, DIFF_PART_LINE, "head", DIFF_BYTES, DIFF_REAL);
    assert_int_equal(head->offset, 0);
    assert_true(diff->is_limited);
    diff_free(diff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_exchange_is_alike_with_itself),
        cmocka_unit_test(test_method_and_path_are_told_apart),
        cmocka_unit_test(test_parameters_are_matched_by_name),
        cmocka_unit_test(test_percent_encoding_alone_is_written_otherwise),
        cmocka_unit_test(test_a_lone_question_mark_is_found),
        cmocka_unit_test(test_fields_missing_added_other_moved_and_in_other_case),
        cmocka_unit_test(test_a_field_that_moved_has_two_places),
        cmocka_unit_test(test_repeated_fields_are_matched_in_their_order),
        cmocka_unit_test(test_signature_expires_and_dates_must_differ),
        cmocka_unit_test(test_a_signature_on_one_side_alone_is_a_difference),
        cmocka_unit_test(test_two_signatures_of_one_payload_in_one_window_mean_two_secrets),
        cmocka_unit_test(test_one_signature_of_two_payloads_means_that_other_bytes_were_signed),
        cmocka_unit_test(test_a_payload_split_otherwise_is_the_same_payload),
        cmocka_unit_test(test_a_hash_that_does_not_fit_the_bytes_is_a_difference),
        cmocka_unit_test(test_content_length_follows_from_the_bodies),
        cmocka_unit_test(test_answers_differ_in_status_and_outcome),
        cmocka_unit_test(test_another_way_to_write_the_same_answer_is_alike),
        cmocka_unit_test(test_an_answer_on_one_side_alone_is_a_difference_but_for_an_example),
        cmocka_unit_test(test_requests_of_the_client_are_compared_where_one_never_left),
        cmocka_unit_test(test_what_countersign_sets_must_differ_between_views),
        cmocka_unit_test(test_a_request_and_an_answer_are_refused),
        cmocka_unit_test(test_where_a_request_comes_from_counts_and_where_it_went_is_told),
        cmocka_unit_test(test_timings_are_told_and_never_a_difference),
        cmocka_unit_test(test_another_account_is_a_difference),
        cmocka_unit_test(test_a_head_that_is_none_is_compared_by_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
