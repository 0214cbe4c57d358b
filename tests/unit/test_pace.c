/* The turns of a rate, against a model that keeps every moment and counts them one by one; and its pauses. */
#include "countersign/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MODEL_MAX = 4096, SECOND = 1000000 };

static struct pace_rate rate_of(const char *text)
{
    struct pace_rate rate;
    assert_true(pace_rate_parse(&rate, slice_text(text)));
    return rate;
}

static void a_rate_is_a_count_and_a_duration(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",
                                         "120",
                                         "120/",
                                         "/3s",
                                         "0/3s",
                                         "120/3",
                                         "120/3 s",
                                         "120/3h",
                                         "-1/3s",
                                         "120/0s",
                                         "120/99ms",
                                         "1.5/s",
                                         "120//s",
                                         "2001/s",
                                         "120/3s ",
                                         " 120/3s",
                                         "120/11m",
                                         "1/s",
                                         "120/18446744073709551615s",
                                         "120/3s/3s",
                                         "off ",
                                         "OFF",
                                         "0",
                                         "120/5000000s" };
    struct pace_rate rate = rate_of("120/3s");
    assert_int_equal(rate.count, 120);
    assert_int_equal(rate.window_us, 3 * SECOND);
    assert_int_equal(rate_of("off").count, 0);
    assert_int_equal(rate_of("1/100ms").window_us, 100000);
    assert_int_equal(rate_of("2000/10m").window_us, 600 * SECOND);
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_false(pace_rate_parse(&rate, slice_text(wrong[i])));
}

static struct pace_memory memory; /* of the test that runs */

static bool has_room(const struct pace *pace, int64_t now_us)
{
    return pace_next_us(pace, now_us) <= now_us;
}

static struct pace opened(const char *rate)
{
    struct pace pace;
    memory = (struct pace_memory){ .held = 0 };
    pace_init(&pace, &memory);
    pace_set_rate(&pace, rate_of(rate));
    return pace;
}

/* --- against the model --- */

struct model {
    int64_t times[MODEL_MAX];
    size_t count;
    unsigned held;
};

static size_t left_since(const struct model *model, int64_t after_us)
{
    size_t count = 0;
    for (size_t i = 0; i < model->count; i++)
        count += model->times[i] > after_us;
    return count;
}

static bool model_has_room(const struct model *model, const struct pace *pace, int64_t now_us)
{
    return model->held + left_since(model, now_us - pace->span_us) < pace->rate.count;
}

/* One step of chance: a turn is taken, used or given back, or time goes on. */
static void step(struct model *model, struct pace *pace, int64_t *now_us)
{
    int what = rand() % 4;
    if (what == 0 && has_room(pace, *now_us)) {
        pace_hold(pace);
        model->held++;
    } else if (what == 1 && model->held > 0) {
        pace_sent(pace, *now_us);
        model->held--;
        model->times[model->count++] = *now_us;
    } else if (what == 2 && model->held > 0 && rand() % 4 == 0) {
        pace_give_back(pace);
        model->held--;
    } else if (what == 3) {
        *now_us += rand() % (int)(pace->span_us / 3);
    }
}

static void room_is_what_a_count_of_every_moment_says(void **state)
{
    (void)state;
    static const char *const rates[] = { "1/100ms", "2/100ms", "7/1s", "40/1s" };
    srand(20260210);
    for (size_t i = 0; i < ARRAY_LENGTH(rates); i++) {
        struct model *model = calloc(1, sizeof(*model));
        struct pace pace = opened(rates[i]);
        int64_t now_us = 5;
        assert_non_null(model);
        for (int n = 0; n < MODEL_MAX; n++) {
            step(model, &pace, &now_us);
            assert_int_equal(has_room(&pace, now_us), model_has_room(model, &pace, now_us));
            assert_true(model->held + left_since(model, now_us - pace.span_us) <= pace.rate.count);
        }
        assert_true(model->count > 100);
        free(model);
    }
}

static void the_next_turn_comes_at_the_moment_told_and_not_before(void **state)
{
    (void)state;
    struct pace pace = opened("3/1s");
    for (int64_t t = 0; t < 3; t++)
        pace_note_sent(&pace, t * 100);
    int64_t next_us = pace_next_us(&pace, 300);
    assert_int_equal(next_us, SECOND + SECOND / 50);
    assert_false(has_room(&pace, next_us - 1));
    assert_true(has_room(&pace, next_us));
}

static void turns_that_are_held_keep_their_place_however_long_they_take(void **state)
{
    (void)state;
    struct pace pace = opened("2/1s");
    pace_hold(&pace);
    pace_hold(&pace);
    assert_false(has_room(&pace, 100 * (int64_t)SECOND));
    pace_sent(&pace, 100 * (int64_t)SECOND);
    pace_give_back(&pace);
    assert_true(has_room(&pace, 100 * (int64_t)SECOND));
}

