/* The store's life: made or opened, checked, migrated, set aside, closed; its transactions. capture_open's thread, and then
 * the recorder's; a tool's. */
#include "store_private.h"

#include "migrate.h"
#include "schema.h"
#include "set_aside.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORE_MODE = S_IRUSR | S_IWUSR, TEMPLATE_MAX = 1 << 30, SCRIPT_MAX = 1 << 16 };

/* Measured by storing 400,000 exchanges: page_size 16384 took 27 to 30 µs of processor time for each, 4096 33 to 35, 65536
 * no less than 16384. There are no foreign keys: what is referred to is written before, in the same transaction or an
 * earlier one, and deleted after (store_prune.c); checking it for eight references took 11 µs more.
 * auto_vacuum = INCREMENTAL is what gives space back in small steps.
 * synchronous = NORMAL syncs at checkpoints alone: what the process's death leaves is whole without any. */
static const char settings[] = "PRAGMA page_size = 16384;"         /* before the first table is made */
                               "PRAGMA auto_vacuum = INCREMENTAL;" /* likewise */
                               "PRAGMA journal_mode = WAL;"
                               "PRAGMA foreign_keys = OFF;"
                               "PRAGMA cache_size = -32768;" /* KiB */
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

/* --- opening --- */

static bool run_parts(struct store *store, const char *const *parts, struct error *error)
{
    struct buffer script;
    buffer_init(&script, SCRIPT_MAX);
    for (const char *const *part = parts; *part != NULL; part++)
        (void)buffer_append_text(&script, *part); /* `failed` is checked below */
    const char *text = buffer_text(&script);
    bool done = script.failed ? error_set(error, ERROR_MEMORY, "out of memory for the capture store")
                              : sql_run(store->db, text, store->options.path, error);
    buffer_free(&script);
    return done;
}

/* In one transaction: all of it, or nothing. */
static bool make_schema(struct store *store, const char *const *parts, struct error *error)
{
    const char *path = store->options.path;
    char mark[96];
    (void)sqlite3_snprintf(sizeof(mark), mark, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                           SCHEMA_APPLICATION_ID, SCHEMA_VERSION); /* fits */
    return sql_run(store->db, "BEGIN IMMEDIATE", path, error) && sql_run(store->db, mark, path, error) &&
           run_parts(store, parts, error) && sql_run(store->db, "COMMIT", path, error);
}

/* Another process may have done it since this one looked: then there is nothing left to do. */
static bool make_schema_once(struct store *store, const char *const *parts, struct error *error)
{
    struct sql_identity identity;
    struct error why = { .kind = ERROR_NONE };
    if (make_schema(store, parts, &why))
        return true;
    if (sqlite3_get_autocommit(store->db) == 0)
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL); /* SQLite did it itself where this fails */
    if (sql_identify(&identity, store->db, store->options.path, NULL) && identity.version == SCHEMA_VERSION)
        return true;
    if (error != NULL)
        *error = why;
    return false;
}

static void wait_for_writers(struct store *store)
{
    int wait_ms = store->options.busy_wait_ms > 0 ? store->options.busy_wait_ms : STORE_BUSY_WAIT_MS;
    (void)sqlite3_busy_timeout(store->db, wait_ms); /* cannot fail on an open store */
}

static bool connect_file(struct store *store, struct error *error)
{
    /* Used by one thread at a time: SQLite's own locks would cost and protect nothing. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (sql_open(&store->db, store->options.path, flags) != SQLITE_OK)
        return sql_error(error, store->db, "open", store->options.path);
    (void)sqlite3_extended_result_codes(store->db, 1); /* cannot fail on an open store */
    wait_for_writers(store);
    /* Until the store is known to be ours, closing must not move its log into the file: a store that is refused stays as
     * it was, byte for byte. */
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* a known option of an open store */
    return true;
}

static bool refuse_old(const struct store *store, int64_t version, struct error *error)
{
    return error_set(error, ERROR_INPUT,
                     "%s has schema version %lld, this program writes %d: `countersign log migrate` carries it over",
                     store->options.path, (long long)version, SCHEMA_VERSION);
}

