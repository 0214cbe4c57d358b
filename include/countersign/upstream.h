/* Requests to one exchange host, byte for byte: the only user of libcurl. One pool per loop; everything runs on the
 * loop's thread.
 *
 * What is sent: METHOD TARGET HTTP/1.1, Host, then exactly the fields given, in order and case, then the body; a
 * Content-Length where there is a body and none was given; nothing else. Nothing is ever sent twice but where `may_repeat` says so.
 * HTTP/1.1 is written and read by this room over connections that libcurl makes. HTTP/2 is libcurl's: it repeats a request by itself
 * when a reused connection dies before an answer (watched on 7.88), and its pre-request callback is where that is stopped. */
#ifndef COUNTERSIGN_UPSTREAM_H
#define COUNTERSIGN_UPSTREAM_H

#include "countersign/bounds.h"
#include "countersign/buffer.h"
#include "countersign/clock_watch.h"
#include "countersign/error.h"
#include "countersign/http_message.h"
#include "countersign/loop.h"

#include <stdatomic.h>

struct upstream_pool; /* the upstreams on one loop */
struct upstream;      /* one host with its options, its connections and its TLS sessions */
struct upstream_call; /* one request under way */

enum upstream_http { UPSTREAM_HTTP_1_1, UPSTREAM_HTTP_2, UPSTREAM_HTTP_AUTO };
enum upstream_ip_family { UPSTREAM_IP_ANY, UPSTREAM_IP_V4, UPSTREAM_IP_V6 };

/* How the last attempt to reach the host ended. */
enum upstream_reach { UPSTREAM_NOT_TRIED, UPSTREAM_REACHED, UPSTREAM_OUT_OF_REACH };

/* Written by the loop's thread alone, read by any. */
struct upstream_counts {
    _Atomic uint64_t opened; /* sockets since the start; some are never connected */
    _Atomic uint64_t closed;
    _Atomic int reach;          /* enum upstream_reach: an answer came, or no connection could be had; what fails later
                                   says nothing of it */
    _Atomic int64_t reached_us; /* wall clock, when `reach` was last found out */
};

struct upstream_options {
    const char *url; /* "https://host[:port]" or "http://127.0.0.1:port" */
    enum upstream_http http;
    enum upstream_ip_family ip_family;
    const char *ca_file;      /* "" for the system's */
    const char *bind_address; /* "" for any */
    const char *proxy;        /* "" for none (the environment's proxy variables are never used) */
    int64_t connect_timeout_us;
    int64_t timeout_us;  /* from the call to the whole answer */
    size_t response_max; /* bytes of head and body together */
    unsigned connections_max;
    unsigned warm; /* connections to keep open once upstream_keep_warm was called, connections_max at most */
    struct clock_watch *clock;      /* given the Date of each answer; borrowed; NULL for none */
    struct upstream_counts *counts; /* must outlive the upstream; NULL: nothing is counted */
    /* That answers may take together; of each one's body the first UPSTREAM_ANSWER_FREE are left out, of its head
     * UPSTREAM_HEAD_FREE. NULL: no bound. */
    struct byte_room *bytes;
    /* Called by the loop when what was to be opened ahead of requests is open, or could not be, and no request is under way: the
     * time for what would hold one up. May close nothing of this room. NULL: nothing is called. */
    void (*renewed)(void *context);
    void *renewed_context;
    /* for who looks for a cause, and not for a request's path */
    bool connect_once;         /* a connection that cannot be had is not tried for again */
    bool describe_certificate; /* notes what upstream_certificate gives */
};

enum {
    UPSTREAM_ANSWER_FREE = 64 * 1024,      /* bytes */
    UPSTREAM_HEAD_FREE = 16 * 1024,        /* bytes */
    UPSTREAM_CONNECTION_BYTES = 160 * 1024 /* memory of a connection to the exchange: TLS, libcurl's own */
};

/* Bytes of memory that one call can come to take, the first UPSTREAM_ANSWER_FREE bytes of its answer's body included; not its
 * connection's. */
size_t upstream_call_bytes(size_t header_max);

MUST_CHECK bool upstream_pool_create(struct upstream_pool **pool, struct loop *loop, struct error *error);
/* Call before loop_free, and not from within a callback. Calls under way are dropped without their `done`. The upstreams
 * can then be freed (upstream_free), nothing else. NULL is allowed. */
void upstream_pool_free(struct upstream_pool *pool);

/* Copies the options. Fails for a URL that is none, a CA file that cannot be read, ... */
MUST_CHECK bool upstream_create(struct upstream **upstream, struct upstream_pool *pool,
                                const struct upstream_options *options, struct error *error);
