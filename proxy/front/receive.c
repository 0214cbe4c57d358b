/* How a request comes in: libmicrohttpd's callbacks, in the order in which it calls them.
 *
 *   receive_target      the request line was read: the request is made
 *   receive             the fields were read; then once for each piece of a body; then once when all is read
 *   receive_completed   the request is over, answered or not */
#include "front_private.h"

#include "countersign/clock.h"
#include "head.h"

#include <stdlib.h>
#include <string.h>

/* libmicrohttpd would split the query into arguments that nobody asks for: 64 bytes of the connection's pool for each, and
 * where the pool is full 0.9.75 closes the connection without a word and without MHD_OPTION_NOTIFY_COMPLETED. It looks at
 * the query only after this callback, so an empty one saves both. */
static void hide_query(const char *target)
{
    char *query = strchr(target, '?'); /* in libmicrohttpd's read buffer, which it is about to write to itself */
    if (query != NULL && query[1] != '\0')
        query[1] = '\0';
}

void *receive_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct front_connection *from = connection_of(connection);
    if (target == NULL || from == NULL)
        return NULL; /* `receive` then closes the connection */
    if (from->request != NULL)
        request_end(from->request, false); /* never told to be over; see connection.c */
    struct front_request *request = request_create(cls, connection, from, target);
    hide_query(target);
    return request;
}

/* --- the fields --- */

static enum MHD_Result add_field(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_length,
                                 const char *value, size_t value_length)
{
    (void)kind; /* only header fields were asked for */
    struct http_fields *fields = cls;
    if (fields->count == HTTP_FIELDS_MAX)
        return MHD_NO; /* ends the walk */
    fields->items[fields->count++] =
        (struct http_field){ .name = slice_of(name, name_length), .value = slice_of(value, value_length) };
    return MHD_YES;
}

static bool take_fields(struct front_request *request, size_t *received)
{
    int count = MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, NULL, NULL);
    *received = count < 0 ? 0 : (size_t)count;
    if (*received == 0)
        return true;
    size_t kept = *received < HTTP_FIELDS_MAX ? *received : HTTP_FIELDS_MAX;
    request->fields.items = calloc(kept, sizeof(struct http_field));
    if (request->fields.items == NULL)
        return false;
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, add_field, &request->fields);
    return true;
}

static void trim_values(struct http_fields fields)
{
    for (size_t i = 0; i < fields.count; i++)
        fields.items[i].value = slice_trim_blanks(fields.items[i].value);
}

static size_t head_size(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL ? 0 : info->header_size; /* 0 fits no head: it is then refused */
}

/* Takes the head and finds its defect. *answer_now: nothing behind the head is worth waiting for, because where it ends is
 * unknown, or the client has not sent it yet, or it is too much to read for nothing. */
static bool take_head(struct front_request *request, bool *answer_now)
{
    size_t received;
    if (!take_fields(request, &received))
        return false;
    struct request_head head = { .method = request->method,
                                 .target_in_pool = request->target_in_pool,
                                 .target = request->target,
                                 .version = request->version,
                                 .fields = request->fields,
                                 .field_count = received,
                                 .size = head_size(request->connection),
                                 .size_max = request->front->options.header_max };
    bool is_at_fault = request_take_fault(request);
    struct head_finding finding =
        is_at_fault ? (struct head_finding){ request->defect, .unbounded = true } : head_inspect(&head);
    trim_values(request->fields);
    request->defect = finding.defect;
    uint64_t length = finding.unbounded ? 0 : head_content_length(request->fields);
    if (request->defect == FRONT_DEFECT_NONE && length > request->front->options.body_max)
        request->defect = FRONT_DEFECT_BODY_TOO_LARGE;
    bool too_much_to_discard = length > FRONT_DISCARD_MAX || head_expects_continue(request->fields);
    *answer_now = finding.unbounded || (request->defect != FRONT_DEFECT_NONE && too_much_to_discard);
    return true;
}

/* --- the body --- */

