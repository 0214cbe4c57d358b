/* The keystore's cryptography, all of it libcrypto's: scrypt, AES-256-GCM, SHA-256, random bytes. Private to this room. */
#ifndef COUNTERSIGN_SIGNER_KEYSTORE_CRYPTO_H
#define COUNTERSIGN_SIGNER_KEYSTORE_CRYPTO_H

#include "keystore_format.h"

enum { KEYSTORE_KEY = 32 }; /* bytes: AES-256 */

/* The first byte of the associated data: what a tag is for. keystore_format.h. */
enum keystore_purpose { KEYSTORE_FOR_HEADER = 1, KEYSTORE_FOR_SEAL, KEYSTORE_FOR_API_KEY, KEYSTORE_FOR_API_SECRET };

struct keystore_associated {
    enum keystore_purpose purpose;
    struct slice first;
    struct slice second; /* may be empty */
};

/* Derives the key into an empty secret. Takes 128 * r * 2^log2_n bytes while it works, which libcrypto wipes. */
MUST_CHECK bool keystore_derive(struct secret *key, struct slice passphrase, struct slice salt,
                                const struct keystore_cost *cost, struct error *error);

/* Makes a nonce, then ciphertext and tag: plain.length + KEYSTORE_TAG bytes at `sealed`. `nonce` takes KEYSTORE_NONCE. */
MUST_CHECK bool keystore_encrypt(unsigned char *nonce, unsigned char *sealed, struct slice plain,
                                 const struct secret *key, const struct keystore_associated *associated,
                                 struct error *error);

/* Whether the tag fits; then the plaintext, sealed.length - KEYSTORE_TAG bytes, is at `plain`. Where it does not, or libcrypto
 * fails, all of that is zeros. */
MUST_CHECK bool keystore_decrypt(unsigned char *plain, const struct keystore_part *part, const struct secret *key,
                                 const struct keystore_associated *associated);

MUST_CHECK bool keystore_digest(unsigned char *digest, struct slice bytes, struct error *error);
MUST_CHECK bool keystore_random(unsigned char *bytes, size_t length, struct error *error);

#endif
