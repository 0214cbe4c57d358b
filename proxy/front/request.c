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
    if (from->lines == 0)
        front->unasked--;
    request->number = ++from->lines;
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

void request_forget_body(struct front_request *request)
{
    buffer_free(&request->body);
    byte_room_give_back(request->front->options.bytes, &request->charged);
}

void request_end(struct front_request *request, bool delivered)
{
    const struct front_options *options = &request->front->options;
    unlink_request(request);
    if (request->release != NULL)
        request->release(request->release_context);
    if (request->state >= FRONT_REQUEST_HANDED)
        options->handler.finished(options->context, request, delivered);
    request_forget_body(request);
    free(request->fields.items);
    free(request->detail);
    free(request);
}

/* What libmicrohttpd was given in the fault's place is not what the client sent. */
static void cut(struct front_request *request)
{
    const struct gate *gate = &request->from->gate;
    int parts = gate_line_parts(gate);
    struct slice nothing = slice_of(NULL, 0);
    request->is_cut = parts < 3 || !gate_is_behind_head(gate);
    request->method = parts < 1 ? nothing : request->method;
    request->target = parts < 2 && gate->fault_state != GATE_TARGET ? nothing : request->target;
    request->version = parts < 3 ? nothing : request->version;
    if (request->fields.count > gate->field_count)
        request->fields.count = gate->field_count;
}

bool request_is_at_fault(const struct front_request *request)
{
    const struct front_connection *from = request->from;
    return from->fd >= 0 && from->gate.fault != GATE_FINE && from->gate.requests == request->number;
}

bool request_take_fault(struct front_request *request)
{
    struct gate *gate = &request->from->gate;
    if (request->from->fd >= 0 && gate->requests < request->number)
        gate_bypassed(gate, request->number);
    if (!request_is_at_fault(request))
        return false;
    if (request->detail == NULL) {
        request->defect = gate_fault_defect(gate->fault);
        request->detail = calloc(1, FRONT_DETAIL_MAX); /* NULL: nothing more is said */
        if (request->detail != NULL)
            gate_fault_describe(gate, request->detail, FRONT_DETAIL_MAX);
        cut(request);
        request_forget_body(request);
    }
    return true;
}

const char *front_request_defect_detail(const struct front_request *request)
{
    return request->detail == NULL ? "" : request->detail;
}

bool front_request_head_is_whole(const struct front_request *request)
{
    return !request->is_cut;
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
