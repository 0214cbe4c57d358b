/* What the files of this room share: the front, its connections and its requests. Everything runs on the loop's thread. */
#ifndef COUNTERSIGN_FRONT_PRIVATE_H
#define COUNTERSIGN_FRONT_PRIVATE_H

#include "countersign/endpoint.h"
#include "countersign/front.h"
#include "gate.h"

#include <microhttpd.h>

enum {
    /* What is read of a body that is too large, so that its sender reads our answer and not a reset. */
    FRONT_DISCARD_MAX = 8 * 1024 * 1024,
    /* A body's buffer is made this large at once where Content-Length says so. */
    FRONT_BODY_FIRST = FRONT_BODY_FREE,
    /* MHD_run calls in one turn of the loop: a reply takes two, one to write it and one to note that it is written. */
    FRONT_ROUNDS_MAX = 4,
    FRONT_NOTE_MAX = 256,
    FRONT_DETAIL_MAX = 192 /* of what is wrong with a request */
};

/* What a connection is about: which of its bounds in time runs, and whether it may have to make room. */
enum front_phase {
    FRONT_PHASE_SILENT,  /* no byte has come on it yet */
    FRONT_PHASE_READING, /* a request has begun and is not whole */
    FRONT_PHASE_WAITING, /* for the handler, or for its own end */
    FRONT_PHASE_WRITING, /* the answer is on its way */
    FRONT_PHASE_KEPT,    /* between two requests */
    FRONT_PHASE_COUNT
};

/* The connections of one phase, those that entered it first at its head. */
struct front_queue {
    struct front_connection *first;
    struct front_connection *last;
};

/* A connection that is answered without being taken in: door.c. */
struct front_turned_away {
    struct loop_io io;
    struct front *front;
    int64_t since_us; /* monotonic */
    bool answered;
};

struct front {
    struct front_options options; /* the PEM texts are not used after front_open */
    struct MHD_Daemon *daemon;    /* NULL while it starts */
    struct loop_io door;          /* the listening socket */
    struct loop_timer door_timer; /* while it is not watched */
    int spare_fd;                 /* closed to accept one connection more, where descriptors are out; -1: none */
    bool has_waited;              /* for others to accept */
    struct front_turned_away *turned_away; /* FRONT_TURNED_AWAY_MAX; fd -1 where free */
    struct loop_timer turned_away_timer;
    unsigned turned_away_count; /* since the last warning */
    int64_t warned_us;          /* monotonic */
    struct places own_places;   /* where options.places is NULL */
    struct places_holder own_holder;
    struct places_holder *places;
    struct front_queue phases[FRONT_PHASE_COUNT];
    struct loop_timer phase_timer;
    struct loop_io io;       /* libmicrohttpd's own epoll descriptor */
    struct loop_timer timer; /* its next deadline, or 0 µs where it has work at hand */
    struct front_request *requests;
    size_t request_count;
    size_t unasked;                  /* connections whose first request line has not been read */
    struct front_connection **gated; /* plain connections by their descriptor; see gate_recv.c */
    size_t gated_count;
    struct buffer scratch; /* one field of a reply with its NULs */
    bool may_ask;          /* libmicrohttpd may ask its epoll set; see gate_poll.c */
    bool again;            /* MHD_run has work that MHD_get_timeout does not tell of; see front.c, `turn` */
    bool accepting;
    char note[FRONT_NOTE_MAX]; /* the first thing libmicrohttpd logged while it started */
};

/* One client connection: libmicrohttpd's socket context. */
struct front_connection {
    struct front_request *request; /* the one under way */
    int fd;                        /* at which gate_recv.c finds it, or -1 */
    uint64_t lines;                /* request lines that libmicrohttpd has read */
    struct gate gate;
    struct gate_ending ending; /* what libmicrohttpd still gets, once the gate is shut */
    bool is_shut;
    bool is_polled;   /* it is in the kernel's set; see gate_poll.c */
    bool is_parked;   /* but for libmicrohttpd it is not */
    bool is_held;     /* what has come behind the request under way waits for its end */
    bool has_news;    /* something may have come since a read has taken all there was */
    bool has_more;    /* its end, an error or urgent bytes: a short read has not taken all */
    bool is_tcp;      /* where a read that was given less than it asked for has taken all */
    uint32_t events;  /* for which it is in the set */
    void *event_data; /* libmicrohttpd's */
    int socket;       /* to end it by; gate_recv.c has `fd` */
    enum front_phase phase;
    int64_t since_us; /* monotonic: when the phase began */
    struct front_connection *previous;
    struct front_connection *next;
    struct peer found;
    char peer[ENDPOINT_TEXT_MAX];  /* its client's address */
    char local[ENDPOINT_TEXT_MAX]; /* our own end's */
};

