/* Content codings (RFC 9110 §8.4): reads a body that was compressed for the way, to look into it. The bytes that are
 * forwarded and recorded stay as they came. Pure; any thread. */
#ifndef COUNTERSIGN_CONTENT_H
#define COUNTERSIGN_CONTENT_H

#include "countersign/buffer.h"
#include "countersign/slice.h"

enum content_result {
    CONTENT_IDENTITY, /* no coding: look at the body itself, nothing was written to `out` */
    CONTENT_DECODED,
    CONTENT_UNKNOWN,  /* a coding this program does not read, or several on top of each other */
    CONTENT_BROKEN,   /* not what its Content-Encoding says, or cut short */
    CONTENT_TOO_LARGE /* more than out's maximum */
};

/* Decodes `body` by the Content-Encoding field's value `coding` ("" where there is none): gzip, x-gzip, deflate, br.
 * Appends to `out`, whose maximum bounds what a small body can grow to. On failure `out` holds what came so far. */
enum content_result content_decode(struct buffer *out, struct slice coding, struct slice body);

#endif
