/* The signer's state: every account's key and secret, read at start and wiped at the end. Signer process (and the `sign`
 * command, which signs once). */
#include "countersign/signer.h"

#include "countersign/signer_wire.h"
#include "secret_parts.h"
#include "tokens.h"
#include "wire.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

_Static_assert((int)CONFIG_NAME_MAX <= (int)SIGNER_WIRE_NAME_MAX, "an account's name fits its message");

/* Before a secret is in memory: no core dump, no debugger, no /proc/PID/mem for other processes of this user. And
 * children are to be waited for, whatever was inherited: an ignored SIGCHLD would take their exit codes away. */
static bool prepare_process(struct error *error)
{
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
    if (signal(SIGCHLD, SIG_DFL) == SIG_ERR)
        return error_system(error, errno, "cannot take SIGCHLD's default action");
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return error_system(error, errno, "cannot switch core dumps off");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return error_system(error, errno, "cannot keep debuggers away (PR_SET_DUMPABLE)");
    return true;
}

static bool check_api_key(const struct secret *api_key, const char *what, struct error *error)
{
    if (api_key->length > SIGNER_WIRE_API_KEY_MAX)
        return error_set(error, ERROR_CONFIG, "%s: it is longer than %d bytes: this is no API key", what,
                         SIGNER_WIRE_API_KEY_MAX);
    if (!wire_is_visible(secret_slice(api_key)))
        return error_set(error, ERROR_CONFIG,
                         "%s: it has a blank or a character that is not ASCII: no API key has one; copy it again",
                         what);
    return true;
}

/* Adds a failure to the report; the first of all is the sum. */
static void report_failure(struct buffer *report, struct error *sum, const struct error *error)
{
    (void)buffer_append_format(report, "%s\n", error->message); /* a report that is full has said enough */
    if (sum->kind == ERROR_NONE)
        *sum = *error;
}

static void load_account(struct signer_account *made, const struct config_account *account, struct buffer *report,
                         struct error *sum)
{
    char what[CONFIG_NAME_MAX + 32];
    struct error error;
    (void)snprintf(what, sizeof(what), "api_key of account %s", account->name); /* fits: names are bounded */
    if (!secret_load(&made->api_key, account->api_key, account->trim != 0, what, &error) ||
        !check_api_key(&made->api_key, what, &error))
        report_failure(report, sum, &error);
    (void)snprintf(what, sizeof(what), "api_secret of account %s", account->name);
    if (!secret_load(&made->api_secret, account->api_secret, account->trim != 0, what, &error))
        report_failure(report, sum, &error);
}

/* Loads the accounts from `first` up to `end`. Variables are forgotten only when all are read: two accounts may name the
 * same one. */
static bool open_accounts(struct signer **signer, const struct config *config, size_t first, size_t end,
                          struct buffer *report, struct error *error)
{
    struct error sum = { .kind = ERROR_NONE };
    struct signer *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "no memory for the signer");
    made->config = config;
    made->accounts = calloc(config->account_count, sizeof(*made->accounts));
    if (made->accounts == NULL)
        (void)error_set(&sum, ERROR_MEMORY, "no memory for %zu accounts", config->account_count);
    else if (prepare_process(&sum)) {
        for (size_t i = first; i < end; i++)
            load_account(&made->accounts[i], &config->accounts[i], report, &sum);
    }
    for (size_t i = first; i < end; i++) {
        secret_source_forget(config->accounts[i].api_key);
        secret_source_forget(config->accounts[i].api_secret);
    }
    if (sum.kind != ERROR_NONE) {
        signer_close(made);
        return error_set(error, sum.kind, "%s", sum.message);
    }
    *signer = made;
    return true;
}

/* The API key goes out with each request: a secret in its place would, too. */
static bool check_not_the_same(const struct signer *signer, struct buffer *report, struct error *sum)
{
    for (size_t i = 0; i < signer->config->account_count; i++) {
        const struct signer_account *account = &signer->accounts[i];
        struct error error;
        if (!slice_equal(secret_slice(&account->api_key), secret_slice(&account->api_secret)))
            continue;
        (void)error_set(&error, ERROR_INPUT,
                        "api_key and api_secret of account %s are the same text, so the secret would leave with each "
                        "request: one of them was given twice",
                        signer->config->accounts[i].name);
        report_failure(report, sum, &error);
    }
    return sum->kind == ERROR_NONE;
}

bool signer_open(struct signer **signer, const struct config *config, struct buffer *report, struct error *error)
{
    struct error sum = { .kind = ERROR_NONE };
    struct signer *made;
    if (!open_accounts(&made, config, 0, config->account_count, report, error))
        return false;
    bool are_sound = check_not_the_same(made, report, &sum);
    tokens_load(made, report, &sum);
    tokens_forget(config);
    if (!are_sound || sum.kind != ERROR_NONE) {
        signer_close(made);
        return error_set(error, sum.kind, "%s", sum.message);
    }
    *signer = made;
    return true;
}

bool signer_open_account(struct signer **signer, const struct config *config, size_t account, struct buffer *report,
                         struct error *error)
{
    if (account >= config->account_count)
        return error_set(error, ERROR_INTERNAL, "there is no account number %zu", account);
    return open_accounts(signer, config, account, account + 1, report, error);
}

void signer_close(struct signer *signer)
{
    if (signer == NULL)
        return;
    for (size_t i = 0; signer->accounts != NULL && i < signer->config->account_count; i++) {
        secret_end(&signer->accounts[i].api_key);
        secret_end(&signer->accounts[i].api_secret);
    }
    tokens_end(signer);
    free(signer->accounts);
    free(signer);
}

bool signer_window_key(struct scheme_window_key *key, const struct signer *signer, size_t account, uint64_t window,
                       struct error *error)
{
    if (account >= signer->config->account_count || signer->accounts[account].api_secret.bytes == NULL)
        return error_set(error, ERROR_INTERNAL, "the secret of account number %zu was not read", account);
    return scheme_window_key_derive(key, secret_slice(&signer->accounts[account].api_secret), window, error);
}
