/* The keystore in memory: the file's bytes as they are, and the key. What is encrypted stays so until it is asked for. Private
 * to this room. */
#ifndef COUNTERSIGN_SIGNER_KEYSTORE_PRIVATE_H
#define COUNTERSIGN_SIGNER_KEYSTORE_PRIVATE_H

#include "keystore_crypto.h"

/* A file's content. The view's slices are into the bytes. */
struct keystore_content {
    struct buffer bytes;
    struct keystore_view view;
};

struct keystore {
    char *folder;
    char *path;
    char *source;                      /* of the passphrase */
    struct keystore_content *content;  /* NULL: no file yet */
    struct secret key;                 /* empty: locked */
    struct secret passphrase;          /* of one without a file, until it has one: somebody else may make it first */
    unsigned char salt[KEYSTORE_SALT]; /* likewise: what it is to begin with, under `key` */
    size_t users;
};

/* Reads and checks all that needs no key. *content is NULL, without an error, where there is no file. */
MUST_CHECK bool keystore_content_read(struct keystore_content **content, const char *path, struct error *error);

/* Makes a content of bytes, which it takes over. `what` begins messages: the file's path. */
MUST_CHECK bool keystore_content_take(struct keystore_content **content, struct buffer *bytes, const char *what,
                                      struct error *error);
void keystore_content_free(struct keystore_content *content);

/* Makes a salt and derives the key with today's cost. */
MUST_CHECK bool keystore_derive_anew(struct secret *key, unsigned char *salt, const struct secret *passphrase,
                                     struct error *error);
extern const struct keystore_cost keystore_cost_today;

/* Whether the key is this file's. */
MUST_CHECK bool keystore_key_fits(const struct keystore_content *content, const struct secret *key);

/* Whether the file is as it was written, for a key that fits. */
MUST_CHECK bool keystore_check_seal(const struct keystore_content *content, const struct secret *key, const char *what,
                                    struct error *error);

/* Decrypts one of an entry's two into an empty secret. */
MUST_CHECK bool keystore_decrypt_part(struct secret *secret, const struct keystore_content *content,
                                      const struct secret *key, const struct keystore_item *item,
                                      enum keystore_role role, struct error *error);

/* Reads the passphrase of `source` into an empty secret; a prompt asks `question`. */
MUST_CHECK bool keystore_read_passphrase(struct secret *passphrase, const char *source, const char *question,
                                         struct error *error);
bool keystore_source_asks(const char *source);

/* secret_load, for "keystore:NAME" too: `role` says which of the entry's two. */
MUST_CHECK bool keystore_load_secret(struct secret *secret, const struct keystore *keystore, enum keystore_role role,
                                     const char *source, bool trim, const char *what, struct error *error);

/* Whether children that are forked from now on get the key of the keystore that is open: they need no passphrase then. */
void keystore_hand_to_children(bool handed);

/* Opens the keystore where one of the accounts from `first` up to `end` names it; *keystore is NULL where none does. */
MUST_CHECK bool keystore_open_for_accounts(struct keystore **keystore, const struct config *config, size_t first,
                                           size_t end, struct error *error);

#endif
