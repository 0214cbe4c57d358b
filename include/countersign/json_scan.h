/* JSON read in place, values exactly as written (RFC 8259). cJSON turns numbers into doubles, which corrupts order ids
 * above 2^53 and prices like 9.1E-10; this reader hands out the bytes. It allocates nothing and is bounded in depth.
 * Pure; any thread.
 *
 * Strict in grammar, not in encoding: bytes of 0x80 and above inside strings are taken as they are, valid UTF-8 or not,
 * because bodies are shown as they were sent. Who prints them must escape them. */
#ifndef COUNTERSIGN_JSON_SCAN_H
#define COUNTERSIGN_JSON_SCAN_H

#include "countersign/buffer.h"
#include "countersign/slice.h"

enum { JSON_DEPTH_MAX = 64 }; /* objects and arrays open at once; deeper text is JSON_INVALID */

enum json_token {
    JSON_END,     /* the whole text was one JSON value; nothing follows */
    JSON_INVALID, /* not JSON; scan->offset is where */
    JSON_OBJECT_BEGIN,
    JSON_OBJECT_END,
    JSON_ARRAY_BEGIN,
    JSON_ARRAY_END,
    JSON_NAME,   /* a member's name; text is the string as written, with its quotes */
    JSON_STRING, /* text with its quotes, escapes as written (well-formed, lone surrogates allowed) */
    JSON_NUMBER, /* text as written */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
};

struct json_scan {
    struct slice text;
    size_t offset;
    unsigned depth;
    unsigned char state;                     /* private */
    unsigned char is_object[JSON_DEPTH_MAX]; /* private */
};

void json_scan_init(struct json_scan *scan, struct slice text);

/* The next token; `token_text` (may be NULL) gets its bytes as written. After JSON_END or JSON_INVALID it repeats. */
enum json_token json_scan_next(struct json_scan *scan, struct slice *token_text);

/* Skips the rest of a value whose first token was just returned as `first` (an object or array to its end; nothing for
 * a scalar). False on invalid text. */
bool json_scan_skip(struct json_scan *scan, enum json_token first);

/* Finds the member `name` of the top-level object and gives its value as written (strings with quotes; objects and
 * arrays whole). False where the text is not an object or has no such member before any invalid byte (what follows the
 * member is not looked at). The first of several wins; an escaped name ("c\u006fde") counts. Either output may be NULL. */
bool json_member(struct slice object, const char *name, struct slice *value, enum json_token *kind);

/* A string token's content with escapes resolved, as UTF-8, appended to `out`. False (nothing appended) where it is not
 * a string, on a bad escape or a lone surrogate, or where `out` is full. */
bool json_unescape(struct buffer *out, struct slice string_with_quotes);

/* Appends `text` re-indented by two blanks a level, every token exactly as written. False (nothing appended) where the
 * text is not one JSON value, or where `out` is full (out->failed tells). */
bool json_indent(struct buffer *out, struct slice text);

#endif
