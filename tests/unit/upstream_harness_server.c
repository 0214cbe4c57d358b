/* The servers of the upstream room's tests: their threads, connections, certificates and common scripts. */
#include "upstream_harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the server's side --- */

static int listen_at(const char *address, int port, int *bound)
{
    bool is_v6 = strchr(address, ':') != NULL;
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    assert_int_equal(is_v6 ? inet_pton(AF_INET6, address, &v6.sin6_addr) : inet_pton(AF_INET, address, &v4.sin_addr),
                     1);
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    socklen_t length = is_v6 ? sizeof(v6) : sizeof(v4);
    struct sockaddr *name = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    assert_int_equal(bind(fd, name, length), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, name, &length), 0);
    *bound = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
    return fd;
}

static void *run_script(void *context)
{
    struct server *server = context;
    sigset_t pipe_signal; /* OpenSSL's writes raise it; the client's thread must do without this */
    if (sigemptyset(&pipe_signal) != 0 || sigaddset(&pipe_signal, SIGPIPE) != 0 ||
        pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL) != 0)
        abort();
    server->script(server);
    return NULL;
}

void server_start(struct server *server, const char *address, int port, SSL_CTX *tls, void (*script)(struct server *))
{
    memset(server, 0, sizeof(*server));
    for (size_t i = 0; i < SERVER_REQUESTS_MAX; i++)
        buffer_init(&server->requests[i], 8 * 1024 * 1024);
    server->script = script;
    server->tls = tls;
    server->listen_fd = listen_at(address, port, &server->port);
    assert_int_equal(pipe(server->released), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, run_script, server), 0);
}

void server_join(struct server *server)
{
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    (void)close(server->listen_fd);
    server->listen_fd = -1;
}

void server_free(struct server *server)
{
    for (size_t i = 0; i < SERVER_REQUESTS_MAX; i++)
        buffer_free(&server->requests[i]);
    (void)close(server->released[0]);
    (void)close(server->released[1]);
    SSL_CTX_free(server->tls);
}

void server_release(struct server *server)
{
    assert_int_equal(write(server->released[1], "x", 1), 1);
}

void server_wait(struct server *server)
{
    char byte;
    if (read(server->released[0], &byte, 1) != 1)
        abort();
}

static void note_peer(struct server *server, const struct sockaddr_storage *name)
{
    const void *address = name->ss_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)name)->sin6_addr
                                                      : (const void *)&((const struct sockaddr_in *)name)->sin_addr;
    if (inet_ntop(name->ss_family, address, server->peer_address, sizeof(server->peer_address)) == NULL)
        abort();
}

static bool start_tls(struct server *server, struct peer *peer)
{
    const unsigned char *protocol = NULL;
    unsigned length = 0;
    peer->tls = SSL_new(server->tls);
    if (peer->tls == NULL || SSL_set_fd(peer->tls, peer->fd) != 1 || SSL_accept(peer->tls) != 1)
        return false;
    server->resumed += SSL_session_reused(peer->tls) == 1;
    SSL_get0_alpn_selected(peer->tls, &protocol, &length);
    (void)snprintf(server->alpn, sizeof(server->alpn), "%.*s", (int)length, (const char *)protocol);
    return true;
}

/* What is sent is on its way, and does not wait for what was sent before to be acknowledged. */
static void send_at_once(int fd)
{
    const int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        abort();
}

struct peer server_accept(struct server *server)
{
    struct peer peer = { .fd = -1 };
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);
    peer.fd = accept4(server->listen_fd, (struct sockaddr *)&name, &length, SOCK_CLOEXEC);
    if (peer.fd < 0)
        return peer;
    atomic_fetch_add(&server->accepted, 1);
    note_peer(server, &name);
    send_at_once(peer.fd);
    if (server->tls != NULL && !start_tls(server, &peer))
        peer_close(&peer);
    return peer;
}

static ssize_t peer_read(struct peer *peer, void *data, size_t size)
{
    return peer->tls != NULL ? SSL_read(peer->tls, data, (int)size) : recv(peer->fd, data, size, 0);
}

bool peer_send_bytes(struct peer *peer, const void *data, size_t length)
{
    if (peer->tls != NULL)
        return SSL_write(peer->tls, data, (int)length) == (int)length;
    return send(peer->fd, data, length, MSG_NOSIGNAL) == (ssize_t)length;
}

bool peer_send(struct peer *peer, const char *text)
{
    return peer_send_bytes(peer, text, strlen(text));
}

void peer_close(struct peer *peer)
{
    if (peer->tls != NULL)
        (void)SSL_shutdown(peer->tls); /* the peer may be gone */
    SSL_free(peer->tls);
    if (peer->fd >= 0)
        (void)close(peer->fd);
    *peer = (struct peer){ .fd = -1 };
}

void peer_reset(struct peer *peer)
{
    struct linger now = { .l_onoff = 1, .l_linger = 0 };
    if (setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) != 0)
        abort();
    SSL_free(peer->tls);
    (void)close(peer->fd);
    *peer = (struct peer){ .fd = -1 };
}

bool peer_wait_for_end(struct peer *peer)
{
    char byte;
    return peer->fd >= 0 && peer_read(peer, &byte, 1) <= 0;
}

bool peer_read_exactly(struct peer *peer, void *data, size_t length)
{
    size_t got = 0;
    while (got < length) {
        ssize_t part = peer->fd < 0 ? -1 : peer_read(peer, (char *)data + got, length - got);
        if (part <= 0)
            return false;
        got += (size_t)part;
    }
    return true;
}

