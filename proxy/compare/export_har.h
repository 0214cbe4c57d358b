/* What the two files of the HAR export share. Private to these. */
#ifndef COUNTERSIGN_COMPARE_EXPORT_HAR_H
#define COUNTERSIGN_COMPARE_EXPORT_HAR_H

#include "export_private.h"

/* Which views an entry is made of. */
struct har_sides {
    enum record_view request;
    enum record_view response;
    bool is_clients; /* nothing left for the exchange */
};

/* Members of a JSON object under way: `out` ends in '{' or behind a member's value. */
void har_name(struct buffer *out, const char *name);
void har_text(struct buffer *out, const char *name, struct slice text);
void har_number(struct buffer *out, const char *name, int64_t number);

/* The members `time` and `timings` (4.16). */
void har_append_timings(struct buffer *out, const struct har_sides *sides, const struct record *record);

#endif
