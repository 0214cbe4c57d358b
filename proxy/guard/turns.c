/* Turns to leave, shared by all workers: what they ask for and give back, each under one lock. Owns the limiters and the
 * lanes; any thread. */
#include "turns_private.h"

#include <stdlib.h>

static void lock(struct turns *turns)
{
    (void)pthread_mutex_lock(&turns->lock); /* initialised and not recursive: cannot fail, here and below */
}

static void unlock_and_wake(struct turns *turns, uint64_t workers)
{
    (void)pthread_mutex_unlock(&turns->lock);
    for (; workers != 0; workers &= workers - 1) {
        struct waker *waker = &turns->wakers[__builtin_ctzll(workers)];
        (void)pthread_mutex_lock(&waker->lock);
        if (waker->wake != NULL)
            waker->wake(waker->context);
        (void)pthread_mutex_unlock(&waker->lock);
    }
}

static void unlock(struct turns *turns)
{
    unlock_and_wake(turns, 0);
}

/* --- life --- */

static void join_limits(struct turns *turns, size_t lane, const struct turn_lane *from)
{
    for (size_t i = 0; i < TURN_LIMIT_COUNT; i++) {
        size_t limit = from->limits[i];
        turns->lanes[lane].limits[i] = limit == TURNS_NO_LIMIT ? NULL : &turns->limits[limit];
    }
}

bool turns_create(struct turns **created, const struct turns_options *options, struct error *error)
{
    struct turns *turns = calloc(1, sizeof(*turns));
    if (turns != NULL) {
        turns->limits = calloc(options->limit_count, sizeof(*turns->limits));
        turns->lanes = calloc(options->lane_count, sizeof(*turns->lanes));
    }
    if (turns == NULL || turns->limits == NULL || turns->lanes == NULL) {
        if (turns != NULL) {
            free(turns->limits);
            free(turns->lanes);
        }
        free(turns);
        return error_set(error, ERROR_MEMORY, "out of memory for the pace of requests");
    }
    turns->limit_count = options->limit_count;
    turns->lane_count = options->lane_count;
    for (size_t i = 0; i < options->limit_count; i++)
        pace_init(&turns->limits[i], options->memories[i]);
    for (size_t i = 0; i < options->lane_count; i++)
        join_limits(turns, i, &options->lanes[i]);
    (void)pthread_mutex_init(&turns->lock, NULL); /* cannot fail without attributes, here and below */
    for (size_t i = 0; i < TURNS_WORKERS_MAX; i++)
        (void)pthread_mutex_init(&turns->wakers[i].lock, NULL);
    *created = turns;
    return true;
}

void turns_free(struct turns *turns)
{
    if (turns == NULL)
        return;
    for (size_t i = 0; i < TURNS_WORKERS_MAX; i++)
        (void)pthread_mutex_destroy(&turns->wakers[i].lock); /* nobody holds it, and below */
    (void)pthread_mutex_destroy(&turns->lock);
    free(turns->limits);
    free(turns->lanes);
    free(turns);
}

void turns_set_rates(struct turns *turns, const struct pace_rate *rates, int64_t now_us)
{
    lock(turns);
    for (size_t i = 0; i < turns->limit_count; i++)
        pace_set_rate(&turns->limits[i], rates[i]);
    (void)turns_give_out(turns, now_us); /* whoever got some: all are to look when they may go now */
    unlock_and_wake(turns, UINT64_MAX);
}

static void set_waker(struct turns *turns, unsigned worker, void (*wake)(void *context), void *context)
{
    struct waker *waker = &turns->wakers[worker];
    (void)pthread_mutex_lock(&waker->lock);
    waker->wake = wake;
    waker->context = context;
    (void)pthread_mutex_unlock(&waker->lock);
}

void turns_join(struct turns *turns, unsigned worker, void (*wake)(void *context), void *context)
{
    set_waker(turns, worker, wake, context);
}

void turns_part(struct turns *turns, unsigned worker)
{
    set_waker(turns, worker, NULL, NULL);
}

/* --- steps --- */

bool turns_take(struct turns *turns, struct turn *turn, size_t lane, int64_t now_us)
{
    lock(turns);
    bool taken = turns->waiting == 0 && turns_ready_us(&turns->lanes[lane], now_us) <= now_us;
    turn->lane = lane;
    if (taken)
        turns_hold(turns, turn);
    unlock(turns);
    return taken;
}

static int64_t look_again_us(const struct turns *turns, int64_t now_us)
{
    int64_t look_us = INT64_MAX;
    for (size_t i = 0; turns->waiting > 0 && i < turns->lane_count; i++) {
        int64_t lane_us = turns->lanes[i].waiting > 0 ? turns_ready_us(&turns->lanes[i], now_us) : INT64_MAX;
        look_us = lane_us < look_us ? lane_us : look_us;
    }
    return look_us;
}