static size_t body_length(const struct buffer *head)
{
    static const char name[] = "content-length:";
    const char *found = strcasestr(head->data, name);
    return found == NULL ? 0 : strtoul(found + sizeof(name) - 1, NULL, 10);
}

bool server_read(struct server *server, struct peer *peer)
{
    struct buffer *request = &server->requests[server->request_count];
    size_t wanted = 0;
    char byte, block[65536];
    while (wanted == 0) { /* the head byte by byte, so that nothing behind it is taken */
        if (peer->fd < 0 || peer_read(peer, &byte, 1) != 1 || !buffer_append_byte(request, byte))
            return false;
        if (request->length >= 4 && memcmp(request->data + request->length - 4, "\r\n\r\n", 4) == 0) {
            (void)buffer_text(request);
            wanted = request->length + body_length(request);
        }
    }
    while (request->length < wanted) {
        size_t left = wanted - request->length;
        ssize_t got = peer_read(peer, block, left < sizeof(block) ? left : sizeof(block));
        if (got <= 0 || !buffer_append(request, block, (size_t)got))
            return false;
    }
    (void)buffer_text(request);
    server->request_count++;
    return true;
}

/* --- certificates --- */

static bool add_names(X509 *certificate, const char *names)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static X509 *certificate_create(EVP_PKEY *key, const char *names)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    assert_int_equal(X509_set_version(certificate, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(certificate, subject), 1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(add_names(certificate, names));
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

SSL_CTX *tls_server_create(const char *names, const char *ca_path, int version)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *certificate = certificate_create(key, names);
    FILE *file = fopen(ca_path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    assert_non_null(tls);
    assert_int_equal(SSL_CTX_use_certificate(tls, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls, key), 1);
    assert_int_equal(SSL_CTX_set_min_proto_version(tls, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(tls, version), 1);
    if (version < TLS1_2_VERSION)
        SSL_CTX_set_security_level(tls, 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return tls;
}

static int agree_on(SSL *tls, const unsigned char **chosen, unsigned char *length, const unsigned char *offered,
                    unsigned offered_length, void *context)
{
    const char *protocol = context;
    size_t size = strlen(protocol);
    (void)tls; /* any connection */
    for (unsigned at = 0; at < offered_length; at += 1 + (unsigned)offered[at]) {
        if (offered[at] == size && memcmp(offered + at + 1, protocol, size) == 0) {
            *chosen = offered + at + 1;
            *length = offered[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

void tls_server_offer(SSL_CTX *tls, const char *protocol)
{
    union {
        const char *text;
        void *context;
    } shared = { .text = protocol }; /* only read behind the callback */
    SSL_CTX_set_alpn_select_cb(tls, agree_on, shared.context);
}

/* --- scripts --- */

const char harness_ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

void peer_answer_all(struct server *server, struct peer *peer)
{
    while (server_read(server, peer)) {
        if (!peer_send(peer, harness_ok))
            break;
    }
    peer_close(peer);
}

void script_answer_ok(struct server *server)
{
    struct peer peer = server_accept(server);
    peer_answer_all(server, &peer);
}

void script_say_nothing(struct server *server)
{
    struct peer peer = server_accept(server);
    (void)server_read(server, &peer); /* a failure shows in the count of requests */
    (void)peer_wait_for_end(&peer);
    peer_close(&peer);
}

void script_send_and_close(struct server *server, const char *text)
{
    struct peer peer = server_accept(server);
    if (server_read(server, &peer))
        (void)peer_send(&peer, text); /* a failure shows at the client */
    peer_close(&peer);
}

enum { PEERS_MAX = 16 };

struct many_peers {
    struct server *server;
    struct peer peers[PEERS_MAX];
    struct pollfd fds[PEERS_MAX + 2];
    nfds_t count;
};

/* harness_ok, for a HEAD without its body (RFC 9110 §9.3.2) */
static bool answer_ok(struct server *server, struct peer *peer)
{
    const struct buffer *request = &server->requests[server->request_count - 1];
    bool is_head = request->length > 5 && memcmp(request->data, "HEAD ", 5) == 0;
    const char *body = strstr(harness_ok, "\r\n\r\n") + 4;
    return peer_send_bytes(peer, harness_ok, is_head ? (size_t)(body - harness_ok) : strlen(harness_ok));
}

static bool serve(struct server *server, struct peer *peer)
{
    if (server_read(server, peer))
        return server->answer != NULL ? server->answer(server, peer) : answer_ok(server, peer);
    atomic_fetch_add(&server->ended, 1);
    return false;
}

void script_answer_many(struct server *server)
{
    struct many_peers many = { .server = server, .count = 2 };
    many.fds[0] = (struct pollfd){ .fd = server->released[0], .events = POLLIN };
    many.fds[1] = (struct pollfd){ .fd = server->listen_fd, .events = POLLIN };
    while (poll(many.fds, many.count, -1) > 0 && many.fds[0].revents == 0) {
        if (many.fds[1].revents != 0 && many.count < PEERS_MAX + 2) {
            many.peers[many.count - 2] = server_accept(server);
            many.fds[many.count] = (struct pollfd){ .fd = many.peers[many.count - 2].fd, .events = POLLIN };
            many.count++;
            continue;
        }
        for (nfds_t i = 2; i < many.count; i++) {
            if (many.fds[i].revents == 0)
                continue;
            if (!serve(server, &many.peers[i - 2]))
                many.fds[i].fd = -1; /* closed below */
        }
    }
    for (nfds_t i = 2; i < many.count; i++)
        peer_close(&many.peers[i - 2]);
}
