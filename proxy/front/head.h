/* Looks at a request's head as libmicrohttpd 0.9.75 parsed it and finds what must not be forwarded. Pure: no I/O, no
 * memory, any thread.
 *
 * libmicrohttpd parses in place: method, target, version, names and values are pieces of one run of bytes, the head as it
 * was received, in which it put a NUL over each separator. So the pieces' addresses tell, byte for byte, what lies between
 * them, and head_inspect wants exactly one blank on each side of the target, one colon and blanks between name and value,
 * and CR LF behind each line, the last of which is empty. That leaves nothing unexplained: a NUL in the target, in a name
 * or a value, or at a line's start (each of which libmicrohttpd takes for an end), a folded line (which it joins to the
 * *name*: "Content-: 5", " Length" becomes Content-Length), a lone LF as a line's end. The one thing it cannot tell from a
 * CR LF is a NUL followed by LF, which means the same to no one but libmicrohttpd. */
#ifndef COUNTERSIGN_FRONT_HEAD_H
#define COUNTERSIGN_FRONT_HEAD_H

#include "countersign/front.h"

struct request_head {
    struct slice method;
    const char *target_in_pool; /* its address; the bytes there are decoded by now */
    struct slice target;        /* a copy of them as they were sent */
    struct slice version;
    struct http_fields fields; /* values with the blanks behind them */
    size_t field_count;        /* of what was received; fields holds HTTP_FIELDS_MAX at most */
    size_t size;               /* bytes from the method to the empty line, both included */
    size_t size_max;           /* front_options.header_max */
};

struct head_finding {
    enum front_defect defect;
    bool unbounded; /* where the request ends cannot be known, so nothing behind its head may be read */
};

struct head_finding head_inspect(const struct request_head *head);

/* The Content-Length of a head without defect, 0 where there is none. */
uint64_t head_content_length(struct http_fields fields);

/* Whether the client waits for a 100 before it sends the body (RFC 9110 §10.1.1). */
bool head_expects_continue(struct http_fields fields);

/* Whether `name` is a token (RFC 9110 §5.6.2), as field names must be. */
bool head_is_token(struct slice name);

/* Whether any field called `name` lists `token`, ASCII case ignored (RFC 9110 §5.6.1). */
bool head_lists_token(struct http_fields fields, const char *name, const char *token);

#endif
