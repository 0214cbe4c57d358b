/* An HTTP/1.1 server on one listening socket and one loop: the only user of libmicrohttpd. It hands over requests as the
 * client sent them (raw target, fields in order and case) and knows nothing of what answers them: the proxy's exchanges,
 * the mock exchange, and later the admin pages.
 *
 * A request is handed to handler.request once it has been read whole, or once it is known that it must be refused
 * (front_request_defect). It is answered once, by front_reply (or ended by front_reset), at once or later, on the loop's
 * thread. handler.finished
 * is called once for each request that handler.request saw, after which it is gone. */
#ifndef COUNTERSIGN_FRONT_H
#define COUNTERSIGN_FRONT_H

#include "countersign/bounds.h"
#include "countersign/error.h"
#include "countersign/http_message.h"
#include "countersign/loop.h"
#include "countersign/peer.h"

#include <stdatomic.h>
#include <sys/socket.h>

struct front;
struct front_request;

struct front_handler {
    /* `context` is front_options.context. */
    void (*request)(void *context, struct front_request *request);
    /* `delivered`: the whole reply was handed to the kernel; false where the client left before (or closed its sending
     * side, which looks the same) or the front was closed. */
    void (*finished)(void *context, struct front_request *request, bool delivered);
};

/* Written by the front's thread alone, read by any. */
struct front_counts {
    _Atomic uint64_t accepted; /* client connections since the start */
    _Atomic uint64_t closed;
};

struct front_options {
    struct loop *loop;
    int listen_fd;     /* listening, non-blocking; owned by the front from front_open's success on */
    size_t header_max; /* bytes of request line and fields, those of Cookie values twice */
    size_t body_max;   /* bytes */
    unsigned connections_max;
    struct places_holder
        *places; /* of connections, shared with other fronts; NULL: connections_max is this front's alone */
    struct byte_room
        *bytes; /* that bodies may take together, each one's first FRONT_BODY_FREE left out; NULL: no bound */
    struct slice turned_away;   /* the whole answer to a connection for which there is no place; must outlive the front.
                                       Empty: a bare 503 */
    int descriptor_end;         /* connections whose descriptor is not below it are turned away; 0: no such bound */
    bool shares_socket;         /* others accept from listen_fd, too, and may have a place where this front has none */
    int64_t idle_timeout_us;    /* a connection on which nothing happens */
    int64_t request_timeout_us; /* from a request's first byte to its last; 0: no bound */
    int64_t answer_timeout_us;  /* from an answer to its having been taken whole; 0: no bound */
    struct peer_lookup *peers; /* asked once for each TCP connection who its client is; must outlive the front. NULL: of
                                    unix sockets alone is that known */
    const char *tls_certificate; /* PEM with the chain, or NULL for plain TCP */
    const char *tls_key;         /* PEM */
    struct front_handler handler;
    void *context;
    struct front_counts *counts; /* must outlive the front; NULL: nothing is counted */
};

enum {
    FRONT_BODY_FREE = 16 * 1024,  /* bytes of each body that options.bytes does not count */
    FRONT_TURNED_AWAY_MAX = 64,   /* connections at a time that are answered without being taken in */
    FRONT_CONNECTION_BYTES = 8192 /* what a connection takes beside its pool, its body and its request's head */
};

/* Bytes of memory that one connection can come to take, its request's head and the first FRONT_BODY_FREE bytes of its body
 * included; not what options.bytes counts, nor the handler's own. */
size_t front_connection_bytes(size_t header_max);

/* A connection over the bound is answered with `turned_away` at once and closed. Before that, room is made by closing the
 * connection that has sent nothing for longest; then, the one whose last request is longest ago and that has not been used
 * for some seconds. */
MUST_CHECK bool front_open(struct front **front, const struct front_options *options, struct error *error);

/* Takes no new connections; those that are open go on (their next answer says `Connection: close`). */
void front_stop_accepting(struct front *front);

/* What handler.request gets from now on. */
void front_set_context(struct front *front, void *context);

/* Requests begun and not finished. */
size_t front_in_flight(const struct front *front);

/* Connections that were accepted and have not begun a request yet. */
size_t front_unasked(const struct front *front);

/* Closes everything; unfinished requests get `finished(..., false)`. Answers that wait for other parts must not be given
 * afterwards. NULL is allowed. */
void front_close(struct front *front);

