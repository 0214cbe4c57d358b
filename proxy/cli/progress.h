/* A bar for what takes longer than a second: on standard error, where that is a terminal. Private to this room. One
 * thread. */
#ifndef COUNTERSIGN_CLI_PROGRESS_H
#define COUNTERSIGN_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* "exporting" */
    bool is_wanted;   /* standard error is a terminal */
    bool is_shown;
    int64_t begun_us; /* monotonic */
    int64_t shown_us;
};

void progress_begin(struct progress *progress, const char *what);

/* Made to be handed over as capture_progress.tell, `context` the progress; `total` 0 where it is not known. */
void progress_tell(void *context, uint64_t done, uint64_t total);

/* Takes the bar away. */
void progress_end(struct progress *progress);

#endif
