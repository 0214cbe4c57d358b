/* SHA-256 over bytes: whether a payload's digest follows from what is recorded. One thread at a time. */
#ifndef COUNTERSIGN_CAPTURE_DIGEST_H
#define COUNTERSIGN_CAPTURE_DIGEST_H

#include "countersign/error.h"
#include "countersign/slice.h"

enum { DIGEST_LENGTH = 32 };

struct digest {
    unsigned char bytes[DIGEST_LENGTH];
};

struct digester;

MUST_CHECK bool digester_create(struct digester **digester, struct error *error);
void digester_free(struct digester *digester); /* NULL is allowed */

/* Of `first` and then `second`, nothing between them. False where OpenSSL fails, which it does only without memory. */
MUST_CHECK bool digester_of(struct digest *digest, struct digester *digester, struct slice first, struct slice second);

#endif
