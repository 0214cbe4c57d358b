/* How a reply is framed (RFC 9112 §6) and whether the connection lasts: decided once, used for what is sent and for what is
 * recorded of it, so that the two are the same bytes. */
#ifndef COUNTERSIGN_FRONT_REPLY_H
#define COUNTERSIGN_FRONT_REPLY_H

#include "countersign/front.h"

enum reply_framing {
    REPLY_NOTHING,     /* no body and no length: 204, and a 2xx to CONNECT */
    REPLY_BODY,        /* Content-Length and the body */
    REPLY_LENGTH_ONLY, /* Content-Length of a body that is not sent: HEAD, 304 */
    REPLY_UNKNOWN      /* HEAD or 304 whose length nobody knows: none is said, and the connection is closed */
};

struct reply_plan {
    enum reply_framing framing;
    uint64_t length;
    bool close;            /* `Connection: close` */
    bool names_keep_alive; /* `Connection: Keep-Alive`, which HTTP/1.0 asks for */
};

struct reply_plan reply_plan(const struct front_request *request, const struct front_reply *reply);

/* Whether the field at `index` is sent (front.h says which are not). */
bool reply_sends_field(const struct front_reply *reply, size_t index);

/* Its value as sent: libmicrohttpd refuses empty values, a blank means the same (RFC 9110 §5.5). */
struct slice reply_field_value(const struct front_reply *reply, size_t index);

/* Bytes of the head, more or less: never less than it will have. */
size_t reply_head_bound(const struct front_reply *reply);

#endif
