/* Who is at the other end of a connection: which user of this machine, or another machine. The kernel is asked, once for a
 * connection, when it begins; and the rule that says which users may ask.
 *
 * Over a unix socket the kernel notes the other end's user at connect (SO_PEERCRED, unix(7)). Over TCP the other end of a
 * connection within this machine is a socket of its own, which the kernel finds by its addresses and ports
 * (sock_diag(7), one exact look-up and no list). The user is the one that made the socket: a socket that was handed to
 * another process, or whose process has changed its user since, stays its maker's. */
#ifndef COUNTERSIGN_PEER_H
#define COUNTERSIGN_PEER_H

#include "countersign/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum peer_standing {
    PEER_NOT_ASKED = 0, /* nobody wanted to know */
    PEER_USER,          /* a user of this machine, whose number is `uid` */
    PEER_OTHER_MACHINE, /* its address is none of this machine's (or network namespace's): there is no user to find */
    PEER_CLOSED,        /* of this machine, but no process holds that socket any more, so nobody owns it */
    PEER_NOT_FOUND,     /* of this machine by its address, but the kernel knows no such socket */
    PEER_UNMAPPED,      /* a user whom this process's user namespace has no number for (user_namespaces(7)) */
    PEER_KERNEL_CANNOT, /* the kernel does not find sockets: see peer_lookup_test */
    PEER_NO_ANSWER      /* the kernel failed at it: `number` says how */
};

struct peer {
    enum peer_standing standing;
    int number;  /* an errno value with PEER_NO_ANSWER, else 0 */
    int64_t uid; /* -1 but with PEER_USER */
};

/* A way to ask the kernel: one netlink socket, kept open. Of one thread. */
struct peer_lookup;

/* Where the kernel has no such sockets, a look-up is made all the same, and finds nobody over TCP: the error is one of
 * memory. */
MUST_CHECK bool peer_lookup_create(struct peer_lookup **lookup, struct error *error);
void peer_lookup_free(struct peer_lookup *lookup); /* NULL is allowed */

/* Whether the kernel finds the owners of TCP sockets: looks for this listening socket (a unix socket is always well). The
 * error says what is missing and what to do. Call once before peer_find: it remembers. */
MUST_CHECK bool peer_lookup_test(struct peer_lookup *lookup, int listen_fd, struct error *error);

/* Finds out who is at the other end of the accepted connection `fd`, whose ends are `client` and `own` (accept(2),
 * getsockname(2)). Some system calls; waits for the kernel for some milliseconds at most. `lookup` NULL: finds users of
 * unix sockets alone. */
void peer_find(struct peer *peer, struct peer_lookup *lookup, int fd, const struct sockaddr *client,
               const struct sockaddr *own);

enum { PEER_UIDS_MAX = 16 };

/* Which users may ask. */
struct peer_rule {
    bool takes_any;
    size_t count;
    uint32_t uids[PEER_UIDS_MAX];
};

/* Reads "same-user" (then `own_uid` alone), "any", or user ids between commas. */
MUST_CHECK bool peer_rule_parse(struct peer_rule *rule, const char *text, uint32_t own_uid, struct error *error);

bool peer_rule_takes(const struct peer_rule *rule, int64_t uid);

#endif
