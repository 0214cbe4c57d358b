/* Base64, RFC 4648 §4. Pure; any thread. */
#ifndef COUNTERSIGN_BASE64_H
#define COUNTERSIGN_BASE64_H

#include "countersign/buffer.h"
#include "countersign/slice.h"

/* Appends `bytes` as base64 with padding, without line breaks. */
bool base64_append(struct buffer *out, struct slice bytes);

/* Appends the bytes that `text` stands for. False (nothing appended) where it is no base64: a strange character, a wrong
 * length, or where `out` is full (out->failed tells). White space between characters is passed over. */
bool base64_decode(struct buffer *out, struct slice text);

#endif
