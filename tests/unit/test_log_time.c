/* Moments and spans as people write them: every form, the time zone's part in it, and what is none. */
#include "cli/log_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static const int64_t second_us = 1000000;
static const int64_t now_us = 1770742394290123; /* 2026-02-10T16:53:14.290123Z, a Tuesday */

static int in_zone(const char *zone)
{
    (void)setenv("TZ", zone, 1); /* fails for lack of memory alone, which the tests below would show */
    tzset();
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return in_zone("UTC0");
}

static void assert_moment(const char *text, int64_t expected_us)
{
    int64_t wall_us = -1;
    if (!log_time_parse(&wall_us, slice_text(text), now_us))
        fail_msg("`%s` is not read", text);
    if (wall_us != expected_us)
        fail_msg("`%s` is read as %lld, not %lld", text, (long long)wall_us, (long long)expected_us);
}

static void a_span_is_so_long_ago(void **state)
{
    (void)state;
    assert_moment("90s", now_us - 90 * second_us);
    assert_moment("10m", now_us - 600 * second_us);
    assert_moment("2h", now_us - 7200 * second_us);
    assert_moment("3d", now_us - 3 * 86400 * second_us);
    assert_moment("3d ago", now_us - 3 * 86400 * second_us);
    assert_moment("10m ago", now_us - 600 * second_us);
    assert_moment("1.5h", now_us - 5400 * second_us);
    assert_moment("250ms", now_us - 250000);
    assert_moment("0s", now_us);
}

static void days_and_clock_times_are_local(void **state)
{
    (void)state;
    const int64_t midnight_us = 1770681600 * second_us; /* 2026-02-10T00:00:00Z */
    assert_moment("now", now_us);
    assert_moment("today", midnight_us);
    assert_moment("yesterday", midnight_us - 86400 * second_us);
    assert_moment("10:30", midnight_us + 37800 * second_us);
    assert_moment("10:30:15", midnight_us + 37815 * second_us);
    assert_moment("10:30:15.25", midnight_us + 37815 * second_us + 250000);
    assert_moment("2026-02-10", midnight_us);
    assert_moment("2026-02-10 10:30", midnight_us + 37800 * second_us);
    assert_moment("2026-02-10T10:30:15.123", midnight_us + 37815 * second_us + 123000);
    in_zone("LOC-5:30"); /* five and a half hours ahead of UTC: it is 22:23 there */
    assert_moment("today", midnight_us - 19800 * second_us);
    assert_moment("2026-02-10 10:30", midnight_us + 18000 * second_us);
    in_zone("LOC8"); /* eight hours behind */
    assert_moment("today", midnight_us + 28800 * second_us);
}

/* Central Europe in 2026: ahead by an hour more from 29 March, 01:00 UTC, to 25 October. */
static void days_of_a_clock_change_begin_at_their_own_midnight(void **state)
{
    (void)state;
    int64_t before, after;
    in_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_true(log_time_parse(&before, SLICE_LITERAL("2026-03-29"), now_us));
    assert_true(log_time_parse(&after, SLICE_LITERAL("2026-03-30"), now_us));
    assert_int_equal(after - before, 23 * 3600 * second_us);
    assert_true(log_time_parse(&before, SLICE_LITERAL("2026-10-25"), now_us));
    assert_true(log_time_parse(&after, SLICE_LITERAL("2026-10-26"), now_us));
    assert_int_equal(after - before, 25 * 3600 * second_us);
    /* "yesterday" from noon of the day after. */
    assert_true(log_time_parse(&after, SLICE_LITERAL("yesterday"), before + 37 * 3600 * second_us));
    assert_int_equal(after, before);
}

static void a_zone_that_is_written_holds_and_not_the_local_one(void **state)
{
    (void)state;
    in_zone("LOC-5:30");
    assert_moment("2026-02-10T16:53:14.290123Z", now_us);
    assert_moment("2026-02-10t16:53:14.290123z", now_us);
    assert_moment("2026-02-10 17:53:14.290123+01:00", now_us);
    assert_moment("2026-02-10T08:23:14.290123-08:30", now_us);
    assert_moment("@1770742394", now_us - 290123);
    assert_moment("2026-02-10T16:53:14.290123999Z", now_us); /* finer than is kept */
    assert_moment("2026-02-10T23:30:00-01:00", (1770681600 + 86400 + 1800) * second_us);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        " ",
        "wobble",
        "10",
        "m",
        "-10m",
        "10 m",
        "10M",
        "1e3s",
        "1.s",
        ".5s",
        "tomorrow",
        "24:00",
        "10:60",
        "1:30",
        "10:3",
        "10:30x",
        "2026",
        "2026-02",
        "2026-02-30",
        "2026-13-01",
        "2026-00-01",
        "2026-02-00",
        "26-02-10",
        "@",
        "@x",
        "@-1",
        "2026-02-10T",
        "2026-02-10X",
        "2026-02-10 ",
        "10:30:",
        "10:30:15.",
        "99999999999999999999s",
        "2026-02-10T10:30+1",
        "2026-02-10T10:30+24:00",
        "2026-02-10T10:30Zx",
        "1969-12-31",
        "@99999999999999999999",
        "9999999999d",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        int64_t wall_us;
        if (log_time_parse(&wall_us, slice_text(wrong[i]), now_us))
            fail_msg("`%s` is read as %lld", wrong[i], (long long)wall_us);
    }
}

static void durations_have_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        { "250ms", 250000 },
        { "1.5s", 1500000 },
        { "2m", 120000000 },
        { "800us", 800 },
        { "1h", 3600 * INT64_C(1000000) },
        { "0.25ms", 250 },
        { "1.000001s", 1000001 },
    };
    int64_t us;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_true(log_duration_parse(&us, slice_text(cases[i].text)));
        assert_int_equal(us, cases[i].us);
    }
    assert_false(log_duration_parse(&us, SLICE_LITERAL("5")));
    assert_false(log_duration_parse(&us, SLICE_LITERAL("s")));
    assert_false(log_duration_parse(&us, SLICE_LITERAL("1.0000001s")));
    assert_false(log_duration_parse(&us, SLICE_LITERAL("5ms ")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_span_is_so_long_ago, begin),
        cmocka_unit_test_setup(days_and_clock_times_are_local, begin),
        cmocka_unit_test_setup(days_of_a_clock_change_begin_at_their_own_midnight, begin),
        cmocka_unit_test_setup(a_zone_that_is_written_holds_and_not_the_local_one, begin),
        cmocka_unit_test_setup(what_is_no_time_is_refused, begin),
        cmocka_unit_test_setup(durations_have_a_unit, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
