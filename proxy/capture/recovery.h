/* What earlier runs left in the state folder.
 *
 * After a power failure any page of a ring file may be older than the others, its header's as well. So all of a ring is
 * searched for frames of its run, from the oldest one that the store does not hold; a frame's sums say whether it is whole,
 * and its sequence whether something is missing before it. */
#ifndef COUNTERSIGN_CAPTURE_RECOVERY_H
#define COUNTERSIGN_CAPTURE_RECOVERY_H

#include "store.h"

#include "countersign/capture.h"

enum { RING_NAME_MAX = 32 };

/* "ring-0.journal" and so on, into `name` of RING_NAME_MAX bytes. */
void ring_file_name(char *name, unsigned worker);

/* Carries every ring file's frames into the store and removes the file, then ends what is still in flight. */
MUST_CHECK bool recover(struct capture_recovery *recovery, const char *state_dir, struct store *store,
                        struct error *error);

#endif
