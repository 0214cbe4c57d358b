/* An upstream's options: checked at its creation, so that what cannot work is told before the first request. */
#include "upstream_internal.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static char *url_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    return curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = url_part(url, part, 0);
    bool has = text != NULL;
    curl_free(text);
    return has;
}

/* "https://host[:port]": nothing that a request's own target would replace. */
static bool is_base_url(CURLU *url)
{
    char *scheme = url_part(url, CURLUPART_SCHEME, 0), *path = url_part(url, CURLUPART_PATH, 0);
    bool is_base = scheme != NULL && (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0) && path != NULL &&
                   strcmp(path, "/") == 0 && !has_part(url, CURLUPART_USER) && !has_part(url, CURLUPART_PASSWORD) &&
                   !has_part(url, CURLUPART_QUERY) && !has_part(url, CURLUPART_FRAGMENT);
    curl_free(scheme);
    curl_free(path);
    return is_base;
}

/* As libcurl writes the Host field: the port where it is not the scheme's own. */
static char *host_value(CURLU *url)
{
    struct buffer text;
    char *host = url_part(url, CURLUPART_HOST, 0), *port = url_part(url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
    buffer_init(&text, UPSTREAM_HEAD_MAX);
    if (host != NULL)
        (void)buffer_append_text(&text, host); /* a failure shows below */
    if (port != NULL)
        (void)buffer_append_format(&text, ":%s", port);
    char *value = host == NULL || text.failed ? NULL : strdup(buffer_text(&text));
    buffer_free(&text);
    curl_free(host);
    curl_free(port);
    return value;
}

static char *own_copy(char *curls)
{
    char *copy = curls == NULL ? NULL : strdup(curls);
    curl_free(curls);
    return copy;
}

static bool take_url(struct upstream *upstream, const char *text, struct error *error)
{
    CURLU *url = curl_url();
    bool taken = false;
    if (url == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the upstream %s", text);
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, 0);
    if (code != CURLUE_OK || !is_base_url(url)) {
        (void)error_set(error, ERROR_CONFIG, "the upstream's url %s is not of the form https://host[:port]%s%s", text,
                        code == CURLUE_OK ? "" : ": ", code == CURLUE_OK ? "" : curl_url_strerror(code));
        goto out;
    }
    upstream->url = own_copy(url_part(url, CURLUPART_URL, 0));
    upstream->host = host_value(url);
    taken = upstream->url != NULL && upstream->host != NULL;
    if (!taken)
        (void)error_set(error, ERROR_MEMORY, "out of memory for the upstream %s", text);
out:
    curl_url_cleanup(url);
    return taken;
}

static bool is_one_of(const char *text, const char *const *list)
{
    while (*list != NULL && strcmp(text, *list) != 0)
        list++;
    return *list != NULL;
}

static bool check_egress_proxy(const char *text, struct error *error)
{
    static const char *const schemes[] = { "http", "https", "socks4", "socks4a", "socks5", "socks5h", NULL };
    if (text[0] == '\0')
        return true;
    CURLU *url = curl_url();
    if (url == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the upstream's proxy");
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    char *scheme = code == CURLUE_OK ? url_part(url, CURLUPART_SCHEME, 0) : NULL;
    bool is_proxy = scheme != NULL && is_one_of(scheme, schemes);
    curl_free(scheme);
    curl_url_cleanup(url);
    /* its text is not shown: it may hold a password */
    return is_proxy || error_set(error, ERROR_CONFIG,
                                 "the upstream's proxy is not of the form http://host:port or "
                                 "socks5h://host:port");
}

/* Whether one certificate at least can be used. OpenSSL 3.0 that had no memory for what reads a kind of public key does not
 * read that kind again in this process: it has to be told at start, not as every connection's failure. */
static bool has_readable_key(X509_STORE *store)
{
    const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        const X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (certificate != NULL && X509_get0_pubkey(certificate) != NULL)
            return true;
    }
    return false;
}

static bool check_ca_file(const char *path, struct error *error)
{
    if (path[0] == '\0')
        return true;
    X509_STORE *store = X509_STORE_new();
    if (store == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the CA file %s", path);
    bool loaded = X509_STORE_load_file(store, path) == 1;
    bool readable = loaded && has_readable_key(store);
    X509_STORE_free(store);
    const char *reason = loaded ? NULL : ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    if (loaded && !readable)
        return error_set(
            error, ERROR_CONFIG,
            "no public key in the upstream's ca_file %s can be read: of a kind that this OpenSSL lacks, or "
            "memory ran out while it was read; start again, or name another file",
            path);
    return loaded || error_set(error, ERROR_CONFIG, "cannot read certificates (PEM) from the upstream's ca_file %s: %s",
                               path, reason == NULL ? "there are none" : reason);
}

/* A bind address decides the family too, since no other could be bound to it. */
static bool take_ip_family(struct upstream_options *options, struct error *error)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (options->bind_address[0] == '\0')
        return true;
    enum upstream_ip_family family;
    if (inet_pton(AF_INET, options->bind_address, address) == 1)
        family = UPSTREAM_IP_V4;
    else if (inet_pton(AF_INET6, options->bind_address, address) == 1)
        family = UPSTREAM_IP_V6;
    else
        return error_set(error, ERROR_CONFIG, "the upstream's bind_address %s is not an IP address",
                         options->bind_address);
    if (options->ip_family != UPSTREAM_IP_ANY && options->ip_family != family)
        return error_set(error, ERROR_CONFIG, "the upstream's bind_address %s is not of its ip_family",
                         options->bind_address);
    options->ip_family = family;
    return true;
}

static bool check_numbers(const struct upstream_options *options, struct error *error)
{
    if (options->connections_max == 0 || options->timeout_us <= 0 || options->connect_timeout_us <= 0)
        return error_set(error, ERROR_CONFIG,
                         "the upstream %s needs a timeout, a connect_timeout and connections, "
                         "each above 0",
                         options->url);
    if (options->http == UPSTREAM_HTTP_2 && strncmp(options->url, "https:", 6) != 0)
        return error_set(error, ERROR_CONFIG, "the upstream %s cannot use http = 2, which needs TLS", options->url);
    return true;
}

static bool copy_texts(struct upstream *upstream, struct error *error)
{
    struct upstream_options *options = &upstream->options;
    upstream->ca_file = strdup(options->ca_file);
    upstream->bind_address = strdup(options->bind_address);
    upstream->egress_proxy = strdup(options->proxy);
    if (upstream->ca_file == NULL || upstream->bind_address == NULL || upstream->egress_proxy == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the upstream %s", options->url);
    options->ca_file = upstream->ca_file;
    options->bind_address = upstream->bind_address;
    options->proxy = upstream->egress_proxy;
    options->url = upstream->url;
    return true;
}

bool options_take(struct upstream *upstream, struct error *error)
{
    struct upstream_options *options = &upstream->options;
    return take_url(upstream, options->url, error) && copy_texts(upstream, error) && check_numbers(options, error) &&
           check_egress_proxy(options->proxy, error) && check_ca_file(options->ca_file, error) &&
           take_ip_family(options, error);
}
