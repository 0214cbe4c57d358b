/* What the files of export have in common. Private to these. */
#ifndef COUNTERSIGN_COMPARE_EXPORT_PRIVATE_H
#define COUNTERSIGN_COMPARE_EXPORT_PRIVATE_H

#include "countersign/export.h"
#include "countersign/http_message.h"

/* One format. `append` gets a record that may be shown: masked, and in tokens where it is shared. */
struct export_writer {
    const char *name;
    void (*begin)(const struct export *export, struct buffer *out);
    bool (*append)(struct export *export, struct buffer *out, const struct record *record, struct error *error);
    void (*end)(const struct export *export, struct buffer *out);
};

extern const struct export_writer export_har, export_json_lines, export_http, export_curl, export_python;

/* As export_append_json, and for a shared one with the member "shared". */
void export_append_object(struct buffer *out, const struct record *record, bool with_views, bool is_shared);

/* A message head read; `is_read` is false where it is none, and then everything else empty. */
struct export_message {
    bool is_read;
    struct slice method; /* of a request, as is target */
    struct slice target;
    int status; /* of a response, as is reason */
    struct slice reason;
    struct slice version; /* "HTTP/1.1" */
    struct http_fields fields;
    struct http_field items[HTTP_FIELDS_MAX];
};

void export_read_request(struct export_message *message, struct slice head);
void export_read_response(struct export_message *message, struct slice head);

/* The value of the first field of that name, empty where there is none. */
struct slice export_field(const struct export_message *message, const char *name);

/* A field that the client's request must not carry to the proxy again: NULL, or why it is left out. */
const char *export_left_out(const struct http_field *field);

/* What the client of a script makes by itself: Host from the URL, the length from the body. The borders of chunks are not
 * recorded. */
bool export_is_made_anew(const struct http_field *field);

/* Remarks, a line each: why fields are left out, and that chunks become one body. */
void export_append_left_out(struct buffer *out, const struct export_message *message);

/* What a script says of the exchange in a remark of one line; nothing in it comes from outside. */
void export_append_remark(struct buffer *out, const struct record *record);

/* For whoever finds the script: what it does. Lines begin with "# ". */
void export_append_warning(struct buffer *out, const struct export *export);

#endif
