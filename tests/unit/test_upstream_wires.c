/* Wires under adversity: what a review of them found. */
#include "upstream_harness.h"

#include "upstream/upstream_internal.h"
#include "upstream/wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* libcurl's clock can be put ahead of ours. */
static atomic_long ahead_s;

int clock_gettime(clockid_t id, struct timespec *now)
{
    int (*real)(clockid_t, struct timespec *);
    void *symbol = dlsym(RTLD_NEXT, "clock_gettime");
    memcpy(&real, &symbol, sizeof(real));
    int code = real(id, now);
    Dl_info info;
    if (atomic_load(&ahead_s) != 0 && dladdr(__builtin_return_address(0), &info) != 0 && strstr(info.dli_fname, "libcurl"))
        now->tv_sec += atomic_load(&ahead_s);
    return code;
}

/* --- a loop that is run until something is so --- */

struct until {
    struct loop *loop;
    struct loop_timer timer;
    bool (*is_so)(void *context);
    void *context;
    unsigned left;
};

static void until_look(struct loop_timer *timer)
{
    struct until *until = timer->context;
    if (until->is_so(until->context) || --until->left == 0)
        loop_stop(until->loop);
    else
        loop_timer_start(until->loop, timer, 5000);
}

static bool run_until(struct client *client, bool (*is_so)(void *context), void *context)
{
    struct error error = { 0 };
    struct until until = { .loop = client->loop, .is_so = is_so, .context = context, .left = 1000 };
    until.timer = (struct loop_timer){ .expired = until_look, .context = &until };
    loop_timer_start(client->loop, &until.timer, 0);
    assert_true(loop_run(client->loop, &error));
    loop_timer_stop(client->loop, &until.timer);
    return until.left > 0;
}

static bool has_requests(void *context)
{
    struct server *server = context;
    return server->request_count >= 1;
}
static bool has_two_requests(void *context)
{
    struct server *server = context;
    return server->request_count >= 2;
}
static bool is_resting(void *context)
{
    struct call_context *call = context;
    return call->call->rests;
}

static bool has_rested(void *context)
{
    unsigned *turns = context;
    return ++*turns > 60;
}

/* --- 1: a call that rests between two tries to connect gets a wire that others left --- */

static void refuse_all_but_one(struct server *server)
{
    struct peer peer = server_accept(server);
    (void)shutdown(server->listen_fd, SHUT_RDWR);
    (void)server_read(server, &peer);
    server_wait(server);
    (void)peer_send(&peer, harness_ok);
    (void)server_read(server, &peer);
    (void)nanosleep(&(struct timespec){ .tv_nsec = 400000000 }, NULL);
    (void)peer_send(&peer, harness_ok);
    while (server_read(server, &peer))
        (void)peer_send(&peer, harness_ok);
    peer_close(&peer);
}

static void an_order_that_rested_keeps_the_wire_it_got(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    struct answer answers[2];
    struct upstream_request get = get_request("/first"), order = post_request("/order", "{}");
    server_start(&server, "127.0.0.1", 0, NULL, refuse_all_but_one);
    client_start_plain(&client, server.port);
    struct call_context first = { .client = &client, .answer = &answers[0] };
    struct call_context second = { .client = &client, .answer = &answers[1] };
    client_send(&first, &get, false);
    assert_true(run_until(&client, has_requests, &server));
    client_send(&second, &order, false);
    assert_true(run_until(&client, is_resting, &second));
    server_release(&server);
    client_run(&client);
    print_message("order: failure %d (%s), status %d, attempts %u, asked %u\n", answers[1].failure, answers[1].message,
                  answers[1].status, answers[1].attempts, answers[1].asked);
    client_free(&client);
    server_join(&server);
    assert_int_equal(answers[1].failure, UPSTREAM_OK);
    answer_free(&answers[0]);
    answer_free(&answers[1]);
    server_free(&server);
}

static void refuse_all_but_two(struct server *server)
{
    struct peer one = server_accept(server), two = server_accept(server);
    (void)shutdown(server->listen_fd, SHUT_RDWR);
    (void)server_read(server, &one);
    (void)server_read(server, &two);
    server_wait(server);
    (void)peer_send(&one, harness_ok);
    (void)nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    (void)peer_send(&two, harness_ok);
    (void)server_read(server, &one); /* the GET */
    struct pollfd again = { .fd = two.fd, .events = POLLIN };
    if (poll(&again, 1, 300) > 0 && server_read(server, &two))
        (void)peer_send(&two, harness_ok);
    (void)peer_send(&one, harness_ok);
    while (server_read(server, &one))
        (void)peer_send(&one, harness_ok);
    peer_close(&one);
    peer_close(&two);
}

