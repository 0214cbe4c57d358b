/* Any bytes as an answer's body, under any content coding, looked into for its `code`. The first byte picks the coding, the
 * status and whether the endpoint is public. Held: nothing unfolds beyond its bound, a code fits a field value, an answer
 * that cannot be read is never taken for a success. */
#include "countersign/content.h"
#include "countersign/envelope.h"

#include "countersign/compiler.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNFOLDED_MAX = 65536, MESSAGE_MAX = 4096, PUBLIC = 8, STATUS_SHIFT = 4 };

static void require(bool held)
{
    if (!held)
        abort();
}

static const struct slice codings[] = {
    SLICE_LITERAL(""),      SLICE_LITERAL("gzip"),     SLICE_LITERAL("deflate"), SLICE_LITERAL("br"),
    SLICE_LITERAL("GZIP "), SLICE_LITERAL("identity"), SLICE_LITERAL("zstd"),    SLICE_LITERAL("gzip, gzip"),
};
static const int statuses[] = { 200, 204, 302, 304, 400, 401, 500, 599 };

static void check_decoding(struct slice coding, struct slice body)
{
    struct buffer out;
    buffer_init(&out, UNFOLDED_MAX);
    enum content_result result = content_decode(&out, coding, body);
    require(out.length <= UNFOLDED_MAX);
    require(result != CONTENT_IDENTITY || out.length == 0);
    require(result != CONTENT_TOO_LARGE || out.length == UNFOLDED_MAX);
    buffer_free(&out);
}

static void check_envelope(const struct envelope_answer *answer)
{
    struct envelope envelope;
    struct buffer message;
    buffer_init(&message, MESSAGE_MAX);
    envelope_read(&envelope, &message, answer);
    require(envelope.code_length <= sizeof(envelope.code));
    for (size_t i = 0; i < envelope.code_length; i++)
        require(envelope.code[i] > 0x20 && envelope.code[i] < 0x7f);
    require(!envelope.is_unreadable || envelope.code_length == 0);
    require(envelope.verdict != ENVELOPE_API_ERROR || envelope.code_length > 0);
    require(envelope.verdict != ENVELOPE_OK || answer->status < 400);
    require(envelope.verdict != ENVELOPE_OK || envelope.code_length > 0 || answer->is_public);
    require(message.length <= MESSAGE_MAX && (envelope.has_message || message.length == 0));
    buffer_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct slice body = slice_of((const char *)data + 1, size - 1);
    const struct envelope_answer answer = {
        .method = SLICE_LITERAL("POST"),
        .target = SLICE_LITERAL("/api/trade/order/place"),
        .is_public = (data[0] & PUBLIC) != 0,
        .status = statuses[data[0] >> STATUS_SHIFT & 7],
        .coding = codings[data[0] & 7],
        .body = body,
    };
    check_decoding(answer.coding, body);
    if (body.length < 1024) /* 32 MiB of zeros are read for a look: not for each input */
        check_envelope(&answer);
    return 0;
}
