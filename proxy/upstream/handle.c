/* libcurl's options. A handle gets those that never change once, at its birth; before each request only what differs. */
#include "upstream_internal.h"

#include "countersign/compiler.h"

#include <stdio.h>

static const struct {
    CURLoption option;
    long value;
} fixed_numbers[] = {
    { CURLOPT_NOSIGNAL, 1 },
    { CURLOPT_NOPROGRESS, 1 },
    { CURLOPT_PATH_AS_IS, 1 },
    { CURLOPT_HTTP09_ALLOWED, 0 },
    { CURLOPT_FOLLOWLOCATION, 0 },
    { CURLOPT_NETRC, CURL_NETRC_IGNORED },
    { CURLOPT_SSL_VERIFYPEER, 1 }, /* no option of ours turns these two off */
    { CURLOPT_SSL_VERIFYHOST, 2 },
    { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 }, /* or later */
    { CURLOPT_TCP_NODELAY, 1 },
    { CURLOPT_TCP_KEEPALIVE, 1 },
    { CURLOPT_TCP_KEEPIDLE, 30 },               /* seconds */
    { CURLOPT_TCP_KEEPINTVL, 15 },              /* seconds */
    { CURLOPT_HTTPPROXYTUNNEL, 1 },             /* an egress proxy sees CONNECT and nothing else */
    { CURLOPT_HEADEROPT, CURLHEADER_SEPARATE }, /* so that no field of ours, signatures among them, goes to it */
    { CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
    { CURLOPT_QUICK_EXIT, 1 }, /* giving up on a name does not wait for its resolver thread */
};

static bool set_number(CURL *easy, CURLoption option, long value)
{
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

static bool set_text(CURL *easy, CURLoption option, const char *value)
{
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

static bool set_fixed_numbers(CURL *easy)
{
    for (size_t i = 0; i < ARRAY_LENGTH(fixed_numbers); i++) {
        if (!set_number(easy, fixed_numbers[i].option, fixed_numbers[i].value))
            return false;
    }
    return true;
}

/* Of a given CA file, only what is in it is trusted: the system's folder is left out. */
static bool set_trust(CURL *easy, const char *ca_file)
{
    if (ca_file[0] == '\0')
        return true;
    return set_text(easy, CURLOPT_CAINFO, ca_file) && set_text(easy, CURLOPT_CAPATH, NULL);
}

static bool set_bind_address(CURL *easy, const char *address)
{
    char text[80];
    if (address[0] == '\0')
        return true;
    int length = snprintf(text, sizeof(text), "host!%s", address);
    return length > 0 && (size_t)length < sizeof(text) && set_text(easy, CURLOPT_INTERFACE, text);
}

static bool set_route(CURL *easy, const struct upstream *upstream)
{
    static const long families[] = { [UPSTREAM_IP_ANY] = CURL_IPRESOLVE_WHATEVER,
                                     [UPSTREAM_IP_V4] = CURL_IPRESOLVE_V4,
                                     [UPSTREAM_IP_V6] = CURL_IPRESOLVE_V6 };
    static const long versions[] = { [UPSTREAM_HTTP_1_1] = CURL_HTTP_VERSION_1_1,
                                     [UPSTREAM_HTTP_2] = CURL_HTTP_VERSION_2TLS,
                                     [UPSTREAM_HTTP_AUTO] = CURL_HTTP_VERSION_2TLS };
    return set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https") && set_text(easy, CURLOPT_URL, upstream->url) &&
           /* an empty text, where NULL would have libcurl look at the environment's *_proxy and no_proxy */
           set_text(easy, CURLOPT_PROXY, upstream->egress_proxy) && set_text(easy, CURLOPT_NOPROXY, "") &&
           set_number(easy, CURLOPT_IPRESOLVE, families[upstream->options.ip_family]) &&
           set_number(easy, CURLOPT_HTTP_VERSION, versions[upstream->options.http]) &&
           set_bind_address(easy, upstream->bind_address) && set_trust(easy, upstream->ca_file) &&
           curl_easy_setopt(easy, CURLOPT_SHARE, upstream->tls_sessions) == CURLE_OK;
}

/* Connections outlive calls: the context is the upstream. */
static int close_socket(void *context, curl_socket_t fd)
{
    return sockets_close(context, fd);
}

CURL *handle_make(struct upstream *upstream)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    if (set_fixed_numbers(easy) && set_route(easy, upstream) && certificate_watch(easy, upstream) &&
        curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, upstream) == CURLE_OK)
        return easy;
    curl_easy_cleanup(easy);
    return NULL;
}

CURL *handle_create(struct upstream_call *call)
{
    CURL *easy = handle_make(call->upstream);
    if (easy == NULL)
        return NULL;
    call->easy = easy;
    if (callbacks_install(call) && curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_words) == CURLE_OK)
        return easy;
    call->easy = NULL;
    curl_easy_cleanup(easy);
    return NULL;
}

/* CURLOPT_POSTFIELDS is a pointer to bytes, NUL among them, that libcurl does not copy. */
static bool set_body(CURL *easy, const struct upstream_request *request)
{
    const char *bytes = request->body.length == 0 ? "" : request->body.data;
    return curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length) == CURLE_OK &&
           set_text(easy, CURLOPT_POSTFIELDS, bytes);
}

/* CURLOPT_HTTPGET stands for "no body to send", whatever the method's name is, and clears CURLOPT_NOBODY, which stands for
 * "no body to read" (RFC 9110 §9.3.2). */
static bool set_bodies(CURL *easy, const struct upstream_request *request)
{
    if (!set_number(easy, CURLOPT_HTTPGET, 1))
        return false;
    if (slice_equal_text(request->method, "HEAD") && !set_number(easy, CURLOPT_NOBODY, 1))
        return false;
    return !request->has_body || set_body(easy, request);
}

bool handle_set_request(struct upstream_call *call)
{
    const struct upstream_request *request = &call->request;
    (void)snprintf(call->method, sizeof(call->method), "%.*s", SLICE_ARGUMENTS(request->method)); /* 32 bytes at most */
    buffer_reset(&call->target);
    if (!buffer_append_slice(&call->target, request->target))
        return false;
    return set_text(call->easy, CURLOPT_CUSTOMREQUEST, call->method) &&
           set_text(call->easy, CURLOPT_REQUEST_TARGET, buffer_text(&call->target)) &&
           set_number(call->easy, CURLOPT_FRESH_CONNECT, 0) && set_bodies(call->easy, request);
}

bool handle_set_connect_timeout(CURL *easy, int64_t left_us)
{
    int64_t left_ms = left_us <= 1000 ? 1 : left_us / 1000; /* 0 would stand for libcurl's default, 300 s */
    return set_number(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)left_ms);
}

bool handle_demand_new_connection(struct upstream_call *call)
{
    return set_number(call->easy, CURLOPT_FRESH_CONNECT, 1);
}

void handle_forget_request(struct upstream_call *call)
{
    if (call->easy == NULL)
        return;
    /* clearing a pointer cannot fail */
    (void)set_text(call->easy, CURLOPT_POSTFIELDS, NULL);
    (void)curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, NULL);
    (void)set_number(call->easy, CURLOPT_HTTPGET, 1);
}
