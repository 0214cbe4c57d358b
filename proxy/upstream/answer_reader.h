/* Reads an answer of HTTP/1.1 (RFC 9112) out of a connection's bytes, which come in pieces of any size: where its heads, its body and
 * its transfer coding's own bytes are. It keeps none of them. What each means is its owner's to say. No allocation; one thread. */
#ifndef COUNTERSIGN_UPSTREAM_ANSWER_READER_H
#define COUNTERSIGN_UPSTREAM_ANSWER_READER_H

#include "countersign/compiler.h"
#include "countersign/http_message.h"
#include "countersign/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What follows a head (RFC 9112 §6.3). */
enum answer_framing {
    ANSWER_INTERIM,    /* another head */
    ANSWER_NO_BODY,    /* nothing: the answer is whole */
    ANSWER_LENGTH,     /* a body of so many bytes */
    ANSWER_CHUNKED,    /* a body in chunks, and trailers */
    ANSWER_TO_THE_END, /* a body that ends with the connection */
    ANSWER_UNREADABLE  /* a transfer coding that nobody asked for, or a length that is none */
};

/* All are called from within answer_reader_take, with one byte at least. What was given is used, also where it stops the reading. */
struct answer_owner {
    /* The next bytes of a head, its line ends among them: a part of a line, or many lines. False stops the reading. */
    bool (*head_bytes)(void *context, struct slice bytes);
    /* The head is whole, up to and including its empty line. Writes the body's length where it has one. */
    enum answer_framing (*head_end)(void *context, uint64_t *length);
    /* The next bytes of the body, without its transfer coding. False stops the reading. */
    bool (*body_bytes)(void *context, struct slice bytes);
    /* So many bytes of chunk lines, line ends or trailers were read. False stops the reading. */
    bool (*coding_bytes)(void *context, size_t count);
};

enum answer_progress {
    ANSWER_MORE,    /* the bytes are used up and the answer is not whole */
    ANSWER_WHOLE,   /* what is behind it was not used */
    ANSWER_STOPPED, /* by its owner */
    ANSWER_FOLDED, /* a head's line begins with a blank (RFC 9112 §5.2); head_bytes was given it up to and with the blank */
    ANSWER_NOT_HTTP,  /* what came begins otherwise than "HTTP/1." and a digit */
    ANSWER_BAD_CODING /* chunks that cannot be read, or ANSWER_UNREADABLE */
};

struct answer_reader {
    int state;        /* answer_reader.c's */
    unsigned matched; /* bytes of "HTTP/1.x" */
    unsigned digits;  /* of a chunk's size */
    uint64_t left;    /* of the body or the chunk; a chunk's size so far */
};

/* Before an answer's first byte. */
void answer_reader_start(struct answer_reader *reader);

/* Reads on. `*used` is how many of the bytes were: all of them with ANSWER_MORE; with ANSWER_NOT_HTTP and ANSWER_BAD_CODING those
 * before the first that is wrong, which the owner was told of. Not to be called again once it returned anything but ANSWER_MORE. */
MUST_CHECK enum answer_progress answer_reader_take(struct answer_reader *reader, const struct answer_owner *owner,
                                                   void *context, struct slice bytes, size_t *used);

/* Whether the answer is whole when its connection ends here. */
bool answer_reader_may_end(const struct answer_reader *reader);

/* --- answer_framing.c: what a head says --- */

/* What follows upon this head (RFC 9112 §6.3, RFC 9110 §9.3.2, §15.2): `to_head`: it answers a HEAD. A status of 101 is an end, as
 * nothing of what follows is HTTP. Where both a transfer coding and a length are given, the coding counts (the caller refuses such
 * an answer as ambiguous); of two lengths, the first; one beyond 64 bits never comes. A status of 0 is a head that cannot be read. */
enum answer_framing answer_framing_of(uint64_t *length, int status, struct http_fields fields, bool to_head);

/* Whether the connection may carry another request behind this answer (RFC 9112 §9.3): HTTP/1.1 without "close", HTTP/1.0 with
 * "keep-alive" (and without a transfer coding), no 101, no ANSWER_TO_THE_END. `head` is the whole head. */
bool answer_keeps_connection(struct slice head, int status, struct http_fields fields, enum answer_framing framing);

#endif