static void a_get_that_rested_is_not_sent_over_two_wires(void **state)
{
    (void)state;
    struct server server;
    struct client client;
    struct answer answers[3];
    struct upstream_request get = get_request("/first"), third = get_request("/third");
    server_start(&server, "127.0.0.1", 0, NULL, refuse_all_but_two);
    client_start_plain(&client, server.port);
    struct call_context calls[3];
    memset(calls, 0, sizeof(calls));
    for (int i = 0; i < 3; i++) {
        calls[i].client = &client;
        calls[i].answer = &answers[i];
    }
    client_send(&calls[0], &get, false);
    client_send(&calls[1], &get, false);
    assert_true(run_until(&client, has_two_requests, &server));
    client_send(&calls[2], &third, true);
    assert_true(run_until(&client, is_resting, &calls[2]));
    server_release(&server);
    client_run(&client);
    unsigned turns = 0;
    (void)run_until(&client, has_rested, &turns); /* what may come of the other wire */
    size_t count = server.request_count;
    print_message("requests that came: %zu; GET: failure %d (%s) attempts %u asked %u\n", count, answers[2].failure,
                  answers[2].message, answers[2].attempts, answers[2].asked);
    client_free(&client);
    server_join(&server);
    for (int i = 0; i < 3; i++)
        answer_free(&answers[i]);
    server_free(&server);
    assert_int_equal(count, 3);
}

/* --- 2: libcurl closes what it takes for dead --- */

static void close_the_first_of_three(struct server *server)
{
    struct peer peers[4];
    for (int i = 0; i < 3; i++)
        peers[i] = server_accept(server);
    server_wait(server);
    peer_close(&peers[0]);
    peers[0] = server_accept(server);
    for (int left = 3; left > 0;) {
        struct pollfd fds[3];
        for (int i = 0; i < 3; i++)
            fds[i] = (struct pollfd){ .fd = peers[i].fd, .events = POLLIN };
        if (poll(fds, 3, 5000) <= 0)
            break;
        for (int i = 0; i < 3; i++) {
            if (fds[i].revents == 0)
                continue;
            if (server_read(server, &peers[i])) {
                (void)peer_send(&peers[i], harness_ok);
            } else {
                peer_close(&peers[i]);
                peers[i].fd = -1;
                left--;
            }
        }
    }
}

static bool is_warm(void *context)
{
    struct client *client = context;
    return client->upstream->wire_counts[WIRE_IDLE] == 3;
}
static bool is_not_warm(void *context)
{
    return !is_warm(context);
}

static unsigned heard;

static void hear(struct loop_io *io, unsigned events)
{
    char byte;
    (void)events;
    heard += recv(io->fd, &byte, 1, MSG_DONTWAIT) == 1;
}

