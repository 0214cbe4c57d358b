/* The store's life: made or opened, checked, migrated, closed. capture_open's thread, and then the recorder's. */
#include "store_private.h"

#include "schema.h"

#include "countersign/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORE_MODE = S_IRUSR | S_IWUSR, BUSY_WAIT_MS = 200 };

/* Processor time for one exchange, worker and recorder together, measured by storing 400,000 with 600-byte bodies (three
 * runs each; rates varied too much with the machine's other work to compare by):
 * - page_size 16384: 27 to 30 µs; 4096: 33 to 35 µs; 65536 was no different from 16384.
 * - foreign_keys OFF: 27 to 30 µs; ON: 38 to 41 µs, for eight references. They are declared, and hold by construction: a
 *   row in bytes is written before what refers to it, in the same transaction or an earlier one, and nothing deletes.
 * synchronous = NORMAL syncs at checkpoints alone: what the process's death leaves is whole without any. FULL syncs at each
 * commit: the rings give their room free then (durability = power). */
static const char settings[] = "PRAGMA page_size = 16384;" /* before the first table is made */
                               "PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = NORMAL;"
                               "PRAGMA foreign_keys = OFF;"
                               "PRAGMA cache_size = -16384;" /* KiB */
                               "PRAGMA journal_size_limit = 67108864;";

/* SQLite gives -wal and -shm the mode of the file itself, whatever the umask; so the file's mode is set before it opens.
 * An existing file is not opened here: closing it again would drop locks that this process holds on it (fcntl(2)). */
static bool make_private(const char *path, struct error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, STORE_MODE);
    if (fd >= 0)
        (void)close(fd); /* empty as yet */
    else if (errno != EEXIST)
        return error_system(error, errno, "cannot create %s", path);
    if (chmod(path, STORE_MODE) != 0)
        return error_system(error, errno, "cannot make %s readable for its owner alone", path);
    return true;
}

static bool migrate_from(struct store *store, int64_t version, struct error *error)
{
    char number[64];
    for (const char *const *sql = schema_steps[version]; *sql != NULL; sql++) {
        if (!sql_run(store->db, *sql, store->path, error))
            return false;
    }
    (void)sqlite3_snprintf(sizeof(number), number, "PRAGMA user_version = %lld", (long long)version + 1); /* fits */
    return sql_run(store->db, number, store->path, error);
}

static bool migrate(struct store *store, int64_t version, struct error *error)
{
    char mark[64];
    if (version == SCHEMA_VERSION)
        return true;
    (void)sqlite3_snprintf(sizeof(mark), mark, "PRAGMA application_id = %d", SCHEMA_APPLICATION_ID); /* fits */
    bool done =
        sql_run(store->db, "BEGIN IMMEDIATE", store->path, error) && sql_run(store->db, mark, store->path, error);
    while (done && version < SCHEMA_VERSION)
        done = migrate_from(store, version++, error);
    return done && sql_run(store->db, "COMMIT", store->path, error);
}

/* Until the store is known to be ours, closing must not move its log into the file: a store that is refused stays as it
 * was, byte for byte. */
static bool check_and_migrate(struct store *store, bool power, struct error *error)
{
    struct sql_identity identity;
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* a known option of an open store */
    if (!sql_identify(&identity, store->db, store->path, error) || !sql_identity_check(&identity, store->path, error) ||
        !sql_run(store->db, settings, store->path, error) ||
        (power && !sql_run(store->db, "PRAGMA synchronous = FULL", store->path, error)) ||
        !migrate(store, identity.version, error))
        return false;
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return true;
}

static bool open_database(struct store *store, bool power, struct error *error)
{
    /* Used by one thread at a time: SQLite's own locks would cost and protect nothing. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(store->path, &store->db, flags, NULL) != SQLITE_OK)
        return sql_error(error, store->db, "open", store->path);
    (void)sqlite3_extended_result_codes(store->db, 1);   /* cannot fail on an open store */
    (void)sqlite3_busy_timeout(store->db, BUSY_WAIT_MS); /* likewise */
    return check_and_migrate(store, power, error);
}

static void free_store(struct store *store)
{
    for (size_t i = 0; i < STORE_STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(store->statements[i]); /* repeats an earlier failure, which was told */
    if (sqlite3_close(store->db) != SQLITE_OK)
        log_error("%s was not closed: %s", store->path, sqlite3_errmsg(store->db));
    bytes_cache_free(store->cache);
    free(store);
}

bool store_open(struct store **store, const char *path, bool power, struct error *error)
{
    if (!make_private(path, error))
        return false;
    struct store *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the capture store");
    made->path = path;
    if (!open_database(made, power, error) || !bytes_cache_create(&made->cache, error) || !store_prepare(made, error)) {
        free_store(made);
        return false;
    }
    *store = made;
    return true;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    /* A reader can keep the log from being emptied; what is in it counts all the same. */
    (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    free_store(store);
}

bool store_ring_position(uint64_t *sequence, struct store *store, const char *ring, const char *run,
                         struct error *error)
{
    sqlite3_stmt *statement = NULL;
    if (!sql_prepare(&statement, store->db, "SELECT sequence FROM ring_position WHERE ring = ? AND run = ?",
                     store->path, error))
        return false;
    int64_t found = 0;
    int code = sqlite3_bind_text(statement, 1, ring, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(statement, 2, run, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        found = sqlite3_column_int64(statement, 0);
    bool done = code == SQLITE_ROW || code == SQLITE_DONE;
    if (done)
        *sequence = (uint64_t)found;
    else
        (void)sql_error(error, store->db, "read", store->path);
    (void)sqlite3_finalize(statement); /* repeats the failure, which is told */
    return done;
}

bool store_end_in_flight(uint64_t *count, struct store *store, struct error *error)
{
    static const char sql[] =
        "UPDATE exchange SET outcome = 'unknown', error_name = 'process-ended', error_message = "
        "'the proxy ended before the answer came: whether the exchange carried it out is not known'"
        " WHERE outcome IS NULL";
    if (!sql_run(store->db, sql, store->path, error))
        return false;
    *count = (uint64_t)sqlite3_changes64(store->db);
    return true;
}

bool store_last_id(int64_t *id, struct store *store, struct error *error)
{
    return sql_number(id, store->db, "SELECT max(id) FROM exchange", store->path, error);
}

uint64_t store_rows_left_out(const struct store *store)
{
    return store->rows_left_out;
}
