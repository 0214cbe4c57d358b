/* Deleting what is not to be kept, in steps of a few milliseconds: exchanges, then what only they referred to, then the
 * space. The recorder's thread, or a tool's; the two may do it side by side.
 *
 * What an epoch's exchanges refer to belongs to that epoch: once the last exchange written in it is gone, its rows are. The
 * newest epoch's rows stay: the recorder may be about to refer to them. */
#include "store_private.h"

enum {
    STEP_RECORDS = 256, /* rows deleted in one step */
    STEP_ROWS = 512,
    STEP_PAGES = 64,     /* of the file given back in one step */
    FREE_PAGES_MIN = 256 /* fewer free pages than that a recorder leaves for what comes; a tool leaves none */
};

#define NOT_IN_FLIGHT " AND verdict NOT IN (SELECT id FROM verdict WHERE outcome IS NULL)"

/* A failure within a step's transaction rolls it back. */
static bool number(int64_t *value, struct store *store, const char *sql, struct error *error)
{
    return sql_number(value, store->db, sql, store->options.path, error) || store_fail(store, error);
}

/* Runs one statement with numbers for its places; *changed gets how many rows it changed. */
static bool run_with(int64_t *changed, struct store *store, const char *sql, const int64_t *numbers, int count,
                     struct error *error)
{
    sqlite3_stmt *statement = NULL;
    if (!sql_prepare(&statement, store->db, sql, store->options.path, error))
        return store_fail(store, error);
    int code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < count; i++)
        code = sqlite3_bind_int64(statement, i + 1, numbers[i]);
    while (code == SQLITE_OK || code == SQLITE_ROW)
        code = sqlite3_step(statement);
    (void)sqlite3_finalize(statement); /* repeats the step's failure */
    if (code != SQLITE_DONE)
        return store_fail(store, error);
    *changed = sqlite3_changes64(store->db);
    return true;
}

/* --- bounds --- */

static bool bound_of_count(int64_t *id, struct store *store, int64_t count, struct error *error)
{
    int64_t last;
    *id = 0;
    if (count <= 0)
        return true;
    if (!number(&last, store, "SELECT max(id) FROM record WHERE id > 0", error))
        return false;
    *id = last > count ? last - count : 0;
    return true;
}

static bool used_bytes(int64_t *bytes, struct store *store, struct error *error)
{
    int64_t pages, unused, page_size;
    if (!number(&pages, store, "PRAGMA page_count", error) || !number(&unused, store, "PRAGMA freelist_count", error) ||
        !number(&page_size, store, "PRAGMA page_size", error))
        return false;
    *bytes = (pages - unused) * page_size;
    return true;
}

/* Imported exchanges stay until they are named: recorded ones must not go for their sake. Summed once, not in each step. */
static bool imported_bytes(int64_t *bytes, struct store *store, struct error *error)
{
    if (store->imported_bytes < 0 &&
        !number(&store->imported_bytes, store, "SELECT sum(length(data)) FROM bytes WHERE id < 0", error))
        return false;
    *bytes = store->imported_bytes;
    return true;
}

/* Where the file is too large, the oldest epoch goes, but for the newest. */
static bool bound_of_size(int64_t *id, struct store *store, int64_t bytes, struct error *error)
{
    int64_t used, imported;
    *id = 0;
    if (bytes <= 0)
        return true;
    if (!used_bytes(&used, store, error))
        return false;
    if (used <= bytes)
        return true;
    if (!imported_bytes(&imported, store, error))
        return false;
    return used - imported <= bytes ||
           number(id, store, "SELECT last_record FROM epoch WHERE id < (SELECT max(id) FROM epoch) ORDER BY id LIMIT 1",
                  error);
}

