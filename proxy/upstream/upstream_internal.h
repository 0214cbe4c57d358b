/* The upstream room's own parts: what an upstream and a call hold, and the steps that work on them. All of it belongs to
 * the loop's thread. */
#ifndef COUNTERSIGN_UPSTREAM_INTERNAL_H
#define COUNTERSIGN_UPSTREAM_INTERNAL_H

#include "answer_reader.h"

#include "countersign/buffer.h"
#include "countersign/upstream.h"

#include <curl/curl.h>
#include <openssl/types.h>

enum {
    UPSTREAM_CONNECT_RETRY_US = 100000,         /* between two tries to get a connection */
    UPSTREAM_ATTEMPTS_MAX = 2,                  /* of a call with may_repeat; one for any other */
    UPSTREAM_FIELDS_MAX = HTTP_FIELDS_MAX + 16, /* a client's, and what is added on the way */
    UPSTREAM_SUPPRESSED = 3,                    /* of libcurl's default fields: see fields.c */
    UPSTREAM_HEAD_MAX = 512 * 1024,             /* bytes of target and fields; libcurl's own bound is 1 MiB */
    UPSTREAM_TURN_MAX_US = 1000000,             /* that a connection may keep libcurl busy for in one go */
    UPSTREAM_EASY_BYTES =
        192 * 1024, /* of libcurl's handle: 16 KiB to receive, 64 KiB to send, a head with a body of 64 KiB */
    UPSTREAM_READ_BYTES = 16 * 1024, /* that are asked for at once: a TLS record's (RFC 8446 §5.1) */
    UPSTREAM_SPARE_BUFFER_MAX = 2 * UPSTREAM_READ_BYTES /* bytes a buffer may keep while its call is spare */
};

/* See wire.h. */
enum wire_state { WIRE_CONNECTING, WIRE_IDLE, WIRE_BUSY, WIRE_STATES };
struct upstream_wire;

/* Wires that are opened ahead of requests: wire_warm.c. */
struct upstream_warmth {
    bool is_kept;
    bool has_failed; /* to open one, ever */
    bool is_told;    /* that none can be opened */
    bool rests;      /* until the timer expires */
    int64_t delay_us;
    struct loop_timer timer;
    unsigned old;    /* idle ones that are to be replaced */
    bool has_opened; /* has begun to, ahead of requests, since `renewed` was called */
    bool ages;       /* `ageing` runs */
    struct loop_timer ageing;
};

struct upstream_pool {
    struct loop *loop;
    struct upstream *upstreams;
    size_t in_flight;
};

/* One multi handle each: its bound on connections is this upstream's own, and no upstream's idle connections push out
 * another's. */
struct upstream {
    struct upstream_pool *pool; /* NULL once the pool is gone */
    struct upstream *previous;
    struct upstream *next;
    struct upstream_options options; /* its texts are the ones below */
    char *url;                       /* "https://host[:port]/" */
    char *host;                      /* the Host field's value */
    char *ca_file;
    char *bind_address;
    char *egress_proxy;
    CURLM *multi;
    CURLSH *tls_sessions;                     /* libcurl 7.88 keeps them per easy handle otherwise */
    struct loop_timer timer;                  /* the multi handle's */
    struct upstream_socket *sockets;          /* of its connections, idle ones among them: sockets.c */
    unsigned silent_sockets;                  /* of these, as far as is known */
    int64_t turn_began_us;                    /* monotonic; when libcurl was last called */
    bool turn_is_cut;                         /* its connection was ended; see callbacks.c */
    struct upstream_wire *wires[WIRE_STATES]; /* over HTTP/1.1 alone, likewise the next */
    unsigned wire_counts[WIRE_STATES];
    struct upstream_call *first_waiting; /* for a wire */
    struct upstream_call *last_waiting;
    struct loop_timer queue_timer;
    struct upstream_warmth warmth;
    bool has_tls_egress;        /* the egress proxy is reached by TLS */
    char *read_buffer;          /* UPSTREAM_READ_BYTES: what comes is taken out of it at once */
    struct upstream_call *live; /* calls under way */
    struct upstream_call *spare;
    unsigned spare_count;
    bool has_certificate;
    struct upstream_certificate certificate; /* of the last handshake; see certificate.c */
};

