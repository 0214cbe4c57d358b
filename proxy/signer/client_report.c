/* The log's lines about keys that were replaced: API keys masked. The client's thread. */
#include "client_report.h"

#include "countersign/log.h"
#include "countersign/secret.h"

struct masked {
    char text[SIGNER_WIRE_API_KEY_MAX + 1];
};

static struct masked mask(const struct signer_client_api_key *api_key)
{
    struct masked masked = { .text = "" };
    secret_mask(masked.text, signer_client_api_key_slice(api_key));
    return masked;
}

void report_reloaded(const struct news_account *account, const struct signer_client_api_key *before)
{
    struct masked now = mask(&account->api_key), was = mask(before);
    bool has_new_key =
        !slice_equal(signer_client_api_key_slice(&account->api_key), signer_client_api_key_slice(before));
    const char *changed = has_new_key ? "key" : account->changed ? "secret" : "nothing";
    const struct log_value values[] = {
        { "event", "keys-reloaded", 0 }, { "account", account->name, 0 }, { "changed", changed, 0 },
        { "api_key", now.text, 0 },      { "was", was.text, 0 },          { NULL, NULL, 0 },
    };
    if (has_new_key)
        log_line_values(LOG_LEVEL_INFO, values, "keys reloaded: account %s now uses key %s (was %s)", account->name,
                        now.text, was.text);
    else
        log_line_values(LOG_LEVEL_INFO, values, "keys reloaded: account %s %s key %s", account->name,
                        account->changed ? "has a new secret for" : "is unchanged:", now.text);
}

void report_gone(const char *why)
{
    static const struct log_value values[] = { { "event", "signer-gone", 0 }, { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_ERROR, values,
                    "%s: requests can be signed for less than a minute more, unless another takes "
                    "its place",
                    why);
}

void report_back(void)
{
    static const struct log_value values[] = { { "event", "signer-back", 0 }, { NULL, NULL, 0 } };
    log_line_values(LOG_LEVEL_INFO, values,
                    "another signer process is in the place of the one that has gone: its keys are "
                    "in use");
}
