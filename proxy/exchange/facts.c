/* What the upstream tells of a request, taken into the record. The worker's thread. */
#include "exchange_internal.h"

bool exchange_copy_facts(struct exchange *exchange, const struct upstream_result *result)
{
    struct record *record = &exchange->record;
    bool copied = buffer_append_slice(&exchange->upstream_head, result->request_head) &&
                  buffer_append_slice(&exchange->response_head, result->response_head);
    record->connected_us = result->timing.connected_us;
    record->sent_us = result->timing.sent_us;
    record->first_byte_us = result->timing.first_byte_us;
    record->complete_us = result->timing.complete_us;
    record->attempts = result->attempts;
    record->views[RECORD_UPSTREAM_REQUEST] = (struct record_message){ .head = slice_of(NULL, 0) };
    if (result->bytes_left)
        record->views[RECORD_UPSTREAM_REQUEST] =
            (struct record_message){ .head = buffer_slice(&exchange->upstream_head), .body = exchange->sending.body };
    if (result->response_head.length > 0)
        record->views[RECORD_UPSTREAM_RESPONSE] = (struct record_message){
            .head = buffer_slice(&exchange->response_head),
            .body = slice_of(exchange->response_body, exchange->response_body_length),
        };
    return copied;
}

void exchange_take_connection(struct exchange *exchange, const struct upstream_connection *connection)
{
    exchange->connection = *connection;
    exchange->record.connection = (struct record_connection){
        .local_address = slice_text(exchange->connection.local_address),
        .remote_address = slice_text(exchange->connection.remote_address),
        .local_port = connection->local_port,
        .remote_port = connection->remote_port,
        .ip_family = connection->ip_family,
        .reused = connection->reused,
        .tls_version = slice_text(exchange->connection.tls_version),
        .tls_cipher = slice_text(exchange->connection.tls_cipher),
        .http_version = slice_text(exchange->connection.http_version),
    };
}
