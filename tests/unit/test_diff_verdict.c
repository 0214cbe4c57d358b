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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_matters_is_named_first_and_what_seldom_does_last),
        cmocka_unit_test(test_fields_that_seldom_matter_are_still_a_difference),
        cmocka_unit_test(test_an_imported_request_need_not_say_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
