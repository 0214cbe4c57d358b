/* Window keys in the proxy process: when they are fetched, and that no reader ever sees a torn one. */
#include "countersign/compiler.h"
#include "countersign/signer_client.h"
#include "signer/client_schedule.h"
#include "signer/key_slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* A key that tells which window it was made for. */
static struct scheme_window_key key_of(uint64_t window)
{
    char text[SCHEME_WINDOW_KEY_LENGTH + 1];
    struct scheme_window_key key;
    (void)snprintf(text, sizeof(text), "%016llx%016llx%016llx%016llx", (unsigned long long)window,
                   (unsigned long long)window, (unsigned long long)window, (unsigned long long)window);
    memcpy(key.text, text, sizeof(key.text));
    return key;
}

static void a_key_is_held_for_its_window_alone(void **state)
{
    (void)state;
    struct key_slots slots;
    struct scheme_window_key key, found;
    key_slots_init(&slots);
    assert_false(key_slots_get(&found, &slots, 0));
    assert_false(key_slots_get(&found, &slots, KEY_SLOTS_NO_WINDOW));
    for (uint64_t window = 10; window < 10 + KEY_SLOTS; window++) {
        key = key_of(window);
        key_slots_put(&slots, window, &key);
    }
    for (uint64_t window = 10; window < 10 + KEY_SLOTS; window++) {
        key = key_of(window);
        assert_true(key_slots_get(&found, &slots, window));
        assert_memory_equal(&found, &key, sizeof(key));
        assert_true(key_slots_hold(&slots, window));
    }
    assert_false(key_slots_get(&found, &slots, 9));
    assert_false(key_slots_hold(&slots, 10 + KEY_SLOTS));
}

static void a_wiped_key_leaves_no_byte_behind(void **state)
{
    (void)state;
    struct key_slots slots;
    static const struct key_slots zeros;
    struct scheme_window_key key = key_of(5);
    key_slots_init(&slots);
    key_slots_put(&slots, 5, &key);
    key_slots_wipe(&slots);
    assert_memory_equal(&slots, &zeros, sizeof(zeros));
}

enum { READERS = 3, ROUNDS = 20000 };

struct readers {
    struct key_slots slots;
    _Atomic uint64_t latest;
    atomic_bool done;
    atomic_uint torn;
    atomic_uint found;
};

static void *read_keys(void *context)
{
    struct readers *readers = context;
    while (!atomic_load(&readers->done)) {
        uint64_t latest = atomic_load(&readers->latest);
        for (uint64_t window = latest - 1; window <= latest + 1; window++) {
            struct scheme_window_key key, expected = key_of(window);
            if (!key_slots_get(&key, &readers->slots, window))
                continue;
            atomic_fetch_add(&readers->found, 1);
            if (memcmp(&key, &expected, sizeof(key)) != 0)
                atomic_fetch_add(&readers->torn, 1);
        }
    }
    return NULL;
}

static void readers_beside_the_writer_see_whole_keys_only(void **state)
{
    (void)state;
    static struct readers readers;
    pthread_t threads[READERS];
    key_slots_init(&readers.slots);
    atomic_store(&readers.latest, 1);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_keys, &readers), 0);
    for (uint64_t window = 1; window < ROUNDS || atomic_load(&readers.found) == 0; window++) {
        struct scheme_window_key key = key_of(window);
        key_slots_put(&readers.slots, window, &key);
        atomic_store(&readers.latest, window);
    }
    atomic_store(&readers.done, true);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&readers.torn), 0);
}

static void the_next_windows_key_is_due_ten_seconds_before_it_begins(void **state)
{
    (void)state;
    static const struct {
        int64_t now_ms;
        uint64_t current;
        uint64_t ahead;
        int64_t next_ms;
    } cases[] = {
        { 300000, 10, 10, 320000 }, { 319999, 10, 10, 320000 }, { 320000, 10, 11, 350000 },
        { 329999, 10, 11, 350000 }, { 330000, 11, 11, 350000 }, { 349999, 11, 11, 350000 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct client_windows windows = schedule_windows(cases[i].now_ms);
        assert_int_equal(windows.current, cases[i].current);
        assert_int_equal(windows.ahead, cases[i].ahead);
        assert_int_equal(schedule_next_ms(cases[i].now_ms), cases[i].next_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_held_for_its_window_alone),
        cmocka_unit_test(a_wiped_key_leaves_no_byte_behind),
        cmocka_unit_test(readers_beside_the_writer_see_whole_keys_only),
        cmocka_unit_test(the_next_windows_key_is_due_ten_seconds_before_it_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
