/* The life of a wire: opened by libcurl, watched by the loop, closed. See wire.h. */
#include "wire.h"

#include "countersign/clock.h"
#include "countersign/compiler.h"
#include "countersign/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

/* TLS messages that may stand on an idle connection: session tickets (RFC 8446 §4.6.1), a key update. More of them at once are no
 * sign of a connection that one wants to use. */
enum { WIRE_RECORDS_AT_REST = 16 };

/* --- lists --- */

void wire_set_old(struct upstream_wire *wire, bool is_old)
{
    struct upstream_warmth *warmth = &wire->upstream->warmth;
    if (is_old == wire->is_old)
        return;
    wire->is_old = is_old;
    if (is_old)
        warmth->old++;
    else
        warmth->old--;
}

static void enter(struct upstream_wire *wire, enum wire_state state)
{
    struct upstream *upstream = wire->upstream;
    wire->state = state;
    wire->rested_boot_us = state == WIRE_IDLE ? clock_boot_us() : 0;
    wire->previous = NULL;
    wire->next = upstream->wires[state];
    if (wire->next != NULL)
        wire->next->previous = wire;
    upstream->wires[state] = wire;
    upstream->wire_counts[state]++;
}

static void leave(struct upstream_wire *wire)
{
    struct upstream *upstream = wire->upstream;
    wire_set_old(wire, false);
    if (wire->previous != NULL)
        wire->previous->next = wire->next;
    else
        upstream->wires[wire->state] = wire->next;
    if (wire->next != NULL)
        wire->next->previous = wire->previous;
    upstream->wire_counts[wire->state]--;
}

/* To the front of its new list: of idle wires, the one that was used last is used next. */
void wire_move(struct upstream_wire *wire, enum wire_state state)
{
    leave(wire);
    enter(wire, state);
}

unsigned wire_count(const struct upstream *upstream)
{
    unsigned count = 0;
    for (int state = 0; state < WIRE_STATES; state++)
        count += upstream->wire_counts[state];
    return count;
}

/* --- birth and death --- */

struct upstream_wire *wire_of_easy(CURL *easy)
{
    char *wire = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &wire); /* set at the handle's birth */
    return (struct upstream_wire *)(void *)wire;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct upstream_wire *wire = context;
    (void)purpose; /* always a connection out */
    int fd = sockets_open(wire->upstream, address);
    wire->lacks_descriptor = fd < 0 && (errno == EMFILE || errno == ENFILE);
    return fd;
}

/* The handshake is over: libcurl would send its request now. Later it shows no TLS of a connection that it has put by. */
static int before_request(void *context, char *remote_address, char *local_address, int remote_port, int local_port)
{
    struct upstream_wire *wire = context;
    wire->line.tls = connection_tls(wire->easy);
    connection_describe(&wire->connection, wire->easy, remote_address, remote_port, local_address, local_port);
    return CURL_PREREQFUNC_OK;
}

static bool set_options(struct upstream_wire *wire, int64_t timeout_us)
{
    CURL *easy = wire->easy;
    return curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
           handle_set_connect_timeout(easy, timeout_us) &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, wire) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, wire) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, wire) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, wire->curl_words) == CURLE_OK;
}

struct upstream_wire *wire_open(struct upstream *upstream, struct upstream_call *call, int64_t timeout_us)
{
    struct upstream_wire *wire = calloc(1, sizeof(*wire));
    if (wire == NULL)
        return NULL;
    wire->upstream = upstream;
    wire->call = call;
    wire->easy = handle_make(upstream);
    if (wire->easy != NULL && set_options(wire, timeout_us) &&
        curl_multi_add_handle(upstream->multi, wire->easy) == CURLM_OK) {
        enter(wire, WIRE_CONNECTING);
        return wire;
    }
    if (wire->easy != NULL)
        curl_easy_cleanup(wire->easy);
    free(wire);
    return NULL;
}

void wire_close(struct upstream_wire *wire)
{
    loop_io_remove(wire->upstream->pool->loop, &wire->io);
    loop_timer_stop(wire->upstream->pool->loop, &wire->again);
    leave(wire);
    (void)curl_multi_remove_handle(wire->upstream->multi, wire->easy); /* it is in it; this closes the connection */
    curl_easy_cleanup(wire->easy);
    free(wire);
}

void wires_close(struct upstream *upstream)
{
    for (int state = 0; state < WIRE_STATES; state++) {
        struct upstream_wire *wire = upstream->wires[state];
        while (wire != NULL) {
            struct upstream_wire *next = wire->next;
            wire_close(wire);
            wire = next;
        }
    }
}

/* --- connected --- */

/* Of a connection that has vanished without a word the kernel tells half a minute later, at no wake-up of ours. Failing, it tells later. */
static void watch_for_silence(int fd)
{
    static const struct {
        int option;
        int value; /* seconds, or a number of probes */
    } settings[] = { { TCP_KEEPIDLE, 15 }, { TCP_KEEPINTVL, 5 }, { TCP_KEEPCNT, 3 } };
    for (size_t i = 0; i < ARRAY_LENGTH(settings); i++)
        (void)setsockopt(fd, IPPROTO_TCP, settings[i].option, &settings[i].value, sizeof(settings[i].value));
}

static void happened(struct upstream_wire *wire, unsigned events)
{
    if (wire->state == WIRE_BUSY)
        wire_talk_ready(wire, events);
    else
        wire_stirred(wire);
}

static void ready(struct loop_io *io, unsigned events)
{
    happened(io->context, events);
}

static void read_again(struct loop_timer *timer)
{
    happened(timer->context, LOOP_READ);
}

bool wire_take_connection(struct upstream_wire *wire)
{
    struct upstream *upstream = wire->upstream;
    struct error error;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(wire->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
        return false;
    wire->curl_words[0] = '\0'; /* of tries before this one */
    wire->line.words = wire->curl_words;
    if (!line_begin(&wire->line, wire->easy, wire->line.tls, fd, upstream->has_tls_egress))
        return false;
    watch_for_silence(fd);
    wire->connected_us = clock_monotonic_us();
    wire->again = (struct loop_timer){ .expired = read_again, .context = wire };
    wire->io = (struct loop_io){ .fd = fd, .ready = ready, .context = wire };
    if (loop_io_watch(upstream->pool->loop, &wire->io, LOOP_READ, &error))
        return true;
    log_error("a connection to %s: %s", upstream->host, error.message);
    return false;
}

/* --- at rest --- */

/* Takes in one record of TLS's own, where it is whole. */
static enum wire_look take_record_at_rest(struct upstream_wire *wire)
{
    char byte;
    size_t count;
    if (wire->line.tls == NULL || line_read(&wire->line, &byte, sizeof(byte), &count) != LINE_AGAIN)
        return WIRE_SPOILT;
    return line_waits(&wire->line) && !line_is_empty(&wire->line) ? WIRE_AMIDST : WIRE_CLEAN;
}

enum wire_look wire_look(struct upstream_wire *wire)
{
    for (int records = 0; records <= WIRE_RECORDS_AT_REST; records++) {
        if (line_is_empty(&wire->line) && sockets_have_nothing_to_read(wire->io.fd))
            return WIRE_CLEAN;
        enum wire_look look = take_record_at_rest(wire);
        if (look != WIRE_CLEAN)
            return look;
    }
    return WIRE_SPOILT;
}
