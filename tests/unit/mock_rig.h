/* A mock exchange with its loop in a thread, and a client of libc's sockets. What is signed here is signed with OpenSSL's
 * HMAC, not with the program's own code. */
#ifndef TESTS_MOCK_RIG_H
#define TESTS_MOCK_RIG_H

#include "mock/room.h"

#include "countersign/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RIG_KEY    "a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define RIG_SECRET "0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e" /* that of tests/vectors */

enum { RIG_ANSWER_MAX = 256 * 1024, RIG_REQUEST_MAX = 8192 };

/* The mock's clock stands still, so that no window ends in the middle of a test. */
static const int64_t rig_now_ms = INT64_C(1770742394290);

struct rig {
    struct loop *loop;
    struct mock *mock;
    pthread_t thread;
    uint16_t port;
    char answer[RIG_ANSWER_MAX]; /* the last one, whole */
    int status;
    const char *body; /* into `answer` */
};

static inline int64_t rig_clock(void)
{
    return rig_now_ms * 1000;
}

static inline void *rig_run(void *context)
{
    struct error error;
    return loop_run(context, &error) ? context : NULL;
}

static inline void rig_start(struct rig *rig, struct mock_options *options)
{
    struct error error = { .kind = ERROR_NONE };
    struct endpoint endpoint;
    assert_true(loop_create(&rig->loop, &error));
    assert_true(endpoint_parse(&endpoint, "127.0.0.1:0", &error));
    int listen_fd = -1;
    assert_true(endpoint_listen(&listen_fd, &endpoint, &error));
    struct sockaddr_in bound = { .sin_port = 0 };
    socklen_t length = sizeof(bound);
    assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&bound, &length), 0);
    rig->port = ntohs(bound.sin_port);
    options->loop = rig->loop;
    options->listen_fds = &listen_fd;
    options->listen_count = 1;
    options->api_key = RIG_KEY;
    options->api_secret = RIG_SECRET;
    if (!mock_open(&rig->mock, options, &error))
        fail_msg("%s", error.message);
    options->listen_fds = NULL; /* they are the mock's now */
    rig->mock->wall_us = rig_clock;
    assert_int_equal(pthread_create(&rig->thread, NULL, rig_run, rig->loop), 0);
}

static inline void rig_stop(struct rig *rig)
{
    void *result = NULL;
    loop_stop(rig->loop);
    assert_int_equal(pthread_join(rig->thread, &result), 0);
    assert_ptr_equal(result, rig->loop);
    mock_close(rig->mock);
    loop_free(rig->loop);
}

static inline int rig_connect(const struct rig *rig)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(rig->port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct timeval patience = { .tv_sec = 10 };
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Takes the answer in rig->answer apart. */
static inline void rig_split(struct rig *rig, size_t length)
{
    rig->answer[length] = '\0';
    const char *end = strstr(rig->answer, "\r\n\r\n");
    assert_non_null(end);
    rig->body = end + 4;
    assert_memory_equal(rig->answer, "HTTP/1.1 ", 9);
    rig->status = (int)strtol(rig->answer + 9, NULL, 10);
}

/* Sends the bytes and reads until the mock closes. */
static inline void rig_exchange(struct rig *rig, const char *request, size_t request_length)
{
    int fd = rig_connect(rig);
    assert_int_equal(send(fd, request, request_length, MSG_NOSIGNAL), (ssize_t)request_length);
    size_t length = 0;
    ssize_t got;
    while ((got = recv(fd, rig->answer + length, sizeof(rig->answer) - 1 - length, 0)) > 0)
        length += (size_t)got;
    assert_int_equal(got, 0);
    (void)close(fd);
    rig_split(rig, length);
}

/* One request with these fields (each line with its CRLF) and body (NULL: none). */
static inline void rig_send(struct rig *rig, const char *method, const char *target, const char *fields,
                            const char *body)
{
    char request[RIG_REQUEST_MAX];
    char body_length[64] = "";
    if (body != NULL)
        (void)snprintf(body_length, sizeof(body_length), "Content-Length: %zu\r\n", strlen(body));
    int length = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: mock\r\nConnection: close\r\n%s%s\r\n%s",
                          method, target, fields, body_length, body == NULL ? "" : body);
    assert_in_range(length, 1, sizeof(request) - 1);
    rig_exchange(rig, request, (size_t)length);
}

