/* What the signer tells the proxy of its accounts: at the start, and whenever it has read them anew. Private to this
 * room. */
#ifndef COUNTERSIGN_SIGNER_CLIENT_NEWS_H
#define COUNTERSIGN_SIGNER_CLIENT_NEWS_H

#include "countersign/signer_client.h"

enum { CLIENT_ACCOUNTS_MAX = 1024 };

struct news_account {
    char name[SIGNER_WIRE_NAME_MAX + 1]; /* written with the first generation, never again */
    struct signer_client_api_key api_key;
    bool changed; /* since news_are_old was called */
};

/* Zero-initialise; end with news_end. */
struct client_news {
    struct news_account *accounts;
    size_t count;        /* known once the first generation is whole */
    size_t taken;        /* of the generation under way; 0 between two */
    uint64_t generation; /* the last that came whole; 0: none of this signer's */
};

/* Takes the next ACCOUNT. False, with *error, for anything but the account that must come next. */
MUST_CHECK bool news_take(struct client_news *news, const struct signer_wire_message *message, struct error *error);

/* What `accounts` tell is in use now: from here on `changed` is about what comes later. */
void news_are_old(struct client_news *news);

/* What comes next is another signer's first generation: of the same accounts. */
void news_begin_again(struct client_news *news);

/* Frees. */
void news_end(struct client_news *news);

#endif
