/* Who waits for a turn, and whose is next. Under the turns' lock. */
#include "turns_private.h"

/* --- queues --- */

static void append(struct turn_queue *queue, struct turn *turn)
{
    turn->queue = queue;
    turn->next = NULL;
    turn->previous = queue->last;
    if (queue->last != NULL)
        queue->last->next = turn;
    else
        queue->first = turn;
    queue->last = turn;
    queue->count++;
}

void turns_take_out(struct turn *turn)
{
    struct turn_queue *queue = turn->queue;
    if (queue == NULL)
        return;
    if (turn->previous != NULL)
        turn->previous->next = turn->next;
    else
        queue->first = turn->next;
    if (turn->next != NULL)
        turn->next->previous = turn->previous;
    else
        queue->last = turn->previous;
    queue->count--;
    turn->queue = NULL;
    turn->previous = turn->next = NULL;
}

void turns_begin_to_wait(struct turns *turns, struct turn *turn)
{
    struct lane *lane = &turns->lanes[turn->lane];
    turn->ticket = turns->tickets++;
    turn->state = TURN_WAITS;
    append(&lane->ranks[turn->rank], turn);
    lane->waiting++;
    turns->waiting++;
}

void turns_end_to_wait(struct turns *turns, struct turn *turn)
{
    turns_take_out(turn);
    turns->lanes[turn->lane].waiting--;
    turns->waiting--;
}

/* --- limits --- */

int64_t turns_ready_us(const struct lane *lane, int64_t now_us)
{
    int64_t ready_us = now_us;
    for (size_t i = 0; i < TURN_LIMIT_COUNT; i++) {
        int64_t next_us = lane->limits[i] == NULL ? now_us : pace_next_us(lane->limits[i], now_us);
        ready_us = next_us > ready_us ? next_us : ready_us;
    }
    return ready_us;
}

void turns_fill_delay(struct turn_delay *delay, const struct lane *lane, enum turn_rank rank, int64_t now_us)
{
    unsigned ahead = 0;
    for (enum turn_rank i = TURN_CANCEL; i <= rank; i++)
        ahead += lane->ranks[i].count;
    *delay = (struct turn_delay){ .ready_us = INT64_MIN };
    for (enum turn_limit which = 0; which < TURN_LIMIT_COUNT; which++) {
        const struct pace *pace = lane->limits[which];
        if (pace == NULL)
            continue;
        int64_t next_us = pace_next_after_us(pace, now_us, ahead);
        if (next_us > delay->ready_us)
            *delay = (struct turn_delay){ next_us, which, pace->rate, pace->memory->pause_until_us > now_us };
    }
}

void turns_hold(struct turns *turns, struct turn *turn)
{
    struct lane *lane = &turns->lanes[turn->lane];
    turn->state = TURN_HELD;
    for (size_t i = 0; i < TURN_LIMIT_COUNT; i++) {
        if (lane->limits[i] != NULL)
            pace_hold(lane->limits[i]);
    }
}

/* --- whose turn it is --- */

static struct turn *first_in(const struct lane *lane)
{
    for (enum turn_rank rank = TURN_CANCEL; rank < TURN_RANK_COUNT; rank++) {
        if (lane->ranks[rank].first != NULL)
            return lane->ranks[rank].first;
    }
    return NULL;
}

static bool goes_before(const struct turn *one, const struct turn *other)
{
    return one->rank != other->rank ? one->rank < other->rank : one->ticket < other->ticket;
}

static struct turn *find_next(const struct turns *turns, int64_t now_us)
{
    struct turn *next = NULL;
    for (size_t i = 0; i < turns->lane_count; i++) {
        struct turn *first = first_in(&turns->lanes[i]);
        if (first != NULL && turns_ready_us(&turns->lanes[i], now_us) <= now_us &&
            (next == NULL || goes_before(first, next)))
            next = first;
    }
    return next;
}

uint64_t turns_give_out(struct turns *turns, int64_t now_us)
{
    uint64_t workers = 0;
    struct turn *turn;
    while (turns->waiting > 0 && (turn = find_next(turns, now_us)) != NULL) {
        turns_end_to_wait(turns, turn);
        turns_hold(turns, turn);
        append(&turns->come[turn->worker], turn);
        workers |= UINT64_C(1) << turn->worker;
    }
    return workers;
}
