/* Turns: who gets the next one, who is told that none comes, and that no limit is ever gone beyond, also between threads. */
#include "countersign/turns.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000, ACCOUNTS = 2, ADDRESS = ACCOUNTS, LIMITS = ACCOUNTS + 1, UNSIGNED = ACCOUNTS, LANES };

static struct pace_memory memories[LIMITS];

static struct turns *opened(const char *rate, const char *ip_rate)
{
    struct pace_memory *places[LIMITS];
    static const struct turn_lane lanes[LANES] = { { { 0, ADDRESS } },
                                                   { { 1, ADDRESS } },
                                                   { { TURNS_NO_LIMIT, ADDRESS } } };
    struct pace_rate rates[LIMITS];
    struct turns *turns = NULL;
    struct error error;
    memset(memories, 0, sizeof(memories));
    for (size_t i = 0; i < LIMITS; i++) {
        places[i] = &memories[i];
        assert_true(pace_rate_parse(&rates[i], slice_text(i == ADDRESS ? ip_rate : rate)));
    }
    const struct turns_options options = { places, LIMITS, lanes, LANES };
    assert_true(turns_create(&turns, &options, &error));
    turns_set_rates(turns, rates, 1);
    return turns;
}

static enum turns_answer ask(struct turns *turns, struct turn *turn, size_t lane, enum turn_rank rank, int64_t now_us)
{
    struct turn_delay delay;
    const struct turns_wish wish = { .lane = lane, .rank = rank, .patience_us = 100 * (int64_t)SECOND };
    return turns_wait(turns, turn, &wish, now_us, &delay);
}

static void leave(struct turns *turns, size_t lane, int64_t now_us)
{
    struct turn turn = { .state = TURN_NONE };
    assert_true(turns_take(turns, &turn, lane, now_us));
    turns_sent(turns, &turn, now_us);
    assert_int_equal(turn.state, TURN_SENT);
}

/* The next that is there at that moment; it leaves. */
static void assert_next(struct turns *turns, struct turn *expected, int64_t now_us)
{
    int64_t look_us = 0;
    struct turn *next = turns_next(turns, 0, now_us, &look_us);
    assert_ptr_equal(next, expected);
    if (next != NULL)
        turns_sent(turns, next, now_us);
}

static void cancels_orders_and_reads_go_in_this_order_and_each_as_they_came(void **state)
{
    (void)state;
    static const enum turn_rank came[] = { TURN_READ, TURN_ORDER, TURN_CANCEL, TURN_READ, TURN_ORDER, TURN_CANCEL };
    static const size_t leaves[] = { 2, 5, 1, 4, 0, 3 };
    struct turns *turns = opened("off", "1/1s");
    struct turn waiting[ARRAY_LENGTH(came)] = { { .state = TURN_NONE } };
    leave(turns, UNSIGNED, 10);
    for (size_t i = 0; i < ARRAY_LENGTH(came); i++)
        assert_int_equal(ask(turns, &waiting[i], i % LANES, came[i], 20), TURNS_WAITING);
    for (size_t i = 0; i < ARRAY_LENGTH(came); i++) {
        int64_t now_us = 10 + (int64_t)(i + 1) * (SECOND + SECOND / 50);
        assert_next(turns, NULL, now_us - 1);
        assert_next(turns, &waiting[leaves[i]], now_us);
    }
    turns_free(turns);
}

static void nobody_waits_for_one_whose_own_account_has_no_turn(void **state)
{
    (void)state;
    struct turns *turns = opened("1/1s", "3/1s");
    struct turn first = { .state = TURN_NONE }, other = first, unsigned_one = first;
    leave(turns, 0, 10);
    assert_int_equal(ask(turns, &first, 0, TURN_CANCEL, 20), TURNS_WAITING);
    assert_int_equal(ask(turns, &other, 1, TURN_READ, 20), TURNS_TAKEN);
    assert_int_equal(ask(turns, &unsigned_one, UNSIGNED, TURN_READ, 20), TURNS_TAKEN);
    turns_give_back(turns, &first, 30);
    turns_free(turns);
}

