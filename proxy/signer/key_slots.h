/* One account's keys in the proxy process: its API key and the window keys made of the secret that belongs to it, written
 * by the client's thread, read by every worker without locks. Private to this room.
 *
 * There are two banks. The one in force is read; the other one takes the keys of the next generation, and then the two
 * change places at once: a reader gets an API key and a window key of one generation, always. */
#ifndef COUNTERSIGN_SIGNER_KEY_SLOTS_H
#define COUNTERSIGN_SIGNER_KEY_SLOTS_H

#include "countersign/clock_watch.h"
#include "countersign/signer_client.h"

#include <stdatomic.h>

enum {
    KEY_SLOTS = 4, /* the last, the current and the next window, and one that is being replaced */
    KEY_SLOT_WORDS = SCHEME_WINDOW_KEY_LENGTH / sizeof(uint64_t),
    KEY_API_KEY_WORDS = SIGNER_WIRE_API_KEY_MAX / sizeof(uint64_t),
    KEY_BANKS = 2
};

#define KEY_SLOTS_NO_WINDOW UINT64_MAX /* no moment lies in this window */

/* A key guarded by a sequence number: odd while it is written, another one after. All fields are atomic, so a torn read
 * is noticed by the sequence and is no race. */
struct key_slot {
    _Atomic uint64_t sequence; /* 0: never filled */
    _Atomic uint64_t window;
    _Atomic uint64_t words[KEY_SLOT_WORDS];
};

/* One generation's keys, guarded as a whole by `turn`. */
struct key_bank {
    _Atomic uint64_t turn; /* the turn in which it is in force; 0 while it is not */
    _Atomic uint64_t api_key_length;
    _Atomic uint64_t api_key[KEY_API_KEY_WORDS];
    struct key_slot slots[KEY_SLOTS]; /* window W lives in slot W modulo KEY_SLOTS */
};

struct key_slots {
    _Atomic uint64_t
        turn; /* how often the banks have changed places: bank number `turn` modulo KEY_BANKS is in force */
    struct key_bank banks[KEY_BANKS];
    _Atomic uint64_t wanted;             /* what a worker looked for and did not find, or KEY_SLOTS_NO_WINDOW */
    _Atomic uint64_t refused;            /* what the signer refused last, or KEY_SLOTS_NO_WINDOW */
    _Atomic(struct clock_watch *) clock; /* whose windows are wanted; NULL: this machine's */
};

/* Nothing is in force. */
void key_slots_init(struct key_slots *slots);

/* --- the writing thread --- */

/* Empties the bank that is not in force and gives it its API key. */
void key_slots_prepare(struct key_slots *slots, const struct signer_client_api_key *api_key);

struct key_bank *key_slots_in_force(struct key_slots *slots);
struct key_bank *key_slots_prepared(struct key_slots *slots);

/* Puts the prepared bank in force, and wipes the other. */
void key_slots_turn(struct key_slots *slots);

void key_bank_put(struct key_bank *bank, uint64_t window, const struct scheme_window_key *key);

/* Whether the window's key is held. */
bool key_bank_holds(const struct key_bank *bank, uint64_t window);

/* --- any thread, never blocks --- */

/* The pair in force. False where the window's key is not held, or is just being written. */
MUST_CHECK bool key_slots_get(struct signer_client_pair *pair, const struct key_slots *slots, uint64_t window);

/* The API key in force; empty before there is one. */
void key_slots_api_key(struct signer_client_api_key *api_key, const struct key_slots *slots);

/* --- after the last reader --- */

/* Overwrites every key. */
void key_slots_wipe(struct key_slots *slots);

#endif