/* Why this room, not libcurl, ended a transfer. */
enum upstream_stop {
    STOP_NONE,
    STOP_ABOUT_TO_SEND, /* the caller said no */
    STOP_REPEAT,        /* libcurl was about to send a second time what must be sent once */
    STOP_REQUEST,       /* about_to_send made it a request that cannot be sent */
    STOP_NOT_HTTP_2,    /* HTTP/2 is demanded and was not agreed on */
    STOP_UNCLEAN,       /* bytes, or its end, had come over the idle connection: another one is taken */
    STOP_SILENT,        /* a request had waited in vain, and nothing came over this connection since: likewise */
    STOP_FOLDED_LINE,   /* in a head: see callbacks.c */
    STOP_SWITCHED,      /* 101 */
    STOP_RESPONSE_TOO_LARGE,
    STOP_NO_ROOM,
    STOP_NO_DESCRIPTOR,
    STOP_MEMORY,
    STOP_DEADLINE, /* `timeout` is over */
    STOP_COUNT
};

/* A socket that the loop looks at for libcurl. */
struct upstream_watch {
    struct loop_io io;
    struct upstream *upstream;
    bool is_idle; /* libcurl does not ask for it, but the connection is kept */
};

/* What is known of an attempt that was lost. It is what left, and the record's, until the next one has left as well. */
struct upstream_attempt {
    unsigned number; /* 0: there was none */
    struct upstream_connection connection;
    int64_t connected_us;
    int64_t sent_us;
    struct buffer request_head;
};

struct upstream_call {
    struct upstream_result result; /* filled as it becomes known; `done` gets its address */
    struct upstream *upstream;
    struct upstream_call *previous;
    struct upstream_call *next;
    CURL *easy;                      /* NULL over HTTP/1.1: each wire has its own */
    struct upstream_request request; /* as it was given */
    struct upstream_callbacks callbacks;
    void *context;
    bool may_repeat;
    bool is_repeated; /* by this room: libcurl's own repeats show in result.attempts alone */
    bool is_warming;  /* made by upstream_warm: not counted */
    void (*warm_left)(void *context, bool has_left); /* of upstream_warm; NULL once it was called */
    void *warm_context;
    enum upstream_stop stop;
    struct loop_timer deadline;
    struct loop_timer retry;     /* of getting a connection */
    int64_t connect_deadline_us; /* monotonic; 0: it has not begun to connect */

    /* over HTTP/1.1: wire_queue.c */
    bool is_waiting; /* for a wire */
    bool needs_new_wire;
    bool rests; /* before another try to connect */
    struct upstream_call *previous_waiting;
    struct upstream_call *next_waiting;
    struct upstream_wire *connecting; /* made for it while it waits */
    struct upstream_wire *wire;       /* that carries it */
    size_t head_bytes;                /* of what is to leave */
    enum answer_framing framing;      /* of the final answer */

    /* this attempt */
    bool is_writing;       /* released to this connection: what leaves now is the request */
    int64_t released_us;   /* monotonic */
    int64_t begun_boot_us; /* clock_boot_us, before its first byte */
    int64_t head_boot_us;  /* when the final answer's first byte came */
    size_t body_sent;      /* bytes */
    size_t response_bytes; /* of all heads and the body */
    size_t coding_bytes;   /* of its transfer coding */
    bool response_head_is_whole;
    char folded;       /* the blank that a head's line began with; 0: none did */
    bool tls_end_came; /* close_notify: what came before it was not cut off */
    struct buffer request_head;
    struct upstream_attempt earlier; /* what a repeat follows upon */
    struct buffer response_head;
    struct buffer response_body;
    size_t head_charged; /* in options.bytes, for response_head; likewise the next */
    size_t copy_charged; /* for the copy of it that the caller will make */
    size_t body_charged;

    /* what libcurl is given */
    char method[40];
    struct buffer target;
    struct buffer field_text; /* NUL-terminated lines, which `lines` points into */
    struct curl_slist lines[UPSTREAM_SUPPRESSED + UPSTREAM_FIELDS_MAX];
    struct http_field response_fields[HTTP_FIELDS_MAX];
    char curl_words[CURL_ERROR_SIZE];
    long os_error; /* errno of a wire that could not be connected; 0: none is known */

    /* the last try for a connection that was followed by another */
    CURLcode retried_code; /* CURLE_OK: none */
    char retried_words[CURL_ERROR_SIZE];
};

