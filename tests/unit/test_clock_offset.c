/* The offset of another clock: the true one is always within the bounds, they narrow, one wrong Date moves nothing, a step
 * is followed once it is confirmed. */
#include "countersign/clock_offset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define S INT64_C(1000000)

static const int64_t began_us = INT64_C(1770000000) * S;

/* xorshift64: the same run always. */
static int64_t random_below(uint64_t *state, int64_t bound)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (int64_t)(*state % (uint64_t)bound);
}

static int64_t floor_second(int64_t us)
{
    return us / S;
}

static void the_true_offset_is_always_within_the_bounds(void **state)
{
    (void)state;
    uint64_t random = 42;
    for (int run = 0; run < 500; run++) {
        struct clock_offset offset = { .answers = 0 };
        int64_t first = random_below(&random, 240 * S) - 120 * S;
        int64_t ppm = random_below(&random, 2 * CLOCK_OFFSET_DRIFT_PPM + 1) - CLOCK_OFFSET_DRIFT_PPM;
        int64_t now = began_us;
        for (int answer = 0; answer < 200; answer++) {
            int64_t there = random_below(&random, S / 2), back = random_below(&random, S / 2), middle, bound;
            int64_t stale = random_below(&random, CLOCK_OFFSET_STALE_US);
            now += random_below(&random, 60 * S);
            int64_t theirs = now + there + first + (now + there - began_us) / S * ppm - stale;
            assert_true(clock_offset_add(&offset, floor_second(theirs), now, now + there + back));
            now += there + back;
            assert_true(clock_offset_read(&offset, now, &middle, &bound));
            assert_true(llabs(first + (now - began_us) / S * ppm - middle) <= bound);
        }
        assert_int_equal(offset.restarts, 0);
    }
}

/* Answers every 0.37 s, of 10 ms each, from a clock that is `ahead`. */
static int64_t answers(struct clock_offset *offset, int64_t now, int64_t ahead, int count)
{
    for (int i = 0; i < count; i++, now += 370000)
        (void)clock_offset_add(offset, floor_second(now + ahead), now, now + 10000); /* it may contradict */
    return now;
}

static void the_bounds_narrow_as_answers_come_in(void **state)
{
    (void)state;
    struct clock_offset offset = { .answers = 0 };
    int64_t middle, bound, narrow;
    assert_false(clock_offset_read(&offset, began_us, &middle, &bound));
    int64_t now = answers(&offset, began_us, 5 * S, 1);
    assert_true(clock_offset_read(&offset, now, &middle, &bound));
    now = answers(&offset, now, 5 * S, 100);
    assert_true(clock_offset_read(&offset, now, &middle, &narrow));
    assert_true(bound > S / 2 && narrow < S / 20);
    assert_true(llabs(middle - 5 * S) <= narrow);
    assert_true(clock_offset_read(&offset, now + 3600 * S, &middle, &bound)); /* 0.36 s in an hour at 100 ppm */
    assert_true(bound > narrow + 350000);
}

static void one_wrong_date_moves_nothing_and_a_step_is_followed_once_confirmed(void **state)
{
    (void)state;
    for (int64_t step = -60 * S; step <= 60 * S; step += 120 * S) {
        struct clock_offset offset = { .answers = 0 };
        int64_t before, middle, bound, now = answers(&offset, began_us, 0, 20);
        assert_true(clock_offset_read(&offset, now, &before, &bound));
        now = answers(&offset, now, -3600 * S, CLOCK_OFFSET_CONFIRMATIONS - 1);
        assert_true(clock_offset_read(&offset, now, &middle, &bound));
        assert_true(llabs(middle - before) <= bound);
        now = answers(&offset, now, 0, 1); /* what was held is right: those before count no more */
        now = answers(&offset, now, step, CLOCK_OFFSET_CONFIRMATIONS);
        assert_true(clock_offset_read(&offset, now, &middle, &bound));
        assert_true(llabs(middle - step) <= bound);
        assert_int_equal(offset.restarts, 1);
    }
}

static void an_offset_is_judged_by_what_is_sure_of_it(void **state)
{
    (void)state;
    static const struct {
        int64_t offset_us, bound_us;
        enum clock_offset_verdict verdict;
    } cases[] = {
        { 0, S / 2, CLOCK_OFFSET_FINE },      { -S, 0, CLOCK_OFFSET_FINE },    { S + 1, 0, CLOCK_OFFSET_OFF },
        { 3 * S, 2 * S, CLOCK_OFFSET_FINE },  { -3 * S, S, CLOCK_OFFSET_OFF }, { 30 * S, S, CLOCK_OFFSET_OFF },
        { -31 * S, S, CLOCK_OFFSET_OUTSIDE },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(clock_offset_judge(true, cases[i].offset_us, cases[i].bound_us, 30 * S), cases[i].verdict);
    assert_int_equal(clock_offset_judge(false, 60 * S, 0, 30 * S), CLOCK_OFFSET_UNKNOWN);
}

/* Against counting: every millisecond of ten windows, and the window that the other clock is in then. */
static void the_share_of_wrong_windows_is_what_counting_gives(void **state)
{
    (void)state;
    for (int64_t offset = -45 * S; offset <= 45 * S; offset += 3 * S) {
        int64_t wrong = 0, asked = 0;
        for (int64_t now = began_us; now < began_us + 300 * S; now += 1000, asked++)
            wrong += now / (30 * S) != (now + offset) / (30 * S);
        assert_int_equal(clock_offset_wrong_windows(offset, 30 * S), wrong * 1000 / asked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_true_offset_is_always_within_the_bounds),
        cmocka_unit_test(the_bounds_narrow_as_answers_come_in),
        cmocka_unit_test(one_wrong_date_moves_nothing_and_a_step_is_followed_once_confirmed),
        cmocka_unit_test(an_offset_is_judged_by_what_is_sure_of_it),
        cmocka_unit_test(the_share_of_wrong_windows_is_what_counting_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
