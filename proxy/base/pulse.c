/* Whether another thread's loop still turns. The mutex holds for as long as the loop is being woken, so that it is not freed
 * meanwhile; the loop's own thread takes it at its begin and end alone. */
#include "countersign/pulse.h"

void pulse_init(struct pulse *pulse)
{
    (void)pthread_mutex_init(&pulse->mutex, NULL); /* cannot fail with these attributes */
}

static void set_loop(struct pulse *pulse, struct loop *loop)
{
    (void)pthread_mutex_lock(&pulse->mutex); /* cannot fail, as unlocking: it is no kind that counts or checks */
    pulse->loop = loop;
    (void)pthread_mutex_unlock(&pulse->mutex);
}

void pulse_begin(struct pulse *pulse, struct loop *loop)
{
    set_loop(pulse, loop);
}

void pulse_end(struct pulse *pulse)
{
    set_loop(pulse, NULL);
}

void pulse_beat(struct pulse *pulse)
{
    atomic_store(&pulse->seen, atomic_load(&pulse->asked));
}

uint64_t pulse_ask(struct pulse *pulse)
{
    uint64_t asked = 0;
    (void)pthread_mutex_lock(&pulse->mutex); /* as above */
    if (pulse->loop != NULL) {
        asked = atomic_fetch_add(&pulse->asked, 1) + 1;
        loop_wake(pulse->loop);
    }
    (void)pthread_mutex_unlock(&pulse->mutex);
    return asked;
}

bool pulse_came(const struct pulse *pulse, uint64_t asked)
{
    return asked > 0 && atomic_load(&pulse->seen) >= asked;
}