/* options.c: checks upstream->options and takes copies of their texts */
MUST_CHECK bool options_take(struct upstream *upstream, struct error *error);

/* driver.c: libcurl's multi handle on the loop */
MUST_CHECK bool driver_create(struct upstream *upstream, struct error *error);
void driver_free(struct upstream *upstream);
void watch_free(struct upstream_watch *watch); /* unregistered, too */

/* handle.c: libcurl's options */
CURL *handle_make(struct upstream *upstream);    /* for a connection there; NULL when out of memory */
CURL *handle_create(struct upstream_call *call); /* and for a call; likewise */
MUST_CHECK bool handle_set_request(struct upstream_call *call);
MUST_CHECK bool handle_set_connect_timeout(CURL *easy, int64_t left_us);
MUST_CHECK bool handle_demand_new_connection(struct upstream_call *call); /* for this request */
void handle_forget_request(struct upstream_call *call); /* libcurl keeps no pointer to the caller's memory */

/* fields.c: what may be sent, and its form for libcurl */
MUST_CHECK bool request_check(const struct upstream_request *request, struct error *error);
/* Writes call->lines. False when out of memory. */
MUST_CHECK bool fields_write(struct upstream_call *call, const struct upstream_request *request);
/* Appends a head that passed request_check, as it leaves. False when out of memory. */
MUST_CHECK bool head_write(struct buffer *head, const struct upstream *upstream,
                           const struct upstream_request *request);

/* callbacks.c: what libcurl calls during a transfer */
MUST_CHECK bool callbacks_install(struct upstream_call *call);

/* response.c: what comes of an answer. False: call->stop says why the call ends. */

/* The next bytes of a head; behind its end, of trailers, which are counted and not kept. */
MUST_CHECK bool response_take_head(struct upstream_call *call, const char *bytes, size_t size);
/* A head has come to its empty line, and is read; one that cannot be keeps status 0. False: it was an interim answer's, which are
 * dropped (RFC 9110 §15.2; 101 is an end like any other). */
bool response_end_head(struct upstream_call *call);
MUST_CHECK bool response_take_body(struct upstream_call *call, const char *bytes, size_t size);
/* Bytes of a transfer coding: they have the answer's bound for themselves. */
MUST_CHECK bool response_count_coding(struct upstream_call *call, size_t size);

/* date.c: gives the answer's Date, where there is one that can be used, to the upstream's clock */
void date_take(const struct upstream_call *call);

/* connection.c */
void connection_describe(struct upstream_connection *connection, CURL *easy, const char *remote_address,
                         int remote_port, const char *local_address, int local_port);

/* NULL for a connection without TLS. As above. */
SSL *connection_tls(CURL *easy);

/* The errno of a connection that could not be had, which libcurl keeps and leaves out of its words; 0 where none is known. */
long connection_os_error(CURL *easy);

/* reserve.c: curl_global_init(3), with memory in reserve */
CURLcode reserve_global_init(void);

/* sockets.c */

/* As socket(2), for libcurl's use: -1 on failure. Close it with sockets_close (as close(2)). */
int sockets_open(struct upstream *upstream, const struct curl_sockaddr *address);
int sockets_close(struct upstream *upstream, int fd);

/* A socket keeps its watch from one request to the next: gives it, NULL where it has none; takes it, false where the socket is none
 * of these (libcurl has others, too). */
struct upstream_watch *sockets_take_watch(const struct upstream *upstream, int fd);
MUST_CHECK bool sockets_keep_watch(const struct upstream *upstream, struct upstream_watch *watch);

/* Whether none can be opened because descriptors are out. Opens and closes one. */
bool sockets_are_out(void);

/* Forgets those that are left, after libcurl has closed everything. */
void sockets_free(struct upstream *upstream);

/* Whether the socket has no byte, and no end, to be read. */
bool sockets_have_nothing_to_read(int fd);

/* Whether nothing stands on the connection of this local port that is about to be used again: no byte, and no end. */
bool sockets_are_clean(const struct upstream *upstream, const SSL *tls, int local_port);

/* A request that was sent at `since_us` (monotonic) waited in vain: every connection over which nothing came since is silent
 * until something comes. */
void sockets_note_silence(struct upstream *upstream, int64_t since_us);

