/* Changes of the keystore, one row each: under the lock, from the file as it is now, to a new file that is checked before it
 * takes the old one's place. One thread. */
#include "keystore_build.h"
#include "keystore_file.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct change {
    const char *name;
    const struct keystore_pair *pair;
    int64_t now_s;
    const struct secret *key; /* a new passphrase's */
    struct slice salt;        /* likewise */
    bool (*build)(struct keystore_build *build, struct keystore *keystore, const struct change *change,
                  struct error *error);
};

/* --- what is checked of a pair --- */

bool keystore_check_pair(const struct keystore_pair *pair, struct error *error)
{
    if (pair->api_key->length > KEYSTORE_API_KEY_MAX)
        return error_set(error, ERROR_INPUT, "the API key is longer than %d bytes: this is no API key",
                         KEYSTORE_API_KEY_MAX);
    if (!wire_is_visible(secret_slice(pair->api_key)))
        return error_set(error, ERROR_INPUT,
                         "the API key has a blank or a character that is not ASCII: no API key has one; copy it again");
    if (slice_equal(secret_slice(pair->api_key), secret_slice(pair->api_secret)))
        return error_set(
            error, ERROR_INPUT,
            "API key and secret are the same text, so the secret would leave with each request: one of them "
            "was given twice");
    return true;
}

/* --- building --- */

/* The file as it is, with `count` entries, but for the one of `name`. */
static bool begin_copy(struct keystore_build *build, const struct keystore *keystore, const char *name, size_t count,
                       struct error *error)
{
    const struct keystore_view *view = &keystore->content->view;
    if (!keystore_build_begin(build, &view->cost, view->salt, &keystore->key, count, error))
        return false;
    for (size_t i = 0; i < view->count; i++) {
        if (!slice_equal_text(view->items[i].name, name))
            keystore_build_copy(build, &view->items[i]);
    }
    return true;
}

static bool begin_first(struct keystore_build *build, const struct keystore *keystore, struct error *error)
{
    return keystore_build_begin(build, &keystore_cost_today, slice_of(keystore->salt, sizeof(keystore->salt)),
                                &keystore->key, 1, error);
}

static bool build_add(struct keystore_build *build, struct keystore *keystore, const struct change *change,
                      struct error *error)
{
    struct keystore_entry entry = { .generation = 1, .added_s = change->now_s };
    size_t count = keystore_count(keystore);
    (void)snprintf(entry.name, sizeof(entry.name), "%s", change->name); /* fits: it was checked */
    if (keystore->content != NULL && keystore_view_find(&keystore->content->view, change->name) != NULL)
        return error_set(error, ERROR_INPUT,
                         "the keystore %s has an entry %s already: `countersign keys rotate %s` gives it another key",
                         keystore->path, change->name, change->name);
    if (count == KEYSTORE_ENTRIES_MAX)
        return error_set(error, ERROR_LIMIT, "the keystore %s has %d entries, and takes no more", keystore->path,
                         KEYSTORE_ENTRIES_MAX);
    return (keystore->content == NULL ? begin_first(build, keystore, error)
                                      : begin_copy(build, keystore, "", count + 1, error)) &&
           keystore_build_entry(build, &entry, change->pair, error);
}

static bool find(struct keystore_entry *entry, const struct keystore *keystore, const char *name, struct error *error)
{
    return keystore_find(entry, keystore, name) ||
           error_set(error, ERROR_INPUT, "there is no entry %s in the keystore %s: `countersign keys list` lists them",
                     name, keystore->path);
}

static bool is_same(bool *same, const struct keystore *keystore, const char *name, enum keystore_role role,
                    const struct secret *given, struct error *error)
{
    struct secret there;
    if (!keystore_read_secret(&there, keystore, name, role, error))
        return false;
    *same = *same && slice_equal(secret_slice(&there), secret_slice(given));
    secret_end(&there);
    return true;
}

static bool check_is_another(const struct keystore *keystore, const struct change *change, struct error *error)
{
    bool same = true;
    if (!is_same(&same, keystore, change->name, KEYSTORE_API_KEY, change->pair->api_key, error) ||
        !is_same(&same, keystore, change->name, KEYSTORE_API_SECRET, change->pair->api_secret, error))
        return false;
    return !same || error_set(error, ERROR_INPUT,
                              "entry %s of the keystore has this very key and secret already: nothing was changed",
                              change->name);
}

static bool build_rotate(struct keystore_build *build, struct keystore *keystore, const struct change *change,
                         struct error *error)
{
    struct keystore_entry entry;
    if (!find(&entry, keystore, change->name, error) || !check_is_another(keystore, change, error))
        return false;
    entry.generation++;
    entry.rotated_s = change->now_s;
    return begin_copy(build, keystore, change->name, keystore_count(keystore), error) &&
           keystore_build_entry(build, &entry, change->pair, error);
}