static void what_leaves_without_a_turn_counts_too(void **state)
{
    (void)state;
    struct pace pace = opened("2/1s");
    for (int i = 0; i < 5; i++)
        pace_note_sent(&pace, 10 + i);
    pace_note_sent(&pace, 3); /* read before another thread's, noted after it */
    assert_false(has_room(&pace, SECOND));
    assert_int_equal(pace_next_us(&pace, 20), 14 + SECOND + SECOND / 50);
}

static void under_pressure_at_least_98_of_100_leave(void **state)
{
    (void)state;
    struct pace pace = opened("120/3s");
    int64_t now_us = 1;
    unsigned sent = 0;
    while (now_us < 300 * (int64_t)SECOND) {
        if (has_room(&pace, now_us)) {
            pace_note_sent(&pace, now_us);
            sent++;
        } else {
            now_us = pace_next_us(&pace, now_us);
        }
    }
    assert_true(sent >= 11760 && sent <= 12000);
}

static void who_lets_others_go_first_is_told_the_moment_after_them(void **state)
{
    (void)state;
    struct pace pace = opened("3/1s");
    const int64_t span_us = SECOND + SECOND / 50;
    for (int64_t t = 1; t <= 3; t++)
        pace_note_sent(&pace, t * 100);
    for (unsigned ahead = 0; ahead < 9; ahead++)
        assert_int_equal(pace_next_after_us(&pace, 400, ahead), (ahead % 3 + 1) * 100 + (1 + ahead / 3) * span_us);
    struct pace free = opened("3/1s");
    pace_hold(&free);
    assert_int_equal(pace_next_after_us(&free, 400, 1), 400);
    assert_int_equal(pace_next_after_us(&free, 400, 2), 400 + span_us);
}

static void without_a_bound_there_is_always_room(void **state)
{
    (void)state;
    struct pace pace = opened("off");
    for (int i = 0; i < 3 * PACE_COUNT_MAX; i++) {
        assert_true(has_room(&pace, 7));
        pace_hold(&pace);
        pace_sent(&pace, 7);
    }
    assert_false(pace_told_too_many(&pace, 8, 7, 5 * SECOND));
    assert_true(has_room(&pace, 9));
}

static void another_rate_counts_what_left_under_the_one_before(void **state)
{
    (void)state;
    struct pace pace = opened("100/3s");
    for (int64_t t = 1; t <= 10; t++)
        pace_note_sent(&pace, t * SECOND / 10);
    pace_set_rate(&pace, rate_of("5/1s"));
    assert_false(has_room(&pace, SECOND + SECOND / 10));
    assert_int_equal(pace_next_us(&pace, SECOND + SECOND / 10), SECOND * 6 / 10 + SECOND + SECOND / 50);
    pace_set_rate(&pace, rate_of("12/3s"));
    assert_true(has_room(&pace, SECOND + SECOND / 10));
}

/* --- from one process to the next --- */

static void what_a_killed_process_left_counts_for_the_next(void **state)
{
    (void)state;
    struct pace_memory fresh = { .held = 0 };
    struct pace pace = opened("10/1s"), next;
    for (int64_t t = 1; t <= PACE_COUNT_MAX + 7; t++)
        pace_note_sent(&pace, t * 1000);
    const int64_t last_us = (PACE_COUNT_MAX + 7) * INT64_C(1000), now_us = last_us + 5;
    pace_hold(&pace);
    pace_hold(&pace);
    memory.newest = 77; /* it may have been about to move it */
    memory.noted = 0;
    pace_recall(&fresh, &memory, now_us);
    pace_init(&next, &fresh);
    pace_set_rate(&next, rate_of("10/1s"));
    assert_int_equal(fresh.held, 0);
    const int64_t span_us = SECOND + SECOND / 50;
    assert_int_equal(pace_next_after_us(&next, now_us, 0), last_us - 7000 + span_us);
    assert_int_equal(pace_next_after_us(&next, now_us, 7), last_us + span_us);
    assert_int_equal(pace_next_after_us(&next, now_us, 8), now_us + span_us); /* what was held */
}

static void a_pause_goes_on_in_the_next_process(void **state)
{
    (void)state;
    struct pace_memory fresh = { .held = 0 };
    struct pace pace = opened("10/1s"), next;
    assert_true(pace_told_too_many(&pace, 100, 90, 5 * SECOND));
    pace_recall(&fresh, &memory, 200);
    pace_init(&next, &fresh);
    pace_set_rate(&next, rate_of("10/1s"));
    assert_int_equal(pace_next_us(&next, 200), 100 + 5 * SECOND);
    assert_false(pace_told_too_many(&next, 300, 90, -1)); /* of the same episode */
}

