/* Sockets that came with the start, matched to the listeners by name or by address. The main thread, before all others. */
#include "inherited.h"

#include "countersign/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_listening_stream(int fd)
{
    int type = 0, listens = 0;
    socklen_t length = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens != 0;
}

bool inherited_add(struct inherited *inherited, int fd, const char *name, struct error *error)
{
    bool has_room = inherited->count < INHERITED_MAX;
    int flags = fcntl(fd, F_GETFL);
    if (has_room && is_listening_stream(fd) && flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0) {
        struct inherited_socket *added = &inherited->sockets[inherited->count++];
        added->fd = fd;
        (void)snprintf(added->name, sizeof(added->name), "%s", name); /* of the same size */
        return true;
    }
    (void)close(fd); /* not used */
    if (!has_room)
        return error_set(error, ERROR_CONFIG, "the service manager hands over more than %d sockets", INHERITED_MAX);
    return error_set(error, ERROR_CONFIG,
                     "the socket \"%s\" of the service manager is no listening stream socket: name it in ListenStream= "
                     "(with Accept=no)",
                     name);
}

static bool has_address(const struct inherited_socket *socket, const char *listen)
{
    char wanted[ENDPOINT_TEXT_MAX], bound[ENDPOINT_TEXT_MAX];
    struct endpoint endpoint;
    if (!endpoint_parse(&endpoint, listen, NULL))
        return false; /* told when it is opened */
    (void)endpoint_format(wanted, (const struct sockaddr *)&endpoint.address, endpoint.length); /* both return their */
    (void)endpoint_format_local(bound, socket->fd);                                             /* argument */
    return strcmp(wanted, bound) == 0;
}

static struct inherited_socket *find(struct inherited *inherited, const struct config_listener *listener)
{
    for (size_t i = 0; i < inherited->count; i++) {
        if (inherited->sockets[i].fd >= 0 && strcmp(inherited->sockets[i].name, listener->name) == 0)
            return &inherited->sockets[i];
    }
    for (size_t i = 0; i < inherited->count; i++) {
        if (inherited->sockets[i].fd >= 0 && has_address(&inherited->sockets[i], listener->listen))
            return &inherited->sockets[i];
    }
    return NULL;
}

/* What the configuration was checked for is `listen`; a socket that is found by its name may be bound elsewhere. */
static bool may_be_used(const struct inherited_socket *socket, const struct config_listener *listener,
                        struct error *error)
{
    struct endpoint bound = { .length = sizeof(bound.address) };
    char text[ENDPOINT_TEXT_MAX];
    if (getsockname(socket->fd, (struct sockaddr *)&bound.address, &bound.length) != 0)
        return error_system(error, errno, "cannot tell where the socket \"%s\" listens", socket->name);
    if (endpoint_is_local(&bound) || listener->expose != 0)
        return true;
    return error_set(error, ERROR_CONFIG,
                     "the service manager's socket for listener %s is at %s, which other machines can reach: change "
                     "ListenStream=, or set expose = yes and a token",
                     listener->name, endpoint_format_local(text, socket->fd));
}

bool inherited_find(int *fd, struct inherited *inherited, const struct config_listener *listener, struct error *error)
{
    struct inherited_socket *found = find(inherited, listener);
    *fd = -1;
    if (found == NULL)
        return true;
    if (!may_be_used(found, listener, error))
        return false;
    *fd = found->fd;
    found->fd = -1;
    return true;
}

bool inherited_all_used(const struct inherited *inherited, struct error *error)
{
    char text[ENDPOINT_TEXT_MAX];
    for (size_t i = 0; i < inherited->count; i++) {
        const struct inherited_socket *socket = &inherited->sockets[i];
        if (socket->fd >= 0)
            return error_set(error, ERROR_CONFIG,
                             "no listener takes the service manager's socket \"%s\" at %s: give one this address "
                             "(listen), or give the socket the listener's name (FileDescriptorName=)",
                             socket->name, endpoint_format_local(text, socket->fd));
    }
    return true;
}

void inherited_end(struct inherited *inherited)
{
    for (size_t i = 0; i < inherited->count; i++) {
        if (inherited->sockets[i].fd >= 0)
            (void)close(inherited->sockets[i].fd); /* never used */
    }
    inherited->count = 0;
}