/* Whether it has its turn by the time that it has queued. */
static bool has_come(struct turns *turns, struct turn *turn, uint64_t *workers)
{
    if (turn->state != TURN_HELD)
        return false;
    turns_take_out(turn);
    if (turns->come[turn->worker].count == 0)
        *workers &= ~(UINT64_C(1) << turn->worker); /* nothing else came for this worker */
    return true;
}

enum turns_answer turns_wait(struct turns *turns, struct turn *turn, const struct turns_wish *wish, int64_t now_us,
                             struct turn_delay *delay)
{
    uint64_t workers = 0;
    enum turns_answer answer = TURNS_REFUSED;
    turn->lane = wish->lane;
    turn->rank = wish->rank;
    turn->worker = wish->worker;
    lock(turns);
    turns_fill_delay(delay, &turns->lanes[wish->lane], wish->rank, now_us);
    if (delay->ready_us <= now_us + wish->patience_us) {
        turns_begin_to_wait(turns, turn);
        workers = turns_give_out(turns, now_us);
        answer = has_come(turns, turn, &workers) ? TURNS_TAKEN : TURNS_WAITING;
    }
    if (answer == TURNS_WAITING && wish->patience_us == 0) {
        turns_end_to_wait(turns, turn);
        answer = TURNS_REFUSED;
    }
    if (answer == TURNS_REFUSED)
        turn->state = TURN_NONE;
    else if (answer == TURNS_WAITING)
        delay->ready_us = look_again_us(turns, now_us);
    unlock_and_wake(turns, workers);
    return answer;
}

struct turn *turns_next(struct turns *turns, unsigned worker, int64_t now_us, int64_t *look_us)
{
    lock(turns);
    uint64_t workers = turns_give_out(turns, now_us) & ~(UINT64_C(1) << worker); /* who asks is awake */
    struct turn *turn = turns->come[worker].first;
    if (turn != NULL)
        turns_take_out(turn);
    *look_us = look_again_us(turns, now_us);
    unlock_and_wake(turns, workers);
    return turn;
}

bool turns_give_up(struct turns *turns, struct turn *turn, int64_t now_us, struct turn_delay *delay)
{
    lock(turns);
    bool waits = turn->state == TURN_WAITS;
    if (waits) {
        turns_end_to_wait(turns, turn);
        turn->state = TURN_NONE;
        turns_fill_delay(delay, &turns->lanes[turn->lane], turn->rank, now_us);
    } else {
        turns_take_out(turn);
    }
    unlock(turns);
    return waits;
}

static void on_each_limit(struct turns *turns, size_t lane, void (*step)(struct pace *pace, int64_t now_us),
                          int64_t now_us)
{
    for (size_t i = 0; i < TURN_LIMIT_COUNT; i++) {
        if (turns->lanes[lane].limits[i] != NULL)
            step(turns->lanes[lane].limits[i], now_us);
    }
}

static void give_back(struct pace *pace, int64_t now_us)
{
    (void)now_us; /* it may have waited for any time */
    pace_give_back(pace);
}

void turns_sent(struct turns *turns, struct turn *turn, int64_t now_us)
{
    if (turn->state != TURN_HELD)
        return;
    lock(turns);
    on_each_limit(turns, turn->lane, pace_sent, now_us);
    unlock(turns);
    turn->state = TURN_SENT;
    turn->sent_us = now_us;
}

void turns_give_back(struct turns *turns, struct turn *turn, int64_t now_us)
{
    uint64_t workers = 0;
    lock(turns);
    if (turn->state == TURN_WAITS) {
        turns_end_to_wait(turns, turn);
    } else if (turn->state == TURN_HELD) {
        turns_take_out(turn);
        on_each_limit(turns, turn->lane, give_back, now_us);
        workers = turns_give_out(turns, now_us);
    }
    turn->state = TURN_NONE;
    unlock_and_wake(turns, workers);
}

bool turns_told_too_many(struct turns *turns, const struct turn *turn, int64_t now_us, int64_t retry_after_us,
                         int64_t *until_us)
{
    bool begins = false;
    *until_us = now_us;
    lock(turns);
    for (size_t i = 0; i < TURN_LIMIT_COUNT; i++) {
        struct pace *pace = turns->lanes[turn->lane].limits[i];
        if (pace == NULL)
            continue;
        begins = pace_told_too_many(pace, now_us, turn->sent_us, retry_after_us) || begins;
        if (pace->memory->pause_until_us > *until_us)
            *until_us = pace->memory->pause_until_us;
    }
    unlock(turns);
    return begins;
}