static void old_idle_wires(const char *scheme, SSL_CTX *tls, const char *ca_file)
{
    char url[64];
    struct server server;
    struct client client;
    server_start(&server, "127.0.0.1", 0, tls, close_the_first_of_three);
    struct upstream_options options = client_options(url, sizeof(url), scheme, "127.0.0.1", server.port);
    options.warm = 3;
    options.ca_file = ca_file;
    client_start(&client, &options);
    upstream_keep_warm(client.upstream);
    assert_true(run_until(&client, is_warm, &client));
    atomic_store(&ahead_s, 130); /* libcurl holds connections for dead that are idle for longer than 118 s */
    server_release(&server);
    assert_true(run_until(&client, is_not_warm, &client));
    assert_true(run_until(&client, is_warm, &client));
    int others[8][2];
    for (int i = 0; i < 8; i++) /* clients of the proxy come */
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, others[i]), 0);
    struct loop_io others_io[8];
    struct error error = { 0 };
    for (int i = 0; i < 8; i++) {
        others_io[i] = (struct loop_io){ .fd = others[i][0], .ready = hear };
        assert_true(loop_io_watch(client.loop, &others_io[i], LOOP_READ, &error));
    }
    unsigned live = 0;
    for (struct upstream_wire *wire = client.upstream->wires[WIRE_IDLE]; wire != NULL; wire = wire->next) {
        curl_socket_t fd = CURL_SOCKET_BAD;
        (void)curl_easy_getinfo(wire->easy, CURLINFO_ACTIVESOCKET, &fd);
        print_message("%s: idle wire: its fd %d, libcurl's %d\n", scheme, wire->io.fd, (int)fd);
        live += fd == wire->io.fd;
    }
    struct answer answers[3];
    struct call_context calls[3];
    memset(calls, 0, sizeof(calls));
    struct upstream_request order = post_request("/order", "{}");
    for (int i = 0; i < 3; i++) {
        calls[i] = (struct call_context){ .client = &client, .answer = &answers[i] };
        client_send(&calls[i], &order, false);
    }
    client_run(&client);
    for (int i = 0; i < 3; i++)
        print_message("order %d: failure %d (%s) status %d attempts %u asked %u bytes_left %d\n", i, answers[i].failure,
                      answers[i].message, answers[i].status, answers[i].attempts, answers[i].asked,
                      answers[i].bytes_left);
    atomic_store(&ahead_s, 0);
    heard = 0;
    for (int i = 0; i < 8; i++)
        assert_int_equal(send(others[i][1], "x", 1, 0), 1);
    unsigned turns = 0;
    (void)run_until(&client, has_rested, &turns);
    print_message("%s: of 8 clients that say something, %u are heard\n", scheme, heard);
    for (int i = 0; i < 8; i++)
        loop_io_remove(client.loop, &others_io[i]);
    client_free(&client);
    for (int i = 0; i < 8; i++) {
        (void)close(others[i][0]);
        (void)close(others[i][1]);
    }
    server_join(&server);
    for (int i = 0; i < 3; i++)
        answer_free(&answers[i]);
    server_free(&server);
    assert_int_equal(live, 3);
}

static void idle_wires_stay_open(void **state)
{
    (void)state;
    old_idle_wires("http", NULL, "");
}

static void idle_wires_over_tls_stay_open(void **state)
{
    (void)state;
    char path[] = "/tmp/wire-ca-XXXXXX";
    int fd = mkstemp(path);
    (void)close(fd);
    SSL_CTX *tls = tls_server_create("IP:127.0.0.1", path, TLS1_2_VERSION);
    old_idle_wires("https", tls, path);
    (void)unlink(path);
}

/* --- 3: session tickets, two in one TLS record, as some servers send them --- */

static unsigned char traffic_secret[32];
static bool sends_in_two;

static void keep_secret(const SSL *tls, const char *line)
{
    static const char label[] = "SERVER_TRAFFIC_SECRET_0 ";
    (void)tls;
    if (strncmp(line, label, sizeof(label) - 1) != 0)
        return;
    const char *hex = strchr(line + sizeof(label), ' ') + 1;
    for (size_t i = 0; i < sizeof(traffic_secret); i++)
        (void)sscanf(hex + 2 * i, "%2hhx", &traffic_secret[i]);
}

static void expand(const char *label, unsigned char *out, unsigned char length)
{
    unsigned char info[64], mac[32];
    unsigned at = 0, mac_length = 0;
    info[at++] = 0;
    info[at++] = length;
    info[at++] = (unsigned char)(6 + strlen(label));
    memcpy(info + at, "tls13 ", 6);
    memcpy(info + at + 6, label, strlen(label));
    at += 6 + (unsigned)strlen(label);
    info[at++] = 0;
    info[at++] = 1;
    (void)HMAC(EVP_sha256(), traffic_secret, sizeof(traffic_secret), info, at, mac, &mac_length);
    memcpy(out, mac, length);
}

static size_t add_ticket(unsigned char *out, unsigned char number)
{
    unsigned char ticket[] = { 4, 0, 0, 16 + 2 + 1 - 4, 0, 0, 14, 16, 1, 2, 3, number, 1, number, 0, 2, 'a', number, 0, 0 };
    ticket[3] = sizeof(ticket) - 4;
    memcpy(out, ticket, sizeof(ticket));
    return sizeof(ticket);
}

static void send_tickets(struct peer *peer, int tickets)
{
    unsigned char key[16], iv[12], plain[128], record[256] = { 0x17, 3, 3 };
    size_t length = 0;
    int count = 0;
    expand("key", key, sizeof(key));
    expand("iv", iv, sizeof(iv));
    for (int i = 0; i < tickets; i++)
        length += add_ticket(plain + length, (unsigned char)i);
    plain[length++] = 0x16;
    record[4] = (unsigned char)(length + 16);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    (void)EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, key, iv);
    (void)EVP_EncryptUpdate(cipher, NULL, &count, record, 5);
    (void)EVP_EncryptUpdate(cipher, record + 5, &count, plain, (int)length);
    (void)EVP_EncryptFinal_ex(cipher, record + 5 + count, &count);
    (void)EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, 16, record + 5 + length);
    EVP_CIPHER_CTX_free(cipher);
    size_t first = sends_in_two ? 20 : 5 + length + 16;
    (void)send(peer->fd, record, first, MSG_NOSIGNAL);
    (void)nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    if (sends_in_two)
        (void)send(peer->fd, record + first, 5 + length + 16 - first, MSG_NOSIGNAL);
}

