/* What is known of another clock, in one of two banks that change places: whoever gives an answer writes the one that is not
 * in force, any number of threads read the other without waiting. Any thread. */
#include "countersign/clock_watch.h"

#include "countersign/clock.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { BANKS = 2 };

/* All of it atomic: a torn read is noticed by the turn and is no race. */
struct bank {
    _Atomic uint64_t turn; /* the one in which it is in force; 0: it is being written */
    _Atomic int64_t low_us;
    _Atomic int64_t high_us;
    _Atomic int64_t at_us;
};

struct clock_watch {
    clock_watch_taken *taken;
    void *context;
    atomic_flag is_giving;      /* one thread gives an answer: what follows is its own */
    struct clock_offset offset; /* ours by CLOCK_BOOTTIME */

    _Atomic int64_t latest_us; /* that clock_watch_time_us gave */

    _Atomic uint64_t turn; /* bank number `turn` modulo BANKS is in force; 0: nothing is known */
    struct bank banks[BANKS];
};

bool clock_watch_create(struct clock_watch **created, clock_watch_taken *taken, void *context, struct error *error)
{
    struct clock_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the exchange's clock");
    watch->taken = taken;
    watch->context = context;
    atomic_flag_clear(&watch->is_giving);
    *created = watch;
    return true;
}

void clock_watch_free(struct clock_watch *watch)
{
    free(watch);
}

/* A reader's loads of what is guarded acquire, the stores of it release: who saw a word of a later filling sees the bank's
 * turn of 0, stored before that word, when it looks again. Turns are never used twice. */
static void publish(struct clock_watch *watch)
{
    const struct clock_interval *held = &watch->offset.held;
    uint64_t turn = atomic_load_explicit(&watch->turn, memory_order_relaxed) + 1; /* written under is_giving alone */
    struct bank *bank = &watch->banks[turn % BANKS];
    atomic_store_explicit(&bank->turn, 0, memory_order_relaxed);
    atomic_store_explicit(&bank->low_us, held->low_us, memory_order_release);
    atomic_store_explicit(&bank->high_us, held->high_us, memory_order_release);
    atomic_store_explicit(&bank->at_us, held->at_us, memory_order_release);
    atomic_store_explicit(&bank->turn, turn, memory_order_release);
    atomic_store_explicit(&watch->turn, turn, memory_order_release);
}

void clock_watch_add(struct clock_watch *watch, int64_t date_s, int64_t sent_us, int64_t first_byte_us)
{
    if (atomic_flag_test_and_set_explicit(&watch->is_giving, memory_order_acquire))
        return;
    (void)clock_offset_add(&watch->offset, date_s, sent_us,
                           first_byte_us); /* one that disagrees counts later, or never */
    if (watch->offset.answers > 0)
        publish(watch);
    struct clock_reading reading = clock_watch_read(watch);
    if (watch->taken != NULL && reading.is_known)
        watch->taken(watch->context, &reading);
    atomic_flag_clear_explicit(&watch->is_giving, memory_order_release);
}

/* False where nothing is known. Repeats only when two more answers came while it read. */
static bool read_held(struct clock_offset *offset, const struct clock_watch *watch)
{
    for (;;) {
        uint64_t turn = atomic_load_explicit(&watch->turn, memory_order_acquire);
        const struct bank *bank = &watch->banks[turn % BANKS];
        if (turn == 0)
            return false;
        offset->held = (struct clock_interval){
            .low_us = atomic_load_explicit(&bank->low_us, memory_order_acquire),
            .high_us = atomic_load_explicit(&bank->high_us, memory_order_acquire),
            .at_us = atomic_load_explicit(&bank->at_us, memory_order_acquire),
        };
        if (atomic_load_explicit(&bank->turn, memory_order_relaxed) == turn)
            break;
    }
    offset->answers = 1; /* something is known: all that reading asks */
    return true;
}

struct clock_reading clock_watch_read(const struct clock_watch *watch)
{
    struct clock_offset offset = { .answers = 0 };
    struct clock_reading reading = { .is_known = false };
    int64_t boot_us = clock_boot_us(), wall_us = clock_wall_us();
    reading.is_known =
        read_held(&offset, watch) && clock_offset_read(&offset, boot_us, &reading.offset_us, &reading.bound_us);
    if (reading.is_known)
        reading.offset_us += boot_us - wall_us;
    return reading;
}

int64_t clock_watch_time_us(struct clock_watch *watch)
{
    struct clock_offset offset = { .answers = 0 };
    int64_t ahead_us, bound_us, boot_us = clock_boot_us();
    if (watch == NULL || !read_held(&offset, watch) || !clock_offset_read(&offset, boot_us, &ahead_us, &bound_us))
        return clock_wall_us();
    int64_t now_us = boot_us + ahead_us, latest_us = atomic_load_explicit(&watch->latest_us, memory_order_relaxed);
    while (latest_us < now_us && !atomic_compare_exchange_weak_explicit(&watch->latest_us, &latest_us, now_us,
                                                                        memory_order_relaxed, memory_order_relaxed)) {}
    return latest_us > now_us ? latest_us : now_us;
}
