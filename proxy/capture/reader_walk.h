/* A filter as a walk over the ids of exchanges that may pass it, rising or falling.
 *
 * Each condition on a small table (party, endpoint, verdict) is a cursor of its own: the matching rows' exchanges come
 * merged in order out of a UNION ALL of one range of that column's index each, which SQLite walks lazily. Several cursors
 * leapfrog: whichever is behind is sent to where the others are, so the rarest sets the pace. Without such a condition one
 * cursor walks all ids. Times become bounds of ids (time_bounds.h). Who walks still tests each exchange against the whole
 * filter. */
#ifndef COUNTERSIGN_CAPTURE_READER_WALK_H
#define COUNTERSIGN_CAPTURE_READER_WALK_H

#include "reader_lead.h"

enum { WALK_CHUNK = 256 /* ids read at once: no snapshot is held for longer than that takes */ };

struct walk_cursor {
    sqlite3_stmt *ids; /* places: first, last, how many */
    int64_t chunk[WALK_CHUNK];
    size_t count;
    size_t at;
    bool is_over; /* behind the chunk there is nothing */
};

struct walk {
    struct capture_reader *reader;
    const struct capture_filter *filter;
    bool rising;   /* the order of the ids */
    int64_t first; /* what is left of the walk: ids from here */
    int64_t last;  /* to here */
    struct walk_cursor cursors[LEAD_COUNT];
    size_t cursor_count;
};

MUST_CHECK bool walk_open(struct walk *walk, struct capture_reader *reader, const struct capture_filter *filter,
                          bool rising, struct error *error);
void walk_close(struct walk *walk); /* also after walk_open failed */

/* The next id; 0 at the end. */
MUST_CHECK bool walk_next(int64_t *id, struct walk *walk, struct error *error);

#endif
