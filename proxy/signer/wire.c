/* The messages between signer and proxy: made, carried, checked. Any thread; one at a time for one socket. */
#include "wire.h"

#include "countersign/hex.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>

void wire_begin(struct signer_wire_message *message, enum signer_wire_type type)
{
    memset(message, 0, sizeof(*message));
    message->magic = SIGNER_WIRE_MAGIC;
    message->type = (uint16_t)type;
}

bool wire_parse(struct signer_wire_message *message, const void *bytes, size_t length)
{
    if (length != sizeof(*message))
        return false;
    memcpy(message, bytes, sizeof(*message));
    return message->magic == SIGNER_WIRE_MAGIC;
}

bool wire_is_request(const struct signer_wire_message *message, size_t account_count, uint64_t generation)
{
    return message->type == SIGNER_WIRE_HELLO ||
           (message->type == SIGNER_WIRE_KEY_WANTED && message->account < account_count && message->generation > 0 &&
            message->generation <= generation);
}

bool wire_is_visible(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f) /* bytes above ASCII are negative where char is signed */
            return false;
    }
    return true;
}

bool wire_is_account(const struct signer_wire_message *message, size_t account, uint64_t generation)
{
    const char *name = message->body.account_info.name;
    size_t name_length = strnlen(name, sizeof(message->body.account_info.name));
    size_t key_length = message->body.account_info.api_key_length;
    return message->type == SIGNER_WIRE_ACCOUNT && message->account == account && message->last <= 1 &&
           message->generation == generation && generation > 0 && message->body.account_info.changed <= 1 &&
           name_length > 0 && name_length <= SIGNER_WIRE_NAME_MAX && wire_is_visible(slice_of(name, name_length)) &&
           key_length > 0 && key_length <= SIGNER_WIRE_API_KEY_MAX &&
           wire_is_visible(slice_of(message->body.account_info.api_key, key_length));
}

bool wire_is_key(const struct signer_wire_message *message, const struct wire_wanted *wanted)
{
    unsigned char bytes[SCHEME_WINDOW_KEY_LENGTH / 2];
    if (message->type != SIGNER_WIRE_KEY || message->generation != wanted->generation ||
        message->account != wanted->account || message->window != wanted->window)
        return false;
    if (message->status != SIGNER_WIRE_OK)
        return message->status <= SIGNER_WIRE_REPLACED;
    bool is_hex = hex_decode(bytes, message->body.key.text, sizeof(bytes));
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return is_hex;
}

enum wire_result wire_send(int fd, const struct signer_wire_message *message)
{
    ssize_t sent;
    do {
        sent = send(fd, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)sizeof(*message)) /* SOCK_SEQPACKET: whole or not at all */
        return WIRE_DONE;
    return sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? WIRE_LATER : WIRE_ENDED;
}

union control {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
};

enum wire_result wire_send_descriptor(int fd, const struct signer_wire_message *message, int descriptor)
{
    union control control = { .bytes = { 0 } };
    struct iovec part = { .iov_base = (void *)(uintptr_t)message, .iov_len = sizeof(*message) }; /* read only */
    const struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
    };
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &descriptor, sizeof(descriptor));
    ssize_t sent;
    do
        sent = sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)sizeof(*message))
        return WIRE_DONE;
    return sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? WIRE_LATER : WIRE_ENDED;
}

static int descriptor_in(struct msghdr *header)
{
    int descriptor = -1;
    const struct cmsghdr *rights = CMSG_FIRSTHDR(header);
    if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&descriptor, CMSG_DATA(rights), sizeof(descriptor));
    return descriptor;
}

static enum wire_result receive_configuration(struct signer_wire_message *message, int *descriptor, int fd)
{
    unsigned char bytes[sizeof(*message) + 1]; /* one more: a longer message shows by its length */
    union control control;
    struct iovec part = { .iov_base = bytes, .iov_len = sizeof(bytes) };
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
    };
    ssize_t got;
    do
        got = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return WIRE_ENDED; /* it was there a moment ago */
    *descriptor = descriptor_in(&header);
    return wire_parse(message, bytes, (size_t)got) ? WIRE_DONE : WIRE_MALFORMED;
}

enum wire_result wire_receive_descriptor(struct signer_wire_message *message, int *descriptor, int fd)
{
    unsigned char bytes[sizeof(*message) + 1];
    ssize_t got;
    *descriptor = -1;
    do
        got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK);
    while (got < 0 && errno == EINTR);
    bool is_configuration =
        got > 0 && wire_parse(message, bytes, (size_t)got) && message->type == SIGNER_WIRE_CONFIGURATION;
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return is_configuration ? receive_configuration(message, descriptor, fd) : wire_receive(message, fd);
}

enum wire_result wire_receive(struct signer_wire_message *message, int fd)
{
    unsigned char bytes[sizeof(*message) + 1]; /* one more: a longer message shows by its length */
    ssize_t got;
    do {
        got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? WIRE_LATER : WIRE_ENDED;
    if (got == 0)
        return WIRE_ENDED;
    bool parsed = wire_parse(message, bytes, (size_t)got);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return parsed ? WIRE_DONE : WIRE_MALFORMED;
}
