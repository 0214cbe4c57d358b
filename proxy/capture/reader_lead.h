/* Conditions of a filter that are about the small tables (party, endpoint, verdict): which of their rows match. */
#ifndef COUNTERSIGN_CAPTURE_READER_LEAD_H
#define COUNTERSIGN_CAPTURE_READER_LEAD_H

#include "reader_private.h"

enum { LEAD_COUNT = 3, LEAD_ROWS_MAX = 64 /* rows of a small table that one walk merges */ };

struct lead {
    const char *column; /* of record; its index is record_COLUMN */
    int64_t ids[LEAD_ROWS_MAX];
    size_t count;
    bool is_used;  /* the filter has such a condition */
    bool too_many; /* rows match: the walk goes without it, and each exchange is tested */
};

/* Looks the rows up. */
MUST_CHECK bool leads_find(struct lead *leads, struct capture_reader *reader, const struct capture_filter *filter,
                           struct error *error);

#endif
