/* The keystore opened: its passphrase asked once, its key kept, its entries looked up and decrypted one by one. Owns the file's
 * bytes and the key. One thread: the signer's, or a command's. */
#include "keystore_file.h"
#include "keystore_private.h"
#include "secret_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROMPT_TRIES = 3,
    SOURCE_SHOWN_MAX = 100 /* characters: a command may be long */,
    QUESTION_MAX = 512,
    NAMES_MAX = 256 /* bytes of names in a message */
};

static const char source_prefix[] = "keystore:";

/* A passphrase can be read once (a descriptor), and is not asked twice: what is open is shared within the process. Only its
 * one thread comes here. */
static struct keystore *shared;

/* --- life --- */

static void end(struct keystore *keystore)
{
    secret_end(&keystore->key);
    secret_end(&keystore->passphrase);
    keystore_content_free(keystore->content);
    free(keystore->folder);
    free(keystore->path);
    free(keystore->source);
    free(keystore);
}

/* With what the file holds; NULL after an error. */
static struct keystore *make(const struct keystore_place *place, struct error *error)
{
    struct keystore *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        (void)error_set(error, ERROR_MEMORY, "no memory for the keystore"); /* NULL says it, here and below */
        return NULL;
    }
    made->users = 1;
    made->folder = strdup(place->state_dir);
    made->path = keystore_file_path(place->state_dir, "keystore");
    made->source = strdup(place->passphrase);
    bool done = made->folder != NULL && made->path != NULL && made->source != NULL;
    if (!done)
        (void)error_set(error, ERROR_MEMORY, "no memory for the keystore");
    if (done && keystore_content_read(&made->content, made->path, error))
        return made;
    end(made);
    return NULL;
}

/* As make, of a keystore that must be there. */
static struct keystore *make_existing(const struct keystore_place *place, struct error *error)
{
    struct keystore *made = make(place, error);
    if (made == NULL || made->content != NULL)
        return made;
    (void)error_set(error, ERROR_INPUT, "there is no keystore %s: `countersign keys add NAME` makes one",
                    made->path); /* likewise */
    end(made);
    return NULL;
}

void keystore_close(struct keystore *keystore)
{
    if (keystore == NULL || --keystore->users > 0)
        return;
    if (shared == keystore)
        shared = NULL;
    end(keystore);
}

void keystore_hand_to_children(bool handed)
{
    if (shared != NULL)
        secret_hand_to_children(&shared->key, handed);
}

bool keystore_is_open(void)
{
    return shared != NULL;
}

const char *keystore_path(const struct keystore *keystore)
{
    return keystore->path;
}

/* --- the passphrase --- */

/* One try: *fits says whether the passphrase is the keystore's; the key is then at hand. */
static bool try_passphrase(bool *fits, struct keystore *keystore, const char *question, struct error *error)
{
    const struct keystore_view *view = &keystore->content->view;
    struct secret passphrase;
    if (!keystore_read_passphrase(&passphrase, keystore->source, question, error))
        return false;
    struct secret key;
    bool derived = keystore_derive(&key, secret_slice(&passphrase), view->salt, &view->cost, error);
    secret_end(&passphrase);
    if (!derived)
        return false;
    *fits = keystore_key_fits(keystore->content, &key);
    if (*fits)
        keystore->key = key;
    else
        secret_end(&key);
    return true;
}

static bool refuse_passphrase(const struct keystore *keystore, struct error *error)
{
    return error_set(
        error, ERROR_INPUT,
        "the passphrase (%.*s) is not that of the keystore %s, whose file is undamaged: give the right one; one "
        "that is lost cannot be found again, and the keys must then be made anew at the exchange",
        SOURCE_SHOWN_MAX, keystore->source, keystore->path);
}

static bool unlock(struct keystore *keystore, struct error *error)
{
    int tries = keystore_source_asks(keystore->source) ? PROMPT_TRIES : 1;
    char question[QUESTION_MAX];
    bool fits = false;
    for (int i = 0; !fits && i < tries; i++) {
        (void)snprintf(question, sizeof(question),
                       "%spassphrase of the keystore %s: ", i == 0 ? "" : "That is not it. ",
                       keystore->path); /* cut, it is a question still */
        if (!try_passphrase(&fits, keystore, question, error))
            return false;
    }
    if (!fits)
        return refuse_passphrase(keystore, error);
    return keystore_check_seal(keystore->content, &keystore->key, keystore->path, error);
}

const struct keystore_cost keystore_cost_today = { .log2_n = KEYSTORE_LOG2_N, .r = KEYSTORE_R, .p = KEYSTORE_P };

bool keystore_derive_anew(struct secret *key, unsigned char *salt, const struct secret *passphrase, struct error *error)
{
    return keystore_random(salt, KEYSTORE_SALT, error) &&
           keystore_derive(key, secret_slice(passphrase), slice_of(salt, KEYSTORE_SALT), &keystore_cost_today, error);
}

/* --- opening --- */

static bool is_shared(const struct keystore_place *place)
{
    return shared != NULL && strcmp(shared->folder, place->state_dir) == 0 &&
           strcmp(shared->source, place->passphrase) == 0;
}

bool keystore_open(struct keystore **keystore, const struct keystore_place *place, struct error *error)
{
    if (is_shared(place)) {
        if (!keystore_read_again(shared, error))
            return false;
        shared->users++;
        *keystore = shared;
        return true;
    }
    struct keystore *made = make_existing(place, error);
    if (made == NULL)
        return false;
    if (!unlock(made, error)) {
        keystore_close(made);
        return false;
    }
    if (shared == NULL)
        shared = made;
    *keystore = made;
    return true;
}

