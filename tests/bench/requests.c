/* Sends COUNT requests to 127.0.0.1:PORT over CLIENTS kept connections, each with one request at a time, and prints how many
 * answers had status 200. For tests/memory.sh: fast enough for millions.
 *
 *   requests PORT CLIENTS COUNT */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536, CLIENTS_MAX = 1000, BATCH = 64 };

static const char *const requests[] = {
    "GET /api/v1/market/tickers HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /api/v1/market/depth/btcusdt?depth=5 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
    "POST /api/spot/accountList HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    "2\r\n\r\n{}",
};

struct client {
    int fd;
    size_t length;
    char answer[ANSWER_MAX + 1];
};

static long left, good, answered;

static void fail(const char *what)
{
    perror(what);
    exit(3);
}

static bool send_next(struct client *client)
{
    if (left == 0)
        return false;
    const char *request = requests[(size_t)left-- % (sizeof(requests) / sizeof(requests[0]))];
    if (send(client->fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        fail("send");
    return true;
}

/* Whether the answer is whole. */
static bool take(struct client *client)
{
    ssize_t received = recv(client->fd, client->answer + client->length, ANSWER_MAX - client->length, 0);
    if (received <= 0)
        fail("the connection ended");
    client->length += (size_t)received;
    client->answer[client->length] = '\0';
    const char *end = strstr(client->answer, "\r\n\r\n");
    const char *field = strcasestr(client->answer, "\r\ncontent-length:");
    if (end == NULL || field == NULL || field > end)
        return false;
    size_t head = (size_t)(end - client->answer) + 4;
    return client->length >= head + strtoul(field + 17, NULL, 10);
}

static void open_client(struct client *client, int epoll_fd, const struct sockaddr_in *address)
{
    int on = 1;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event) != 0)
        fail("connect");
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    address.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    size_t count = strtoul(argv[2], NULL, 10);
    left = strtol(argv[3], NULL, 10);
    long total = left;
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct client *clients = calloc(count == 0 || count > CLIENTS_MAX ? 1 : count, sizeof(*clients));
    if (clients == NULL || epoll_fd < 0 || count == 0 || count > CLIENTS_MAX)
        return 2;
    for (size_t i = 0; i < count; i++) {
        open_client(&clients[i], epoll_fd, &address);
        (void)send_next(&clients[i]); /* fewer requests than clients: the others stay idle */
    }
    while (answered < total) {
        struct epoll_event events[BATCH];
        int ready = epoll_wait(epoll_fd, events, BATCH, 30000);
        if (ready == 0 || (ready < 0 && errno != EINTR))
            fail("no answer");
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (!take(client))
                continue;
            answered++;
            good += strncmp(client->answer, "HTTP/1.1 200", 12) == 0;
            client->length = 0;
            (void)send_next(client); /* none are left */
        }
    }
    printf("%ld of %ld\n", good, total);
    free(clients);
    return good == total ? 0 : 1;
}
