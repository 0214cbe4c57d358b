/* How a transfer failed, in the terms of upstream.h. One row for each cause: what it is called while no request was
 * released to a connection, and after that, when the same cause (say, no connection for the repeat) leaves the first
 * attempt's outcome open. */
#include "upstream_internal.h"

#include "countersign/compiler.h"

#include <stdio.h>
#include <string.h>

struct cause {
    CURLcode code;
    enum upstream_failure before; /* no request was released yet */
    enum upstream_failure after;
    bool again;        /* another try for a connection may go better */
    const char *words; /* the host's name follows */
};

static const struct cause causes[] = {
    { CURLE_COULDNT_RESOLVE_HOST, UPSTREAM_NAME_RESOLUTION, UPSTREAM_LOST, false, "could not resolve host name" },
    { CURLE_COULDNT_RESOLVE_PROXY, UPSTREAM_NAME_RESOLUTION, UPSTREAM_LOST, false,
      "could not resolve the egress proxy's name on the way to" },
    { CURLE_COULDNT_CONNECT, UPSTREAM_CONNECT, UPSTREAM_LOST, true, "could not connect to" },
    { CURLE_INTERFACE_FAILED, UPSTREAM_CONNECT, UPSTREAM_LOST, false, "could not use the bind address to connect to" },
    { CURLE_OPERATION_TIMEDOUT, UPSTREAM_CONNECT_TIMEOUT, UPSTREAM_LOST, false, "no connection in time to" },
    { CURLE_SSL_CONNECT_ERROR, UPSTREAM_TLS, UPSTREAM_LOST, true, "no TLS connection to" },
    /* what follows would only repeat itself */
    { CURLE_PEER_FAILED_VERIFICATION, UPSTREAM_TLS, UPSTREAM_LOST, false, "could not verify the certificate of" },
    { CURLE_SSL_CACERT_BADFILE, UPSTREAM_TLS, UPSTREAM_LOST, false, "could not read the CA file to verify" },
    { CURLE_SSL_CERTPROBLEM, UPSTREAM_TLS, UPSTREAM_LOST, false, "no TLS connection to" },
    { CURLE_SSL_CIPHER, UPSTREAM_TLS, UPSTREAM_LOST, false, "no TLS connection to" },
    { CURLE_SSL_ISSUER_ERROR, UPSTREAM_TLS, UPSTREAM_LOST, false, "could not verify the certificate of" },
    { CURLE_SSL_INVALIDCERTSTATUS, UPSTREAM_TLS, UPSTREAM_LOST, false, "could not verify the certificate of" },
    { CURLE_SSL_CLIENTCERT, UPSTREAM_TLS, UPSTREAM_LOST, false, "a client certificate is demanded by" },
    { CURLE_PROXY, UPSTREAM_EGRESS_PROXY, UPSTREAM_LOST, false, "the egress proxy gave no way to" },
    { CURLE_SEND_ERROR, UPSTREAM_EGRESS_PROXY, UPSTREAM_LOST, true, "lost the connection to" },
    { CURLE_RECV_ERROR, UPSTREAM_EGRESS_PROXY, UPSTREAM_LOST, true, "lost the connection to" },
    { CURLE_GOT_NOTHING, UPSTREAM_EGRESS_PROXY, UPSTREAM_LOST, false, "no answer before the connection ended, from" },
    { CURLE_PARTIAL_FILE, UPSTREAM_LOST, UPSTREAM_LOST, false,
      "the connection ended before the whole answer came from" },
    { CURLE_HTTP2, UPSTREAM_CONNECT, UPSTREAM_LOST, true, "the HTTP/2 connection failed to" },
    { CURLE_HTTP2_STREAM, UPSTREAM_CONNECT, UPSTREAM_LOST, false, "the HTTP/2 stream was ended by" },
    { CURLE_WEIRD_SERVER_REPLY, UPSTREAM_EGRESS_PROXY, UPSTREAM_RESPONSE_MALFORMED, false,
      "what came is not HTTP, from" },
    /* libcurl's code for an answer without a status line (HTTP/0.9) */
    { CURLE_UNSUPPORTED_PROTOCOL, UPSTREAM_INTERNAL, UPSTREAM_RESPONSE_MALFORMED, false,
      "what came is not HTTP, from" },
    { CURLE_BAD_CONTENT_ENCODING, UPSTREAM_INTERNAL, UPSTREAM_RESPONSE_MALFORMED, false,
      "the transfer coding cannot be read, from" },
    { CURLE_OUT_OF_MEMORY, UPSTREAM_INTERNAL, UPSTREAM_INTERNAL, false,
      "out of memory, or a line of the answer is too long, with the request to" },
};

