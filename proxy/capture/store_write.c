/* The store's rows. The recorder's thread (and capture_open's, while it recovers). */
#include "store_private.h"

#include "countersign/log.h"

#include <inttypes.h>

/* --- statements --- */

static void append_exchange_sql(struct buffer *sql)
{
    size_t columns = RECORD_FIELD_COUNT + SQL_REFERENCE_COUNT;
    (void)buffer_append_text(sql, "INSERT INTO exchange(");
    sql_append_columns(sql, "");
    for (size_t i = 0; i < SQL_REFERENCE_COUNT; i++)
        (void)buffer_append_format(sql, ", %s", sql_reference_columns[i]);
    (void)buffer_append_text(sql, ") VALUES (");
    for (size_t i = 0; i < columns; i++)
        (void)buffer_append_text(sql, i == 0 ? "?" : ", ?");
    (void)buffer_append_text(sql, ") ON CONFLICT(id) DO UPDATE SET ");
    for (size_t i = 1; i < columns; i++) {
        const char *name =
            i < RECORD_FIELD_COUNT ? record_fields[i].column : sql_reference_columns[i - RECORD_FIELD_COUNT];
        (void)buffer_append_format(sql, "%s%s = excluded.%s", i == 1 ? "" : ", ", name, name);
    }
}

static bool prepare_exchange(struct store *store, struct error *error)
{
    struct buffer sql;
    buffer_init(&sql, SQL_TEXT_MAX);
    append_exchange_sql(&sql);
    const char *text = buffer_text(&sql);
    bool done = sql.failed ? error_set(error, ERROR_MEMORY, "out of memory for the capture store")
                           : sql_prepare(&store->statements[STORE_PUT_EXCHANGE], store->db, text, store->path, error);
    buffer_free(&sql);
    return done;
}

bool store_prepare(struct store *store, struct error *error)
{
    static const char *const texts[STORE_STATEMENT_COUNT] = {
        [STORE_BEGIN] = "BEGIN IMMEDIATE",
        [STORE_COMMIT] = "COMMIT",
        [STORE_ROLLBACK] = "ROLLBACK",
        [STORE_ADD_BYTES] = "INSERT INTO bytes(data) VALUES (?)",
        [STORE_PUT_REPLIED] = "UPDATE exchange SET replied_us = ?, delivered = ? WHERE id = ?",
        [STORE_PUT_POSITION] = "INSERT OR REPLACE INTO ring_position(ring, run, sequence) VALUES (?, ?, ?)",
    };
    for (size_t i = 0; i < STORE_STATEMENT_COUNT; i++) {
        if (texts[i] != NULL && !sql_prepare(&store->statements[i], store->db, texts[i], store->path, error))
            return false;
    }
    return prepare_exchange(store, error);
}

/* --- steps --- */

enum written {
    WRITTEN,
    LEFT_OUT, /* this row can never be written; others can */
    FAILED    /* the store cannot be written now */
};

/* Runs a statement that gives no rows, and makes it ready for the next time. */
static enum written run(const struct store *store, enum store_statement which)
{
    sqlite3_stmt *statement = store->statements[which];
    int code = sqlite3_step(statement) & 0xFF;
    if (code == SQLITE_DONE) {
        (void)sqlite3_reset(statement); /* nothing to tell after DONE */
        return WRITTEN;
    }
    (void)sqlite3_reset(statement); /* tells the step's failure once more */
    bool row_alone = code == SQLITE_CONSTRAINT || code == SQLITE_TOOBIG || code == SQLITE_MISMATCH;
    return row_alone ? LEFT_OUT : FAILED;
}

static bool fail(struct store *store, struct error *error)
{
    (void)sql_error(error, store->db, "write", store->path);
    if (sqlite3_get_autocommit(store->db) == 0)
        (void)run(store, STORE_ROLLBACK); /* SQLite rolled back itself where this fails */
    bytes_cache_forget(store->cache);
    return false;
}

bool store_begin(struct store *store, struct error *error)
{
    store->left_out_now = 0;
    return run(store, STORE_BEGIN) == WRITTEN || fail(store, error);
}

bool store_commit(struct store *store, struct error *error)
{
    if (run(store, STORE_COMMIT) != WRITTEN)
        return fail(store, error);
    store->rows_left_out += store->left_out_now;
    return true;
}

/* Binding fails only when out of memory or on a value beyond SQLite's limits; the row is then not run. */
static enum written bound(int code)
{
    if (code == SQLITE_OK)
        return WRITTEN;
    return code == SQLITE_TOOBIG ? LEFT_OUT : FAILED;
}

/* --- rows --- */

static int bind_field(sqlite3_stmt *statement, int place, const struct record *record, const struct record_field *field)
{
    if (record_field_is_absent(record, field))
        return sqlite3_bind_null(statement, place);
    if (field->kind == RECORD_FIELD_OUTCOME)
        return sqlite3_bind_text(statement, place, record_outcome_name(record->outcome), -1, SQLITE_STATIC);
    if (record_field_is_number(field))
        return sqlite3_bind_int64(statement, place, record_field_number(record, field));
    struct slice bytes = record_field_bytes(record, field);
    if (field->kind == RECORD_FIELD_BYTES)
        return sqlite3_bind_blob64(statement, place, bytes.data, bytes.length, SQLITE_STATIC);
    return sqlite3_bind_text64(statement, place, bytes.data, bytes.length, SQLITE_STATIC, SQLITE_UTF8);
}

