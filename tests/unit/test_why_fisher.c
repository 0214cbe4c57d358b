/* Fisher's exact test, held against numbers that were worked out with whole numbers and fractions, not with logarithms. */
#include "doctor/why_private.h"

#include "countersign/compiler.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_near(double found, double expected)
{
    if (fabs(found - expected) > 1e-7 * expected + 1e-300)
        fail_msg("%.12g instead of %.12g", found, expected);
}

/* Python: sums of math.comb(f, k) * math.comb(s, w - k) over the tables no likelier than the one at hand, as a Fraction.
 * The first is the tea tasting of Fisher's "The Design of Experiments" (1935). */
static const struct {
    struct why_table table;
    double both, least;
} known[] = {
    { { 3, 4, 1, 4 }, 0.48571428571428571, 0.028571428571428571 },
    { { 1, 10, 11, 14 }, 0.0027594561852200836, 6.7303809395611789e-05 },
    { { 8, 10, 1, 6 }, 0.034965034965034968, 0.00087412587412587413 },
    { { 41, 41, 0, 118 }, 5.3181221300063688e-39, 5.3181221300063688e-39 },
    { { 20, 41, 59, 118 }, 1, 2.7192344109876576e-16 },
    { { 0, 5, 5, 5 }, 0.0079365079365079361, 0.0079365079365079361 },
    { { 7, 7, 0, 7 }, 0.00058275058275058275, 0.00058275058275058275 },
    { { 2, 3, 1, 3 }, 1, 0.10000000000000001 },
    { { 10, 30, 2, 40 }, 0.0029414288959799377, 8.1299075377795672e-06 },
    { { 90, 100, 1000, 2000 }, 8.1984444674723194e-17, 1.1179828982669232e-33 },
    { { 1, 1, 0, 2000 }, 0.00049975012493753122, 0.00049975012493753122 },
    { { 3, 3, 0, 118 }, 3.4724633655114937e-06, 3.4724633655114937e-06 },
    { { 2, 5, 3, 5 }, 1, 0.0079365079365079361 },
    { { 12, 20, 30, 60 }, 0.6058677534517114, 9.4978777736661022e-09 },
};

static void probabilities_are_those_of_whole_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        assert_near(why_fisher(known[i].table), known[i].both);
        assert_near(why_fisher_least(known[i].table), known[i].least);
    }
}

static void a_table_and_its_mirror_images_are_equally_likely(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        struct why_table t = known[i].table;
        const struct why_table rows = { t.b, t.successes, t.a, t.failures };
        const struct why_table columns = { t.failures - t.a, t.failures, t.successes - t.b, t.successes };
        assert_near(why_fisher(rows), known[i].both);
        assert_near(why_fisher(columns), known[i].both);
    }
}

static void many_exchanges_take_it_nowhere_else(void **state)
{
    (void)state;
    const struct why_table even = { 500, 1000, 500, 1000 };
    const struct why_table large = { 50, 1000, 3000, 99000 };
    const struct why_table perfect = { 500000, 500000, 0, 500000 };
    assert_near(why_fisher(even), 1);
    assert_near(why_fisher(large), 0.00080750247475674746);
    assert_true(why_fisher(perfect) == 0); /* less than any number here, and no trouble */
    assert_true(why_fisher_least(large) >= 0);
}

/* 2 / (2k over k): 7 of each 0.00058, 9 of each 0.000041. */
static void so_many_are_needed_that_a_perfect_split_is_told(void **state)
{
    (void)state;
    assert_int_equal(why_needed(0), 7);
    assert_int_equal(why_needed(1), 7);
    assert_int_equal(why_needed(2), 8);
    assert_int_equal(why_needed(24), 9);
    assert_int_equal(why_needed(25), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_are_those_of_whole_numbers),
        cmocka_unit_test(a_table_and_its_mirror_images_are_equally_likely),
        cmocka_unit_test(many_exchanges_take_it_nowhere_else),
        cmocka_unit_test(so_many_are_needed_that_a_perfect_split_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
