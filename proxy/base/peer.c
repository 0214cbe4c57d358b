/* Who is at the other end of a connection. A look-up owns its netlink socket; one thread. */
#include "countersign/peer.h"

#include "countersign/compiler.h"
#include "countersign/slice.h"
#include "socket_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PROC_TEXT_MAX = 4096,        /* a user namespace's map has at most 340 lines, most have one */
    OVERFLOW_UID_DEFAULT = 65534 /* user_namespaces(7) */
};

#define UIDS_ALL UINT64_C(4294967295) /* the initial user namespace's map: all but (uid_t)-1 */
#define NO_UID   INT64_C(-1)

struct peer_lookup {
    int netlink;       /* -1: the kernel has no such sockets */
    int number;        /* errno then */
    bool cannot;       /* peer_lookup_test failed */
    uint32_t sequence; /* of the last question */
    int64_t
        unmapped; /* the number that stands for users without one in this user namespace; NO_UID where all have one */
};

/* --- user namespaces --- */

/* A small file's text with a NUL; empty where it cannot be read. */
static void read_text(char *text, size_t size, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, size - 1);
    if (fd >= 0)
        (void)close(fd); /* was only read */
    text[got > 0 ? got : 0] = '\0';
}

static bool next_number(struct slice *line, uint64_t *number)
{
    *line = slice_trim_blanks(*line);
    size_t end = slice_find(*line, ' ');
    bool is_number = slice_to_u64(slice_first(*line, end), number);
    *line = slice_from(*line, end);
    return is_number;
}

/* The users that have a number here: the sum of the third column (user_namespaces(7)). */
static uint64_t count_mapped(const char *map)
{
    struct slice rest = slice_text(map), line;
    uint64_t inside, outside, length, total = 0;
    while (rest.data != NULL && slice_next_part(&rest, '\n', &line)) {
        if (next_number(&line, &inside) && next_number(&line, &outside) && next_number(&line, &length))
            total += length;
    }
    return total;
}

static int64_t unmapped_uid(void)
{
    char text[PROC_TEXT_MAX];
    uint64_t number;
    read_text(text, sizeof(text), "/proc/self/uid_map");
    if (count_mapped(text) >= UIDS_ALL)
        return NO_UID;
    read_text(text, sizeof(text), "/proc/sys/kernel/overflowuid");
    struct slice value = slice_first(slice_text(text), slice_find(slice_text(text), '\n'));
    return slice_to_u64(value, &number) && number <= UINT32_MAX ? (int64_t)number : OVERFLOW_UID_DEFAULT;
}

/* --- the look-up --- */

bool peer_lookup_create(struct peer_lookup **lookup, struct error *error)
{
    struct peer_lookup *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "no memory for asking who clients are");
    made->netlink = socket_owner_open();
    made->number = made->netlink < 0 ? errno : 0;
    made->unmapped = unmapped_uid();
    *lookup = made;
    return true;
}

void peer_lookup_free(struct peer_lookup *lookup)
{
    if (lookup != NULL && lookup->netlink >= 0)
        (void)close(lookup->netlink); /* nothing written can be lost here */
    free(lookup);
}

static bool refuse_test(struct peer_lookup *lookup, int number, struct error *error)
{
    lookup->cannot = true;
    (void)error_system(error, number, "the kernel does not tell who owns a TCP client's socket (sock_diag)");
    if (number == ENOENT)
        return error_set(error, ERROR_SYSTEM,
                         "the kernel does not tell who owns a TCP client's socket: its modules inet_diag and tcp_diag "
                         "are missing (`modprobe -a inet_diag tcp_diag` as root loads them)");
    return false;
}