bool store_prune_preview(int64_t *exchanges, struct store *store, struct capture_keep keep, int64_t now_us,
                         struct error *error)
{
    char sql[160];
    int64_t id, oldest_us = keep.age_us > 0 ? now_us - keep.age_us : 0;
    *exchanges = 0;
    if (!bound_of_count(&id, store, keep.count, error))
        return false;
    (void)sqlite3_snprintf(sizeof(sql), sql,
                           "SELECT count(*) FROM record WHERE id > 0 AND (id <= %lld OR received_us < %lld)",
                           (long long)id, (long long)oldest_us); /* fits */
    return (id == 0 && oldest_us == 0) || number(exchanges, store, sql, error);
}

/* --- deleting; within a transaction. Exchanges in flight stay, whatever their age --- */

static bool delete_up_to(int64_t *deleted, struct store *store, int64_t id, struct error *error)
{
    static const char sql[] =
        "DELETE FROM record WHERE id IN (SELECT id FROM record WHERE id > 0 AND id <= ?1" NOT_IN_FLIGHT
        " ORDER BY id LIMIT ?2)";
    const int64_t numbers[] = { id, STEP_RECORDS };
    *deleted = 0;
    return id <= 0 || run_with(deleted, store, sql, numbers, 2, error);
}

/* An epoch's exchanges one by one: one whose clock was ahead keeps no other. */
static bool delete_old_of(int64_t *deleted, struct store *store, sqlite3_stmt *epoch, int64_t oldest_us,
                          struct error *error)
{
    static const char sql[] = "DELETE FROM record WHERE id IN (SELECT id FROM record WHERE id BETWEEN ?1 AND ?2"
                              " AND received_us < ?3" NOT_IN_FLIGHT " ORDER BY id LIMIT ?4)";
    const int64_t numbers[] = { sqlite3_column_int64(epoch, 0), sqlite3_column_int64(epoch, 1), oldest_us,
                                STEP_RECORDS };
    return run_with(deleted, store, sql, numbers, 4, error);
}

static bool delete_old(int64_t *deleted, struct store *store, int64_t oldest_us, struct error *error)
{
    static const char sql[] =
        "SELECT first_record, last_record FROM epoch WHERE earliest_us > 0 AND earliest_us < ? ORDER BY id";
    sqlite3_stmt *epochs = NULL;
    *deleted = 0;
    if (!sql_prepare(&epochs, store->db, sql, store->options.path, error))
        return store_fail(store, error);
    bool done = sqlite3_bind_int64(epochs, 1, oldest_us) == SQLITE_OK || store_fail(store, error);
    int code = SQLITE_ROW;
    while (done && *deleted == 0 && (code = sqlite3_step(epochs)) == SQLITE_ROW)
        done = delete_old_of(deleted, store, epochs, oldest_us, error);
    if (done && code != SQLITE_ROW && code != SQLITE_DONE)
        done = store_fail(store, error);
    (void)sqlite3_finalize(epochs); /* repeats the step's failure, which is told */
    return done;
}

static const struct epoch_table {
    const char *delete_rows; /* from ?1 on and below ?2, ?3 of them */
    const char *first;       /* the epoch's column with its first row */
} epoch_tables[] = {
    { "DELETE FROM bytes WHERE id IN (SELECT id FROM bytes WHERE id >= ?1 AND id < ?2 LIMIT ?3)", "first_bytes" },
    { "DELETE FROM head WHERE id IN (SELECT id FROM head WHERE id >= ?1 AND id < ?2 LIMIT ?3)", "first_head" },
    { "DELETE FROM connection WHERE id IN (SELECT id FROM connection WHERE id >= ?1 AND id < ?2 LIMIT ?3)",
      "first_connection" },
};

static bool epoch_value(int64_t *value, struct store *store, const char *column, int64_t epoch, struct error *error)
{
    char sql[128];
    (void)sqlite3_snprintf(sizeof(sql), sql, "SELECT %s FROM epoch WHERE id >= %lld ORDER BY id LIMIT 1", column,
                           (long long)epoch); /* fits */
    return number(value, store, sql, error);
}

/* An epoch whose exchanges are all gone, 0 where there is none. Its rows end where the next epoch's begin, so the next one
 * must be there; what is between two epochs that are gone belongs to the earlier one. */
