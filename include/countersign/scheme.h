/* Coinstore's signature scheme. Pure: time and keys are arguments. Source: the exchange's API documentation, "Signature
 * Authentication": payload = query + body; window = floor(X-CS-EXPIRES / 30000); window key = hex(HMAC-SHA256(secret,
 * window in decimal)); signature = hex(HMAC-SHA256(the 64 characters of the window key, payload)). */
#ifndef COUNTERSIGN_SCHEME_H
#define COUNTERSIGN_SCHEME_H

#include "countersign/error.h"
#include "countersign/slice.h"

#include <stdint.h>

enum {
    SCHEME_WINDOW_MS = 30000,
    SCHEME_WINDOW_KEY_LENGTH = 64, /* characters */
    SCHEME_SIGNATURE_LENGTH = 64,  /* characters */
    SCHEME_SHA256_LENGTH = 32,     /* bytes */
    SCHEME_EXPIRES_MAX = 24        /* characters of X-CS-EXPIRES with its NUL */
};

#define SCHEME_FIELD_APIKEY  "X-CS-APIKEY"
#define SCHEME_FIELD_SIGN    "X-CS-SIGN"
#define SCHEME_FIELD_EXPIRES "X-CS-EXPIRES"

/* Whether `name` begins with "X-CS-", in any case: the fields that only the signer of a request may set. */
bool scheme_owns_field(struct slice name);

/* The window that `expires_ms` (milliseconds since 1970, not negative) lies in. */
uint64_t scheme_window(int64_t expires_ms);

struct scheme_window_key {
    char text[SCHEME_WINDOW_KEY_LENGTH]; /* no NUL */
};

/* Derives a window's key from the account's secret. Called in the signer process only (and in the mock exchange). */
MUST_CHECK bool scheme_window_key_derive(struct scheme_window_key *key, struct slice secret, uint64_t window,
                                         struct error *error);

/* Signs with a window's key; holds the fetched algorithm and its context, which are slow to make. One thread at a
 * time. */
struct scheme_hmac;

MUST_CHECK bool scheme_hmac_create(struct scheme_hmac **hmac, struct error *error);
void scheme_hmac_free(struct scheme_hmac *hmac); /* wipes the key */

/* Writes SCHEME_SIGNATURE_LENGTH characters, no NUL. The payload is query then body, nothing between them. */
MUST_CHECK bool scheme_sign(char *signature, struct scheme_hmac *hmac, const struct scheme_window_key *key,
                            struct slice query, struct slice body, struct error *error);

/* SHA-256 of the payload (query then body), for the record. */
MUST_CHECK bool scheme_payload_sha256(unsigned char *digest, struct slice query, struct slice body,
                                      struct error *error);

/* Compares two texts in time that depends on their lengths alone. */
bool scheme_equal_constant_time(struct slice a, struct slice b);

#endif
