/* Reading one exchange: every tool's way to it. Owns nothing of its own; the reader's thread. */
#include "reader_private.h"

#include <inttypes.h>
#include <string.h>

/* --- what the reader's files share --- */

bool reader_error(struct error *error, const struct capture_reader *reader)
{
    return sql_for_person(sql_error(error, reader->db, "read", reader->path), error);
}

bool reader_number(int64_t *value, const struct capture_reader *reader, const char *sql, struct error *error)
{
    return sql_for_person(sql_number(value, reader->db, sql, reader->path, error), error);
}

bool reader_prepare(sqlite3_stmt **statement, struct capture_reader *reader, const char *sql, struct error *error)
{
    int flags = SQLITE_PREPARE_PERSISTENT;
    return sqlite3_prepare_v3(reader->db, sql, -1, (unsigned)flags, statement, NULL) == SQLITE_OK ||
           reader_error(error, reader);
}

bool reader_prepare_buffer(sqlite3_stmt **statement, struct capture_reader *reader, struct buffer *sql,
                           struct error *error)
{
    const char *text = buffer_text(sql);
    bool done = sql->failed ? error_set(error, ERROR_MEMORY, "out of memory while reading %s", reader->path)
                            : reader_prepare(statement, reader, text, error);
    buffer_free(sql);
    return done;
}

static sqlite3_stmt *statement_of(const struct capture_reader *reader, enum record_row_kind kind)
{
    return kind == RECORD_ROW_WHOLE ? reader->whole : reader->facts;
}

void reader_reset(struct capture_reader *reader, enum record_row_kind kind)
{
    (void)sqlite3_reset(statement_of(reader, kind)); /* repeats the step's failure, which is told; likewise below */
    (void)sqlite3_reset(reader->reconciled);         /* NULL is allowed */
}

/* What was found out later of an exchange in doubt: few are. */
static bool add_reconciled(struct record *record, const struct capture_reader *reader, struct error *error)
{
    sqlite3_stmt *row = reader->reconciled;
    if (row == NULL || record->outcome != RECORD_UNKNOWN)
        return true;
    (void)sqlite3_reset(row); /* repeats an earlier failure, which was told */
    int code = sqlite3_bind_int64(row, 1, record->id);
    if (code == SQLITE_OK)
        code = sqlite3_step(row);
    if (code == SQLITE_ROW) {
        record->reconciled = sql_column_bytes(row, 0);
        record->reconciled_detail = sql_column_bytes(row, 1);
        record->reconciled_us = sqlite3_column_int64(row, 2);
        record->is_settled = sqlite3_column_int(row, 3) != 0;
    }
    return code == SQLITE_ROW || code == SQLITE_DONE || reader_error(error, reader);
}

static bool has_impossible(const struct capture_reader *reader, int64_t id, const char *column, struct error *error)
{
    return error_set(error, ERROR_INPUT, "exchange %" PRId64 " in %s has a %s that cannot be", id, reader->path,
                     column);
}

bool reader_read(struct record *record, bool *found, struct capture_reader *reader, int64_t id,
                 enum record_row_kind kind, struct error *error)
{
    sqlite3_stmt *row = statement_of(reader, kind);
    const char *column = "";
    int code = sqlite3_bind_int64(row, 1, id);
    if (code == SQLITE_OK)
        code = sqlite3_step(row);
    *found = code == SQLITE_ROW;
    if (code == SQLITE_DONE)
        return true;
    if (code != SQLITE_ROW)
        return reader_error(error, reader);
    if (!record_row_read(record, row, kind, &column))
        return has_impossible(reader, id, column, error);
    if (sqlite3_errcode(reader->db) == SQLITE_NOMEM)
        return reader_error(error, reader);
    return add_reconciled(record, reader, error);
}

bool reader_complete(struct record *record, const struct capture_reader *reader, enum record_row_kind kind,
                     struct error *error)
{
    const char *column = "";
    return record_row_complete(record, statement_of(reader, kind), kind, reader->digester, &column) ||
           has_impossible(reader, record->id, column, error);
}

/* --- one exchange --- */

/* The row's bytes are copied: they end with the statement. One reservation, so that the copies stay where they are. */
static bool keep_bytes(struct record *record, struct capture_reader *reader, struct error *error)
{
    struct slice *parts[RECORD_FIELD_COUNT + SQL_REFERENCE_COUNT + 2];
    size_t count = 0, total = 0;
    parts[count++] = &record->reconciled;
    parts[count++] = &record->reconciled_detail;
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++) {
        if (record_fields[i].kind == RECORD_FIELD_TEXT)
            parts[count++] = (struct slice *)(void *)((char *)record + record_fields[i].offset);
    }
    for (size_t i = 0; i < SQL_REFERENCE_COUNT; i++) {
        struct record_message *view = &record->views[i / 2];
        parts[count++] = i % 2 == 0 ? &view->head : &view->body;
    }
    for (size_t i = 0; i < count; i++)
        total += parts[i]->length;
    buffer_free(&reader->bytes); /* one large exchange must not hold its memory for ever */
    char *copy = buffer_reserve(&reader->bytes, total);
    if (copy == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the %zu bytes of exchange %" PRId64, total,
                         record->id);
    for (size_t i = 0; i < count; i++) {
        if (parts[i]->length > 0)
            memcpy(copy, parts[i]->data, parts[i]->length);
        parts[i]->data = copy;
        copy += parts[i]->length;
    }
    return true;
}

static bool no_such_id(struct capture_reader *reader, int64_t id, struct error *error)
{
    int64_t first, last;
    char text[RECORD_ID_TEXT_MAX];
    if (!reader_number(&first, reader, "SELECT min(id) FROM record WHERE id > 0", error) ||
        !reader_number(&last, reader, "SELECT max(id) FROM record WHERE id > 0", error))
        return false;
    if (id < 0)
        return error_set(error, ERROR_INPUT,
                         "there is no imported exchange %s in %s; `countersign log ls --imported` "
                         "lists them",
                         record_id_text(text, id), reader->path);
    if (last == 0)
        return error_set(error, ERROR_INPUT, "there is no exchange %" PRId64 ": %s holds none yet", id, reader->path);
    return error_set(error, ERROR_INPUT, "there is no exchange %" PRId64 " in %s: it holds %" PRId64 " to %" PRId64, id,
                     reader->path, first, last);
}

bool capture_reader_get(struct record *record, struct capture_reader *reader, int64_t id, struct error *error)
{
    struct record read;
    bool found = false;
    bool done = reader_read(&read, &found, reader, id, RECORD_ROW_WHOLE, error);
    if (done && !found)
        done = no_such_id(reader, id, error);
    done = done && reader_complete(&read, reader, RECORD_ROW_WHOLE, error) && keep_bytes(&read, reader, error);
    reader_reset(reader, RECORD_ROW_WHOLE);
    if (done)
        *record = read;
    return done;
}

bool capture_reader_last_id(int64_t *id, struct capture_reader *reader, struct error *error)
{
    return reader_number(id, reader, "SELECT max(id) FROM record WHERE id > 0", error);
}

bool capture_reader_has_changed(bool *changed, struct capture_reader *reader, struct error *error)
{
    bool done = sqlite3_step(reader->data_version) == SQLITE_ROW;
    int64_t version = sqlite3_column_int64(reader->data_version, 0);
    if (!done)
        (void)reader_error(error, reader);     /* told below */
    (void)sqlite3_reset(reader->data_version); /* repeats the step's failure */
    if (!done)
        return false;
    *changed = !reader->has_looked || version != reader->version;
    reader->version = version;
    reader->has_looked = true;
    return true;
}
