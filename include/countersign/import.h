/* Reads exchanges that were made elsewhere, so that a working example can be compared: HAR 1.2, `.http` files (this
 * program's own export, raw HTTP messages, the form that editors send) and curl command lines. Pure; any thread.
 *
 * What an imported exchange gets:
 * - The file shows what somebody's client sent to the exchange itself. So the request is the client's and the upstream's
 *   view at once, and the answer both views of it; this program's own export gives each view as it was.
 * - The facts that the file has: times, addresses, HTTP version, status; expires, window and signature by the request's
 *   X-CS-* fields; outcome, code and message by envelope.h, or by the answer's Countersign-Outcome where it went through
 *   this proxy. `is_signed` is false: this program did not sign it.
 * - Heads are masked as the redaction table says, always: an import never hands out what the record would not keep.
 *
 * A HAR entry's member `_countersign`, which this program's export writes, is the object of `log show --json` with its views:
 * then these are taken, every byte and fact, and the rest of the entry is not looked at.
 *
 * What is not in the file is not guessed: an example whose bytes only a shell, an editor or another file knows is refused,
 * with what is missing. The exceptions, each needed to have an HTTP message at all, are these:
 * - HAR, fields of HTTP/2: `:authority` becomes Host, the other pseudo fields are left out. Where there is neither Host nor
 *   `:authority`, Host comes first, from the URL. An answer's body is decoded in a HAR, so Content-Encoding,
 *   Transfer-Encoding and, with either, Content-Length are left out of its head.
 * - curl: its defaults, in its order: Host, User-Agent (`curl`, without the version, which is not known), Accept,
 *   Content-Length, Content-Type. Of --compressed: `Accept-Encoding: deflate, gzip, br`, which depends on the build.
 * - `.http`: lines end in CRLF, whatever the file has; an absolute URL becomes the target, and Host where there is none.
 *   A body is as long as Content-Length says; a length that does not fit what is there is an error. Without one it goes to
 *   the next line that begins with `###`, a request's also to the answer: a status line (`HTTP/1.1 200`) behind an empty
 *   line; or to the end of the file. The line end there, and one empty line behind it, are not the body's.
 */
#ifndef COUNTERSIGN_IMPORT_H
#define COUNTERSIGN_IMPORT_H

#include "countersign/error.h"
#include "countersign/record.h"

enum {
    IMPORT_RECORDS_MAX = 1000000, /* exchanges in one file */
    IMPORT_HEAD_MAX = 1048576,    /* bytes of one message's head; its fields are at most HTTP_FIELDS_MAX */
    IMPORT_REASON_MAX = 256       /* bytes of a reason with its NUL */
};

enum import_format {
    /* By the first line that is neither empty nor a remark (`#`, `#!`, but not `###`): `{` HAR, `curl` a command line,
     * `###` or a request line `.http`. Without HTTP/1.1 at its end, only GET, POST, PUT, DELETE, PATCH, HEAD and OPTIONS
     * make a request line. */
    IMPORT_GUESS,
    IMPORT_HAR,
    IMPORT_HTTP,
    IMPORT_CURL
};

const char *import_format_name(enum import_format format); /* "HAR", "http", "curl"; "" for a guess */

/* Reads "har", "http" or "curl". */
MUST_CHECK bool import_format_parse(enum import_format *format, struct slice name);

/* What was read. Owns the bytes that its records point into. */
struct import {
    enum import_format format; /* what it was taken for */
    struct record *records;    /* in the file's order, ids 0 */
    size_t count;              /* at least 1 */
    size_t left_out;           /* entries that are no HTTP request or whose bytes the file does not hold (HAR only) */
    char reason[IMPORT_REASON_MAX];         /* why the first of them */
    struct import_block *blocks;            /* private */
    size_t capacity;                        /* private: of records */
    const struct import_progress *progress; /* private, while it is read */
};

/* Told how many exchanges were read, each time that there is one more; how many there will be is not known: `total` is 0. */
struct import_progress {
    void (*tell)(void *context, uint64_t done, uint64_t total);
    void *context;
};

/* Reads `bytes`, which need not live on. `progress` may be NULL. Errors are ERROR_INPUT (which line or entry, what is wrong,
 * what was expected; never a secret, printable ASCII), ERROR_LIMIT or ERROR_MEMORY. *import is NULL then; free it with
 * import_free. */
MUST_CHECK bool import_read(struct import **import, struct slice bytes, enum import_format format,
                            const struct import_progress *progress, struct error *error);
void import_free(struct import *import); /* NULL is allowed */

#endif
