/* The store's rows. The recorder's thread (and capture_open's, while it recovers; a tool's, while it imports). */
#include "give_way.h"
#include "store_private.h"

#include "countersign/clock.h"
#include "countersign/hex.h"
#include "countersign/http_message.h"
#include "countersign/log.h"

#include <inttypes.h>
#include <string.h>

enum { SIGNATURE_BYTES = sizeof(((struct record *)0)->signature) / 2, WINDOW_MS = 30000 };

/* --- statements --- */

/* The columns of `record` behind the eight references, in the order in which put_record binds them. */
static const char *const record_columns[] = {
    "id",
    "received_us",
    "party",
    "endpoint",
    "verdict",
    "connection",
    "client_port",
    "query",
    "signed_after",
    "connected_after",
    "sent_after",
    "first_byte_after",
    "complete_after",
    "replied_after",
    "delivered",
    "is_signed",
    "reused",
    "attempts",
    "payload_length",
    "payload_sha256",
    "expires_after",
    "window",
    "signature",
    "date_after",
    "clock_offset_us",
    "clock_bound_us",
    "waited_us",
};

static const char *column_name(size_t i)
{
    size_t own = ARRAY_LENGTH(record_columns);
    return i < own ? record_columns[i] : sql_reference_columns[i - own];
}

static void append_record_sql(struct buffer *sql)
{
    size_t columns = ARRAY_LENGTH(record_columns) + SQL_REFERENCE_COUNT;
    (void)buffer_append_text(sql, "INSERT INTO record("); /* the caller checks `failed`, here and below */
    for (size_t i = 0; i < columns; i++)
        (void)buffer_append_format(sql, "%s%s", i == 0 ? "" : ", ", column_name(i));
    (void)buffer_append_text(sql, ") VALUES (");
    for (size_t i = 0; i < columns; i++)
        (void)buffer_append_text(sql, i == 0 ? "?" : ", ?");
    (void)buffer_append_text(sql, ") ON CONFLICT(id) DO UPDATE SET ");
    for (size_t i = 1; i < columns; i++)
        (void)buffer_append_format(sql, "%s%s = excluded.%s", i == 1 ? "" : ", ", column_name(i), column_name(i));
}

static bool prepare_record(struct store *store, struct error *error)
{
    struct buffer sql;
    buffer_init(&sql, SQL_TEXT_MAX);
    append_record_sql(&sql);
    return sql_prepare_buffer(&store->statements[STORE_PUT_RECORD], store->db, &sql, store->options.path, error);
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
    return prepare_record(store, error);
}

/* --- steps; each gives SQLITE_DONE, or what failed --- */

static int done_if_ok(int code)
{
    return code == SQLITE_OK ? SQLITE_DONE : code;
}

static bool has_signature(const struct record *record)
{
    return record->signature[0] != '\0';
}

