/* Halving over the ids. Any thread, with its own connection.
 *
 * With D the greatest disorder, and M(id) the latest receipt among all ids up to `id`: M grows, and an exchange's receipt
 * is at most D before M. So where one was received before T - D, all below it were received before T. Likewise backwards. */
#include "time_bounds.h"

/* Workers give out ids a moment before or after they note the time. */
static const int64_t disorder_floor_us = 10000000;

struct probe {
    sqlite3 *db;
    sqlite3_stmt *at; /* the first exchange from an id on: its id and receipt */
    const char *path;
    int64_t first; /* the least and the greatest id; 0: none */
    int64_t last;
    int64_t disorder_us;
};

/* Within epochs it was noted; between them it is what a later one's earliest lies before the earlier ones' latest. */
static bool read_disorder(struct probe *probe, struct error *error)
{
    sqlite3_stmt *epochs = NULL;
    int64_t latest_us = 0;
    int code;
    probe->disorder_us = disorder_floor_us;
    if (!sql_prepare(&epochs, probe->db, "SELECT earliest_us, latest_us, disorder_us FROM epoch ORDER BY id",
                     probe->path, error))
        return false;
    while ((code = sqlite3_step(epochs)) == SQLITE_ROW) {
        int64_t between_us = latest_us - sqlite3_column_int64(epochs, 0), within_us = sqlite3_column_int64(epochs, 2);
        if (sqlite3_column_int64(epochs, 0) == 0) /* nothing in it was received at a known time */
            continue;
        int64_t disorder_us = between_us > within_us ? between_us : within_us;
        probe->disorder_us = disorder_us > probe->disorder_us ? disorder_us : probe->disorder_us;
        latest_us = sqlite3_column_int64(epochs, 1) > latest_us ? sqlite3_column_int64(epochs, 1) : latest_us;
    }
    bool done = code == SQLITE_DONE || sql_error(error, probe->db, "read", probe->path);
    (void)sqlite3_finalize(epochs); /* repeats the step's failure, which is told */
    return done;
}

static bool open_probe(struct probe *probe, sqlite3 *db, const char *path, struct error *error)
{
    *probe = (struct probe){ .db = db, .path = path };
    return sql_number(&probe->first, db, "SELECT min(id) FROM record WHERE id > 0", path, error) &&
           sql_number(&probe->last, db, "SELECT max(id) FROM record WHERE id > 0", path, error) &&
           read_disorder(probe, error) &&
           sql_prepare(&probe->at, db, "SELECT id, received_us FROM record WHERE id >= ? ORDER BY id LIMIT 1", path,
                       error);
}

static void close_probe(struct probe *probe)
{
    (void)sqlite3_finalize(probe->at); /* repeats an earlier failure, which was told */
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
static bool halve(int64_t *found, const struct probe *probe, int64_t limit_us, bool unknown_is_before,
                  struct error *error)
{
    int64_t low = probe->first, high = probe->last + 1;
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

bool time_bounds_first(int64_t *id, sqlite3 *db, int64_t wall_us, const char *path, struct error *error)
{
    struct probe probe;
    *id = 1;
    bool done = open_probe(&probe, db, path, error) &&
                (probe.last == 0 || halve(id, &probe, wall_us - probe.disorder_us, false, error));
    close_probe(&probe);
    return done;
}

bool time_bounds_last(int64_t *id, sqlite3 *db, int64_t wall_us, const char *path, struct error *error)
{
    struct probe probe;
    *id = INT64_MAX;
    bool done = open_probe(&probe, db, path, error) &&
                (probe.last == 0 || halve(id, &probe, wall_us + probe.disorder_us, true, error));
    close_probe(&probe);
    return done;
}
