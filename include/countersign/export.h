/* Writes exchanges for other tools: HAR 1.2, JSON lines, raw HTTP messages, curl commands, a Python script. One exchange at a
 * time into a buffer that the caller flushes whenever it likes, so that any number of them takes no more memory than the
 * largest. Pure; an export belongs to one thread.
 *
 * Every head passes the redaction table once more on its way out, whatever the store holds: no key, no credential.
 *
 * har     HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/). An entry is the exchange as it left for the exchange and
 *         as it came back; where nothing left, as the client sent it and what the client got. Bodies of answers are decoded,
 *         as browsers do. The member `_countersign` is the object of `log show --json`: every fact, and all four views with
 *         their very bytes, so that import restores the record.
 * jsonl   that object alone, one a line.
 * http    Raw messages. Grammar:
 *
 *             file    = *remark *message
 *             message = "### countersign exchange " ID " " VIEW " " HEAD "+" BODY LF head body LF
 *             VIEW    = "client-request" / "upstream-request" / "upstream-response" / "client-response"
 *             remark  = "#" *(any byte but LF) LF
 *
 *         ID is the exchange's as record_id_text writes it; HEAD and BODY are decimal counts of bytes; `head` is exactly
 *         HEAD bytes, its empty line included, and `body` exactly BODY bytes, so that any byte may be in them. A view without
 *         a message is left out. With `bare`, one view's bytes alone, nothing added: fit for `nc`.
 * curl    A shell script (POSIX sh) with a command for each request as the client sent it, to the local proxy, which signs it
 *         afresh: a signature of the record has long expired. What is masked, and X-CS-*, is left out, which a remark says.
 *         Header fields that curl would add are suppressed. A body that no argument carries goes to a file, where the caller
 *         keeps files, or through a pipe from printf.
 * python  The same as a script for `requests`. */
#ifndef COUNTERSIGN_EXPORT_H
#define COUNTERSIGN_EXPORT_H

#include "countersign/error.h"
#include "countersign/record.h"
#include "countersign/share.h"

enum {
    EXPORT_ENTRY_MAX = 1 << 30,    /* bytes of one exchange as text; a buffer for exports needs that maximum */
    EXPORT_ARGUMENT_MAX = 65536,   /* bytes of a body on a command line; Linux takes 128 KiB for one argument */
    EXPORT_DECODED_MAX = 256 << 20 /* bytes that a compressed body may grow to; a larger one stays as it is */
};

enum export_format { EXPORT_HAR, EXPORT_JSON_LINES, EXPORT_HTTP, EXPORT_CURL, EXPORT_PYTHON, EXPORT_FORMAT_COUNT };

const char *export_format_name(enum export_format format); /* "har", "jsonl", "http", "curl", "python" */
bool export_format_parse(enum export_format *format, struct slice name);

struct export_options {
    enum export_format format;
    bool has_view; /* http: this view alone */
    enum record_view view;
    bool bare;           /* http with has_view: no separators; for one exchange */
    const char *to;      /* curl, python: the proxy, "http://127.0.0.1:8787"; curl also "unix:/PATH" */
    struct share *share; /* NULL: values as they are. Not owned; outlives the export */
    /* curl: keeps a body in a file and appends its name in the script's own folder. NULL: no files. */
    bool (*keep_file)(void *context, struct buffer *name, int64_t id, struct slice body, struct error *error);
    void *context;
};

/* The caller's, zeroed before export_begin. The fields are private but for `count`. */
struct export
{
    struct export_options options;
    size_t count;         /* exchanges so far */
    bool has_files;       /* curl: the script went to its folder */
    struct buffer masked; /* the heads of the exchange at hand */
    struct buffer work;
};

/* Appends what comes before the first exchange. ERROR_USAGE for options that do not go together. Call export_free in any
 * case. */
MUST_CHECK bool export_begin(struct export *export, const struct export_options *options, struct buffer *out,
                             struct error *error);

/* Appends one exchange. ERROR_LIMIT where it is too large for `out`, or the share's memory is used up; keep_file's errors.
 * After an error the output is incomplete and to be thrown away. */
MUST_CHECK bool export_append(struct export *export, struct buffer *out, const struct record *record,
                              struct error *error);

/* Appends what comes behind the last exchange. */
MUST_CHECK bool export_end(struct export *export, struct buffer *out, struct error *error);
void export_free(struct export *export);

/* The record as one JSON object without a line end: every fact, numbers exact, facts that are not known null; with the
 * views' bytes, base64 where they are no UTF-8. As the record has it: the caller sees to redaction. Not escaped for
 * terminals. */
void export_append_json(struct buffer *out, const struct record *record, bool with_views);

#endif
