/* `countersign keys add|rotate|remove|passphrase`: asks, changes the keystore, says what to do next. The secrets are in this
 * process until it ends, in the type that wipes them. One thread. */
#include "keys.h"

#include "log_command.h"

#include "countersign/clock.h"
#include "countersign/prompt.h"
#include "countersign/running.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { US_PER_SECOND = 1000000, QUESTION_MAX = 512 };

struct pair {
    struct secret api_key;
    struct secret api_secret;
};

static void pair_end(struct pair *pair)
{
    secret_end(&pair->api_key);
    secret_end(&pair->api_secret);
}

static bool read_pair(struct pair *pair, const struct keys_options *options, struct error *error)
{
    const struct keystore_pair given = { .api_key = &pair->api_key, .api_secret = &pair->api_secret };
    return secret_read_given(&pair->api_key, options->api_key_from, "API key: ", true, "the API key", error) &&
           secret_read_given(&pair->api_secret, options->api_secret_from, "API secret (not shown): ", false,
                             "the API secret", error) &&
           keystore_check_pair(&given, error);
}

static int64_t now_s(void)
{
    return clock_wall_us() / US_PER_SECOND;
}

/* --- what to do next --- */

static void append_sources(struct buffer *out, const char *name)
{
    (void)buffer_append_format(out,
                               "Use it in the configuration's [account NAME]:\n"
                               "  api_key = keystore:%s\n"
                               "  api_secret = keystore:%s\n",
                               name, name); /* keys_print looks at `failed`, here and below */
}

/* How a proxy at work takes the change. */
static void append_take_over(struct buffer *out, const struct keys_run *run)
{
    long process;
    if (running_process(&process, run->place.state_dir))
        (void)buffer_append_format(out, "The running proxy takes it with:\n  kill -HUP %ld\n", process);
    else
        (void)buffer_append_text(out, "No proxy runs with this state folder: the next start takes it.\n");
}

static bool tell(const struct keys_run *run, const struct keystore *keystore, const struct pair *pair,
                 struct error *error)
{
    const char *name = run->options->name;
    struct keystore_entry entry = { .generation = 1 };
    struct buffer out, users;
    buffer_init(&out, KEYS_TEXT_MAX);
    buffer_init(&users, KEYS_TEXT_MAX);
    (void)keystore_find(&entry, keystore, name); /* it was just written */
    bool is_used = keys_append_users(&users, run->config, name, ", ") > 0;
    buffer_free(&users);
    if (entry.generation > 1)
        (void)buffer_append_format(&out, "%s has another key in %s, generation %" PRIu64 ": API key ", name,
                                   keystore_path(keystore), entry.generation);
    else
        (void)buffer_append_format(&out, "%s is in %s: API key ", name, keystore_path(keystore));
    keys_append_masked(&out, secret_slice(&pair->api_key));
    (void)buffer_append_text(&out, "\n");
    if (!is_used)
        append_sources(&out, name);
    else if (entry.generation > 1)
        append_take_over(&out, run);
    return keys_print(&out, error);
}

/* --- add, rotate --- */

static bool add_to(struct keystore *keystore, const struct keys_run *run, struct pair *pair, struct error *error)
{
    const char *name = run->options->name;
    const struct keystore_pair given = { .api_key = &pair->api_key, .api_secret = &pair->api_secret };
    struct keystore_entry entry;
    if (keystore_find(&entry, keystore, name)) /* before anything is asked; the change itself looks again */
        return error_set(error, ERROR_INPUT,
                         "the keystore %s has an entry %s already: `countersign keys rotate %s` gives it another key",
                         keystore_path(keystore), name, name);
    return read_pair(pair, run->options, error) && keystore_add(keystore, name, &given, now_s(), error) &&
           tell(run, keystore, pair, error);
}

static bool rotate_in(struct keystore *keystore, const struct keys_run *run, struct pair *pair, struct error *error)
{
    const char *name = run->options->name;
    const struct keystore_pair given = { .api_key = &pair->api_key, .api_secret = &pair->api_secret };
    struct keystore_entry entry;
    if (!keystore_find(&entry, keystore, name))
        return error_set(error, ERROR_INPUT,
                         "there is no entry %s in the keystore %s: `countersign keys list` lists them", name,
                         keystore_path(keystore));
    return read_pair(pair, run->options, error) && keystore_rotate(keystore, name, &given, now_s(), error) &&
           tell(run, keystore, pair, error);
}

