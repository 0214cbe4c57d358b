/* The store's rows. The recorder's thread (and capture_open's, while it recovers; a tool's, while it imports). */
#include "give_way.h"
#include "store_private.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <inttypes.h>

/* --- statements --- */

static bool prepare_records(struct store *store, struct error *error)
{
    const char *path = store->options.path;
    struct buffer put, add;
    buffer_init(&put, SQL_TEXT_MAX);
    buffer_init(&add, SQL_TEXT_MAX);
    store_row_append_put(&put);
    store_row_append_add(&add, STORE_ROWS_AT_ONCE);
    bool has_put = sql_prepare_buffer(&store->statements[STORE_PUT_RECORD], store->db, &put, path, error);
    return sql_prepare_buffer(&store->statements[STORE_ADD_RECORDS], store->db, &add, path, error) && has_put;
}

bool store_prepare(struct store *store, struct error *error)
{
    static const char put_epoch[] = "UPDATE epoch SET first_record = ?, last_record = ?, earliest_us = ?, latest_us = "
                                    "?, disorder_us = ?, records = ?,"
                                    " size = ? WHERE id = ?";
    static const char *const texts[STORE_STATEMENT_COUNT] = {
        [STORE_BEGIN] = "BEGIN IMMEDIATE",
        [STORE_COMMIT] = "COMMIT",
        [STORE_ROLLBACK] = "ROLLBACK",
        [STORE_DATA_VERSION] = "PRAGMA data_version",
        [STORE_ADD_BYTES] = "INSERT INTO bytes(id, data) VALUES (?, ?)",
        [STORE_ADD_HEAD] = "INSERT INTO head(id, template, raw) VALUES (?, ?, ?)",
        [STORE_PUT_REPLIED] =
            "UPDATE record SET replied_after = ? - coalesce(received_us, 0), delivered = ? WHERE id = ?",
        [STORE_PUT_POSITION] = "INSERT OR REPLACE INTO ring_position(ring, run, sequence) VALUES (?, ?, ?)",
        [STORE_ADD_EPOCH] = "INSERT INTO epoch VALUES (?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0)",
        [STORE_PUT_EPOCH] = put_epoch,
    };
    const char *path = store->options.path;
    for (size_t i = 0; i < STORE_STATEMENT_COUNT; i++) {
        if (texts[i] != NULL && !sql_prepare(&store->statements[i], store->db, texts[i], path, error))
            return false;
    }
    for (size_t i = 0; i < DICTIONARY_COUNT; i++) {
        if (!dictionary_open(&store->dictionaries[i], (enum dictionary_kind)i, store->db, path, error))
            return false;
    }
    return prepare_records(store, error);
}

/* --- steps; each gives SQLITE_DONE, or what failed --- */

static struct head_values values_of(const struct record *record)
{
    struct head_values values = { .target = record->target, .expires_ms = record->expires_ms, .id = record->id };
    if (record->signature[0] != '\0')
        values.signature = slice_of(record->signature, sizeof(record->signature));
    values.date_s = head_template_date(record->views[RECORD_UPSTREAM_RESPONSE].head, &values.date);
    return values;
}

static bool has_connection(const struct record_connection *connection)
{
    return connection->ip_family != 0 || connection->remote_address.length > 0 ||
           connection->local_address.length > 0 || connection->local_port != 0 || connection->remote_port != 0 ||
           connection->tls_version.length > 0 || connection->tls_cipher.length > 0 ||
           connection->http_version.length > 0;
}

static int put_dictionaries(int64_t *ids, struct store *store, const struct record *record)
{
    int code = SQLITE_DONE;
    for (size_t kind = 0; code == SQLITE_DONE && kind < DICTIONARY_COUNT; kind++) {
        bool below = kind == DICTIONARY_CONNECTION && store->options.imports;
        ids[kind] = 0;
        if (kind != DICTIONARY_CONNECTION || has_connection(&record->connection))
            code = dictionary_id(&ids[kind], &store->dictionaries[kind], &store->fingerprinter, record,
                                 &store->next.dictionary[kind], below ? -1 : 1);
    }
    return code;
}

/* --- a record's row --- */

/* What the row refers to is written; the row itself is taken, and is to be written next. */
static int take_record(struct store_row *row, struct store *store, const struct record *record)
{
    struct store_row_references references;
    struct head_values values = values_of(record);
    int code = store_begin_epoch_if_due(store);
    if (code == SQLITE_DONE)
        code = put_dictionaries(references.dictionaries, store, record);
    if (code == SQLITE_DONE)
        code = store_put_heads(references.bytes, store, record, values);
    if (code == SQLITE_DONE)
        code = store_put_bodies(references.bytes, store, record);
    if (code == SQLITE_DONE)
        store_row_take(row, record, &references, values.date_s, store->digester);
    return code;
}

