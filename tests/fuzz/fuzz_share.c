/* Any bytes as a body and as a head: JSON stays JSON, lines stay lines, and the same bytes become the same tokens again. */
#include "countersign/json_scan.h"
#include "countersign/share.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_json(struct slice text)
{
    struct json_scan scan;
    enum json_token token;
    json_scan_init(&scan, text);
    while ((token = json_scan_next(&scan, NULL)) != JSON_END && token != JSON_INVALID)
        continue;
    return token == JSON_END;
}

static size_t count_lines(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += text.data[i] == '\n';
    return count;
}

static void check_body(struct share *share, struct slice input)
{
    struct buffer first, second;
    buffer_init(&first, SIZE_MAX / 2);
    buffer_init(&second, SIZE_MAX / 2);
    if (!share_append_body(&second, share, SLICE_LITERAL(""), input)) /* learns what words are values */
        abort();
    buffer_reset(&second);
    if (!share_append_body(&first, share, SLICE_LITERAL(""), input) ||
        !share_append_body(&second, share, SLICE_LITERAL(""), input) ||
        !slice_equal(buffer_slice(&first), buffer_slice(&second)) ||
        (input.length > 0 && is_json(input) != is_json(buffer_slice(&first))))
        abort();
    buffer_reset(&first);
    if (!share_append_body(&first, share, SLICE_LITERAL("gzip"), input))
        abort();
    buffer_free(&first);
    buffer_free(&second);
}

static void check_head(struct share *share, struct slice input)
{
    struct buffer first, second;
    buffer_init(&first, SIZE_MAX / 2);
    buffer_init(&second, SIZE_MAX / 2);
    if (!share_append_head(&second, share, input)) /* likewise */
        abort();
    buffer_reset(&second);
    if (!share_append_head(&first, share, input) || !share_append_head(&second, share, input) ||
        !slice_equal(buffer_slice(&first), buffer_slice(&second)) ||
        count_lines(input) != count_lines(buffer_slice(&first)))
        abort();
    buffer_free(&first);
    buffer_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct share *share = NULL;
    struct error error;
    if (!share_create(&share, &error))
        abort();
    check_body(share, slice_of(data, size));
    check_head(share, slice_of(data, size));
    share_free(share);
    return 0;
}
