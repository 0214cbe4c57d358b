/* One exchange as a value: what the client sent, what left for the exchange, what came back, what the client got, and the
 * facts beside them. Shared by the journal (which writes it) and the reader (which gives it back). Slices are borrowed. */
#ifndef COUNTERSIGN_RECORD_H
#define COUNTERSIGN_RECORD_H

#include "countersign/slice.h"

#include <stdint.h>

enum record_view {                           /* the four places where an exchange's bytes are taken */
                   RECORD_CLIENT_REQUEST,    /* as the client sent it */
                   RECORD_UPSTREAM_REQUEST,  /* as it left for the exchange */
                   RECORD_UPSTREAM_RESPONSE, /* as it came back */
                   RECORD_CLIENT_RESPONSE,   /* as the client got it */
                   RECORD_VIEW_COUNT
};

const char *record_view_name(enum record_view view); /* "client request", ... */

enum record_outcome {
    RECORD_IN_FLIGHT = 0, /* not ended yet (an intent only) */
    RECORD_OK,
    RECORD_API_ERROR,  /* an answer whose `code` is not success, whatever the HTTP status */
    RECORD_HTTP_ERROR, /* HTTP status 300 or above without such a code */
    RECORD_REFUSED,    /* by this proxy, before anything left */
    RECORD_NOT_SENT,   /* failed before any request byte left */
    RECORD_UNKNOWN,    /* bytes left, and no whole answer came or none with a `code` that can be read */
    RECORD_DRY_RUN,    /* signed and recorded as if it were sent; nothing left (mode dry-run) */
    RECORD_OUTCOME_COUNT
};

/* An exchange's id as people read and write it: "17", "i3" for the third imported one (-3). `text` holds
 * RECORD_ID_TEXT_MAX bytes; returns it. */
enum { RECORD_ID_TEXT_MAX = 24 };
char *record_id_text(char *text, int64_t id);
bool record_id_parse(int64_t *id, struct slice text); /* false where it is neither form, or 0 */

const char *record_outcome_name(enum record_outcome outcome); /* "in_flight", "ok", "api_error", ... */
bool record_outcome_parse(enum record_outcome *outcome, struct slice name);

/* What became of the check of the signature that a client brought itself. */
enum record_client_signature {
    RECORD_CLIENT_SIGNATURE_NOT_CHECKED = 0, /* imported, recorded before there was a check, or a malformed request */
    RECORD_CLIENT_SIGNATURE_NONE,            /* the client sent no X-CS-SIGN */
    RECORD_CLIENT_SIGNATURE_RIGHT,
    RECORD_CLIENT_SIGNATURE_WRONG,      /* for the query and body it came with, and its own X-CS-EXPIRES */
    RECORD_CLIENT_SIGNATURE_STALE,      /* right, but for a window further than one from the receipt's */
    RECORD_CLIENT_SIGNATURE_OTHER_KEY,  /* its X-CS-APIKEY is not the account's, so nothing here can check it */
    RECORD_CLIENT_SIGNATURE_UNREADABLE, /* one of the three fields is missing or there twice, or expires is no number */
    RECORD_CLIENT_SIGNATURE_UNKNOWN,    /* its window's key was not at hand */
    RECORD_CLIENT_SIGNATURE_COUNT
};

const char *record_client_signature_name(enum record_client_signature signature); /* "not_checked", "none", ... */
bool record_client_signature_parse(enum record_client_signature *signature, struct slice name);

/* Whether it is worth telling: neither right nor absent. */
bool record_client_signature_is_odd(enum record_client_signature signature);

struct record_message {
    struct slice head; /* first line and fields with the empty line; empty where there was no message */
    struct slice body;
};

struct record_connection {
    struct slice local_address;
    struct slice remote_address;
    int local_port;
    int remote_port;
    int ip_family; /* 4, 6; 0 where there was no connection */
    bool reused;
    struct slice tls_version;
    struct slice tls_cipher;
    struct slice http_version;
};

struct record {
    int64_t id;            /* 1 and up; of an imported exchange -1 and down (record_id_text: "i1") */
    struct slice listener; /* names from the configuration */
    struct slice account;  /* that signed, or whose key the client signed with (observe); empty where none */
    struct slice api_key_masked;
    struct slice client_address;
    int64_t client_uid; /* -1 where not known */
    struct slice method;
    struct slice target;

    /* Wall clock, µs; 0 where it did not happen. */
    int64_t received_us; /* the request's last byte was read from the client */
    int64_t signed_us;   /* the one reading of the clock that expires, window and signature come from */
    int64_t connected_us;
    int64_t sent_us;
    int64_t first_byte_us;
    int64_t complete_us;
    int64_t replied_us; /* the reply's last byte was handed to the kernel */
    bool delivered;     /* the client took the whole reply (false also while not known) */

    enum record_client_signature client_signature;

    bool is_signed;          /* by this proxy; else what follows is the client's, where it is known */
    uint64_t payload_length; /* bytes of query and body together */
    bool digest_follows;     /* what is next is left out, as it follows from the target and the body that left */
    unsigned char payload_sha256[32];
    int64_t expires_ms;
    uint64_t window;
    char signature[64]; /* no NUL */

    /* The exchange's clock less this machine's, as it was known when the request came, and how far from it the true one
     * can have been; both 0 where nothing was known. */
    int64_t clock_offset_us;
    int64_t clock_bound_us;

    int64_t waited_us; /* for its turn, as the exchange allows so many requests in a time; 0: it did not */

    struct record_connection connection;
    unsigned attempts;

    enum record_outcome outcome;
    struct slice error_name;    /* Countersign-Error, empty where none */
    struct slice error_message; /* what the proxy said of it */
    int status;                 /* what the client got; 0 where nothing */
    struct slice api_code;      /* the envelope's `code` as written, without quotes; empty where none */
    struct slice api_message;   /* the envelope's `message` or `msg`, escapes resolved */

    /* What was found out later where the outcome is unknown (the reader's alone; empty where nothing is). */
    struct slice reconciled;        /* a word or two: "placed" */
    struct slice reconciled_detail; /* a sentence for each order */
    int64_t reconciled_us;          /* wall clock, when the exchange was asked */
    bool is_settled;                /* nothing of it is in doubt any more */

    struct record_message views[RECORD_VIEW_COUNT];
};

#endif
