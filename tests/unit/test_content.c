/* Content codings are read for looking into; what is broken, unknown or too large is said to be so. */
#include "countersign/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static const char text[] = "{\"code\":\"1401\",\"message\":\"unauthorized\"}";

static struct slice compress_as(unsigned char *out, size_t size, int window_bits, const void *data, size_t length)
{
    z_stream stream = { .next_in = NULL };
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (unsigned char *)(uintptr_t)data;
    stream.avail_in = (unsigned)length;
    stream.next_out = out;
    stream.avail_out = (unsigned)size;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    struct slice result = slice_of(out, stream.total_out);
    deflateEnd(&stream);
    return result;
}

static void check(const char *coding, struct slice body, enum content_result expected)
{
    struct buffer out;
    buffer_init(&out, 1000);
    assert_int_equal(content_decode(&out, slice_text(coding), body), expected);
    if (expected == CONTENT_DECODED)
        assert_true(slice_equal_text(buffer_slice(&out), text));
    buffer_free(&out);
}

static void gzip_and_both_kinds_of_deflate_are_read(void **state)
{
    (void)state;
    unsigned char packed[500];
    check("gzip", compress_as(packed, sizeof(packed), 31, text, sizeof(text) - 1), CONTENT_DECODED);
    check(" X-GZIP ", compress_as(packed, sizeof(packed), 31, text, sizeof(text) - 1), CONTENT_DECODED);
    check("deflate", compress_as(packed, sizeof(packed), 15, text, sizeof(text) - 1), CONTENT_DECODED);
    check("deflate", compress_as(packed, sizeof(packed), -15, text, sizeof(text) - 1), CONTENT_DECODED);
}

static void a_body_cut_short_is_broken(void **state)
{
    (void)state;
    unsigned char packed[500];
    struct slice whole = compress_as(packed, sizeof(packed), 31, text, sizeof(text) - 1);
    check("gzip", slice_first(whole, whole.length / 2), CONTENT_BROKEN);
    check("gzip", slice_text(""), CONTENT_BROKEN);
    check("br", slice_text("\xff\xff\xff"), CONTENT_BROKEN);
}

static void a_bomb_stops_at_the_maximum(void **state)
{
    (void)state;
    static char zeros[100000];
    unsigned char packed[1000];
    check("gzip", compress_as(packed, sizeof(packed), 31, zeros, sizeof(zeros)), CONTENT_TOO_LARGE);
}

static void brotli_is_read(void **state)
{
    (void)state;
    /* `text` as the reference encoder writes it (RFC 7932). */
    static const unsigned char packed[] = {
        0x1b, 0x27, 0x00, 0xf8, 0x1d, 0x07, 0x76, 0x4c, 0xf8, 0x07, 0x58, 0x3c, 0xc9, 0x44,
        0x28, 0x35, 0x0b, 0x8d, 0xdb, 0x9e, 0x16, 0x89, 0x81, 0xa9, 0x5b, 0x3a, 0x7d, 0x29,
        0x09, 0x3a, 0x05, 0xe5, 0x05, 0x28, 0xf0, 0x62, 0x06, 0xb9, 0xa0, 0xe0, 0x9d, 0x04,
    };
    check("br", slice_of(packed, sizeof(packed)), CONTENT_DECODED);
    check("br", slice_of(packed, sizeof(packed) / 2), CONTENT_BROKEN);
}

static void no_coding_and_unknown_ones_are_told_apart(void **state)
{
    (void)state;
    check("", slice_text(text), CONTENT_IDENTITY);
    check("Identity", slice_text(text), CONTENT_IDENTITY);
    check("zstd", slice_text(text), CONTENT_UNKNOWN);
    check("gzip, br", slice_text(text), CONTENT_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_and_both_kinds_of_deflate_are_read),
        cmocka_unit_test(a_body_cut_short_is_broken),
        cmocka_unit_test(a_bomb_stops_at_the_maximum),
        cmocka_unit_test(brotli_is_read),
        cmocka_unit_test(no_coding_and_unknown_ones_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
