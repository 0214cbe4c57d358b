/* A server and a client for the tests of connections to the exchange. */
#include "upstream_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- sockets that take few bytes: libcurl opens them, so its call is ours --- */

static atomic_int send_buffer;

int socket(int domain, int type, int protocol)
{
    int (*real)(int, int, int);
    void *symbol = dlsym(RTLD_NEXT, "socket");
    memcpy(&real, &symbol, sizeof(real));
    int fd = real(domain, type, protocol), size = atomic_load(&send_buffer);
    if (fd >= 0 && size > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) != 0)
        abort();
    return fd;
}

void sockets_take(int bytes)
{
    atomic_store(&send_buffer, bytes);
}

void server_takes(const struct server *server, int bytes)
{
    assert_int_equal(setsockopt(server->listen_fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
}

/* --- the rig --- */

int tls_folder_make(void **state)
{
    static struct tls_folder folder;
    (void)snprintf(folder.path, sizeof(folder.path), "/tmp/test-upstream-XXXXXX");
    if (mkdtemp(folder.path) == NULL)
        return -1;
    (void)snprintf(folder.ca, sizeof(folder.ca), "%s/ca.pem", folder.path);
    *state = &folder;
    return 0;
}

int tls_folder_remove(void **state)
{
    const struct tls_folder *folder = *state;
    (void)unlink(folder->ca); /* a test without TLS writes none */
    return rmdir(folder->path);
}

void rig_start(struct rig *rig, const struct tls_folder *folder, void (*script)(struct server *server),
               const void *given)
{
    SSL_CTX *tls = folder == NULL ? NULL : tls_server_create("DNS:localhost,IP:127.0.0.1", folder->ca, TLS1_3_VERSION);
    memset(rig, 0, sizeof(*rig));
    rig->given = given;
    server_start(&rig->server, "127.0.0.1", 0, tls, script);
    rig->options =
        client_options(rig->url, sizeof(rig->url), folder == NULL ? "http" : "https", "127.0.0.1", rig->server.port);
    rig->options.counts = &rig->counts;
    if (folder != NULL)
        rig->options.ca_file = folder->ca;
}

void rig_start_warm(struct rig *rig, const struct tls_folder *folder, void (*script)(struct server *server),
                    unsigned warm)
{
    rig_start(rig, folder, script, NULL);
    rig->options.warm = warm;
}

void rig_connect(struct rig *rig)
{
    client_start(&rig->client, &rig->options);
}

void rig_end(struct rig *rig)
{
    client_free(&rig->client);
    assert_int_equal(atomic_load(&rig->counts.opened), atomic_load(&rig->counts.closed));
    server_join(&rig->server);
}

void rig_free(struct rig *rig)
{
    server_free(&rig->server);
}

void assert_ok(const struct answer *answer)
{
    assert_string_equal(answer->message, "");
    assert_int_equal(answer->failure, UPSTREAM_OK);
    assert_int_equal(answer->status, 200);
    assert_string_equal(answer->response_body, "ok");
    assert_int_equal(answer->attempts, 1);
}

void assert_ok_over(const struct answer *answer, bool is_reused)
{
    assert_ok(answer);
    assert_int_equal(answer->connection.reused, is_reused);
}

struct rig *rig_of(struct server *server)
{
    return (struct rig *)server;
}

void rig_reach(struct server *server, unsigned step)
{
    atomic_store(&rig_of(server)->step, step);
}

size_t peer_drain(struct peer *peer)
{
    char byte;
    size_t got = 0;
    while (peer_read_exactly(peer, &byte, 1))
        got++;
    peer_close(peer);
    return got;
}

unsigned server_was_asked(const struct server *server, const char *target)
{
    char line[64];
    unsigned times = 0;
    int length = snprintf(line, sizeof(line), "POST %s HTTP/1.1\r\n", target);
    for (size_t i = 0; i < server->request_count; i++)
        times += strncmp(server->requests[i].data, line, (size_t)length) == 0;
    return times;
}

/* --- the client's loop --- */

static void end_turn(struct loop_timer *timer)
{
    loop_stop(timer->context);
}

static void run_for_a_moment(struct client *client)
{
    struct error error = { 0 };
    struct loop_timer beat = { .expired = end_turn, .context = client->loop };
    loop_timer_start(client->loop, &beat, 1000);
    assert_true(loop_run(client->loop, &error));
    loop_timer_stop(client->loop, &beat);
}

void client_run_until(struct client *client, bool (*is_so)(const void *context), const void *context)
{
    loop_timer_start(client->loop, &client->guard, HARNESS_LIMIT_US);
    while (!client->timed_out && !is_so(context))
        run_for_a_moment(client);
    loop_timer_stop(client->loop, &client->guard);
    assert_false(client->timed_out);
}

void client_turn(struct client *client)
{
    for (int i = 0; i < 3; i++)
        run_for_a_moment(client);
}

void rig_await(struct rig *rig, unsigned step)
{
    while (atomic_load(&rig->step) < step)
        (void)sched_yield(); /* it cannot fail */
}

struct wanted_step {
    struct rig *rig;
    unsigned step;
};

static bool is_reached(const void *context)
{
    const struct wanted_step *wanted = context;
    return atomic_load(&wanted->rig->step) >= wanted->step;
}

void rig_run_to(struct rig *rig, unsigned step)
{
    struct wanted_step wanted = { .rig = rig, .step = step };
    client_run_until(&rig->client, is_reached, &wanted);
}

static bool is_warm(const void *context)
{
    return upstream_is_warm(((const struct rig *)context)->client.upstream);
}

void rig_run_until_warm(struct rig *rig)
{
    client_run_until(&rig->client, is_warm, rig);
}

struct wanted_connections {
    struct rig *rig;
    unsigned accepted;
};

static bool are_accepted(const void *context)
{
    const struct wanted_connections *wanted = context;
    return atomic_load(&wanted->rig->server.accepted) >= wanted->accepted;
}

void rig_run_to_connections(struct rig *rig, unsigned count)
{
    struct wanted_connections wanted = { .rig = rig, .accepted = count };
    client_run_until(&rig->client, are_accepted, &wanted);
}

void rig_keep_warm(struct rig *rig, unsigned connections)
{
    rig->options.warm = connections;
    rig_connect(rig);
    upstream_keep_warm(rig->client.upstream);
    client_run_until(&rig->client, is_warm, rig);
    client_turn(&rig->client); /* they rest from now on */
}

char *make_bytes(size_t size)
{
    char *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 11 + i / 253);
    return bytes;
}
