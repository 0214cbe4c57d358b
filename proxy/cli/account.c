/* The account whose secret a command uses, and the signer that holds it. Owns nothing; one thread. */
#include "account.h"

#include <stdio.h>
#include <string.h>

enum { REPORT_MAX = 65536 }; /* bytes */

static bool refuse_account(const char *wanted, const struct config *config, struct error *error)
{
    struct buffer names;
    buffer_init(&names, ERROR_MESSAGE_MAX / 2);
    for (size_t i = 0; i < config->account_count; i++)
        buffer_append_format(&names, "%s%s", i == 0 ? "" : ", ", config->accounts[i].name); /* cut where too many */
    if (wanted == NULL)
        (void)error_set(error, ERROR_USAGE, "--account is missing: choose one of %s", buffer_text(&names));
    else
        (void)error_set(error, ERROR_USAGE, "there is no account \"%.64s\": the configuration has %s", wanted,
                        buffer_text(&names));
    buffer_free(&names);
    return false;
}

bool cli_account_find(size_t *account, const char *wanted, const struct config *config, struct error *error)
{
    if (wanted == NULL && config->account_count == 1) {
        *account = 0;
        return true;
    }
    for (size_t i = 0; wanted != NULL && i < config->account_count; i++) {
        if (strcmp(config->accounts[i].name, wanted) == 0) {
            *account = i;
            return true;
        }
    }
    return refuse_account(wanted, config, error);
}

const struct config_upstream *cli_account_upstream(const struct config *config, size_t account)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].account == account)
            return &config->upstreams[config->listeners[i].upstream];
    }
    return &config->upstreams[0];
}

bool cli_account_disturbs(const struct config_account *account)
{
    const char *const sources[] = { account->api_key, account->api_secret };
    bool asks = false;
    for (size_t i = 0; i < ARRAY_LENGTH(sources); i++)
        asks = asks || slice_starts_with(slice_text(sources[i]), "command:") ||
               (keystore_source_name(sources[i]) != NULL && !keystore_is_open());
    return asks;
}

/* The signer's report has a line for each secret that cannot be read: all but the last are printed here, the last is the
 * error. */
bool cli_signer_open(struct signer **signer, const char *command, const struct config *config, size_t account,
                     struct error *error)
{
    struct buffer report;
    buffer_init(&report, REPORT_MAX);
    bool done = signer_open_account(signer, config, account, &report, error);
    struct slice rest = buffer_slice(&report), line;
    while (!done && slice_next_part(&rest, '\n', &line) && line.length > 0) {
        if (rest.length > 0)
            (void)fprintf(stderr, "countersign %s: %.*s\n", command,
                          SLICE_ARGUMENTS(line)); /* nowhere else to say it */
        else
            (void)error_set(error, error->kind, "%.*s", SLICE_ARGUMENTS(line)); /* false, as `done` is */
    }
    buffer_free(&report);
    return done;
}
