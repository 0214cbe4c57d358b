/* What is known of a client connection as long as it is open: who is at its other end. */
#include "front_private.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

static socklen_t address_length(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* For a unix socket only the family is looked at: libmicrohttpd has room for no more of such an address, and what a client
 * bound its own end to says nothing of who it is. */
static void describe_peer(struct front_connection *from, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    from->peer_uid = -1;
    if (address == NULL || address->client_addr == NULL || fd == NULL)
        return;
    if (address->client_addr->sa_family != AF_UNIX) {
        (void)endpoint_format(from->peer, address->client_addr, address_length(address->client_addr));
        return;
    }
    struct ucred credentials;
    socklen_t length = sizeof(credentials);
    (void)snprintf(from->peer, sizeof(from->peer), "unix:"); /* fits */
    if (getsockopt(fd->connect_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0)
        from->peer_uid = (int64_t)credentials.uid;
}

/* A request that is still here when its connection goes is one whose end libmicrohttpd did not tell (0.9.75 forgets to
 * where adding the socket to its epoll set fails). */
static void close_connection(struct front *front, struct front_connection *from)
{
    if (from == NULL)
        return;
    if (from->request != NULL)
        request_end(from->request, false);
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
    describe_peer(from, connection);
    if (front->options.tls_certificate == NULL && !gate_watch(front, from, info->connect_fd)) {
        free(from);
        return NULL;
    }
    return from;
}

void connection_changed(void *cls, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code)
{
    struct front *front = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        front->again = true;
        close_connection(front, *socket_context);
        *socket_context = NULL;
        return;
    }
    *socket_context = open_connection(front, connection); /* NULL: its first request closes it */
}

struct front_connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}
