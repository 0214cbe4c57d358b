/* The proxy process's end of the signer's socket pair. A thread of its own fetches keys ahead of time; workers read them
 * without locks or waiting. */
#ifndef COUNTERSIGN_SIGNER_CLIENT_H
#define COUNTERSIGN_SIGNER_CLIENT_H

#include "countersign/scheme.h"
#include "countersign/signer_wire.h"

struct signer_client;

struct signer_client_account {
    char name[SIGNER_WIRE_NAME_MAX + 1];
    char api_key[SIGNER_WIRE_API_KEY_MAX + 1];        /* NUL-terminated */
    char api_key_masked[SIGNER_WIRE_API_KEY_MAX + 1]; /* secret_mask's form */
};

enum signer_client_key {
    SIGNER_CLIENT_KEY_READY, /* *key is the window's key */
    SIGNER_CLIENT_KEY_LATER, /* not here yet and now asked for: look again in some milliseconds */
    SIGNER_CLIENT_KEY_GONE   /* the signer has ended, or refuses this window */
};

enum { SIGNER_CLIENT_AHEAD_MS = 10000 }; /* the next window's key is fetched this long before the window begins */

/* Says HELLO over `fd` (owned from then on), takes the accounts, fetches the keys of the windows around now, and
 * starts the thread. Blocks for at most 5 s. Afterwards keys of the last, the current and the next window are held. */
MUST_CHECK bool signer_client_open(struct signer_client **client, int fd, struct error *error);

/* Ends the thread, wipes the keys, closes the descriptor. */
void signer_client_close(struct signer_client *client);

size_t signer_client_account_count(const struct signer_client *client);
const struct signer_client_account *signer_client_account(const struct signer_client *client, size_t account);

/* The key of one window. Any thread, never blocks. */
enum signer_client_key signer_client_window_key(struct scheme_window_key *key, struct signer_client *client,
                                                size_t account, uint64_t window);

/* The same where the key is held anyway; asks for none. */
MUST_CHECK bool signer_client_held_key(struct scheme_window_key *key, const struct signer_client *client,
                                       size_t account, uint64_t window);

/* Whether the signer still answers. Any thread. */
bool signer_client_is_alive(const struct signer_client *client);

#endif
