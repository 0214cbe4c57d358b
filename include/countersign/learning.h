/* STATE_DIR/learned-N: what worker N's listeners learned (learned.h), kept over restarts and whatever is pruned from the
 * record. Mode 0600, replaced as a whole. */
#ifndef COUNTERSIGN_LEARNING_H
#define COUNTERSIGN_LEARNING_H

#include "countersign/config.h"
#include "countersign/learned.h"

enum { LEARNING_WORKERS_MAX = 64 }; /* as proxy.workers */

/* Adds what all workers wrote down of that listener. Files that are not there are fine. Any process. */
MUST_CHECK bool learning_read(struct learned *learned, const char *state_dir, const char *listener,
                              struct error *error);

#endif
