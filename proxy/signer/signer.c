/* The signer's state: every account's key and secret, read at start and wiped at the end. Signer process (and the `sign`
 * command, which signs once). */
#include "countersign/signer.h"

#include "command_runner.h"
#include "countersign/signer_wire.h"
#include "keystore_private.h"
#include "secret_parts.h"
#include "signer_parts.h"
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
bool signer_prepare_process(struct error *error)
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

/* The one place where an account's sources are read. A variable is gone since it was read first: `held` is what it gave
 * (NULL at the start). */
static bool load_secret(struct secret *made, const struct secret *held, const struct keystore *keystore,
                        enum keystore_role role, const char *source, bool trim, const char *what, struct error *error)
{
    if (held != NULL && secret_source_is_variable(source))
        return secret_copy(made, held, error);
    return keystore_load_secret(made, keystore, role, source, trim, what, error);
}

/* `held` is NULL at the start. */
static void load_account(struct signer_account *made, const struct signer_account *held,
                         const struct config_account *account, const struct keystore *keystore, struct buffer *report,
                         struct error *sum)
{
    const struct secret *held_key = held != NULL ? &held->api_key : NULL;
    const struct secret *held_secret = held != NULL ? &held->api_secret : NULL;
    char what[CONFIG_NAME_MAX + 32];
    struct error error;
    (void)snprintf(what, sizeof(what), "api_key of account %s", account->name); /* fits: names are bounded */
    if (!load_secret(&made->api_key, held_key, keystore, KEYSTORE_API_KEY, account->api_key, account->trim != 0, what,
                     &error) ||
        !check_api_key(&made->api_key, what, &error))
        report_failure(report, sum, &error);
    (void)snprintf(what, sizeof(what), "api_secret of account %s", account->name);
    if (!load_secret(&made->api_secret, held_secret, keystore, KEYSTORE_API_SECRET, account->api_secret,
                     account->trim != 0, what, &error))
        report_failure(report, sum, &error);
}

/* One that holds nothing yet; NULL with *error. */
static struct signer *make_signer(const struct config *config, struct error *error)
{
    struct signer *made = calloc(1, sizeof(*made));
    struct signer_account *accounts = calloc(config->account_count, sizeof(*accounts));
    if (made == NULL || accounts == NULL) {
        (void)error_set(error, ERROR_MEMORY, "no memory for %zu accounts", config->account_count); /* false */
        free(made);
        free(accounts);
        return NULL;
    }
    *made = (struct signer){ .config = config, .accounts = accounts };
    return made;
}

void signer_discard(struct signer *signer)
{
    if (signer == NULL)
        return;
    for (size_t i = 0; signer->accounts != NULL && i < signer->config->account_count; i++) {
        secret_end(&signer->accounts[i].api_key);
        secret_end(&signer->accounts[i].api_secret);
    }
    /* What was read anew has neither of these of its own. */
    tokens_end(signer);
    keystore_close(signer->keystore);
    free(signer->accounts);
    free(signer);
}

/* The passphrase is asked for before any source is read. */
static bool open_keystore(struct signer *made, size_t first, size_t end, struct buffer *report, struct error *sum)
{
    struct error error;
    if (keystore_open_for_accounts(&made->keystore, made->config, first, end, &error))
        return true;
    report_failure(report, sum, &error);
    return false;
}

/* Loads the accounts from `first` up to `end`. Variables are forgotten only when all are read: two accounts may name the
 * same one. */
static bool open_accounts(struct signer **signer, const struct config *config, size_t first, size_t end,
                          struct buffer *report, struct error *error)
{
    struct error sum = { .kind = ERROR_NONE };
    struct signer *made = make_signer(config, error);
    if (made == NULL)
        return false;
    if (signer_prepare_process(&sum) && open_keystore(made, first, end, report, &sum)) {
        for (size_t i = first; i < end; i++)
            load_account(&made->accounts[i], NULL, &config->accounts[i], made->keystore, report, &sum);
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
        if (account->api_key.length == 0 ||
            !slice_equal(secret_slice(&account->api_key), secret_slice(&account->api_secret)))
            continue; /* others, or none was read, which is reported already */
        (void)error_set(&error, ERROR_INPUT,
                        "api_key and api_secret of account %s are the same text, so the secret would leave with each "
                        "request: one of them was given twice",
                        signer->config->accounts[i].name);
        report_failure(report, sum, &error);
    }
    return sum->kind == ERROR_NONE;
}

bool signer_start_runner(const struct config *config, struct error *error)
{
    return command_runner_is_there() || command_runner_start(config, SECRET_COMMAND_TIMEOUT_US, error);
}

bool signer_open(struct signer **signer, const struct config *config, struct buffer *report, struct error *error)
{
    struct error sum = { .kind = ERROR_NONE };
    struct signer *made;
    if (!signer_start_runner(config, error) || /* while no secret is in memory */
        !open_accounts(&made, config, 0, config->account_count, report, error))
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

static bool is_other(const struct secret *one, const struct secret *another)
{
    return !slice_equal(secret_slice(one), secret_slice(another));
}

bool signer_read_anew(struct signer **fresh, const struct signer *held, struct buffer *report, struct error *error)
{
    struct error sum = { .kind = ERROR_NONE };
    struct signer *made = make_signer(held->config, error);
    if (made == NULL)
        return false;
    struct error error_of_keystore;
    if (held->keystore != NULL && !keystore_read_again(held->keystore, &error_of_keystore))
        report_failure(report, &sum, &error_of_keystore);
    for (size_t i = 0; i < held->config->account_count; i++) {
        struct signer_account *account = &made->accounts[i];
        const struct signer_account *before = &held->accounts[i];
        load_account(account, before, &held->config->accounts[i], held->keystore, report, &sum);
        account->changed =
            is_other(&account->api_key, &before->api_key) || is_other(&account->api_secret, &before->api_secret);
    }
    if (!check_not_the_same(made, report, &sum)) {
        signer_discard(made);
        return error_set(error, sum.kind, "%s", sum.message);
    }
    *fresh = made;
    return true;
}

void signer_replace(struct signer *signer, struct signer *fresh)
{
    struct signer_account *replaced = signer->accounts;
    signer->accounts = fresh->accounts;
    fresh->accounts = replaced;
    signer_discard(fresh);
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
    signer_discard(signer);
    command_runner_end();
}

bool signer_window_key(struct scheme_window_key *key, const struct signer *signer, size_t account, uint64_t window,
                       struct error *error)
{
    if (account >= signer->config->account_count || signer->accounts[account].api_secret.bytes == NULL)
        return error_set(error, ERROR_INTERNAL, "the secret of account number %zu was not read", account);
    return scheme_window_key_derive(key, secret_slice(&signer->accounts[account].api_secret), window, error);
}
