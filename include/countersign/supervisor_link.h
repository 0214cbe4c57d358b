/* What crosses between the supervisor, which is the process that was started, and its two children: fixed-size messages, some
 * with a descriptor (SCM_RIGHTS, unix(7)), over one SOCK_SEQPACKET socket pair for each child. No secret ever does. Host
 * byte order: all ends are this very program.
 *
 *   supervisor -> proxy    SOCKET (name, descriptor), one for each listening socket that a service manager handed over
 *   supervisor -> proxy    START (value: how often it wants to hear that the workers are alive, µs; 0: never)
 *   proxy -> supervisor    READY, once every listener accepts; then ALIVE, while each worker's loop turns
 *   supervisor -> proxy    SIGNER (descriptor): the socket to another signer process, in the place of one that died
 *   supervisor -> proxy    HURRY: end now, without waiting for what is in flight
 *   signer -> supervisor   OPENED, once all secrets were read; RELOADED, once a reading that SIGHUP asked for has ended
 *
 * SIGTERM asks the proxy to drain. The end of the link asks the signer to end. */
#ifndef COUNTERSIGN_SUPERVISOR_LINK_H
#define COUNTERSIGN_SUPERVISOR_LINK_H

#include "countersign/compiler.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SUPERVISOR_LINK_FD = 4, /* in the proxy process */
    SUPERVISOR_LINK_MAGIC = 0x43535031,
    SUPERVISOR_NAME_MAX = 255 /* of a socket: sd_listen_fds_with_names(3) */
};

enum supervisor_message_type {
    SUPERVISOR_SOCKET = 1,
    SUPERVISOR_START,
    SUPERVISOR_READY,
    SUPERVISOR_ALIVE,
    SUPERVISOR_SIGNER,
    SUPERVISOR_HURRY,
    SUPERVISOR_OPENED,
    SUPERVISOR_RELOADED
};

struct supervisor_message {
    uint32_t magic;
    uint32_t type; /* enum supervisor_message_type */
    int64_t value;
    char name[SUPERVISOR_NAME_MAX + 1]; /* NUL-terminated */
};

enum supervisor_link_result {
    SUPERVISOR_LINK_DONE,
    SUPERVISOR_LINK_LATER, /* nothing to read, or no room to write, now */
    SUPERVISOR_LINK_ENDED  /* the other side has gone, or sent what is no message */
};

/* Every byte zero, then magic and type. */
struct supervisor_message supervisor_message_of(enum supervisor_message_type type);

/* Sends one message, with a copy of the descriptor `passed` unless that is -1. Never blocks. */
enum supervisor_link_result supervisor_link_send(int link, const struct supervisor_message *message, int passed);

/* Takes one message. *passed is the descriptor that came with it, close-on-exec and the caller's, or -1. Never blocks. */
enum supervisor_link_result supervisor_link_receive(struct supervisor_message *message, int *passed, int link);

/* As supervisor_link_receive; waits up to `timeout_ms` and gives SUPERVISOR_LINK_LATER then. */
enum supervisor_link_result supervisor_link_wait(struct supervisor_message *message, int *passed, int link,
                                                 int timeout_ms);

#endif
