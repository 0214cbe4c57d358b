/* A worker's learning: its tables, and the file that they are kept in. Private to the service room; the worker's thread. */
#ifndef COUNTERSIGN_SERVICE_LEARNING_H
#define COUNTERSIGN_SERVICE_LEARNING_H

#include "countersign/learning.h"
#include "countersign/loop.h"

struct learning;

/* NULL where no listener learns; goes on from what the file says. The loop gets a timer that writes the file every few seconds
 * while something changes, and does not run otherwise. */
MUST_CHECK bool learning_open(struct learning **learning, const struct config *config, struct loop *loop,
                              unsigned worker, struct error *error);

/* The listener's table, NULL where it does not learn. */
struct learned *learning_of(const struct learning *learning, size_t listener);

/* Writes what has changed, and frees. NULL is allowed. */
void learning_close(struct learning *learning);

#endif
