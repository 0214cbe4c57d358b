/* An account's keys behind sequence numbers (seqlocks of atomics only). One writer, any number of readers, no waiting.
 *
 * Why it is sound without fences: a reader's loads of what is guarded acquire, the writer's stores of it release. A reader
 * that saw a word of a later filling thus sees the odd sequence, or the bank's turn of 0, stored before that word, when it
 * looks again. Turns are never used twice. */
#include "key_slots.h"

#include <openssl/crypto.h>
#include <string.h>

enum { WORD = sizeof(uint64_t) };

static uint64_t load(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_acquire);
}

static void store(_Atomic uint64_t *value, uint64_t stored)
{
    atomic_store_explicit(value, stored, memory_order_release);
}

/* The zeros are stores that other threads may see: no compiler leaves them out. */
static void bank_clear(struct key_bank *bank)
{
    store(&bank->turn, 0);
    store(&bank->api_key_length, 0);
    for (size_t word = 0; word < KEY_API_KEY_WORDS; word++)
        store(&bank->api_key[word], 0);
    for (size_t i = 0; i < KEY_SLOTS; i++) {
        store(&bank->slots[i].sequence, 0);
        store(&bank->slots[i].window, KEY_SLOTS_NO_WINDOW);
        for (size_t word = 0; word < KEY_SLOT_WORDS; word++)
            store(&bank->slots[i].words[word], 0);
    }
}

void key_slots_init(struct key_slots *slots)
{
    atomic_init(&slots->turn, 0);
    for (size_t i = 0; i < KEY_BANKS; i++)
        bank_clear(&slots->banks[i]);
    atomic_init(&slots->wanted, KEY_SLOTS_NO_WINDOW);
    atomic_init(&slots->refused, KEY_SLOTS_NO_WINDOW);
    atomic_init(&slots->clock, NULL);
}

/* --- the writing thread --- */

static struct key_bank *bank_of_turn(struct key_slots *slots, uint64_t turn)
{
    return &slots->banks[turn % KEY_BANKS];
}

/* This thread wrote it. */
static uint64_t own_turn(const struct key_slots *slots)
{
    return atomic_load_explicit(&slots->turn, memory_order_relaxed);
}

struct key_bank *key_slots_in_force(struct key_slots *slots)
{
    return bank_of_turn(slots, own_turn(slots));
}

struct key_bank *key_slots_prepared(struct key_slots *slots)
{
    return bank_of_turn(slots, own_turn(slots) + 1);
}

void key_slots_prepare(struct key_slots *slots, const struct signer_client_api_key *api_key)
{
    struct key_bank *bank = key_slots_prepared(slots);
    uint64_t words[KEY_API_KEY_WORDS] = { 0 };
    bank_clear(bank);
    memcpy(words, api_key->text, api_key->length);
    for (size_t i = 0; i < KEY_API_KEY_WORDS; i++)
        store(&bank->api_key[i], words[i]);
    store(&bank->api_key_length, api_key->length);
}

void key_slots_turn(struct key_slots *slots)
{
    uint64_t turn = own_turn(slots);
    store(&key_slots_prepared(slots)->turn, turn + 1);
    store(&slots->turn, turn + 1);
    bank_clear(bank_of_turn(slots, turn)); /* who still reads it finds its turn gone, and looks again */
}

void key_bank_put(struct key_bank *bank, uint64_t window, const struct scheme_window_key *key)
{
    struct key_slot *slot = &bank->slots[window % KEY_SLOTS];
    uint64_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed); /* this thread wrote it */
    uint64_t words[KEY_SLOT_WORDS];
    memcpy(words, key->text, sizeof(words));
    atomic_store_explicit(&slot->sequence, sequence + 1, memory_order_relaxed);
    store(&slot->window, window);
    for (size_t i = 0; i < KEY_SLOT_WORDS; i++)
        store(&slot->words[i], words[i]);
    store(&slot->sequence, sequence + 2);
    OPENSSL_cleanse(words, sizeof(words));
}

bool key_bank_holds(const struct key_bank *bank, uint64_t window)
{
    const struct key_slot *slot = &bank->slots[window % KEY_SLOTS];
    return atomic_load_explicit(&slot->sequence, memory_order_relaxed) != 0 &&
           atomic_load_explicit(&slot->window, memory_order_relaxed) == window;
}

/* --- any thread --- */

static bool slot_get(struct scheme_window_key *key, const struct key_slot *slot, uint64_t window)
{
    uint64_t words[KEY_SLOT_WORDS];
    uint64_t sequence = load(&slot->sequence);
    if (sequence == 0 || sequence % 2 != 0 || load(&slot->window) != window)
        return false;
    for (size_t i = 0; i < KEY_SLOT_WORDS; i++)
        words[i] = load(&slot->words[i]);
    if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) != sequence)
        return false; /* replaced meanwhile */
    memcpy(key->text, words, sizeof(words));
    return true;
}

static void bank_api_key(struct signer_client_api_key *api_key, const struct key_bank *bank)
{
    size_t length = (size_t)load(&bank->api_key_length);
    for (size_t i = 0; i * WORD < length; i++) {
        uint64_t word = load(&bank->api_key[i]);
        memcpy(api_key->text + i * WORD, &word, WORD);
    }
    api_key->length = length;
}

/* Whether what was read of the bank of *turn was in force all the while; if not, *turn is the one to read. The writer
 * stores a bank's end after the next one's turn: who sees the one sees the other. */
static bool was_in_force(uint64_t *turn, const struct key_slots *slots)
{
    if (atomic_load_explicit(&slots->banks[*turn % KEY_BANKS].turn, memory_order_acquire) == *turn)
        return true;
    *turn = load(&slots->turn);
    return false;
}

bool key_slots_get(struct signer_client_pair *pair, const struct key_slots *slots, uint64_t window)
{
    uint64_t turn = load(&slots->turn);
    bool found;
    do {
        const struct key_bank *bank = &slots->banks[turn % KEY_BANKS];
        found = slot_get(&pair->window_key, &bank->slots[window % KEY_SLOTS], window);
        bank_api_key(&pair->api_key, bank);
    } while (!was_in_force(&turn, slots));
    return found;
}

void key_slots_api_key(struct signer_client_api_key *api_key, const struct key_slots *slots)
{
    uint64_t turn = load(&slots->turn);
    do
        bank_api_key(api_key, &slots->banks[turn % KEY_BANKS]);
    while (!was_in_force(&turn, slots));
}

void key_slots_wipe(struct key_slots *slots)
{
    OPENSSL_cleanse(slots, sizeof(*slots));
}