static const struct cause unforeseen = { .before = UPSTREAM_INTERNAL,
                                         .after = UPSTREAM_INTERNAL,
                                         .words = "libcurl failed with the request to" };

/* Ended by this room; libcurl's own words would only say that. */
static const struct cause stops[STOP_COUNT] = {
    [STOP_ABOUT_TO_SEND] = { .before = UPSTREAM_ABORTED,
                             .after = UPSTREAM_ABORTED,
                             .words = "stopped when it was about to be sent: the request to" },
    [STOP_REPEAT] = { .before = UPSTREAM_LOST,
                      .after = UPSTREAM_LOST,
                      .words = "the connection ended before any answer, and the request is not sent again, to" },
    [STOP_REQUEST] = { .before = UPSTREAM_INTERNAL,
                       .after = UPSTREAM_INTERNAL,
                       .words = "was changed into one that cannot be sent: the request to" },
    [STOP_NOT_HTTP_2] = { .before = UPSTREAM_TLS,
                          .after = UPSTREAM_LOST,
                          .words = "HTTP/2 is demanded (http = 2) and is not spoken by" },
    [STOP_UNCLEAN] = { .before = UPSTREAM_LOST, /* never told: another connection is taken */
                       .after = UPSTREAM_LOST,
                       .words = "bytes came unasked over an idle connection to" },
    [STOP_SILENT] = { .before = UPSTREAM_LOST, /* never told, either */
                      .after = UPSTREAM_LOST,
                      .words = "nothing comes any more over the connection to" },
    [STOP_FOLDED_LINE] = { .before = UPSTREAM_EGRESS_PROXY,
                           .after = UPSTREAM_RESPONSE_MALFORMED,
                           .words = "the answer's head has a folded line, from" },
    [STOP_SWITCHED] = { .before = UPSTREAM_RESPONSE_MALFORMED,
                        .after = UPSTREAM_RESPONSE_MALFORMED,
                        .words = "another protocol, which nobody asked for, follows upon the answer (101) of" },
    [STOP_RESPONSE_TOO_LARGE] = { .before = UPSTREAM_RESPONSE_TOO_LARGE,
                                  .after = UPSTREAM_RESPONSE_TOO_LARGE,
                                  .words = "the answer is larger than response_max, from" },
    [STOP_NO_ROOM] = { .before = UPSTREAM_NO_ROOM,
                       .after = UPSTREAM_NO_ROOM,
                       .words = "bodies and answers take as many bytes together as buffer_max allows; there is no room "
                                "for the answer of" },
    [STOP_NO_DESCRIPTOR] = { .before = UPSTREAM_NO_DESCRIPTOR,
                             .after = UPSTREAM_LOST,
                             .words = "this process has no descriptor left (RLIMIT_NOFILE) for a connection to" },
    [STOP_MEMORY] = { .before = UPSTREAM_INTERNAL,
                      .after = UPSTREAM_INTERNAL,
                      .words = "out of memory for the request to" },
    [STOP_DEADLINE] = { .before = UPSTREAM_CONNECT_TIMEOUT,
                        .after = UPSTREAM_TIMEOUT,
                        .words = "no whole answer in time from" },
};

