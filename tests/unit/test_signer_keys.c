/* Keys in the proxy process: when they are fetched, and that no reader ever sees a torn one or one of each generation. */
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
#include <stdlib.h>
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

/* API keys of several lengths, each of which tells its generation. */
static struct signer_client_api_key api_key_of(uint64_t generation)
{
    struct signer_client_api_key api_key = { .length = 16 + generation % 17 };
    char text[40];
    (void)snprintf(text, sizeof(text), "%016llx%.*s", (unsigned long long)generation, (int)(generation % 17),
                   "abcdefghijklmnopq");
    memcpy(api_key.text, text, api_key.length);
    return api_key;
}

static void start_generation(struct key_slots *slots, uint64_t generation)
{
    struct signer_client_api_key api_key = api_key_of(generation);
    key_slots_prepare(slots, &api_key);
}

static void put(struct key_bank *bank, uint64_t window)
{
    struct scheme_window_key key = key_of(window);
    key_bank_put(bank, window, &key);
}

static bool is_api_key(const struct signer_client_api_key *found, uint64_t generation)
{
    struct signer_client_api_key expected = api_key_of(generation);
    return slice_equal(signer_client_api_key_slice(found), signer_client_api_key_slice(&expected));
}

static void a_key_is_held_for_its_window_alone(void **state)
{
    (void)state;
    struct key_slots slots;
    struct signer_client_pair found;
    key_slots_init(&slots);
    assert_false(key_slots_get(&found, &slots, 0));
    assert_false(key_slots_get(&found, &slots, KEY_SLOTS_NO_WINDOW));
    start_generation(&slots, 1);
    key_slots_turn(&slots);
    for (uint64_t window = 10; window < 10 + KEY_SLOTS; window++)
        put(key_slots_in_force(&slots), window);
    for (uint64_t window = 10; window < 10 + KEY_SLOTS; window++) {
        struct scheme_window_key key = key_of(window);
        assert_true(key_slots_get(&found, &slots, window));
        assert_memory_equal(&found.window_key, &key, sizeof(key));
        assert_true(is_api_key(&found.api_key, 1));
        assert_true(key_bank_holds(key_slots_in_force(&slots), window));
    }
    assert_false(key_slots_get(&found, &slots, 9));
    assert_false(key_bank_holds(key_slots_in_force(&slots), 10 + KEY_SLOTS));
}

static void what_is_prepared_is_seen_by_nobody_before_its_turn(void **state)
{
    (void)state;
    struct key_slots slots;
    struct signer_client_pair found;
    struct signer_client_api_key api_key;
    key_slots_init(&slots);
    key_slots_api_key(&api_key, &slots);
    assert_int_equal(api_key.length, 0);
    for (uint64_t generation = 1; generation < 6; generation++) {
        uint64_t window = 10 * generation;
        start_generation(&slots, generation + 100); /* given up: the signer had a newer one */
        put(key_slots_prepared(&slots), window + 3);
        start_generation(&slots, generation);
        put(key_slots_prepared(&slots), window);
        assert_false(key_slots_get(&found, &slots, window));
        key_slots_turn(&slots);
        assert_true(key_slots_get(&found, &slots, window));
        assert_true(is_api_key(&found.api_key, generation));
        key_slots_api_key(&api_key, &slots);
        assert_true(is_api_key(&api_key, generation));
        assert_false(key_slots_get(&found, &slots, window + 3));
        assert_false(key_slots_get(&found, &slots, window - 10)); /* the replaced generation's */
    }
}

