/* Keys replaced while the signer serves: sources are read anew on a thread of its own, for they may be slow; the service's
 * thread puts what was read in force between two messages. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_ROTATION_H
#define COUNTERSIGN_SIGNER_ROTATION_H

#include "countersign/signer.h"
#include "session.h"

#include <pthread.h>

struct rotation {
    struct signer *signer;
    struct signer *fresh; /* what was read, until it is in force; NULL: nothing was */
    int done;             /* eventfd(2): readable once the thread has read */
    int stop;             /* eventfd(2): readable ends the thread's wait for a command */
    bool is_wanted;       /* another reading must begin */
    bool is_reading;      /* the thread runs, and owns what follows */
    bool has_read;        /* it went well */
    pthread_t thread;
    struct buffer report; /* a line for each source that could not be read */
    struct error error;
};

MUST_CHECK bool rotation_open(struct rotation *rotation, struct signer *signer, struct error *error);

/* Asks for what the sources hold from now on: what is being read may be older, so another reading follows it. */
void rotation_want(struct rotation *rotation);

/* Whether a reading was asked for and has not come to its end: in force, or failed. */
bool rotation_is_under_way(const struct rotation *rotation);

/* Goes as far as it can now: takes what the thread has read, puts it in force when the session is at rest, begins another
 * reading. Call when `done` is readable, and whenever the session may have come to rest. */
void rotation_go_on(struct rotation *rotation, struct signer_session *session);

/* Stops the reading, wipes what was not put in force. For a rotation that was opened or zero-initialised with descriptors
 * of -1. */
void rotation_close(struct rotation *rotation);

#endif
