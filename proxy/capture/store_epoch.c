/* What the store knows of its own tables: the next ids, the epoch at hand, how far ids and times disagree. Read again when
 * another process has written, or a transaction was rolled back. The recorder's thread. */
#include "store_private.h"

#include <string.h>

enum { DISORDER_FLOOR_US = 10000000 /* workers give out ids a moment before or after they note the time */ };

static const struct next_row {
    const char *table;
    size_t offset;     /* in struct store_next */
    bool is_by_import; /* imported exchanges have rows of their own, below 0 */
} next_rows[] = {
    { "bytes", offsetof(struct store_next, bytes), true },
    { "head", offsetof(struct store_next, head), true },
    { "party", offsetof(struct store_next, dictionary[DICTIONARY_PARTY]), false },
    { "endpoint", offsetof(struct store_next, dictionary[DICTIONARY_ENDPOINT]), false },
    { "verdict", offsetof(struct store_next, dictionary[DICTIONARY_VERDICT]), false },
    { "connection", offsetof(struct store_next, dictionary[DICTIONARY_CONNECTION]), true },
};

static bool read_next_ids(struct store *store, struct error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(next_rows); i++) {
        const struct next_row *row = &next_rows[i];
        bool below = row->is_by_import && store->options.imports;
        char sql[128];
        int64_t id;
        (void)sqlite3_snprintf(sizeof(sql), sql,
                               below ? "SELECT coalesce(min(id), 0) - 1 FROM %s WHERE id < 0"
                                     : "SELECT coalesce(max(id), 0) + 1 FROM %s WHERE id > 0",
                               row->table); /* fits */
        if (!sql_number(&id, store->db, sql, store->options.path, error))
            return false;
        memcpy((char *)&store->next + row->offset, &id, sizeof(id));
    }
    return true;
}

static bool read_epoch(struct store_epoch *epoch, struct store *store, struct error *error)
{
    const char *path = store->options.path;
    return sql_number(&epoch->id, store->db, "SELECT max(id) FROM epoch", path, error) &&
           sql_number(&epoch->last_record, store->db, "SELECT last_record FROM epoch ORDER BY id DESC LIMIT 1", path,
                      error) &&
           sql_number(&epoch->records, store->db, "SELECT records FROM epoch ORDER BY id DESC LIMIT 1", path, error) &&
           sql_number(&epoch->size, store->db, "SELECT size FROM epoch ORDER BY id DESC LIMIT 1", path, error);
}

bool store_refresh(struct store *store, struct error *error)
{
    const char *path = store->options.path;
    id_cache_forget(store->bytes_cache);
    id_cache_forget(store->head_cache);
    for (size_t i = 0; i < DICTIONARY_COUNT; i++)
        id_cache_forget(store->dictionaries[i].cache);
    if (!read_next_ids(store, error) || !read_epoch(&store->epoch, store, error) ||
        !sql_number(&store->clock.latest_us, store->db, "SELECT latest_us FROM clock", path, error) ||
        !sql_number(&store->clock.disorder_us, store->db, "SELECT disorder_us FROM clock", path, error))
        return false;
    store->is_stale = false;
    store->is_dirty = false;
    return true;
}

int store_begin_epoch_if_due(struct store *store)
{
    sqlite3_stmt *add = store->statements[STORE_ADD_EPOCH];
    const int64_t firsts[] = { store->epoch.id + 1, store->next.bytes, store->next.head,
                               store->next.dictionary[DICTIONARY_CONNECTION] };
    if (store->options.imports ||
        (store->epoch.id != 0 && store->epoch.records < EPOCH_RECORDS && store->epoch.size < EPOCH_SIZE))
        return SQLITE_DONE;
    int code = store_write_epoch(store);
    for (size_t i = 0; code == SQLITE_DONE && i < ARRAY_LENGTH(firsts); i++) {
        code = sqlite3_bind_int64(add, (int)i + 1, firsts[i]);
        code = code == SQLITE_OK ? SQLITE_DONE : code;
    }
    if (code == SQLITE_DONE)
        code = store_step(store, STORE_ADD_EPOCH);
    if (code != SQLITE_DONE)
        return code;
    store->epoch = (struct store_epoch){ .id = store->epoch.id + 1 };
    id_cache_forget(store->bytes_cache);
    id_cache_forget(store->head_cache);
    id_cache_forget(store->dictionaries[DICTIONARY_CONNECTION].cache);
    return SQLITE_DONE;
}

void store_note_record(struct store *store, const struct record *record)
{
    if (store->options.imports)
        return;
    store->is_dirty = true;
    store->epoch.records++;
    if (record->id > store->epoch.last_record)
        store->epoch.last_record = record->id;
    int64_t late_us = store->clock.latest_us - record->received_us;
    if (late_us <= 0)
        store->clock.latest_us = record->received_us;
    if (store->clock.disorder_us < DISORDER_FLOOR_US)
        store->clock.disorder_us = DISORDER_FLOOR_US;
    if (record->received_us != 0 && late_us > store->clock.disorder_us)
        store->clock.disorder_us = late_us;
}

int store_write_epoch(struct store *store)
{
    const struct store_epoch *epoch = &store->epoch;
    sqlite3_stmt *put = store->statements[STORE_PUT_EPOCH], *clock = store->statements[STORE_PUT_CLOCK];
    if (!store->is_dirty)
        return SQLITE_DONE;
    /* An out-of-range place is the only way for these to fail. */
    (void)sqlite3_bind_int64(put, 1, epoch->last_record);
    (void)sqlite3_bind_int64(put, 2, epoch->records);
    (void)sqlite3_bind_int64(put, 3, epoch->size);
    (void)sqlite3_bind_int64(put, 4, epoch->id);
    (void)sqlite3_bind_int64(clock, 1, store->clock.latest_us);
    (void)sqlite3_bind_int64(clock, 2, store->clock.disorder_us);
    int code = store_step(store, STORE_PUT_EPOCH);
    if (code == SQLITE_DONE)
        code = store_step(store, STORE_PUT_CLOCK);
    if (code == SQLITE_DONE)
        store->is_dirty = false;
    return code;
}
