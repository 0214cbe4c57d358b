/* The parts that read one secret: its memory, its sources, the check of what came. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_SECRET_PARTS_H
#define COUNTERSIGN_SIGNER_SECRET_PARTS_H

#include "countersign/secret.h"

#include <stdint.h>

enum {
    SECRET_MEMORY = 2 * SECRET_MAX,      /* bytes behind each secret: what is read before the check */
    SECRET_COMMAND_TIMEOUT_US = 10000000 /* for a whole "command:" */
};

/* Gives an empty secret its SECRET_MEMORY bytes: locked into memory, left out of core dumps and of forked children. */
MUST_CHECK bool secret_allocate(struct secret *secret, struct error *error);

/* As secret_read, but a variable stays in the environment: several secrets may come from the same one. Follow with
 * secret_source_forget once all are read. */
MUST_CHECK bool secret_load(struct secret *secret, const char *source, bool trim, const char *what,
                            struct error *error);

/* A secret of its own with the same content. */
MUST_CHECK bool secret_copy(struct secret *secret, const struct secret *from, struct error *error);

/* From now on a forked child gets a copy, or none any more: as secret_allocate left it. */
void secret_hand_to_children(const struct secret *secret, bool handed);

/* Whether it is an "env:" source: what it gives is taken once. */
bool secret_source_is_variable(const char *source);

/* Wipes and unsets the variable of an "env:" source; nothing for the other sources. */
void secret_source_forget(const char *source);

/* Fills an allocated secret from a source, without the check. The messages say what is wrong and what to do; the caller
 * puts the secret's name and source before them. */
MUST_CHECK bool secret_source_read(struct secret *secret, const char *source, struct error *error);

/* Whether a text begins like one of the sources. */
bool secret_source_is_known(const char *source);

/* Runs /bin/sh -c `line` and takes its standard output, all within timeout_us. */
MUST_CHECK bool secret_read_command(struct secret *secret, const char *line, int64_t timeout_us, struct error *error);

/* From now on the calling thread gives up waiting for a source as soon as `fd` is readable: for a thread that reads sources
 * while the process may be told to end. */
void secret_wait_stops_at(int fd);

/* The descriptor to watch in such a wait beside what is waited for; -1: none. */
int secret_wait_stop(void);

/* Takes white space off where `trim`, and refuses what must not be there. */
MUST_CHECK bool secret_check(struct secret *secret, bool trim, struct error *error);

#endif
