/* Heads and bodies of the store, each kept once while it keeps coming up. The recorder's thread; a tool's, while it imports.
 * Every function gives SQLITE_DONE, or what failed. */
#include "store_private.h"

static int put_bytes(int64_t *id, struct store *store, struct slice data)
{
    sqlite3_stmt *add = store->statements[STORE_ADD_BYTES];
    *id = 0;
    if (data.length == 0)
        return SQLITE_DONE;
    struct fingerprint of = fingerprint_of(&store->fingerprinter, 0, data);
    *id = id_cache_find(store->bytes_cache, &of);
    if (*id != 0)
        return SQLITE_DONE;
    *id = store->next.bytes;
    int code = sqlite3_bind_int64(add, 1, *id);
    if (code == SQLITE_OK)
        code = sqlite3_bind_blob64(add, 2, data.data, data.length, SQLITE_STATIC);
    code = code == SQLITE_OK ? store_step(store, STORE_ADD_BYTES) : code;
    if (code != SQLITE_DONE)
        return code;
    store->next.bytes += store->options.imports ? -1 : 1;
    store->epoch.size += (int64_t)data.length;
    id_cache_remember(store->bytes_cache, &of, *id);
    return SQLITE_DONE;
}

static int add_head(const struct store *store, int64_t id, struct slice template, bool raw)
{
    sqlite3_stmt *add = store->statements[STORE_ADD_HEAD];
    int code = sqlite3_bind_int64(add, 1, id);
    if (code == SQLITE_OK)
        code = sqlite3_bind_blob64(add, 2, template.data, template.length, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int(add, 3, raw ? 1 : 0);
    return code == SQLITE_OK ? store_step(store, STORE_ADD_HEAD) : code;
}

/* A template that comes up again is worth having at hand. What is kept as it is (raw) has none. */
static int put_head(int64_t *id, struct store *store, struct head_memo *memo, struct slice head,
                    const struct head_values *values)
{
    buffer_reset(&store->template);
    bool raw = !head_template_append(&store->template, head, values);
    struct slice template = raw ? head : buffer_slice(&store->template);
    if (store->template.failed)
        return SQLITE_NOMEM;
    struct fingerprint of = fingerprint_of(&store->fingerprinter, raw, template);
    *id = id_cache_find(store->head_cache, &of);
    if (*id != 0 && !raw)
        head_memo_keep(memo, template, *id);
    if (*id != 0)
        return SQLITE_DONE;
    *id = store->next.head;
    int code = add_head(store, *id, template, raw);
    if (code != SQLITE_DONE)
        return code;
    store->next.head += store->options.imports ? -1 : 1;
    store->epoch.size += (int64_t) template.length;
    id_cache_remember(store->head_cache, &of, *id);
    return SQLITE_DONE;
}

int store_put_heads(int64_t *ids, struct store *store, const struct record *record, struct head_values values)
{
    struct head_texts texts;
    head_texts_take(&texts, &values);
    int code = SQLITE_DONE;
    for (size_t view = 0; code == SQLITE_DONE && view < RECORD_VIEW_COUNT; view++) {
        const struct record_message *message = &record->views[view];
        struct head_memo *memo = &store->head_memos[view];
        values.body_length = message->body.length;
        head_texts_take_length(&texts, values.body_length);
        ids[2 * view] = message->head.length == 0 ? 0 : head_memo_find(memo, message->head, &texts);
        if (message->head.length > 0 && ids[2 * view] == 0)
            code = put_head(&ids[2 * view], store, memo, message->head, &values);
    }
    return code;
}

void store_forget_heads(const struct store *store)
{
    id_cache_forget(store->head_cache);
    for (size_t view = 0; view < RECORD_VIEW_COUNT; view++)
        head_memo_forget(&store->head_memos[view]);
}

/* Bytes that a frame holds once have one address (record_codec.h), so they are looked up once. */
int store_put_bodies(int64_t *ids, struct store *store, const struct record *record)
{
    int code = SQLITE_DONE;
    for (size_t view = 0; code == SQLITE_DONE && view < RECORD_VIEW_COUNT; view++) {
        struct slice body = record->views[view].body;
        size_t same = 0;
        while (same < view &&
               (record->views[same].body.data != body.data || record->views[same].body.length != body.length))
            same++;
        if (same < view)
            ids[2 * view + 1] = ids[2 * same + 1];
        else
            code = put_bytes(&ids[2 * view + 1], store, body);
    }
    return code;
}
