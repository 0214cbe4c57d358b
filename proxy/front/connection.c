/* What is known of a client connection as long as it is open: who is at its other end, asked of the kernel when it begins
 * and never again. */
#include "front_private.h"

#include "countersign/log.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static socklen_t address_length(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* Of an address over IPv6 that is IPv4's (::ffff:127.0.0.1, where a listener takes both) the IPv4 form is shown. */
static void describe_address(char *text, const struct sockaddr *address)
{
    struct sockaddr_storage plain;
    socklen_t length = address_length(address);
    memcpy(&plain, address, length);
    endpoint_unmap(&plain, &length);
    (void)endpoint_format(text, (const struct sockaddr *)&plain, length); /* returns its argument */
}

/* For a unix socket only the family is looked at: libmicrohttpd has room for no more of such an address, and what a client
 * bound its own end to says nothing of who it is. */
static void describe_peer(struct front_connection *from, struct MHD_Connection *connection, struct peer_lookup *peers)
{
    const union MHD_ConnectionInfo *address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr_storage own = { .ss_family = AF_UNSPEC };
    socklen_t length = sizeof(own);
    from->found.uid = -1;
    from->is_tcp = address != NULL && address->client_addr != NULL && address->client_addr->sa_family != AF_UNIX;
    if (address == NULL || address->client_addr == NULL || fd == NULL ||
        getsockname(fd->connect_fd, (struct sockaddr *)&own, &length) != 0)
        return; /* its user stays unknown */
    peer_find(&from->found, peers, fd->connect_fd, address->client_addr, (const struct sockaddr *)&own);
    if (address->client_addr->sa_family == AF_UNIX) {
        (void)snprintf(from->peer, sizeof(from->peer), "unix:");                   /* fits */
        (void)endpoint_format(from->local, (const struct sockaddr *)&own, length); /* returns its argument */
    } else {
        describe_address(from->peer, address->client_addr);
        describe_address(from->local, (const struct sockaddr *)&own);
    }
}

/* A request that is still here when its connection goes is one whose end libmicrohttpd did not tell (0.9.75 forgets to
 * where adding the socket to its epoll set fails). */
static void close_connection(struct front *front, struct front_connection *from)
{
    if (from == NULL)
        return;
    if (from->request != NULL)
        request_end(from->request, false);
    phase_end(front, from);
    if (from->lines == 0)
        front->unasked--;
    gate_forget(front, from);
    free(from);
}

/* NULL when memory is out. TLS cannot be read along: those connections have what head.c finds. */
static struct front_connection *open_connection(struct front *front, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct front_connection *from = calloc(1, sizeof(*from));
    if (from == NULL || info == NULL) {
        free(from);
        return NULL;
    }
    from->fd = -1;
    from->socket = info->connect_fd;
    describe_peer(from, connection, front->options.peers);
    if (front->options.tls_certificate == NULL && !gate_watch(front, from, info->connect_fd)) {
        free(from);
        return NULL;
    }
    phase_begin(front, from);
    front->unasked++;
    return from;
}

static void count(_Atomic uint64_t *value)
{
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void count_change(const struct front *front, bool is_closed)
{
    struct front_counts *counts = front->options.counts;
    if (counts != NULL)
        count(is_closed ? &counts->closed : &counts->accepted);
}

void connection_changed(void *cls, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code)
{
    struct front *front = cls;
    count_change(front, code == MHD_CONNECTION_NOTIFY_CLOSED);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        close_connection(front, *socket_context);
        *socket_context = NULL;
        places_give_back(front->places);
        return;
    }
    if (!places_take(front->places))
        log_error("a connection was taken in without a place"); /* the door has looked: it cannot be */
    *socket_context = open_connection(front, connection);       /* NULL: its first request closes it */
}

struct front_connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}