static int tickets_in_record;

static void greet_with_tickets(struct server *server)
{
    struct peer peer = server_accept(server);
    (void)nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    send_tickets(&peer, tickets_in_record);
    (void)peer_wait_for_end(&peer);
    peer_close(&peer);
}

static bool has_an_idle_wire(void *context)
{
    struct client *client = context;
    return client->upstream->wire_counts[WIRE_IDLE] == 1;
}

static void wire_survives_tickets(int tickets, bool in_two)
{
    char url[64], path[] = "/tmp/wire-ca-XXXXXX";
    struct server server;
    struct client client;
    (void)close(mkstemp(path));
    SSL_CTX *tls = tls_server_create("IP:127.0.0.1", path, TLS1_3_VERSION);
    (void)SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256");
    (void)SSL_CTX_set_num_tickets(tls, 0);
    SSL_CTX_set_keylog_callback(tls, keep_secret);
    tickets_in_record = tickets;
    sends_in_two = in_two;
    server_start(&server, "127.0.0.1", 0, tls, greet_with_tickets);
    struct upstream_options options = client_options(url, sizeof(url), "https", "127.0.0.1", server.port);
    options.warm = 1;
    options.ca_file = path;
    client_start(&client, &options);
    upstream_keep_warm(client.upstream);
    assert_true(run_until(&client, has_an_idle_wire, &client));
    unsigned turns = 0;
    (void)run_until(&client, has_rested, &turns);
    bool has_it = has_an_idle_wire(&client);
    struct upstream_wire *wire = client.upstream->wires[WIRE_IDLE];
    has_it = has_it && wire_look(wire) == WIRE_CLEAN;
    print_message("%d tickets in a record, in %d pieces: the wire is %s; it rests: %d\n", tickets, in_two ? 2 : 1,
                  has_it ? "open" : "closed", client.upstream->warmth.rests);
    client_free(&client);
    server_join(&server);
    server_free(&server);
    (void)unlink(path);
    assert_true(has_it);
}

static void a_ticket(void **state)
{
    (void)state;
    wire_survives_tickets(1, false);
}
static void two_tickets_in_a_record(void **state)
{
    (void)state;
    wire_survives_tickets(2, false);
}
static void a_ticket_in_two_pieces(void **state)
{
    (void)state;
    wire_survives_tickets(1, true);
}

/* --- 4: connect_timeout --- */

static void accept_nobody(struct server *server)
{
    server_wait(server);
}

static void a_call_that_takes_a_warm_wire_over_has_one_connect_timeout(void **state)
{
    (void)state;
    char url[64];
    struct server server;
    struct client client;
    struct answer answer;
    server_start(&server, "127.0.0.1", 0, NULL, accept_nobody); /* connected by the kernel; no handshake ever */
    struct upstream_options options = client_options(url, sizeof(url), "https", "127.0.0.1", server.port);
    options.connect_timeout_us = 400000;
    options.warm = 1;
    client_start(&client, &options);
    struct upstream_request order = post_request("/order", "{}");
    client_call(&client, &answer, &order);
    int64_t alone_us = answer_took_us(&answer);
    answer_free(&answer);
    upstream_keep_warm(client.upstream);
    client_call(&client, &answer, &order);
    print_message("no connection: alone after %d ms, behind a warm wire that was connecting after %d ms (%s)\n",
                  (int)(alone_us / 1000), (int)(answer_took_us(&answer) / 1000), answer.message);
    bool is_once = answer_took_us(&answer) < 700000;
    answer_free(&answer);
    client_free(&client);
    server_release(&server);
    server_join(&server);
    server_free(&server);
    assert_true(is_once);
}

/* --- 5: a server that asks for a new handshake (TLS 1.2) and then says nothing --- */