static bool finished_epoch(int64_t *epoch, struct store *store, struct error *error)
{
    return number(epoch, store,
                  "SELECT id FROM epoch e WHERE id < (SELECT max(id) FROM epoch) AND NOT EXISTS"
                  " (SELECT 1 FROM record WHERE id BETWEEN e.first_record AND e.last_record) ORDER BY id LIMIT 1",
                  error);
}

static bool delete_unused(int64_t *deleted, struct store *store, struct error *error)
{
    int64_t epoch;
    *deleted = 0;
    if (!finished_epoch(&epoch, store, error))
        return false;
    if (epoch == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LENGTH(epoch_tables); i++) {
        const struct epoch_table *table = &epoch_tables[i];
        int64_t numbers[] = { 0, 0, STEP_ROWS }, changed = 0;
        if (!epoch_value(&numbers[0], store, table->first, epoch, error) ||
            !epoch_value(&numbers[1], store, table->first, epoch + 1, error) ||
            !run_with(&changed, store, table->delete_rows, numbers, 3, error))
            return false;
        *deleted += changed;
    }
    if (*deleted > 0)
        return true;
    store->sweep = (struct store_sweep){ .is_on = true };
    return run_with(deleted, store, "DELETE FROM epoch WHERE id = ?1", &epoch, 1, error);
}

/* --- the small tables: a part of one at a time --- */

static const struct sweep_table {
    const char *end_of_part; /* the last id of the part behind ?1, of ?2 rows; NULL at the end */
    const char
        *delete_rows; /* behind ?1 up to ?2, what no exchange refers to: the index over it makes the look short */
} sweep_tables[] = {
    { "SELECT max(id) FROM (SELECT id FROM verdict WHERE id > ?1 ORDER BY id LIMIT ?2)",
      "DELETE FROM verdict WHERE id > ?1 AND id <= ?2"
      " AND NOT EXISTS (SELECT 1 FROM record WHERE verdict = verdict.id)" },
    { "SELECT max(id) FROM (SELECT id FROM endpoint WHERE id > ?1 ORDER BY id LIMIT ?2)",
      "DELETE FROM endpoint WHERE id > ?1 AND id <= ?2"
      " AND NOT EXISTS (SELECT 1 FROM record WHERE endpoint = endpoint.id)" },
    { "SELECT max(id) FROM (SELECT id FROM party WHERE id > ?1 ORDER BY id LIMIT ?2)",
      "DELETE FROM party WHERE id > ?1 AND id <= ?2 AND NOT EXISTS (SELECT 1 FROM record WHERE party = party.id)" },
    { "SELECT max(exchange) FROM (SELECT exchange FROM reconciled WHERE exchange > ?1 ORDER BY exchange LIMIT ?2)",
      "DELETE FROM reconciled WHERE exchange > ?1 AND exchange <= ?2"
      " AND NOT EXISTS (SELECT 1 FROM record WHERE id = reconciled.exchange)" },
};

static bool end_of_part(int64_t *end, struct store *store, const struct sweep_table *table, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    if (!sql_prepare(&statement, store->db, table->end_of_part, store->options.path, error))
        return store_fail(store, error);
    int code = sqlite3_bind_int64(statement, 1, store->sweep.after);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int64(statement, 2, STEP_ROWS);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    *end = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_finalize(statement); /* repeats the step's failure */
    return code == SQLITE_ROW || store_fail(store, error);
}

/* *done: the work of this step; 0 only where the sweep is over. */
static bool sweep(int64_t *done, struct store *store, struct error *error)
{
    *done = 0;
    if (!store->sweep.is_on)
        return true;
    const struct sweep_table *table = &sweep_tables[store->sweep.table];
    int64_t numbers[] = { store->sweep.after, 0 }, deleted = 0;
    if (!end_of_part(&numbers[1], store, table, error) ||
        (numbers[1] != 0 && !run_with(&deleted, store, table->delete_rows, numbers, 2, error)))
        return false;
    store->is_stale = store->is_stale || deleted > 0; /* they may be in the caches */
    store->sweep.after = numbers[1];
    if (numbers[1] == 0)
        store->sweep.is_on = ++store->sweep.table < ARRAY_LENGTH(sweep_tables);
    *done = 1;
    return true;
}