static const char *const names[] = {
    [UPSTREAM_OK] = "ok",
    [UPSTREAM_NAME_RESOLUTION] = "name-resolution",
    [UPSTREAM_CONNECT] = "connect",
    [UPSTREAM_CONNECT_TIMEOUT] = "connect-timeout",
    [UPSTREAM_TLS] = "tls",
    [UPSTREAM_EGRESS_PROXY] = "egress-proxy",
    [UPSTREAM_TIMEOUT] = "timeout",
    [UPSTREAM_LOST] = "lost",
    [UPSTREAM_RESPONSE_TOO_LARGE] = "response-too-large",
    [UPSTREAM_NO_ROOM] = "no-room-for-answer",
    [UPSTREAM_NO_DESCRIPTOR] = "no-descriptor",
    [UPSTREAM_RESPONSE_MALFORMED] = "response-malformed",
    [UPSTREAM_ABORTED] = "aborted",
    [UPSTREAM_INTERNAL] = "internal",
};

const char *upstream_failure_name(enum upstream_failure failure)
{
    return (size_t)failure < ARRAY_LENGTH(names) ? names[failure] : "unknown";
}

static const struct cause *cause_of_code(CURLcode code)
{
    for (size_t i = 0; i < ARRAY_LENGTH(causes); i++) {
        if (causes[i].code == code)
            return &causes[i];
    }
    return &unforeseen;
}

bool failure_is_worth_retrying(CURLcode code)
{
    return cause_of_code(code)->again;
}

/* The last two are what libcurl 7.88 says of an HTTP/2 connection that ended, or was ended by GOAWAY; of a stream alone that was
 * ended it says CURLE_HTTP2_STREAM. */
bool failure_is_lost_connection(CURLcode code)
{
    static const CURLcode lost[] = { CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE,
                                     CURLE_HTTP2 };
    for (size_t i = 0; i < ARRAY_LENGTH(lost); i++) {
        if (lost[i] == code)
            return true;
    }
    return false;
}

static enum upstream_failure failure_of(const struct upstream_call *call, const struct cause *cause)
{
    enum upstream_failure failure = call->result.attempts == 0 ? cause->before : cause->after;
    bool has_egress_proxy = call->upstream->egress_proxy[0] != '\0';
    return failure == UPSTREAM_EGRESS_PROXY && !has_egress_proxy ? UPSTREAM_CONNECT : failure;
}

static const char *libcurls_words(const struct upstream_call *call, CURLcode code)
{
    return call->curl_words[0] != '\0' ? call->curl_words : curl_easy_strerror(code);
}

/* In parentheses behind the host: libcurl's words, or the bound that was met. */
static int print_message(char *text, size_t size, const struct upstream_call *call, const struct cause *cause,
                         CURLcode code)
{
    const char *host = call->upstream->host;
    const struct upstream_options *options = &call->upstream->options;
    if (call->result.failure == UPSTREAM_EGRESS_PROXY) /* libcurl's code is that of a lost connection */
        return snprintf(text, size, "the egress proxy gave no way to %s (%s)", host, libcurls_words(call, code));
    if (call->stop == STOP_DEADLINE)
        return snprintf(text, size, "%s %s (timeout %.3g s)", cause->words, host, (double)options->timeout_us / 1e6);
    if (call->stop == STOP_RESPONSE_TOO_LARGE)
        return snprintf(text, size, "%s %s (%zu bytes)", cause->words, host, options->response_max);
    if (call->stop != STOP_NONE || code == CURLE_OK)
        return snprintf(text, size, "%s %s", cause->words, host);
    return snprintf(text, size, "%s %s (%s)", cause->words, host, libcurls_words(call, code));
}

static void write_message(struct upstream_call *call, const struct cause *cause, CURLcode code)
{
    static const char cut[] = "...";
    char *text = call->result.message;
    size_t size = sizeof(call->result.message);
    int length = print_message(text, size, call, cause, code);
    if (length < 0 || (size_t)length >= size)
        memcpy(text + size - sizeof(cut), cut, sizeof(cut));
}

static bool is_chunked(struct http_fields fields)
{
    static const char last[] = "chunked";
    const struct http_field *field = http_field_find(fields, "Transfer-Encoding");
    return field != NULL && field->value.length >= sizeof(last) - 1 &&
           slice_equal_text_caseless(slice_from(field->value, field->value.length - (sizeof(last) - 1)), last);
}

