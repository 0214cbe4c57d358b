/* A diff of megabytes, of hostile texts, and beyond each bound. */
#include "diff_fixture.h"

#include "countersign/clock.h"
#include "countersign/json_scan.h"

enum {
    TEXT_MAX = 32 << 20,
    SLOW_US =
        5000000 /* a quadratic step over these inputs takes minutes; a sanitizer's build of a linear one does not */
};

static struct buffer begun(void)
{
    struct buffer text;
    buffer_init(&text, TEXT_MAX);
    return text;
}

/* `count` members "kN":N from `first` on, each N plus `shift`; backwards where wanted. */
static struct buffer object_of(int count, int shift, bool backwards)
{
    struct buffer text = begun();
    buffer_append_byte(&text, '{');
    for (int i = 0; i < count; i++) {
        int number = backwards ? count - 1 - i : i;
        buffer_append_format(&text, "%s\"k%d\":%d", i > 0 ? "," : "", number, number + shift);
    }
    buffer_append_byte(&text, '}');
    assert_false(text.failed);
    return text;
}

static struct diff *compared_within_time(struct two_orders *orders, const struct buffer *a, const struct buffer *b)
{
    int64_t begun_us = clock_monotonic_us();
    struct diff *diff = compared_bodies(orders, buffer_slice(a), buffer_slice(b));
    int64_t taken_us = clock_monotonic_us() - begun_us;
    print_message("%zu bytes against %zu: %lld us\n", a->length, b->length, (long long)taken_us);
    assert_true(taken_us < SLOW_US);
    return diff;
}

static void test_two_megabytes_of_other_values_take_no_time_and_are_counted(void **state)
{
    (void)state;
    enum { MEMBERS = 100000 };
    struct two_orders orders;
    struct buffer a = object_of(MEMBERS, 0, false), b = object_of(MEMBERS, 1, false);
    struct diff *diff = compared_within_time(&orders, &a, &b);
    assert_int_equal(diff->counts[DIFF_REQUEST][DIFF_REAL], MEMBERS);
    assert_int_equal(diff->unlisted, MEMBERS - DIFF_LISTED_MAX);
    size_t listed = 0;
    for (size_t i = 0; i < diff->count; i++)
        listed += diff->findings[i].part == DIFF_PART_JSON;
    assert_int_equal(listed, DIFF_LISTED_MAX);
    diff_free(diff);
    buffer_free(&a);
    buffer_free(&b);
}

static void test_members_in_the_other_order_are_matched_in_no_time(void **state)
{
    (void)state;
    struct two_orders orders;
    struct buffer a = object_of(100000, 0, false), b = object_of(100000, 0, true);
    struct diff *diff = compared_within_time(&orders, &a, &b);
    require_finding(diff, DIFF_PART_JSON, "$", DIFF_KEY_ORDER, DIFF_COSMETIC);
    assert_int_equal(diff->counts[DIFF_REQUEST][DIFF_REAL], 0);
    diff_free(diff);
    buffer_free(&a);
    buffer_free(&b);
}

static void test_one_name_many_times_is_matched_in_no_time(void **state)
{
    (void)state;
    enum { MEMBERS = 50000 };
    struct two_orders orders;
    struct buffer texts[2] = { begun(), begun() };
    for (int side = 0; side < 2; side++) {
        buffer_append_text(&texts[side], "{\"x\":0");
        for (int i = 0; i < MEMBERS + side; i++)
            buffer_append_text(&texts[side], ",\"a\":1");
        buffer_append_byte(&texts[side], '}');
    }
    struct diff *diff = compared_within_time(&orders, &texts[0], &texts[1]);
    assert_non_null(require_finding(diff, DIFF_PART_JSON, "$.a", DIFF_ADDED, DIFF_REAL)->note);
    assert_int_equal(diff->counts[DIFF_REQUEST][DIFF_REAL], 1);
    diff_free(diff);
    buffer_free(&texts[0]);
    buffer_free(&texts[1]);
}

static void test_the_deepest_json_is_compared_and_a_deeper_one_is_none(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        struct two_orders orders;
        struct buffer texts[2] = { begun(), begun() };
        for (int side = 0; side < 2; side++) {
            for (int i = 0; i < JSON_DEPTH_MAX + extra; i++)
                buffer_append_byte(&texts[side], '[');
            buffer_append_format(&texts[side], "%d", side);
            for (int i = 0; i < JSON_DEPTH_MAX + extra; i++)
                buffer_append_byte(&texts[side], ']');
        }
        struct diff *diff = compared_within_time(&orders, &texts[0], &texts[1]);
        if (extra == 0)
            require_finding(diff, DIFF_PART_JSON, NULL, DIFF_VALUE, DIFF_REAL);
        else
            require_finding(diff, DIFF_PART_BODY, "body", DIFF_BYTES, DIFF_REAL);
        diff_free(diff);
        buffer_free(&texts[0]);
        buffer_free(&texts[1]);
    }
}

