/* For the tests of the upstream room: small servers in threads that do what a script says, byte by byte, and one loop with
 * one upstream that talks to them. Nothing here sleeps but for what a script is told to wait for. */
#ifndef UPSTREAM_HARNESS_H
#define UPSTREAM_HARNESS_H

#include "countersign/buffer.h"
#include "countersign/upstream.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

/* For tables of fields: constant initialisers. */
#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        .data = (literal), .length = sizeof(literal) - 1                                                               \
    }
#define FIELD(field_name, field_value)                                                                                 \
    {                                                                                                                  \
        .name = TEXT(field_name), .value = TEXT(field_value)                                                           \
    }

enum { SERVER_REQUESTS_MAX = 64, HARNESS_LIMIT_US = 20000000 };

/* --- the server's side: its own thread; nothing here asserts --- */

struct peer { /* one accepted connection */
    int fd;   /* -1: none */
    SSL *tls; /* NULL for plain */
};

struct server {
    int listen_fd;
    int port;
    SSL_CTX *tls; /* NULL for plain */
    void (*script)(struct server *server);
    bool (*answer)(struct server *server, struct peer *peer); /* script_answer_many's; a script may set it first */
    pthread_t thread;
    struct buffer requests[SERVER_REQUESTS_MAX]; /* head and body, as they came */
    atomic_size_t request_count;
    atomic_uint accepted;
    atomic_uint ended;     /* by the client, as script_answer_many sees it */
    unsigned resumed;      /* TLS sessions */
    char peer_address[64]; /* of the latest connection */
    char alpn[16];         /* agreed on with the latest */
    int released[2];       /* a pipe: server_wait waits for server_release */
};

/* Listens at `address` (of either family; port 0: any), and starts the thread. `tls` is taken over. */
void server_start(struct server *server, const char *address, int port, SSL_CTX *tls, void (*script)(struct server *));

/* Joins the thread, after its script has ended. The requests stay until server_free. */
void server_join(struct server *server);
void server_free(struct server *server);

void server_release(struct server *server); /* any thread */
void server_wait(struct server *server);

struct peer server_accept(struct server *server);
bool peer_send(struct peer *peer, const char *text);
bool peer_send_bytes(struct peer *peer, const void *data, size_t length);
void peer_close(struct peer *peer);
void peer_reset(struct peer *peer); /* the client sees a reset instead of an end */
bool peer_read_exactly(struct peer *peer, void *data, size_t length);
bool peer_wait_for_end(struct peer *peer); /* true when the client closed */

/* Reads one request, with its body by Content-Length, into server->requests. False when the client ended first. */
bool server_read(struct server *server, struct peer *peer);

/* Scripts. An answer of 200 with the body "ok": */
extern const char harness_ok[];
void peer_answer_all(struct server *server, struct peer *peer); /* with harness_ok, until the client ends; closes */
void script_answer_ok(struct server *server);                   /* one connection, as above */
void script_answer_many(struct server *server);                 /* up to 16 connections, until server_release */
void script_say_nothing(struct server *server);                 /* reads one request and waits for the client's end */
void script_send_and_close(struct server *server, const char *text);

/* --- certificates, made anew for each run --- */

/* A self-signed certificate for `names` ("DNS:localhost,IP:127.0.0.1"), written to `ca_path` as PEM. */
SSL_CTX *tls_server_create(const char *names, const char *ca_path, int version);

/* Has the server agree on `protocol` ("h2"), and on nothing else, where the client offers it. `protocol` must last. */
void tls_server_offer(SSL_CTX *tls, const char *protocol);

/* --- the client's side --- */

/* The harness has its own getaddrinfo, so that no test asks a name server: "unknown.test" does not exist, "slow.test" takes
 * 2 s; other names are looked up. */

struct answer { /* a copy of an upstream_result */
    bool is_done;
    enum upstream_failure failure;
    char message[256];
    bool bytes_left;
    unsigned attempts;
    int status;
    size_t field_count;
    char *request_head; /* NUL-terminated copies */
    char *response_head;
    char *response_body;
    size_t response_body_length;
    struct upstream_connection connection;
    struct upstream_timing timing;
    unsigned asked; /* calls of about_to_send */
};

struct client {
    struct loop *loop;
    struct upstream_pool *pool;
    struct upstream *upstream;
    struct loop_timer guard; /* a test that hangs fails */
    bool timed_out;
    size_t open_calls;
};

struct upstream_options client_options(char *url, size_t size, const char *scheme, const char *host, int port);
void client_start(struct client *client, const struct upstream_options *options);
void client_start_plain(struct client *client, int port); /* http://127.0.0.1:port, all defaults */
void client_free(struct client *client);

/* A call whose end is copied into `answer`; `about_to_send` may be NULL and gets a struct call_context as its context. */
struct call_context {
    struct client *client;
    struct answer *answer;
    bool (*about_to_send)(struct call_context *context, unsigned attempt, struct upstream_request *request);
    void (*then)(struct call_context *context); /* called at the end of `done` */
    struct upstream_call *call;
    struct http_field fields[8];
    char text[64];
};

void client_send(struct call_context *context, const struct upstream_request *request, bool may_repeat);

/* Runs the loop until no call is open. */
void client_run(struct client *client);

/* Sends one request and runs until its end. */
void client_call(struct client *client, struct answer *answer, const struct upstream_request *request);

/* The same with a client of its own. */
void call_once(struct answer *answer, const struct upstream_options *options, const struct upstream_request *request);

/* The same with a server of its own, which is joined; exchange_end frees what they left. */
void exchange_once(struct server *server, struct answer *answer, const struct upstream_request *request,
                   void (*script)(struct server *));
void exchange_end(struct server *server, struct answer *answer);

void answer_free(struct answer *answer);
int64_t answer_took_us(const struct answer *answer);

/* A port that nothing listens on, held so that no other process comes to: server_start may. */
int closed_port(void);

/* A server at a port of closed_port, which it starts to listen on after `delay_us` of the client's loop. */
struct late_server {
    int port;
    struct server server;
    struct loop_timer timer;
    void (*script)(struct server *server);
};
void late_server_expect(struct late_server *late, struct client *client, int64_t delay_us,
                        void (*script)(struct server *));

struct upstream_request get_request(const char *target);
struct upstream_request post_request(const char *target, const char *body);

#endif