bool keystore_open_or_begin(struct keystore **keystore, const struct keystore_place *place, struct error *error)
{
    struct keystore *made = make(place, error);
    if (made == NULL)
        return false;
    bool done = made->content != NULL ? unlock(made, error)
                                      : keystore_read_new_passphrase(&made->passphrase, made->source, error) &&
                                            keystore_derive_anew(&made->key, made->salt, &made->passphrase, error);
    if (done)
        *keystore = made;
    else
        keystore_close(made);
    return done;
}

bool keystore_open_locked(struct keystore **keystore, const char *state_dir, struct error *error)
{
    const struct keystore_place place = { .state_dir = state_dir, .passphrase = "" };
    struct keystore *made = make_existing(&place, error);
    if (made == NULL)
        return false;
    *keystore = made;
    return true;
}

bool keystore_read_again(struct keystore *keystore, struct error *error)
{
    struct keystore_content *content;
    if (!keystore_content_read(&content, keystore->path, error))
        return false;
    bool done = content != NULL ||
                error_set(error, ERROR_INPUT, "the keystore %s is gone: put a copy of it in its place", keystore->path);
    if (done && !keystore_key_fits(content, &keystore->key))
        done = error_set(error, ERROR_INPUT,
                         "the keystore %s has another passphrase than when it was opened: start again", keystore->path);
    if (!done || !keystore_check_seal(content, &keystore->key, keystore->path, error)) {
        keystore_content_free(content);
        return false;
    }
    keystore_content_free(keystore->content);
    keystore->content = content;
    return true;
}

bool keystore_open_for_accounts(struct keystore **keystore, const struct config *config, size_t first, size_t end,
                                struct error *error)
{
    const struct keystore_place place = { .state_dir = config->proxy.state_dir,
                                          .passphrase = config->proxy.keystore_passphrase };
    bool is_used = false;
    for (size_t i = first; i < end; i++)
        is_used = is_used || keystore_source_name(config->accounts[i].api_key) != NULL ||
                  keystore_source_name(config->accounts[i].api_secret) != NULL;
    *keystore = NULL;
    return !is_used || keystore_open(keystore, &place, error);
}

/* --- entries --- */

static void describe(struct keystore_entry *entry, const struct keystore_item *item)
{
    *entry = (struct keystore_entry){ .generation = item->generation,
                                      .added_s = (int64_t)item->added_s,
                                      .rotated_s = (int64_t)item->rotated_s };
    (void)snprintf(entry->name, sizeof(entry->name), "%.*s", SLICE_ARGUMENTS(item->name)); /* fits: it was checked */
}

size_t keystore_count(const struct keystore *keystore)
{
    return keystore->content == NULL ? 0 : keystore->content->view.count;
}

void keystore_entry_at(struct keystore_entry *entry, const struct keystore *keystore, size_t index)
{
    describe(entry, &keystore->content->view.items[index]);
}

bool keystore_find(struct keystore_entry *entry, const struct keystore *keystore, const char *name)
{
    const struct keystore_item *item =
        keystore->content == NULL ? NULL : keystore_view_find(&keystore->content->view, name);
    if (item != NULL)
        describe(entry, item);
    return item != NULL;
}

static bool refuse_name(const struct keystore *keystore, const char *name, struct error *error)
{
    struct buffer names;
    buffer_init(&names, NAMES_MAX);
    for (size_t i = 0; i < keystore_count(keystore); i++)
        (void)buffer_append_format(&names, "%s%.*s", i == 0 ? "it has " : ", ",
                                   SLICE_ARGUMENTS(keystore->content->view.items[i].name)); /* cut is fine */
    (void)error_set(error, ERROR_INPUT,
                    "there is no entry %s in the keystore %s: %s; `countersign keys add %s` adds it", name,
                    keystore->path, names.length == 0 ? "it is empty" : buffer_text(&names), name); /* false */
    buffer_free(&names);
    return false;
}

bool keystore_read_secret(struct secret *secret, const struct keystore *keystore, const char *name,
                          enum keystore_role role, struct error *error)
{
    const struct keystore_item *item =
        keystore->content == NULL ? NULL : keystore_view_find(&keystore->content->view, name);
    if (item == NULL)
        return refuse_name(keystore, name, error);
    return keystore_decrypt_part(secret, keystore->content, &keystore->key, item, role, error);
}

const char *keystore_source_name(const char *source)
{
    return slice_starts_with(slice_text(source), source_prefix) ? source + strlen(source_prefix) : NULL;
}

bool keystore_load_secret(struct secret *secret, const struct keystore *keystore, enum keystore_role role,
                          const char *source, bool trim, const char *what, struct error *error)
{
    const char *name = keystore_source_name(source);
    struct secret made;
    if (name == NULL)
        return secret_load(secret, source, trim, what, error);
    if (keystore == NULL)
        return error_set(error, ERROR_INTERNAL, "%s (%s): the keystore is not open: start again", what, source);
    if (!keystore_read_secret(&made, keystore, name, role, error))
        return error_prefix(error, "%s (%s)", what, source);
    if (!secret_check(&made, trim, error)) {
        secret_end(&made);
        return error_prefix(error, "%s (%s)", what, source);
    }
    *secret = made;
    return true;
}
