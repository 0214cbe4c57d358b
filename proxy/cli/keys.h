/* The parts of `countersign keys`. Private to this room. */
#ifndef COUNTERSIGN_CLI_KEYS_H
#define COUNTERSIGN_CLI_KEYS_H

#include "common.h"
#include "countersign/keystore.h"

enum { KEYS_SOURCE_MAX = 32 /* "fd:NUMBER" */, KEYS_TEXT_MAX = 1 << 20 };

struct keys_options {
    struct cli_config_options config;
    const char *name;                     /* NULL: not given */
    const char *api_key_from;             /* a source; NULL: asked for */
    const char *api_secret_from;          /* likewise */
    char passphrase[KEYS_SOURCE_MAX];     /* "fd:3"; "": as the configuration says */
    char new_passphrase[KEYS_SOURCE_MAX]; /* likewise; "": a prompt */
    bool yes;
    bool json;
    bool locked;
    bool help;
};

struct keys_run {
    const struct keys_options *options;
    const struct config *config;
    struct keystore_place place;
};

bool keys_add(const struct keys_run *run, struct error *error);
bool keys_rotate(const struct keys_run *run, struct error *error);
bool keys_remove(const struct keys_run *run, struct error *error);
bool keys_passphrase(const struct keys_run *run, struct error *error);
bool keys_list(const struct keys_run *run, struct error *error);

/* Appends the names of the accounts whose key or secret this entry is, with `separator` between them; returns how many. */
size_t keys_append_users(struct buffer *out, const struct config *config, const char *name, const char *separator);

/* Appends the API key as it may be shown. */
void keys_append_masked(struct buffer *out, struct slice api_key);

/* Writes to standard output and frees. */
MUST_CHECK bool keys_print(struct buffer *out, struct error *error);

#endif
