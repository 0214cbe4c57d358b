/* Redaction into memory that is at hand: the journal masks a head on its way into the ring, so that a value that must
 * not be written down is never there, not even for a moment. */
#ifndef COUNTERSIGN_CAPTURE_REDACTION_COPY_H
#define COUNTERSIGN_CAPTURE_REDACTION_COPY_H

#include "countersign/slice.h"

/* Writes head.length bytes to `out`: the head with field values masked as redaction.h's table says. */
void redaction_copy_head(char *out, struct slice head);

#endif