static bool close_file(struct store *store)
{
    bool closed = sqlite3_close(store->db) == SQLITE_OK;
    if (!closed)
        log_error("%s was not closed: %s", store->options.path, sqlite3_errmsg(store->db));
    store->db = NULL;
    return closed;
}

/* The file is open and ours, in today's schema: migrated, or made, where need be. */
static bool open_current(struct store *store, struct error *error)
{
    struct sql_identity identity;
    const char *path = store->options.path;
    if (!connect_file(store, error) || !sql_identify(&identity, store->db, path, error) ||
        !sql_identity_check(&identity, path, error))
        return false;
    if (identity.version != 0 && identity.version < SCHEMA_VERSION && !store->options.owned)
        return refuse_old(store, identity.version, error);
    if (identity.version != 0 && identity.version < SCHEMA_VERSION_EXTENDED) {
        (void)close_file(store); /* was told */
        if (!migrate_store(path, identity.version, store->options.progress, error) || !connect_file(store, error))
            return false;
        identity.version = SCHEMA_VERSION;
    }
    return sql_run(store->db, settings, path, error) &&
           sql_run(store->db, store->options.power ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", path,
                   error) &&
           (identity.version == SCHEMA_VERSION ||
            make_schema_once(store, identity.version == 0 ? schema_parts : schema_extension, error)) &&
           sql_run(store->db, schema_additions, path, error);
}

static void note_damage(struct store *store)
{
    int code = store->db == NULL ? SQLITE_OK : sqlite3_errcode(store->db) & 0xFF;
    store->is_damaged = store->is_damaged || code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

static bool open_steps(struct store *store, struct error *error)
{
    bool done = digester_create(&store->digester, error) && fingerprinter_init(&store->fingerprinter, error) &&
                id_cache_create(&store->bytes_cache, error) && id_cache_create(&store->head_cache, error) &&
                head_memos_create(&store->head_memos, RECORD_VIEW_COUNT, error);
    if (!done)
        return false;
    done = open_current(store, error) && store_prepare(store, error) && store_refresh(store, error);
    if (!done) {
        note_damage(store);
        return false;
    }
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL); /* a known option */
    return true;
}

static void free_store(struct store *store)
{
    for (size_t i = 0; i < STORE_STATEMENT_COUNT; i++)
        (void)sqlite3_finalize(store->statements[i]); /* repeats an earlier failure, which was told */
    for (size_t i = 0; i < DICTIONARY_COUNT; i++)
        dictionary_close(&store->dictionaries[i]);
    (void)close_file(store); /* was told */
    id_cache_free(store->bytes_cache);
    id_cache_free(store->head_cache);
    free(store->head_memos);
    digester_free(store->digester);
    buffer_free(&store->template);
    free(store);
}

static bool open_once(struct store **store, const struct store_options *options, bool *is_damaged, struct error *error)
{
    if (!make_private(options->path, error))
        return false;
    struct store *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        (void)error_set(error, ERROR_MEMORY, "out of memory for the capture store"); /* says false */
        return false;
    }
    made->options = *options;
    buffer_init(&made->template, TEMPLATE_MAX);
    if (!open_steps(made, error)) {
        *is_damaged = made->is_damaged;
        free_store(made);
        return false;
    }
    *store = made;
    return true;
}

static bool note_set_aside(struct store *store, const char *aside, struct error *error)
{
    return store_begin(store, error) && store_note_incident(store, clock_wall_us(), "set-aside", 1, aside, error) &&
           store_commit(store, error);
}

