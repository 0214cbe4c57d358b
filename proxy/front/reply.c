/* Sends an answer: makes libmicrohttpd's response from it and queues it, at once where the handler is still at work, or by
 * resuming the suspended connection. */
#include "reply.h"

#include "front_private.h"

#include <poll.h>

/* The body of a HEAD's answer, of which the length alone is sent: never asked for. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libmicrohttpd's */
static ssize_t no_body(void *cls, uint64_t offset, char *data, size_t length)
{
    (void)cls;
    (void)offset;
    (void)data;
    (void)length;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *response_of_length(uint64_t length)
{
    return MHD_create_response_from_callback(length, 1, no_body, NULL, NULL);
}

/* Left to itself, 0.9.75 answers a HEAD of unknown length with `Transfer-Encoding: chunked` and then sends the last chunk
 * ("0", CR LF, CR LF), which the client takes for the next answer's beginning. The flag stops both and closes. */
static struct MHD_Response *response_of_unknown_length(void)
{
    struct MHD_Response *response = response_of_length(MHD_SIZE_UNKNOWN);
    if (response == NULL)
        return NULL;
    if (MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END) == MHD_YES)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

static struct MHD_Response *response_of_body(struct slice body)
{
    void *data = (void *)(uintptr_t)body.data; /* MHD_RESPMEM_PERSISTENT: it is read only, and never freed */
    return MHD_create_response_from_buffer(body.length, data, MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *response_create(const struct reply_plan *plan, struct slice body)
{
    switch (plan->framing) {
    case REPLY_BODY:
        return response_of_body(body);
    case REPLY_LENGTH_ONLY:
        return response_of_length(plan->length);
    case REPLY_UNKNOWN:
        return response_of_unknown_length();
    case REPLY_NOTHING:
    default:
        return response_of_body(slice_of(NULL, 0));
    }
}

/* libmicrohttpd copies names and values, and wants them with a NUL behind them: `scratch` holds both. */
static bool add_field(struct MHD_Response *response, struct buffer *scratch, struct slice name, struct slice value)
{
    buffer_reset(scratch);
    (void)buffer_append_slice(scratch, name); /* `failed` is checked below */
    (void)buffer_append_byte(scratch, '\0');
    (void)buffer_append_slice(scratch, value);
    (void)buffer_append_byte(scratch, '\0');
    return !scratch->failed &&
           MHD_add_response_header(response, scratch->data, scratch->data + name.length + 1) == MHD_YES;
}

static bool add_fields(struct MHD_Response *response, struct buffer *scratch, const struct reply_plan *plan,
                       const struct front_reply *reply)
{
    if (plan->close && MHD_add_response_header(response, "Connection", "close") != MHD_YES)
        return false;
    for (size_t i = 0; i < reply->field_count; i++) {
        if (reply_sends_field(reply, i) &&
            !add_field(response, scratch, reply->fields[i].name, reply_field_value(reply, i)))
            return false;
    }
    return true;
}

static bool may_be_answered(const struct front_request *request, const struct front_reply *reply, struct error *error)
{
    if (request->state != FRONT_REQUEST_HANDED && request->state != FRONT_REQUEST_WAITING)
        return error_set(error, ERROR_INTERNAL, "a request was answered twice");
    if (reply->status < 200 || reply->status > 599)
        return error_set(error, ERROR_INTERNAL, "%d is not the status of an answer (200 to 599)", reply->status);
    size_t bound = reply_head_bound(reply);
    if (bound > FRONT_REPLY_HEAD_MAX)
        return error_set(error, ERROR_LIMIT,
                         "an answer's fields make about %zu bytes, more than the %d that can be sent", bound,
                         FRONT_REPLY_HEAD_MAX);
    return true;
}

/* -1 where it cannot be told. */
static int socket_of(const struct front_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

/* Whether the client closed its side while it waited. libmicrohttpd does not look while a connection is suspended, and after
 * that sees it or not, depending on which other connections there are; if not, the kernel takes the answer and drops it.
 * A client that only half-closes counts as gone, too: nothing tells the two apart. */
bool front_request_client_left(const struct front_request *request)
{
    struct pollfd client = { .fd = socket_of(request), .events = POLLRDHUP };
    return client.fd >= 0 && poll(&client, 1, 0) > 0;
}

/* The connection goes on in the loop's next turn: one MHD_run then serves all that were resumed in this one. */
static void resume(struct front_request *request)
{
    struct front *front = request->front;
    MHD_resume_connection(request->connection);
    front->again = true;
    loop_timer_start(front->options.loop, &front->timer, 0);
}

bool front_reply(struct front_request *request, const struct front_reply *reply, struct error *error)
{
    if (!may_be_answered(request, reply, error))
        return false;
    struct reply_plan plan = reply_plan(request, reply);
    struct MHD_Response *response = response_create(&plan, reply->body);
    if (response == NULL || !add_fields(response, &request->front->scratch, &plan, reply)) {
        if (response != NULL)
            MHD_destroy_response(response);
        return error_set(error, ERROR_MEMORY, "out of memory for an answer");
    }
    bool is_waiting = request->state == FRONT_REQUEST_WAITING;
    enum MHD_Result queued = MHD_queue_response(request->connection, (unsigned)reply->status, response);
    MHD_destroy_response(response); /* the connection holds it now */
    if (queued != MHD_YES)
        return error_set(error, ERROR_INTERNAL, "libmicrohttpd did not take an answer with status %d", reply->status);
    request->state = FRONT_REQUEST_ANSWERED;
    request->release = reply->release;
    request->release_context = reply->release_context;
    phase_enter(request->front, request->from, FRONT_PHASE_WRITING);
    if (is_waiting) {
        request->client_left = front_request_client_left(request);
        request->from->has_news |=
            request->client_left; /* its end may have come with the request: one event for both */
        resume(request);
    }
    return true;
}

/* libmicrohttpd says goodbye in order, with a FIN and in TLS with a close_notify: a client then sees an answer that ended.
 * Dissolving the association resets a TCP connection before that (Linux, connect(2): AF_UNSPEC); for a unix socket it fails,
 * which leaves its plain end. */
void front_reset(struct front_request *request)
{
    bool is_waiting = request->state == FRONT_REQUEST_WAITING;
    if (!is_waiting && request->state != FRONT_REQUEST_HANDED)
        return; /* it is answered already */
    struct sockaddr nobody = { .sa_family = AF_UNSPEC };
    (void)connect(socket_of(request), &nobody, sizeof(nobody)); /* see above */
    request->state = FRONT_REQUEST_RESET;
    if (is_waiting)
        resume(request);
}
