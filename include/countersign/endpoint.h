/* Where to listen: "127.0.0.1:8787", "[::1]:8787", "localhost:8787" is refused (names can change meaning), or
 * "unix:/path". */
#ifndef COUNTERSIGN_ENDPOINT_H
#define COUNTERSIGN_ENDPOINT_H

#include "countersign/error.h"

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { ENDPOINT_TEXT_MAX = 128 };

struct endpoint {
    struct sockaddr_storage address;
    socklen_t length;
};

/* Reads the text. Port 0 is allowed (the kernel picks one). */
MUST_CHECK bool endpoint_parse(struct endpoint *endpoint, const char *text, struct error *error);

/* Whether only this machine can reach it: 127.0.0.0/8, ::1, a unix socket. */
bool endpoint_is_local(const struct endpoint *endpoint);

/* Opens a listening, non-blocking, close-on-exec socket. A unix socket is created with mode 0600; a stale one (nobody
 * answers) is replaced, a live one is an error.
 * The error names the address, and for a port in use says so. */
MUST_CHECK bool endpoint_listen(int *fd, const struct endpoint *endpoint, struct error *error);

/* The address as text ("127.0.0.1:8787", "[::1]:8787", "unix:/path") into `text` of ENDPOINT_TEXT_MAX bytes. */
char *endpoint_format(char *text, const struct sockaddr *address, socklen_t length);

/* Makes an IPv4 address that stands as an IPv6 one (::ffff:127.0.0.1, RFC 4291 §2.5.5.2) the IPv4 address it is. */
void endpoint_unmap(struct sockaddr_storage *address, socklen_t *length);

/* The port of an internet address, 0 for others. */
uint16_t endpoint_port(const struct sockaddr *address);

/* As endpoint_format, for the address a socket is bound to. */
char *endpoint_format_local(char *text, int fd);

#endif