static void bytes_that_cannot_be_right_are_left_out(void **state)
{
    (void)state;
    struct pace_memory wild, fresh = { .held = 0 };
    struct pace next;
    memset(&wild, 0xff, sizeof(wild)); /* moments below 0 */
    pace_recall(&fresh, &wild, 1000);
    pace_init(&next, &fresh);
    pace_set_rate(&next, rate_of("2000/1s"));
    assert_int_equal(fresh.noted, PACE_COUNT_MAX); /* as many turns held as there can be */
    assert_int_equal(pace_next_us(&next, 1000), 1000 + SECOND + SECOND / 50);
    memset(&wild, 0x7f, sizeof(wild)); /* moments to come, as of a time before the machine started anew */
    wild.held = 0;
    fresh = (struct pace_memory){ .held = 0 };
    pace_recall(&fresh, &wild, 1000);
    assert_int_equal(fresh.noted, 0);
    assert_int_equal(fresh.pause_until_us, 0);
}

/* --- pauses --- */

static void each_new_refusal_doubles_the_pause_and_a_quiet_window_ends_it(void **state)
{
    (void)state;
    struct pace pace = opened("120/3s");
    int64_t now_us = SECOND, length_us = SECOND;
    assert_true(pace_told_too_many(&pace, now_us, now_us - 10, -1));
    for (int i = 0; i < 8; i++) {
        assert_false(has_room(&pace, now_us + length_us - 1));
        assert_true(has_room(&pace, now_us + length_us));
        now_us += length_us;
        length_us = length_us * 2 < 24 * SECOND ? length_us * 2 : 24 * SECOND;
        assert_false(pace_told_too_many(&pace, now_us, now_us, -1));
    }
    now_us += length_us + 3 * SECOND;
    assert_true(pace_told_too_many(&pace, now_us, now_us, -1)); /* a new episode, and short again */
    assert_true(has_room(&pace, now_us + SECOND));
}

static void refusals_of_what_left_before_the_pause_are_one_refusal(void **state)
{
    (void)state;
    struct pace pace = opened("120/3s");
    assert_true(pace_told_too_many(&pace, 1000, 900, -1));
    for (int64_t i = 1; i < 50; i++)
        assert_false(pace_told_too_many(&pace, 1000 + i, 900 + i, -1));
    assert_int_equal(pace_next_us(&pace, 1050), 1000 + SECOND);
}

static void the_exchange_may_say_how_long(void **state)
{
    (void)state;
    struct pace pace = opened("120/3s");
    assert_true(pace_told_too_many(&pace, 0, 0, 5 * SECOND));
    assert_int_equal(pace_next_us(&pace, 1), 5 * SECOND);
    assert_false(pace_told_too_many(&pace, 1, -1, 7 * SECOND)); /* old news, and a longer time */
    assert_int_equal(pace_next_us(&pace, 2), 7 * SECOND + 1);
    assert_false(pace_told_too_many(&pace, 2, 2, 3600 * (int64_t)SECOND));
    assert_int_equal(pace_next_us(&pace, 3), PACE_RETRY_AFTER_MAX_US + 2);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    static const int64_t at = INT64_C(784111777000000); /* RFC 9110 §5.6.7's example */
    static const char *const neither[] = { "",
                                           "soon",
                                           "-1",
                                           "1.5",
                                           "Sunday, 06-Nov-94 08:49:37 GMT",
                                           "Sun, 06 Nov 1994 08:49:37 UTC",
                                           "Sun, 06 Xyz 1994 08:49:37 GMT" };
    assert_int_equal(pace_retry_after_us(slice_text("0"), at), 0);
    assert_int_equal(pace_retry_after_us(slice_text("120"), at), 120 * SECOND);
    assert_int_equal(pace_retry_after_us(slice_text("Sun, 06 Nov 1994 08:49:37 GMT"), at - 3 * SECOND), 3 * SECOND);
    assert_int_equal(pace_retry_after_us(slice_text("Sun, 06 Nov 1994 08:49:37 GMT"), at + 1), 0);
    assert_true(pace_retry_after_us(slice_text("99999999999999999"), at) > 0);
    for (size_t i = 0; i < ARRAY_LENGTH(neither); i++)
        assert_true(pace_retry_after_us(slice_text(neither[i]), at) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_is_a_count_and_a_duration),
        cmocka_unit_test(room_is_what_a_count_of_every_moment_says),
        cmocka_unit_test(the_next_turn_comes_at_the_moment_told_and_not_before),
        cmocka_unit_test(turns_that_are_held_keep_their_place_however_long_they_take),
        cmocka_unit_test(what_leaves_without_a_turn_counts_too),
        cmocka_unit_test(under_pressure_at_least_98_of_100_leave),
        cmocka_unit_test(who_lets_others_go_first_is_told_the_moment_after_them),
        cmocka_unit_test(without_a_bound_there_is_always_room),
        cmocka_unit_test(another_rate_counts_what_left_under_the_one_before),
        cmocka_unit_test(what_a_killed_process_left_counts_for_the_next),
        cmocka_unit_test(a_pause_goes_on_in_the_next_process),
        cmocka_unit_test(bytes_that_cannot_be_right_are_left_out),
        cmocka_unit_test(each_new_refusal_doubles_the_pause_and_a_quiet_window_ends_it),
        cmocka_unit_test(refusals_of_what_left_before_the_pause_are_one_refusal),
        cmocka_unit_test(the_exchange_may_say_how_long),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
