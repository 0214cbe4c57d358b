/* Wires: connections to the exchange over which HTTP/1.1 is written and read by this room itself. libcurl resolves, connects, passes
 * an egress proxy, shakes hands (CURLOPT_CONNECT_ONLY), and carries bytes; who asks, what leaves and how often is decided here.
 * A wire carries one request at a time. The loop's thread. */
#ifndef COUNTERSIGN_UPSTREAM_WIRE_H
#define COUNTERSIGN_UPSTREAM_WIRE_H

#include "answer_reader.h"
#include "line.h"
#include "upstream_internal.h"

struct upstream_wire {
    struct upstream *upstream;
    struct upstream_wire *previous; /* of the same state */
    struct upstream_wire *next;
    enum wire_state state;
    CURL *easy;       /* owns the connection, and stays in the multi handle: taken out, the connection is closed */
    struct line line; /* once connected */
    struct loop_io io;
    struct loop_timer again;     /* to read on in the loop's next turn */
    struct upstream_call *call;  /* connecting: for whom, NULL for whoever comes; busy: whose request it carries */
    bool was_opened_for_another; /* connecting: `call` took it over */
    bool lacks_descriptor;       /* none was left to open it */
    bool has_carried;            /* a request */
    bool is_old;                 /* idle: to be replaced; see wire_warm.c */
    int64_t connected_us;        /* monotonic */
    int64_t rested_boot_us;      /* idle: since then, by a clock that goes on while the machine sleeps */
    struct upstream_connection connection;
    char curl_words[CURL_ERROR_SIZE];

    /* busy */
    struct answer_reader reader;
    size_t written;    /* bytes of the request that the connection took */
    bool cannot_write; /* what has come is still read */
};

/* No wire that has rested for longer carries a request: a machine that slept, or a NAT on the way, may have forgotten it without a
 * word (libcurl's own bound, CURLOPT_MAXAGE_CONN). */
enum { WIRE_REST_MAX_US = 118000000 };

/* --- wire.c: a wire's life --- */

/* Begins to connect within `timeout_us`. NULL when out of memory. */
struct upstream_wire *wire_open(struct upstream *upstream, struct upstream_call *call, int64_t timeout_us);
void wire_close(struct upstream_wire *wire);
struct upstream_wire *wire_of_easy(CURL *easy);
void wire_set_old(struct upstream_wire *wire, bool is_old);
void wire_move(struct upstream_wire *wire, enum wire_state state);
unsigned wire_count(const struct upstream *upstream); /* of all states */

/* libcurl has connected it: notes what is known of the connection, and has it watched. False: it cannot be used. */
MUST_CHECK bool wire_take_connection(struct upstream_wire *wire);

enum wire_look {
    WIRE_CLEAN,  /* as the last answer left it: nothing came, but for TLS's own messages, which were taken in */
    WIRE_AMIDST, /* a part of a TLS record has come: not to be used now */
    WIRE_SPOILT  /* bytes, or its end, came: never to be used again */
};

/* At an idle wire. */
enum wire_look wire_look(struct upstream_wire *wire);

/* --- wire_queue.c: which call gets which wire --- */

/* From the driver: an attempt to connect has ended. */
void wire_connected(struct upstream_wire *wire, CURLcode code);

/* Something came over an idle wire, or its end did. */
void wire_stirred(struct upstream_wire *wire);

/* --- wire_talk.c: a request and its answer --- */

/* Sends the call's request, which waits no more, over an idle wire. `is_reused`: it was open before the call looked for one. */
void wire_talk_begin(struct upstream_wire *wire, struct upstream_call *call, bool is_reused);
void wire_talk_ready(struct upstream_wire *wire, unsigned events); /* LOOP_* */

#endif
