/* The admin address of the proxy: its socket, what the workers count for it, and its thread. Private to this room. */
#ifndef COUNTERSIGN_SERVICE_ADMIN_H
#define COUNTERSIGN_SERVICE_ADMIN_H

#include "worker.h"

struct admin;

/* Opens the socket, before anything is given up, and makes the counts. Without [proxy] admin there are the counts alone; so
 * there are where its default address cannot be had, which is told: an address that somebody wrote down must be had. */
MUST_CHECK bool admin_open(struct admin **admin, const struct config *config, struct error *error);

/* Gives a worker what it counts into. */
void admin_fill(struct worker_options *options, const struct admin *admin);

/* Once all workers run: starts to answer. */
MUST_CHECK bool admin_start(struct admin *admin, const struct worker_options *shared, struct error *error);

/* Once the configuration was read again: whether it is in force. NULL is allowed. */
void admin_note_reload(struct admin *admin, bool in_force);

/* From now on it says that the proxy is ending. NULL is allowed, as below. */
void admin_drain(struct admin *admin);

/* After the workers' end, before that of the signer's client, the switch and the record. */
void admin_stop(struct admin *admin);

/* Last: frees the counts. */
void admin_close(struct admin *admin);

#endif
