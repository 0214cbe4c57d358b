/* Bodies compared: JSON by its values, white space, order, forms; encoded bodies; bytes; hostile texts. */
#include "diff_fixture.h"

#include "compare/diff_private.h"

struct one_finding {
    const char *a, *b;
    const char *subject;
    enum diff_change change;
    enum diff_weight weight;
};

static void check_one(const struct one_finding *expected)
{
    struct two_orders orders;
    struct diff *diff = compared_bodies(&orders, slice_text(expected->a), slice_text(expected->b));
    const struct diff_finding *finding =
        require_finding(diff, DIFF_PART_JSON, expected->subject, expected->change, expected->weight);
    assert_non_null(finding);
    size_t json_findings = 0;
    for (size_t i = 0; i < diff->count; i++)
        json_findings += diff->findings[i].part == DIFF_PART_JSON;
    if (json_findings != 1)
        fail_msg("%zu findings between %s and %s", json_findings, expected->a, expected->b);
    require_finding(diff, DIFF_PART_BODY, "body", DIFF_BYTES, DIFF_INFO);
    assert_int_equal(diff_is_alike(diff), expected->weight == DIFF_EXPECTED);
    diff_free(diff);
}

static void test_each_way_to_differ_has_its_name(void **state)
{
    (void)state;
    static const struct one_finding cases[] = {
        { "{\"p\":\"1\"}", "{\"p\":\"2\"}", "$.p", DIFF_VALUE, DIFF_REAL },
        { "{\"o\":[{\"p\":1},{\"p\":2}]}", "{\"o\":[{\"p\":1},{\"p\":3}]}", "$.o[1].p", DIFF_VALUE, DIFF_REAL },
        { "{\"a b\":1}", "{\"a b\":2}", "$[\"a b\"]", DIFF_VALUE, DIFF_REAL },
        { "[1,2]", "[1,2,3]", "$[2]", DIFF_ADDED, DIFF_REAL },
        { "{\"a\":1,\"b\":2}", "{\"a\":1}", "$.b", DIFF_MISSING, DIFF_REAL },
        { "{\"a\":1}", "{\"a\":\"1\"}", "$.a", DIFF_TYPE, DIFF_REAL },
        { "{\"a\":{}}", "{\"a\":[]}", "$.a", DIFF_TYPE, DIFF_REAL },
        { "{\"a\":true}", "{\"a\":false}", "$.a", DIFF_VALUE, DIFF_REAL },
        { "{\"a\":1.0}", "{\"a\":1}", "$.a", DIFF_NUMBER_FORM, DIFF_COSMETIC },
        { "{\"a\":9.1E-10}", "{\"a\":0.00000000091}", "$.a", DIFF_NUMBER_FORM, DIFF_COSMETIC },
        { "{\"a\":\"\\u0041\"}", "{\"a\":\"A\"}", "$.a", DIFF_ESCAPES, DIFF_COSMETIC },
        { "{\"c\\u006fde\":1}", "{\"code\":1}", "$[\"c\\u006fde\"]", DIFF_ESCAPES, DIFF_COSMETIC },
        { "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "$", DIFF_KEY_ORDER, DIFF_COSMETIC },
        { "{\"a\":1}", "{\"a\": 1}", "white space", DIFF_SPACE, DIFF_COSMETIC },
        { "{ \"a\":1}", "{\"a\":1 }", "white space", DIFF_SPACE, DIFF_COSMETIC },
        { "{\"timestamp\":1}", "{\"timestamp\":2}", "$.timestamp", DIFF_VALUE, DIFF_EXPECTED },
        { "{\"clOrdId\":\"a\"}", "{\"clOrdId\":\"b\"}", "$.clOrdId", DIFF_VALUE, DIFF_EXPECTED },
        { "{\"ordId\":1}", "{\"ordId\":2}", "$.ordId", DIFF_VALUE, DIFF_REAL }, /* another order is meant */
        { "{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":3}", "$.a", DIFF_VALUE, DIFF_REAL },
        { "{\"a\":1}", "{\"a\":1,\"a\":2}", "$.a", DIFF_ADDED, DIFF_REAL },
        { "{\"a\":\"\\ud800\"}", "{\"a\":\"\\uD800\"}", "$.a", DIFF_VALUE, DIFF_REAL }, /* lone surrogates */
        { "1", "2", "$", DIFF_VALUE, DIFF_REAL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        check_one(&cases[i]);
}

static void test_ids_of_answers_must_differ(void **state)
{
    (void)state;
    struct record a = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD,
                                    SLICE_LITERAL("{\"code\":0,\"data\":{\"ordId\":11594964764657880}}"));
    struct record b = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD,
                                    SLICE_LITERAL("{\"code\":0,\"data\":{\"ordId\":11594964764657881}}"));
    struct diff *diff = compared(&a, &b);
    assert_value(require_finding(diff, DIFF_PART_JSON, "$.data.ordId", DIFF_VALUE, DIFF_EXPECTED), 1,
                 "11594964764657881");
    assert_true(diff_is_alike(diff));
    diff_free(diff);
}

static void test_numbers_are_compared_digit_by_digit(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_equal;
    } cases[] = {
        { "1", "1.000", true },
        { "10", "1e1", true },
        { "100", "1E+2", true },
        { "0.001", "1e-3", true },
        { "0.1e1", "1", true },
        { "-0", "0", true },
        { "0E-18", "0", true },
        { "0e99999999999999999999999", "0", true },
        { "-1", "1", false },
        { "9007199254740993", "9007199254740992", false }, /* one double */
        { "0.1", "0.10000000000000001", false },           /* one double */
        { "1e400", "1e401", false },                       /* both infinite as doubles */
        { "1e0000000000000000000000002", "100", true },
        { "1e9999999999999999999", "1e9999999999999999999", false }, /* not known to be */
        { "12", "1.2", false },
        { "1010", "101e1", true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_true(diff_is_number(slice_text(cases[i].a)) && diff_is_number(slice_text(cases[i].b)));
        if (diff_numbers_equal(slice_text(cases[i].a), slice_text(cases[i].b)) != cases[i].is_equal)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
    }
    assert_false(diff_is_number(SLICE_LITERAL("")));
    assert_false(diff_is_number(SLICE_LITERAL("01")));
    assert_false(diff_is_number(SLICE_LITERAL(" 1")));
}

static void test_strings_that_hold_one_number_are_noted(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_bodies(&orders, SLICE_LITERAL("{\"p\":\"1.0\"}"), SLICE_LITERAL("{\"p\":\"1\"}"));
    assert_non_null(require_finding(diff, DIFF_PART_JSON, "$.p", DIFF_VALUE, DIFF_REAL)->note);
    diff_free(diff);
}

static void test_space_and_values_are_told_apart(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff =
        compared_bodies(&orders, SLICE_LITERAL("{\"a\":1,\"b\":2}"), SLICE_LITERAL("{\"a\": 1, \"b\": 3}"));
    const struct diff_finding *space = require_finding(diff, DIFF_PART_JSON, "white space", DIFF_SPACE, DIFF_COSMETIC);
    assert_int_equal(space->numbers[0], 0);
    assert_int_equal(space->numbers[1], 3);
    require_finding(diff, DIFF_PART_JSON, "$.b", DIFF_VALUE, DIFF_REAL);
    assert_verdict(diff, "The requests differ in $.b, and in how they are written.");
    diff_free(diff);
}

static void test_white_space_alone_in_a_request_counts(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_bodies(&orders, SLICE_LITERAL("{\"a\":1}"), SLICE_LITERAL("{\"a\": 1}"));
    assert_false(diff_is_alike(diff));
    assert_verdict(diff, "The requests say the same, written otherwise: white space.");
    const struct diff_finding *bytes = require_finding(diff, DIFF_PART_BODY, "body", DIFF_BYTES, DIFF_INFO);
    assert_int_equal(bytes->offset, 5);
    diff_free(diff);
}

static void test_bodies_that_are_no_json_differ_by_bytes(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_bodies(&orders, slice_of("\0\1\2\3", 4), slice_of("\0\1\377\3\4", 5));
    const struct diff_finding *bytes = require_finding(diff, DIFF_PART_BODY, "body", DIFF_BYTES, DIFF_REAL);
    assert_int_equal(bytes->offset, 2);
    assert_int_equal(bytes->numbers[1], 5);
    diff_free(diff);
}

static void test_json_against_none_is_told(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_bodies(&orders, SLICE_LITERAL("{\"a\":1}"), SLICE_LITERAL("{\"a\":1"));
    require_finding(diff, DIFF_PART_BODY, "body", DIFF_BYTES, DIFF_REAL);
    require_finding(diff, DIFF_PART_BODY, "body", DIFF_LIMIT, DIFF_INFO);
    assert_false(diff->is_limited);
    diff_free(diff);
}

static void test_no_body_against_an_empty_object_is_a_difference(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_bodies(&orders, SLICE_LITERAL(""), SLICE_LITERAL("{}"));
    require_finding(diff, DIFF_PART_BODY, "body", DIFF_ADDED, DIFF_REAL);
    assert_verdict(diff, "The requests differ in the body.");
    diff_free(diff);
}

/* {"a":1} by `gzip -n`, and the same with another operating system's number in its header (RFC 1952 §2.3.1). */
static const char gzipped[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56\x4a\x54"
                              "\xb2\x32\xac\x05\x00\xaf\xac\x1b\x56\x07\x00\x00\x00";

static struct diff *compared_encoded(struct two_orders *orders, struct slice a, struct slice b)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    orders->records[0] = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), head, a);
    orders->records[1] = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), head, b);
    return compared(&orders->records[0], &orders->records[1]);
}

