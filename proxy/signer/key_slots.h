/* One account's window keys in the proxy process: written by the client's thread, read by every worker without locks.
 * Private to this room. */
#ifndef COUNTERSIGN_SIGNER_KEY_SLOTS_H
#define COUNTERSIGN_SIGNER_KEY_SLOTS_H

#include "countersign/scheme.h"

#include <stdatomic.h>

enum {
    KEY_SLOTS = 4, /* the last, the current and the next window, and one that is being replaced */
    KEY_SLOT_WORDS = SCHEME_WINDOW_KEY_LENGTH / sizeof(uint64_t)
};

#define KEY_SLOTS_NO_WINDOW UINT64_MAX /* no moment lies in this window */

/* A key guarded by a sequence number: odd while it is written, another one after. All fields are atomic, so a torn read
 * is noticed by the sequence and is no race. */
struct key_slot {
    _Atomic uint64_t sequence; /* 0: never filled */
    _Atomic uint64_t window;
    _Atomic uint64_t words[KEY_SLOT_WORDS];
};

struct key_slots {
    struct key_slot slots[KEY_SLOTS]; /* window W lives in slot W modulo KEY_SLOTS */
    _Atomic uint64_t wanted;          /* what a worker looked for and did not find, or KEY_SLOTS_NO_WINDOW */
    _Atomic uint64_t refused;         /* what the signer refused last, or KEY_SLOTS_NO_WINDOW */
};

void key_slots_init(struct key_slots *slots);

/* One thread. */
void key_slots_put(struct key_slots *slots, uint64_t window, const struct scheme_window_key *key);

/* False where the window's key is not held, or is just being written. Any thread. */
MUST_CHECK bool key_slots_get(struct scheme_window_key *key, const struct key_slots *slots, uint64_t window);

/* Whether the window's key is held. The writing thread. */
bool key_slots_hold(const struct key_slots *slots, uint64_t window);

/* Overwrites every key. After the last reader. */
void key_slots_wipe(struct key_slots *slots);

#endif
