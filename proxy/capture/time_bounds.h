/* Times to ids. Ids follow the times of receipt but for what `epoch` notes of their disorder; so a time is found among
 * millions of exchanges by halving, without an index over times. Only recorded exchanges (ids from 1). */
#ifndef COUNTERSIGN_CAPTURE_TIME_BOUNDS_H
#define COUNTERSIGN_CAPTURE_TIME_BOUNDS_H

#include "sql.h"

/* An id below which every exchange was received before `wall_us`: all that were received at or after it have this id or a
 * higher one (which says nothing about all of these). 1 where nothing can be left out. */
MUST_CHECK bool time_bounds_first(int64_t *id, sqlite3 *db, int64_t wall_us, const char *path, struct error *error);

/* An id above which every exchange was received at or after `wall_us`. INT64_MAX where nothing can be left out. */
MUST_CHECK bool time_bounds_last(int64_t *id, sqlite3 *db, int64_t wall_us, const char *path, struct error *error);

#endif
