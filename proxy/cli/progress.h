/* A bar on standard error for what takes longer than a second, on a terminal only. Private to this room. One thread. */
#ifndef COUNTERSIGN_CLI_PROGRESS_H
#define COUNTERSIGN_CLI_PROGRESS_H

#include "countersign/buffer.h"

#include <stdint.h>

enum {
    PROGRESS_DELAY_US = 1000000, /* what is done sooner shows no bar */
    PROGRESS_EVERY_US = 100000
};

struct progress {
    const char *label; /* "pruning" */
    int64_t began_us;  /* monotonic, likewise below; of this stage */
    int64_t next_us;   /* not shown sooner */
    bool is_shown;
    bool is_terminal;
};

/* Asks whether standard error is a terminal, and reads the clock. */
void progress_begin(struct progress *progress, const char *label);

/* What comes next of the same work: counts and rate begin anew, a bar that is shown stays. */
void progress_next(struct progress *progress, const char *label);

/* How far it is, `total` 0 where that is not known: the `tell` of struct capture_progress, with a struct progress as its
 * context. Cheap where nothing is to be shown. */
void progress_tell(void *context, uint64_t done, uint64_t total);

/* Takes the bar away, before anything else is written. */
void progress_end(struct progress *progress);

/* Appends the line without its end, at most `width` columns: label, bar, per cent, count, rate, time left. Pure. */
void progress_append(struct buffer *out, const char *label, uint64_t done, uint64_t total, int64_t elapsed_us,
                     size_t width);

#endif
