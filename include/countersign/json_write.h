/* JSON text written piece by piece, where a whole cJSON tree would be too much. Pure; any thread. */
#ifndef COUNTERSIGN_JSON_WRITE_H
#define COUNTERSIGN_JSON_WRITE_H

#include "countersign/buffer.h"
#include "countersign/slice.h"

/* Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
bool json_append_string(struct buffer *out, struct slice text);

/* Appends `,"NAME":"text"`: a member behind others. `name` is a word that needs no escape. */
bool json_append_member(struct buffer *out, const char *name, struct slice text);

/* Whether the text is UTF-8 throughout (RFC 3629 §4), so that json_append_string keeps all of it. */
bool json_is_utf8(struct slice text);

#endif
