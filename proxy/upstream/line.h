/* A wire's bytes, as they come and go, once its connection is made. The loop's thread. */
#ifndef COUNTERSIGN_UPSTREAM_LINE_H
#define COUNTERSIGN_UPSTREAM_LINE_H

#include "countersign/compiler.h"
#include "countersign/slice.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <stdbool.h>

enum {
    LINE_AHEAD_BYTES = 4096
}; /* that may be read ahead of OpenSSL, which asks for five bytes and then for the rest of a record */

enum line_result {
    LINE_DONE,  /* at least one byte */
    LINE_AGAIN, /* nothing now; see line_waits */
    LINE_END,   /* the other side has ended the connection; line_has_tls_end says whether TLS's end came */
    LINE_FAILED /* `words` say why, where they are known */
};

struct line {
    CURL *easy; /* whose connection it is */
    SSL *tls;   /* NULL for a plain one */
    int fd;
    bool is_curls;      /* read and written by libcurl */
    bool waits_as_told; /* what `waits` says is known */
    bool waits;
    size_t begin; /* of what was read ahead */
    size_t end;
    char ahead[LINE_AHEAD_BYTES];
    char *words; /* CURL_ERROR_SIZE, the handle's too: of the last failure */
};

/* Once the handshake is over, and before the first byte; `words` is set. `easy` must outlive the line, which must outlive `tls`.
 * `within_tls`: the connection leads through an egress proxy's TLS, and stays libcurl's altogether. False when out of memory, or where
 * something has come already, or its end. */
MUST_CHECK bool line_begin(struct line *line, CURL *easy, SSL *tls, int fd, bool within_tls);

/* `size` above 0. Reads at most one TLS record, so that records which hold nothing for us do not hold the loop. */
MUST_CHECK enum line_result line_read(struct line *line, char *bytes, size_t size, size_t *count);

/* `bytes` must be offered again, and nothing else, until it was taken (SSL_write(3)). */
MUST_CHECK enum line_result line_write(struct line *line, struct slice bytes, size_t *count);

/* After line_read's LINE_AGAIN: whether all that has come was taken in, so that the socket tells when more comes. */
bool line_waits(const struct line *line);

/* Whether nothing has been taken from the socket that was not handed over. */
bool line_is_empty(const struct line *line);

/* Whether TLS's own end (close_notify) came. */
bool line_has_tls_end(const struct line *line);

#endif
