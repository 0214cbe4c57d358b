/* Statements that walk. The reader's thread. */
#include "reader_walk.h"

#include "time_bounds.h"

#include <inttypes.h>

enum { WALK_SQL_MAX = 1 << 16 /* bytes */ };

/* --- statements --- */

/* What can be tested without reading an exchange whole. Times only where no index leads: it would no longer cover. */
static void append_tests(struct buffer *sql, const struct walk *walk, const struct lead *lead)
{
    const struct capture_filter *filter = walk->filter;
    if (filter->slower_than_us > 0)
        (void)buffer_append_format(
            sql, " AND received_us IS NOT NULL AND coalesce(replied_after, complete_after) > %" PRId64,
            filter->slower_than_us); /* see failed, here and below */
    if (lead == NULL && filter->since_us != 0)
        (void)buffer_append_format(sql, " AND received_us >= %" PRId64, filter->since_us);
    if (lead == NULL && filter->until_us != 0)
        (void)buffer_append_format(sql, " AND received_us < %" PRId64, filter->until_us);
}

static void append_cursor(struct buffer *sql, const struct walk *walk, const struct lead *lead)
{
    size_t arms = lead == NULL ? 1 : lead->count;
    for (size_t i = 0; i < arms; i++) {
        (void)buffer_append_text(sql, i == 0 ? "" : " UNION ALL "); /* see failed, here and below */
        if (lead == NULL)
            (void)buffer_append_text(sql, "SELECT id FROM record WHERE id BETWEEN ?1 AND ?2");
        else
            (void)buffer_append_format(
                sql, "SELECT id FROM record INDEXED BY record_%s WHERE %s = %" PRId64 " AND id BETWEEN ?1 AND ?2",
                lead->column, lead->column, lead->ids[i]);
        append_tests(sql, walk, lead);
    }
    if (arms == 0) /* no row of the small table fits, so no exchange does */
        (void)buffer_append_text(sql, "SELECT id FROM record WHERE 0 AND id BETWEEN ?1 AND ?2");
    (void)buffer_append_text(sql, walk->rising ? " ORDER BY 1 LIMIT ?3" : " ORDER BY 1 DESC LIMIT ?3");
}

static bool add_cursor(struct walk *walk, const struct lead *lead, struct error *error)
{
    struct buffer sql;
    buffer_init(&sql, WALK_SQL_MAX);
    append_cursor(&sql, walk, lead);
    bool done = reader_prepare_buffer(&walk->cursors[walk->cursor_count].ids, walk->reader, &sql, error);
    walk->cursor_count += done ? 1 : 0;
    return done;
}

static bool add_cursors(struct walk *walk, struct error *error)
{
    struct lead leads[LEAD_COUNT];
    if (!leads_find(leads, walk->reader, walk->filter, error))
        return false;
    for (size_t i = 0; i < LEAD_COUNT; i++) {
        if (leads[i].is_used && !leads[i].too_many && !add_cursor(walk, &leads[i], error))
            return false;
    }
    return walk->cursor_count > 0 || add_cursor(walk, NULL, error);
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

bool walk_open(struct walk *walk, struct capture_reader *reader, const struct capture_filter *filter, bool rising,
               struct error *error)
{
    *walk = (struct walk){ .reader = reader, .filter = filter, .rising = rising };
    return sql_for_person(bound_walk(walk, error), error) && add_cursors(walk, error);
}

void walk_close(struct walk *walk)
{
    for (size_t i = 0; i < walk->cursor_count; i++)
        (void)sqlite3_finalize(walk->cursors[i].ids); /* repeats an earlier failure, which was told */
}

/* --- walking --- */

/* Reads the ids from what is left of the walk on. */
static bool fill_chunk(struct walk_cursor *cursor, const struct walk *walk, struct error *error)
{
    const int64_t numbers[] = { walk->first, walk->last, WALK_CHUNK };
    int code = SQLITE_OK;
    cursor->count = cursor->at = 0;
    for (int i = 0; code == SQLITE_OK && i < 3; i++)
        code = sqlite3_bind_int64(cursor->ids, i + 1, numbers[i]);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(cursor->ids);
        if (code == SQLITE_ROW && cursor->count < WALK_CHUNK)
            cursor->chunk[cursor->count++] = sqlite3_column_int64(cursor->ids, 0);
    }
    bool done = code == SQLITE_DONE || reader_error(error, walk->reader);
    (void)sqlite3_reset(cursor->ids); /* repeats the step's failure, which is told */
    cursor->is_over = cursor->count < WALK_CHUNK;
    return done;
}

static void pass_over(struct walk_cursor *cursor, const struct walk *walk)
{
    while (cursor->at < cursor->count &&
           (cursor->chunk[cursor->at] < walk->first || cursor->chunk[cursor->at] > walk->last))
        cursor->at++;
}

/* The cursor's next id within what is left of the walk; 0 where there is none. */
static bool look(int64_t *id, struct walk_cursor *cursor, const struct walk *walk, struct error *error)
{
    pass_over(cursor, walk);
    if (cursor->at == cursor->count && !cursor->is_over && !fill_chunk(cursor, walk, error))
        return false;
    *id = cursor->at < cursor->count ? cursor->chunk[cursor->at] : 0;
    return true;
}

static void go_on_from(struct walk *walk, int64_t id)
{
    if (walk->rising)
        walk->first = id;
    else
        walk->last = id;
}

bool walk_next(int64_t *id, struct walk *walk, struct error *error)
{
    int64_t found = 0;
    *id = 0;
    for (size_t agreed = 0, i = 0; agreed < walk->cursor_count; i = (i + 1) % walk->cursor_count) {
        int64_t next;
        if (walk->first > walk->last)
            return true;
        if (!look(&next, &walk->cursors[i], walk, error))
            return false;
        if (next == 0)
            return true;
        agreed = agreed > 0 && next == found ? agreed + 1 : 1;
        found = next;
        go_on_from(walk, found);
    }
    *id = found;
    go_on_from(walk, walk->rising ? found + 1 : found - 1);
    return true;
}
