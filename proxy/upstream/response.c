/* What comes of an answer: counted, kept within its bounds, its head read. The loop's thread. */
#include "upstream_internal.h"

#include "countersign/clock.h"

#include <string.h>

/* Counts what came, and says whether it is within the bound. */
static bool count_bytes(struct upstream_call *call, size_t size)
{
    if (size > call->upstream->options.response_max - call->response_bytes) {
        call->stop = STOP_RESPONSE_TOO_LARGE;
        return false;
    }
    call->response_bytes += size;
    return true;
}

static enum upstream_stop keep_head(struct upstream_call *call, const char *bytes, size_t size)
{
    struct byte_room *room = call->upstream->options.bytes;
    const struct buffer *head = &call->response_head;
    if (!byte_room_take_for(room, &call->head_charged, head, size, UPSTREAM_HEAD_FREE) ||
        !byte_room_take_for(room, &call->copy_charged, head, size, UPSTREAM_HEAD_FREE))
        return STOP_NO_ROOM;
    return buffer_append(&call->response_head, bytes, size) ? STOP_NONE : STOP_MEMORY;
}

/* An interim answer before the final one says nothing of when that one's Date was written. */
static void note_times(struct upstream_call *call)
{
    if (call->result.timing.first_byte_us == 0)
        call->result.timing.first_byte_us = clock_wall_us();
    if (call->response_head.length == 0)
        call->head_boot_us = clock_boot_us();
}

bool response_take_head(struct upstream_call *call, const char *bytes, size_t size)
{
    note_times(call);
    if (!count_bytes(call, size))
        return false;
    if (call->response_head_is_whole)
        return true;
    call->stop = keep_head(call, bytes, size);
    return call->stop == STOP_NONE;
}

/* RFC 9110 §5.5: a NUL is invalid, and dangerous to who reads the head as a text. */
static bool holds_nul(struct slice head)
{
    return memchr(head.data, '\0', head.length) != NULL;
}

bool response_end_head(struct upstream_call *call)
{
    struct upstream_result *result = &call->result;
    struct slice head = buffer_slice(&call->response_head);
    if (holds_nul(head) || !http_parse_response_head(&result->status, &result->response_fields, HTTP_FIELDS_MAX, head))
        result->status = 0;
    bool is_interim = result->status >= 100 && result->status <= 199 && result->status != 101;
    if (!is_interim) {
        call->response_head_is_whole = true;
        return true;
    }
    buffer_reset(&call->response_head);
    result->status = 0;
    result->response_fields.count = 0;
    return false;
}

static enum upstream_stop keep_body(struct upstream_call *call, const char *bytes, size_t size)
{
    if (!byte_room_take_for(call->upstream->options.bytes, &call->body_charged, &call->response_body, size,
                            UPSTREAM_ANSWER_FREE))
        return STOP_NO_ROOM;
    return buffer_append(&call->response_body, bytes, size) ? STOP_NONE : STOP_MEMORY;
}

bool response_take_body(struct upstream_call *call, const char *bytes, size_t size)
{
    if (!count_bytes(call, size))
        return false;
    call->stop = keep_body(call, bytes, size);
    return call->stop == STOP_NONE;
}

bool response_count_coding(struct upstream_call *call, size_t size)
{
    if (size > call->upstream->options.response_max - call->coding_bytes) {
        call->stop = STOP_RESPONSE_TOO_LARGE;
        return false;
    }
    call->coding_bytes += size;
    return true;
}
