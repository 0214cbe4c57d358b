/* Bodies in tokens: JSON rewritten as it is written, anything else replaced whole. One thread. */
#include "share_private.h"

#include "countersign/content.h"
#include "countersign/json_scan.h"
#include "countersign/json_write.h"

/* A string's content, escapes resolved; as written where it holds half of a surrogate pair. */
static struct slice content_of(struct share *share, struct slice quoted)
{
    struct buffer *plain = &share->plain;
    buffer_reset(plain);
    if (json_unescape(plain, quoted))
        return buffer_slice(plain);
    buffer_reset(plain);
    buffer_append(plain, quoted.data + 1, quoted.length - 2);
    share->failed = share->failed || plain->failed;
    return buffer_slice(plain);
}

static void append_message(struct buffer *out, struct share *share, struct slice quoted)
{
    struct buffer text;
    struct slice plain = content_of(share, quoted);
    buffer_init(&text, SHARE_RECORD_MAX);
    share_append_text(&text, share, plain);
    if (slice_equal(buffer_slice(&text), plain))
        buffer_append_slice(out, quoted); /* as written */
    else
        (void)json_append_string(out, buffer_slice(&text)); /* out remembers a failure */
    share->failed = share->failed || text.failed;
    buffer_free(&text);
}

static void append_string(struct buffer *out, struct share *share, enum share_kind kind, struct slice quoted)
{
    if (kind == SHARE_TEXT) {
        append_message(out, share, quoted);
        return;
    }
    if (share_stays(share, kind, slice_of(quoted.data + 1, quoted.length - 2))) {
        buffer_append_slice(out, quoted);
        return;
    }
    buffer_append_byte(out, '"');
    share_append_token(out, share, kind, content_of(share, quoted));
    buffer_append_byte(out, '"');
}

static void append_name(struct buffer *out, struct share *share, struct slice quoted)
{
    if (share_name_stays(share, slice_of(quoted.data + 1, quoted.length - 2)))
        buffer_append_slice(out, quoted);
    else
        append_string(out, share, SHARE_NAME, quoted);
}

static void append_scalar(struct buffer *out, struct share *share, enum share_kind kind, enum json_token token,
                          struct slice text)
{
    bool is_hidden_number = token == JSON_NUMBER && !share_stays(share, kind == SHARE_TEXT ? SHARE_WORD : kind, text);
    if (token == JSON_STRING)
        append_string(out, share, kind, text);
    else if (is_hidden_number)
        share_append_number(out, share, kind, text);
    else
        buffer_append_slice(out, text);
}

bool share_append_json(struct buffer *out, struct share *share, struct slice text)
{
    /* What the next value at each depth is; an array's elements are what the array is. */
    enum share_kind kinds[JSON_DEPTH_MAX + 2] = { SHARE_VALUE };
    struct json_scan scan;
    struct slice part;
    enum json_token token;
    size_t written = 0;
    json_scan_init(&scan, text);
    while ((token = json_scan_next(&scan, &part)) != JSON_END) {
        if (token == JSON_INVALID)
            return false;
        size_t begin = (size_t)(part.data - text.data);
        buffer_append_slice(out, slice_first(slice_from(text, written), begin - written));
        written = begin + part.length;
        if (token == JSON_NAME) {
            append_name(out, share, part);
            kinds[scan.depth] = share_kind_of_name(slice_of(part.data + 1, part.length - 2));
            continue;
        }
        append_scalar(out, share, kinds[scan.depth], token, part);
        if (token == JSON_OBJECT_BEGIN || token == JSON_ARRAY_BEGIN)
            kinds[scan.depth] = token == JSON_ARRAY_BEGIN ? kinds[scan.depth - 1] : SHARE_VALUE;
    }
    buffer_append_slice(out, slice_from(text, written));
    return true;
}

/* The body as it was before its coding; where it cannot be read, as it is. */
static struct slice decoded(struct share *share, struct slice coding, struct slice body)
{
    buffer_reset(&share->decoded);
    return content_decode(&share->decoded, coding, body) == CONTENT_DECODED ? buffer_slice(&share->decoded) : body;
}

bool share_append_body(struct buffer *out, struct share *share, struct slice coding, struct slice body)
{
    size_t before = out->length;
    share->failed = false;
    if (body.length == 0)
        return true;
    struct slice text = decoded(share, coding, body);
    if (!share_append_json(out, share, text)) {
        out->length = before;
        share_append_token(out, share, SHARE_BODY, text);
        buffer_append_format(out, " (%zu bytes that are no JSON)", text.length);
    }
    return !out->failed && !share->failed;
}