static inline void rig_hmac_hex(char hex[65], const char *key, const char *message)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    assert_non_null(
        HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)message, strlen(message), digest, &length));
    for (unsigned i = 0; i < length; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

/* The signature of a payload, as the exchange's documentation describes it. */
static inline void rig_signature(char signature[65], const char *secret, int64_t expires_ms, const char *payload)
{
    char window[24], key[65];
    (void)snprintf(window, sizeof(window), "%lld", (long long)(expires_ms / 30000));
    rig_hmac_hex(key, secret, window);
    rig_hmac_hex(signature, key, payload);
}

/* The three signature fields and a content type. */
static inline void rig_fields(char *fields, size_t size, int64_t expires_ms, const char *payload)
{
    char signature[65];
    rig_signature(signature, RIG_SECRET, expires_ms, payload);
    (void)snprintf(fields, size,
                   "X-CS-APIKEY: " RIG_KEY "\r\nX-CS-EXPIRES: %lld\r\nX-CS-SIGN: %s\r\n"
                   "Content-Type: application/json\r\n",
                   (long long)expires_ms, signature);
}

/* One request signed as it should be. */
static inline void rig_signed(struct rig *rig, const char *method, const char *target, const char *body)
{
    char payload[RIG_REQUEST_MAX], fields[512];
    const char *query = strchr(target, '?');
    (void)snprintf(payload, sizeof(payload), "%s%s", query == NULL ? "" : query + 1, body == NULL ? "" : body);
    rig_fields(fields, sizeof(fields), rig_now_ms, payload);
    rig_send(rig, method, target, fields, body);
}

static inline void assert_holds(const struct rig *rig, const char *text)
{
    if (strstr(rig->answer, text) == NULL)
        fail_msg("no %s in %s", text, rig->answer);
}

static inline void assert_lacks(const struct rig *rig, const char *text)
{
    if (strstr(rig->answer, text) != NULL)
        fail_msg("there is %s in %s", text, rig->answer);
}

/* The whole answer of a failure. */
static inline void assert_refused(const struct rig *rig, int status, const char *body)
{
    assert_string_equal(rig->body, body);
    assert_int_equal(rig->status, status);
}

#define BAD_REQUEST     400, "{\"code\":400,\"message\":\"invalid request format\",\"data\":null}"
#define BAD_KEY         401, "{\"code\":401,\"message\":\"signature-failed\",\"data\":null}"
#define NO_SERVICE      404, "{\"code\":404,\"message\":\"service not found\",\"data\":null}"
#define UNAUTHORIZED    200, "{\"code\":1401,\"message\":\"unauthorized\",\"data\":null}"
#define BAD_SIGNATURE   200, "{\"code\":3005,\"message\":\"signature error\",\"data\":null}"
#define NO_SYMBOL       200, "{\"code\":3011,\"message\":\"symbol not found\",\"data\":null}"
#define NO_ORDER        200, "{\"code\":3103,\"message\":\"order-not-found\",\"data\":null}"
#define DUPLICATE_ORDER 200, "{\"code\":3111,\"message\":\"duplicate-order\",\"data\":null}"
#define INSUFFICIENT    200, "{\"code\":3113,\"message\":\"account-insufficient\",\"data\":null}"
#define RESTRICTED      200, "{\"code\":3013,\"message\":\"account trading restricted\",\"data\":null}"
#define FIELD_MISSING   200, "{\"code\":101040502,\"msg\":\"request field missing\",\"data\":null}"

#endif
