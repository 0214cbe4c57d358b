/* What is known of the connection a request is about to use. Asked from within libcurl's pre-request callback, where the
 * connection is attached to the handle and (TLS) its handshake is over. */
#include "upstream_internal.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

SSL *connection_tls(CURL *easy)
{
    struct curl_tlssessioninfo *info = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == NULL)
        return NULL;
    return info->backend == CURLSSLBACKEND_OPENSSL ? info->internals : NULL;
}

static bool speaks_http_2(const SSL *tls)
{
    const unsigned char *protocol = NULL;
    unsigned length = 0;
    SSL_get0_alpn_selected(tls, &protocol, &length);
    return slice_equal_text(slice_of(protocol, length), "h2");
}

static bool is_reused(CURL *easy)
{
    long made = 0;
    return curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &made) == CURLE_OK && made == 0;
}

static void copy_text(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from == NULL ? "" : from); /* cut to fit */
}

void connection_describe(struct upstream_connection *connection, CURL *easy, const char *remote_address,
                         int remote_port, const char *local_address, int local_port)
{
    const SSL *tls = connection_tls(easy);
    *connection = (struct upstream_connection){ .remote_port = remote_port, .local_port = local_port };
    copy_text(connection->remote_address, sizeof(connection->remote_address), remote_address);
    copy_text(connection->local_address, sizeof(connection->local_address), local_address);
    connection->ip_family = strchr(connection->remote_address, ':') == NULL ? 4 : 6;
    connection->reused = is_reused(easy);
    if (tls != NULL) {
        copy_text(connection->tls_version, sizeof(connection->tls_version), SSL_get_version(tls));
        copy_text(connection->tls_cipher, sizeof(connection->tls_cipher), SSL_get_cipher_name(tls));
    }
    copy_text(connection->http_version, sizeof(connection->http_version),
              tls != NULL && speaks_http_2(tls) ? "HTTP/2" : "HTTP/1.1");
}

long connection_os_error(CURL *easy)
{
    long number = 0;
    return curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK ? number : 0;
}