bool keys_add(const struct keys_run *run, struct error *error)
{
    struct keystore *keystore = NULL;
    struct pair pair = { .api_key = { .bytes = NULL } };
    bool done = keystore_open_or_begin(&keystore, &run->place, error) && add_to(keystore, run, &pair, error);
    pair_end(&pair);
    keystore_close(keystore);
    return done;
}

bool keys_rotate(const struct keys_run *run, struct error *error)
{
    struct keystore *keystore = NULL;
    struct pair pair = { .api_key = { .bytes = NULL } };
    bool done = keystore_open(&keystore, &run->place, error) && rotate_in(keystore, run, &pair, error);
    pair_end(&pair);
    keystore_close(keystore);
    return done;
}

/* --- remove --- */

static void warn_of_users(const struct keys_run *run)
{
    struct buffer users;
    buffer_init(&users, KEYS_TEXT_MAX);
    size_t count = keys_append_users(&users, run->config, run->options->name, ", ");
    if (count > 0)
        (void)fprintf(
            stderr,
            "countersign keys remove: the configuration's account%s %s use%s this entry, and cannot start without "
            "it\n",
            count == 1 ? "" : "s", buffer_text(&users), count == 1 ? "s" : ""); /* nowhere else to say it */
    buffer_free(&users);
}

/* Whether to go on: asked on a terminal, and elsewhere only where --yes says so. */
static bool is_wanted(bool *wanted, const struct keys_run *run, struct error *error)
{
    char question[QUESTION_MAX];
    *wanted = run->options->yes;
    if (run->options->yes)
        return true;
    if (!log_can_ask())
        return error_set(error, ERROR_USAGE, "this would remove %s for good: give --yes where nobody can be asked",
                         run->options->name);
    (void)snprintf(question, sizeof(question), "Remove %s for good? Type yes:", run->options->name); /* fits */
    *wanted = log_ask(question, "yes");
    return *wanted || error_set(error, ERROR_USAGE, "not confirmed: nothing was removed");
}

static bool remove_from(struct keystore *keystore, const struct keys_run *run, struct error *error)
{
    struct keystore_entry entry;
    struct buffer out;
    bool wanted;
    if (!keystore_find(&entry, keystore, run->options->name))
        return error_set(error, ERROR_INPUT,
                         "there is no entry %s in the keystore %s: `countersign keys list` lists them",
                         run->options->name, keystore_path(keystore));
    warn_of_users(run);
    if (!is_wanted(&wanted, run, error) || !keystore_remove(keystore, run->options->name, error))
        return false;
    buffer_init(&out, KEYS_TEXT_MAX);
    (void)buffer_append_format(&out, "%s is removed from %s. Delete the key at the exchange, too.\n",
                               run->options->name, keystore_path(keystore)); /* keys_print looks at `failed` */
    return keys_print(&out, error);
}

bool keys_remove(const struct keys_run *run, struct error *error)
{
    struct keystore *keystore = NULL;
    bool done = keystore_open(&keystore, &run->place, error) && remove_from(keystore, run, error);
    keystore_close(keystore);
    return done;
}

/* --- passphrase --- */

static bool change_passphrase(struct keystore *keystore, const struct keys_run *run, struct error *error)
{
    const char *source = run->options->new_passphrase[0] != '\0' ? run->options->new_passphrase : "prompt";
    struct secret passphrase;
    struct buffer out;
    long process;
    if (!keystore_read_new_passphrase(&passphrase, source, error))
        return false;
    bool done = keystore_change_passphrase(keystore, &passphrase, error);
    secret_end(&passphrase);
    if (!done)
        return false;
    buffer_init(&out, KEYS_TEXT_MAX);
    (void)buffer_append_format(&out, "%s has the new passphrase; all in it (entries: %zu) is encrypted anew.\n",
                               keystore_path(keystore), keystore_count(keystore)); /* as above, here and below */
    if (strcmp(run->config->proxy.keystore_passphrase, "prompt") != 0)
        (void)buffer_append_text(&out,
                                 "Put the new one where proxy.keystore_passphrase says, before the next start.\n");
    if (running_process(&process, run->place.state_dir))
        (void)buffer_append_format(
            &out,
            "The running proxy (process %ld) goes on with what it read; start it again before it "
            "is to take another key.\n",
            process);
    return keys_print(&out, error);
}

bool keys_passphrase(const struct keys_run *run, struct error *error)
{
    struct keystore *keystore = NULL;
    bool done = keystore_open(&keystore, &run->place, error) && change_passphrase(keystore, run, error);
    keystore_close(keystore);
    return done;
}
