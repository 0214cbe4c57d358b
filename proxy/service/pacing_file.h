/* STATE_DIR/pace: what counts of each limit, in a file that is mapped, so that it outlives the process however that ends. Private
 * to the service room. */
#ifndef COUNTERSIGN_SERVICE_PACING_FILE_H
#define COUNTERSIGN_SERVICE_PACING_FILE_H

#include "countersign/error.h"
#include "countersign/pace.h"

#include <stddef.h>

enum { PACING_NAME_MAX = 512 }; /* bytes, with the NUL */

struct pacing_name {
    char text[PACING_NAME_MAX]; /* zeroed behind its end */
};

struct pacing_file {
    void *mapping; /* NULL: none */
    size_t length;
};

/* Makes the file anew, with a memory for each name: what the file there was says of that name counts on (pace_recall). The disk
 * space is taken at once, so that a full disk is an error here and no signal later. The folder's one proxy, main thread. */
MUST_CHECK bool pacing_file_open(struct pacing_file *file, const char *state_dir, const struct pacing_name *names,
                                 size_t count, struct error *error);

/* Valid until pacing_file_close. */
struct pace_memory *pacing_file_memory(const struct pacing_file *file, size_t index);

void pacing_file_close(struct pacing_file *file); /* zeroed is allowed */

#endif
