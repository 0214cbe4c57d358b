/* Listening sockets that a service manager made (sd_listen_fds(3)), as the supervisor hands them on. Private to the service
 * room. */
#ifndef COUNTERSIGN_SERVICE_INHERITED_H
#define COUNTERSIGN_SERVICE_INHERITED_H

#include "countersign/config.h"
#include "countersign/supervisor_link.h"

enum { INHERITED_MAX = 64 };

struct inherited_socket {
    int fd; /* -1: a listener has it */
    char name[SUPERVISOR_NAME_MAX + 1];
};

struct inherited {
    struct inherited_socket sockets[INHERITED_MAX];
    size_t count;
};

/* Takes the descriptor over. False, with *error and the descriptor closed, where there are too many or it is no listening
 * stream socket. */
MUST_CHECK bool inherited_add(struct inherited *inherited, int fd, const char *name, struct error *error);

/* The socket for this listener: the one that has its name, or else its address. *fd is -1 where there is none; else the
 * caller's. False where the one of its name is bound to an address that others can reach, which the listener does not say
 * (expose). */
MUST_CHECK bool inherited_find(int *fd, struct inherited *inherited, const struct config_listener *listener,
                               struct error *error);

/* Once all listeners have looked: false where a socket is left, for a connection to it would wait for ever. */
MUST_CHECK bool inherited_all_used(const struct inherited *inherited, struct error *error);

/* Closes what is left. */
void inherited_end(struct inherited *inherited);

#endif
