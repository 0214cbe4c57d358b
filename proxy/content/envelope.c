/* What an answer says of itself, read for its outcome. Owns nothing but the unfolded body while it looks. Pure; any
 * thread. */
#include "countersign/envelope.h"

#include "countersign/compiler.h"
#include "countersign/content.h"
#include "countersign/http_message.h"
#include "countersign/json_scan.h"

#include <string.h>

/* Digits mostly. Anything that would not fit a field value is left out. */
static void take_code(struct envelope *envelope, struct slice value, enum json_token kind)
{
    if (kind == JSON_STRING)
        value = slice_of(value.data + 1, value.length - 2);
    if ((kind != JSON_STRING && kind != JSON_NUMBER) || value.length == 0 || value.length > sizeof(envelope->code))
        return;
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] <= 0x20 || value.data[i] >= 0x7f)
            return;
    }
    memcpy(envelope->code, value.data, value.length);
    envelope->code_length = value.length;
}

/* 0 means success; the transfer endpoint also documents 200. */
static bool code_is_success(struct slice code, struct slice target)
{
    static const char transfer[] = "/v1/future/transfer";
    if (slice_equal_text(code, "0"))
        return true;
    struct slice path = http_target_path(target);
    size_t length = sizeof(transfer) - 1;
    return slice_equal_text(code, "200") && path.length >= length &&
           slice_equal_text(slice_from(path, path.length - length), transfer);
}

static void take_message(struct envelope *envelope, struct buffer *message, struct slice body)
{
    static const char *const names[] = { "message", "msg" };
    struct slice value;
    enum json_token kind;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (!json_member(body, names[i], &value, &kind) || kind != JSON_STRING)
            continue;
        envelope->has_message = json_unescape(message, value);
        return;
    }
}

/* An answer to a private call without a `code` that can be read (a captive portal's page, nothing at all, a coding we do
 * not know) says neither that it was done nor that it was not. Public endpoints may answer otherwise. */
static enum envelope_verdict verdict_without_code(const struct envelope_answer *answer)
{
    if (answer->status >= 300 && answer->status != 304)
        return ENVELOPE_HTTP_ERROR;
    if (answer->is_public || slice_equal_text(answer->method, "HEAD"))
        return ENVELOPE_OK;
    return ENVELOPE_NO_CODE;
}

static enum envelope_verdict read_body(struct envelope *envelope, struct buffer *message,
                                       const struct envelope_answer *answer, struct slice body)
{
    struct slice value;
    enum json_token kind;
    if (!json_member(body, "code", &value, &kind))
        return verdict_without_code(answer);
    take_code(envelope, value, kind);
    take_message(envelope, message, body);
    if (envelope->code_length == 0)
        return verdict_without_code(answer);
    if (!code_is_success(slice_of(envelope->code, envelope->code_length), answer->target))
        return ENVELOPE_API_ERROR;
    return answer->status >= 400 ? ENVELOPE_HTTP_ERROR : ENVELOPE_OK;
}

void envelope_read(struct envelope *envelope, struct buffer *message, const struct envelope_answer *answer)
{
    struct buffer decoded;
    buffer_init(&decoded, ENVELOPE_MAX);
    buffer_reset(message);
    memset(envelope, 0, sizeof(*envelope));
    enum content_result read = content_decode(&decoded, answer->coding, answer->body);
    bool is_readable = read == CONTENT_IDENTITY || read == CONTENT_DECODED || answer->body.length == 0;
    envelope->is_unreadable = !is_readable;
    envelope->verdict = is_readable ? read_body(envelope, message, answer,
                                                read == CONTENT_DECODED ? buffer_slice(&decoded) : answer->body)
                                    : verdict_without_code(answer);
    buffer_free(&decoded);
}
