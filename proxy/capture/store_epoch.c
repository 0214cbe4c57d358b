/* What the store knows of its own tables: the next ids, the epoch at hand. Read again when another process has written, or
 * a transaction was rolled back. The recorder's thread; a tool's, while it imports.
 *
 * Ids never go back, even where the rows with the highest are deleted: an epoch's rows lie between its first ids and the
 * next one's, and exchanges' ids are told to clients. */
#include "store_private.h"

#include <string.h>

static const struct next_row {
    const char *table;
    size_t offset;     /* in struct store_next */
    const char *first; /* the epoch's column with its first id; NULL: the rows belong to no epoch */
} next_rows[] = {
    { "bytes", offsetof(struct store_next, bytes), "first_bytes" },
    { "head", offsetof(struct store_next, head), "first_head" },
    { "party", offsetof(struct store_next, dictionary[DICTIONARY_PARTY]), NULL },
    { "endpoint", offsetof(struct store_next, dictionary[DICTIONARY_ENDPOINT]), NULL },
    { "verdict", offsetof(struct store_next, dictionary[DICTIONARY_VERDICT]), NULL },
    { "connection", offsetof(struct store_next, dictionary[DICTIONARY_CONNECTION]), "first_connection" },
};

/* Imported exchanges have rows of their own, below 0. */
static void append_next_sql(char *sql, size_t size, const struct next_row *row, bool imports)
{
    if (row->first != NULL && imports)
        (void)sqlite3_snprintf((int)size, sql, "SELECT coalesce(min(id), 0) - 1 FROM %s WHERE id < 0",
                               row->table); /* sized for it, as below */
    else
        (void)sqlite3_snprintf((int)size, sql,
                               "SELECT max(coalesce((SELECT max(id) FROM %s WHERE id > 0), 0) + 1,"
                               " coalesce((SELECT %s FROM epoch ORDER BY id DESC LIMIT 1), 1))",
                               row->table, row->first != NULL ? row->first : "1");
}

static bool read_next_ids(struct store *store, struct error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(next_rows); i++) {
        char sql[256];
        int64_t id;
        append_next_sql(sql, sizeof(sql), &next_rows[i], store->options.imports);
        if (!sql_number(&id, store->db, sql, store->options.path, error))
            return false;
        memcpy((char *)&store->next + next_rows[i].offset, &id, sizeof(id));
    }
    return true;
}

/* The columns of an epoch that change, in one order for reading and writing. */
#define EPOCH_COLUMNS 7
static void epoch_values(int64_t *values[EPOCH_COLUMNS], struct store_epoch *epoch)
{
    int64_t *const list[EPOCH_COLUMNS] = { &epoch->first_record, &epoch->last_record, &epoch->earliest_us,
                                           &epoch->latest_us,    &epoch->disorder_us, &epoch->records,
                                           &epoch->size };
    memcpy(values, list, sizeof(list));
}

static bool read_epoch(struct store *store, struct error *error)
{
    static const char sql[] = "SELECT id, first_record, last_record, earliest_us, latest_us, disorder_us, records, size"
                              " FROM epoch ORDER BY id DESC LIMIT 1";
    sqlite3_stmt *row = NULL;
    int64_t *values[EPOCH_COLUMNS];
    if (!sql_prepare(&row, store->db, sql, store->options.path, error))
        return false;
    int code = sqlite3_step(row);
    store->epoch = (struct store_epoch){ .id = code == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0 };
    epoch_values(values, &store->epoch);
    for (int i = 0; code == SQLITE_ROW && i < EPOCH_COLUMNS; i++)
        *values[i] = sqlite3_column_int64(row, i + 1);
    bool done = code == SQLITE_ROW || code == SQLITE_DONE || sql_error(error, store->db, "read", store->options.path);
    (void)sqlite3_finalize(row); /* repeats the step's failure, which is told */
    return done;
}

bool store_refresh(struct store *store, struct error *error)
{
    id_cache_forget(store->bytes_cache);
    store_forget_heads(store);
    for (size_t i = 0; i < DICTIONARY_COUNT; i++)
        dictionary_forget(&store->dictionaries[i]);
    if (!read_next_ids(store, error) || !read_epoch(store, error))
        return false;
    store->imported_bytes = -1;
    store->is_stale = false;
    store->is_dirty = false;
    return true;
}

static int add_epoch(struct store *store)
{
    sqlite3_stmt *add = store->statements[STORE_ADD_EPOCH];
    const int64_t firsts[] = { store->epoch.id + 1, store->next.bytes, store->next.head,
                               store->next.dictionary[DICTIONARY_CONNECTION] };
    for (size_t i = 0; i < ARRAY_LENGTH(firsts); i++) {
        int code = sqlite3_bind_int64(add, (int)i + 1, firsts[i]);
        if (code != SQLITE_OK)
            return code;
    }
    return store_step(store, STORE_ADD_EPOCH);
}

bool store_epoch_is_due(const struct store *store)
{
    const struct store_epoch *epoch = &store->epoch;
    int64_t records = epoch->records + (int64_t)store->rows_waiting;
    return !store->options.imports && (epoch->id == 0 || records >= EPOCH_RECORDS || epoch->size >= EPOCH_SIZE);
}

int store_begin_epoch_if_due(struct store *store)
{
    if (!store_epoch_is_due(store))
        return SQLITE_DONE;
    int code = store_write_epoch(store);
    if (code == SQLITE_DONE)
        code = add_epoch(store);
    if (code != SQLITE_DONE)
        return code;
    store->epoch = (struct store_epoch){ .id = store->epoch.id + 1 };
    id_cache_forget(store->bytes_cache);
    store_forget_heads(store);
    dictionary_forget(&store->dictionaries[DICTIONARY_CONNECTION]);
    return SQLITE_DONE;
}

static void note_time(struct store_epoch *epoch, int64_t received_us)
{
    int64_t late_us = epoch->latest_us - received_us;
    if (received_us <= 0)
        return;
    if (epoch->earliest_us == 0 || received_us < epoch->earliest_us)
        epoch->earliest_us = received_us;
    if (late_us <= 0)
        epoch->latest_us = received_us;
    else if (late_us > epoch->disorder_us)
        epoch->disorder_us = late_us;
}

void store_note_record(struct store *store, int64_t id, int64_t received_us)
{
    struct store_epoch *epoch = &store->epoch;
    if (store->options.imports)
        return;
    store->is_dirty = true;
    if (epoch->records == 0 || id < epoch->first_record)
        epoch->first_record = id;
    if (epoch->records == 0 || id > epoch->last_record)
        epoch->last_record = id;
    epoch->records++;
    note_time(epoch, received_us);
}

int store_write_epoch(struct store *store)
{
    sqlite3_stmt *put = store->statements[STORE_PUT_EPOCH];
    int64_t *values[EPOCH_COLUMNS];
    if (!store->is_dirty)
        return SQLITE_DONE;
    epoch_values(values, &store->epoch);
    /* An out-of-range place is the only way for these to fail. */
    for (int i = 0; i < EPOCH_COLUMNS; i++)
        (void)sqlite3_bind_int64(put, i + 1, *values[i]);
    (void)sqlite3_bind_int64(put, EPOCH_COLUMNS + 1, store->epoch.id);
    int code = store_step(store, STORE_PUT_EPOCH);
    if (code == SQLITE_DONE)
        store->is_dirty = false;
    return code;
}
