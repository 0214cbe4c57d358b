/* TLS 1.3 as servers other than OpenSSL's may speak it: its records are made here, so that a test says what stands in one, and in which
 * pieces it leaves. */
#ifndef TLS_BY_HAND_H
#define TLS_BY_HAND_H

#include <openssl/ssl.h>

enum { TLS_RECORD_MAX = 512 }; /* bytes */

struct tls_record {
    unsigned char bytes[TLS_RECORD_MAX];
    size_t length;
};

/* In a script, before the first connection. OpenSSL shakes hands and reads; whatever it wrote beside would spoil the numbering of what
 * is made here. */
void tls_by_hand_prepare(SSL_CTX *tls);

/* The next record to leave over the latest connection: so many session tickets (RFC 8446 §4.6.1), 8 at most. */
struct tls_record tls_by_hand_tickets(unsigned count);

/* Likewise: bytes of the protocol above, 256 at most. */
struct tls_record tls_by_hand_text(const char *text);

#endif