/* The row in bytes that holds `data`, added where it is not remembered. 0 for no bytes. */
static enum written put_bytes(int64_t *id, struct store *store, struct slice data)
{
    struct bytes_digest digest;
    sqlite3_stmt *statement = store->statements[STORE_ADD_BYTES];
    *id = 0;
    if (data.length == 0)
        return WRITTEN;
    if (!bytes_cache_digest(&digest, store->cache, data))
        return FAILED;
    *id = bytes_cache_find(store->cache, &digest);
    if (*id != 0)
        return WRITTEN;
    enum written result = bound(sqlite3_bind_blob64(statement, 1, data.data, data.length, SQLITE_STATIC));
    if (result == WRITTEN)
        result = run(store, STORE_ADD_BYTES);
    if (result == WRITTEN) {
        *id = sqlite3_last_insert_rowid(store->db);
        bytes_cache_remember(store->cache, &digest, *id);
    }
    return result;
}

/* Bytes that a frame holds once have one address (record_codec.h), so they are looked up once. */
static const int64_t *same_as_before(const struct slice *parts, const int64_t *ids, size_t count, struct slice part)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].data == part.data && parts[i].length == part.length)
            return &ids[i];
    }
    return NULL;
}

static enum written put_views(int64_t *ids, struct store *store, const struct record *record)
{
    struct slice parts[SQL_REFERENCE_COUNT];
    for (size_t i = 0; i < SQL_REFERENCE_COUNT; i++) {
        const struct record_message *view = &record->views[i / 2];
        parts[i] = i % 2 == 0 ? view->head : view->body;
        const int64_t *known = same_as_before(parts, ids, i, parts[i]);
        enum written result = WRITTEN;
        if (known != NULL)
            ids[i] = *known;
        else
            result = put_bytes(&ids[i], store, parts[i]);
        if (result != WRITTEN)
            return result;
    }
    return WRITTEN;
}

static enum written put_record(struct store *store, const struct record *record)
{
    sqlite3_stmt *statement = store->statements[STORE_PUT_EXCHANGE];
    int64_t ids[SQL_REFERENCE_COUNT];
    enum written result = put_views(ids, store, record);
    int place = 1;
    for (size_t i = 0; result == WRITTEN && i < RECORD_FIELD_COUNT; i++)
        result = bound(bind_field(statement, place++, record, &record_fields[i]));
    for (size_t i = 0; result == WRITTEN && i < SQL_REFERENCE_COUNT; i++, place++)
        result =
            bound(ids[i] == 0 ? sqlite3_bind_null(statement, place) : sqlite3_bind_int64(statement, place, ids[i]));
    return result == WRITTEN ? run(store, STORE_PUT_EXCHANGE) : result;
}

static enum written put_replied(struct store *store, const struct replied *replied)
{
    sqlite3_stmt *statement = store->statements[STORE_PUT_REPLIED];
    int code = sqlite3_bind_int64(statement, 1, replied->replied_us);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int(statement, 2, replied->delivered ? 1 : 0);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int64(statement, 3, replied->id);
    return code == SQLITE_OK ? run(store, STORE_PUT_REPLIED) : bound(code);
}

static enum written put_entry(struct store *store, const struct batch_entry *entry)
{
    struct record record;
    if (entry->record.length == 0)
        return put_replied(store, &entry->replied);
    if (!record_decode(&record, entry->record))
        return LEFT_OUT;
    if (entry->replied.id != 0) {
        record.replied_us = entry->replied.replied_us;
        record.delivered = entry->replied.delivered;
    }
    return put_record(store, &record);
}

bool store_write_batch(struct store *store, const struct batch *batch, struct error *error)
{
    for (size_t i = 0; i < batch->count; i++) {
        enum written result = put_entry(store, &batch->entries[i]);
        if (result == FAILED)
            return fail(store, error);
        if (result == WRITTEN)
            continue;
        store->left_out_now++;
        log_error("exchange %" PRId64 " cannot be recorded and is left out (%s); %" PRIu64 " so far",
                  batch->entries[i].id, sqlite3_errmsg(store->db), store->rows_left_out + store->left_out_now);
    }
    return true;
}

bool store_set_ring_position(struct store *store, const char *ring, const char *run_name, uint64_t sequence,
                             struct error *error)
{
    sqlite3_stmt *statement = store->statements[STORE_PUT_POSITION];
    int code = sqlite3_bind_text(statement, 1, ring, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(statement, 2, run_name, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int64(statement, 3, (int64_t)sequence);
    return (code == SQLITE_OK && run(store, STORE_PUT_POSITION) == WRITTEN) || fail(store, error);
}

bool store_note_incident(struct store *store, int64_t at_us, const char *kind, int64_t count, const char *detail,
                         struct error *error)
{
    (void)error; /* nothing fails here */
    log_debug("%s at %" PRId64 ": %s, %" PRId64 ": %s", store->path, at_us, kind, count, detail);
    return true;
}
