/* What the readers of imported files share. Private to this room. */
#ifndef COUNTERSIGN_COMPARE_IMPORT_PRIVATE_H
#define COUNTERSIGN_COMPARE_IMPORT_PRIVATE_H

#include "countersign/buffer.h"
#include "countersign/http_message.h"
#include "countersign/import.h"
#include "countersign/json_scan.h"

enum { IMPORT_QUOTE_MAX = 48 /* bytes of a quoted piece of the file with its NUL */ };

/* import.c: memory and texts */

bool import_out_of_memory(struct error *error);

/* Takes the buffer's memory over and gives it as a slice; the buffer is empty then. False where an append had failed. */
MUST_CHECK bool import_keep_buffer(struct import *import, struct slice *kept, struct buffer *buffer,
                                   struct error *error);
MUST_CHECK bool import_keep(struct import *import, struct slice *kept, struct slice bytes, struct error *error);

/* Whether every byte of `slice` is memory of this import (an empty slice: always). For tests. */
bool import_owns(const struct import *import, struct slice slice);

/* A new record, empty but for what is never empty; NULL out of memory or beyond IMPORT_RECORDS_MAX, with the error. It
 * stays where it is until the next one is added. */
struct record *import_add(struct import *import, struct error *error);

/* The one way in which a message quotes an imported file: a short word of letters, or one printable character, as it is;
 * of anything else that it is not shown, for it may be a secret or a piece of one. Returns `text` of IMPORT_QUOTE_MAX
 * bytes. */
const char *import_quote(char *text, struct slice bytes);

/* The number of the line in which the byte at `offset` is, from 1. */
size_t import_line_number(struct slice text, size_t offset);

/* Cuts a line with its end off `rest`; `line` is without the end (LF or CRLF). False where rest is empty. */
bool import_next_line(struct slice *rest, struct slice *line);

/* import_message.c: heads put together */

/* A field's name is a token (RFC 9110 §5.1), a value holds no CR, LF or NUL (§5.5). */
bool import_name_is_valid(struct slice name);
bool import_value_is_valid(struct slice value);

/* The form that editors send has no version at the line's end to know it by: only these methods begin a request there. */
#define IMPORT_METHODS "GET, POST, PUT, DELETE, PATCH, HEAD or OPTIONS"
bool import_method_is_known(struct slice method);

/* A URL in its parts, each a slice of it. */
struct import_url {
    struct slice scheme;   /* empty where there is none */
    struct slice userinfo; /* "user:password", never kept */
    struct slice host;     /* with the port, as Host has it */
    struct slice target;   /* path and query as written, without the fragment; may begin with '?' or be empty */
};
void import_url_split(struct import_url *url, struct slice text);
bool import_url_is_http(const struct import_url *url); /* scheme http or https and a host */

/* Appends the path and query: "/" is put before what does not begin with one. */
void import_append_target(struct buffer *out, struct slice target);

/* Blanks and control bytes have no place in a target (RFC 9112 §3). */
bool import_target_is_valid(struct slice target);

/* import_record.c: facts from messages */

/* Puts the message into both views of one side. The slices are the import's. */
void import_set_request(struct record *record, struct record_message message);
void import_set_response(struct record *record, struct record_message message);

/* Masks the heads as the redaction table says; equal ones that share memory go on sharing it. */
MUST_CHECK bool import_mask_heads(struct import *import, struct record *record, struct error *error);

/* Masks the heads and fills in what they say and the record does not have yet: method, target, X-CS-* facts, status,
 * outcome. False where no request can be read, with `what` ("entry 3") at the error's beginning. */
MUST_CHECK bool import_finish(struct import *import, struct record *record, const char *what, struct error *error);

/* import_time.c */

/* RFC 3339 ("2026-02-10T16:53:14.290123+01:00") to µs since 1970. */
MUST_CHECK bool import_time_parse(int64_t *wall_us, struct slice text);

/* A JSON number of milliseconds to µs, cut to IMPORT_DURATION_MAX_US. False where it is negative. */
enum { IMPORT_DURATION_MAX_US = 2000000000 };
MUST_CHECK bool import_duration_parse(int64_t *us, struct slice number);

/* import_json.c: HAR's JSON */

/* A member to look for; `kind` is JSON_END where it is missing or null. `value` is as written. */
struct import_member {
    const char *name;
    enum json_token kind;
    struct slice value;
};

/* Finds several members of one object in one pass; the first of each name wins. False where it is no object. */
MUST_CHECK bool import_json_members(struct slice object, struct import_member *members, size_t count);

/* The walk over an array's elements: begin, then next until false. The text was found valid before. */
MUST_CHECK bool import_json_array_begin(struct json_scan *scan, struct slice array);
MUST_CHECK bool import_json_array_next(struct json_scan *scan, struct slice *element, enum json_token *kind);

/* A string's content, kept. False where a lone surrogate is in it, with the error. */
MUST_CHECK bool import_json_text(struct import *import, struct slice *text, struct slice quoted, struct error *error);

/* The readers, one for each format. */
MUST_CHECK bool import_read_har(struct import *import, struct slice bytes, struct error *error);
MUST_CHECK bool import_read_http(struct import *import, struct slice bytes, struct error *error);
MUST_CHECK bool import_read_curl(struct import *import, struct slice bytes, struct error *error);

/* import_http_own.c: this program's own export */
bool import_is_own_http(struct slice bytes);
MUST_CHECK bool import_read_own_http(struct import *import, struct slice bytes, struct error *error);

/* import_har_own.c: the `_countersign` member of an entry */
MUST_CHECK bool import_read_own_entry(struct import *import, struct record *record, struct slice own,
                                      struct error *error);

#endif
