/* Asks the kernel for the owner of a TCP socket: one question and one answer over NETLINK_SOCK_DIAG (sock_diag(7)). Owns
 * nothing; the netlink socket's thread.
 *
 * What the kernel does (net/ipv4/inet_diag.c), and what follows for an answer to be believed:
 * - It looks for a connected socket with these ends, and where there is none, for one that listens on the port. So ends and
 *   state must be those that were asked for.
 * - For what is left of a closed connection (TIME_WAIT, and an orphan in FIN_WAIT) it says user 0, which is root: such a
 *   socket has inode 0. So without an inode there is no owner.
 * - Where its part for TCP is missing (the modules inet_diag and tcp_diag) it says ENOENT, as for a socket that is not there. */
#include "socket_owner.h"

#include "countersign/compiler.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

enum {
    ANSWER_ROOM = 1024,   /* bytes; an answer without extensions has 124 */
    ANSWER_WAIT_MS = 20,  /* the kernel answers while it takes the question: this is for what should not be */
    ANSWERS_READ_MAX = 8, /* late answers to earlier questions, which are skipped */
    MAPPED_PREFIX = 12    /* bytes of ::ffff:0:0/96 */
};

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
};

union answer {
    struct nlmsghdr header;
    unsigned char bytes[ANSWER_ROOM];
};

/* --- ends --- */

static void take_address(struct socket_end *end, const void *address, size_t length)
{
    static const unsigned char mapped[MAPPED_PREFIX] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    bool is_mapped = length == SOCKET_END_ADDRESS && memcmp(address, mapped, sizeof(mapped)) == 0;
    if (is_mapped) {
        end->family = AF_INET;
        memcpy(end->address, (const unsigned char *)address + MAPPED_PREFIX, SOCKET_END_ADDRESS - MAPPED_PREFIX);
    } else {
        memcpy(end->address, address, length);
    }
}

bool socket_end_of(struct socket_end *end, const struct sockaddr *address)
{
    *end = (struct socket_end){ .family = address->sa_family };
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        end->port = v4->sin_port;
        take_address(end, &v4->sin_addr, sizeof(v4->sin_addr));
        return true;
    }
    if (address->sa_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    end->port = v6->sin6_port;
    end->scope = v6->sin6_scope_id;
    take_address(end, &v6->sin6_addr, sizeof(v6->sin6_addr));
    return true;
}

static bool is_end(const struct socket_end *end, uint8_t family, __be16 port, const __be32 address[4])
{
    struct socket_end found = { .family = family, .scope = end->scope, .port = port };
    take_address(&found, address, family == AF_INET ? sizeof(address[0]) : SOCKET_END_ADDRESS);
    return memcmp(&found, end, sizeof(found)) == 0;
}

/* --- question and answer --- */

int socket_owner_open(void)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
}