static void ask_for_handshake(struct server *server)
{
    struct peer peer = server_accept(server);
    (void)server_read(server, &peer);
    (void)peer_send(&peer, harness_ok);
    (void)SSL_renegotiate(peer.tls);
    (void)SSL_do_handshake(peer.tls);
    char byte;
    while (recv(peer.fd, &byte, 1, 0) > 0) {}
    peer_close(&peer);
}

static int64_t cpu_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void a_handshake_asked_for_does_not_spin(void **state)
{
    (void)state;
    char url[64], path[] = "/tmp/wire-ca-XXXXXX";
    struct server server;
    struct client client;
    struct answer answer;
    (void)close(mkstemp(path));
    SSL_CTX *tls = tls_server_create("IP:127.0.0.1", path, TLS1_2_VERSION);
    server_start(&server, "127.0.0.1", 0, tls, ask_for_handshake);
    struct upstream_options options = client_options(url, sizeof(url), "https", "127.0.0.1", server.port);
    options.ca_file = path;
    options.timeout_us = 2000000;
    client_start(&client, &options);
    struct upstream_request order = post_request("/order", "{}");
    client_call(&client, &answer, &order);
    answer_free(&answer);
    unsigned turns = 0;
    (void)run_until(&client, has_rested, &turns);
    int64_t before = cpu_us();
    client_call(&client, &answer, &order);
    int64_t spent = cpu_us() - before;
    print_message("renegotiation: reused %d, failure %d (%s), %d ms of CPU in %d ms\n", answer.connection.reused,
                  answer.failure, answer.message, (int)(spent / 1000), (int)(answer_took_us(&answer) / 1000));
    answer_free(&answer);
    client_free(&client);
    server_join(&server);
    server_free(&server);
    (void)unlink(path);
    assert_true(spent < 500000);
}

/* --- 6: words of another time --- */

static void end_without_answer(struct server *server)
{
    struct peer peer = server_accept(server);
    (void)server_read(server, &peer);
    (void)peer_send(&peer, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
    peer_close(&peer);
}

static void words_of_a_cut_answer(void **state)
{
    (void)state;
    struct server server;
    struct answer answer;
    struct upstream_request order = post_request("/order", "{}");
    exchange_once(&server, &answer, &order, end_without_answer);
    print_message("cut answer: %d (%s)\n", answer.failure, answer.message);
    exchange_end(&server, &answer);
}

/* --- 7: success ends the back-off --- */

static void nobody_then_all(struct server *server)
{
    server_wait(server);
    script_answer_many(server);
}

struct rest {
    struct client *client;
    int64_t delay_us;
};

static bool has_delay(void *context)
{
    struct rest *rest = context;
    return rest->client->upstream->warmth.delay_us >= rest->delay_us;
}

static void a_connection_that_is_had_ends_the_rest(void **state)
{
    (void)state;
    char url[64];
    int port = closed_port();
    struct server server;
    struct client client;
    struct answer answer;
    struct upstream_options options = client_options(url, sizeof(url), "http", "127.0.0.1", port);
    options.warm = 2;
    client_start(&client, &options);
    upstream_keep_warm(client.upstream);
    struct rest rest = { .client = &client, .delay_us = 1600000 };
    assert_true(run_until(&client, has_delay, &rest));
    server_start(&server, "127.0.0.1", port, NULL, nobody_then_all);
    server_release(&server);
    struct upstream_request get = get_request("/");
    client_call(&client, &answer, &get);
    print_message("after an outage: a call is answered (%d); warm rests: %d, delay %d ms, open %u of 2\n", answer.status,
                  client.upstream->warmth.rests, (int)(client.upstream->warmth.delay_us / 1000),
                  wire_count(client.upstream));
    bool rests = client.upstream->warmth.rests;
    answer_free(&answer);
    client_free(&client);
    server_release(&server);
    server_join(&server);
    server_free(&server);
    assert_false(rests);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_that_rested_keeps_the_wire_it_got),
        cmocka_unit_test(a_get_that_rested_is_not_sent_over_two_wires),
        cmocka_unit_test(idle_wires_stay_open),
        cmocka_unit_test(idle_wires_over_tls_stay_open),
        cmocka_unit_test(a_ticket),
        cmocka_unit_test(two_tickets_in_a_record),
        cmocka_unit_test(a_ticket_in_two_pieces),
        cmocka_unit_test(a_call_that_takes_a_warm_wire_over_has_one_connect_timeout),
        cmocka_unit_test(a_handshake_asked_for_does_not_spin),
        cmocka_unit_test(words_of_a_cut_answer),
        cmocka_unit_test(a_connection_that_is_had_ends_the_rest),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
