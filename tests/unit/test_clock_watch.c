/* The time of a watched clock: this machine's while nothing is known; then it never goes back, on any thread. */
#include "countersign/clock.h"
#include "countersign/clock_watch.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define S INT64_C(1000000)

enum { READERS = 4, READINGS = 20000 };

/* An answer that came this moment, of a clock that is so far ahead of CLOCK_BOOTTIME. */
static void answer(struct clock_watch *watch, int64_t ahead_us)
{
    int64_t now_us = clock_boot_us();
    clock_watch_add(watch, (now_us + ahead_us) / S, now_us, now_us);
}

static struct clock_watch *made(void)
{
    struct clock_watch *watch = NULL;
    assert_true(clock_watch_create(&watch, NULL, NULL, NULL));
    return watch;
}

static void this_machines_time_is_given_while_nothing_is_known(void **state)
{
    (void)state;
    struct clock_watch *watch = made();
    int64_t before_us = clock_wall_us(), given_us = clock_watch_time_us(watch), none_us = clock_watch_time_us(NULL);
    assert_in_range(given_us, before_us, clock_wall_us());
    assert_in_range(none_us, before_us, clock_wall_us());
    clock_watch_free(watch);
}

static void the_other_clocks_time_is_given_once_it_is_known(void **state)
{
    (void)state;
    struct clock_watch *watch = made();
    answer(watch, 5000 * S);
    int64_t off_us = clock_watch_time_us(watch) - clock_boot_us() - 5000 * S;
    assert_true(llabs(off_us) <= S);
    clock_watch_free(watch);
}

static void it_stands_still_rather_than_going_back(void **state)
{
    (void)state;
    struct clock_watch *watch = made();
    answer(watch, 5000 * S);
    int64_t last_us = clock_watch_time_us(watch);
    for (int i = 0; i < CLOCK_OFFSET_CONFIRMATIONS; i++)
        answer(watch, 4900 * S);
    assert_int_equal(clock_watch_time_us(watch), last_us);
    for (int i = 0; i < CLOCK_OFFSET_CONFIRMATIONS; i++)
        answer(watch, 5100 * S);
    assert_true(clock_watch_time_us(watch) > last_us);
    clock_watch_free(watch);
}

static void *read_on(void *context)
{
    struct clock_watch *watch = context;
    int64_t last_us = 0;
    for (int i = 0; i < READINGS; i++) {
        int64_t now_us = clock_watch_time_us(watch);
        if (now_us < last_us)
            return watch; /* a failure: cmocka's own is for the first thread alone */
        last_us = now_us;
    }
    return NULL;
}

static void no_thread_sees_it_go_back_while_answers_come_in(void **state)
{
    (void)state;
    struct clock_watch *watch = made();
    pthread_t readers[READERS];
    answer(watch, 5000 * S);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, watch), 0);
    for (int i = 0; i < READINGS; i++)
        answer(watch, i / 100 % 2 == 0 ? 5000 * S : 5002 * S);
    for (size_t i = 0; i < READERS; i++) {
        void *failed;
        assert_int_equal(pthread_join(readers[i], &failed), 0);
        assert_null(failed);
    }
    clock_watch_free(watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machines_time_is_given_while_nothing_is_known),
        cmocka_unit_test(the_other_clocks_time_is_given_once_it_is_known),
        cmocka_unit_test(it_stands_still_rather_than_going_back),
        cmocka_unit_test(no_thread_sees_it_go_back_while_answers_come_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
