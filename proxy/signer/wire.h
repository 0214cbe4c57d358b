/* Messages of signer_wire.h made, carried and checked. Both processes use it. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_WIRE_PRIVATE_H
#define COUNTERSIGN_SIGNER_WIRE_PRIVATE_H

#include "countersign/signer_wire.h"

enum wire_result {
    WIRE_DONE,
    WIRE_LATER,    /* nothing to read, or no room to write, now */
    WIRE_ENDED,    /* the other side has closed or died */
    WIRE_MALFORMED /* what came is no message */
};

/* Every byte zero, the padding included, so that no memory of ours crosses; then magic and type. */
void wire_begin(struct signer_wire_message *message, enum signer_wire_type type);

/* Takes one received datagram. False where its length or magic is another. */
MUST_CHECK bool wire_parse(struct signer_wire_message *message, const void *bytes, size_t length);

/* A message the signer may get: HELLO, or KEY_WANTED for one of its accounts, of its generation or an earlier one. */
bool wire_is_request(const struct signer_wire_message *message, size_t account_count, uint64_t generation);

/* A message the proxy may get as account number `account` of a generation: everything in it in range. */
bool wire_is_account(const struct signer_wire_message *message, size_t account, uint64_t generation);

/* What a key is asked for. */
struct wire_wanted {
    uint64_t generation;
    size_t account;
    uint64_t window;
    int64_t offset_ms;
};

/* A message the proxy may get in answer to KEY_WANTED. */
bool wire_is_key(const struct signer_wire_message *message, const struct wire_wanted *wanted);

/* Whether every byte is visible ASCII: what an API key must be to go into a header field. */
bool wire_is_visible(struct slice text);

/* Neither blocks. */
enum wire_result wire_send(int fd, const struct signer_wire_message *message);
enum wire_result wire_receive(struct signer_wire_message *message, int fd);

/* As wire_send, with a descriptor, which stays the caller's. */
enum wire_result wire_send_descriptor(int fd, const struct signer_wire_message *message, int descriptor);

/* As wire_receive; *descriptor is what came with a CONFIGURATION, the caller's from then on, or -1. What comes with any other
 * message is closed by the kernel. */
enum wire_result wire_receive_descriptor(struct signer_wire_message *message, int *descriptor, int fd);

#endif
