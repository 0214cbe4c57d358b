/* Whether another thread's loop still turns. Nobody wakes it but who wants to know: an idle loop stays asleep. */
#ifndef COUNTERSIGN_PULSE_H
#define COUNTERSIGN_PULSE_H

#include "countersign/loop.h"

#include <pthread.h>
#include <stdatomic.h>

/* Outlives its loop. Zero-initialise, then pulse_init. */
struct pulse {
    pthread_mutex_t mutex;
    struct loop *loop; /* NULL: there is none yet, or none any more */
    _Atomic uint64_t asked;
    _Atomic uint64_t seen;
};

void pulse_init(struct pulse *pulse);

/* Before the loop runs, and before it is freed. */
void pulse_begin(struct pulse *pulse, struct loop *loop);
void pulse_end(struct pulse *pulse);

/* On the loop's thread, whenever it is woken. */
void pulse_beat(struct pulse *pulse);

/* Any other thread: wakes the loop, and gives what to look with. 0 where there is no loop. */
uint64_t pulse_ask(struct pulse *pulse);

/* Whether the loop has turned since. */
bool pulse_came(const struct pulse *pulse, uint64_t asked);

#endif
