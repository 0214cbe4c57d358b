/* The accounts as the signer tells them, generation by generation, each checked against the one before: names and count
 * stay. The client's thread (the opener's, while it is being opened). */
#include "client_news.h"

#include "wire.h"

#include <stdlib.h>
#include <string.h>

static bool is_next(const struct client_news *news, const struct signer_wire_message *message)
{
    if (!wire_is_account(message, news->taken, news->generation + 1))
        return false;
    if (news->count == 0)
        return news->taken < CLIENT_ACCOUNTS_MAX;
    return strcmp(message->body.account_info.name, news->accounts[news->taken].name) == 0 &&
           (message->last == 1) == (news->taken + 1 == news->count);
}

/* The first signer's first generation: how many accounts come, only the last one says. */
static bool add_account(struct client_news *news, const struct signer_wire_message *message, struct error *error)
{
    struct news_account *larger = reallocarray(news->accounts, news->taken + 1, sizeof(*larger));
    if (larger == NULL)
        return error_set(error, ERROR_MEMORY, "no memory for %zu accounts", news->taken + 1);
    news->accounts = larger;
    larger[news->taken] = (struct news_account){ .changed = false };
    memcpy(larger[news->taken].name, message->body.account_info.name, SIGNER_WIRE_NAME_MAX);
    return true;
}

bool news_take(struct client_news *news, const struct signer_wire_message *message, struct error *error)
{
    if (!is_next(news, message))
        return error_set(error, ERROR_SYSTEM, "the signer process sent something else than account number %zu",
                         news->taken);
    if (news->count == 0 && !add_account(news, message, error))
        return false;
    struct news_account *account = &news->accounts[news->taken++];
    account->api_key.length = message->body.account_info.api_key_length; /* in range: wire_is_account */
    memcpy(account->api_key.text, message->body.account_info.api_key, account->api_key.length);
    account->changed = account->changed || message->body.account_info.changed == 1;
    if (message->last == 1) {
        news->count = news->taken;
        news->taken = 0;
        news->generation++;
    }
    return true;
}

void news_are_old(struct client_news *news)
{
    for (size_t i = 0; i < news->count; i++)
        news->accounts[i].changed = false;
}

void news_begin_again(struct client_news *news)
{
    news->taken = 0;
    news->generation = 0;
}

void news_end(struct client_news *news)
{
    free(news->accounts);
    *news = (struct client_news){ .accounts = NULL };
}
