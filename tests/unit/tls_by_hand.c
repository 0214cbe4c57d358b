/* See tls_by_hand.h. The server's thread. */
#include "tls_by_hand.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECRET = 32,      /* bytes: SHA-256's */
    KEY = 16,         /* AES-128's */
    NONCE = 12,       /* RFC 8446 §5.3 */
    TAG = 16,         /* GCM's */
    HEADER = 5,       /* of a record */
    SEQUENCE = 8,     /* bytes of a record's number */
    TICKETS_MAX = 8,  /* in a record */
    TEXT_MAX = 256,   /* likewise */
    LABEL_MAX = 32,   /* bytes of what a key is derived by */
    HANDSHAKE = 0x16, /* types of records: §5.1 */
    APPLICATION = 0x17
};

/* Of the latest connection's server. */
static struct {
    unsigned char key[KEY];
    unsigned char nonce[NONCE];
    uint64_t sequence; /* of its next record */
} latest;

static void demand(bool is_so)
{
    if (!is_so)
        abort(); /* a script asserts nothing: upstream_harness.h */
}

/* HKDF-Expand-Label with no context (§7.1), for no more than a hash's length. */
static void expand(const unsigned char *secret, const char *label, unsigned char *out, unsigned char length)
{
    unsigned char info[LABEL_MAX], hash[SECRET];
    int prefix = snprintf((char *)info + 3, sizeof(info) - 3, "tls13 %s", label);
    size_t size = 3 + (size_t)prefix;
    info[0] = 0;
    info[1] = length;
    info[2] = (unsigned char)prefix;
    info[size++] = 0; /* the context's length */
    info[size++] = 1; /* the first block */
    demand(HMAC(EVP_sha256(), secret, SECRET, info, size, hash, NULL) != NULL);
    memcpy(out, hash, length);
}

/* A line of NSS's key log: a label, the client's random bytes, the secret, in hexadecimal digits. */
static void note_secret(const SSL *tls, const char *line)
{
    static const char label[] = "SERVER_TRAFFIC_SECRET_0 ";
    (void)tls; /* the latest */
    if (strncmp(line, label, sizeof(label) - 1) != 0)
        return;
    const char *digits = strrchr(line, ' ') + 1;
    size_t length = 0;
    unsigned char secret[SECRET];
    demand(OPENSSL_hexstr2buf_ex(secret, sizeof(secret), &length, digits, '\0') == 1 && length == SECRET);
    expand(secret, "key", latest.key, KEY);
    expand(secret, "iv", latest.nonce, NONCE);
    latest.sequence = 0;
}

void tls_by_hand_prepare(SSL_CTX *tls)
{
    demand(SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") == 1 && SSL_CTX_set_num_tickets(tls, 0) == 1);
    SSL_CTX_set_keylog_callback(tls, note_secret);
}

static void next_nonce(unsigned char *nonce)
{
    memcpy(nonce, latest.nonce, NONCE);
    for (unsigned i = 0; i < SEQUENCE; i++)
        nonce[NONCE - 1 - i] ^= (unsigned char)(latest.sequence >> (8 * i));
    latest.sequence++;
}

/* §5.2: behind the content stands its type; the header is authenticated with it. */
static struct tls_record seal(const unsigned char *content, size_t size, unsigned char type)
{
    struct tls_record record = { .length = HEADER + size + 1 + TAG };
    unsigned char nonce[NONCE], *body = record.bytes + HEADER;
    int count = 0;
    next_nonce(nonce);
    demand(record.length <= sizeof(record.bytes));
    const size_t sealed = record.length - HEADER;
    const unsigned char header[HEADER] = { APPLICATION, 3, 3, (unsigned char)(sealed >> 8), (unsigned char)sealed };
    memcpy(record.bytes, header, HEADER);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    demand(cipher != NULL && EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, latest.key, nonce) == 1 &&
           EVP_EncryptUpdate(cipher, NULL, &count, header, HEADER) == 1 &&
           EVP_EncryptUpdate(cipher, body, &count, content, (int)size) == 1 &&
           EVP_EncryptUpdate(cipher, body + size, &count, &type, 1) == 1 &&
           EVP_EncryptFinal_ex(cipher, body + size + 1, &count) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG, body + size + 1) == 1);
    EVP_CIPHER_CTX_free(cipher);
    return record;
}

struct tls_record tls_by_hand_tickets(unsigned count)
{
    /* a handshake message of type 4: seconds of life, what is added to its age, nonce, ticket, no extensions */
    static const unsigned char ticket[] = { 4, 0, 0, 16, 0, 0, 14, 16, 1, 2, 3, 4, 1, 0, 0, 2, 'a', 'b', 0, 0 };
    unsigned char tickets[TICKETS_MAX * sizeof(ticket)];
    demand(count <= TICKETS_MAX);
    for (unsigned i = 0; i < count; i++)
        memcpy(tickets + i * sizeof(ticket), ticket, sizeof(ticket));
    return seal(tickets, count * sizeof(ticket), HANDSHAKE);
}

struct tls_record tls_by_hand_text(const char *text)
{
    size_t size = strlen(text);
    demand(size <= TEXT_MAX);
    return seal((const unsigned char *)text, size, APPLICATION);
}
