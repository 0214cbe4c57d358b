/* An exchange's birth and end. It lives on its worker's thread until the front, the upstream and the journal are done
 * with it. */
#include "exchange_internal.h"

#include <stdlib.h>

enum { MESSAGE_MAX = 2048, OWN_BODY_MAX = 16384, API_MESSAGE_MAX = 4096 };

size_t exchange_bytes(size_t header_max)
{
    enum { HEADS = 2, FIELDS = 2 * HTTP_FIELDS_MAX + EXCHANGE_REQUEST_FIELDS_EXTRA + EXCHANGE_ANSWER_FIELDS_EXTRA };
    return sizeof(struct exchange) + (size_t)(HEADS * 2) * header_max + HEADS * (size_t)FRONT_REPLY_HEAD_MAX +
           FIELDS * sizeof(struct http_field) + MESSAGE_MAX + OWN_BODY_MAX + API_MESSAGE_MAX;
}

static void init_buffers(struct exchange *exchange)
{
    buffer_init(&exchange->client_head, EXCHANGE_SCRATCH_MAX);
    buffer_init(&exchange->upstream_head, EXCHANGE_SCRATCH_MAX);
    buffer_init(&exchange->response_head, SIZE_MAX / 2); /* bounded by the upstream's response_max */
    buffer_init(&exchange->reply_head, SIZE_MAX / 2);    /* likewise */
    buffer_init(&exchange->error_message, MESSAGE_MAX);
    buffer_init(&exchange->own_body, OWN_BODY_MAX);
    buffer_init(&exchange->api_message, API_MESSAGE_MAX);
}

struct exchange *exchange_create(struct exchange_listener *listener, struct front_request *request)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (exchange == NULL)
        return NULL;
    struct exchange_worker *worker = listener->worker;
    exchange->listener = listener;
    exchange->request = request;
    exchange->must_close = front_request_defect(request) != FRONT_DEFECT_NONE;
    init_buffers(exchange);
    exchange->record = (struct record){
        .id = capture_next_id(worker->capture),
        .listener = slice_text(listener->name),
        .client_address = slice_text(front_request_peer(request)),
        .client_uid = front_request_peer_found(request)->uid,
        .method = front_request_method(request),
        .target = front_request_target(request),
        .received_us = front_request_received_us(request),
    };
    exchange->next = worker->live;
    if (worker->live != NULL)
        worker->live->previous = exchange;
    worker->live = exchange;
    worker->in_flight++;
    exchange_count_begun(listener);
    listener->exchanges++;
    return exchange;
}

static void unlink_from_worker(struct exchange *exchange)
{
    if (exchange->previous != NULL)
        exchange->previous->next = exchange->next;
    else
        exchange->listener->worker->live = exchange->next;
    if (exchange->next != NULL)
        exchange->next->previous = exchange->previous;
}

void exchange_free_if_over(struct exchange *exchange)
{
    if (exchange->request != NULL || exchange->call != NULL || exchange->state != EXCHANGE_ANSWERED)
        return;
    unlink_from_worker(exchange);
    loop_timer_stop(exchange->listener->worker->loop, &exchange->timer);
    exchange->listener->exchanges--;
    free(exchange->request_fields);
    free(exchange->reply_fields);
    free(exchange->response_body);
    byte_room_give_back(exchange->listener->worker->bytes, &exchange->charged);
    buffer_free(&exchange->client_head);
    buffer_free(&exchange->upstream_head);
    buffer_free(&exchange->response_head);
    buffer_free(&exchange->reply_head);
    buffer_free(&exchange->error_message);
    buffer_free(&exchange->own_body);
    buffer_free(&exchange->api_message);
    free(exchange);
}
