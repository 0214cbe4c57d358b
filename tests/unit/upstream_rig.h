/* For the tests of connections to the exchange: a server and a client that are told apart only by TLS, a loop that is run until
 * something is so, and a client whose sockets take few bytes at a time. */
#ifndef UPSTREAM_RIG_H
#define UPSTREAM_RIG_H

#include "upstream_harness.h"

/* A folder for the certificate of one test; cmocka's setup and teardown. */
struct tls_folder {
    char path[32];
    char ca[64];
};
int tls_folder_make(void **state);
int tls_folder_remove(void **state);

struct rig {
    struct server server; /* first: a script finds the rig by it */
    struct client client;
    struct upstream_options options; /* may be changed between rig_start and rig_connect */
    struct upstream_counts counts;
    atomic_uint step;  /* how far the script has come */
    const void *given; /* to the script */
    char url[64];
};

/* Starts the server, with TLS 1.3 where `folder` is given, and fills in the options. */
void rig_start(struct rig *rig, const struct tls_folder *folder, void (*script)(struct server *server),
               const void *given);
/* Likewise, for a client that keeps so many connections open once upstream_keep_warm is called. */
void rig_start_warm(struct rig *rig, const struct tls_folder *folder, void (*script)(struct server *server),
                    unsigned warm);
void rig_connect(struct rig *rig);
/* Likewise, and has so many connections opened ahead; returns once they are there. */
void rig_keep_warm(struct rig *rig, unsigned connections);
/* Frees the client first, so that a script that waits for its end ends. What the server got stays until rig_free. */
void rig_end(struct rig *rig);
void rig_free(struct rig *rig);

/* harness_ok came, at the first attempt; and over a connection that was there before, or was not. */
void assert_ok(const struct answer *answer);
void assert_ok_over(const struct answer *answer, bool is_reused);

/* In scripts. */
struct rig *rig_of(struct server *server);
void rig_reach(struct server *server, unsigned step);
/* Reads until the client's end, whatever comes; then closes. The bytes that came. */
size_t peer_drain(struct peer *peer);

/* How often `target` came by POST. After rig_end. */
unsigned server_was_asked(const struct server *server, const char *target);

/* Without a turn of the client's loop, waits until the script has come so far. */
void rig_await(struct rig *rig, unsigned step);
/* With its loop running. */
void rig_run_to(struct rig *rig, unsigned step);
void rig_run_until_warm(struct rig *rig);
/* Until the server has accepted so many since its start. */
void rig_run_to_connections(struct rig *rig, unsigned count);
void client_run_until(struct client *client, bool (*is_so)(const void *context), const void *context);
/* A few turns: whatever has come to its sockets is looked at. */
void client_turn(struct client *client);

/* Bytes of the send buffer of sockets opened from now on, by anybody; 0: the kernel's own. */
void sockets_take(int bytes);
/* Likewise of what the server's connections take in unread. */
void server_takes(const struct server *server, int bytes);

/* `size` bytes that differ from place to place. free() them. */
char *make_bytes(size_t size);

#endif
