/* What the store keeps beside exchanges: how far rings are carried over, incidents, what was in flight, what was found out
 * later. capture_open's thread, and then the recorder's; a tool's. */
#include "store_private.h"

static int bind_all_texts(sqlite3_stmt *statement, const char *first, const char *second)
{
    int code = sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
    return code == SQLITE_OK ? sqlite3_bind_text(statement, 2, second, -1, SQLITE_STATIC) : code;
}

bool store_ring_position(uint64_t *sequence, struct store *store, const char *ring, const char *run,
                         struct error *error)
{
    sqlite3_stmt *statement = NULL;
    const char *path = store->options.path;
    if (!sql_prepare(&statement, store->db, "SELECT sequence FROM ring_position WHERE ring = ? AND run = ?", path,
                     error))
        return false;
    int64_t found = 0;
    int code = bind_all_texts(statement, ring, run);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        found = sqlite3_column_int64(statement, 0);
    bool done = code == SQLITE_ROW || code == SQLITE_DONE;
    if (done)
        *sequence = (uint64_t)found;
    else
        (void)sql_error(error, store->db, "read", path);
    (void)sqlite3_finalize(statement); /* repeats the failure, which is told */
    return done;
}

bool store_note_incident(struct store *store, int64_t at_us, const char *kind, int64_t count, const char *detail,
                         struct error *error)
{
    sqlite3_stmt *statement = NULL;
    if (!sql_prepare(&statement, store->db, "INSERT INTO incident(kind, detail, at_us, count) VALUES (?, ?, ?, ?)",
                     store->options.path, error))
        return store_fail(store, error);
    int code = bind_all_texts(statement, kind, detail);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int64(statement, 3, at_us);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int64(statement, 4, count);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    (void)sqlite3_finalize(statement); /* repeats the step's failure */
    return code == SQLITE_DONE || store_fail(store, error);
}

bool store_note_reconciled(struct store *store, const struct capture_reconciled *reconciled, struct error *error)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO reconciled(summary, detail, exchange, at_us, settled) VALUES (?, ?, ?, ?, ?)";
    const int64_t numbers[] = { reconciled->exchange, reconciled->at_us, reconciled->is_settled ? 1 : 0 };
    sqlite3_stmt *statement = NULL;
    if (!sql_prepare(&statement, store->db, sql, store->options.path, error))
        return store_fail(store, error);
    int code = bind_all_texts(statement, reconciled->summary, reconciled->detail);
    for (int i = 0; code == SQLITE_OK && i < (int)ARRAY_LENGTH(numbers); i++)
        code = sqlite3_bind_int64(statement, i + 3, numbers[i]);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    (void)sqlite3_finalize(statement); /* repeats the step's failure */
    return code == SQLITE_DONE || store_fail(store, error);
}

/* The verdicts of exchanges in flight are few, and the index over verdicts leads to their exchanges. */
static bool end_in_flight(uint64_t *count, struct store *store, struct error *error)
{
    static const char add_verdicts[] =
        "INSERT INTO verdict(outcome, status, api_code, api_message, error_name, error_message)"
        " SELECT 'unknown', NULL, NULL, NULL, 'process-ended',"
        " 'the proxy ended before the answer came: whether the exchange carried it out is not known'"
        " WHERE EXISTS (SELECT 1 FROM record WHERE verdict IN (SELECT id FROM verdict WHERE outcome IS NULL))"
        " AND NOT EXISTS (SELECT 1 FROM verdict WHERE outcome = 'unknown' AND error_name = 'process-ended'"
        " AND api_code IS NULL AND status IS NULL)";
    static const char end[] = "UPDATE record SET verdict = (SELECT min(id) FROM verdict WHERE outcome = 'unknown'"
                              " AND error_name = 'process-ended' AND api_code IS NULL AND status IS NULL)"
                              " WHERE id > 0 AND verdict IN (SELECT id FROM verdict WHERE outcome IS NULL)";
    const char *path = store->options.path;
    if (!sql_run(store->db, add_verdicts, path, error) || !sql_run(store->db, end, path, error))
        return store_fail(store, error);
    *count = (uint64_t)sqlite3_changes64(store->db);
    store->is_stale = true; /* a verdict may have been added */
    return true;
}

bool store_end_in_flight(uint64_t *count, struct store *store, struct error *error)
{
    uint64_t ended = 0;
    if (!store_begin(store, error) || !end_in_flight(&ended, store, error) || !store_commit(store, error))
        return false;
    *count = ended;
    return true;
}

bool store_last_id(int64_t *id, struct store *store, struct error *error)
{
    return sql_number(id, store->db,
                      "SELECT max(coalesce((SELECT max(id) FROM record WHERE id > 0), 0),"
                      " coalesce((SELECT max(last_record) FROM epoch), 0))",
                      store->options.path, error);
}

uint64_t store_rows_left_out(const struct store *store)
{
    return store->rows_left_out;
}

bool store_count(int64_t *count, struct store *store, struct error *error)
{
    return sql_number(count, store->db, "SELECT count(*) FROM record", store->options.path, error);
}

bool store_count_imported(int64_t *count, struct store *store, struct error *error)
{
    return sql_number(count, store->db, "SELECT count(*) FROM record WHERE id < 0", store->options.path, error);
}

bool store_next_imported(int64_t *id, struct store *store, struct error *error)
{
    return sql_number(id, store->db, "SELECT coalesce(min(id), 0) - 1 FROM record WHERE id < 0", store->options.path,
                      error);
}

bool store_delete_imported_from(struct store *store, int64_t id, struct error *error)
{
    char sql[96];
    (void)sqlite3_snprintf(sizeof(sql), sql, "DELETE FROM record WHERE id <= %lld AND id < 0",
                           (long long)id); /* fits */
    return sql_run(store->db, sql, store->options.path, error);
}
