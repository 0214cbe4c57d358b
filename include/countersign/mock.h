/* A mock exchange: answers as Coinstore's documentation says, checks API key, window and signature, and keeps balances,
 * orders and trades in memory. It can be told to misbehave as exchanges and networks do (mock_rehearsal). Runs on one
 * loop. */
#ifndef COUNTERSIGN_MOCK_H
#define COUNTERSIGN_MOCK_H

#include "countersign/buffer.h"
#include "countersign/error.h"
#include "countersign/loop.h"

struct mock;

enum {
    MOCK_LISTEN_MAX = 8,   /* addresses that one mock listens at */
    MOCK_ALLOWED_MAX = 16, /* addresses on the key's whitelist; the exchange takes 5 */
    MOCK_FAULTS_MAX = 32,
    MOCK_CODE_MAX = 16,      /* bytes of a code to fail with, with its NUL */
    MOCK_SHARE_ALL = 1000000 /* of a million requests */
};

/* An IP address; IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). */
struct mock_address {
    unsigned char bytes[16];
};

enum mock_fault_kind {
    MOCK_FAULT_FAIL,    /* fails with a code or a status, and does nothing */
    MOCK_FAULT_RESET,   /* does what was asked, and resets the connection */
    MOCK_FAULT_STALL,   /* does what was asked, and never answers */
    MOCK_FAULT_GARBAGE, /* answers HTML with status 200, and does nothing: a captive portal */
};

struct mock_fault {
    enum mock_fault_kind kind;
    struct slice path;        /* a trailing '*' stands for any rest; borrowed */
    int status;               /* MOCK_FAULT_FAIL's */
    char code[MOCK_CODE_MAX]; /* MOCK_FAULT_FAIL's, digits */
    uint32_t share;           /* of MOCK_SHARE_ALL */
};

/* What goes wrong on purpose. Begin with MOCK_NO_REHEARSAL. */
struct mock_rehearsal {
    struct mock_address allowed[MOCK_ALLOWED_MAX];
    size_t allowed_count;    /* 0: the key is bound to no address */
    int64_t clock_offset_us; /* the mock's clock is ahead by this */
    uint64_t rate_limit;     /* requests from one address in rate_period_us; 0: any number */
    int64_t rate_period_us;
    int64_t latency_us; /* of every answer, ... */
    int64_t jitter_us;  /* ... and up to this much more */
    uint64_t seed;      /* of what is random */
    struct mock_fault faults[MOCK_FAULTS_MAX];
    size_t fault_count;
    int64_t idle_timeout_us; /* 0: the mock's own */
    int64_t windows_allowed; /* that X-CS-EXPIRES may lie off the clock's own, to either side */
};

/* How far the exchange itself goes is not documented. */
#define MOCK_NO_REHEARSAL ((struct mock_rehearsal){ .seed = 1, .windows_allowed = 1 })

/* The switches, as a user writes their values. */
enum mock_switch {
    MOCK_SWITCH_IP_WHITELIST, /* ADDRESS[,ADDRESS]; adds */
    MOCK_SWITCH_CLOCK_OFFSET, /* DURATION, with a sign: "-45s" */
    MOCK_SWITCH_RATE_LIMIT,   /* N/DURATION */
    MOCK_SWITCH_LATENCY,      /* DURATION */
    MOCK_SWITCH_JITTER,       /* DURATION */
    MOCK_SWITCH_SEED,         /* N */
    MOCK_SWITCH_FAIL,         /* PATH=CODE[:SHARE]; adds */
    MOCK_SWITCH_RESET,        /* PATH; adds */
    MOCK_SWITCH_STALL,        /* PATH; adds */
    MOCK_SWITCH_GARBAGE,      /* PATH; adds */
    MOCK_SWITCH_CLOSE_IDLE,   /* DURATION, whole seconds */
    MOCK_SWITCH_WINDOWS,      /* N, 0 to 1000 */
    MOCK_SWITCH_COUNT
};

/* Reads one switch's value. A fault's path points into `value`, which must stay. The error (ERROR_USAGE) says what the
 * value should be, without the switch's name. Pure. */
MUST_CHECK bool mock_rehearsal_set(struct mock_rehearsal *rehearsal, enum mock_switch which, const char *value,
                                   struct error *error);

struct mock_options {
    struct loop *loop;
    int *
        listen_fds; /* MOCK_LISTEN_MAX at most. Each is set to -1 when the mock owns it, which is so for all on success;
                        on failure the others are still the caller's. */
    size_t listen_count;
    const char *tls_certificate; /* PEM, NULL for plain HTTP */
    const char *tls_key;         /* PEM */
    const char *api_key;
    const char *api_secret;
    bool log_requests;                      /* one line a request at level info */
    const struct mock_rehearsal *rehearsal; /* NULL: nothing is rehearsed; copied, but for the faults' paths */
};

MUST_CHECK bool mock_open(struct mock **mock, const struct mock_options *options, struct error *error);
void mock_close(struct mock *mock);

/* Makes a P-256 key and a certificate for localhost, 127.0.0.1 and ::1, valid from an hour ago for 30 days, signed by
 * itself, usable as its own trust anchor. Both PEM. */
MUST_CHECK bool mock_certificate(struct buffer *certificate, struct buffer *key, struct error *error);

#endif
