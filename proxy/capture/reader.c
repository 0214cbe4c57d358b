/* Reading the store: every tool's way to it. Owns one read-only connection; one thread at a time.
 *
 * No statement stays open between two calls: an open one holds a snapshot, and the writer's log could not be emptied
 * under it. */
#include "countersign/capture_reader.h"

#include "sql.h"
#include "state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_WAIT_MS = 2000, RECORD_BYTES_MAX = 2000000000 /* of one exchange; SQLite's bound for one value is 10^9 */ };

struct capture_reader {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *newest_first;
    sqlite3_stmt *oldest_first;
    sqlite3_stmt *one;
    struct buffer bytes; /* what the last record's slices point into */
};

char *capture_store_file(const char *state_dir)
{
    return state_dir_file(state_dir, "capture.db");
}

/* --- opening --- */

static bool nothing_recorded(struct error *error, const char *path)
{
    return error_set(
        error, ERROR_INPUT,
        "there is no %s: nothing has been recorded there yet; start `countersign serve` first, or name the "
        "folder of the record with --state-dir",
        path);
}

static bool check_file(const char *path, struct error *error)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        if (errno == ENOENT)
            return nothing_recorded(error, path);
        return error_system(error, errno, "cannot look at %s: check the owner and mode of its folder", path);
    }
    if (S_ISDIR(status.st_mode))
        return error_set(error, ERROR_INPUT, "%s is a folder, not a capture store", path);
    if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0)
        return error_system(error, errno, "cannot read %s: it is for its owner alone, so run this as that user", path);
    return true;
}

/* Whether a write-ahead log with something in it stands beside the store. */
static bool has_log(const char *path)
{
    char *log = NULL;
    struct stat status;
    if (asprintf(&log, "%s-wal", path) < 0)
        return true; /* out of memory: the careful answer */
    bool found = stat(log, &status) == 0 && status.st_size > 0;
    free(log);
    return found;
}

static void append_uri_path(struct buffer *uri, const char *path)
{
    for (; *path != '\0'; path++) {
        if (strchr("%?#", *path) != NULL)
            (void)buffer_append_format(uri, "%%%02X", (unsigned)(unsigned char)*path); /* see failed */
        else
            (void)buffer_append_byte(uri, *path);
    }
}

static bool open_connection(struct capture_reader *reader, bool immutable, struct error *error)
{
    struct buffer uri;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
    buffer_init(&uri, SIZE_MAX / 2); /* three times a path at most */
    (void)buffer_append_text(&uri, "file:");
    append_uri_path(&uri, reader->path);
    (void)buffer_append_text(&uri, immutable ? "?immutable=1" : "");
    const char *name = buffer_text(&uri);
    bool done = !uri.failed || error_set(error, ERROR_MEMORY, "out of memory while opening %s", reader->path);
    if (done && sqlite3_open_v2(name, &reader->db, flags, NULL) != SQLITE_OK)
        done = sql_error(error, reader->db, "open", reader->path);
    buffer_free(&uri);
    if (done)
        (void)sqlite3_busy_timeout(reader->db, BUSY_WAIT_MS); /* cannot fail on an open store */
    return done;
}

static void close_connection(struct capture_reader *reader)
{
    (void)sqlite3_close(reader->db); /* no statement is left, so it cannot be busy */
    reader->db = NULL;
}

/* How SQLite 3.40 fails where it may not make them: as the folder's or as the file's fault. */
static bool lacks_companions(sqlite3 *db)
{
    int code = sqlite3_errcode(db) & 0xFF;
    return code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
}

/* SQLite reads a store in WAL mode with the help of -wal and -shm beside it, which it makes where they are missing. In a
 * folder that may not be written it cannot; then, and where no log is left, the file alone is the whole store. */
static bool connect_store(struct capture_reader *reader, struct sql_identity *identity, struct error *error)
{
    if (!open_connection(reader, false, error))
        return false;
    if (sql_identify(identity, reader->db, reader->path, error))
        return true;
    if (!lacks_companions(reader->db) || has_log(reader->path))
        return false;
    close_connection(reader);
    return open_connection(reader, true, error) && sql_identify(identity, reader->db, reader->path, error);
}

/* --- statements --- */

static bool prepare(sqlite3_stmt **statement, struct capture_reader *reader, struct buffer *sql, struct error *error)
{
    const char *text = buffer_text(sql);
    bool done = sql->failed ? error_set(error, ERROR_MEMORY, "out of memory while reading %s", reader->path)
                            : sql_prepare(statement, reader->db, text, reader->path, error);
    buffer_free(sql);
    return done;
}

static bool prepare_list(struct capture_reader *reader, struct error *error)
{
    struct buffer newest, oldest;
    buffer_init(&newest, SQL_TEXT_MAX);
    buffer_init(&oldest, SQL_TEXT_MAX);
    (void)buffer_append_text(&newest, "SELECT ");
    sql_append_columns(&newest, "");
    (void)buffer_append_text(&newest, " FROM exchange ORDER BY id DESC LIMIT ?");
    (void)buffer_append_format(&oldest, "SELECT * FROM (%s) ORDER BY id ASC", buffer_text(&newest));
    oldest.failed = oldest.failed || newest.failed;
    bool done = prepare(&reader->newest_first, reader, &newest, error);
    return prepare(&reader->oldest_first, reader, &oldest, error) && done;
}

static bool prepare_one(struct capture_reader *reader, struct error *error)
{
    struct buffer sql;
    buffer_init(&sql, SQL_TEXT_MAX);
    (void)buffer_append_text(&sql, "SELECT ");
    sql_append_columns(&sql, "e.");
    for (size_t i = 0; i < SQL_REFERENCE_COUNT; i++)
        (void)buffer_append_format(&sql, ", (SELECT data FROM bytes WHERE id = e.%s)", sql_reference_columns[i]);
    (void)buffer_append_text(&sql, " FROM exchange e WHERE e.id = ?");
    return prepare(&reader->one, reader, &sql, error);
}

