/* A reply's head as libmicrohttpd 0.9.75 writes it: status line, Connection, the given fields, Content-Length. Pure but for
 * the request it looks at. */
#include "front_private.h"
#include "head.h"
#include "reply.h"

#include "countersign/compiler.h"

enum { HEAD_ROOM = 160 }; /* the status line with the longest reason, Connection, Content-Length, the empty line */

static bool is_success(int status)
{
    return status >= 200 && status <= 299;
}

static enum reply_framing framing_of(const struct front_request *request, const struct front_reply *reply)
{
    if (reply->status == 204 || (slice_equal_text(request->method, "CONNECT") && is_success(reply->status)))
        return REPLY_NOTHING;
    if (!slice_equal_text(request->method, "HEAD") && reply->status != 304)
        return REPLY_BODY;
    return reply->has_length ? REPLY_LENGTH_ONLY : REPLY_UNKNOWN;
}

/* HTTP/1.0 keeps a connection where its client asks for that and nothing else: libmicrohttpd misses tokens in some lists
 * ("clos,close"), and closing is always allowed. */
static bool asks_for_keep_alive(struct http_fields fields)
{
    const struct http_field *field = http_field_find(fields, "Connection");
    return field != NULL && http_field_count(fields, "Connection") == 1 &&
           slice_equal_text_caseless(field->value, "keep-alive");
}

struct reply_plan reply_plan(const struct front_request *request, const struct front_reply *reply)
{
    struct reply_plan plan = { .framing = framing_of(request, reply) };
    bool is_http_1_0 = slice_equal_text(request->version, "HTTP/1.0");
    plan.length = plan.framing == REPLY_BODY ? reply->body.length : reply->length;
    plan.close = reply->close || plan.framing == REPLY_UNKNOWN || request->defect != FRONT_DEFECT_NONE ||
                 !request->front->accepting || (is_http_1_0 && !asks_for_keep_alive(request->fields)) ||
                 head_lists_token(request->fields, "Connection", "close");
    plan.names_keep_alive = is_http_1_0 && !plan.close;
    return plan;
}

static bool has_byte(struct slice text, char byte)
{
    return slice_find(text, byte) < text.length;
}

static bool date_follows(const struct front_reply *reply, size_t index)
{
    for (size_t i = index + 1; i < reply->field_count; i++) {
        if (slice_equal_text_caseless(reply->fields[i].name, "Date"))
            return true;
    }
    return false;
}

bool reply_sends_field(const struct front_reply *reply, size_t index)
{
    static const struct slice not_ours_to_send[] = {
        SLICE_OF_LITERAL("Connection"),
        SLICE_OF_LITERAL("Content-Length"),
        SLICE_OF_LITERAL("Transfer-Encoding"),
    };
    struct http_field field = reply->fields[index];
    for (size_t i = 0; i < ARRAY_LENGTH(not_ours_to_send); i++) {
        if (slice_equal_caseless(field.name, not_ours_to_send[i]))
            return false;
    }
    if (!head_is_token(field.name) || has_byte(field.value, '\r') || has_byte(field.value, '\n') ||
        has_byte(field.value, '\0'))
        return false;
    return !slice_equal_text_caseless(field.name, "Date") || !date_follows(reply, index);
}

struct slice reply_field_value(const struct front_reply *reply, size_t index)
{
    struct slice value = reply->fields[index].value;
    return value.length == 0 ? SLICE_LITERAL(" ") : value;
}

size_t reply_head_bound(const struct front_reply *reply)
{
    size_t bound = HEAD_ROOM;
    for (size_t i = 0; i < reply->field_count; i++)
        bound += reply->fields[i].name.length + reply_field_value(reply, i).length + sizeof(": \r\n") - 1;
    return bound;
}

static const char *reason_of(int status)
{
    unsigned code = (unsigned)status;
    return MHD_get_reason_phrase_len_for(code) == 0 ? "Non-Standard Status" : MHD_get_reason_phrase_for(code);
}

bool front_reply_head(struct buffer *head, const struct front_request *request, const struct front_reply *reply)
{
    if (reply->status < 200 || reply->status > 599 || reply_head_bound(reply) > FRONT_REPLY_HEAD_MAX)
        return false;
    struct reply_plan plan = reply_plan(request, reply);
    (void)buffer_append_text(head, "HTTP/1.1 "); /* see the end */
    (void)buffer_append_decimal(head, (uint64_t)reply->status);
    (void)buffer_append_byte(head, ' ');
    (void)buffer_append_text(head, reason_of(reply->status));
    (void)buffer_append_text(head, "\r\n");
    if (plan.close)
        (void)buffer_append_text(head, "Connection: close\r\n");
    else if (plan.names_keep_alive)
        (void)buffer_append_text(head, "Connection: Keep-Alive\r\n");
    for (size_t i = 0; i < reply->field_count; i++) {
        if (reply_sends_field(reply, i))
            (void)http_append_field(head, reply->fields[i].name, reply_field_value(reply, i));
    }
    if (plan.framing == REPLY_BODY || plan.framing == REPLY_LENGTH_ONLY) {
        (void)buffer_append_text(head, "Content-Length: ");
        (void)buffer_append_decimal(head, plan.length);
        (void)buffer_append_text(head, "\r\n");
    }
    (void)buffer_append_text(head, "\r\n");
    return !head->failed;
}
