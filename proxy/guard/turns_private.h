/* The turns' own parts: who waits, in lanes by what they count against, so that whose turn is next is one look at the first of
 * each lane. All under the turns' lock. */
#ifndef COUNTERSIGN_GUARD_TURNS_PRIVATE_H
#define COUNTERSIGN_GUARD_TURNS_PRIVATE_H

#include "countersign/turns.h"

#include <pthread.h>

struct turn_queue {
    struct turn *first;
    struct turn *last;
    unsigned count;
};

struct lane {
    struct pace *limits[TURN_LIMIT_COUNT]; /* NULL: none */
    struct turn_queue ranks[TURN_RANK_COUNT];
    unsigned waiting; /* in all of them */
};

struct waker {
    pthread_mutex_t lock;        /* apart from the turns': it is held over a wake-up, which is a system call */
    void (*wake)(void *context); /* NULL: the worker has ended */
    void *context;
};

struct turns {
    pthread_mutex_t lock;
    struct pace *limits;
    size_t limit_count;
    struct lane *lanes;
    size_t lane_count;
    unsigned waiting;                          /* in all lanes */
    uint64_t tickets;                          /* given so far */
    struct turn_queue come[TURNS_WORKERS_MAX]; /* turns that a worker has not fetched yet */
    struct waker wakers[TURNS_WORKERS_MAX];
};

/* Into its lane, and out of it. */
void turns_begin_to_wait(struct turns *turns, struct turn *turn);
void turns_end_to_wait(struct turns *turns, struct turn *turn);

/* Out of whatever queue it is in, if it is in one. */
void turns_take_out(struct turn *turn);

/* When the lane's next may leave, `now_us` or later. */
int64_t turns_ready_us(const struct lane *lane, int64_t now_us);

/* What keeps one of this rank. Counts those of its lane that go before it: others may, too, but that is not certain. */
void turns_fill_delay(struct turn_delay *delay, const struct lane *lane, enum turn_rank rank, int64_t now_us);

/* Takes a turn of each of the lane's limits. */
void turns_hold(struct turns *turns, struct turn *turn);

/* Gives out what turns there are, in their order; a bit for each worker that has got some. */
uint64_t turns_give_out(struct turns *turns, int64_t now_us);

#endif
