/* From SQLite's columns to a record. The reader's thread; a migration's. */
#include "record_row.h"

#include "countersign/http_message.h"

#include <string.h>

void record_row_append_columns(struct buffer *sql, enum record_row_kind kind, const char *prefix)
{
    sql_append_columns(sql, prefix);
    if (kind == RECORD_ROW_FACTS) {
        (void)buffer_append_format(sql, ", %supstream_request_body", prefix); /* see failed, here and below */
        return;
    }
    for (size_t i = 0; i < SQL_REFERENCE_COUNT; i++)
        (void)buffer_append_format(sql, ", %s%s", prefix, sql_reference_columns[i]);
}

static struct slice column_bytes(sqlite3_stmt *row, int column)
{
    const void *data = sqlite3_column_blob(row, column); /* text, too, as it is stored */
    return slice_of(data, (size_t)sqlite3_column_bytes(row, column));
}

static bool read_field(struct record *record, const struct record_field *field, sqlite3_stmt *row, int column)
{
    bool is_null = sqlite3_column_type(row, column) == SQLITE_NULL;
    if (field->kind == RECORD_FIELD_OUTCOME)
        return is_null || record_outcome_parse(&record->outcome, column_bytes(row, column));
    if (record_field_is_number(field)) {
        record_field_set_number(record, field, is_null ? field->absent : sqlite3_column_int64(row, column));
        return true;
    }
    return is_null || record_field_set_bytes(record, field, column_bytes(row, column));
}

/* The store leaves the digest out where it follows from what is there (store_write.c). */
static bool complete_digest(struct record *record, sqlite3_stmt *row, struct slice body, struct digester *digester)
{
    static const struct record nothing;
    const struct record_field *field = record_field_find("payload_sha256");
    struct digest digest;
    if (!record->is_signed || sqlite3_column_type(row, (int)(field - record_fields)) != SQLITE_NULL)
        return true;
    if (!digester_of(&digest, digester, http_target_query(record->target), body))
        return false;
    _Static_assert(sizeof(nothing.payload_sha256) == DIGEST_LENGTH, "the payload's digest is a SHA-256");
    memcpy(record->payload_sha256, digest.bytes, DIGEST_LENGTH);
    return true;
}

bool record_row_read(struct record *record, sqlite3_stmt *row, enum record_row_kind kind, struct digester *digester,
                     const char **column)
{
    struct record read = { .outcome = RECORD_IN_FLIGHT };
    struct slice body = slice_of(NULL, 0);
    for (int i = 0; i < RECORD_FIELD_COUNT; i++) {
        if (column != NULL)
            *column = record_fields[i].column;
        if (!read_field(&read, &record_fields[i], row, i))
            return false;
    }
    if (kind == RECORD_ROW_FACTS)
        body = column_bytes(row, RECORD_FIELD_COUNT);
    for (int i = 0; kind == RECORD_ROW_WHOLE && i < SQL_REFERENCE_COUNT; i++) {
        struct record_message *view = &read.views[i / 2];
        *(i % 2 == 0 ? &view->head : &view->body) = column_bytes(row, RECORD_FIELD_COUNT + i);
    }
    if (kind == RECORD_ROW_WHOLE)
        body = read.views[RECORD_UPSTREAM_REQUEST].body;
    if (column != NULL)
        *column = "payload_sha256";
    if (!complete_digest(&read, row, body, digester))
        return false;
    *record = read;
    return true;
}
