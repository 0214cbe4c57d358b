/* The keystore's file: its layout, read and written. Pure: no key, no file, no clock. Private to this room.
 *
 * Version 1. Numbers are unsigned, least significant byte first.
 *
 *   offset  bytes
 *   0       16      "countersign-keys"
 *   16      4       version: 1
 *   20      4       log2 of scrypt's N (RFC 7914): 17 when written by this version
 *   24      4       r: 8
 *   28      4       p: 1
 *   32      32      salt: random, new with each passphrase and kept while it stays
 *                   --- so far: the header ---
 *   64      12      nonce of the header's tag
 *   76      16      the header's tag
 *   92      4       number of entries
 *   96              the entries, one behind the other:
 *                     1       length of the name: 1 to 24
 *                             name: ASCII letters, digits, '-', '_'; no two are the same
 *                     8       generation: 1 as added, one more with each rotation
 *                     8       when it was added, seconds since 1970
 *                     8       when it was rotated last; 0: never
 *                             --- so far: the entry's head ---
 *                     twice, for the API key and then for the API secret:
 *                     12      nonce
 *                     2       length of the ciphertext: 1 to 4096 (API key: 256)
 *                             ciphertext
 *                     16      tag
 *           12      nonce of the seal
 *           16      the seal
 *           32      SHA-256 of all bytes before
 *
 * key = scrypt(passphrase, salt, N, r, p), 32 bytes. Every tag is AES-256-GCM's (NIST SP 800-38D) under that key, with a
 * random nonce of its own that is made anew whenever it is written, and with this associated data:
 *
 *   header's tag   byte 1, header; no plaintext. It fits: the passphrase is right.
 *   the seal       byte 2, all bytes before the seal's nonce; no plaintext. It fits: the file is as it was written.
 *   API key        byte 3, header, the entry's head
 *   API secret     byte 4, header, the entry's head
 *
 * So no ciphertext is good under another name, role, generation or salt, and no entry can be left out, put in or put back.
 * The SHA-256 needs no key: it tells damage by accident from a wrong passphrase, and from somebody's hand. */
#ifndef COUNTERSIGN_SIGNER_KEYSTORE_FORMAT_H
#define COUNTERSIGN_SIGNER_KEYSTORE_FORMAT_H

#include "countersign/buffer.h"
#include "countersign/keystore.h"

enum {
    KEYSTORE_SALT = 32,
    KEYSTORE_NONCE = 12,
    KEYSTORE_TAG = 16,
    KEYSTORE_DIGEST = 32,
    KEYSTORE_HEADER = 64,
    KEYSTORE_ENTRIES_AT = 96,
    KEYSTORE_TAIL = KEYSTORE_NONCE + KEYSTORE_TAG + KEYSTORE_DIGEST,
    KEYSTORE_ENTRIES_MAX = 256,
    KEYSTORE_API_KEY_MAX = 256, /* signer_wire.h's bound */
    KEYSTORE_FILE_MAX = 2 << 20 /* bytes: more than the most entries of the largest size take */
};

/* scrypt's cost. What is read is bounded, so that a file cannot ask for any amount of memory or time. */
enum {
    KEYSTORE_LOG2_N = 17, /* 128 MiB */
    KEYSTORE_R = 8,
    KEYSTORE_P = 1,
    KEYSTORE_LOG2_N_LEAST = 14, /* 16 MiB: what scrypt's author names for interactive use */
    KEYSTORE_LOG2_N_MOST = 18,  /* 256 MiB */
    KEYSTORE_P_MOST = 4
};

struct keystore_cost {
    uint32_t log2_n;
    uint32_t r;
    uint32_t p;
};

/* One of an entry's two, as it stands in the file. */
struct keystore_part {
    struct slice nonce;
    struct slice sealed; /* ciphertext and tag */
};

/* Slices are into the file's bytes. */
struct keystore_item {
    struct slice whole;
    struct slice head;
    struct slice name;
    uint64_t generation;
    uint64_t added_s;
    uint64_t rotated_s;
    struct keystore_part parts[KEYSTORE_ROLES];
};

struct keystore_view {
    struct slice header;
    struct slice salt;
    struct keystore_cost cost;
    struct keystore_part header_tag; /* sealed: the tag alone, as below */
    struct keystore_part seal;
    struct slice sealed_bytes; /* all before the seal's nonce */
    struct slice summed_bytes; /* all before the SHA-256 */
    struct slice digest;
    size_t count;
    struct keystore_item items[KEYSTORE_ENTRIES_MAX];
};

/* Looks at magic, version, and the places of the three at the end. False: *error says what the file is not. */
MUST_CHECK bool keystore_view_frame(struct keystore_view *view, struct slice file, struct error *error);

/* After keystore_view_frame, and after the SHA-256 was compared: the cost, within bounds, and the entries, all of them. */
MUST_CHECK bool keystore_view_entries(struct keystore_view *view, struct error *error);

/* The entry of this name, or NULL. */
const struct keystore_item *keystore_view_find(const struct keystore_view *view, const char *name);

/* Appending; the caller looks at out->failed at the end. */
void keystore_append_header(struct buffer *out, const struct keystore_cost *cost, struct slice salt);
void keystore_append_u16(struct buffer *out, uint16_t number);
void keystore_append_u32(struct buffer *out, uint32_t number);
void keystore_append_entry_head(struct buffer *out, const struct keystore_entry *entry);

#endif
