/* `countersign keys list`: names, masked API keys, dates, and whose they are. One thread. */
#include "keys.h"

#include "countersign/clock.h"
#include "countersign/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { US_PER_SECOND = 1000000, DATE_LENGTH = 10 /* "2026-11-28" */ };

size_t keys_append_users(struct buffer *out, const struct config *config, const char *name, const char *separator)
{
    size_t count = 0;
    for (size_t i = 0; i < config->account_count; i++) {
        const char *key = keystore_source_name(config->accounts[i].api_key);
        const char *secret = keystore_source_name(config->accounts[i].api_secret);
        if ((key == NULL || strcmp(key, name) != 0) && (secret == NULL || strcmp(secret, name) != 0))
            continue;
        (void)buffer_append_format(out, "%s%s", count == 0 ? "" : separator,
                                   config->accounts[i].name); /* the caller's */
        count++;
    }
    return count;
}

void keys_append_masked(struct buffer *out, struct slice api_key)
{
    char *masked = buffer_reserve(out, api_key.length);
    if (masked == NULL)
        return; /* `failed` tells */
    secret_mask(masked, api_key);
    buffer_commit(out, api_key.length);
}

/* Appends the entry's masked API key; nothing of one that is locked. */
static bool append_api_key(struct buffer *out, const struct keys_run *run, const struct keystore *keystore,
                           const char *name, struct error *error)
{
    struct secret api_key;
    if (run->options->locked)
        return true;
    if (!keystore_read_secret(&api_key, keystore, name, KEYSTORE_API_KEY, error))
        return false;
    keys_append_masked(out, secret_slice(&api_key));
    secret_end(&api_key);
    return true;
}

/* --- text --- */

static const char title_name[] = "NAME", title_key[] = "API KEY", shown_locked[] = "(locked)";

/* Characters, as wide as what stands in them. */
struct columns {
    int name;
    int key;
};

/* The day, UTC; "-" for never. */
static const char *date(char *text, int64_t seconds)
{
    if (seconds == 0)
        return "-";
    (void)clock_format_utc(text, seconds * US_PER_SECOND); /* returns its argument */
    text[DATE_LENGTH] = '\0';
    return text;
}

static int wider(int column, size_t length)
{
    return column > (int)length ? column : (int)length;
}

static bool measure(struct columns *columns, const struct keys_run *run, const struct keystore *keystore,
                    struct error *error)
{
    *columns =
        (struct columns){ .name = sizeof(title_name) - 1,
                          .key = run->options->locked ? (int)sizeof(shown_locked) - 1 : (int)sizeof(title_key) - 1 };
    for (size_t i = 0; i < keystore_count(keystore); i++) {
        struct keystore_entry entry;
        struct buffer api_key;
        buffer_init(&api_key, KEYS_TEXT_MAX);
        keystore_entry_at(&entry, keystore, i);
        bool done = append_api_key(&api_key, run, keystore, entry.name, error);
        columns->name = wider(columns->name, strlen(entry.name));
        columns->key = wider(columns->key, api_key.length);
        buffer_free(&api_key);
        if (!done)
            return false;
    }
    return true;
}

static bool append_line(struct buffer *out, const struct columns *columns, const struct keys_run *run,
                        const struct keystore *keystore, const struct keystore_entry *entry, struct error *error)
{
    char added[CLOCK_TEXT_MAX], rotated[CLOCK_TEXT_MAX];
    struct buffer api_key, users;
    buffer_init(&api_key, KEYS_TEXT_MAX);
    buffer_init(&users, KEYS_TEXT_MAX);
    bool done = append_api_key(&api_key, run, keystore, entry->name, error);
    size_t count = keys_append_users(&users, run->config, entry->name, ", ");
    if (done)
        (void)buffer_append_format(out, "%-*s  %-*s  %3" PRIu64 "  %-*s  %-*s  %s\n", columns->name, entry->name,
                                   columns->key, run->options->locked ? shown_locked : buffer_text(&api_key),
                                   entry->generation, DATE_LENGTH, date(added, entry->added_s), DATE_LENGTH,
                                   date(rotated, entry->rotated_s),
                                   count == 0 ? "-" : buffer_text(&users)); /* keys_print looks at `failed` */
    buffer_free(&api_key);
    buffer_free(&users);
    return done;
}

static void append_title(struct buffer *out, const struct columns *columns, const struct keystore *keystore)
{
    if (keystore_count(keystore) == 0)
        (void)buffer_append_format(out, "the keystore %s is empty: `countersign keys add NAME`\n",
                                   keystore_path(keystore)); /* likewise, here and below */
    else
        (void)buffer_append_format(out, "%-*s  %-*s  GEN  %-*s  %-*s  ACCOUNTS\n", columns->name, title_name,
                                   columns->key, title_key, DATE_LENGTH, "ADDED", DATE_LENGTH, "ROTATED");
}

/* --- JSON --- */

static void append_moment(struct buffer *out, const char *name, int64_t seconds)
{
    char text[CLOCK_TEXT_MAX];
    if (seconds == 0)
        (void)buffer_append_format(out, ",\"%s\":null", name); /* likewise, here and below */
    else
        (void)json_append_member(out, name, slice_text(clock_format_utc(text, seconds * US_PER_SECOND)));
}

static bool append_json(struct buffer *out, const struct keys_run *run, const struct keystore *keystore,
                        const struct keystore_entry *entry, struct error *error)
{
    struct buffer api_key, users;
    buffer_init(&api_key, KEYS_TEXT_MAX);
    buffer_init(&users, KEYS_TEXT_MAX);
    bool done = append_api_key(&api_key, run, keystore, entry->name, error);
    size_t count = keys_append_users(&users, run->config, entry->name, "\",\""); /* names need no escape */
    (void)buffer_append_format(out, "{\"name\":\"%s\"", entry->name);
    if (run->options->locked)
        (void)buffer_append_text(out, ",\"apiKey\":null");
    else
        (void)json_append_member(out, "apiKey", buffer_slice(&api_key));
    (void)buffer_append_format(out, ",\"generation\":%" PRIu64, entry->generation);
    append_moment(out, "added", entry->added_s);
    append_moment(out, "rotated", entry->rotated_s);
    (void)buffer_append_format(out, ",\"accounts\":[%s%s%s]}\n", count == 0 ? "" : "\"", buffer_text(&users),
                               count == 0 ? "" : "\"");
    buffer_free(&api_key);
    buffer_free(&users);
    return done;
}

/* --- both --- */

static bool append_all(struct buffer *out, const struct keys_run *run, const struct keystore *keystore,
                       struct error *error)
{
    struct keystore_entry entry;
    struct columns columns = { .name = 0 };
    if (!run->options->json) {
        if (!measure(&columns, run, keystore, error))
            return false;
        append_title(out, &columns, keystore);
    }
    for (size_t i = 0; i < keystore_count(keystore); i++) {
        keystore_entry_at(&entry, keystore, i);
        bool done = run->options->json ? append_json(out, run, keystore, &entry, error)
                                       : append_line(out, &columns, run, keystore, &entry, error);
        if (!done)
            return false;
    }
    return true;
}

bool keys_list(const struct keys_run *run, struct error *error)
{
    struct keystore *keystore = NULL;
    struct buffer out;
    buffer_init(&out, KEYS_TEXT_MAX);
    bool done = run->options->locked ? keystore_open_locked(&keystore, run->place.state_dir, error)
                                     : keystore_open(&keystore, &run->place, error);
    done = done && append_all(&out, run, keystore, error);
    keystore_close(keystore);
    if (!done) {
        buffer_free(&out);
        return false;
    }
    return keys_print(&out, error);
}