static enum MHD_Result discard(struct front_request *request, size_t length)
{
    if (request_is_at_fault(request))
        return MHD_YES; /* the gate's own filling, with an end */
    request->discarded += length;
    return request->discarded > FRONT_DISCARD_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result take_body(struct front_request *request, const char *data, size_t length)
{
    if (request->state == FRONT_REQUEST_DISCARD || request_is_at_fault(request))
        return discard(request, length);
    struct byte_room *bytes = request->front->options.bytes;
    bool fits = length <= request->body.maximum - request->body.length;
    if (fits && byte_room_take_for(bytes, &request->charged, &request->body, length, FRONT_BODY_FREE))
        return buffer_append(&request->body, data, length) ? MHD_YES : MHD_NO;
    request->state = FRONT_REQUEST_DISCARD;
    if (request->defect == FRONT_DEFECT_NONE)
        request->defect = fits ? FRONT_DEFECT_NO_ROOM : FRONT_DEFECT_BODY_TOO_LARGE;
    request_forget_body(request);
    return discard(request, length);
}

/* --- the whole --- */

static enum MHD_Result hand_over(struct front_request *request)
{
    const struct front_options *options = &request->front->options;
    request->received_us = clock_wall_us();
    phase_enter(request->front, request->from, FRONT_PHASE_WAITING);
    (void)request_take_fault(request); /* where it fell into the body; otherwise it is taken already */
    request->state = FRONT_REQUEST_HANDED;
    options->handler.request(options->context, request);
    if (request->state == FRONT_REQUEST_RESET)
        return MHD_NO;
    if (request->state == FRONT_REQUEST_HANDED) {
        MHD_suspend_connection(request->connection);
        request->state = FRONT_REQUEST_WAITING;
    }
    return MHD_YES;
}

static enum MHD_Result begin(struct front_request *request, const char *method, const char *version)
{
    bool answer_now;
    request->method = slice_text(method);
    request->version = slice_text(version);
    if (!take_head(request, &answer_now))
        return MHD_NO;
    if (answer_now)
        return hand_over(request);
    request->state = request->defect == FRONT_DEFECT_BODY_TOO_LARGE ? FRONT_REQUEST_DISCARD : FRONT_REQUEST_BODY;
    uint64_t length = head_content_length(request->fields);
    if (request->state == FRONT_REQUEST_BODY && length > 0) /* a hint: where it fails, appending will tell */
        (void)buffer_reserve(&request->body, length < FRONT_BODY_FIRST ? (size_t)length : FRONT_BODY_FIRST);
    return MHD_YES;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's */
enum MHD_Result receive(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                        const char *version, const char *data, size_t *data_size, void **request_context)
{
    (void)cls;
    (void)connection;
    (void)url; /* decoded: not what was sent */
    struct front_request *request = *request_context;
    if (request == NULL)
        return MHD_NO; /* no memory for it: closes the connection */
    if (request->state == FRONT_REQUEST_TARGET)
        return begin(request, method, version);
    if (request->state != FRONT_REQUEST_BODY && request->state != FRONT_REQUEST_DISCARD)
        return MHD_NO; /* a reset of one that waited; the rest cannot be: it is answered, or suspended until it is */
    if (data == NULL)  /* not "no bytes": those come too, behind a 100, where a next request is already in the buffer */
        return hand_over(request);
    size_t length = *data_size;
    *data_size = 0;
    return take_body(request, data, length);
}

/* The next request's first bytes may be here already. TLS cannot be read along: what is kept there, or late, is not known. */
static void go_on(struct front *front, struct front_connection *from, uint64_t number)
{
    bool has_next = from->fd >= 0 && from->gate.requests > number;
    phase_enter(front, from, has_next ? FRONT_PHASE_READING : FRONT_PHASE_KEPT);
}

void receive_completed(void *cls, struct MHD_Connection *connection, void **request_context,
                       enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    struct front_request *request = *request_context;
    *request_context = NULL;
    if (request == NULL)
        return;
    bool is_sent = code == MHD_REQUEST_TERMINATED_COMPLETED_OK && request->state == FRONT_REQUEST_ANSWERED;
    struct front *front = request->front;
    struct front_connection *from = request->from;
    go_on(front, from, request->number);
    request_end(request, is_sent && !request->client_left);
    gate_release(front, from);
}
