/* Addresses to listen on: text to socket and back. Owns nothing; any thread. */
#include "countersign/endpoint.h"

#include "countersign/slice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 1024 };

static const char expected[] = "expected 127.0.0.1:PORT, [::1]:PORT or unix:/absolute/path";

static bool parse_unix(struct endpoint *endpoint, const char *path, struct error *error)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&endpoint->address;
    size_t length = strlen(path);
    if (path[0] != '/')
        return error_set(error, ERROR_INPUT, "\"unix:%s\" is not an absolute path; %s", path, expected);
    if (length >= sizeof(address->sun_path))
        return error_set(error, ERROR_INPUT, "\"unix:%s\" is longer than the %zu bytes a socket's path may have", path,
                         sizeof(address->sun_path) - 1);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length + 1);
    endpoint->length = (socklen_t)sizeof(*address);
    return true;
}

static bool parse_host(struct endpoint *endpoint, const char *host, uint16_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&endpoint->address;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        endpoint->length = (socklen_t)sizeof(*v4);
        return true;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&endpoint->address;
    if (host[0] != '[' || inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    endpoint->length = (socklen_t)sizeof(*v6);
    return true;
}

bool endpoint_parse(struct endpoint *endpoint, const char *text, struct error *error)
{
    struct endpoint parsed = { .length = 0 };
    if (strncmp(text, "unix:", 5) == 0) {
        if (!parse_unix(&parsed, text + 5, error))
            return false;
        *endpoint = parsed;
        return true;
    }
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    char host[INET6_ADDRSTRLEN + 2];
    size_t host_length = colon == NULL ? sizeof(host) : (size_t)(colon - text);
    if (host_length >= sizeof(host) || !slice_to_u64(slice_text(colon + 1), &port) || port > UINT16_MAX)
        return error_set(error, ERROR_INPUT, "\"%s\" is not an address; %s", text, expected);
    memcpy(host, text, host_length);
    host[host_length] = '\0';
    if (host[0] == '[' && host_length > 1 && host[host_length - 1] == ']')
        host[host_length - 1] = '\0';
    else if (host[0] == '[')
        return error_set(error, ERROR_INPUT, "\"%s\" is not an address; %s", text, expected);
    if (!parse_host(&parsed, host, (uint16_t)port))
        return error_set(error, ERROR_INPUT, "\"%s\" has no literal IP address (names can change meaning); %s", text,
                         expected);
    *endpoint = parsed;
    return true;
}

bool endpoint_is_local(const struct endpoint *endpoint)
{
    if (endpoint->address.ss_family == AF_UNIX)
        return true;
    if (endpoint->address.ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)&endpoint->address)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&endpoint->address)->sin6_addr);
}

/* A unix socket's file that nobody answers on is a leftover of a process that was killed. */
static bool remove_stale_socket(const struct endpoint *endpoint, struct error *error)
{
    const char *path = ((const struct sockaddr_un *)&endpoint->address)->sun_path;
    struct stat status;
    if (lstat(path, &status) != 0)
        return true;
    if (!S_ISSOCK(status.st_mode))
        return error_set(error, ERROR_INPUT, "cannot listen on unix:%s: a file that is no socket is there", path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return error_system(error, errno, "cannot look whether unix:%s is in use", path);
    int number = connect(probe, (const struct sockaddr *)&endpoint->address, endpoint->length) == 0 ? 0 : errno;
    (void)close(probe);                  /* nothing was written */
    if (number == 0 || number == EAGAIN) /* EAGAIN: its backlog is full */
        return error_set(error, ERROR_SYSTEM, "cannot listen on unix:%s: another process listens there", path);
    if (number != ECONNREFUSED)
        return error_system(error, number, "cannot tell whether unix:%s is in use", path);
    if (unlink(path) != 0)
        return error_system(error, errno, "cannot remove the leftover socket %s", path);
    return true;
}

static bool bind_and_listen(int fd, const struct endpoint *endpoint, const char *text, struct error *error)
{
    mode_t mask = umask(0177); /* a unix socket is its owner's alone from its first moment */
    int bound = bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->length);
    int number = errno;
    (void)umask(mask); /* cannot fail */
    if (bound != 0 && number == EADDRINUSE)
        return error_set(
            error, ERROR_SYSTEM,
            "cannot listen on %s: the port is in use (by another countersign?); stop that program, or choose "
            "another port with --listen",
            text);
    if (bound != 0)
        return error_system(error, number, "cannot listen on %s", text);
    if (listen(fd, LISTEN_BACKLOG) != 0)
        return error_system(error, errno, "cannot listen on %s", text);
    return true;
}

bool endpoint_listen(int *fd, const struct endpoint *endpoint, struct error *error)
{
    char text[ENDPOINT_TEXT_MAX];
    (void)endpoint_format(text, (const struct sockaddr *)&endpoint->address, endpoint->length);
    bool is_unix = endpoint->address.ss_family == AF_UNIX;
    if (is_unix && !remove_stale_socket(endpoint, error))
        return false;
    int opened = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened < 0)
        return error_system(error, errno, "cannot open a socket for %s", text);
    int yes = 1;
    bool ready = is_unix || setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0;
    if (!ready)
        (void)error_system(error, errno, "cannot set the options of the socket for %s", text);
    if (!ready || !bind_and_listen(opened, endpoint, text, error)) {
        (void)close(opened); /* never used */
        return false;
    }
    *fd = opened;
    return true;
}

char *endpoint_format(char *text, const struct sockaddr *address, socklen_t length)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_UNIX) {
        const struct sockaddr_un *local = (const struct sockaddr_un *)address;
        bool named = length > offsetof(struct sockaddr_un, sun_path);
        (void)snprintf(text, ENDPOINT_TEXT_MAX, "unix:%.*s", named ? (int)sizeof(local->sun_path) : 0, local->sun_path);
    } else if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host)); /* host stays "?" */
        (void)snprintf(text, ENDPOINT_TEXT_MAX, "%s:%u", host, (unsigned)endpoint_port(address));
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host)); /* likewise */
        (void)snprintf(text, ENDPOINT_TEXT_MAX, "[%s]:%u", host, (unsigned)endpoint_port(address));
    }
    return text;
}

void endpoint_unmap(struct sockaddr_storage *address, socklen_t *length)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    if (address->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return;
    v4.sin_port = v6->sin6_port;
    memcpy(&v4.sin_addr, &v6->sin6_addr.s6_addr[sizeof(v6->sin6_addr) - sizeof(v4.sin_addr)], sizeof(v4.sin_addr));
    memcpy(address, &v4, sizeof(v4));
    *length = sizeof(v4);
}

uint16_t endpoint_port(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)address)->sin_port);
    if (address->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    return 0;
}

char *endpoint_format_local(char *text, int fd)
{
    struct sockaddr_storage address = { .ss_family = AF_UNIX };
    socklen_t length = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        length = 0;
    return endpoint_format(text, (const struct sockaddr *)&address, length);
}
