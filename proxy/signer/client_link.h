/* The proxy's side of the protocol: one question, one answer, on the thread that asks, and the news that may come in
 * between. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_CLIENT_LINK_H
#define COUNTERSIGN_SIGNER_CLIENT_LINK_H

#include "client_news.h"
#include "wire.h"

#include <stdatomic.h>

#define CLIENT_NO_DEADLINE INT64_MAX

struct client_link {
    int fd;
    int wake;            /* eventfd(2): `stop` was set, or a key is wanted */
    atomic_bool stop;    /* end a wait: the client is being closed */
    int64_t deadline_us; /* monotonic; when waits for an answer end, or CLIENT_NO_DEADLINE */
    struct client_news news;
    atomic_int configuration; /* the file that came last and was not taken yet, plus 1; 0: none */
};

/* Empties the wake-up descriptor: those who write it set something first, which is looked at afterwards. */
void link_take_wakes(const struct client_link *link);

enum link_result {
    LINK_KEY,      /* *key is the key */
    LINK_REFUSED,  /* the signer gives none for this window */
    LINK_REPLACED, /* the generation asked for has been replaced: link->news tells the next one */
    LINK_FAILED,   /* the signer has ended, sent what it must not, or let the deadline pass; or `stop`. With *error. */
};

/* Says HELLO and takes the accounts into link->news. */
MUST_CHECK bool link_greet(struct client_link *link, struct error *error);

/* Waits for the accounts of the next generation, whole. */
MUST_CHECK bool link_take_news(struct client_link *link, struct error *error);

/* Takes what is there without a question: nothing, a configuration, or the next generation's accounts, whole. */
MUST_CHECK bool link_look(struct client_link *link, struct error *error);

enum link_result link_fetch_key(struct scheme_window_key *key, struct client_link *link,
                                const struct wire_wanted *wanted, struct error *error);

#endif