/* --- the space --- */

static bool give_space_back(int64_t *given, struct store *store, struct error *error)
{
    int64_t unused, left;
    char sql[64];
    *given = 0;
    (void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA incremental_vacuum(%d)", STEP_PAGES); /* fits */
    if (!number(&unused, store, "PRAGMA freelist_count", error))
        return false;
    if (unused <= (store->options.imports ? 0 : FREE_PAGES_MIN))
        return true;
    if (!sql_run(store->db, sql, store->options.path, error))
        return store_fail(store, error);
    if (!number(&left, store, "PRAGMA freelist_count", error))
        return false;
    *given = unused - left;
    store->is_shorter = true;
    return true;
}

/* The file itself becomes shorter only where the log is moved into it; a reader may put that off. */
static void cut_file(struct store *store)
{
    if (store->is_shorter)
        (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL); /* else the next one */
    store->is_shorter = false;
}

/* --- steps --- */

static bool delete_what_is_beyond(int64_t *done, struct store *store, struct capture_keep keep, int64_t now_us,
                                  struct error *error)
{
    int64_t by_count, by_size;
    if (!bound_of_count(&by_count, store, keep.count, error) || !bound_of_size(&by_size, store, keep.bytes, error) ||
        !delete_up_to(done, store, by_count > by_size ? by_count : by_size, error))
        return false;
    return *done > 0 || keep.age_us <= 0 || delete_old(done, store, now_us - keep.age_us, error);
}

/* What follows from deleting, whatever was deleted. */
static bool tidy(int64_t *done, struct store *store, struct error *error)
{
    *done = 0;
    return delete_unused(done, store, error) && (*done > 0 || sweep(done, store, error)) &&
           (*done > 0 || give_space_back(done, store, error));
}

bool store_prune(struct store_prune_step *step, struct store *store, struct capture_keep keep, int64_t now_us,
                 struct error *error)
{
    int64_t exchanges = 0, tidied = 0;
    if (!store_begin(store, error) || !delete_what_is_beyond(&exchanges, store, keep, now_us, error) ||
        (exchanges == 0 && !tidy(&tidied, store, error)) || !store_commit(store, error))
        return false;
    *step = (struct store_prune_step){ .exchanges = (uint64_t)exchanges, .more = exchanges + tidied > 0 };
    if (!step->more)
        cut_file(store);
    return true;
}

static bool delete_imported(int64_t *exchanges, int64_t *others, struct store *store, struct error *error)
{
    static const char *const statements[] = {
        "DELETE FROM record WHERE id IN (SELECT id FROM record WHERE id < 0 LIMIT ?1)",
        "DELETE FROM bytes WHERE id IN (SELECT id FROM bytes WHERE id < 0 LIMIT ?1)",
        "DELETE FROM head WHERE id IN (SELECT id FROM head WHERE id < 0 LIMIT ?1)",
        "DELETE FROM connection WHERE id IN (SELECT id FROM connection WHERE id < 0 LIMIT ?1)",
    };
    int64_t limit = STEP_RECORDS;
    *exchanges = *others = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(statements) && *exchanges + *others == 0; i++) {
        if (!run_with(i == 0 ? exchanges : others, store, statements[i], &limit, 1, error))
            return false;
    }
    return true;
}

bool store_prune_imported(struct store_prune_step *step, struct store *store, struct error *error)
{
    int64_t exchanges, others, tidied = 0;
    if (!store_begin(store, error) || !delete_imported(&exchanges, &others, store, error))
        return false;
    if (exchanges > 0)
        store->sweep = (struct store_sweep){ .is_on = true };
    store->imported_bytes = -1;
    if ((exchanges + others == 0 && !tidy(&tidied, store, error)) || !store_commit(store, error))
        return false;
    *step = (struct store_prune_step){ .exchanges = (uint64_t)exchanges, .more = exchanges + others + tidied > 0 };
    return true;
}
