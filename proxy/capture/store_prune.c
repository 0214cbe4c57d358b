/* Deleting what is not to be kept, in steps of a few milliseconds: exchanges, then what only they referred to, then the
 * space. The recorder's thread, or a tool's; the two may do it side by side.
 *
 * What an epoch's exchanges refer to belongs to that epoch: once the last exchange written in it is gone, its rows are. The
 * newest epoch's rows stay: the recorder may be about to refer to them. */
#include "store_private.h"

#include "time_bounds.h"

enum {
    STEP_RECORDS = 256, /* rows deleted in one step */
    STEP_ROWS = 512,
    STEP_PAGES = 64,     /* of the file given back in one step */
    FREE_PAGES_MIN = 256 /* fewer free pages than that are left for what comes */
};

static bool number(int64_t *value, struct store *store, const char *sql, struct error *error)
{
    return sql_number(value, store->db, sql, store->options.path, error);
}

/* Runs one statement with numbers for its places; *changed gets how many rows it changed. */
static bool run_with(int64_t *changed, struct store *store, const char *sql, const int64_t *numbers, int count,
                     struct error *error)
{
    sqlite3_stmt *statement = NULL;
    if (!sql_prepare(&statement, store->db, sql, store->options.path, error))
        return false;
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
    if (!number(&last, store, "SELECT max(id) FROM record WHERE id > 0", error))
        return false;
    *id = last > count ? last - count : 0;
    return true;
}

static bool bound_of_age(int64_t *id, struct store *store, int64_t oldest_us, struct error *error)
{
    int64_t first;
    if (!time_bounds_first(&first, store->db, oldest_us, store->options.path, error))
        return false;
    *id = first - 1;
    return true;
}

bool store_prune_bound(int64_t *id, struct store *store, struct capture_keep keep, int64_t now_us, struct error *error)
{
    int64_t by_count = 0, by_age = 0;
    if (keep.count > 0 && !bound_of_count(&by_count, store, keep.count, error))
        return false;
    if (keep.age_us > 0 && !bound_of_age(&by_age, store, now_us - keep.age_us, error))
        return false;
    *id = by_count > by_age ? by_count : by_age;
    return true;
}

bool store_size(int64_t *bytes, struct store *store, struct error *error)
{
    int64_t pages, unused, page_size;
    if (!number(&pages, store, "PRAGMA page_count", error) || !number(&unused, store, "PRAGMA freelist_count", error) ||
        !number(&page_size, store, "PRAGMA page_size", error))
        return false;
    *bytes = (pages - unused) * page_size;
    return true;
}

/* Where the file is too large, the oldest epoch goes, but for the newest. */
static bool bound_of_size(int64_t *id, struct store *store, int64_t bytes, struct error *error)
{
    int64_t used;
    *id = 0;
    if (!store_size(&used, store, error))
        return false;
    return used <= bytes ||
           number(id, store, "SELECT last_record FROM epoch WHERE id < (SELECT max(id) FROM epoch) ORDER BY id LIMIT 1",
                  error);
}

/* --- deleting; within a transaction --- */

/* Exchanges in flight stay, whatever their age. */
static bool delete_exchanges(int64_t *deleted, struct store *store, int64_t up_to, struct error *error)
{
    static const char sql[] =
        "DELETE FROM record WHERE id IN (SELECT id FROM record WHERE id > 0 AND id <= ?1"
        " AND verdict NOT IN (SELECT id FROM verdict WHERE outcome IS NULL) ORDER BY id LIMIT ?2)";
    const int64_t numbers[] = { up_to, STEP_RECORDS };
    *deleted = 0;
    return up_to <= 0 || run_with(deleted, store, sql, numbers, 2, error);
}