/* Whether nothing but the connection's end says where the body ends (RFC 9112 §6.3). */
static bool ends_by_close(const struct upstream_call *call)
{
    const struct upstream_result *result = &call->result;
    bool has_no_body = result->status == 101 || result->status == 204 || result->status == 304 ||
                       slice_equal_text(call->request.method, "HEAD");
    return !has_no_body && strcmp(result->connection.http_version, "HTTP/1.1") == 0 &&
           !is_chunked(result->response_fields) && http_field_find(result->response_fields, "Content-Length") == NULL;
}

/* RFC 9112 §9.8: without TLS's own end, anyone on the way can have cut it. */
static bool may_be_cut(const struct upstream_call *call)
{
    return call->result.connection.tls_version[0] != '\0' && !call->tls_end_came && ends_by_close(call);
}

static bool is_number(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.length > 0;
}

/* RFC 9112 §6.3. Where libcurl reads one length and the exchange may have meant another, the body may be cut, or another
 * answer's. */
bool failure_length_is_ambiguous(struct http_fields fields)
{
    const struct http_field *first = http_field_find(fields, "Content-Length");
    size_t codings = http_field_count(fields, "Transfer-Encoding");
    if (codings > 1 || (codings > 0 && first != NULL))
        return true;
    if (first == NULL)
        return false;
    for (size_t i = 0; i < fields.count; i++) {
        const struct http_field *field = &fields.items[i];
        if (slice_equal_text_caseless(field->name, "Content-Length") &&
            (!is_number(field->value) || !slice_equal(field->value, first->value)))
            return true;
    }
    return false;
}

/* libcurl is content with an answer that ends within its head or without TLS's end, with a head that it alone can
 * read, and with a length of which it takes one. */
static const struct cause *cause_of_success(const struct upstream_call *call)
{
    static const struct cause head_cut = { .before = UPSTREAM_LOST,
                                           .after = UPSTREAM_LOST,
                                           .words = "the connection ended within the answer's head, from" };
    static const struct cause head_unreadable = { .before = UPSTREAM_RESPONSE_MALFORMED,
                                                  .after = UPSTREAM_RESPONSE_MALFORMED,
                                                  .words = "the answer's head cannot be read, from" };
    static const struct cause body_cut = { .before = UPSTREAM_LOST,
                                           .after = UPSTREAM_LOST,
                                           .words = "the connection ended, without TLS's end, within the answer from" };
    static const struct cause two_lengths = { .before = UPSTREAM_RESPONSE_MALFORMED,
                                              .after = UPSTREAM_RESPONSE_MALFORMED,
                                              .words = "the answer's length can be read in two ways, from" };
    if (!call->response_head_is_whole)
        return &head_cut;
    if (call->result.status == 0)
        return &head_unreadable;
    if (failure_length_is_ambiguous(call->result.response_fields))
        return &two_lengths;
    return may_be_cut(call) ? &body_cut : NULL;
}

/* libcurl has no code of its own for it, and a resolver without a descriptor finds no name. */
static bool lacks_descriptor(const struct upstream_call *call, CURLcode code)
{
    bool may_be_it = code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
                     code == CURLE_COULDNT_CONNECT || code == CURLE_OUT_OF_MEMORY;
    return may_be_it && call->stop == STOP_NONE && call->result.attempts == 0 && sockets_are_out();
}

static const struct cause *cause_of_end(const struct upstream_call *call, CURLcode code)
{
    if (lacks_descriptor(call, code))
        return &stops[STOP_NO_DESCRIPTOR];
    if (call->stop != STOP_NONE)
        return &stops[call->stop];
    return code == CURLE_OK ? cause_of_success(call) : cause_of_code(code);
}

static int connect_error(const struct upstream_call *call, CURLcode code)
{
    if (code != CURLE_COULDNT_CONNECT)
        return 0;
    return (int)(call->easy == NULL ? call->os_error : connection_os_error(call->easy));
}

void failure_explain(struct upstream_call *call, CURLcode code)
{
    struct upstream_result *result = &call->result;
    const struct cause *cause = cause_of_end(call, code);
    result->failure = UPSTREAM_OK;
    result->message[0] = '\0';
    if (cause == NULL)
        return;
    result->failure = failure_of(call, cause);
    result->system_error = connect_error(call, code);
    write_message(call, cause, code);
}
