/* A reader's life: which file, whether it may be read, whether it is one of ours. Owns one read-only connection.
 *
 * No statement stays open between two calls: an open one holds a snapshot, and the writer's log could not be emptied
 * under it. */
#include "reader_private.h"

#include "schema.h"
#include "state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_WAIT_MS = 2000, RECORD_BYTES_MAX = 2000000000 /* of one exchange; SQLite's bound for one value is 10^9 */ };

char *capture_store_file(const char *state_dir)
{
    return state_dir_file(state_dir, "capture.db");
}

/* --- opening --- */

#define WHAT_STORES_ARE "a record is the file capture.db of a proxy's state folder, or a copy of it (--store FILE)"

/* A file of another name than a proxy gives its record was named by a person. */
static bool is_named_by_proxies(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash == NULL ? path : slash + 1, "capture.db") == 0;
}

static bool nothing_recorded(struct error *error, const char *path)
{
    if (!is_named_by_proxies(path))
        return error_set(error, ERROR_INPUT, "there is no record %s: " WHAT_STORES_ARE, path);
    return error_set(error, ERROR_INPUT,
                     "there is no %s: nothing has been recorded there yet; start `countersign serve` first, or name "
                     "the folder of the record with --state-dir, or its file with --store",
                     path);
}

static bool is_no_store(struct error *error, const char *path)
{
    return error_set(error, ERROR_INPUT, "%s is no capture store: " WHAT_STORES_ARE, path);
}

static bool check_file(struct capture_reader *reader, struct error *error)
{
    struct stat status;
    const char *path = reader->path;
    if (stat(path, &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return nothing_recorded(error, path);
        return error_set(error, ERROR_INPUT, "cannot look at %s: %s; check the owner and mode of its folder", path,
                         strerror(errno));
    }
    if (S_ISDIR(status.st_mode))
        return error_set(error, ERROR_INPUT, "%s is a folder, not a capture store", path);
    if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0)
        return error_set(error, ERROR_INPUT,
                         "cannot read %s: %s; it is for its owner (uid %ld) alone, so run this as that user", path,
                         strerror(errno), (long)status.st_uid);
    reader->device = status.st_dev;
    reader->inode = status.st_ino;
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
    if (done && sql_open(&reader->db, name, flags) != SQLITE_OK)
        done = reader_error(error, reader);
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

/* The writer's advice, to move the file away, would be wrong here: any file can be named to be read. */
static bool identify(struct sql_identity *identity, struct capture_reader *reader, struct error *error)
{
    if (connect_store(reader, identity, error))
        return sql_identity_is_ours(identity) ? sql_identity_check(identity, reader->path, error)
                                              : is_no_store(error, reader->path);
    if (reader->db != NULL && (sqlite3_errcode(reader->db) & 0xFF) == SQLITE_NOTADB)
        (void)is_no_store(error, reader->path); /* false, as below */
    return false;
}

static bool refuse_old(const struct capture_reader *reader, int64_t version, struct error *error)
{
    return error_set(error, ERROR_INPUT,
                     "%s is of an older version (%lld, this program reads %d): `countersign log migrate` or the next "
                     "`countersign serve` carries it over",
                     reader->path, (long long)version, SCHEMA_VERSION);
}

static bool prepare_row(sqlite3_stmt **statement, struct capture_reader *reader, enum record_row_kind kind,
                        struct error *error)
{
    struct buffer sql;
    buffer_init(&sql, SQL_TEXT_MAX);
    (void)buffer_append_text(&sql, "SELECT "); /* `failed` is checked below */
    record_row_append_columns(&sql, kind);
    (void)buffer_append_text(&sql, " FROM exchange WHERE id = ?");
    return reader_prepare_buffer(statement, reader, &sql, error);
}

static bool prepare_reconciled(struct capture_reader *reader, struct error *error)
{
    int64_t is_there;
    return reader_number(&is_there, reader, "SELECT count(*) FROM sqlite_master WHERE name = 'reconciled'", error) &&
           (is_there == 0 ||
            reader_prepare(&reader->reconciled, reader,
                           "SELECT summary, detail, at_us, settled FROM reconciled WHERE exchange = ?", error));
}

static bool open_steps(struct capture_reader *reader, struct error *error)
{
    struct sql_identity identity = { .version = 0 };
    if (!check_file(reader, error) || !identify(&identity, reader, error))
        return false;
    if (identity.version == 0) /* made, but its first run ended before the tables */
        return nothing_recorded(error, reader->path);
    if (identity.version != SCHEMA_VERSION)
        return refuse_old(reader, identity.version, error);
    return digester_create(&reader->digester, error) && prepare_row(&reader->facts, reader, RECORD_ROW_FACTS, error) &&
           prepare_row(&reader->whole, reader, RECORD_ROW_WHOLE, error) && prepare_reconciled(reader, error) &&
           reader_prepare(&reader->data_version, reader, "PRAGMA data_version", error);
}

bool capture_reader_open(struct capture_reader **reader, const char *path, struct error *error)
{
    struct error why = { .kind = ERROR_NONE };
    struct capture_reader *made = calloc(1, sizeof(*made));
    if (made != NULL)
        made->path = strdup(path);
    if (made == NULL || made->path == NULL) {
        free(made);
        return error_set(error, ERROR_MEMORY, "out of memory while opening %s", path);
    }
    buffer_init(&made->bytes, RECORD_BYTES_MAX);
    if (!sql_for_person(open_steps(made, &why), &why)) {
        if (error != NULL)
            *error = why;
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
    (void)sqlite3_finalize(reader->facts); /* repeats an earlier failure, which was told; likewise below */
    (void)sqlite3_finalize(reader->whole);
    (void)sqlite3_finalize(reader->reconciled);
    (void)sqlite3_finalize(reader->data_version);
    close_connection(reader);
    digester_free(reader->digester);
    buffer_free(&reader->bytes);
    free(reader->path);
    free(reader);
}

bool capture_reader_is_current(const struct capture_reader *reader)
{
    struct stat status;
    return stat(reader->path, &status) == 0 && status.st_dev == reader->device && status.st_ino == reader->inode;
}
