/* One exact look-up of a TCP socket of this network namespace by its two ends. Private to this room. */
#ifndef COUNTERSIGN_SOCKET_OWNER_H
#define COUNTERSIGN_SOCKET_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { SOCKET_END_ADDRESS = 16 };

/* An address and port; IPv4 that is mapped into IPv6 (RFC 4291 §2.5.5.2) is IPv4 here. All bytes count in comparisons. */
struct socket_end {
    uint32_t family;                           /* AF_INET or AF_INET6 */
    uint32_t scope;                            /* of a link-local IPv6 address: the interface, else 0 */
    uint16_t port;                             /* in network order */
    unsigned char address[SOCKET_END_ADDRESS]; /* IPv4 in the first four */
    unsigned char unused[2];                   /* 0 */
};

/* False for an address that is no internet address. */
bool socket_end_of(struct socket_end *end, const struct sockaddr *address);

enum socket_owner {
    SOCKET_OWNED,    /* *uid made it, and a process holds it */
    SOCKET_ORPHANED, /* it is there, but was closed by all who held it: the kernel has no true owner of it */
    SOCKET_UNKNOWN,  /* there is none with these ends, or the kernel cannot look: it says the same of both */
    SOCKET_NO_ANSWER /* *number (errno) says why */
};

/* A socket for socket_owner_find; -1 with errno. */
int socket_owner_open(void);

/* Looks for the connected socket whose own end is `own` and whose other end is `other`. `sequence` numbers the question:
 * another one each time. */
enum socket_owner socket_owner_find(uint32_t *uid, int *number, int netlink, uint32_t sequence,
                                    const struct socket_end *own, const struct socket_end *other);

/* Whether a listening socket with this end is found. */
enum socket_owner socket_owner_find_listener(uint32_t *uid, int *number, int netlink, uint32_t sequence,
                                             const struct socket_end *own);

#endif
