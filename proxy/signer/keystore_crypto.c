/* The keystore's cryptography, all of it libcrypto's. Owns nothing; key contexts are wiped with their end (EVP_CIPHER_CTX_free).
 * One thread. */
#include "keystore_crypto.h"

#include "secret_parts.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { WORK_BESIDE = 4 << 20 }; /* bytes that scrypt takes beside its large table: far less at p <= KEYSTORE_P_MOST */

static const unsigned char *bytes_of(struct slice slice)
{
    return (const unsigned char *)slice.data;
}

bool keystore_derive(struct secret *key, struct slice passphrase, struct slice salt, const struct keystore_cost *cost,
                     struct error *error)
{
    struct secret made;
    uint64_t n = UINT64_C(1) << cost->log2_n;
    uint64_t table = UINT64_C(128) * cost->r * n;
    if (!secret_allocate(&made, error))
        return false;
    if (EVP_PBE_scrypt(passphrase.data, passphrase.length, bytes_of(salt), salt.length, n, cost->r, cost->p,
                       table + WORK_BESIDE, (unsigned char *)made.bytes, KEYSTORE_KEY) != 1) {
        secret_end(&made);
        return error_set(
            error, ERROR_MEMORY,
            "deriving the key from the passphrase failed: scrypt needs %llu MiB of memory for a moment; raise "
            "the limit (ulimit -v, MemoryMax=), or free some",
            (unsigned long long)(table >> 20));
    }
    made.length = KEYSTORE_KEY;
    *key = made;
    return true;
}

/* Hands the associated data over. `length` is written by libcrypto and of no interest. */
static bool associate(EVP_CIPHER_CTX *context, const struct keystore_associated *associated, bool encrypts)
{
    unsigned char purpose = (unsigned char)associated->purpose;
    const struct slice parts[] = { slice_of(&purpose, 1), associated->first, associated->second };
    int length;
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        int done = encrypts ? EVP_EncryptUpdate(context, NULL, &length, bytes_of(parts[i]), (int)parts[i].length)
                            : EVP_DecryptUpdate(context, NULL, &length, bytes_of(parts[i]), (int)parts[i].length);
        if (parts[i].length > 0 && done != 1)
            return false;
    }
    return true;
}

static bool encrypt(EVP_CIPHER_CTX *context, const unsigned char *nonce, unsigned char *sealed, struct slice plain,
                    const struct secret *key, const struct keystore_associated *associated)
{
    int length = 0, rest = 0;
    return EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, bytes_of(secret_slice(key)), nonce) == 1 &&
           associate(context, associated, true) &&
           (plain.length == 0 ||
            EVP_EncryptUpdate(context, sealed, &length, bytes_of(plain), (int)plain.length) == 1) &&
           EVP_EncryptFinal_ex(context, sealed + length, &rest) == 1 && (size_t)length + (size_t)rest == plain.length &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, KEYSTORE_TAG, sealed + plain.length) == 1;
}

bool keystore_encrypt(unsigned char *nonce, unsigned char *sealed, struct slice plain, const struct secret *key,
                      const struct keystore_associated *associated, struct error *error)
{
    if (!keystore_random(nonce, KEYSTORE_NONCE, error))
        return false;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done = context != NULL && encrypt(context, nonce, sealed, plain, key, associated);
    EVP_CIPHER_CTX_free(context);
    return done || error_set(error, ERROR_INTERNAL, "libcrypto could not encrypt (AES-256-GCM)");
}

static bool decrypt(EVP_CIPHER_CTX *context, unsigned char *plain, const struct keystore_part *part,
                    const struct secret *key, const struct keystore_associated *associated)
{
    size_t text_length = part->sealed.length - KEYSTORE_TAG;
    unsigned char tag[KEYSTORE_TAG];
    int length = 0, rest = 0;
    memcpy(tag, part->sealed.data + text_length, sizeof(tag));
    return EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, bytes_of(secret_slice(key)), bytes_of(part->nonce)) ==
               1 &&
           associate(context, associated, false) &&
           (text_length == 0 ||
            EVP_DecryptUpdate(context, plain, &length, bytes_of(part->sealed), (int)text_length) == 1) &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, KEYSTORE_TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(context, plain + length, &rest) == 1;
}

bool keystore_decrypt(unsigned char *plain, const struct keystore_part *part, const struct secret *key,
                      const struct keystore_associated *associated)
{
    if (part->nonce.length != KEYSTORE_NONCE || part->sealed.length < KEYSTORE_TAG || key->length != KEYSTORE_KEY)
        return false;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool fits = context != NULL && decrypt(context, plain, part, key, associated);
    EVP_CIPHER_CTX_free(context);
    if (!fits) /* GCM gives plaintext out before its tag is looked at */
        OPENSSL_cleanse(plain, part->sealed.length - KEYSTORE_TAG);
    return fits;
}

bool keystore_digest(unsigned char *digest, struct slice bytes, struct error *error)
{
    unsigned int length = 0;
    if (EVP_Digest(bytes.data, bytes.length, digest, &length, EVP_sha256(), NULL) == 1 && length == KEYSTORE_DIGEST)
        return true;
    return error_set(error, ERROR_INTERNAL, "libcrypto could not make a SHA-256");
}

bool keystore_random(unsigned char *bytes, size_t length, struct error *error)
{
    return RAND_bytes(bytes, (int)length) == 1 ||
           error_set(error, ERROR_SYSTEM, "the system gave no random bytes: nothing was written");
}
