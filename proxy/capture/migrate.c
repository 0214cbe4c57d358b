/* Version 1 (a table `exchange` with every fact in its row, and heads as they were in `bytes`) to today's. capture_open's
 * thread, or a tool's. */
#include "migrate.h"

#include "record_row.h"
#include "state_dir.h"
#include "store.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMMIT_EVERY = 1000 /* exchanges */ };

struct migration {
    const char *path; /* of the old store */
    char *new_path;
    sqlite3 *old;
    sqlite3_stmt *rows;
    struct store *store; /* the new one */
    struct digester *digester;
    struct capture_progress progress;
    uint64_t done;
    uint64_t total;
    uint64_t left_out;
};

/* --- the old store --- */

/* Nobody else may have it open when its file is replaced: SQLite leaves the WAL mode only then, and removes -wal and -shm. */
static bool take_alone(struct migration *migration, struct error *error)
{
    if (sql_open(&migration->old, migration->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX) != SQLITE_OK)
        return sql_error(error, migration->old, "open", migration->path);
    if (sql_run(migration->old, "PRAGMA journal_mode = DELETE", migration->path, error))
        return true;
    return error_prefix(error, "the record is of an older version and is to be carried over");
}

/* Version 1 kept references where today's view has the bytes, and knew fewer facts. */
static void append_old_columns(struct buffer *sql)
{
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        (void)buffer_append_format(sql, "%s%s%s", i == 0 ? "" : ", ", i < RECORD_FIELD_COUNT_1 ? "e." : "NULL AS ",
                                   record_fields[i].column); /* see failed, here and below */
    for (size_t i = 0; i < SQL_REFERENCE_COUNT; i++)
        (void)buffer_append_format(sql, ", (SELECT data FROM bytes WHERE id = e.%s)",
                                   sql_reference_columns[i]); /* see failed */
}

static bool prepare_old(struct migration *migration, struct error *error)
{
    struct buffer sql;
    int64_t total;
    if (!sql_number(&total, migration->old, "SELECT count(*) FROM exchange", migration->path, error))
        return false;
    migration->total = (uint64_t)total;
    buffer_init(&sql, SQL_TEXT_MAX);
    (void)buffer_append_text(&sql, "SELECT "); /* `failed` is checked below */
    append_old_columns(&sql);
    (void)buffer_append_text(&sql, " FROM exchange e ORDER BY e.id");
    return sql_prepare_buffer(&migration->rows, migration->old, &sql, migration->path, error);
}

/* --- copying --- */

static bool copy_row(struct migration *migration, struct error *error)
{
    struct record record;
    const char *column;
    if (!record_row_read(&record, migration->rows, RECORD_ROW_WHOLE, &column) ||
        !record_row_complete(&record, migration->rows, RECORD_ROW_WHOLE, migration->digester, &column)) {
        log_error("exchange %" PRId64 " in %s has a %s that cannot be: it is left out",
                  (int64_t)sqlite3_column_int64(migration->rows, 0), migration->path, column);
        migration->left_out++;
        return true;
    }
    return store_write_record(migration->store, &record, error);
}

static void tell(const struct migration *migration)
{
    if (migration->progress.tell != NULL)
        migration->progress.tell(migration->progress.context, migration->done, migration->total);
}

static bool commit_now_and_then(struct migration *migration, struct error *error)
{
    migration->done++;
    tell(migration);
    return migration->done % COMMIT_EVERY != 0 ||
           (store_commit(migration->store, error) && store_begin(migration->store, error));
}

static bool copy_exchanges(struct migration *migration, struct error *error)
{
    int code;
    if (!store_begin(migration->store, error))
        return false;
    while ((code = sqlite3_step(migration->rows)) == SQLITE_ROW) {
        if (!copy_row(migration, error) || !commit_now_and_then(migration, error))
            return false;
    }
    if (code != SQLITE_DONE)
        return sql_error(error, migration->old, "read", migration->path);
    bool done = store_commit(migration->store, error);
    tell(migration); /* what follows takes its time, too: the log is moved into the file, which is synced */
    return done;
}

/* Without these, frames that are stored already would be carried over once more. */
static bool copy_positions(struct migration *migration, struct error *error)
{
    sqlite3_stmt *rows = NULL;
    bool done =
        sql_prepare(&rows, migration->old, "SELECT ring, run, sequence FROM ring_position", migration->path, error) &&
        store_begin(migration->store, error);
    int code = SQLITE_DONE;
    while (done && (code = sqlite3_step(rows)) == SQLITE_ROW)
        done = store_set_ring_position(migration->store, (const char *)sqlite3_column_text(rows, 0),
                                       (const char *)sqlite3_column_text(rows, 1),
                                       (uint64_t)sqlite3_column_int64(rows, 2), error);
    if (done && code != SQLITE_DONE)
        done = sql_error(error, migration->old, "read", migration->path);
    (void)sqlite3_finalize(rows); /* repeats the step's failure, which is told */
    return done && store_commit(migration->store, error);
}