static void who_comes_later_does_not_overtake_who_waits(void **state)
{
    (void)state;
    struct turns *turns = opened("off", "1/1s");
    struct turn first = { .state = TURN_NONE }, second = first;
    const int64_t free_us = 10 + SECOND + SECOND / 50;
    leave(turns, 0, 10);
    assert_int_equal(ask(turns, &first, 0, TURN_ORDER, 20), TURNS_WAITING);
    assert_false(turns_take(turns, &second, 1, free_us)); /* there is one, and somebody waits */
    assert_int_equal(ask(turns, &second, 1, TURN_ORDER, free_us), TURNS_WAITING);
    assert_next(turns, &first, free_us);
    turns_give_back(turns, &second, free_us);
    turns_free(turns);
}

static void a_turn_that_is_given_back_is_the_next_one_s(void **state)
{
    (void)state;
    struct turns *turns = opened("1/1s", "off");
    struct turn first = { .state = TURN_NONE }, second = first;
    assert_true(turns_take(turns, &first, 0, 10));
    assert_int_equal(ask(turns, &second, 0, TURN_ORDER, 20), TURNS_WAITING);
    turns_give_back(turns, &first, 30);
    assert_int_equal(first.state, TURN_NONE);
    assert_next(turns, &second, 30);
    turns_free(turns);
}

static void what_cannot_come_in_time_is_refused_at_once_with_the_limit_that_keeps_it(void **state)
{
    (void)state;
    struct turns *turns = opened("2/1s", "5/2s");
    struct turn waiting[2] = { { .state = TURN_NONE } }, late = waiting[0];
    struct turn_delay delay;
    struct turns_wish wish = { .lane = 0, .rank = TURN_READ, .patience_us = 1500000 };
    leave(turns, 0, 10);
    leave(turns, 0, 20);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(turns_wait(turns, &waiting[i], &wish, 30, &delay), TURNS_WAITING);
    assert_int_equal(delay.ready_us, 10 + SECOND + SECOND / 50); /* when to look */
    assert_int_equal(turns_wait(turns, &late, &wish, 30, &delay), TURNS_REFUSED);
    assert_int_equal(late.state, TURN_NONE);
    assert_true(delay.ready_us > 30 + wish.patience_us && !delay.is_pause);
    wish.rank = TURN_CANCEL; /* goes before both */
    assert_int_equal(turns_wait(turns, &late, &wish, 30, &delay), TURNS_WAITING);
    turns_give_back(turns, &late, 40);
    assert_true(turns_give_up(turns, &waiting[0], 40, &delay));
    assert_true(turns_give_up(turns, &waiting[1], 40, &delay));
    assert_int_equal(delay.limit, TURN_ACCOUNT);
    assert_int_equal(delay.rate.count, 2);
    wish.patience_us = 0;
    assert_int_equal(turns_wait(turns, &late, &wish, 50, &delay), TURNS_REFUSED);
    wish.lane = 1;
    assert_int_equal(turns_wait(turns, &late, &wish, 50, &delay), TURNS_TAKEN);
    turns_sent(turns, &late, 50);
    leave(turns, UNSIGNED, 60);
    leave(turns, UNSIGNED, 60);
    assert_int_equal(turns_wait(turns, &waiting[0], &wish, 60, &delay), TURNS_REFUSED);
    assert_int_equal(delay.limit, TURN_ADDRESS);
    turns_free(turns);
}

static void a_429_keeps_the_account_and_the_address_back(void **state)
{
    (void)state;
    struct turns *turns = opened("100/3s", "300/3s");
    struct turn told = { .state = TURN_NONE }, other = told;
    struct turn_delay delay;
    const struct turns_wish wish = { .lane = 1, .rank = TURN_CANCEL, .patience_us = SECOND };
    int64_t until_us = 0;
    assert_true(turns_take(turns, &told, 0, 10));
    turns_sent(turns, &told, 10);
    assert_true(turns_told_too_many(turns, &told, 20, 2 * SECOND, &until_us));
    assert_int_equal(until_us, 20 + 2 * SECOND);
    assert_int_equal(turns_wait(turns, &other, &wish, 30, &delay), TURNS_REFUSED);
    assert_true(delay.is_pause);
    assert_int_equal(delay.ready_us, until_us);
    assert_true(turns_take(turns, &other, 1, until_us));
    turns_free(turns);
}

/* --- between threads --- */

enum { THREADS = 4, TURNS_EACH = 2000 };

