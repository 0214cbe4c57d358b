/* Turns to leave for the exchange, shared by all workers: a request takes one of its account and one of the address that it
 * leaves from (pace.h), or waits until both can be had. Cancels go before orders, orders before reads; within each, who came
 * first goes first, but nobody waits for one whose own account has no turn.
 *
 * Times are µs of a clock that never steps. Any thread may call; one short lock is held meanwhile, never over a system call.
 * Nothing is allocated but by turns_create. */
#ifndef COUNTERSIGN_TURNS_H
#define COUNTERSIGN_TURNS_H

#include "countersign/error.h"
#include "countersign/pace.h"

#include <stddef.h>

struct turns;

enum { TURNS_WORKERS_MAX = 64 };

enum turn_rank { TURN_CANCEL, TURN_ORDER, TURN_READ, TURN_RANK_COUNT };
enum turn_limit { TURN_ACCOUNT, TURN_ADDRESS, TURN_LIMIT_COUNT };

enum turn_state {
    TURN_NONE,
    TURN_WAITS,
    TURN_HELD, /* it may leave */
    TURN_SENT  /* it has left, and counts */
};

/* One request's. Zeroed at first; the caller's memory, which must stay while it waits. All else of it is the turns'. */
struct turn {
    enum turn_state state; /* its own worker may look, but for TURN_WAITS, which may be over: turns_next tells */
    enum turn_rank rank;
    unsigned worker;
    size_t lane;
    void *context; /* the caller's */
    uint64_t ticket;
    int64_t sent_us;
    struct turn_queue *queue; /* that it is in */
    struct turn *previous;
    struct turn *next;
};

#define TURNS_NO_LIMIT SIZE_MAX

/* What requests of one kind count against: limits by their index. */
struct turn_lane {
    size_t limits[TURN_LIMIT_COUNT]; /* of the account TURNS_NO_LIMIT where it is unsigned */
};

struct turns_options {
    struct pace_memory *const *memories; /* one for each limit; must outlive the turns */
    size_t limit_count;
    const struct turn_lane *lanes; /* copied */
    size_t lane_count;
};

MUST_CHECK bool turns_create(struct turns **turns, const struct turns_options *options, struct error *error);
void turns_free(struct turns *turns); /* NULL is allowed; no turn waits */

/* One for each limit; none is bounded before. Who waits is looked at anew. */
void turns_set_rates(struct turns *turns, const struct pace_rate *rates, int64_t now_us);

/* `wake` is called on any thread, without the lock, when a turn has come for one that waits at this worker; until turns_part
 * returns. `worker` is below TURNS_WORKERS_MAX. */
void turns_join(struct turns *turns, unsigned worker, void (*wake)(void *context), void *context);
void turns_part(struct turns *turns, unsigned worker);

/* Takes a turn where one is free and nobody waits for any. */
MUST_CHECK bool turns_take(struct turns *turns, struct turn *turn, size_t lane, int64_t now_us);

enum turns_answer { TURNS_TAKEN, TURNS_WAITING, TURNS_REFUSED };

struct turns_wish {
    size_t lane;
    enum turn_rank rank;
    unsigned worker;
    int64_t patience_us; /* 0: now or not at all */
};

/* When a turn may come at the earliest, and what keeps it. */
struct turn_delay {
    int64_t ready_us;
    enum turn_limit limit;
    struct pace_rate rate; /* of that limit */
    bool is_pause;         /* the exchange asked for it; else as many requests have left, or are about to */
};

/* Takes a turn, or queues for one. TURNS_REFUSED: it is certain that none comes within the patience; `delay` is then filled.
 * TURNS_WAITING: `delay->ready_us` is when to look (turns_next). */
enum turns_answer turns_wait(struct turns *turns, struct turn *turn, const struct turns_wish *wish, int64_t now_us,
                             struct turn_delay *delay);

/* One of this worker's that waited, and holds its turn now; NULL: none. Then `*look_us` is when to ask again without being
 * woken; INT64_MAX: not at all. */
struct turn *turns_next(struct turns *turns, unsigned worker, int64_t now_us, int64_t *look_us);

/* Takes one that waits out of the queue; `delay` is then filled. False: its turn has come meanwhile, and it holds it. */
MUST_CHECK bool turns_give_up(struct turns *turns, struct turn *turn, int64_t now_us, struct turn_delay *delay);

/* The request has left. Nothing where no turn is held. */
void turns_sent(struct turns *turns, struct turn *turn, int64_t now_us);

/* It will not leave: whatever its state is, it has none afterwards. Who waits may get its turn. */
void turns_give_back(struct turns *turns, struct turn *turn, int64_t now_us);

/* The exchange answered the one that left with this turn with "too many requests", and does not say which limit it means: see
 * pace_told_too_many. True where an episode of one of them begins; `*until_us` is when the pause ends. */
bool turns_told_too_many(struct turns *turns, const struct turn *turn, int64_t now_us, int64_t retry_after_us,
                         int64_t *until_us);

#endif