static bool build_remove(struct keystore_build *build, struct keystore *keystore, const struct change *change,
                         struct error *error)
{
    struct keystore_entry entry;
    return find(&entry, keystore, change->name, error) &&
           begin_copy(build, keystore, change->name, keystore_count(keystore) - 1, error);
}

static bool encrypt_anew(struct keystore_build *build, const struct keystore *keystore, size_t index,
                         struct error *error)
{
    const struct keystore_content *content = keystore->content;
    const struct keystore_item *item = &content->view.items[index];
    struct secret api_key = { .bytes = NULL }, api_secret = { .bytes = NULL };
    const struct keystore_pair pair = { .api_key = &api_key, .api_secret = &api_secret };
    struct keystore_entry entry;
    keystore_entry_at(&entry, keystore, index);
    bool done = keystore_decrypt_part(&api_key, content, &keystore->key, item, KEYSTORE_API_KEY, error) &&
                keystore_decrypt_part(&api_secret, content, &keystore->key, item, KEYSTORE_API_SECRET, error) &&
                keystore_build_entry(build, &entry, &pair, error);
    secret_end(&api_key);
    secret_end(&api_secret);
    return done;
}

static bool build_new_passphrase(struct keystore_build *build, struct keystore *keystore, const struct change *change,
                                 struct error *error)
{
    size_t count = keystore_count(keystore);
    if (!keystore_build_begin(build, &keystore_cost_today, change->salt, change->key, count, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!encrypt_anew(build, keystore, i, error))
            return false;
    }
    return true;
}

/* --- under the lock --- */

/* Somebody may have made the file since a new passphrase was asked for. */
static bool take_first(struct keystore *keystore, struct error *error)
{
    struct secret key;
    if (!keystore_content_read(&keystore->content, keystore->path, error) || keystore->content == NULL)
        return keystore->content == NULL;
    const struct keystore_view *view = &keystore->content->view;
    if (!keystore_derive(&key, secret_slice(&keystore->passphrase), view->salt, &view->cost, error))
        return false;
    secret_end(&keystore->key);
    keystore->key = key;
    if (!keystore_key_fits(keystore->content, &key))
        return error_set(
            error, ERROR_INPUT,
            "somebody made the keystore %s meanwhile, with another passphrase: nothing was changed; try again",
            keystore->path);
    return keystore_check_seal(keystore->content, &key, keystore->path, error);
}

static bool refresh(struct keystore *keystore, struct error *error)
{
    return keystore->content == NULL ? take_first(keystore, error) : keystore_read_again(keystore, error);
}

/* What was built is read as any file is, before it is one. */
static bool put_in_place(struct keystore *keystore, struct keystore_build *build, struct error *error)
{
    struct keystore_content *content = NULL;
    if (!keystore_content_take(&content, &build->out, keystore->path, error))
        return false;
    if (!keystore_key_fits(content, build->key) || !keystore_check_seal(content, build->key, keystore->path, error) ||
        !keystore_file_replace(keystore->folder, buffer_slice(&content->bytes), error)) {
        keystore_content_free(content);
        return false;
    }
    keystore_content_free(keystore->content);
    keystore->content = content;
    secret_end(&keystore->passphrase); /* needed no more: there is a file */
    return true;
}

static bool run(struct keystore *keystore, const struct change *change, struct error *error)
{
    struct keystore_build build = { .key = NULL };
    int lock = -1;
    if (!keystore_file_lock(&lock, keystore->folder, error))
        return false;
    bool done = refresh(keystore, error) && change->build(&build, keystore, change, error) &&
                keystore_build_end(&build, error) && put_in_place(keystore, &build, error);
    buffer_free(&build.out);
    (void)close(lock); /* gives it back */
    return done;
}

bool keystore_add(struct keystore *keystore, const char *name, const struct keystore_pair *pair, int64_t now_s,
                  struct error *error)
{
    const struct change change = { .name = name, .pair = pair, .now_s = now_s, .build = build_add };
    return keystore_check_pair(pair, error) && run(keystore, &change, error);
}

bool keystore_rotate(struct keystore *keystore, const char *name, const struct keystore_pair *pair, int64_t now_s,
                     struct error *error)
{
    const struct change change = { .name = name, .pair = pair, .now_s = now_s, .build = build_rotate };
    return keystore_check_pair(pair, error) && run(keystore, &change, error);
}

bool keystore_remove(struct keystore *keystore, const char *name, struct error *error)
{
    const struct change change = { .name = name, .build = build_remove };
    return run(keystore, &change, error);
}

bool keystore_change_passphrase(struct keystore *keystore, const struct secret *passphrase, struct error *error)
{
    unsigned char salt[KEYSTORE_SALT] = { 0 };
    struct secret key;
    if (!keystore_derive_anew(&key, salt, passphrase, error))
        return false;
    const struct change change = { .key = &key, .salt = slice_of(salt, sizeof(salt)), .build = build_new_passphrase };
    if (!run(keystore, &change, error)) {
        secret_end(&key);
        return false;
    }
    secret_end(&keystore->key);
    keystore->key = key;
    return true;
}