static const struct epoch_table {
    const char *delete_rows; /* from ?1 on and below ?2, ?3 of them */
    const char *first;       /* the epoch's first row in it: of epoch ?1 */
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

/* The oldest epoch whose exchanges are all gone, 0 where there is none. */
static bool finished_epoch(int64_t *epoch, struct store *store, struct error *error)
{
    return number(epoch, store,
                  "SELECT id FROM epoch WHERE id = (SELECT min(id) FROM epoch) AND id < (SELECT max(id) FROM epoch)"
                  " AND last_record < coalesce((SELECT min(id) FROM record WHERE id > 0), 9223372036854775807)",
                  error);
}

/* Rows of the small tables that no exchange refers to any more. The index over each makes the look short. */
static bool delete_unused_names(int64_t *deleted, struct store *store, struct error *error)
{
    static const char *const statements[] = {
        "DELETE FROM verdict WHERE NOT EXISTS (SELECT 1 FROM record WHERE verdict = verdict.id)",
        "DELETE FROM endpoint WHERE NOT EXISTS (SELECT 1 FROM record WHERE endpoint = endpoint.id)",
        "DELETE FROM party WHERE NOT EXISTS (SELECT 1 FROM record WHERE party = party.id)",
    };
    *deleted = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(statements); i++) {
        int64_t changed = 0;
        if (!run_with(&changed, store, statements[i], NULL, 0, error))
            return false;
        *deleted += changed;
    }
    store->is_stale = store->is_stale || *deleted > 0; /* they may be in the caches */
    return true;
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
    int64_t names;
    return delete_unused_names(&names, store, error) &&
           run_with(deleted, store, "DELETE FROM epoch WHERE id = ?1", &epoch, 1, error);
}

static bool give_space_back(int64_t *given, struct store *store, struct error *error)
{
    int64_t unused, left;
    char sql[64];
    *given = 0;
    (void)sqlite3_snprintf(sizeof(sql), sql, "PRAGMA incremental_vacuum(%d)", STEP_PAGES); /* fits */
    if (!number(&unused, store, "PRAGMA freelist_count", error))
        return false;
    if (unused <= FREE_PAGES_MIN)
        return true;
    if (!sql_run(store->db, sql, store->options.path, error) || !number(&left, store, "PRAGMA freelist_count", error))
        return store_fail(store, error);
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

static bool work(struct store_prune_step *step, struct store *store, struct capture_keep keep, int64_t now_us,
                 struct error *error)
{
    int64_t up_to, by_size = 0, done;
    if (!store_prune_bound(&up_to, store, keep, now_us, error) ||
        (keep.bytes > 0 && !bound_of_size(&by_size, store, keep.bytes, error)) ||
        !delete_exchanges(&done, store, up_to > by_size ? up_to : by_size, error))
        return false;
    step->exchanges = (uint64_t)done;
    if (done == 0 && !delete_unused(&done, store, error))
        return false;
    if (done == 0 && !give_space_back(&done, store, error))
        return false;
    step->more = done > 0;
    return true;
}

bool store_prune(struct store_prune_step *step, struct store *store, struct capture_keep keep, int64_t now_us,
                 struct error *error)
{
    struct store_prune_step made = { .exchanges = 0 };
    if (!store_begin(store, error) || !work(&made, store, keep, now_us, error) || !store_commit(store, error))
        return false;
    if (!made.more)
        cut_file(store);
    *step = made;
    return true;
}

static bool work_imported(struct store_prune_step *step, struct store *store, struct error *error)
{
    static const char *const statements[] = {
        "DELETE FROM record WHERE id IN (SELECT id FROM record WHERE id < 0 LIMIT ?1)",
        "DELETE FROM bytes WHERE id IN (SELECT id FROM bytes WHERE id < 0 LIMIT ?1)",
        "DELETE FROM head WHERE id IN (SELECT id FROM head WHERE id < 0 LIMIT ?1)",
        "DELETE FROM connection WHERE id IN (SELECT id FROM connection WHERE id < 0 LIMIT ?1)",
    };
    int64_t limit = STEP_RECORDS, done = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(statements) && done == 0; i++) {
        if (!run_with(&done, store, statements[i], &limit, 1, error))
            return false;
        if (i == 0)
            step->exchanges = (uint64_t)done;
    }
    if (done == 0 && (!delete_unused_names(&done, store, error) || !give_space_back(&done, store, error)))
        return false;
    step->more = done > 0;
    return true;
}

bool store_prune_imported(struct store_prune_step *step, struct store *store, struct error *error)
{
    struct store_prune_step made = { .exchanges = 0 };
    if (!store_begin(store, error) || !work_imported(&made, store, error) || !store_commit(store, error))
        return false;
    *step = made;
    return true;
}