/* Closes its connections. After its calls have ended (those that have not are dropped without their `done`), and not from
 * within a callback. NULL is allowed. */
void upstream_free(struct upstream *upstream);

/* The Host field's value: "api.coinstore.com", with the port where it is not the scheme's own. */
const char *upstream_host(const struct upstream *upstream);

/* "https://host[:port]", as requests reach it. */
struct slice upstream_base_url(const struct upstream *upstream);

enum upstream_trust {
    UPSTREAM_TRUSTED, /* up to a root that is trusted here; the host's name is looked at later, by libcurl */
    UPSTREAM_CERTIFICATE_EXPIRED,
    UPSTREAM_CERTIFICATE_NOT_YET_VALID,
    UPSTREAM_ISSUER_UNKNOWN, /* self-signed, or issued by nobody who is trusted here */
    UPSTREAM_CERTIFICATE_REFUSED
};

enum { UPSTREAM_CERTIFICATE_TEXT_MAX = 96 };

/* What the other side of a TLS handshake showed. Its names are the peer's bytes, cut to fit. */
struct upstream_certificate {
    enum upstream_trust trust;
    bool is_for_host; /* the host's certificate names the host; looked at whatever `trust` says */
    char reason[UPSTREAM_CERTIFICATE_TEXT_MAX];  /* OpenSSL's words where it is not trusted */
    char subject[UPSTREAM_CERTIFICATE_TEXT_MAX]; /* common name; of the host's certificate, or of the one at fault */
    char issuer[UPSTREAM_CERTIFICATE_TEXT_MAX];  /* of the same: common name, or else organisation */
    int64_t not_before_s;                        /* of the same, since 1970; 0 where it cannot be read */
    int64_t not_after_s;                         /* likewise */
    unsigned chain_length;                       /* certificates, the root included, as far as they were found */
};

/* The last handshake whose certificates were looked at (a resumed one shows none). False: there was none, or
 * `describe_certificate` was not asked for. */
bool upstream_last_certificate(struct upstream_certificate *certificate, const struct upstream *upstream);

/* From now on keeps `warm` connections open, counting those in use: opened ahead of requests, and again when the exchange closes one.
 * Over HTTP/1.1 alone. No request is made for it, so it costs nothing of any rate. Where none can be had, the next try comes after
 * 100 ms, and later ones after up to 30 s; it is logged once. */
void upstream_keep_warm(struct upstream *upstream);

/* Whether these connections are open, or one could not be; true where none are kept. */
bool upstream_is_warm(const struct upstream *upstream);

/* Opens a connection by an unsigned `HEAD /`. Of the answer nothing is kept but what its Date says of the clock. A failure is
 * logged as a warning. `left` (may be NULL) is called once: when the request has left, or when it is certain that it does not;
 * not where the upstream is freed before. */
void upstream_warm(struct upstream *upstream, void (*left)(void *context, bool has_left), void *context);

struct upstream_request {
    struct slice method;
    struct slice target;             /* raw */
    const struct http_field *fields; /* without Host and Transfer-Encoding; a Content-Length must be the body's */
    size_t field_count;
    struct slice body;
    bool has_body; /* false: no body is sent and no Content-Length is added */
};

/* Appends the head that upstream_send would have written for this request, byte for byte, and sends nothing. With
 * UPSTREAM_HTTP_AUTO, HTTP/1.1 is taken to be what would have been agreed on. Refuses what upstream_send refuses. */
MUST_CHECK bool upstream_append_head(struct buffer *head, const struct upstream *upstream,
                                     const struct upstream_request *request, struct error *error);

/* What is known of a connection when a request is about to use it. */
struct upstream_connection {
    char local_address[64];
    char remote_address[64];
    int local_port;
    int remote_port;
    int ip_family; /* 4 or 6 */
    bool reused;
    char tls_version[16]; /* "TLSv1.3"; "" for plain */
    char tls_cipher[64];
    char http_version[12]; /* "HTTP/1.1" */
};

enum upstream_failure {
    UPSTREAM_OK = 0,
    UPSTREAM_NAME_RESOLUTION, /* the host's (or the egress proxy's) name did not resolve */
    UPSTREAM_CONNECT,         /* no TCP connection */
    UPSTREAM_CONNECT_TIMEOUT,
    UPSTREAM_TLS,          /* handshake or certificate */
    UPSTREAM_EGRESS_PROXY, /* the egress proxy refused */
    UPSTREAM_TIMEOUT,      /* no whole answer within `timeout` */
    UPSTREAM_LOST,         /* the connection ended before the whole answer */
    UPSTREAM_RESPONSE_TOO_LARGE,
    UPSTREAM_NO_ROOM,            /* options.bytes has none for the answer */
    UPSTREAM_NO_DESCRIPTOR,      /* no socket can be opened (RLIMIT_NOFILE); no byte left */
    UPSTREAM_RESPONSE_MALFORMED, /* what came is not HTTP */
    UPSTREAM_ABORTED,            /* `about_to_send` said no */
    UPSTREAM_INTERNAL
};

