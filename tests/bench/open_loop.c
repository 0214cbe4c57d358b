/* An open loop: sends requests at fixed moments, whether or not earlier ones are answered, over kept connections, and prints each
 * one's latency and how late this program woke up for it, in nanoseconds, a line each. A latency counts from when the program has
 * seen that the request is due, so that waiting for a free connection counts; waking up late does not, for it is this program's.
 *
 *   open_loop PORT RATE COUNT CONNECTIONS [CA-FILE] <REQUEST >LATENCIES
 *
 * To 127.0.0.1:PORT; with CA-FILE over TLS, to a certificate for localhost. Built by tests/bench/run.sh. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536, REQUEST_MAX = 65536, CONNECTIONS_MAX = 1000, BATCH = 64, PATIENCE_MS = 10000 };

struct connection {
    int fd;
    SSL *tls;    /* NULL: plain */
    long number; /* of the request that it carries */
    size_t length;
    char answer[ANSWER_MAX + 1];
};

static char request[REQUEST_MAX];
static size_t request_length;
static struct connection *connections;
static size_t *idle, idle_count, idle_first, connection_count; /* a ring: each connection is used in turn */
static int64_t *due, *late, *latency;
static long count, due_count, sent_count, answered_count;

static void fail(const char *what)
{
    (void)fprintf(stderr, "open_loop: %s: %s\n", what, errno != 0 ? strerror(errno) : "failed");
    exit(3);
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* --- connections --- */

static void put_idle(size_t number)
{
    idle[(idle_first + idle_count++) % connection_count] = number;
}

static void open_connection(size_t number, const struct sockaddr_in *address, SSL_CTX *context, int epoll_fd)
{
    struct connection *connection = &connections[number];
    int on = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        fail("connect");
    if (context != NULL) {
        connection->tls = SSL_new(context);
        if (connection->tls == NULL || SSL_set_fd(connection->tls, connection->fd) != 1 ||
            SSL_set1_host(connection->tls, "localhost") != 1 || SSL_connect(connection->tls) != 1)
            fail("TLS");
    }
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
    if (fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        fail("epoll");
    put_idle(number);
}

static void send_request(struct connection *connection)
{
    int length = (int)request_length;
    int sent = connection->tls != NULL ? SSL_write(connection->tls, request, length)
                                       : (int)send(connection->fd, request, request_length, MSG_NOSIGNAL);
    if (sent != length)
        fail("send");
}

/* Takes what has come: whether there was anything. */
static bool read_some(struct connection *connection)
{
    char *end = connection->answer + connection->length;
    size_t room = ANSWER_MAX - connection->length;
    if (connection->tls != NULL) {
        int got = SSL_read(connection->tls, end, (int)room);
        if (got <= 0 && SSL_get_error(connection->tls, got) == SSL_ERROR_WANT_READ)
            return false; /* a session ticket, or a part of a record */
        if (got <= 0)
            fail("the connection ended");
        connection->length += (size_t)got;
        return true;
    }
    ssize_t got = recv(connection->fd, end, room, 0);
    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0)
        fail("the connection ended");
    connection->length += (size_t)got;
    return true;
}

static bool is_whole(struct connection *connection)
{
    connection->answer[connection->length] = '\0';
    const char *end = strstr(connection->answer, "\r\n\r\n");
    const char *field = strcasestr(connection->answer, "\r\ncontent-length:");
    if (end == NULL || field == NULL || field > end)
        return false;
    size_t head = (size_t)(end - connection->answer) + 4;
    return connection->length >= head + strtoul(field + 17, NULL, 10);
}

/* --- the loop --- */

static void send_what_is_due(void)
{
    while (sent_count < due_count && idle_count > 0) {
        struct connection *connection = &connections[idle[idle_first]];
        idle_first = (idle_first + 1) % connection_count;
        idle_count--;
        connection->number = sent_count++;
        connection->length = 0;
        send_request(connection);
    }
}

static void answered(struct connection *connection)
{
    if (strncmp(connection->answer, "HTTP/1.1 200", 12) != 0) {
        errno = 0;
        fail("an answer is not 200");
    }
    latency[connection->number] = now_ns() - due[connection->number];
    answered_count++;
    put_idle((size_t)(connection - connections));
}

/* The clock has struck: as many are due as periods have passed. */
static void take_time(int timer, int64_t begun, int64_t period)
{
    uint64_t struck;
    if (read(timer, &struck, sizeof(struck)) != (ssize_t)sizeof(struck))
        return;
    int64_t now = now_ns();
    for (; struck > 0 && due_count < count; struck--) {
        late[due_count] = now - (begun + due_count * period);
        due[due_count++] = now;
    }
}

static void run(int epoll_fd, int timer, int64_t begun, int64_t period)
{
    while (answered_count < count) {
        struct epoll_event events[BATCH];
        int ready = epoll_wait(epoll_fd, events, BATCH, PATIENCE_MS);
        if (ready == 0 || (ready < 0 && errno != EINTR))
            fail("no answer");
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == NULL)
                take_time(timer, begun, period);
            else if (read_some(connection) && is_whole(connection))
                answered(connection);
        }
        send_what_is_due();
    }
}

static int start_timer(int epoll_fd, int64_t begun, int64_t period)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct itimerspec when = { .it_value = { begun / 1000000000, begun % 1000000000 },
                               .it_interval = { period / 1000000000, period % 1000000000 } };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    if (timer < 0 || timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL) != 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer, &event) != 0)
        fail("timer");
    return timer;
}

static SSL_CTX *tls_context(const char *ca_file)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_load_verify_file(context, ca_file) != 1)
        fail(ca_file);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return context;
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 6)
        return 2;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    address.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    long rate = strtol(argv[2], NULL, 10);
    count = strtol(argv[3], NULL, 10);
    connection_count = strtoul(argv[4], NULL, 10);
    request_length = fread(request, 1, sizeof(request), stdin);
    if (rate < 1 || count < 1 || connection_count < 1 || connection_count > CONNECTIONS_MAX || request_length == 0)
        return 2;
    connections = calloc(connection_count, sizeof(*connections));
    idle = calloc(connection_count, sizeof(*idle));
    due = calloc((size_t)count, sizeof(*due));
    late = calloc((size_t)count, sizeof(*late));
    latency = calloc((size_t)count, sizeof(*latency));
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (connections == NULL || idle == NULL || due == NULL || late == NULL || latency == NULL || epoll_fd < 0)
        fail("start");
    SSL_CTX *context = argc == 6 ? tls_context(argv[5]) : NULL;
    for (size_t i = 0; i < connection_count; i++)
        open_connection(i, &address, context, epoll_fd);
    int64_t period = INT64_C(1000000000) / rate, begun = now_ns() + period;
    run(epoll_fd, start_timer(epoll_fd, begun, period), begun, period);
    for (long i = 0; i < count; i++)
        printf("%lld %lld\n", (long long)latency[i], (long long)late[i]);
    return 0; /* what was taken ends with the process */
}
