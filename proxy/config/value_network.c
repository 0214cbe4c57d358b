/* Parsers of URLs, listening addresses, literal IP addresses and egress proxies. No name is looked up. Pure; any
 * thread. */
#include "value.h"

#include "countersign/endpoint.h"
#include "countersign/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum {
    HOST_MAX = 253, /* characters of a host name (RFC 1035 §2.3.4, without the last dot) */
    HOSTS_MAX = 16  /* names that a listener may be called by */
};

/* SCHEME "://" AUTHORITY REST, RFC 3986 §3. */
struct origin {
    struct slice scheme;
    struct slice authority;
    struct slice rest;       /* from the first "/", "?" or "#" */
    bool has_user;           /* userinfo stands before an "@" */
    char host[HOST_MAX + 1]; /* without brackets; "" where it is none */
    bool literal;            /* an IP address */
    bool loopback;
    bool has_port;
};

/* A host that looks like IPv4 must be one: "127.1" and "0x7f.1" mean different things to different readers. */
static bool read_host(struct origin *origin, struct slice host, bool bracketed)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (host.length == 0 || host.length > HOST_MAX)
        return false;
    (void)snprintf(origin->host, sizeof(origin->host), "%.*s", SLICE_ARGUMENTS(host)); /* its length was checked */
    if (bracketed) {
        origin->literal = inet_pton(AF_INET6, origin->host, &v6) == 1;
        origin->loopback = origin->literal && IN6_IS_ADDR_LOOPBACK(&v6);
        return origin->literal;
    }
    origin->literal = inet_pton(AF_INET, origin->host, &v4) == 1;
    origin->loopback = origin->literal && ntohl(v4.s_addr) >> 24 == 127;
    if (origin->literal)
        return true;
    const char *label = strrchr(origin->host, '.');
    label = label == NULL ? origin->host : label + 1;
    return strspn(origin->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == host.length &&
           label[0] != '\0' && (label[0] < '0' || label[0] > '9') && origin->host[0] != '.' && origin->host[0] != '-' &&
           strstr(origin->host, "..") == NULL;
}

static bool read_port(struct origin *origin, struct slice port)
{
    uint64_t number = 0;
    origin->has_port = port.length > 0;
    return !origin->has_port ||
           (port.data[0] == ':' && slice_to_u64(slice_from(port, 1), &number) && number >= 1 && number <= UINT16_MAX);
}

static bool read_authority(struct origin *origin)
{
    struct slice authority = origin->authority;
    bool bracketed = slice_starts_with(authority, "[");
    struct slice inner = bracketed ? slice_from(authority, 1) : authority;
    size_t end = slice_find(inner, bracketed ? ']' : ':');
    if (bracketed && end == inner.length)
        return false;
    return read_host(origin, slice_first(inner, end), bracketed) &&
           read_port(origin, slice_from(inner, end + (bracketed ? 1 : 0)));
}

/* False where it is no URL of this shape; `has_user` and `rest` are set as far as they were found. */
static bool read_origin(struct origin *origin, const char *text)
{
    *origin = (struct origin){ .has_user = strchr(text, '@') != NULL };
    const char *separator = strstr(text, "://");
    if (separator == NULL || origin->has_user)
        return false;
    origin->scheme = slice_of(text, (size_t)(separator - text));
    origin->authority = slice_of(separator + 3, strcspn(separator + 3, "/?#\\"));
    origin->rest = slice_text(origin->authority.data + origin->authority.length);
    return read_authority(origin);
}

/* The value is not shown: it may hold a password. */
static bool refuse_user(const struct config_parse *parse)
{
    (void)buffer_append_text(parse->complaint, "expected "); /* the caller of the parser checks `failed`, and below */
    config_key_append_expected(parse->complaint, parse->key);
    (void)buffer_append_text(
        parse->complaint, ", without a user name or password; what stands there is not shown, as it may be a secret");
    return false;
}

/* "SCHEME://AUTHORITY" into `text` of CONFIG_VALUE_MAX + 16 bytes. */
static const char *respell(char *text, const char *scheme, const struct origin *origin)
{
    (void)snprintf(text, CONFIG_VALUE_MAX + 16, "%s://%.*s", scheme, SLICE_ARGUMENTS(origin->authority)); /* fits */
    return text;
}

static bool refuse_plain_http(const struct config_parse *parse, const struct origin *origin)
{
    char meant[CONFIG_VALUE_MAX + 16];
    (void)buffer_append_text(parse->complaint,
                             "plain http is for literal loopback addresses (127.0.0.1, [::1]) alone; ");
    return config_refuse(parse, origin->has_port ? NULL : respell(meant, "https", origin));
}

bool config_parse_url(struct config_value *value, const struct config_parse *parse)
{
    struct origin origin;
    char meant[CONFIG_VALUE_MAX + 16];
    bool is_origin = read_origin(&origin, parse->text);
    if (origin.has_user)
        return refuse_user(parse);
    bool https = is_origin && slice_equal_text(origin.scheme, "https");
    bool http = is_origin && slice_equal_text(origin.scheme, "http");
    if (!https && !http)
        return config_refuse(parse, NULL);
    if (http && !origin.loopback)
        return refuse_plain_http(parse, &origin);
    if (origin.rest.length == 0)
        return config_value_copy(value, parse, parse->text);
    (void)buffer_append_text(parse->complaint, "clients name the path, the query and the rest; "); /* likewise */
    return config_refuse(parse, respell(meant, https ? "https" : "http", &origin));
}

bool config_parse_proxy(struct config_value *value, const struct config_parse *parse)
{
    static const char *const schemes[] = { "http", "https", "socks5", "socks5h" };
    struct origin origin;
    bool is_origin = read_origin(&origin, parse->text);
    if (origin.has_user)
        return refuse_user(parse);
    bool known = false;
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++)
        known = known || slice_equal_text(origin.scheme, schemes[i]);
    if (!is_origin || !known || !origin.has_port || origin.rest.length > 0)
        return config_refuse(parse, NULL);
    return config_value_copy(value, parse, parse->text);
}

bool config_parse_address(struct config_value *value, const struct config_parse *parse)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, parse->text, address) != 1 && inet_pton(AF_INET6, parse->text, address) != 1)
        return config_refuse(parse, NULL);
    return config_value_copy(value, parse, parse->text);
}

bool config_parse_endpoint(struct config_value *value, const struct config_parse *parse)
{
    struct endpoint endpoint;
    struct error error;
    if (!endpoint_parse(&endpoint, parse->text, &error)) {
        (void)buffer_append_text(parse->complaint, error.message); /* the caller of the parser checks `failed` */
        return false;
    }
    return config_value_copy(value, parse, parse->text); /* whether it may be other than local, check_exposure.c says */
}

bool config_parse_hosts(struct config_value *value, const struct config_parse *parse)
{
    struct slice rest = slice_text(parse->text), part;
    size_t count = 0;
    while (rest.data != NULL && slice_next_part(&rest, ',', &part)) {
        struct origin origin = { .authority = slice_trim_blanks(part) };
        if (!read_authority(&origin) || ++count > HOSTS_MAX)
            return config_refuse(parse, NULL);
    }
    return config_value_copy(value, parse, parse->text);
}

bool config_parse_peer(struct config_value *value, const struct config_parse *parse)
{
    struct peer_rule rule;
    struct error error;
    if (peer_rule_parse(&rule, parse->text, 0, &error))
        return config_value_copy(value, parse, parse->text);
    (void)buffer_append_format(parse->complaint, "%s; ", error.message); /* the caller of the parser checks `failed` */
    return config_refuse(parse, NULL);
}