/* The file that cannot be trusted is renamed, and a new one begun. */
static bool begin_anew(struct store **store, const struct store_options *options, const struct error *why,
                       struct error *error)
{
    char aside[SET_ASIDE_PATH_MAX];
    bool still_damaged = false;
    struct store *made = NULL;
    struct error no_note;
    if (!set_aside(aside, options->path, clock_wall_us(), error) || !open_once(&made, options, &still_damaged, error))
        return false;
    const struct log_value values[] = {
        { "event", "set-aside", 0 }, { "record", options->path, 0 }, { "kept", aside, 0 }, { NULL, NULL, 0 }
    };
    log_line_values(LOG_LEVEL_ERROR, values, "%s; it is kept as %s, and a new record is begun", why->message, aside);
    if (!note_set_aside(made, aside, &no_note))
        log_warning("that is not noted in the new record: %s", no_note.message);
    *store = made;
    return true;
}

bool store_open(struct store **store, const struct store_options *options, struct error *error)
{
    struct error why = { .kind = ERROR_NONE };
    bool is_damaged = false;
    if (open_once(store, options, &is_damaged, &why))
        return true;
    if (is_damaged && options->owned)
        return begin_anew(store, options, &why, error);
    if (error != NULL)
        *error = why;
    return false;
}

bool store_set_aside(struct store **store, struct error *error)
{
    struct store_options options = (*store)->options;
    struct error why;
    (void)sql_error(&why, (*store)->db, "write", options.path);                       /* for its words */
    (void)sqlite3_db_config((*store)->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* a known option */
    free_store(*store);
    *store = NULL;
    return begin_anew(store, &options, &why, error);
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    store_give_log_back(store);
    free_store(store);
}

void store_give_log_back(struct store *store)
{
    /* A reader can keep the log from being emptied; what is in it counts all the same. Waiting for it would hold a recorder
     * up. */
    (void)sqlite3_busy_timeout(store->db, 0); /* cannot fail on an open store */
    (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    wait_for_writers(store);
}

bool store_seal(struct store *store, struct error *error)
{
    const char *path = store->options.path;
    if (sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
        return sql_error(error, store->db, "write", path);
    return sql_run(store->db, "PRAGMA journal_mode = DELETE", path, error);
}

bool store_is_damaged(const struct store *store)
{
    return store->is_damaged;
}

/* --- transactions --- */

int store_step(const struct store *store, enum store_statement which)
{
    sqlite3_stmt *statement = store->statements[which];
    int code = sqlite3_step(statement);
    (void)sqlite3_reset(statement); /* tells the step's failure once more */
    return code;
}

void store_rollback(struct store *store)
{
    if (sqlite3_get_autocommit(store->db) == 0)
        (void)store_step(store, STORE_ROLLBACK); /* SQLite rolled back itself where this fails */
    store->is_stale = true;
}

bool store_fail(struct store *store, struct error *error)
{
    (void)sql_error(error, store->db, "write", store->options.path);
    note_damage(store);
    store_rollback(store);
    return false;
}

/* Whether another connection has written since. */
static bool is_changed(struct store *store, bool *changed, struct error *error)
{
    sqlite3_stmt *statement = store->statements[STORE_DATA_VERSION];
    bool done = sqlite3_step(statement) == SQLITE_ROW;
    int64_t version = sqlite3_column_int64(statement, 0);
    (void)sqlite3_reset(statement); /* tells the step's failure once more */
    if (!done)
        return store_fail(store, error);
    *changed = version != store->data_version;
    store->data_version = version;
    return true;
}

bool store_begin(struct store *store, struct error *error)
{
    bool changed = false;
    store->left_out_now = 0;
    store->rows_waiting = 0; /* of a batch that failed */
    if (store_step(store, STORE_BEGIN) != SQLITE_DONE)
        return store_fail(store, error);
    if (!is_changed(store, &changed, error))
        return false;
    return (!changed && !store->is_stale) || store_refresh(store, error) || store_fail(store, error);
}

bool store_commit(struct store *store, struct error *error)
{
    if (store_write_epoch(store) != SQLITE_DONE || store_step(store, STORE_COMMIT) != SQLITE_DONE)
        return store_fail(store, error);
    store->rows_left_out += store->left_out_now;
    return true;
}

void store_let_go(struct store *store)
{
    (void)sqlite3_db_release_memory(store->db); /* what is in use stays */
}
