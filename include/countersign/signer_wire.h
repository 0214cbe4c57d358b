/* All that crosses between the signer process and the proxy process: fixed-size messages over one SOCK_SEQPACKET socket
 * pair (descriptor SIGNER_WIRE_FD in the proxy). Host byte order: both ends are this very program.
 *
 *   proxy  -> signer   TOKEN_WANTED (a listener's index in `account`)
 *   signer -> proxy    TOKEN (what that listener's clients must bring, or none)
 *   proxy  -> signer   HELLO
 *   signer -> proxy    ACCOUNT (generation), one for each account in the configuration's order, the last marked
 *   signer -> proxy    CONFIGURATION (with a descriptor), at any time after the accounts
 *   proxy  -> signer   KEY_WANTED (generation, account, window, clock offset)
 *   signer -> proxy    KEY (generation, account, window, status, key)
 *
 * Tokens are asked for first, where there are any; then HELLO comes, once. What the signer read from the accounts' sources at
 * one time is a generation. When it has read them anew it sends the ACCOUNTs again, unasked, with the next generation's
 * number; from then on it gives keys of that one alone, and answers SIGNER_WIRE_REPLACED to a question for the one before
 * that had been sent by then.
 *
 * CONFIGURATION brings the configuration's file, opened anew by its name for reading (SCM_RIGHTS): the proxy process gave up
 * opening files there.
 *
 * The clock offset is by how much the proxy corrects the time for an account with clock = exchange. The signer adds it to its own
 * clock before it judges the window, up to SIGNER_WIRE_OFFSET_MAX_MS and for such an account alone: a proxy process that was
 * taken over gets keys of the minutes around now, not of any time it likes.
 *
 * Neither side trusts the other's bytes: a message of another length, magic, type, out of turn or with an index out of
 * range makes the signer close the socket and the proxy hold the signer for gone. */
#ifndef COUNTERSIGN_SIGNER_WIRE_H
#define COUNTERSIGN_SIGNER_WIRE_H

#include "countersign/scheme.h"

#include <stdint.h>

enum {
    SIGNER_WIRE_FD = 3,
    SIGNER_WIRE_MAGIC = 0x43535734, /* "CSW4": changes with any change below */
    SIGNER_WIRE_NAME_MAX = 32,
    SIGNER_WIRE_API_KEY_MAX = 256,
    SIGNER_WIRE_TOKEN_MIN = 16, /* characters: a shorter one can be guessed */
    SIGNER_WIRE_TOKEN_MAX = 128,
    SIGNER_WIRE_OFFSET_MAX_MS = 300000 /* of a clock that is followed, from the signer's: to either side */
};

enum signer_wire_type {
    SIGNER_WIRE_HELLO = 1,
    SIGNER_WIRE_ACCOUNT,
    SIGNER_WIRE_KEY_WANTED,
    SIGNER_WIRE_KEY,
    SIGNER_WIRE_TOKEN_WANTED,
    SIGNER_WIRE_TOKEN,
    SIGNER_WIRE_CONFIGURATION
};

enum signer_wire_status {
    SIGNER_WIRE_OK = 0,
    SIGNER_WIRE_WINDOW_REFUSED, /* further than one window from the signer's clock, corrected */
    SIGNER_WIRE_FAILED,         /* the derivation failed */
    SIGNER_WIRE_REPLACED        /* the generation asked for is no longer held: the next one's ACCOUNTs have been sent */
};

struct signer_wire_message {
    uint32_t magic;
    uint16_t type;       /* enum signer_wire_type */
    uint16_t status;     /* enum signer_wire_status, in KEY */
    uint32_t account;    /* index; in TOKEN_WANTED and TOKEN a listener's */
    uint32_t last;       /* in ACCOUNT: 1 for the last one */
    uint64_t generation; /* 1 and up; in ACCOUNT, KEY_WANTED and KEY */
    uint64_t window;     /* in KEY_WANTED and KEY */
    int64_t offset_ms;   /* in KEY_WANTED: the clock's that the account follows, less this machine's; else 0 */
    union {
        struct scheme_window_key key; /* in KEY */
        struct {
            uint32_t api_key_length;
            uint32_t changed; /* 1: its key or secret differs from the generation before; 0 in the first */
            char name[SIGNER_WIRE_NAME_MAX + 1]; /* NUL-terminated */
            char api_key[SIGNER_WIRE_API_KEY_MAX];
        } account_info; /* in ACCOUNT */
        struct {
            uint32_t length; /* 0: the listener has none */
            char text[SIGNER_WIRE_TOKEN_MAX];
        } token; /* in TOKEN */
    } body;
};

#endif
