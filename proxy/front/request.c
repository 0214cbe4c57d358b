/* One request from its first line to its end: its memory, and what the handler may ask of it. */
#include "front_private.h"

#include "countersign/clock.h"

#include <stdlib.h>
#include <string.h>

struct front_request *request_create(struct front *front, struct MHD_Connection *connection,
                                     struct front_connection *from, const char *target)
{
    size_t length = strlen(target);
    struct front_request *request = calloc(1, sizeof(*request) + length + 1);
    if (request == NULL)
        return NULL;
    request->front = front;
    request->connection = connection;
    request->from = from;
    request->target_in_pool = target;
    memcpy(request->target_bytes, target, length + 1);
    request->target = slice_of(request->target_bytes, length);
    buffer_init(&request->body, front->options.body_max);
    request->begun_us = clock_wall_us();
    request->next = front->requests;
    if (request->next != NULL)
        request->next->previous = request;
    front->requests = request;
    front->request_count++;
    from->request = request;
    return request;
}

static void unlink_request(struct front_request *request)
{
    struct front *front = request->front;
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        front->requests = request->next;
    if (request->next != NULL)
        request->next->previous = request->previous;
    front->request_count--;
    request->from->request = NULL;
}

void request_end(struct front_request *request, bool delivered)
{
    const struct front_options *options = &request->front->options;
    unlink_request(request);
    if (request->release != NULL)
        request->release(request->release_context);
    if (request->state >= FRONT_REQUEST_HANDED)
        options->handler.finished(options->context, request, delivered);
    buffer_free(&request->body);
    free(request->fields.items);
    free(request);
}

enum front_defect front_request_defect(const struct front_request *request)
{
    return request->defect;
}

struct slice front_request_method(const struct front_request *request)
{
    return request->method;
}

struct slice front_request_target(const struct front_request *request)
{
    return request->target;
}

struct slice front_request_version(const struct front_request *request)
{
    return request->version;
}

struct http_fields front_request_fields(const struct front_request *request)
{
    return request->fields;
}

struct slice front_request_body(const struct front_request *request)
{
    return buffer_slice(&request->body);
}

const char *front_request_peer(const struct front_request *request)
{
    return request->from->peer;
}

const char *front_request_local(const struct front_request *request)
{
    return request->from->local;
}

const struct peer *front_request_peer_found(const struct front_request *request)
{
    return &request->from->found;
}

int64_t front_request_begun_us(const struct front_request *request)
{
    return request->begun_us;
}

int64_t front_request_received_us(const struct front_request *request)
{
    return request->received_us;
}

void front_request_set_context(struct front_request *request, void *context)
{
    request->context = context;
}

void *front_request_context(const struct front_request *request)
{
    return request->context;
}
