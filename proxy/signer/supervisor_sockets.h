/* Listening sockets that a service manager made and hands over: sd_listen_fds(3). Private to this room. */
#ifndef COUNTERSIGN_SIGNER_SUPERVISOR_SOCKETS_H
#define COUNTERSIGN_SIGNER_SUPERVISOR_SOCKETS_H

#include "countersign/error.h"

#include <stddef.h>

enum {
    SOCKETS_FIRST_FD = 3, /* SD_LISTEN_FDS_START */
    SOCKETS_MAX = 64
};

struct handed {
    size_t count; /* descriptors from SOCKETS_FIRST_FD on */
    char *names;  /* LISTEN_FDNAMES: one for each, with colons between them; NULL: none was given */
};

/* Reads LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES and takes them out of the environment; what is meant for another process
 * is left alone. The descriptors are closed in programs that are started from now on. */
MUST_CHECK bool handed_take(struct handed *sockets, struct error *error);

/* Sends each to the proxy process over its link. The descriptors stay. */
MUST_CHECK bool handed_pass_on(const struct handed *sockets, int link, struct error *error);

/* Closes this process's copies: the manager has its own. */
void handed_end(struct handed *sockets);

#endif