struct crowd {
    struct turns *turns;
    unsigned number;
    _Atomic int64_t *clock;
    atomic_bool woken;
    unsigned left;
};

static void wake(void *context)
{
    struct crowd *crowd = context;
    atomic_store(&crowd->woken, true);
}

/* Time goes on by itself: at each step of any thread by a little. */
static int64_t tick(struct crowd *crowd)
{
    return atomic_fetch_add(crowd->clock, 50) + 50;
}

static void wait_for(struct crowd *crowd, struct turn *turn)
{
    int64_t look_us = 0;
    struct turn *next = NULL;
    while (next == NULL)
        next = turns_next(crowd->turns, crowd->number, tick(crowd), &look_us);
    assert_ptr_equal(next, turn);
}

/* Takes a turn, or waits for one, or gives up; whether it has one. */
static bool has_turn(struct crowd *crowd, struct turn *turn, size_t lane, unsigned *seed)
{
    struct turn_delay delay;
    const struct turns_wish wish = { .lane = lane,
                                     .rank = (enum turn_rank)(rand_r(seed) % TURN_RANK_COUNT),
                                     .worker = crowd->number,
                                     .patience_us = INT64_C(1000) * SECOND };
    if (turns_take(crowd->turns, turn, lane, tick(crowd)) ||
        turns_wait(crowd->turns, turn, &wish, tick(crowd), &delay) == TURNS_TAKEN)
        return true;
    if (rand_r(seed) % 4 == 0) /* it may have come meanwhile */
        return !turns_give_up(crowd->turns, turn, tick(crowd), &delay);
    wait_for(crowd, turn);
    return true;
}

static void *run(void *context)
{
    struct crowd *crowd = context;
    unsigned seed = crowd->number + 1;
    for (size_t i = 0; i < TURNS_EACH; i++) {
        struct turn turn = { .state = TURN_NONE };
        if (!has_turn(crowd, &turn, i % LANES, &seed))
            continue;
        if (rand_r(&seed) % 8 == 0) {
            turns_give_back(crowd->turns, &turn, tick(crowd));
        } else {
            turns_sent(crowd->turns, &turn, tick(crowd));
            crowd->left++;
        }
    }
    return NULL;
}

/* All that left is in the address's memory, whose ring holds the last of them. */
static void assert_never_too_many(const struct pace_memory *memory, unsigned count, int64_t window_us)
{
    assert_int_equal(memory->noted, PACE_COUNT_MAX);
    for (unsigned back = 0; back + count < PACE_COUNT_MAX; back++) {
        int64_t later = memory->times[(memory->newest + PACE_COUNT_MAX - back) % PACE_COUNT_MAX];
        int64_t earlier = memory->times[(memory->newest + PACE_COUNT_MAX - back - count) % PACE_COUNT_MAX];
        assert_true(later - earlier >= window_us);
    }
}

static void threads_together_never_go_beyond_a_limit_and_none_is_forgotten(void **state)
{
    (void)state;
    struct turns *turns = opened("off", "40/100ms");
    _Atomic int64_t clock = 1000;
    struct crowd crowds[THREADS];
    pthread_t threads[THREADS];
    unsigned left = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        crowds[i] = (struct crowd){ .turns = turns, .number = i, .clock = &clock };
        turns_join(turns, i, wake, &crowds[i]);
        assert_int_equal(pthread_create(&threads[i], NULL, run, &crowds[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        turns_part(turns, i);
        left += crowds[i].left;
    }
    assert_true(left > THREADS * TURNS_EACH / 2);
    assert_int_equal(memories[ADDRESS].held, 0);
    assert_never_too_many(&memories[ADDRESS], 40, 100000);
    turns_free(turns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancels_orders_and_reads_go_in_this_order_and_each_as_they_came),
        cmocka_unit_test(nobody_waits_for_one_whose_own_account_has_no_turn),
        cmocka_unit_test(who_comes_later_does_not_overtake_who_waits),
        cmocka_unit_test(a_turn_that_is_given_back_is_the_next_one_s),
        cmocka_unit_test(what_cannot_come_in_time_is_refused_at_once_with_the_limit_that_keeps_it),
        cmocka_unit_test(a_429_keeps_the_account_and_the_address_back),
        cmocka_unit_test(threads_together_never_go_beyond_a_limit_and_none_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