static bool open_steps(struct capture_reader *reader, struct error *error)
{
    struct sql_identity identity;
    if (!check_file(reader->path, error) || !connect_store(reader, &identity, error) ||
        !sql_identity_check(&identity, reader->path, error))
        return false;
    if (identity.version == 0) /* made, but its first run ended before the tables */
        return nothing_recorded(error, reader->path);
    return prepare_list(reader, error) && prepare_one(reader, error);
}

bool capture_reader_open(struct capture_reader **reader, const char *path, struct error *error)
{
    struct capture_reader *made = calloc(1, sizeof(*made));
    if (made != NULL)
        made->path = strdup(path);
    if (made == NULL || made->path == NULL) {
        free(made);
        return error_set(error, ERROR_MEMORY, "out of memory while opening %s", path);
    }
    buffer_init(&made->bytes, RECORD_BYTES_MAX);
    if (!open_steps(made, error)) {
        capture_reader_close(made);
        return false;
    }
    *reader = made;
    return true;
}

void capture_reader_close(struct capture_reader *reader)
{
    if (reader == NULL)
        return;
    (void)sqlite3_finalize(reader->newest_first); /* repeats an earlier failure, which was told */
    (void)sqlite3_finalize(reader->oldest_first);
    (void)sqlite3_finalize(reader->one);
    close_connection(reader);
    buffer_free(&reader->bytes);
    free(reader->path);
    free(reader);
}

/* --- rows --- */

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

static bool read_row(struct record *record, struct capture_reader *reader, sqlite3_stmt *row, struct error *error)
{
    struct record read = { .outcome = RECORD_IN_FLIGHT };
    for (int i = 0; i < RECORD_FIELD_COUNT; i++) {
        if (!read_field(&read, &record_fields[i], row, i))
            return error_set(error, ERROR_INPUT, "exchange %" PRId64 " in %s has a %s that cannot be", read.id,
                             reader->path, record_fields[i].column);
    }
    *record = read;
    return true;
}

bool capture_reader_list(struct capture_reader *reader, const struct capture_query *query,
                         bool (*visit)(void *context, const struct record *record), void *context, struct error *error)
{
    sqlite3_stmt *rows = query->oldest_first ? reader->oldest_first : reader->newest_first;
    struct record record;
    int64_t bound = query->limit > INT64_MAX ? INT64_MAX : (int64_t)query->limit;
    bool done = true, goes_on = true;
    int code = sqlite3_bind_int64(rows, 1, bound);
    if (code == SQLITE_OK)
        code = sqlite3_step(rows);
    while (done && goes_on && code == SQLITE_ROW) {
        done = read_row(&record, reader, rows, error);
        goes_on = done && visit(context, &record);
        if (goes_on)
            code = sqlite3_step(rows);
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        done = sql_error(error, reader->db, "read", reader->path);
    (void)sqlite3_reset(rows); /* repeats the step's failure, which is told */
    return done;
}

/* The row's bytes are copied: they end with the statement. One reservation, so that the copies stay where they are. */
static bool keep_bytes(struct record *record, struct capture_reader *reader, struct error *error)
{
    struct slice *parts[RECORD_FIELD_COUNT + SQL_REFERENCE_COUNT];
    size_t count = 0, total = 0;
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

static bool read_one(struct record *record, struct capture_reader *reader, struct error *error)
{
    struct record read;
    if (!read_row(&read, reader, reader->one, error))
        return false;
    for (int i = 0; i < SQL_REFERENCE_COUNT; i++) {
        struct record_message *view = &read.views[i / 2];
        *(i % 2 == 0 ? &view->head : &view->body) = column_bytes(reader->one, RECORD_FIELD_COUNT + i);
    }
    if (sqlite3_errcode(reader->db) == SQLITE_NOMEM)
        return sql_error(error, reader->db, "read", reader->path);
    if (!keep_bytes(&read, reader, error))
        return false;
    *record = read;
    return true;
}

static bool no_such_id(struct capture_reader *reader, int64_t id, struct error *error)
{
    int64_t first, last;
    if (!sql_number(&first, reader->db, "SELECT min(id) FROM exchange", reader->path, error) ||
        !sql_number(&last, reader->db, "SELECT max(id) FROM exchange", reader->path, error))
        return false;
    if (last == 0)
        return error_set(error, ERROR_INPUT, "there is no exchange %" PRId64 ": %s holds none yet", id, reader->path);
    return error_set(error, ERROR_INPUT, "there is no exchange %" PRId64 " in %s: it holds %" PRId64 " to %" PRId64, id,
                     reader->path, first, last);
}

bool capture_reader_get(struct record *record, struct capture_reader *reader, int64_t id, struct error *error)
{
    int code = sqlite3_bind_int64(reader->one, 1, id);
    bool done = false;
    if (code == SQLITE_OK)
        code = sqlite3_step(reader->one);
    if (code == SQLITE_ROW)
        done = read_one(record, reader, error);
    else if (code == SQLITE_DONE)
        done = no_such_id(reader, id, error);
    else
        (void)sql_error(error, reader->db, "read", reader->path);
    (void)sqlite3_reset(reader->one); /* repeats the step's failure, which is told */
    return done;
}

bool capture_reader_last_id(int64_t *id, struct capture_reader *reader, struct error *error)
{
    return sql_number(id, reader->db, "SELECT max(id) FROM exchange", reader->path, error);
}
