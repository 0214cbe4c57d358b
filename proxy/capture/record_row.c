/* From SQLite's columns to a record. The reader's thread; a migration's. */
#include "record_row.h"

#include "countersign/http_message.h"

#include <string.h>

void record_row_append_columns(struct buffer *sql, enum record_row_kind kind)
{
    sql_append_columns(sql, "");
    if (kind == RECORD_ROW_FACTS) {
        (void)buffer_append_text(sql, ", upstream_request_body"); /* see failed, here and below */
        return;
    }
    for (size_t i = 0; i < SQL_REFERENCE_COUNT; i++)
        (void)buffer_append_format(sql, ", %s", sql_reference_columns[i]);
}

static bool read_field(struct record *record, const struct record_field *field, sqlite3_stmt *row, int column)
{
    bool is_null = sqlite3_column_type(row, column) == SQLITE_NULL;
    if (field->kind == RECORD_FIELD_OUTCOME)
        return is_null || record_outcome_parse(&record->outcome, sql_column_bytes(row, column));
    if (field->kind == RECORD_FIELD_SIGNATURE)
        return is_null || record_client_signature_parse(&record->client_signature, sql_column_bytes(row, column));
    if (record_field_is_number(field)) {
        record_field_set_number(record, field, is_null ? field->absent : sqlite3_column_int64(row, column));
        return true;
    }
    return is_null || record_field_set_bytes(record, field, sql_column_bytes(row, column));
}

bool record_row_read(struct record *record, sqlite3_stmt *row, enum record_row_kind kind, const char **column)
{
    struct record read = { .outcome = RECORD_IN_FLIGHT };
    for (int i = 0; i < RECORD_FIELD_COUNT; i++) {
        *column = record_fields[i].column;
        if (!read_field(&read, &record_fields[i], row, i))
            return false;
    }
    for (int i = 0; kind == RECORD_ROW_WHOLE && i < SQL_REFERENCE_COUNT; i++) {
        struct record_message *view = &read.views[i / 2];
        *(i % 2 == 0 ? &view->head : &view->body) = sql_column_bytes(row, RECORD_FIELD_COUNT + i);
    }
    *record = read;
    return true;
}

bool record_row_complete(struct record *record, sqlite3_stmt *row, enum record_row_kind kind, struct digester *digester,
                         const char **column)
{
    const struct record_field *field = record_field_find("payload_sha256");
    struct digest digest;
    if (!record->is_signed || sqlite3_column_type(row, (int)(field - record_fields)) != SQLITE_NULL)
        return true;
    struct slice body = kind == RECORD_ROW_WHOLE ? record->views[RECORD_UPSTREAM_REQUEST].body
                                                 : sql_column_bytes(row, RECORD_FIELD_COUNT);
    *column = field->column;
    if (!digester_of(&digest, digester, http_target_query(record->target), body))
        return false;
    _Static_assert(sizeof(record->payload_sha256) == DIGEST_LENGTH, "the payload's digest is a SHA-256");
    memcpy(record->payload_sha256, digest.bytes, DIGEST_LENGTH);
    return true;
}
