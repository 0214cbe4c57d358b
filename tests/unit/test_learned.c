/* What a listener learns: counted by endpoint, bounded, and the same after it was written and read. */
#include "countersign/compiler.h"
#include "countersign/learned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct learned *table(void)
{
    struct learned *made = calloc(1, sizeof(*made));
    assert_non_null(made);
    return made;
}

static void note(struct learned *learned, const char *method, const char *target, bool passes, int64_t now_us)
{
    struct endpoint_path path;
    endpoint_path_read(&path, slice_text(target));
    learned_note(learned, slice_text(method), &path, passes, now_us);
}

static void a_documented_endpoint_is_one_use_whatever_its_symbol_and_query(void **state)
{
    (void)state;
    struct learned *learned = table();
    note(learned, "GET", "/api/v1/market/depth/BTCUSDT?depth=5", true, 10);
    note(learned, "GET", "/api/v1/market/depth/ETHUSDT", true, 20);
    note(learned, "GET", "/api/TRADE/order/active?symbol=x", true, 30);
    assert_int_equal(learned->count, 2);
    assert_string_equal(learned->uses[0].path, "/api/v1/market/depth/*");
    assert_int_equal(learned->uses[0].passed, 2);
    assert_int_equal(learned->uses[0].first_us, 10);
    assert_int_equal(learned->uses[0].last_us, 20);
    assert_string_equal(learned->uses[1].path, "/api/trade/order/active");
    free(learned);
}

static void what_no_rule_could_name_is_counted_and_not_kept(void **state)
{
    (void)state;
    struct learned *learned = table();
    note(learned, "GET", "/api/%2e/x", true, 10);
    note(learned, "GET", "/api/*", true, 10);
    assert_int_equal(learned->unreadable, 2);
    assert_int_equal(learned->count, 0);
    assert_int_equal(learned->passed, 2);
    free(learned);
}

static void uses_beyond_the_bound_are_counted_and_those_before_them_stay(void **state)
{
    (void)state;
    struct learned *learned = table();
    char target[64];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < LEARNED_USES_MAX + 50; i++) {
            (void)snprintf(target, sizeof(target), "/api/x/%d", i);
            note(learned, "GET", target, true, 10);
        }
    }
    assert_int_equal(learned->count, LEARNED_USES_MAX);
    assert_int_equal(learned->left_out, 100);
    for (size_t i = 0; i < learned->count; i++)
        assert_int_equal(learned->uses[i].passed, 2);
    free(learned);
}

static void what_was_written_is_read_and_added(void **state)
{
    (void)state;
    struct learned *learned = table(), *again = table(), *other = table();
    struct buffer text;
    buffer_init(&text, LEARNED_TEXT_MAX);
    note(learned, "POST", "/api/trade/order/place", true, 10);
    note(learned, "POST", "/api/fi/v3/asset/doWithdraw", false, 20);
    note(learned, "GET", "/api/%2e", true, 30);
    learned_append(&text, learned, "bot");
    for (int i = 0; i < 2; i++)
        learned_add(again, buffer_slice(&text), "bot");
    learned_add(other, buffer_slice(&text), "bo");
    assert_int_equal(other->count + other->passed, 0);
    assert_int_equal(again->count, 2);
    assert_int_equal(again->uses[0].passed, 2);
    assert_int_equal(again->uses[1].refused, 2);
    assert_int_equal(again->passed, 4);
    assert_int_equal(again->refused, 2);
    assert_int_equal(again->unreadable, 2);
    assert_int_equal(again->first_us, 10);
    assert_int_equal(again->last_us, 30);
    buffer_free(&text);
    free(learned);
    free(again);
    free(other);
}

static void lines_that_are_none_are_left_out(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "use",
        "use\tbot\tGET\t/api/x\t1\t0\t5",
        "use\tbot\tGET\t/api/x\t1\t0\t5\t6\t7",
        "use\tbot\tGET\t/api/x\t-1\t0\t5\t6",
        "use\tbot\tGET\t/api/x\t99999999999999999999\t0\t5\t6",
        "use\tbot\tGET\tapi/x\t1\t0\t5\t6",
        "use\tbot\tGET\t/api/\x1b[31m\t1\t0\t5\t6",
        "use\tbot\t\t/api/x\t1\t0\t5\t6",
        "use\tbot\tGETGETGETGETGETGETGET\t/api/x\t0\t0\t5\t6",
        "sum\tbot\t1\t2\t3",
        "other\tbot\tGET\t/api/x\t1\t0\t5\t6",
    };
    struct learned *learned = table();
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        learned_add(learned, slice_text(lines[i]), "bot");
    learned_add(learned, slice_of(NULL, 0), "bot");
    assert_int_equal(learned->count, 0);
    assert_int_equal(learned->passed, 0);
    free(learned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_documented_endpoint_is_one_use_whatever_its_symbol_and_query),
        cmocka_unit_test(what_no_rule_could_name_is_counted_and_not_kept),
        cmocka_unit_test(uses_beyond_the_bound_are_counted_and_those_before_them_stay),
        cmocka_unit_test(what_was_written_is_read_and_added),
        cmocka_unit_test(lines_that_are_none_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
