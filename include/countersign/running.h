/* What a running proxy says of itself in its state folder: which listeners it has, and where. For tools that must talk to
 * the very proxy that records there, and to no other. Any thread. */
#ifndef COUNTERSIGN_RUNNING_H
#define COUNTERSIGN_RUNNING_H

#include "countersign/error.h"

#include <stddef.h>

enum { RUNNING_TEXT_MAX = 256 };

struct running_listener {
    char name[RUNNING_TEXT_MAX];     /* in the configuration */
    char address[RUNNING_TEXT_MAX];  /* "127.0.0.1:8787", "unix:/path": where it really listens */
    char upstream[RUNNING_TEXT_MAX]; /* "https://api.coinstore.com" */
    char account[RUNNING_TEXT_MAX];  /* whose key signs */
    char mode[RUNNING_TEXT_MAX];     /* "sign", "observe", "dry-run" */
};

/* Writes STATE_DIR/listeners (mode 0600) anew. */
MUST_CHECK bool running_note(const char *state_dir, const struct running_listener *listeners, size_t count,
                             struct error *error);

/* Takes the file away, at the end; one that is not there is fine. */
void running_forget(const char *state_dir);

/* Whether a proxy records in the folder at this moment. */
bool running_is_at_work(const char *state_dir);

/* The listener with this address, or else with this name; both NULL: the only one. No proxy at work in the folder, none
 * that fits, more than one: ERROR_INPUT, naming those that there are. */
MUST_CHECK bool running_find(struct running_listener *listener, const char *state_dir, const char *name,
                             const char *address, struct error *error);

/* The process to which a proxy at work in the folder belongs: the one that `countersign serve` was started as, which takes
 * signals. False where none is at work, or it cannot be told. */
MUST_CHECK bool running_process(long *process, const char *state_dir);

#endif
