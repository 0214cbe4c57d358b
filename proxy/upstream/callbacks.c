/* What libcurl calls during a transfer: the guard that nothing is sent twice, and the witnesses of what left and came.
 *
 * The guard. When a reused connection dies before a byte of the answer, libcurl 7.88 makes the same request again on
 * another connection by itself (Curl_retry_request), a POST too. Before it writes, it opens a socket (open_socket) unless
 * it takes an idle connection, and always asks before_request: both refuse what must not be sent again. */
#include "upstream_internal.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <errno.h>
#include <string.h>

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct upstream_call *call = context;
    (void)purpose; /* always a connection out */
    call->is_writing = false;
    if (!attempt_may_begin(call)) {
        call->stop = STOP_REPEAT;
        return CURL_SOCKET_BAD;
    }
    int fd = sockets_open(call->upstream, address);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE))
        call->stop = STOP_NO_DESCRIPTOR;
    return fd;
}

static enum upstream_stop ask_caller(struct upstream_call *call)
{
    struct upstream_request request;
    enum upstream_stop stop = attempt_ask_caller(call, &request);
    if (stop != STOP_NONE)
        return stop;
    return fields_write(call, &request) ? STOP_NONE : STOP_MEMORY;
}

/* Options set here count for this attempt, except for the body's, which libcurl has taken over already
 * (Curl_pretransfer). FRESH_CONNECT counts for the repeat libcurl may make: not on another idle connection, which may be
 * as dead. */
static bool release(struct upstream_call *call)
{
    if (curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->lines) != CURLE_OK ||
        curl_easy_setopt(call->easy, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK)
        return false;
    attempt_release(call);
    return true;
}

static bool speaks_what_is_demanded(const struct upstream_call *call)
{
    return call->upstream->options.http != UPSTREAM_HTTP_2 ||
           strcmp(call->result.connection.http_version, "HTTP/2") == 0;
}

/* Over HTTP/2 an answer names its request, and other frames may come at any time. */
static bool is_clean(const struct upstream_call *call)
{
    const struct upstream_connection *connection = &call->result.connection;
    return !connection->reused || strcmp(connection->http_version, "HTTP/2") == 0 ||
           sockets_are_clean(call->upstream, connection_tls(call->easy), connection->local_port);
}

/* Why the connection at hand is not used, or STOP_NONE. */
static enum upstream_stop judge_connection(const struct upstream_call *call)
{
    if (!speaks_what_is_demanded(call))
        return STOP_NOT_HTTP_2;
    if (call->result.connection.reused && sockets_are_silent(call->upstream, call->result.connection.local_port))
        return STOP_SILENT;
    return is_clean(call) ? STOP_NONE : STOP_UNCLEAN;
}

