/* The user's own SQL on the read-only connection. The reader's thread. */
#include "reader_private.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 2000 /* SQLite's own bound */ };

static bool sql_is_wrong(struct error *error, const struct capture_reader *reader)
{
    return error_set(error, ERROR_INPUT, "SQLite says of this statement: %s", sqlite3_errmsg(reader->db));
}

/* Whether there is no further statement: blanks, semicolons and comments alone. */
static bool is_blank(struct capture_reader *reader, const char *text)
{
    while (*text != '\0') {
        sqlite3_stmt *statement = NULL;
        const char *rest = "";
        bool is_one = sqlite3_prepare_v2(reader->db, text, -1, &statement, &rest) != SQLITE_OK || statement != NULL;
        (void)sqlite3_finalize(statement); /* never run */
        if (is_one || rest == text)
            return !is_one;
        text = rest;
    }
    return true;
}

/* One statement that reads; opening read-only keeps the file from being written, this keeps settings and other files. */
static bool prepare_one(sqlite3_stmt **statement, struct capture_reader *reader, const char *sql, struct error *error)
{
    const char *rest = "";
    if (sqlite3_prepare_v2(reader->db, sql, -1, statement, &rest) != SQLITE_OK)
        return sql_is_wrong(error, reader);
    if (*statement == NULL)
        return error_set(error, ERROR_INPUT, "there is no SQL statement in `%.64s`", sql);
    if (!is_blank(reader, rest))
        return error_set(error, ERROR_INPUT, "one statement at a time: what is `%.64s`?", rest);
    return sqlite3_stmt_readonly(*statement) != 0 ||
           error_set(error, ERROR_INPUT, "the record is only read here: use SELECT");
}

static struct capture_value value_of(sqlite3_stmt *row, int column)
{
    static const enum capture_value_kind kinds[] = {
        [SQLITE_INTEGER] = CAPTURE_INTEGER, [SQLITE_FLOAT] = CAPTURE_REAL, [SQLITE_TEXT] = CAPTURE_TEXT,
        [SQLITE_BLOB] = CAPTURE_BLOB,       [SQLITE_NULL] = CAPTURE_NULL,
    };
    struct capture_value value = { .kind = kinds[sqlite3_column_type(row, column)] };
    if (value.kind == CAPTURE_INTEGER)
        value.integer = sqlite3_column_int64(row, column);
    else if (value.kind == CAPTURE_REAL)
        value.real = sqlite3_column_double(row, column);
    else if (value.kind != CAPTURE_NULL)
        value.bytes = slice_of(sqlite3_column_blob(row, column), (size_t)sqlite3_column_bytes(row, column));
    return value;
}

static bool visit_rows(struct capture_reader *reader, sqlite3_stmt *rows, const char **names,
                       struct capture_value *values, bool (*visit)(void *context, const struct capture_row *row),
                       void *context, struct error *error)
{
    size_t count = (size_t)sqlite3_column_count(rows);
    int code;
    bool goes_on = true;
    for (size_t i = 0; i < count; i++)
        names[i] = sqlite3_column_name(rows, (int)i);
    while (goes_on && (code = sqlite3_step(rows)) == SQLITE_ROW) {
        for (size_t i = 0; i < count; i++)
            values[i] = value_of(rows, (int)i);
        goes_on = visit(context, &(struct capture_row){ .count = count, .names = names, .values = values });
    }
    return !goes_on || code == SQLITE_DONE || sql_is_wrong(error, reader);
}

bool capture_reader_sql(struct capture_reader *reader, const char *sql,
                        bool (*visit)(void *context, const struct capture_row *row), void *context, struct error *error)
{
    sqlite3_stmt *rows = NULL;
    const char **names = calloc(COLUMNS_MAX, sizeof(*names));
    struct capture_value *values = calloc(COLUMNS_MAX, sizeof(*values));
    bool done = names != NULL && values != NULL;
    if (!done)
        (void)error_set(error, ERROR_MEMORY, "out of memory for the statement's rows");
    done = done && prepare_one(&rows, reader, sql, error) &&
           visit_rows(reader, rows, names, values, visit, context, error);
    (void)sqlite3_finalize(rows); /* repeats the step's failure, which is told */
    free(values);
    free(names);
    return done;
}