static struct head_values values_of(const struct record *record)
{
    struct head_values values = { .target = record->target, .expires_ms = record->expires_ms, .id = record->id };
    if (has_signature(record))
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

/* --- one record's row --- */

/* Binds one value after the other; the first failure stays. */
struct binder {
    sqlite3_stmt *statement;
    int place;
    int code;
};

static void bind_number(struct binder *binder, int64_t number)
{
    binder->place++;
    if (binder->code == SQLITE_OK)
        binder->code = sqlite3_bind_int64(binder->statement, binder->place, number);
}

/* NULL where `known` is false. */
static void bind_known(struct binder *binder, int64_t number, bool known)
{
    if (known) {
        bind_number(binder, number);
        return;
    }
    binder->place++;
    if (binder->code == SQLITE_OK)
        binder->code = sqlite3_bind_null(binder->statement, binder->place);
}

static void bind_blob(struct binder *binder, struct slice bytes, bool known)
{
    if (!known) {
        bind_known(binder, 0, false);
        return;
    }
    binder->place++;
    if (binder->code == SQLITE_OK)
        binder->code =
            sqlite3_bind_blob64(binder->statement, binder->place, bytes.data, bytes.length, SQLITE_TRANSIENT);
}

static void bind_text(struct binder *binder, struct slice text)
{
    binder->place++;
    if (binder->code == SQLITE_OK)
        binder->code =
            sqlite3_bind_text64(binder->statement, binder->place, text.data, text.length, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_times(struct binder *binder, const struct record *record)
{
    const int64_t moments[] = { record->signed_us,     record->connected_us, record->sent_us,
                                record->first_byte_us, record->complete_us,  record->replied_us };
    for (size_t i = 0; i < ARRAY_LENGTH(moments); i++)
        bind_known(binder, (int64_t)((uint64_t)moments[i] - (uint64_t)record->received_us), moments[i] != 0);
}

/* Whether the digest is what a reader gets from the query and the body that left (record_row.c). */
static bool follows_from_payload(const struct store *store, const struct record *record, struct slice query)
{
    struct digest digest;
    return record->is_signed &&
           digester_of(&digest, store->digester, query, record->views[RECORD_UPSTREAM_REQUEST].body) &&
           memcmp(digest.bytes, record->payload_sha256, DIGEST_LENGTH) == 0;
}

static bool is_lower_hex(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        if (!((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f')))
            return false;
    }
    return true;
}

static void bind_signature(struct binder *binder, const struct record *record)
{
    unsigned char bytes[SIGNATURE_BYTES];
    struct slice text = slice_of(record->signature, sizeof(record->signature));
    bool is_known = has_signature(record);
    if (is_known && !is_lower_hex(text))
        bind_text(binder, text);
    else
        bind_blob(binder, slice_of(bytes, sizeof(bytes)), is_known && hex_decode(bytes, text.data, sizeof(bytes)));
}

static void bind_signing(struct binder *binder, const struct store *store, const struct record *record,
                         struct slice query)
{
    int64_t signed_ms = record->signed_us / 1000;
    int64_t window = record->expires_ms / WINDOW_MS; /* as the view has it */
    struct slice digest = slice_of(record->payload_sha256, DIGEST_LENGTH);
    bool keeps_digest = !record->digest_follows && (record->is_signed || !slice_is_zero(digest)) &&
                        !follows_from_payload(store, record, query);
    bind_number(binder, (int64_t)record->payload_length);
    bind_blob(binder, digest, keeps_digest);
    bind_known(binder, record->expires_ms - signed_ms, record->expires_ms != 0);
    bind_known(binder, (int64_t)record->window, (int64_t)record->window != window);
    bind_signature(binder, record);
}

static void bind_facts(struct binder *binder, const struct store *store, const struct record *record,
                       const int64_t *dictionaries, int64_t date_s)
{
    struct slice query;
    int64_t port;
    (void)dictionary_split_query(record->target, &query);       /* for the query alone */
    (void)dictionary_split_port(record->client_address, &port); /* for the port alone */
    bind_number(binder, record->id);
    bind_known(binder, record->received_us, record->received_us != 0);
    bind_number(binder, dictionaries[DICTIONARY_PARTY]);
    bind_number(binder, dictionaries[DICTIONARY_ENDPOINT]);
    bind_number(binder, dictionaries[DICTIONARY_VERDICT]);
    bind_known(binder, dictionaries[DICTIONARY_CONNECTION], dictionaries[DICTIONARY_CONNECTION] != 0);
    bind_known(binder, port, port != 0);
    if (query.data != NULL)
        bind_text(binder, query);
    else
        bind_known(binder, 0, false);
    bind_times(binder, record);
    bind_number(binder, record->delivered ? 1 : 0);
    bind_number(binder, record->is_signed ? 1 : 0);
    bind_number(binder, record->connection.reused ? 1 : 0);
    bind_number(binder, (int64_t)record->attempts);
    bind_signing(binder, store, record, http_target_query(record->target));
    bind_known(binder, date_s - record->received_us / 1000000, date_s != 0);
    bind_known(binder, record->clock_offset_us, record->clock_bound_us != 0);
    bind_known(binder, record->clock_bound_us, record->clock_bound_us != 0);
    bind_known(binder, record->waited_us, record->waited_us != 0);
}

static int put_record(struct store *store, const struct record *record)
{
    int64_t references[SQL_REFERENCE_COUNT], dictionaries[DICTIONARY_COUNT];
    struct head_values values = values_of(record);
    int code = store_begin_epoch_if_due(store);
    if (code == SQLITE_DONE)
        code = put_dictionaries(dictionaries, store, record);
    if (code == SQLITE_DONE)
        code = store_put_heads(references, store, record, values);
    if (code == SQLITE_DONE)
        code = store_put_bodies(references, store, record);
    if (code != SQLITE_DONE)
        return code;
    struct binder binder = { .statement = store->statements[STORE_PUT_RECORD], .code = SQLITE_OK };
    bind_facts(&binder, store, record, dictionaries, values.date_s);
    for (size_t i = 0; i < SQL_REFERENCE_COUNT; i++)
        bind_known(&binder, references[i], references[i] != 0);
    code = done_if_ok(binder.code);
    if (code == SQLITE_DONE)
        code = store_step(store, STORE_PUT_RECORD);
    if (code == SQLITE_DONE)
        store_note_record(store, record);
    return code;
}

static int put_replied(struct store *store, const struct replied *replied)
{
    struct binder binder = { .statement = store->statements[STORE_PUT_REPLIED], .code = SQLITE_OK };
    bind_number(&binder, replied->replied_us);
    bind_number(&binder, replied->delivered ? 1 : 0);
    bind_number(&binder, replied->id);
    return binder.code == SQLITE_OK ? store_step(store, STORE_PUT_REPLIED) : binder.code;
}

/* --- a batch --- */

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
    return put_record(store, &record);
}

static bool is_row_alone(int code)
{
    code &= 0xFF;
    return code == SQLITE_CONSTRAINT || code == SQLITE_TOOBIG || code == SQLITE_MISMATCH;
}

static bool note_left_out(struct store *store, int64_t id, struct error *error)
{
    char detail[128];
    (void)sqlite3_snprintf(sizeof(detail), detail, "exchange %lld cannot be recorded", (long long)id); /* fits */
    return store_note_incident(store, clock_wall_us(), "left-out", 1, detail, error);
}

bool store_write_batch(struct store *store, const struct batch *batch, struct error *error)
{
    for (size_t i = 0; i < batch->count; i++) {
        give_way();
        int code = put_entry(store, &batch->entries[i]);
        if (code == SQLITE_DONE)
            continue;
        if (!is_row_alone(code))
            return store_fail(store, error);
        store->left_out_now++;
        log_error("exchange %" PRId64 " cannot be recorded and is left out (%s); %" PRIu64 " so far",
                  batch->entries[i].id, sqlite3_errmsg(store->db), store->rows_left_out + store->left_out_now);
        if (!note_left_out(store, batch->entries[i].id, error))
            return false;
    }
    return true;
}

bool store_write_record(struct store *store, const struct record *record, struct error *error)
{
    return put_record(store, record) == SQLITE_DONE || store_fail(store, error);
}

bool store_set_ring_position(struct store *store, const char *ring, const char *run, uint64_t sequence,
                             struct error *error)
{
    struct binder binder = { .statement = store->statements[STORE_PUT_POSITION], .code = SQLITE_OK };
    bind_text(&binder, slice_text(ring));
    bind_text(&binder, slice_text(run));
    bind_number(&binder, (int64_t)sequence);
    return (binder.code == SQLITE_OK && store_step(store, STORE_PUT_POSITION) == SQLITE_DONE) ||
           store_fail(store, error);
}