static int before_request(void *context, char *remote_address, char *local_address, int remote_port, int local_port)
{
    struct upstream_call *call = context;
    if (!attempt_may_begin(call)) {
        call->stop = STOP_REPEAT;
        return CURL_PREREQFUNC_ABORT;
    }
    const struct upstream_connection before = call->result.connection;
    const int64_t connected_us = clock_wall_us();
    connection_describe(&call->result.connection, call->easy, remote_address, remote_port, local_address, local_port);
    call->stop = judge_connection(call);
    if (call->stop == STOP_NONE)
        call->stop = ask_caller(call);
    if (call->stop == STOP_NONE) {
        attempt_begin(call, connected_us, &before);
        call->stop = release(call) ? STOP_NONE : STOP_MEMORY;
    } else {
        attempt_renounce(call, connected_us, &before);
    }
    return call->stop == STOP_NONE ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static bool request_has_left(const struct upstream_call *call)
{
    const struct buffer *head = &call->request_head;
    size_t body = call->request.has_body ? call->request.body.length : 0;
    return head->length >= 4 && memcmp(head->data + head->length - 4, "\r\n\r\n", 4) == 0 && call->body_sent == body;
}

/* TLS shows its messages to the debug callback without their type: two bytes are an alert, and these two are close_notify
 * (RFC 8446 §6). libcurl 7.88 itself takes an end of TCP for an end of TLS. */
static bool is_tls_end(curl_infotype type, const char *data, size_t size)
{
    return type == CURLINFO_SSL_DATA_IN && size == 2 && data[0] == 1 && data[1] == 0;
}

/* libcurl 7.88 joins a line that begins with a blank to the field that it kept last. For the first line of a head that is
 * a field of an answer before, freed since (heap-use-after-free in Curl_headers_push, which any server can bring about). It
 * shows each line here first, in its own buffer: changed there, the line is a field like any other to it, and
 * take_head_line ends the call. RFC 9112 §5.2 lets a proxy throw such an answer away. */
static void disarm_folded_line(struct upstream_call *call, char *line, size_t size)
{
    if (size == 0 || (line[0] != ' ' && line[0] != '\t'))
        return;
    call->folded = line[0];
    line[0] = ':';
}

/* Over HTTP/2, libcurl 7.88 reads on as long as frames come that end nothing (empty DATA, RST_STREAM, ...), without looking
 * at any other connection or timer. This callback sees each TLS record; it cannot stop libcurl, but the socket. */
static void end_endless_turn(const struct upstream_call *call)
{
    struct upstream *upstream = call->upstream;
    if (upstream->turn_is_cut || clock_monotonic_us() - upstream->turn_began_us < UPSTREAM_TURN_MAX_US)
        return;
    upstream->turn_is_cut = true;
    log_warning("%s sends without end what says nothing: its connection is ended", upstream->host);
    sockets_end(upstream, call->result.connection.local_port);
}

/* Called behind each write, with the bytes that the connection took: the head may come in pieces. */
static int witness(CURL *easy, curl_infotype type, char *data, size_t size, void *context)
{
    struct upstream_call *call = context;
    (void)easy; /* the call's own */
    if (is_tls_end(type, data, size))
        call->tls_end_came = true;
    if (type == CURLINFO_SSL_DATA_IN)
        end_endless_turn(call);
    if (type == CURLINFO_HEADER_IN)
        disarm_folded_line(call, data, size);
    if (!call->is_writing || (type != CURLINFO_HEADER_OUT && type != CURLINFO_DATA_OUT))
        return 0;
    if (type == CURLINFO_HEADER_OUT)
        (void)buffer_append(&call->request_head, data, size); /* out of memory: the record lacks it, the call goes on */
    else
        call->body_sent += size;
    if (size > 0)
        call->result.bytes_left = true;
    if (request_has_left(call)) {
        call->result.timing.sent_us = clock_wall_us();
        if (call->callbacks.sent != NULL)
            call->callbacks.sent(call->context);
    }
    return 0;
}

/* Called for each line of a head, with its line end; and for each line of the trailers, which are not kept. */
static size_t take_head_line(char *line, size_t item_size, size_t count, void *context)
{
    struct upstream_call *call = context;
    size_t size = item_size * count;
    if (!call->is_writing)
        return size;
    if (call->folded != '\0')
        line[0] = call->folded;
    bool is_trailer = call->response_head_is_whole;
    if (!response_take_head(call, line, size))
        return 0;
    if (is_trailer)
        return size;
    if (call->folded != '\0') {
        call->stop = STOP_FOLDED_LINE;
        return 0;
    }
    if (line[0] == '\n' || (size == 2 && line[0] == '\r'))
        (void)response_end_head(call); /* of an interim answer: libcurl waits for the next by itself */
    return size;
}

static size_t take_body(char *data, size_t item_size, size_t count, void *context)
{
    size_t size = item_size * count;
    return response_take_body(context, data, size) ? size : CURL_WRITEFUNC_ERROR;
}

bool callbacks_install(struct upstream_call *call)
{
    CURL *easy = call->easy;
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L) == CURLE_OK && /* or `witness` is not called */
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, witness) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_DEBUGDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head_line) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK;
}