static bool is_zero(const void *memory, size_t length)
{
    const unsigned char *bytes = memory;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void a_replaced_key_leaves_no_byte_behind(void **state)
{
    (void)state;
    struct key_slots slots;
    key_slots_init(&slots);
    start_generation(&slots, 1);
    put(key_slots_prepared(&slots), 5);
    key_slots_turn(&slots);
    struct key_bank *replaced = key_slots_in_force(&slots);
    start_generation(&slots, 2);
    key_slots_turn(&slots);
    assert_ptr_not_equal(replaced, key_slots_in_force(&slots));
    assert_true(is_zero(replaced->api_key, sizeof(replaced->api_key)));
    for (size_t i = 0; i < KEY_SLOTS; i++)
        assert_true(is_zero(replaced->slots[i].words, sizeof(replaced->slots[i].words)));
    key_slots_wipe(&slots);
    assert_true(is_zero(&slots, sizeof(slots)));
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
            struct scheme_window_key expected = key_of(window);
            struct signer_client_pair pair;
            if (!key_slots_get(&pair, &readers->slots, window))
                continue;
            atomic_fetch_add(&readers->found, 1);
            if (memcmp(&pair.window_key, &expected, sizeof(expected)) != 0)
                atomic_fetch_add(&readers->torn, 1);
        }
    }
    return NULL;
}

static void start_readers(pthread_t *threads, struct readers *readers, void *(*run)(void *context))
{
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, readers), 0);
}

static void end_readers(const pthread_t *threads, struct readers *readers)
{
    atomic_store(&readers->done, true);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&readers->torn), 0);
}

static void readers_beside_the_writer_see_whole_keys_only(void **state)
{
    (void)state;
    static struct readers readers;
    pthread_t threads[READERS];
    key_slots_init(&readers.slots);
    start_generation(&readers.slots, 1);
    key_slots_turn(&readers.slots);
    atomic_store(&readers.latest, 1);
    start_readers(threads, &readers, read_keys);
    for (uint64_t window = 1; window < ROUNDS || atomic_load(&readers.found) == 0; window++) {
        put(key_slots_in_force(&readers.slots), window);
        atomic_store(&readers.latest, window);
    }
    end_readers(threads, &readers);
}

enum { SAME_WINDOW = 7 };

/* Each generation's key is made as though its number were the window. */
static void *read_pairs(void *context)
{
    struct readers *readers = context;
    while (!atomic_load(&readers->done)) {
        uint64_t at_least = atomic_load(&readers->latest), generation;
        struct signer_client_pair pair;
        struct signer_client_api_key api_key;
        char number[17] = "";
        bool found = key_slots_get(&pair, &readers->slots, SAME_WINDOW);
        memcpy(number, pair.api_key.text, 16);
        generation = strtoull(number, NULL, 16);
        struct scheme_window_key expected = key_of(generation);
        key_slots_api_key(&api_key, &readers->slots);
        bool right = found && generation >= at_least && is_api_key(&pair.api_key, generation) &&
                     memcmp(&pair.window_key, &expected, sizeof(expected)) == 0 && api_key.length >= 16;
        atomic_fetch_add(right ? &readers->found : &readers->torn, 1);
    }
    return NULL;
}

static void readers_get_both_keys_of_one_generation_and_never_none(void **state)
{
    (void)state;
    static struct readers readers;
    pthread_t threads[READERS];
    key_slots_init(&readers.slots);
    for (uint64_t generation = 1; generation < ROUNDS || atomic_load(&readers.found) == 0; generation++) {
        struct scheme_window_key key = key_of(generation);
        start_generation(&readers.slots, generation);
        key_bank_put(key_slots_prepared(&readers.slots), SAME_WINDOW, &key);
        key_slots_turn(&readers.slots);
        atomic_store(&readers.latest, generation); /* from here on nobody may see an older one */
        if (generation == 1)
            start_readers(threads, &readers, read_pairs);
    }
    end_readers(threads, &readers);
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
        cmocka_unit_test(what_is_prepared_is_seen_by_nobody_before_its_turn),
        cmocka_unit_test(a_replaced_key_leaves_no_byte_behind),
        cmocka_unit_test(readers_beside_the_writer_see_whole_keys_only),
        cmocka_unit_test(readers_get_both_keys_of_one_generation_and_never_none),
        cmocka_unit_test(the_next_windows_key_is_due_ten_seconds_before_it_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