static void test_a_body_beyond_the_bound_is_compared_by_bytes_and_that_is_said(void **state)
{
    (void)state;
    struct two_orders orders;
    struct buffer texts[2] = { begun(), begun() };
    for (int side = 0; side < 2; side++) {
        buffer_append_format(&texts[side], "{\"side\":%d,\"filler\":\"", side);
        char *filler = buffer_reserve(&texts[side], DIFF_JSON_MAX);
        memset(filler, 'x', DIFF_JSON_MAX);
        buffer_commit(&texts[side], DIFF_JSON_MAX);
        buffer_append_text(&texts[side], "\"}");
    }
    struct diff *diff = compared_within_time(&orders, &texts[0], &texts[1]);
    assert_true(diff->is_limited);
    require_finding(diff, DIFF_PART_BODY, NULL, DIFF_LIMIT, DIFF_INFO);
    assert_int_equal(require_finding(diff, DIFF_PART_BODY, "body", DIFF_BYTES, DIFF_REAL)->offset, 8);
    diff_free(diff);
    buffer_free(&texts[0]);
    buffer_free(&texts[1]);
}

static void test_more_values_than_the_bound_are_compared_by_bytes(void **state)
{
    (void)state;
    struct two_orders orders;
    struct buffer texts[2] = { begun(), begun() };
    for (int side = 0; side < 2; side++) {
        buffer_append_format(&texts[side], "[%d", side);
        for (int i = 0; i < DIFF_JSON_VALUES_MAX; i++)
            buffer_append_text(&texts[side], ",1");
        buffer_append_byte(&texts[side], ']');
    }
    struct diff *diff = compared_within_time(&orders, &texts[0], &texts[1]);
    assert_true(diff->is_limited);
    require_finding(diff, DIFF_PART_BODY, "body", DIFF_BYTES, DIFF_REAL);
    diff_free(diff);
    buffer_free(&texts[0]);
    buffer_free(&texts[1]);
}

static void test_a_query_of_too_many_parameters_is_compared_whole(void **state)
{
    (void)state;
    struct record records[2];
    struct buffer heads[2] = { begun(), begun() };
    for (int side = 0; side < 2; side++) {
        buffer_append_format(&heads[side], "GET /a?p=%d", side);
        for (int i = 0; i < DIFF_PARAMETERS_MAX; i++)
            buffer_append_text(&heads[side], "&a");
        buffer_append_text(&heads[side], " HTTP/1.1\r\n\r\n");
        records[side] = made_exchange(buffer_text(&heads[side]), SLICE_LITERAL(""), OK_HEAD, SLICE_LITERAL("{}"));
    }
    struct diff *diff = compared(&records[0], &records[1]);
    require_finding(diff, DIFF_PART_LINE, "query", DIFF_VALUE, DIFF_REAL);
    assert_true(diff->is_limited);
    diff_free(diff);
    buffer_free(&heads[0]);
    buffer_free(&heads[1]);
}

static void test_a_path_of_a_megabyte_is_cut(void **state)
{
    (void)state;
    enum { NAME = 1 << 20 };
    struct two_orders orders;
    struct buffer texts[2] = { begun(), begun() };
    for (int side = 0; side < 2; side++) {
        buffer_append_text(&texts[side], "{\"");
        char *name = buffer_reserve(&texts[side], NAME);
        memset(name, 'n', NAME);
        buffer_commit(&texts[side], NAME);
        buffer_append_format(&texts[side], "\":%d}", side);
    }
    struct diff *diff = compared_within_time(&orders, &texts[0], &texts[1]);
    const struct diff_finding *finding = require_finding(diff, DIFF_PART_JSON, NULL, DIFF_VALUE, DIFF_REAL);
    assert_true(finding->subject.length <= DIFF_SUBJECT_MAX);
    diff_free(diff);
    buffer_free(&texts[0]);
    buffer_free(&texts[1]);
}

/* Findings of one weight beyond the bound take nothing from another weight's or section's. */
static void test_many_expected_findings_leave_room_for_a_real_one(void **state)
{
    (void)state;
    struct record records[2];
    struct buffer texts[2] = { begun(), begun() };
    for (int side = 0; side < 2; side++) {
        buffer_append_byte(&texts[side], '[');
        for (int i = 0; i < 2 * DIFF_LISTED_MAX; i++)
            buffer_append_format(&texts[side], "{\"ordId\":%d},", i + side);
        buffer_append_format(&texts[side], "{\"balance\":%d}]", side);
        records[side] = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, buffer_slice(&texts[side]));
    }
    struct diff *diff = compared(&records[0], &records[1]);
    require_finding(diff, DIFF_PART_JSON, "$[400].balance", DIFF_VALUE, DIFF_REAL);
    assert_int_equal(diff->counts[DIFF_ANSWER][DIFF_EXPECTED], 2 * DIFF_LISTED_MAX);
    diff_free(diff);
    buffer_free(&texts[0]);
    buffer_free(&texts[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_megabytes_of_other_values_take_no_time_and_are_counted),
        cmocka_unit_test(test_members_in_the_other_order_are_matched_in_no_time),
        cmocka_unit_test(test_one_name_many_times_is_matched_in_no_time),
        cmocka_unit_test(test_the_deepest_json_is_compared_and_a_deeper_one_is_none),
        cmocka_unit_test(test_a_body_beyond_the_bound_is_compared_by_bytes_and_that_is_said),
        cmocka_unit_test(test_more_values_than_the_bound_are_compared_by_bytes),
        cmocka_unit_test(test_a_query_of_too_many_parameters_is_compared_whole),
        cmocka_unit_test(test_a_path_of_a_megabyte_is_cut),
        cmocka_unit_test(test_many_expected_findings_leave_room_for_a_real_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
