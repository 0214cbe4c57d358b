/* HTTP messages as bytes: header fields in order and case as they came, heads read and written, RFC 9110 and 9112. */
#ifndef COUNTERSIGN_HTTP_MESSAGE_H
#define COUNTERSIGN_HTTP_MESSAGE_H

#include "countersign/buffer.h"
#include "countersign/slice.h"

/* One header field line: name as written, value without surrounding blanks. Borrowed. */
struct http_field {
    struct slice name;
    struct slice value;
};

enum { HTTP_FIELDS_MAX = 256 }; /* fields in one head; a head with more is refused by its reader */

struct http_fields {
    struct http_field *items; /* as they came: order, case, repetitions */
    size_t count;
};

/* The first field of that name (ASCII case ignored), or NULL. */
const struct http_field *http_field_find(struct http_fields fields, const char *name);

/* How many fields have that name. */
size_t http_field_count(struct http_fields fields, const char *name);

/* Whether a field is for one connection alone and is never forwarded (RFC 9110 §7.6.1): Connection and every name it
 * lists, Keep-Alive, Proxy-Connection, Proxy-Authorization, Proxy-Authenticate, TE, Trailer, Transfer-Encoding,
 * Upgrade. `fields` is the message the field came in (for what its Connection fields list). */
bool http_field_is_hop_by_hop(struct http_fields fields, struct slice name);

/* Appends "NAME: VALUE\r\n". */
bool http_append_field(struct buffer *head, struct slice name, struct slice value);

/* Reads the status line and fields of one response head that ends with an empty line. `fields->items` is written up to
 * `capacity` entries that point into `head`. False where the head is not one (a line without colon, too many fields). */
bool http_parse_response_head(int *status, struct http_fields *fields, size_t capacity, struct slice head);

/* As above for a request head: method and target are slices of the first line. */
bool http_parse_request_head(struct slice *method, struct slice *target, struct http_fields *fields, size_t capacity,
                             struct slice head);

/* The target's path (before the first '?') and query (behind it, without it; empty where there is none). */
struct slice http_target_path(struct slice target);
struct slice http_target_query(struct slice target);

/* Appends `text` with every "%2F" as the byte it stands for (RFC 3986 §2.1); a '%' that begins none stays. False, and then
 * buffer->failed, when memory or room is out. */
bool http_append_percent_decoded(struct buffer *out, struct slice text);

/* Reads an IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 §5.6.7) as seconds since 1970; false where it is none. */
bool http_date_read(int64_t *seconds, struct slice date);

/* Whether `method` is a token (RFC 9110 §5.6.2) of at most 32 bytes. */
bool http_method_is_valid(struct slice method);

#endif
