/* Names and ways out: asked of the resolver and of the kernel's routing table. A UDP socket that is connected sends
 * nothing; it only learns which address of this machine it would send from. */
#include "doctor_network.h"

#include "countersign/slice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const int families[PROBE_FAMILIES] = { [PROBE_FAMILY_4] = AF_INET, [PROBE_FAMILY_6] = AF_INET6 };

/* --- the host --- */

/* "https://host:port" was checked when the configuration was: what is cut out here is there. */
static struct slice authority_of(const char *url)
{
    struct slice rest = slice_text(url);
    const char *slashes = strstr(url, "://");
    if (slashes != NULL)
        rest = slice_text(slashes + 3);
    return slice_first(rest, slice_find(rest, '/'));
}

static void take_host(struct probes *probes, const char *url)
{
    unsigned char address[sizeof(struct in6_addr)];
    struct slice authority = authority_of(url);
    bool is_bracketed = slice_starts_with(authority, "[");
    struct slice host = is_bracketed ? slice_first(slice_from(authority, 1), slice_find(authority, ']') - 1)
                                     : slice_first(authority, slice_find(authority, ':'));
    (void)snprintf(probes->host, sizeof(probes->host), "%.*s", SLICE_ARGUMENTS(host)); /* names are shorter: RFC 1035 */
    probes->is_address =
        inet_pton(AF_INET, probes->host, address) == 1 || inet_pton(AF_INET6, probes->host, address) == 1;
}

/* --- names --- */

static void keep_address(struct probe_names *names, const struct addrinfo *found)
{
    char text[PROBE_TEXT_MAX];
    if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
        return; /* of neither family: not asked for */
    if (names->count < PROBE_ADDRESSES_MAX)
        memcpy(names->addresses[names->count], text, sizeof(text));
    names->count++;
}

static bool is_certain(int code)
{
    return code == EAI_NONAME || code == EAI_NODATA || code == EAI_ADDRFAMILY;
}

/* libcurl asks no resolver for these names, and takes both loopback addresses (RFC 6761 §6.3; since 7.78). */
static bool is_localhost(const char *host)
{
    static const char name[] = "localhost";
    struct slice ending = slice_text(host);
    if (ending.length > sizeof(name) - 1)
        ending = slice_from(ending, ending.length - (sizeof(name) - 1) - 1);
    return slice_equal_text_caseless(ending, name) || slice_equal_text_caseless(ending, ".localhost");
}

static void resolve(struct probe_names *names, const char *host, int family)
{
    if (is_localhost(host)) {
        names->count = 1;
        (void)snprintf(names->addresses[0], PROBE_TEXT_MAX, "%s", family == AF_INET ? "127.0.0.1" : "::1"); /* fits */
        return;
    }
    const struct addrinfo wanted = { .ai_family = family, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, NULL, &wanted, &found);
    if (code != 0) {
        const char *words = code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code);
        (void)snprintf(names->error, sizeof(names->error), "%s", words); /* cut to fit */
        names->does_not_exist = is_certain(code);
        return;
    }
    for (const struct addrinfo *each = found; each != NULL; each = each->ai_next)
        keep_address(names, each);
    freeaddrinfo(found);
}

/* --- ways out --- */

static bool make_address(struct sockaddr_storage *address, socklen_t *length, const char *text, int family)
{
    struct addrinfo wanted = { .ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST };
    struct addrinfo *found = NULL;
    if (getaddrinfo(text, "443", &wanted, &found) != 0)
        return false;
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool bind_to(int fd, const char *text, int family)
{
    struct sockaddr_storage address;
    socklen_t length;
    if (text[0] == '\0')
        return true;
    if (!make_address(&address, &length, text, family))
        return false;                               /* of the other family: not asked for */
    ((struct sockaddr_in *)&address)->sin_port = 0; /* at the same place in both families' addresses */
    return bind(fd, (const struct sockaddr *)&address, length) == 0;
}

static bool find_local(char *local, int fd, const struct sockaddr_storage *remote, socklen_t length,
                       const char *bind_address)
{
    struct sockaddr_storage own;
    socklen_t own_length = sizeof(own);
    return bind_to(fd, bind_address, remote->ss_family) && connect(fd, (const struct sockaddr *)remote, length) == 0 &&
           getsockname(fd, (struct sockaddr *)&own, &own_length) == 0 &&
           getnameinfo((const struct sockaddr *)&own, own_length, local, PROBE_TEXT_MAX, NULL, 0, NI_NUMERICHOST) == 0;
}

static void look_for_way(struct probe_route *route, const char remote[static PROBE_TEXT_MAX], int family,
                         const char *bind_address)
{
    struct sockaddr_storage address;
    socklen_t length;
    route->was_asked = true;
    memcpy(route->remote, remote, sizeof(route->remote));
    errno = EAFNOSUPPORT; /* for an address that makes no sense here */
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found = fd >= 0 && make_address(&address, &length, remote, family) &&
                 find_local(route->local, fd, &address, length, bind_address);
    if (!found) {
        route->local[0] = '\0';
        (void)snprintf(route->error, sizeof(route->error), "%s", strerror(errno)); /* cut to fit */
    }
    if (fd >= 0)
        (void)close(fd); /* nothing was written */
}

static bool is_bound_to_other(const char *bind_address, int family)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return bind_address[0] != '\0' && inet_pton(family, bind_address, bytes) != 1;
}

static void look_at_family(struct probes *probes, enum probe_family family, const struct config_upstream *upstream)
{
    struct probe_names *names = &probes->names[family];
    struct probe_route *route = &probes->routes[family];
    resolve(names, probes->host, families[family]);
    if (names->count == 0)
        (void)snprintf(route->error, sizeof(route->error), "the host has no address of this family");
    else if (is_bound_to_other(upstream->bind_address, families[family]))
        (void)snprintf(route->error, sizeof(route->error), "the upstream's bind_address %s is of the other family",
                       upstream->bind_address);
    else
        look_for_way(route, names->addresses[0], families[family], upstream->bind_address);
}

void doctor_look_at_network(struct probes *probes, const struct config_upstream *upstream)
{
    take_host(probes, upstream->url);
    look_at_family(probes, PROBE_FAMILY_4, upstream);
    look_at_family(probes, PROBE_FAMILY_6, upstream);
}
