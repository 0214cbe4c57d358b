/* "Did you mean": the nearest of the words offered. Pure; any thread. Private to this room. */
#ifndef COUNTERSIGN_CONFIG_NEAREST_H
#define COUNTERSIGN_CONFIG_NEAREST_H

#include "countersign/buffer.h"

enum { CONFIG_NEAREST_MAX = 96 }; /* characters; longer words are never near to anything */

struct config_nearest {
    struct slice word;
    size_t best;                        /* edit distance of `match` */
    char match[CONFIG_NEAREST_MAX + 1]; /* "" while nothing is near */
};

void config_nearest_begin(struct config_nearest *nearest, struct slice word);

/* Keeps the candidate where it is nearer than those before it, and near at all: a third of the longer word's letters may
 * differ, at most 3. Case makes no difference. */
void config_nearest_offer(struct config_nearest *nearest, const char *candidate);

/* Appends "; did you mean `MATCH`?" where there is a match. */
void config_nearest_append(struct buffer *out, const struct config_nearest *nearest);

#endif
