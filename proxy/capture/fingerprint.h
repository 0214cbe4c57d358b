/* Fingerprints of bytes and of rows of values: how the store finds again what it holds, as long as the process lives. 128 bits
 * of SipHash-2-4 under a key that nobody is told, drawn when a fingerprinter is made: they stand for what they are of, also
 * where someone chooses the bytes, and cost a tenth of a SHA-256 by OpenSSL. They are never stored. One thread at a time. */
#ifndef COUNTERSIGN_CAPTURE_FINGERPRINT_H
#define COUNTERSIGN_CAPTURE_FINGERPRINT_H

#include "countersign/error.h"
#include "countersign/slice.h"

enum { FINGERPRINT_KEY_LENGTH = 16 };

struct fingerprint {
    uint64_t words[2];
};

struct fingerprinter {
    uint64_t key[2];
    uint64_t state[4]; /* of the one under way */
    uint64_t count;    /* words in it */
};

/* With a key of its own; fails where the kernel gives no random bytes. */
MUST_CHECK bool fingerprinter_init(struct fingerprinter *fingerprinter, struct error *error);
void fingerprinter_init_with(struct fingerprinter *fingerprinter, const unsigned char key[FINGERPRINT_KEY_LENGTH]);

/* Of values one after the other. What is hashed is a row of 64-bit words, least significant byte first: a number is one; a text is its
 * length and then its bytes, filled up with zeros. So each value is told from the next. */
void fingerprint_begin(struct fingerprinter *fingerprinter);
void fingerprint_add_number(struct fingerprinter *fingerprinter, uint64_t number);
void fingerprint_add(struct fingerprinter *fingerprinter, struct slice text);
struct fingerprint fingerprint_end(struct fingerprinter *fingerprinter);

/* Of one text of a kind. */
struct fingerprint fingerprint_of(struct fingerprinter *fingerprinter, uint64_t kind, struct slice text);

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b);

#endif
