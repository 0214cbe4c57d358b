/* The messages of supervisor_link.h: made, carried with their descriptors, checked. Any thread; one at a time for one link. */
#include "countersign/supervisor_link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct supervisor_message supervisor_message_of(enum supervisor_message_type type)
{
    struct supervisor_message message;
    memset(&message, 0, sizeof(message)); /* padding, too: it crosses to another process */
    message.magic = SUPERVISOR_LINK_MAGIC;
    message.type = (uint32_t)type;
    return message;
}

union rights { /* of one descriptor, aligned as cmsg(3) asks for */
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void attach(struct msghdr *header, union rights *rights, int passed)
{
    memset(rights, 0, sizeof(*rights));
    header->msg_control = rights->bytes;
    header->msg_controllen = sizeof(rights->bytes);
    struct cmsghdr *first = CMSG_FIRSTHDR(header);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(first), &passed, sizeof(passed));
}

enum supervisor_link_result supervisor_link_send(int link, const struct supervisor_message *message, int passed)
{
    union rights rights;
    struct iovec part = { .iov_base = (void *)(uintptr_t)message, .iov_len = sizeof(*message) }; /* read only */
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t sent;
    if (passed >= 0)
        attach(&header, &rights, passed);
    do {
        sent = sendmsg(link, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)sizeof(*message)) /* SOCK_SEQPACKET: whole or not at all */
        return SUPERVISOR_LINK_DONE;
    return sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? SUPERVISOR_LINK_LATER : SUPERVISOR_LINK_ENDED;
}

static int passed_with(struct msghdr *header)
{
    int passed = -1;
    struct cmsghdr *first = CMSG_FIRSTHDR(header);
    if (first != NULL && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS &&
        first->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&passed, CMSG_DATA(first), sizeof(passed));
    return passed;
}

enum supervisor_link_result supervisor_link_receive(struct supervisor_message *message, int *passed, int link)
{
    union rights rights;
    struct iovec part = { .iov_base = message, .iov_len = sizeof(*message) };
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof(rights.bytes)
    };
    ssize_t got;
    *passed = -1;
    do {
        got = recvmsg(link, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? SUPERVISOR_LINK_LATER : SUPERVISOR_LINK_ENDED;
    *passed = passed_with(&header);
    bool is_whole = got == (ssize_t)sizeof(*message) && (header.msg_flags & MSG_TRUNC) == 0;
    if (is_whole && message->magic == SUPERVISOR_LINK_MAGIC && message->name[SUPERVISOR_NAME_MAX] == '\0')
        return SUPERVISOR_LINK_DONE;
    if (*passed >= 0)
        (void)close(*passed); /* of nobody: nothing was written */
    *passed = -1;
    return SUPERVISOR_LINK_ENDED;
}

enum supervisor_link_result supervisor_link_wait(struct supervisor_message *message, int *passed, int link,
                                                 int timeout_ms)
{
    struct pollfd watched = { .fd = link, .events = POLLIN };
    int ready;
    do {
        ready = poll(&watched, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    *passed = -1;
    return ready > 0 ? supervisor_link_receive(message, passed, link) : SUPERVISOR_LINK_LATER;
}
