/* SQLite's results as this program's errors, and the parts of statements that follow from tables. */
#include "sql.h"

#include "schema.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

const char *const sql_reference_columns[SQL_REFERENCE_COUNT] = {
    [2 * RECORD_CLIENT_REQUEST] = "client_request_head",
    [2 * RECORD_CLIENT_REQUEST + 1] = "client_request_body",
    [2 * RECORD_UPSTREAM_REQUEST] = "upstream_request_head",
    [2 * RECORD_UPSTREAM_REQUEST + 1] = "upstream_request_body",
    [2 * RECORD_UPSTREAM_RESPONSE] = "upstream_response_head",
    [2 * RECORD_UPSTREAM_RESPONSE + 1] = "upstream_response_body",
    [2 * RECORD_CLIENT_RESPONSE] = "client_response_head",
    [2 * RECORD_CLIENT_RESPONSE + 1] = "client_response_body",
};

struct advice {
    int code; /* a primary result code */
    enum error_kind kind;
    const char *text;
};

static const struct advice advices[] = {
    { SQLITE_NOTADB, ERROR_INPUT, "it is no SQLite database: move it away, and a new one is made" },
    { SQLITE_CORRUPT, ERROR_INPUT,
      "the file is damaged: move it away (`sqlite3 FILE .recover` may save what is in it)" },
    { SQLITE_FULL, ERROR_SYSTEM, "the disk is full: make room" },
    { SQLITE_BUSY, ERROR_SYSTEM, "another program holds the file's lock: let it finish or end it" },
    { SQLITE_CANTOPEN, ERROR_SYSTEM,
      "check that the file, its folder and the -wal and -shm files beside it may be read" },
    { SQLITE_PERM, ERROR_SYSTEM, "check the file's owner and mode" },
    { SQLITE_READONLY, ERROR_SYSTEM, "check the owner and mode of the file and its folder" },
    { SQLITE_IOERR, ERROR_SYSTEM, "check the disk and the owner and mode of the file and its folder" },
    { SQLITE_NOMEM, ERROR_MEMORY, "make memory available" },
};

/* SQLite calls a full disk an I/O error where it meets it outside the database file itself (the -shm file). */
static int cause_of(sqlite3 *db, int system_number)
{
    int code = sqlite3_errcode(db) & 0xFF;
    bool is_full =
        system_number == ENOSPC || system_number == EDQUOT || sqlite3_extended_errcode(db) == SQLITE_IOERR_SHMSIZE;
    return code == SQLITE_IOERR && is_full ? SQLITE_FULL : code;
}

bool sql_error(struct error *error, sqlite3 *db, const char *tried, const char *path)
{
    int system_number = sqlite3_system_errno(db), code = cause_of(db, system_number);
    bool has_system = (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && system_number != 0;
    const char *message = sqlite3_errmsg(db), *system = has_system ? strerror(system_number) : "";
    const char *between = has_system ? ": " : "";
    for (size_t i = 0; i < ARRAY_LENGTH(advices); i++) {
        if (advices[i].code == code)
            return error_set(error, advices[i].kind, "cannot %s %s: %s%s%s; %s", tried, path, message, between, system,
                             advices[i].text);
    }
    return error_set(error, ERROR_INTERNAL, "cannot %s %s: %s%s%s", tried, path, message, between, system);
}

bool sql_for_person(bool done, struct error *error)
{
    if (!done && error != NULL && error->kind == ERROR_SYSTEM)
        error->kind = ERROR_INPUT;
    return done;
}

/* Before SQLite is first used: what it would count of its memory, under a lock with each allocation, nobody asks for. */
static void set_up(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* where it fails, it counts */
}

int sql_open(sqlite3 **db, const char *path, int flags)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, set_up); /* cannot fail for these arguments */
    return sqlite3_open_v2(path, db, flags, NULL);
}

bool sql_run(sqlite3 *db, const char *sql, const char *path, struct error *error)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    return sql_error(error, db, "write", path);
}

bool sql_prepare(sqlite3_stmt **statement, sqlite3 *db, const char *sql, const char *path, struct error *error)
{
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK)
        return true;
    return sql_error(error, db, "use", path);
}

bool sql_prepare_buffer(sqlite3_stmt **statement, sqlite3 *db, struct buffer *sql, const char *path,
                        struct error *error)
{
    const char *text = buffer_text(sql);
    bool done = sql->failed ? error_set(error, ERROR_MEMORY, "out of memory for a statement on %s", path)
                            : sql_prepare(statement, db, text, path, error);
    buffer_free(sql);
    return done;
}

int sql_bind_value(sqlite3_stmt *statement, int place, const struct value *value)
{
    const char *data = value->text.data;
    size_t length = value->text.length;
    switch (value->kind) {
    case VALUE_NUMBER:
        return sqlite3_bind_int64(statement, place, value->number);
    case VALUE_TEXT:
        return sqlite3_bind_text64(statement, place, data, length, SQLITE_STATIC, SQLITE_UTF8);
    case VALUE_BLOB:
        return sqlite3_bind_blob64(statement, place, data, length, SQLITE_STATIC);
    case VALUE_NULL:
        break;
    }
    return sqlite3_bind_null(statement, place);
}

struct slice sql_column_bytes(sqlite3_stmt *row, int column)
{
    const void *data = sqlite3_column_blob(row, column); /* before the length: SQLite may convert */
    return slice_of(data, (size_t)sqlite3_column_bytes(row, column));
}

bool sql_number(int64_t *value, sqlite3 *db, const char *sql, const char *path, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    bool done = sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK;
    if (done) {
        int step = sqlite3_step(statement);
        if (step == SQLITE_ROW)
            number = sqlite3_column_int64(statement, 0);
        done = step == SQLITE_ROW || step == SQLITE_DONE;
    }
    if (done)
        *value = number;
    else
        (void)sql_error(error, db, "read", path);
    (void)sqlite3_finalize(statement); /* repeats the step's failure, which is told */
    return done;
}

bool sql_identify(struct sql_identity *identity, sqlite3 *db, const char *path, struct error *error)
{
    struct sql_identity found;
    if (!sql_number(&found.version, db, "PRAGMA user_version", path, error) ||
        !sql_number(&found.application, db, "PRAGMA application_id", path, error) ||
        !sql_number(&found.objects, db, "SELECT count(*) FROM sqlite_schema", path, error))
        return false;
    *identity = found;
    return true;
}

bool sql_identity_is_ours(const struct sql_identity *identity)
{
    bool is_new = identity->version == 0 && identity->application == 0 && identity->objects == 0;
    return is_new || identity->application == SCHEMA_APPLICATION_ID;
}

bool sql_identity_check(const struct sql_identity *identity, const char *path, struct error *error)
{
    if (!sql_identity_is_ours(identity))
        return error_set(error, ERROR_INPUT, "%s is another program's database: move it away, or use another state_dir",
                         path);
    if (identity->version > SCHEMA_VERSION)
        return error_set(
            error, ERROR_INPUT,
            "%s has schema version %lld, this program knows up to %d: use the newer countersign that wrote it", path,
            (long long)identity->version, SCHEMA_VERSION);
    return true;
}

void sql_append_columns(struct buffer *sql, const char *prefix)
{
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        (void)buffer_append_format(sql, "%s%s%s", i == 0 ? "" : ", ", prefix, record_fields[i].column); /* see failed */
}
