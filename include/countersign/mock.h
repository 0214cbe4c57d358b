/* A mock exchange: answers as Coinstore's documentation says, checks API key, window and signature, and keeps orders in
 * memory, so that what is placed is active and can be cancelled. Runs on one loop. */
#ifndef COUNTERSIGN_MOCK_H
#define COUNTERSIGN_MOCK_H

#include "countersign/buffer.h"
#include "countersign/error.h"
#include "countersign/loop.h"

struct mock;

struct mock_options {
    struct loop *loop;
    int listen_fd;               /* owned by the mock from mock_open's success on */
    const char *tls_certificate; /* PEM, NULL for plain HTTP */
    const char *tls_key;         /* PEM */
    const char *api_key;
    const char *api_secret;
    bool log_requests; /* one line a request at level info */
};

MUST_CHECK bool mock_open(struct mock **mock, const struct mock_options *options, struct error *error);
void mock_close(struct mock *mock);

/* Makes a P-256 key and a certificate for localhost, 127.0.0.1 and ::1, valid from an hour ago for 30 days, signed by
 * itself, usable as its own trust anchor. Both PEM. */
MUST_CHECK bool mock_certificate(struct buffer *certificate, struct buffer *key, struct error *error);

#endif
