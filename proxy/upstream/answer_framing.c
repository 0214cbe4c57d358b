/* What an answer's head says of the bytes behind it, and of its connection. Pure. */
#include "answer_reader.h"

enum { SWITCHING_PROTOCOLS = 101, INTERIM_MAX = 199, NO_CONTENT = 204, NOT_MODIFIED = 304 };

static bool has_transfer_coding(struct http_fields fields)
{
    return http_field_find(fields, "Transfer-Encoding") != NULL;
}

/* No request of this program has a TE field, so nothing but chunks may come (RFC 9112 §7.4). */
static bool is_chunked_alone(struct http_fields fields)
{
    for (size_t i = 0; i < fields.count; i++) {
        if (slice_equal_text_caseless(fields.items[i].name, "Transfer-Encoding") &&
            !slice_equal_text_caseless(fields.items[i].value, "chunked"))
            return false;
    }
    return true;
}

/* A number beyond 64 bits is a length, too: one that never comes. */
static enum answer_framing framing_by_length(uint64_t *length, struct slice text)
{
    if (slice_to_u64(text, length))
        return ANSWER_LENGTH;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return ANSWER_UNREADABLE;
    }
    *length = UINT64_MAX;
    return text.length > 0 ? ANSWER_LENGTH : ANSWER_UNREADABLE;
}

enum answer_framing answer_framing_of(uint64_t *length, int status, struct http_fields fields, bool to_head)
{
    if (status <= 0)
        return ANSWER_UNREADABLE;
    if (status >= 100 && status <= INTERIM_MAX && status != SWITCHING_PROTOCOLS)
        return ANSWER_INTERIM;
    if (to_head || status == SWITCHING_PROTOCOLS || status == NO_CONTENT || status == NOT_MODIFIED)
        return ANSWER_NO_BODY;
    if (has_transfer_coding(fields))
        return is_chunked_alone(fields) ? ANSWER_CHUNKED : ANSWER_UNREADABLE;
    const struct http_field *field = http_field_find(fields, "Content-Length");
    return field == NULL ? ANSWER_TO_THE_END : framing_by_length(length, field->value);
}

static bool connection_says(struct http_fields fields, const char *option)
{
    for (size_t i = 0; i < fields.count; i++) {
        struct slice rest = fields.items[i].value, part;
        if (!slice_equal_text_caseless(fields.items[i].name, "Connection"))
            continue;
        while (slice_next_part(&rest, ',', &part)) {
            if (slice_equal_text_caseless(slice_trim_blanks(part), option))
                return true;
        }
    }
    return false;
}

bool answer_keeps_connection(struct slice head, int status, struct http_fields fields, enum answer_framing framing)
{
    bool ends_by_itself = framing == ANSWER_NO_BODY || framing == ANSWER_LENGTH || framing == ANSWER_CHUNKED;
    if (!ends_by_itself || status == SWITCHING_PROTOCOLS || connection_says(fields, "close"))
        return false;
    if (slice_starts_with(head, "HTTP/1.1 "))
        return true;
    return slice_starts_with(head, "HTTP/1.0 ") && connection_says(fields, "keep-alive") &&
           !has_transfer_coding(fields);
}