/* --- the new store --- */

static bool remove_left(const char *path, struct error *error)
{
    static const char *const endings[] = { "", "-wal", "-shm" };
    for (size_t i = 0; i < ARRAY_LENGTH(endings); i++) {
        char *name = NULL;
        if (asprintf(&name, "%s%s", path, endings[i]) < 0)
            return error_set(error, ERROR_MEMORY, "out of memory for the capture store");
        bool done = unlink(name) == 0 || errno == ENOENT || error_system(error, errno, "cannot remove %s", name);
        free(name);
        if (!done)
            return false;
    }
    return true;
}

static bool sync_file(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_system(error, errno, "cannot open %s", path);
    bool done = fsync(fd) == 0 || error_system(error, errno, "cannot write %s to the disk", path);
    (void)close(fd); /* was synced, or the failure is told */
    return done;
}

static bool sync_folder_of(const char *path, struct error *error)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the capture store");
    bool done = state_dir_sync(dirname(copy), error);
    free(copy);
    return done;
}

/* Where exchanges were left out, the old file stays under another name: they are in it alone. */
static bool keep_old(const struct migration *migration, struct error *error)
{
    char *kept = NULL;
    if (migration->left_out == 0)
        return true;
    if (asprintf(&kept, "%s.older-%" PRId64, migration->path, clock_wall_us() / 1000000) < 0)
        return error_set(error, ERROR_MEMORY, "out of memory for the capture store");
    bool done = link(migration->path, kept) == 0;
    if (done)
        log_warning("%" PRIu64 " exchanges could not be carried over; the old record is kept as %s",
                    migration->left_out, kept);
    else
        (void)error_system(error, errno, "cannot keep %s as %s", migration->path, kept);
    free(kept);
    return done;
}

static bool take_place(const struct migration *migration, struct error *error)
{
    if (!sync_file(migration->new_path, error) || !keep_old(migration, error))
        return false;
    if (rename(migration->new_path, migration->path) != 0)
        return error_system(error, errno, "cannot put %s in the place of %s", migration->new_path, migration->path);
    return sync_folder_of(migration->path, error);
}

/* What was told to be left out is missing, and nothing else. */
static bool check_count(const struct migration *migration, struct error *error)
{
    int64_t count;
    return store_count(&count, migration->store, error) &&
           ((uint64_t)count == migration->done - migration->left_out ||
            error_set(error, ERROR_INTERNAL, "%s: %" PRIu64 " exchanges were carried over, and %" PRId64 " are there",
                      migration->path, migration->done - migration->left_out, count));
}

static bool copy_all(struct migration *migration, struct error *error)
{
    const struct store_options options = { .path = migration->new_path };
    if (!remove_left(migration->new_path, error) || !store_open(&migration->store, &options, error))
        return false;
    bool done = prepare_old(migration, error) && copy_exchanges(migration, error) && copy_positions(migration, error) &&
                check_count(migration, error) && store_seal(migration->store, error);
    (void)sqlite3_finalize(migration->rows); /* repeats an earlier failure, which was told */
    store_close(migration->store);
    return done;
}

bool migrate_store(const char *path, int64_t version, struct capture_progress progress, struct error *error)
{
    struct migration migration = { .path = path, .progress = progress };
    int64_t begun_us = clock_monotonic_us();
    if (asprintf(&migration.new_path, "%s.migrating", path) < 0)
        return error_set(error, ERROR_MEMORY, "out of memory for the capture store");
    bool done =
        digester_create(&migration.digester, error) && take_alone(&migration, error) && copy_all(&migration, error);
    (void)sqlite3_close(migration.old); /* only read from; no statement is left */
    done = done && take_place(&migration, error);
    if (done)
        log_info("%s: %" PRIu64 " exchanges were carried over from schema version %" PRId64 " in %" PRId64 " ms", path,
                 migration.done - migration.left_out, version, (clock_monotonic_us() - begun_us) / 1000);
    else
        (void)remove_left(migration.new_path, NULL); /* the error that is reported comes first */
    digester_free(migration.digester);
    free(migration.new_path);
    return done;
}
