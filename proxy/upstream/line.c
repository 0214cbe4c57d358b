/* See line.h. TLS is libcurl's to read and write (it keeps sessions for the next connection), over a BIO of our own: that reads a record
 * in one system call where OpenSSL makes two, and knows whether the socket was read to its end, which neither tells apart from having
 * read something that was not for us. */
#include "line.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* --- the socket --- */

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* As recv(2), and notes whether that was all. */
static ssize_t receive(struct line *line, char *bytes, size_t size)
{
    ssize_t count = recv(line->fd, bytes, size, 0);
    line->waits = count < 0 && would_block();
    return count;
}

/* A short read goes ahead, a long one straight to where it is wanted. */
static ssize_t read_ahead(struct line *line, char *bytes, size_t size)
{
    if (line->begin == line->end && size >= LINE_AHEAD_BYTES)
        return receive(line, bytes, size);
    if (line->begin == line->end) {
        ssize_t count = receive(line, line->ahead, LINE_AHEAD_BYTES);
        if (count <= 0)
            return count;
        line->begin = 0;
        line->end = (size_t)count;
    }
    size_t left = line->end - line->begin, taken = size < left ? size : left;
    memcpy(bytes, line->ahead + line->begin, taken);
    line->begin += taken;
    return (ssize_t)taken;
}

/* --- the BIO: BIO_meth_new(3) --- */

static int bio_read(BIO *bio, char *bytes, int size)
{
    struct line *line = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t count = read_ahead(line, bytes, (size_t)size);
    if (count < 0 && line->waits)
        BIO_set_retry_read(bio);
    return (int)count;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
    const struct line *line = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t count = send(line->fd, bytes, (size_t)size, MSG_NOSIGNAL);
    if (count < 0 && would_block())
        BIO_set_retry_write(bio);
    return (int)count;
}

/* Of all that a BIO may be asked, OpenSSL's TLS needs the flush alone, which has nothing to do. */
static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

/* Kept to the process's end: connections of every worker use it. */
static void make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "countersign line");
    if (made != NULL && BIO_meth_set_read(made, bio_read) == 1 && BIO_meth_set_write(made, bio_write) == 1 &&
        BIO_meth_set_ctrl(made, bio_control) == 1)
        method = made;
    else
        BIO_meth_free(made);
}

static bool put_beneath(struct line *line)
{
    (void)pthread_once(&method_once, make_method); /* cannot fail (POSIX) */
    BIO *bio = method == NULL ? NULL : BIO_new(method);
    if (bio == NULL)
        return false;
    BIO_set_data(bio, line);
    BIO_set_init(bio, 1);
    SSL_set_bio(line->tls, bio, bio); /* takes it over, and frees libcurl's */
    return true;
}

/* --- the line --- */

/* libcurl 7.88 closes a connection that its handle has never read or written when another is made, 118 s later or where it looks dead
 * (prune_dead_connections); one that has, it leaves alone. */
static bool claim(struct line *line)
{
    char byte;
    size_t count = 0;
    CURLcode code = curl_easy_recv(line->easy, &byte, sizeof(byte), &count);
    if (code == CURLE_OK)
        (void)snprintf(line->words, CURL_ERROR_SIZE, count > 0 ? "bytes came before any request" : "it ended at once");
    return code == CURLE_AGAIN;
}

bool line_begin(struct line *line, CURL *easy, SSL *tls, int fd, bool within_tls)
{
    line->easy = easy;
    line->tls = tls;
    line->fd = fd;
    line->is_curls = tls != NULL;
    line->waits_as_told = tls == NULL || !within_tls;
    line->begin = line->end = 0;
    if (tls != NULL) {
        /* OpenSSL would read on as long as records come that hold nothing for us */
        (void)SSL_clear_mode(tls, SSL_MODE_AUTO_RETRY); /* gives the modes that are left, here and below */
        /* libcurl has them freed, 17 KiB at a time, after each record, and got again for the next */
        (void)SSL_clear_mode(tls, SSL_MODE_RELEASE_BUFFERS);
        (void)SSL_set_options(tls, SSL_OP_NO_RENEGOTIATION); /* likewise: TLS 1.2 would have writes wait for reads */
    }
    if (tls != NULL && !within_tls && !put_beneath(line))
        return false;
    return claim(line);
}

static enum line_result fail(struct line *line, const char *what)
{
    (void)snprintf(line->words, CURL_ERROR_SIZE, "%s failure: %s", what, strerror(errno)); /* libcurl's own form */
    return LINE_FAILED;
}

static enum line_result of_curls(CURLcode code, size_t count)
{
    if (code == CURLE_AGAIN)
        return LINE_AGAIN;
    if (code != CURLE_OK)
        return LINE_FAILED;
    return count > 0 ? LINE_DONE : LINE_END;
}

enum line_result line_read(struct line *line, char *bytes, size_t size, size_t *count)
{
    *count = 0;
    line->waits = !line->waits_as_told;
    if (line->is_curls) {
        CURLcode code = curl_easy_recv(line->easy, bytes, size, count);
        return of_curls(code, *count);
    }
    ssize_t got = receive(line, bytes, size);
    if (got > 0)
        *count = (size_t)got;
    if (got < 0)
        return line->waits ? LINE_AGAIN : fail(line, "Recv");
    return got == 0 ? LINE_END : LINE_DONE;
}

enum line_result line_write(struct line *line, struct slice bytes, size_t *count)
{
    *count = 0;
    if (line->is_curls) {
        CURLcode code = curl_easy_send(line->easy, bytes.data, bytes.length, count);
        return of_curls(code, *count);
    }
    ssize_t sent = send(line->fd, bytes.data, bytes.length, MSG_NOSIGNAL);
    if (sent >= 0)
        *count = (size_t)sent;
    if (sent < 0)
        return would_block() ? LINE_AGAIN : fail(line, "Send");
    return LINE_DONE;
}

bool line_waits(const struct line *line)
{
    return line->waits;
}

/* OpenSSL 3.0 has nothing "pending" of a record whose header it has read and nothing more: then it waits for the rest (RB), not for a
 * header (RH). */
static bool is_between_records(const SSL *tls)
{
    return SSL_has_pending(tls) == 0 && strcmp(SSL_rstate_string(tls), "RH") == 0;
}

bool line_is_empty(const struct line *line)
{
    return line->begin == line->end && (line->tls == NULL || is_between_records(line->tls));
}

bool line_has_tls_end(const struct line *line)
{
    return line->tls != NULL && (SSL_get_shutdown(line->tls) & SSL_RECEIVED_SHUTDOWN) != 0;
}