static bool ask(int netlink, uint32_t sequence, const struct socket_end *own, const struct socket_end *other)
{
    struct question question = {
        .header = { .nlmsg_len = sizeof(question),
                    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                    .nlmsg_flags = NLM_F_REQUEST,
                    .nlmsg_seq = sequence },
        .request = { .sdiag_family = (uint8_t)own->family,
                     .sdiag_protocol = IPPROTO_TCP,
                     .idiag_states = UINT32_MAX,
                     .id = { .idiag_sport = own->port,
                             .idiag_dport = other->port,
                             .idiag_if = own->scope,
                             .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } },
    };
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    struct iovec part = { .iov_base = &question, .iov_len = sizeof(question) };
    const struct msghdr message = {
        .msg_name = &kernel, .msg_namelen = sizeof(kernel), .msg_iov = &part, .msg_iovlen = 1
    };
    ssize_t sent;
    memcpy(question.request.id.idiag_src, own->address, SOCKET_END_ADDRESS);
    memcpy(question.request.id.idiag_dst, other->address, SOCKET_END_ADDRESS);
    do {
        sent = sendmsg(netlink, &message, 0);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof(question);
}

/* One datagram of the kernel's own; 0 where it is none, or cut. -1 with errno. (Any process may send to a netlink socket.) */
static ssize_t receive(union answer *answer, int netlink)
{
    struct sockaddr_nl sender = { .nl_family = AF_UNSPEC };
    struct iovec part = { .iov_base = answer, .iov_len = sizeof(*answer) };
    struct msghdr message = { .msg_name = &sender, .msg_namelen = sizeof(sender), .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t got;
    do {
        got = recvmsg(netlink, &message, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    bool is_kernels = message.msg_namelen == sizeof(sender) && sender.nl_family == AF_NETLINK && sender.nl_pid == 0;
    return got < 0 || (is_kernels && (message.msg_flags & MSG_TRUNC) == 0) ? got : 0;
}

/* The answer to the question of this number. False with errno. */
static bool take_answer(union answer *answer, int netlink, uint32_t sequence)
{
    for (int i = 0; i < ANSWERS_READ_MAX; i++) {
        ssize_t got = receive(answer, netlink);
        struct pollfd watched = { .fd = netlink, .events = POLLIN };
        if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return false;
        if (got < 0 && poll(&watched, 1, ANSWER_WAIT_MS) <= 0)
            break;
        if (got >= (ssize_t)sizeof(answer->header) && answer->header.nlmsg_seq == sequence &&
            answer->header.nlmsg_len >= sizeof(answer->header) && answer->header.nlmsg_len <= (size_t)got)
            return true;
    }
    errno = ETIMEDOUT;
    return false;
}

/* What stands behind the header: NLMSG_DATA for an answer that is only read, which the macro's cast would make writable. */
static const void *payload_of(const union answer *answer)
{
    return (const char *)answer + NLMSG_HDRLEN;
}

/* The kernel's error; 0 for an answer that is none. */
static int error_of(const union answer *answer)
{
    const struct nlmsgerr *error = payload_of(answer);
    if (answer->header.nlmsg_type != NLMSG_ERROR)
        return 0;
    return answer->header.nlmsg_len >= NLMSG_LENGTH(sizeof(*error)) && error->error < 0 ? -error->error : EBADMSG;
}

static bool is_state(uint8_t state, const uint8_t *states, size_t count)
{
    return memchr(states, state, count) != NULL;
}

/* States in which the socket that is asked for may be. */
struct states {
    const uint8_t *items;
    size_t count;
};

static enum socket_owner judge(uint32_t *uid, int *number, const union answer *answer, const struct socket_end *own,
                               const struct socket_end *other, struct states states)
{
    const struct inet_diag_msg *found = payload_of(answer);
    *number = error_of(answer);
    if (*number != 0)
        return *number == ENOENT ? SOCKET_UNKNOWN : SOCKET_NO_ANSWER;
    *number = EBADMSG;
    if (answer->header.nlmsg_type != SOCK_DIAG_BY_FAMILY || answer->header.nlmsg_len < NLMSG_LENGTH(sizeof(*found)))
        return SOCKET_NO_ANSWER;
    *number = 0;
    if ((found->idiag_family != AF_INET && found->idiag_family != AF_INET6) ||
        !is_end(own, found->idiag_family, found->id.idiag_sport, found->id.idiag_src) ||
        !is_end(other, found->idiag_family, found->id.idiag_dport, found->id.idiag_dst))
        return SOCKET_UNKNOWN; /* another one: it listens on the port */
    if (found->idiag_inode == 0 || !is_state(found->idiag_state, states.items, states.count))
        return SOCKET_ORPHANED;
    *uid = found->idiag_uid;
    return SOCKET_OWNED;
}

static enum socket_owner find(uint32_t *uid, int *number, int netlink, uint32_t sequence, const struct socket_end *own,
                              const struct socket_end *other, struct states states)
{
    union answer answer;
    if (!ask(netlink, sequence, own, other) || !take_answer(&answer, netlink, sequence)) {
        *number = errno;
        return SOCKET_NO_ANSWER;
    }
    return judge(uid, number, &answer, own, other, states);
}

/* A client that is waiting for its answer, and one that has said it sends no more (shutdown(2)). Not SYN_SENT: while the
 * accepted end lives, that is a later socket which would take an ended one's place. */
enum socket_owner socket_owner_find(uint32_t *uid, int *number, int netlink, uint32_t sequence,
                                    const struct socket_end *own, const struct socket_end *other)
{
    static const uint8_t connected[] = { TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2 };
    return find(uid, number, netlink, sequence, own, other, (struct states){ connected, ARRAY_LENGTH(connected) });
}

enum socket_owner socket_owner_find_listener(uint32_t *uid, int *number, int netlink, uint32_t sequence,
                                             const struct socket_end *own)
{
    static const uint8_t listening[] = { TCP_LISTEN };
    const struct socket_end nobody = { .family = own->family };
    return find(uid, number, netlink, sequence, own, &nobody, (struct states){ listening, ARRAY_LENGTH(listening) });
}