static int write_rows(struct store *store, enum store_statement which, const struct store_row *rows, size_t count)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < count; i++)
        code = store_row_bind(store->statements[which], i, &rows[i]);
    if (code == SQLITE_OK)
        code = store_step(store, which);
    for (size_t i = 0; code == SQLITE_DONE && i < count; i++)
        store_note_record(store, store_row_id(&rows[i]), rows[i].received_us);
    return code;
}

static int put_replied(struct store *store, const struct replied *replied)
{
    sqlite3_stmt *put = store->statements[STORE_PUT_REPLIED];
    const int64_t numbers[] = { replied->replied_us, replied->delivered ? 1 : 0, replied->id };
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        int code = sqlite3_bind_int64(put, (int)i + 1, numbers[i]);
        if (code != SQLITE_OK)
            return code;
    }
    return store_step(store, STORE_PUT_REPLIED);
}

/* --- a batch --- */

static bool is_row_alone(int code)
{
    code &= 0xFF;
    return code == SQLITE_CONSTRAINT || code == SQLITE_TOOBIG || code == SQLITE_MISMATCH;
}

static bool leave_out(struct store *store, int64_t id, struct error *error)
{
    char detail[128];
    (void)sqlite3_snprintf(sizeof(detail), detail, "exchange %lld cannot be recorded", (long long)id); /* fits */
    store->left_out_now++;
    log_error("exchange %" PRId64 " cannot be recorded and is left out (%s); %" PRIu64 " so far", id,
              sqlite3_errmsg(store->db), store->rows_left_out + store->left_out_now);
    return store_note_incident(store, clock_wall_us(), "left-out", 1, detail, error);
}

/* What becomes of a step that failed: whether the batch goes on without this exchange. */
static bool goes_on(struct store *store, int code, int64_t id, struct error *error)
{
    return code == SQLITE_DONE || (is_row_alone(code) ? leave_out(store, id, error) : store_fail(store, error));
}

static bool write_each_alone(struct store *store, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct store_row *row = &store->rows[i];
        if (!goes_on(store, write_rows(store, STORE_PUT_RECORD, row, 1), store_row_id(row), error))
            return false;
    }
    return true;
}

/* Writes the rows that wait. Where no table takes one of them, or one is there already, each of them alone tells which; those that
 * were written before it are then written over. */
static bool write_waiting(struct store *store, struct error *error)
{
    size_t count = store->rows_waiting;
    int code = SQLITE_CONSTRAINT;
    store->rows_waiting = 0;
    if (count == STORE_ROWS_AT_ONCE)
        code = write_rows(store, STORE_ADD_RECORDS, store->rows, count);
    if (code == SQLITE_DONE)
        return true;
    return is_row_alone(code) ? write_each_alone(store, count, error) : store_fail(store, error);
}

/* A payload that is no record counts as one that no table takes. */
static int put_entry(struct store *store, const struct batch_entry *entry)
{
    struct record record;
    if (entry->record.length == 0)
        return put_replied(store, &entry->replied);
    if (!record_decode(&record, entry->record))
        return SQLITE_MISMATCH;
    if (entry->replied.id != 0) {
        record.replied_us = entry->replied.replied_us;
        record.delivered = entry->replied.delivered;
    }
    struct store_row *row = &store->rows[store->rows_waiting];
    int code = take_record(row, store, &record);
    if (code != SQLITE_DONE)
        return code;
    if (!entry->is_new)
        return write_rows(store, STORE_PUT_RECORD, row, 1);
    store->rows_waiting++;
    return code;
}

bool store_write_batch(struct store *store, const struct batch *batch, struct error *error)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        give_way();
        /* Rows are an epoch's in which what they refer to was written. */
        bool must_write = store->rows_waiting == STORE_ROWS_AT_ONCE || store_epoch_is_due(store);
        if ((must_write && !write_waiting(store, error)) || !goes_on(store, put_entry(store, entry), entry->id, error))
            return false;
    }
    return write_waiting(store, error);
}

bool store_write_record(struct store *store, const struct record *record, struct error *error)
{
    struct store_row *row = &store->rows[0]; /* none waits: a batch writes all of its own */
    int code = take_record(row, store, record);
    if (code == SQLITE_DONE)
        code = write_rows(store, STORE_PUT_RECORD, row, 1);
    return code == SQLITE_DONE || store_fail(store, error);
}

bool store_set_ring_position(struct store *store, const char *ring, const char *run, uint64_t sequence,
                             struct error *error)
{
    const struct value values[] = { { .kind = VALUE_TEXT, .text = slice_text(ring) },
                                    { .kind = VALUE_TEXT, .text = slice_text(run) },
                                    { .kind = VALUE_NUMBER, .number = (int64_t)sequence } };
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < ARRAY_LENGTH(values); i++)
        code = sql_bind_value(store->statements[STORE_PUT_POSITION], (int)i + 1, &values[i]);
    return (code == SQLITE_OK && store_step(store, STORE_PUT_POSITION) == SQLITE_DONE) || store_fail(store, error);
}
