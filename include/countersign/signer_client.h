/* The proxy process's end of the signer's socket pair. A thread of its own fetches keys ahead of time; workers read them
 * without locks or waiting. */
#ifndef COUNTERSIGN_SIGNER_CLIENT_H
#define COUNTERSIGN_SIGNER_CLIENT_H

#include "countersign/clock_watch.h"
#include "countersign/scheme.h"
#include "countersign/signer_wire.h"

struct signer_client;

/* Visible ASCII, no NUL. */
struct signer_client_api_key {
    size_t length;
    char text[SIGNER_WIRE_API_KEY_MAX];
};

/* What signs one request: the API key, and a window's key made of the secret that belongs to it. Never of two
 * generations (signer_wire.h). */
struct signer_client_pair {
    struct signer_client_api_key api_key;
    struct scheme_window_key window_key;
};

enum signer_client_key {
    SIGNER_CLIENT_KEY_READY, /* *pair is the window's */
    SIGNER_CLIENT_KEY_LATER, /* not here yet and now asked for: look again in some milliseconds */
    SIGNER_CLIENT_KEY_GONE   /* the signer has ended, or refuses this window */
};

enum { SIGNER_CLIENT_AHEAD_MS = 10000 }; /* the next window's key is fetched this long before the window begins */

/* Says HELLO over `fd` (owned from then on), takes the accounts, fetches the keys of the windows around now, and
 * starts the thread. Blocks for at most 5 s. Afterwards keys of the last, the current and the next window are held.
 *
 * When the signer has read its sources anew, the thread fetches the new generation's keys while the old pairs stay in
 * use, puts the new pairs in their place at once, and says in the log what each account uses now ("keys-reloaded"): from
 * that line on nothing is signed with an old one. */
MUST_CHECK bool signer_client_open(struct signer_client **client, int fd, struct error *error);

/* Goes over to another signer process at the other end of `fd` (owned from then on), once the one before has gone: its accounts
 * must be the same. The keys that are held stay in use until all of its own are there, and so nothing waits. Any thread,
 * never blocks. */
void signer_client_go_over(struct signer_client *client, int fd);

/* Ends the thread, wipes the keys, closes the descriptor. */
void signer_client_close(struct signer_client *client);

size_t signer_client_account_count(const struct signer_client *client);

/* An account's name; NULL where there is no such account. The client's, for as long as it lives; the same always. */
const char *signer_client_account_name(const struct signer_client *client, size_t account);

/* The API key that an account uses now, which may be another one the next time. Empty where there is no such account. Any
 * thread, never blocks. */
void signer_client_api_key(struct signer_client_api_key *api_key, const struct signer_client *client, size_t account);

/* Points into *api_key. */
struct slice signer_client_api_key_slice(const struct signer_client_api_key *api_key);

/* Whose windows this account's keys are fetched for from now on: an exchange's clock, which must live as long as the client;
 * NULL, as at the beginning: this machine's. Any thread, never blocks; costs next to nothing where it is the same already. */
void signer_client_follow(struct signer_client *client, size_t account, struct clock_watch *clock);

/* The time now by the clock that the account follows, µs since 1970. Any thread, never blocks. */
int64_t signer_client_time_us(const struct signer_client *client, size_t account);

/* The pair for one window. Wipe pair->window_key after use. Any thread, never blocks. */
enum signer_client_key signer_client_window_key(struct signer_client_pair *pair, struct signer_client *client,
                                                size_t account, uint64_t window);

/* The same where the key is held anyway; asks for none. */
MUST_CHECK bool signer_client_held_key(struct signer_client_pair *pair, const struct signer_client *client,
                                       size_t account, uint64_t window);

/* How often all keys were replaced because the signer read its sources anew. Any thread. */
uint64_t signer_client_rotations(const struct signer_client *client);

/* The configuration's file as the signer opened it anew, the caller's from then on; -1: none has come since the last call. The
 * process gets a SIGHUP when one comes. Any thread. */
int signer_client_configuration(struct signer_client *client);

/* Whether the signer still answers. Any thread. */
bool signer_client_is_alive(const struct signer_client *client);

#endif
