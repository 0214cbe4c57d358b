/* A filter as a walk over the ids of exchanges that may pass it, newest or oldest first.
 *
 * The walk goes over all ids, or, where the filter names parties, endpoints or a verdict, over the index of one of these:
 * the matching rows' exchanges come merged in order out of a UNION ALL of one indexed range each, which SQLite walks lazily.
 * Of several such conditions the one with the fewest exchanges leads; the others are tested on the way. Times become
 * bounds of ids (time_bounds.h). Who walks still tests each exchange against the whole filter. */
#ifndef COUNTERSIGN_CAPTURE_READER_WALK_H
#define COUNTERSIGN_CAPTURE_READER_WALK_H

#include "reader_private.h"

enum { WALK_CHUNK = 256 /* ids read at once: no snapshot is held for longer than that takes */ };

struct walk {
    struct capture_reader *reader;
    const struct capture_filter *filter;
    sqlite3_stmt *ids; /* places: first, last, how many */
    bool oldest_first;
    int64_t first; /* what is left of the walk: ids from here */
    int64_t last;  /* to here */
    int64_t chunk[WALK_CHUNK];
    size_t count;
    size_t at;
};

MUST_CHECK bool walk_open(struct walk *walk, struct capture_reader *reader, const struct capture_filter *filter,
                          bool oldest_first, struct error *error);
void walk_close(struct walk *walk); /* also after walk_open failed */

/* The next id; 0 at the end. */
MUST_CHECK bool walk_next(int64_t *id, struct walk *walk, struct error *error);

#endif
