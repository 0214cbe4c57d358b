/* Window keys behind sequence numbers (a seqlock of atomics only). One writer, any number of readers, no waiting.
 *
 * Why it is sound without fences: a reader's loads of window and words acquire, the writer's stores of them release. A
 * reader that saw a word of a later filling thus sees the odd sequence stored before that word, when it looks again. */
#include "key_slots.h"

#include <openssl/crypto.h>
#include <string.h>

void key_slots_init(struct key_slots *slots)
{
    for (size_t i = 0; i < KEY_SLOTS; i++) {
        struct key_slot *slot = &slots->slots[i];
        atomic_init(&slot->sequence, 0);
        atomic_init(&slot->window, KEY_SLOTS_NO_WINDOW);
        for (size_t word = 0; word < KEY_SLOT_WORDS; word++)
            atomic_init(&slot->words[word], 0);
    }
    atomic_init(&slots->wanted, KEY_SLOTS_NO_WINDOW);
    atomic_init(&slots->refused, KEY_SLOTS_NO_WINDOW);
}

void key_slots_put(struct key_slots *slots, uint64_t window, const struct scheme_window_key *key)
{
    struct key_slot *slot = &slots->slots[window % KEY_SLOTS];
    uint64_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed); /* this thread wrote it */
    uint64_t words[KEY_SLOT_WORDS];
    memcpy(words, key->text, sizeof(words));
    atomic_store_explicit(&slot->sequence, sequence + 1, memory_order_relaxed);
    atomic_store_explicit(&slot->window, window, memory_order_release);
    for (size_t i = 0; i < KEY_SLOT_WORDS; i++)
        atomic_store_explicit(&slot->words[i], words[i], memory_order_release);
    atomic_store_explicit(&slot->sequence, sequence + 2, memory_order_release);
    OPENSSL_cleanse(words, sizeof(words));
}

bool key_slots_get(struct scheme_window_key *key, const struct key_slots *slots, uint64_t window)
{
    const struct key_slot *slot = &slots->slots[window % KEY_SLOTS];
    uint64_t words[KEY_SLOT_WORDS];
    uint64_t sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
    if (sequence == 0 || sequence % 2 != 0)
        return false;
    if (atomic_load_explicit(&slot->window, memory_order_acquire) != window)
        return false;
    for (size_t i = 0; i < KEY_SLOT_WORDS; i++)
        words[i] = atomic_load_explicit(&slot->words[i], memory_order_acquire);
    if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) != sequence)
        return false; /* replaced meanwhile */
    memcpy(key->text, words, sizeof(words));
    return true;
}

bool key_slots_hold(const struct key_slots *slots, uint64_t window)
{
    const struct key_slot *slot = &slots->slots[window % KEY_SLOTS];
    return atomic_load_explicit(&slot->sequence, memory_order_relaxed) != 0 &&
           atomic_load_explicit(&slot->window, memory_order_relaxed) == window;
}

void key_slots_wipe(struct key_slots *slots)
{
    OPENSSL_cleanse(slots, sizeof(*slots));
}