bool peer_lookup_test(struct peer_lookup *lookup, int listen_fd, struct error *error)
{
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t length = sizeof(address);
    struct socket_end end;
    uint32_t uid;
    int number = 0;
    if (getsockname(listen_fd, (struct sockaddr *)&address, &length) != 0)
        return error_system(error, errno, "cannot look at a listening socket's address");
    if (!socket_end_of(&end, (const struct sockaddr *)&address))
        return true;
    if (lookup->netlink < 0)
        return refuse_test(lookup, lookup->number, error);
    enum socket_owner owner = socket_owner_find_listener(&uid, &number, lookup->netlink, ++lookup->sequence, &end);
    lookup->cannot = owner != SOCKET_OWNED;
    return owner == SOCKET_OWNED || refuse_test(lookup, owner == SOCKET_NO_ANSWER ? number : ENOENT, error);
}

/* --- TCP --- */

/* A socket that died meanwhile leaves its addresses to the next one, which may be another user's. Where the accepted end
 * lives after the question, no other connection had these ends while it was asked. */
static bool is_alive(int fd)
{
    struct tcp_info info = { .tcpi_state = TCP_CLOSE };
    socklen_t length = sizeof(info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state != TCP_CLOSE;
}

/* Whether a client with this address is on this machine: what can be bound to is local, by whatever route
 * (net.ipv4.ip_nonlocal_bind makes everything local: then nobody is taken for another machine). */
static bool is_of_this_machine(const struct sockaddr *client)
{
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t length = client->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    memcpy(&address, client, length);
    if (client->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)&address)->sin6_port = 0;
    else
        ((struct sockaddr_in *)&address)->sin_port = 0;
    int fd = socket(client->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_local = fd < 0 || bind(fd, (const struct sockaddr *)&address, length) == 0 || errno != EADDRNOTAVAIL;
    if (fd >= 0)
        (void)close(fd); /* never used */
    return is_local;
}

static void find_over_tcp(struct peer *peer, struct peer_lookup *lookup, int fd, const struct sockaddr *client,
                          const struct sockaddr *own)
{
    static const enum peer_standing standings[] = {
        [SOCKET_OWNED] = PEER_USER,
        [SOCKET_ORPHANED] = PEER_CLOSED,
        [SOCKET_UNKNOWN] = PEER_NOT_FOUND,
        [SOCKET_NO_ANSWER] = PEER_NO_ANSWER,
    };
    struct socket_end clients, ours;
    uint32_t uid = 0;
    enum socket_owner owner = SOCKET_UNKNOWN;
    if (lookup->netlink >= 0 && socket_end_of(&clients, client) && socket_end_of(&ours, own))
        owner = socket_owner_find(&uid, &peer->number, lookup->netlink, ++lookup->sequence, &clients, &ours);
    peer->standing = standings[owner];
    if (owner == SOCKET_OWNED && !is_alive(fd))
        peer->standing = PEER_CLOSED;
    if (peer->standing == PEER_USER)
        peer->uid = (int64_t)uid;
    else if ((owner == SOCKET_UNKNOWN || owner == SOCKET_NO_ANSWER) && !is_of_this_machine(client))
        peer->standing = PEER_OTHER_MACHINE;
    else if (lookup->cannot && owner == SOCKET_UNKNOWN)
        peer->standing = PEER_KERNEL_CANNOT;
}

/* --- all --- */

static void find_over_unix(struct peer *peer, int fd)
{
    struct ucred credentials;
    socklen_t length = sizeof(credentials);
    bool is_known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0;
    peer->number = is_known ? 0 : errno;
    peer->standing = is_known ? PEER_USER : PEER_NO_ANSWER;
    if (is_known)
        peer->uid = (int64_t)credentials.uid;
}

void peer_find(struct peer *peer, struct peer_lookup *lookup, int fd, const struct sockaddr *client,
               const struct sockaddr *own)
{
    *peer = (struct peer){ .standing = PEER_NOT_ASKED, .uid = NO_UID };
    if (client->sa_family == AF_UNIX)
        find_over_unix(peer, fd);
    else if (lookup != NULL)
        find_over_tcp(peer, lookup, fd, client, own);
    if (lookup != NULL && peer->standing == PEER_USER && peer->uid == lookup->unmapped)
        *peer = (struct peer){ .standing = PEER_UNMAPPED, .uid = NO_UID };
}
