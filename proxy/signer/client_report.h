/* What the log says of keys that were replaced. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_CLIENT_REPORT_H
#define COUNTERSIGN_SIGNER_CLIENT_REPORT_H

#include "client_news.h"

/* One line for an account whose new pair is in force; `before` is the API key that was. */
void report_reloaded(const struct news_account *account, const struct signer_client_api_key *before);

/* The signer has gone (`why`), and: another one is in its place. */
void report_gone(const char *why);
void report_back(void);

#endif
