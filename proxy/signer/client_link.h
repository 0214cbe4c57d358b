/* The proxy's side of the protocol: one question, one answer, on the thread that asks. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_CLIENT_LINK_H
#define COUNTERSIGN_SIGNER_CLIENT_LINK_H

#include "countersign/signer_client.h"
#include "wire.h"

#include <stdatomic.h>

enum { CLIENT_ACCOUNTS_MAX = 1024 };

#define CLIENT_NO_DEADLINE INT64_MAX

struct client_link {
    int fd;
    int wake;            /* eventfd(2): `stop` was set, or a key is wanted */
    atomic_bool stop;    /* end a wait: the client is being closed */
    int64_t deadline_us; /* monotonic; when waits for an answer end, or CLIENT_NO_DEADLINE */
};

/* Empties the wake-up descriptor: those who write it set something first, which is looked at afterwards. */
void link_take_wakes(const struct client_link *link);

enum link_result {
    LINK_KEY,     /* *key is the key */
    LINK_REFUSED, /* the signer gives none for this window */
    LINK_FAILED,  /* the signer has ended, sent what it must not, or let the deadline pass; or `stop`. With *error. */
};

/* Says HELLO and takes the accounts: *accounts is the caller's (free). */
MUST_CHECK bool link_take_accounts(struct signer_client_account **accounts, size_t *count,
                                   const struct client_link *link, struct error *error);

enum link_result link_fetch_key(struct scheme_window_key *key, const struct client_link *link, size_t account,
                                uint64_t window, struct error *error);

#endif
