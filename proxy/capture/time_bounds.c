/* Halving over the ids. Any thread, with its own connection.
 *
 * With D the greatest disorder, and M(id) the latest receipt among all ids up to `id`: M grows, and an exchange's receipt
 * is at most D before M. So where one was received before T - D, all below it were received before T. Likewise backwards. */
#include "time_bounds.h"

struct probe {
    sqlite3 *db;
    sqlite3_stmt *at; /* the first exchange from an id on: its id and receipt */
    const char *path;
};

static bool open_probe(struct probe *probe, sqlite3 *db, const char *path, struct error *error)
{
    *probe = (struct probe){ .db = db, .path = path };
    return sql_prepare(&probe->at, db, "SELECT id, received_us FROM record WHERE id >= ? ORDER BY id LIMIT 1", path,
                       error);
}

/* *id is moved to the first exchange at or behind it; 0 where there is none. */
static bool look(const struct probe *probe, int64_t *id, int64_t *received_us, bool *is_known, struct error *error)
{
    int code = sqlite3_bind_int64(probe->at, 1, *id);
    if (code == SQLITE_OK)
        code = sqlite3_step(probe->at);
    *id = code == SQLITE_ROW ? sqlite3_column_int64(probe->at, 0) : 0;
    *received_us = code == SQLITE_ROW ? sqlite3_column_int64(probe->at, 1) : 0;
    *is_known = code == SQLITE_ROW && sqlite3_column_type(probe->at, 1) != SQLITE_NULL;
    bool done = code == SQLITE_ROW || code == SQLITE_DONE || sql_error(error, probe->db, "read", probe->path);
    (void)sqlite3_reset(probe->at); /* repeats the step's failure */
    return done;
}

/* Between exchanges that were received before the limit and others. One whose time is not known must not move the end that
 * the caller relies on: `unknown_is_before` says to which side it counts. */
static bool halve(int64_t *found, const struct probe *probe, int64_t low, int64_t high, int64_t limit_us,
                  bool unknown_is_before, struct error *error)
{
    while (low < high) {
        int64_t middle = low + (high - low) / 2, id = middle, received_us;
        bool is_known;
        if (!look(probe, &id, &received_us, &is_known, error))
            return false;
        bool is_between = id != 0 && id <= high;
        if (is_between && (is_known ? received_us < limit_us : unknown_is_before))
            low = id + 1;
        else
            high = middle;
    }
    *found = low;
    return true;
}

static bool bounds_of(struct probe *probe, int64_t *first, int64_t *last, int64_t *disorder_us, sqlite3 *db,
                      const char *path, struct error *error)
{
    return sql_number(first, db, "SELECT min(id) FROM record WHERE id > 0", path, error) &&
           sql_number(last, db, "SELECT max(id) FROM record WHERE id > 0", path, error) &&
           sql_number(disorder_us, db, "SELECT disorder_us FROM clock", path, error) &&
           open_probe(probe, db, path, error);
}

bool time_bounds_first(int64_t *id, sqlite3 *db, int64_t wall_us, const char *path, struct error *error)
{
    struct probe probe;
    int64_t first, last, disorder_us;
    if (!bounds_of(&probe, &first, &last, &disorder_us, db, path, error))
        return false;
    *id = 1;
    bool done = last == 0 || halve(id, &probe, first, last + 1, wall_us - disorder_us, false, error);
    (void)sqlite3_finalize(probe.at); /* repeats an earlier failure, which was told */
    return done;
}

bool time_bounds_last(int64_t *id, sqlite3 *db, int64_t wall_us, const char *path, struct error *error)
{
    struct probe probe;
    int64_t first, last, disorder_us;
    if (!bounds_of(&probe, &first, &last, &disorder_us, db, path, error))
        return false;
    *id = INT64_MAX;
    bool done = last == 0 || halve(id, &probe, first, last + 1, wall_us + disorder_us, true, error);
    (void)sqlite3_finalize(probe.at); /* repeats an earlier failure, which was told */
    return done;
}