/* Whether the connection of this local port, or of this socket, is silent. Costs nothing where none is. */
bool sockets_are_silent(struct upstream *upstream, int local_port);
bool sockets_is_silent(struct upstream *upstream, int fd);

/* Ends the connections of this local port in both directions; libcurl sees their end when it has read what had come. */
void sockets_end(const struct upstream *upstream, int local_port);

/* certificate.c: has `easy` tell its upstream what the other side's certificate says */
MUST_CHECK bool certificate_watch(CURL *easy, struct upstream *upstream);

/* attempt.c */

/* Another attempt is certain: what is known of the one before, over `before`, is put aside. */
void attempt_begin(struct upstream_call *call, int64_t connected_us, const struct upstream_connection *before);
/* Whether one more is allowed: the first, or the repeat of what may be repeated and got no byte of an answer. */
bool attempt_may_begin(const struct upstream_call *call);

/* The caller's turn to change the fields, call->result.connection being the one at hand. What it changed is checked like what it
 * gave first. STOP_NONE: `*request` is what is to be sent. */
enum upstream_stop attempt_ask_caller(struct upstream_call *call, struct upstream_request *request);

/* From here on what leaves is the request. */
void attempt_release(struct upstream_call *call);

/* The connection that was at hand is not used: the one over which an attempt left, `before`, counts again. */
void attempt_renounce(struct upstream_call *call, int64_t connected_us, const struct upstream_connection *before);

/* At the end: where nothing of the last attempt left, the one before counts. */
void attempt_settle(struct upstream_call *call);

/* call.c */

/* NULL when out of memory. Then call_link, with is_warming and may_repeat set. */
struct upstream_call *call_start(struct upstream *upstream, const struct upstream_request *request,
                                 const struct upstream_callbacks *callbacks, void *context);
void call_link(struct upstream_call *call); /* into its upstream's live ones */
struct upstream_call *call_of_easy(CURL *easy);
void call_transfer_ended(struct upstream_call *call, CURLcode code); /* from the driver, outside libcurl */
void call_drop(struct upstream_call *call);                          /* without `done` */
/* Where it has not begun for this connection yet: connect_deadline_us is 0. */
void call_begin_connect_timeout(struct upstream_call *call);
/* Out of what carries it (a connection that has begun to is closed), the timers and the list. */
void call_detach(struct upstream_call *call);
void call_make_spare(struct upstream_call *call); /* once detached */
void call_free(struct upstream_call *call);

void call_keep_words(struct upstream_call *call, const char *words); /* libcurl's, CURL_ERROR_SIZE at most */

/* Whether HTTP/1.1 is written and read by this room: wire.h. */
bool upstream_has_wires(const struct upstream *upstream);

/* wire_queue.c */
void wire_queue_init(struct upstream *upstream);
void wire_queue_enter(struct upstream_call *call); /* the call waits for a wire */
void wire_queue_leave(struct upstream_call *call); /* it does not, any more; if it did */
void wire_queue_look(struct upstream *upstream);   /* soon: something may have changed for who waits */
void wire_abandon(struct upstream_call *call);     /* the wire that carries it, if one does, is closed */
void wires_close(struct upstream *upstream);       /* all; no call is left */

/* wire_warm.c */
void warm_init(struct upstream *upstream);
void warm_end(struct upstream *upstream);
void warm_look(struct upstream *upstream); /* opens what is missing */
void warm_note_success(struct upstream *upstream);
void warm_note_failure(struct upstream *upstream, const char *words);
void warm_note_end(const struct upstream_wire *wire); /* that was idle, by the other side */

/* conclude.c: the end of a call, with its `done`; outside libcurl */
void call_conclude(struct upstream_call *call, CURLcode code);
void call_leave_silent(
    const struct upstream_call *call); /* libcurl is not to use its connection again, if it is silent */

/* failure.c */

/* Whether another try for a connection could end better than this one. */
bool failure_is_worth_retrying(CURLcode code);

/* RFC 9112 §6.3: whether a length, or a coding, is given in two ways. */
bool failure_length_is_ambiguous(struct http_fields fields);

/* Whether the connection ended under the request, and nothing else is known. */
bool failure_is_lost_connection(CURLcode code);

/* Sets failure and message of a call that has ended. */
void failure_explain(struct upstream_call *call, CURLcode code);

#endif
