/* The sockets of an upstream's connections, and whether a connection that is about to be used again is as the last answer
 * left it. What the other side sent meanwhile (an answer nobody asked for, bytes behind the last one, TLS's end) stands
 * before the next answer, and libcurl 7.88 would read it as that: its own look at an idle connection takes bytes for a
 * sign of life. And whether a connection is silent: where a request waited in vain for its time and no byte came, the other side
 * may have vanished, or the way to it (a NAT that forgot, a link that changed), and TCP tells of that many minutes later. The
 * loop's thread. */
#include "upstream_internal.h"

#include "countersign/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* libcurl tells the pre-request callback the local port of the connection it has picked, and not its descriptor:
 * CURLINFO_ACTIVESOCKET is that of the connection which the handle used before. */
struct upstream_socket {
    struct upstream_socket *next;
    int fd;
    int local_port;               /* 0: not asked for yet */
    struct upstream_watch *watch; /* while no request is under way; NULL: it is not registered */
    int64_t silent_since_us;      /* monotonic: what was sent then waited in vain; 0: not known to be silent */
};

/* The kernel counts in jiffies, of 10 ms at most. A byte that came so soon behind a request counts as one before it. */
enum { JIFFY_US = 10000 };

static void count(_Atomic uint64_t *value)
{
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void forget(struct upstream *upstream, int fd)
{
    struct upstream_socket **place = &upstream->sockets;
    while (*place != NULL && (*place)->fd != fd)
        place = &(*place)->next;
    struct upstream_socket *found = *place;
    if (found == NULL)
        return;
    *place = found->next;
    if (found->watch != NULL)
        watch_free(found->watch);
    upstream->silent_sockets -= found->silent_since_us != 0;
    if (upstream->options.counts != NULL)
        count(&upstream->options.counts->closed);
    free(found);
}

/* libcurl 7.88 closes a socket whose connection was never made without telling (cf_socket_close): one of the same number is
 * that one's successor. */
int sockets_open(struct upstream *upstream, const struct curl_sockaddr *address)
{
    struct upstream_socket *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return -1;
    made->fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (made->fd < 0) {
        free(made);
        return -1;
    }
    forget(upstream, made->fd);
    made->next = upstream->sockets;
    upstream->sockets = made;
    if (upstream->options.counts != NULL)
        count(&upstream->options.counts->opened);
    return made->fd;
}

static struct upstream_socket *find(const struct upstream *upstream, int fd)
{
    struct upstream_socket *socket = upstream->sockets;
    while (socket != NULL && socket->fd != fd)
        socket = socket->next;
    return socket;
}

struct upstream_watch *sockets_take_watch(const struct upstream *upstream, int fd)
{
    struct upstream_socket *socket = find(upstream, fd);
    struct upstream_watch *watch = socket == NULL ? NULL : socket->watch;
    if (socket != NULL)
        socket->watch = NULL;
    return watch;
}

bool sockets_keep_watch(const struct upstream *upstream, struct upstream_watch *watch)
{
    struct upstream_socket *socket = find(upstream, watch->io.fd);
    if (socket != NULL)
        socket->watch = watch;
    return socket != NULL;
}

bool sockets_are_out(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool are_out = fd < 0 && (errno == EMFILE || errno == ENFILE);
    if (fd >= 0)
        (void)close(fd); /* it was never used */
    return are_out;
}

int sockets_close(struct upstream *upstream, int fd)
{
    forget(upstream, fd);
    return close(fd);
}

void sockets_free(struct upstream *upstream)
{
    while (upstream->sockets != NULL)
        forget(upstream, upstream->sockets->fd);
}

static int ask_for_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name = { .any.sa_family = AF_UNSPEC };
    socklen_t length = sizeof(name);
    if (getsockname(fd, &name.any, &length) != 0)
        return 0;
    return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
}

bool sockets_have_nothing_to_read(int fd)
{
    char byte;
    return recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* Two sockets can have one local port (IPv4 and IPv6): then both must be clean. A socket that is not found is not. */
static bool port_is_clean(const struct upstream *upstream, int local_port)
{
    bool found = false;
    for (struct upstream_socket *socket = upstream->sockets; socket != NULL; socket = socket->next) {
        if (socket->local_port == 0)
            socket->local_port = ask_for_port(socket->fd);
        if (socket->local_port != local_port)
            continue;
        if (!sockets_have_nothing_to_read(socket->fd))
            return false;
        found = true;
    }
    return found;
}

/* What OpenSSL has read from the socket already is nowhere else: libcurl asks it for no more than the rest of an answer. */
bool sockets_are_clean(const struct upstream *upstream, const SSL *tls, int local_port)
{
    return (tls == NULL || SSL_has_pending(tls) == 0) && port_is_clean(upstream, local_port);
}

/* tcpi_last_data_recv: how long ago the last byte came, or the connection was made (linux/tcp.h, net/ipv4/tcp.c). */
static bool has_heard_since(int fd, int64_t since_us)
{
    struct tcp_info info = { 0 };
    socklen_t length = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return false;
    return clock_monotonic_us() - (int64_t)info.tcpi_last_data_recv * 1000 > since_us + JIFFY_US;
}

void sockets_note_silence(struct upstream *upstream, int64_t since_us)
{
    for (struct upstream_socket *socket = upstream->sockets; socket != NULL; socket = socket->next) {
        if (has_heard_since(socket->fd, since_us))
            continue;
        upstream->silent_sockets += socket->silent_since_us == 0;
        socket->silent_since_us = since_us;
    }
}

/* A byte that came meanwhile takes it back. */
static bool is_silent(struct upstream *upstream, struct upstream_socket *socket)
{
    if (socket->silent_since_us == 0 || !has_heard_since(socket->fd, socket->silent_since_us))
        return socket->silent_since_us != 0;
    socket->silent_since_us = 0;
    upstream->silent_sockets--;
    return false;
}

bool sockets_are_silent(struct upstream *upstream, int local_port)
{
    if (upstream->silent_sockets == 0)
        return false;
    for (struct upstream_socket *socket = upstream->sockets; socket != NULL; socket = socket->next) {
        if (ask_for_port(socket->fd) == local_port && is_silent(upstream, socket))
            return true;
    }
    return false;
}

bool sockets_is_silent(struct upstream *upstream, int fd)
{
    if (upstream->silent_sockets == 0)
        return false;
    struct upstream_socket *socket = find(upstream, fd);
    return socket != NULL && is_silent(upstream, socket);
}

void sockets_end(const struct upstream *upstream, int local_port)
{
    for (struct upstream_socket *socket = upstream->sockets; socket != NULL; socket = socket->next) {
        if (ask_for_port(socket->fd) == local_port)
            (void)shutdown(socket->fd, SHUT_RDWR); /* fails where it has ended already */
    }
}