/* In the order in which they come; from FRONT_REQUEST_HANDED on, handler.request has seen the request. */
enum front_request_state {
    FRONT_REQUEST_TARGET,  /* the request line was read */
    FRONT_REQUEST_BODY,    /* the fields were; the body is being collected */
    FRONT_REQUEST_DISCARD, /* the body is too large and thrown away as it comes */
    FRONT_REQUEST_HANDED,  /* handler.request runs */
    FRONT_REQUEST_WAITING, /* it returned without an answer; libmicrohttpd's connection is suspended */
    FRONT_REQUEST_ANSWERED,
    FRONT_REQUEST_RESET /* its connection ends without an answer */
};

struct front_request {
    struct front *front;
    struct front_request *previous;
    struct front_request *next;
    struct MHD_Connection *connection;
    struct front_connection *from;
    enum front_request_state state;
    enum front_defect defect;
    bool is_cut;                /* its head ends where its defect is */
    uint64_t number;            /* of the connection's requests, from 1 */
    char *detail;               /* of its defect, or NULL */
    bool client_left;           /* it closed its side before its answer was there */
    const char *target_in_pool; /* where libmicrohttpd keeps the target; an address to compare, never read */
    struct slice method;        /* these point into libmicrohttpd's pool ... */
    struct slice version;
    struct http_fields fields; /* ... but for the array itself */
    struct slice target;       /* in target_bytes */
    struct buffer body;
    size_t charged;     /* bytes of it that options.bytes counts */
    uint64_t discarded; /* bytes */
    int64_t begun_us;
    int64_t received_us;
    void *context; /* the handler's */
    void (*release)(void *context);
    void *release_context;
    char target_bytes[];
};

/* request.c: a request in the front's list; NULL where memory is out. `target` is copied: libmicrohttpd decodes its own
 * in place. */
struct front_request *request_create(struct front *front, struct MHD_Connection *connection,
                                     struct front_connection *from, const char *target);

/* Gives the reply's body back, tells the handler, and frees. */
void request_end(struct front_request *request, bool delivered);

/* Frees its body's memory. */
void request_forget_body(struct front_request *request);

/* gate_recv.c: what libmicrohttpd reads passes through the connection's gate, while it is between enter and leave. */
void gate_enter(struct front *front);
void gate_leave(void);
struct front *gate_entered(void); /* NULL: none */

/* Puts a gate before a plain connection's bytes. False when memory is out. */
bool gate_watch(struct front *front, struct front_connection *from, int fd);
void gate_forget(struct front *front, struct front_connection *from);
struct front_connection *gate_at(const struct front *front, int fd); /* NULL: none */

/* gate_recv.c: its request is over, and those behind it are read. And whether it has bytes of its own for libmicrohttpd,
 * of which no event of the socket's will tell. */
void gate_release(struct front *front, struct front_connection *from);
bool gate_has_to_give(const struct front_connection *from);

/* gate_poll.c: takes it out of the set, where libmicrohttpd will not; and has what has come told once more. */
void gate_poll_forget(const struct front *front, struct front_connection *from);
void gate_poll_again(const struct front *front, struct front_connection *from);

/* request.c: whether the gate found a fault in it, and the same with the defect noted: its body is then empty. */
bool request_is_at_fault(const struct front_request *request);
bool request_take_fault(struct front_request *request);

/* front.c: has libmicrohttpd do what is to be done now, with a look at its epoll set */
void front_turn(struct front *front);

/* door.c: the listening socket, watched or no more; and those that were turned away. */
MUST_CHECK bool door_open(struct front *front, struct error *error);
void door_close(struct front *front);
void door_free(struct front *front);

/* phase.c: enters a connection into a phase, or takes it out of all. */
void phase_begin(struct front *front, struct front_connection *from);
void phase_enter(struct front *front, struct front_connection *from, enum front_phase phase);
void phase_end(struct front *front, struct front_connection *from);
void phase_stop(struct front *front);

/* phase.c: ends the connection that can best be spared; false where none can. It is gone after libmicrohttpd's next turn. */
bool phase_make_room(struct front *front);

/* connection.c: libmicrohttpd's MHD_OPTION_NOTIFY_CONNECTION and how to find what it made; NULL where memory was out. */
void connection_changed(void *cls, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code);
struct front_connection *connection_of(struct MHD_Connection *connection);

/* receive.c: libmicrohttpd's MHD_OPTION_URI_LOG_CALLBACK, access handler and MHD_OPTION_NOTIFY_COMPLETED. */
void *receive_target(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result receive(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                        const char *version, const char *data, size_t *data_size, void **request_context);
void receive_completed(void *cls, struct MHD_Connection *connection, void **request_context,
                       enum MHD_RequestTerminationCode code);

#endif
