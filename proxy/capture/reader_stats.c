/* What the store holds as figures. The reader's thread.
 *
 * Counts go over the indexes of the small tables: a fraction of a second for millions of exchanges. */
#include "reader_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { LOG_NAME_MAX = 4096 + 8 };

static int64_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (int64_t)status.st_size : 0;
}

static bool read_numbers(struct capture_stats *stats, struct capture_reader *reader, struct error *error)
{
    int64_t pages, free_pages, page_size;
    const struct {
        int64_t *value;
        const char *sql;
    } numbers[] = {
        { &stats->imported, "SELECT count(*) FROM record WHERE id < 0" },
        { &stats->first_id, "SELECT min(id) FROM record WHERE id > 0" },
        { &stats->last_id, "SELECT max(id) FROM record WHERE id > 0" },
        { &stats->first_us, "SELECT received_us FROM record WHERE id > 0 ORDER BY id LIMIT 1" },
        { &stats->last_us, "SELECT received_us FROM record WHERE id > 0 ORDER BY id DESC LIMIT 1" },
        { &pages, "PRAGMA page_count" },
        { &free_pages, "PRAGMA freelist_count" },
        { &page_size, "PRAGMA page_size" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        if (!reader_number(numbers[i].value, reader, numbers[i].sql, error))
            return false;
    }
    stats->free_bytes = free_pages * page_size;
    stats->used_bytes = (pages - free_pages) * page_size;
    return true;
}

/* Counts by verdict over its index, which holds all exchanges, the imported too: these are few and taken off. */
static bool count_outcomes(struct capture_stats *stats, struct capture_reader *reader, struct error *error)
{
    static const char sql[] = "SELECT coalesce(v.outcome, 'in_flight'), sum(n) FROM ("
                              " SELECT verdict, count(*) AS n FROM record GROUP BY verdict UNION ALL"
                              " SELECT verdict, -count(*) FROM record WHERE id < 0 GROUP BY verdict)"
                              " JOIN verdict v ON v.id = verdict GROUP BY 1";
    sqlite3_stmt *rows = NULL;
    int code;
    if (!reader_prepare(&rows, reader, sql, error))
        return false;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
        enum record_outcome outcome;
        int64_t count = sqlite3_column_int64(rows, 1);
        stats->exchanges += count;
        if (record_outcome_parse(&outcome, slice_text((const char *)sqlite3_column_text(rows, 0))))
            stats->outcomes[outcome] += count;
    }
    bool done = code == SQLITE_DONE || reader_error(error, reader);
    (void)sqlite3_finalize(rows); /* repeats the step's failure, which is told */
    return done;
}

bool capture_reader_stats(struct capture_stats *stats, struct capture_reader *reader, struct error *error)
{
    struct capture_stats read = { .exchanges = 0 };
    char log[LOG_NAME_MAX];
    if (!read_numbers(&read, reader, error) || !count_outcomes(&read, reader, error))
        return false;
    (void)snprintf(log, sizeof(log), "%s-wal", reader->path); /* a name cut short is no file: 0 bytes */
    read.file_bytes = size_of(reader->path);
    read.log_bytes = size_of(log);
    *stats = read;
    return true;
}

/* Walks rows until `take` says no. */
static bool each_row(struct capture_reader *reader, const char *sql, size_t limit,
                     bool (*take)(void *context, sqlite3_stmt *row), void *context, struct error *error)
{
    sqlite3_stmt *rows = NULL;
    int code = SQLITE_ROW;
    if (!reader_prepare(&rows, reader, sql, error))
        return false;
    bool goes_on = true;
    bool done = sqlite3_bind_int64(rows, 1, limit > INT64_MAX ? INT64_MAX : (int64_t)limit) == SQLITE_OK;
    while (done && goes_on && (code = sqlite3_step(rows)) == SQLITE_ROW)
        goes_on = take(context, rows);
    if (!done || (code != SQLITE_ROW && code != SQLITE_DONE))
        done = reader_error(error, reader);
    (void)sqlite3_finalize(rows); /* repeats the step's failure, which is told */
    return done;
}

struct group_visitor {
    bool (*visit)(void *context, const struct capture_group *group);
    void *context;
};

static bool take_group(void *context, sqlite3_stmt *row)
{
    const struct group_visitor *visitor = context;
    const struct capture_group group = {
        .first = sql_column_bytes(row, 0),
        .second = sql_column_bytes(row, 1),
        .status = sqlite3_column_int(row, 2),
        .count = sqlite3_column_int64(row, 3),
    };
    return visitor->visit(visitor->context, &group);
}

bool capture_reader_groups(struct capture_reader *reader, enum capture_grouping grouping, size_t limit,
                           bool (*visit)(void *context, const struct capture_group *group), void *context,
                           struct error *error)
{
    static const char *const statements[] = {
        [CAPTURE_BY_VERDICT] =
            "SELECT coalesce(v.outcome, 'in_flight'),"
            " coalesce(nullif(trim(coalesce(v.api_code, '') || ' ' || coalesce(v.api_message, '')), ''), v.error_name, "
            "''),"
            " coalesce(v.status, 0), sum(n) FROM (SELECT verdict, count(*) AS n FROM record WHERE id > 0 GROUP BY "
            "verdict)"
            " JOIN verdict v ON v.id = verdict GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2 LIMIT ?",
        [CAPTURE_BY_ENDPOINT] = "SELECT coalesce(e.method, ''), coalesce(e.path, ''), 0, n FROM"
                                " (SELECT endpoint, count(*) AS n FROM record WHERE id > 0 GROUP BY endpoint) JOIN "
                                "endpoint e ON e.id = endpoint"
                                " ORDER BY 4 DESC, 1, 2 LIMIT ?",
        [CAPTURE_BY_PARTY] =
            "SELECT coalesce(p.listener, ''), coalesce(p.account, ''), 0, sum(n) FROM"
            " (SELECT party, count(*) AS n FROM record WHERE id > 0 GROUP BY party) JOIN party p ON p.id = party"
            " GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2 LIMIT ?",
    };
    struct group_visitor visitor = { visit, context };
    return each_row(reader, statements[grouping], limit, take_group, &visitor, error);
}

struct incident_visitor {
    bool (*visit)(void *context, const struct capture_incident *incident);
    void *context;
};

static bool take_incident(void *context, sqlite3_stmt *row)
{
    const struct incident_visitor *visitor = context;
    const struct capture_incident incident = {
        .at_us = sqlite3_column_int64(row, 0),
        .kind = sql_column_bytes(row, 1),
        .count = sqlite3_column_int64(row, 2),
        .detail = sql_column_bytes(row, 3),
    };
    return visitor->visit(visitor->context, &incident);
}

bool capture_reader_incidents(struct capture_reader *reader, size_t limit,
                              bool (*visit)(void *context, const struct capture_incident *incident), void *context,
                              struct error *error)
{
    struct incident_visitor visitor = { visit, context };
    return each_row(reader, "SELECT at_us, kind, count, detail FROM incident ORDER BY id DESC LIMIT ?", limit,
                    take_incident, &visitor, error);
}