static void test_encoded_bodies_are_compared_decoded(void **state)
{
    (void)state;
    char other[sizeof(gzipped)];
    struct two_orders orders;
    memcpy(other, gzipped, sizeof(gzipped));
    other[9] = 0;
    struct diff *diff =
        compared_encoded(&orders, slice_of(gzipped, sizeof(gzipped) - 1), slice_of(other, sizeof(other) - 1));
    require_finding(diff, DIFF_PART_BODY, "body", DIFF_BYTES, DIFF_COSMETIC);
    assert_true(diff_is_alike(diff));
    diff_free(diff);
}

static void test_encoded_bodies_that_are_broken_are_compared_by_bytes(void **state)
{
    (void)state;
    struct two_orders orders;
    struct diff *diff = compared_encoded(&orders, slice_of(gzipped, sizeof(gzipped) - 1), SLICE_LITERAL("{\"a\":2}"));
    require_finding(diff, DIFF_PART_BODY, "body", DIFF_BYTES, DIFF_REAL);
    assert_true(diff->is_limited);
    diff_free(diff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_way_to_differ_has_its_name),
        cmocka_unit_test(test_ids_of_answers_must_differ),
        cmocka_unit_test(test_numbers_are_compared_digit_by_digit),
        cmocka_unit_test(test_strings_that_hold_one_number_are_noted),
        cmocka_unit_test(test_space_and_values_are_told_apart),
        cmocka_unit_test(test_white_space_alone_in_a_request_counts),
        cmocka_unit_test(test_bodies_that_are_no_json_differ_by_bytes),
        cmocka_unit_test(test_json_against_none_is_told),
        cmocka_unit_test(test_no_body_against_an_empty_object_is_a_difference),
        cmocka_unit_test(test_encoded_bodies_are_compared_decoded),
        cmocka_unit_test(test_encoded_bodies_that_are_broken_are_compared_by_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