const char *upstream_failure_name(enum upstream_failure failure);

struct upstream_timing {   /* wall clock, µs; 0 where it did not happen */
    int64_t started_us;    /* upstream_send was called */
    int64_t connected_us;  /* a connection was at hand (at the last attempt) */
    int64_t sent_us;       /* the last byte of the request left */
    int64_t first_byte_us; /* first byte of the answer */
    int64_t complete_us;   /* last byte of the answer, or the failure */
};

struct upstream_result { /* valid during `done` only, but see upstream_result_take_body */
    enum upstream_failure failure;
    int system_error;                   /* errno of a connection that could not be had; 0 where none is known */
    char message[256];                  /* for people: what failed on which host, libcurl's own words */
    bool bytes_left;                    /* a byte of the request was written to a connection, or (TLS) may have been */
    unsigned attempts;                  /* how many times the request was begun to be sent: 0, 1, or 2;
                                         * a repeat of which nothing left is none */
    struct slice request_head;          /* exactly what left, up to and including the empty line */
    int status;                         /* of the final answer; 0 where none came */
    struct slice response_head;         /* exactly what came, of the final answer (not 1xx) */
    struct http_fields response_fields; /* into response_head */
    size_t
        charged; /* bytes that options.bytes counts for the answer, a copy of its head included: whoever takes the body
                        gives them back, before the upstream is gone */
    struct slice response_body; /* with transfer coding removed, content coding kept; what came of it on failure */
    struct upstream_connection connection; /* ip_family 0 where there was none */
    struct upstream_timing timing;
};

struct upstream_callbacks {
    /* A connection is at hand and the request is about to be written: the moment to sign. `*request` is what upstream_send
     * was given; `fields` and `field_count` may be changed (pointing at memory that stays until `done`); what else is changed
     * does not count. `attempt` is 1, or 2 for the repeat of a call with may_repeat. Returning false
     * ends the call with UPSTREAM_ABORTED, or as lost where it is the repeat of what was lost; nothing was written for this
     * attempt. Must not call upstream functions. May be NULL. */
    bool (*about_to_send)(void *context, const struct upstream_connection *connection, unsigned attempt,
                          struct upstream_request *request);
    /* The last byte of an attempt has been handed to the kernel, or (TLS) to what writes it. May come more than once for an
     * attempt, and not at all where an answer comes before. Must not call upstream functions. May be NULL. */
    void (*sent)(void *context);
    /* Once for each call that upstream_send accepted; the call is gone afterwards. Never called from within
     * upstream_send. New calls may be made from here. */
    void (*done)(void *context, struct upstream_result *result);
};

/* Starts a request. What `request` points at must stay until `done`. `may_repeat`: may be sent a second time, on a new
 * connection, when the first, reused or new, dies before any byte of an answer, or the exchange refuses the HTTP/2 stream;
 * never set it for a request that changes anything. A failure to get a connection at all (refused, unreachable, TLS, lost
 * before the request was released to it) is tried again within connect_timeout, with 100 ms between tries, for any method. A call that finds all connections in use waits for one; its
 * `timeout` runs meanwhile. Refuses a request that HTTP/1.1 or libcurl cannot carry (control bytes or blanks in the
 * target, control bytes in a field, HEAD with a body, ...): ERROR_INPUT. `*callbacks` is copied. */
MUST_CHECK bool upstream_send(struct upstream_call **call, struct upstream *upstream,
                              const struct upstream_request *request, bool may_repeat,
                              const struct upstream_callbacks *callbacks, void *context, struct error *error);

/* Ends a call under way without its `done`; the connection that carries it is closed. For shutdown. Not from its own callbacks. */
void upstream_cancel(struct upstream_call *call);

/* Whether at least one byte of the request has been written, or (TLS) may have been. */
bool upstream_call_bytes_left(const struct upstream_call *call);

/* What has left of the request's head so far, and when its last byte did (0: not yet). Valid until the call ends. */
struct slice upstream_call_request_head(const struct upstream_call *call);
int64_t upstream_call_sent_us(const struct upstream_call *call);

/* Within `done`: takes the body's memory over (free() it). */
char *upstream_result_take_body(struct upstream_result *result, size_t *length);

/* Calls that upstream_send accepted and that have not ended. */
size_t upstream_in_flight(const struct upstream_pool *pool);

#endif
