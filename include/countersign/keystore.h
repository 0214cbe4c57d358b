/* The keystore: one file, STATE_DIR/keystore, that holds API keys and secrets encrypted under a passphrase (its layout stands
 * in proxy/signer/keystore_format.h). Used in the signer process and in commands that hold a secret themselves. One thread.
 *
 * Whoever can read the file and does not know the passphrase learns names, dates and lengths. Whoever can write it can
 * destroy it, or put a whole older file in its place (nothing outside the file says how old it must be), and nothing else:
 * no entry can be changed, renamed, moved, taken out or put back to an older state without the passphrase. */
#ifndef COUNTERSIGN_KEYSTORE_H
#define COUNTERSIGN_KEYSTORE_H

#include "countersign/config.h"
#include "countersign/secret.h"

enum { KEYSTORE_PASSPHRASE_LEAST = 8 }; /* bytes, of a new one */

struct keystore;

/* Which keystore, and what opens it. Borrowed; copied where it is kept. */
struct keystore_place {
    const char *state_dir;
    const char *passphrase; /* as config_proxy.keystore_passphrase */
};

enum keystore_role { KEYSTORE_API_KEY, KEYSTORE_API_SECRET, KEYSTORE_ROLES };

struct keystore_entry {
    char name[CONFIG_KEYSTORE_NAME_MAX + 1];
    uint64_t generation; /* 1 as added, and one more with each rotation */
    int64_t added_s;     /* seconds since 1970 */
    int64_t rotated_s;   /* likewise; 0: never */
};

/* Reads the passphrase from its source, derives the key (about 0.4 s and 128 MiB) and checks that both fit the file. The
 * passphrase is then wiped, and a descriptor it came from closed; the key stays, in locked memory. While one is open, a further
 * keystore_open of the same place gives the same one, read again (keystore_read_again) and without asking: close each.
 *
 * ERROR_INPUT where there is no keystore, where it is damaged, where the passphrase is another's; ERROR_CONFIG where the file
 * is not its owner's alone, or the passphrase cannot be had. A prompt is asked three times. Messages name file and remedy. */
MUST_CHECK bool keystore_open(struct keystore **keystore, const struct keystore_place *place, struct error *error);

/* As keystore_open; where there is no file, a new passphrase is read (a prompt asks twice) and the first keystore_add makes the
 * file, and the folder. */
MUST_CHECK bool keystore_open_or_begin(struct keystore **keystore, const struct keystore_place *place,
                                       struct error *error);

/* Without a passphrase: for names and dates alone, of which nothing is certain then but that no accident changed the file. */
MUST_CHECK bool keystore_open_locked(struct keystore **keystore, const char *state_dir, struct error *error);

/* Reads the file once more with the key that is at hand: after a rotation, as SIGHUP asks for. Asks nothing, derives nothing,
 * takes a few system calls (openat, fstat, read, close) and no memory to speak of. On failure what was read before stays. A
 * passphrase that was changed meanwhile is a failure: start again. */
MUST_CHECK bool keystore_read_again(struct keystore *keystore, struct error *error);

void keystore_close(struct keystore *keystore); /* wipes with the last user; NULL is fine */

/* Whether one is open in this process, so that opening it asks nobody. */
bool keystore_is_open(void);

/* What `text` of a source "keystore:NAME" names; NULL for any other source. */
const char *keystore_source_name(const char *source);

/* Decrypts one of an entry's two into an empty secret. ERROR_INPUT for a name that is not there, naming those that are. */
MUST_CHECK bool keystore_read_secret(struct secret *secret, const struct keystore *keystore, const char *name,
                                     enum keystore_role role, struct error *error);

size_t keystore_count(const struct keystore *keystore);
void keystore_entry_at(struct keystore_entry *entry, const struct keystore *keystore, size_t index);
bool keystore_find(struct keystore_entry *entry, const struct keystore *keystore, const char *name);
const char *keystore_path(const struct keystore *keystore);

/* Changes. Each takes the keystore's lock against other writers (waits 30 s at most), reads the file anew, writes a new one
 * beside it, syncs it and puts it in the old one's place: whatever happens, the old or the new one is there, whole. */

struct keystore_pair {
    const struct secret *api_key;
    const struct secret *api_secret;
};

/* ERROR_INPUT where the name is taken. `now_s` is the time, seconds since 1970. */
MUST_CHECK bool keystore_add(struct keystore *keystore, const char *name, const struct keystore_pair *pair,
                             int64_t now_s, struct error *error);

/* ERROR_INPUT where the name is not there, or has this very pair. */
MUST_CHECK bool keystore_rotate(struct keystore *keystore, const char *name, const struct keystore_pair *pair,
                                int64_t now_s, struct error *error);

MUST_CHECK bool keystore_remove(struct keystore *keystore, const char *name, struct error *error);

/* Encrypts everything anew, under a new salt and today's cost. */
MUST_CHECK bool keystore_change_passphrase(struct keystore *keystore, const struct secret *passphrase,
                                           struct error *error);

/* What a signer reads of a pair before it takes it: length and characters of the API key, and that the two differ. */
MUST_CHECK bool keystore_check_pair(const struct keystore_pair *pair, struct error *error);

/* Reads a new passphrase: `source` as config_proxy.keystore_passphrase, a prompt asks twice. */
MUST_CHECK bool keystore_read_new_passphrase(struct secret *passphrase, const char *source, struct error *error);

#endif
