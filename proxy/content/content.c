/* Content codings read by zlib and brotli. Pure; any thread. */
#include "countersign/content.h"

#include "countersign/compiler.h"

#define ZLIB_CONST /* zlib reads its input through a pointer to const */

#include <brotli/decode.h>
#include <limits.h>
#include <zlib.h>

enum { DECODE_STEP = 16384 /* bytes of output asked for at a time */ };

/* The room for the next piece of output: a step, or what is left below the maximum. 0: the maximum is reached. */
static size_t next_room(const struct buffer *out)
{
    size_t left = out->maximum - out->length;
    return left < DECODE_STEP ? left : DECODE_STEP;
}

static enum content_result inflate_some(z_stream *stream, struct buffer *out)
{
    for (;;) {
        size_t room = next_room(out);
        if (room == 0)
            return CONTENT_TOO_LARGE;
        char *place = buffer_reserve(out, room);
        if (place == NULL)
            return CONTENT_TOO_LARGE;
        stream->next_out = (unsigned char *)place;
        stream->avail_out = (uInt)room;
        int status = inflate(stream, Z_NO_FLUSH);
        buffer_commit(out, room - stream->avail_out);
        if (status == Z_STREAM_END)
            return CONTENT_DECODED;
        if (status != Z_OK)
            return CONTENT_BROKEN;
    }
}

static enum content_result decode_zlib(struct buffer *out, struct slice body, int window_bits)
{
    z_stream stream = { .next_in = NULL };
    if (body.length > UINT_MAX || inflateInit2(&stream, window_bits) != Z_OK)
        return CONTENT_BROKEN;
    stream.next_in = (const unsigned char *)body.data;
    stream.avail_in = (uInt)body.length;
    enum content_result result = inflate_some(&stream, out);
    (void)inflateEnd(&stream); /* frees; its result repeats what inflate said */
    return result;
}

static enum content_result decode_gzip(struct buffer *out, struct slice body)
{
    return decode_zlib(out, body, 16 + MAX_WBITS);
}

/* "deflate" means the zlib format (RFC 9110 §8.4.1.2); some servers send it without the zlib header. */
static enum content_result decode_deflate(struct buffer *out, struct slice body)
{
    size_t before = out->length;
    enum content_result result = decode_zlib(out, body, MAX_WBITS);
    if (result != CONTENT_BROKEN)
        return result;
    out->length = before;
    return decode_zlib(out, body, -MAX_WBITS);
}

static enum content_result decode_brotli(struct buffer *out, struct slice body)
{
    BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    enum content_result result = state == NULL ? CONTENT_BROKEN : CONTENT_IDENTITY;
    const uint8_t *in = (const uint8_t *)body.data;
    size_t in_left = body.length;
    while (result == CONTENT_IDENTITY) {
        size_t room = next_room(out), room_left = room;
        uint8_t *place = room == 0 ? NULL : (uint8_t *)buffer_reserve(out, room);
        if (place == NULL) {
            result = CONTENT_TOO_LARGE;
            break;
        }
        BrotliDecoderResult step = BrotliDecoderDecompressStream(state, &in_left, &in, &room_left, &place, NULL);
        buffer_commit(out, room - room_left);
        if (step == BROTLI_DECODER_RESULT_SUCCESS)
            result = CONTENT_DECODED;
        else if (step != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT)
            result = CONTENT_BROKEN;
    }
    BrotliDecoderDestroyInstance(state);
    return result;
}

static enum content_result decode_identity(struct buffer *out, struct slice body)
{
    (void)out;
    (void)body;
    return CONTENT_IDENTITY;
}

enum content_result content_decode(struct buffer *out, struct slice coding, struct slice body)
{
    static const struct {
        const char *name;
        enum content_result (*decode)(struct buffer *out, struct slice body);
    } codings[] = {
        { "", decode_identity },   { "identity", decode_identity }, { "gzip", decode_gzip },
        { "x-gzip", decode_gzip }, { "deflate", decode_deflate },   { "br", decode_brotli },
    };
    coding = slice_trim_blanks(coding);
    for (size_t i = 0; i < ARRAY_LENGTH(codings); i++) {
        if (slice_equal_text_caseless(coding, codings[i].name))
            return codings[i].decode(out, body);
    }
    return CONTENT_UNKNOWN;
}