/* Why a request must not be forwarded, found while it was read. The handler decides the answer. */
enum front_defect {
    FRONT_DEFECT_NONE = 0,
    FRONT_DEFECT_HEADER_TOO_LARGE, /* request line and fields over header_max, or over HTTP_FIELDS_MAX fields */
    FRONT_DEFECT_BODY_TOO_LARGE,   /* the body is then empty */
    FRONT_DEFECT_NO_ROOM,          /* options.bytes has no room for the body, which is then empty */
    FRONT_DEFECT_LATE,             /* it did not come whole within request_timeout; the body is then empty */
    FRONT_DEFECT_METHOD_REFUSED,   /* CONNECT, TRACE (RFC 9110 §9.3.6, §9.3.8) */
    FRONT_DEFECT_AMBIGUOUS_LENGTH, /* two Content-Length, or one with Transfer-Encoding (RFC 9112 §6.3), or a
                                       Transfer-Encoding other than chunked */
    FRONT_DEFECT_MALFORMED_TARGET, /* neither origin form ("/...") nor "*" nor absolute form; control bytes; bytes
                                       that the header's size does not account for (a NUL cuts the target) */
    FRONT_DEFECT_MALFORMED_FIELD, /* a field name that is no token, a value with CR, LF or NUL, a folded line, a line that
                                       does not end in CR LF */
    FRONT_DEFECT_MALFORMED_REQUEST /* what else HTTP/1.1 has not: an empty line before the request line, HTTP/0.9 and other
                                       versions, a Content-Length that is no number, chunks that are none */
};

enum front_defect front_request_defect(const struct front_request *request);

/* What exactly is wrong and at which byte, where that is known; empty otherwise. Valid as long as the request. */
const char *front_request_defect_detail(const struct front_request *request);

/* Whether the request's head was read to its end. Where a defect fell into it, method, target, version and fields are those
 * that came whole before that, and empty from there on. */
bool front_request_head_is_whole(const struct front_request *request);

struct slice front_request_method(const struct front_request *request);
struct slice front_request_target(const struct front_request *request);  /* raw, as sent */
struct slice front_request_version(const struct front_request *request); /* "HTTP/1.1" */
struct http_fields front_request_fields(const struct front_request *request);
struct slice front_request_body(const struct front_request *request); /* chunked bodies are joined */

/* The peer's address ("127.0.0.1:50000", "unix:") as text, valid as long as the request. */
const char *front_request_peer(const struct front_request *request);

/* Where its connection came in: the listener's own address ("127.0.0.1:8787", "unix:/path"), of a wildcard the one that the
 * client connected to. Valid as long as the request. */
const char *front_request_local(const struct front_request *request);

/* Who is at the other end, as it was found when the connection began. Valid as long as the request. */
const struct peer *front_request_peer_found(const struct front_request *request);

/* When the request's first line was read, and when its last byte was (wall clock, µs). */
int64_t front_request_begun_us(const struct front_request *request);
int64_t front_request_received_us(const struct front_request *request);

/* One pointer for the handler's own use. */
void front_request_set_context(struct front_request *request, void *context);
void *front_request_context(const struct front_request *request);

struct front_reply {
    int status;                      /* 200 to 599 */
    const struct http_field *fields; /* sent in this order. Left out: Connection, Content-Length, Transfer-Encoding, all
                                        but the last Date, and what no field can be (a name that is no token, a value
                                        with CR, LF or NUL). An empty value is sent as one blank. */
    size_t field_count;
    struct slice body; /* ignored for HEAD, 204 and 304 */
    bool has_length;   /* for an answer to HEAD, and 304: send Content-Length: `length` */
    uint64_t length;
    bool close;                     /* close the connection after this answer */
    void (*release)(void *context); /* called once after front_reply succeeded, when `body` is no longer needed, before
                                       `finished`; may be NULL (then body must stay until `finished`) */
    void *release_context;
};

enum {
    FRONT_REPLY_HEAD_MAX = 16384
}; /* bytes of a reply's status line and fields; each connection has room for them */

/* Answers. Everything but `body` is copied. Call once for each request. The connection is also closed where the request
 * had a defect. Fails for a status outside 200 to 599, a head over FRONT_REPLY_HEAD_MAX, or when memory is out: nothing
 * was then sent, `release` is not called, and the request still waits for its answer. */
MUST_CHECK bool front_reply(struct front_request *request, const struct front_reply *reply, struct error *error);

/* Ends the connection in place of an answer: over TCP with a reset, so that the client does not take it for an answer that
 * ended. At once or later, instead of front_reply; `finished` follows, with delivered = false, and not before this
 * returns. */
void front_reset(struct front_request *request);

/* Whether the client of a request that waits for its answer left (or closed its sending side, which looks the same). */
bool front_request_client_left(const struct front_request *request);

/* Appends the head that front_reply will send for this reply, byte for byte. False, as front_reply then is, for a status
 * outside 200 to 599 or a head over FRONT_REPLY_HEAD_MAX. */
bool front_reply_head(struct buffer *head, const struct front_request *request, const struct front_reply *reply);

#endif
