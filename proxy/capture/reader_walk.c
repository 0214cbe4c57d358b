/* Statements that walk. The reader's thread. */
#include "reader_walk.h"

#include "reader_lead.h"
#include "time_bounds.h"

#include <inttypes.h>

enum { WALK_SQL_MAX = 1 << 20 /* bytes: rows of a small table times rows of the others */ };

/* What else can be tested without reading an exchange. The plus keeps SQLite from choosing another index for it. */
static void append_tests(struct buffer *sql, const struct walk *walk, const struct lead *leads, const struct lead *best)
{
    const struct capture_filter *filter = walk->filter;
    for (size_t i = 0; i < LEAD_COUNT; i++) {
        if (&leads[i] == best || !leads[i].is_used || leads[i].too_many)
            continue;
        (void)buffer_append_format(sql, " AND +%s IN (0", leads[i].column); /* see failed, here and below */
        for (size_t k = 0; k < leads[i].count; k++)
            (void)buffer_append_format(sql, ", %" PRId64, leads[i].ids[k]);
        (void)buffer_append_byte(sql, ')');
    }
    if (filter->since_us != 0)
        (void)buffer_append_format(sql, " AND received_us >= %" PRId64, filter->since_us);
    if (filter->until_us != 0)
        (void)buffer_append_format(sql, " AND received_us < %" PRId64, filter->until_us);
}

static void append_walk(struct buffer *sql, const struct walk *walk, const struct lead *leads, const struct lead *best)
{
    size_t arms = best == NULL ? 1 : best->count;
    for (size_t i = 0; i < arms; i++) {
        (void)buffer_append_text(sql, i == 0 ? "" : " UNION ALL "); /* see failed, here and below */
        if (best == NULL)
            (void)buffer_append_text(sql, "SELECT id FROM record WHERE id BETWEEN ?1 AND ?2");
        else
            (void)buffer_append_format(
                sql, "SELECT id FROM record INDEXED BY record_%s WHERE %s = %" PRId64 " AND id BETWEEN ?1 AND ?2",
                best->column, best->column, best->ids[i]);
        append_tests(sql, walk, leads, best);
    }
    if (arms == 0) /* no row of the small table fits, so no exchange does */
        (void)buffer_append_text(sql, "SELECT id FROM record WHERE 0 AND id BETWEEN ?1 AND ?2");
    (void)buffer_append_text(sql, walk->oldest_first ? " ORDER BY 1 LIMIT ?3" : " ORDER BY 1 DESC LIMIT ?3");
}

static bool prepare_walk(struct walk *walk, const struct lead *leads, const struct lead *best, struct error *error)
{
    struct buffer sql;
    buffer_init(&sql, WALK_SQL_MAX);
    append_walk(&sql, walk, leads, best);
    const char *text = buffer_text(&sql);
    bool done = sql.failed ? error_set(error, ERROR_MEMORY, "out of memory while reading %s", walk->reader->path)
                           : reader_prepare(&walk->ids, walk->reader, text, error);
    buffer_free(&sql);
    return done;
}

/* The condition that leaves the fewest exchanges to look at, NULL where there is none. */
static const struct lead *choose_lead(const struct lead *leads)
{
    const struct lead *best = NULL;
    for (size_t i = 0; i < LEAD_COUNT; i++) {
        bool can_lead = leads[i].is_used && !leads[i].too_many;
        if (can_lead && (best == NULL || leads[i].exchanges < best->exchanges))
            best = &leads[i];
    }
    return best;
}

static bool bound_walk(struct walk *walk, struct error *error)
{
    const struct capture_filter *filter = walk->filter;
    struct capture_reader *reader = walk->reader;
    int64_t bound;
    walk->first = filter->imported ? INT64_MIN : 1;
    walk->last = filter->imported ? -1 : INT64_MAX;
    if (!filter->imported && filter->since_us != 0) {
        if (!time_bounds_first(&bound, reader->db, filter->since_us, reader->path, error))
            return false;
        walk->first = bound > walk->first ? bound : walk->first;
    }
    if (!filter->imported && filter->until_us != 0) {
        if (!time_bounds_last(&bound, reader->db, filter->until_us, reader->path, error))
            return false;
        walk->last = bound < walk->last ? bound : walk->last;
    }
    if (filter->id_from != 0 && filter->id_from > walk->first)
        walk->first = filter->id_from;
    if (filter->id_to != 0 && filter->id_to < walk->last)
        walk->last = filter->id_to;
    return true;
}

bool walk_open(struct walk *walk, struct capture_reader *reader, const struct capture_filter *filter, bool oldest_first,
               struct error *error)
{
    struct lead leads[LEAD_COUNT];
    *walk = (struct walk){ .reader = reader, .filter = filter, .oldest_first = oldest_first };
    return leads_find(leads, reader, filter, error) && bound_walk(walk, error) &&
           prepare_walk(walk, leads, choose_lead(leads), error);
}

void walk_close(struct walk *walk)
{
    (void)sqlite3_finalize(walk->ids); /* repeats an earlier failure, which was told */
}

static bool fill_chunk(struct walk *walk, struct error *error)
{
    const int64_t numbers[] = { walk->first, walk->last, WALK_CHUNK };
    int code = SQLITE_OK;
    walk->count = walk->at = 0;
    for (int i = 0; code == SQLITE_OK && i < 3; i++)
        code = sqlite3_bind_int64(walk->ids, i + 1, numbers[i]);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(walk->ids);
        if (code == SQLITE_ROW && walk->count < WALK_CHUNK)
            walk->chunk[walk->count++] = sqlite3_column_int64(walk->ids, 0);
    }
    bool done = code == SQLITE_DONE || reader_error(error, walk->reader);
    (void)sqlite3_reset(walk->ids); /* repeats the step's failure, which is told */
    return done;
}

bool walk_next(int64_t *id, struct walk *walk, struct error *error)
{
    *id = 0;
    if (walk->at == walk->count) {
        if (walk->first > walk->last)
            return true;
        if (!fill_chunk(walk, error))
            return false;
        if (walk->count == 0) {
            walk->first = 1;
            walk->last = 0;
            return true;
        }
    }
    *id = walk->chunk[walk->at++];
    if (walk->oldest_first)
        walk->first = *id + 1;
    else
        walk->last = *id - 1;
    return true;
}
