/* Any bytes through the JSON reader. Held: tokens lie inside the text and in order, the scan ends, a text that scans
 * can be indented and indenting twice changes nothing more. */
#include "countersign/json_scan.h"

#include <stdlib.h>

enum { INDENTED_MAX = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool held)
{
    if (!held)
        abort();
}

static void unescape(struct slice string)
{
    struct buffer out;
    buffer_init(&out, string.length);
    if (json_unescape(&out, string))
        require(out.length <= string.length - 2); /* no escape is shorter than what it stands for */
    else
        require(out.length == 0 && !out.failed);
    buffer_free(&out);
}

static bool scan_whole(struct slice text)
{
    struct json_scan scan;
    json_scan_init(&scan, text);
    size_t end = 0;
    for (;;) {
        struct slice token_text;
        enum json_token token = json_scan_next(&scan, &token_text);
        size_t begin = scan.offset - token_text.length;
        require(begin >= end && scan.offset <= text.length && scan.depth <= JSON_DEPTH_MAX);
        if (token == JSON_END || token == JSON_INVALID)
            return token == JSON_END;
        require(scan.offset > begin);
        end = scan.offset;
        if (token == JSON_STRING || token == JSON_NAME)
            unescape(token_text);
    }
}

static void indent_twice(struct slice text, bool is_json)
{
    struct buffer once, twice;
    buffer_init(&once, INDENTED_MAX);
    buffer_init(&twice, INDENTED_MAX);
    bool done = json_indent(&once, text);
    require(done == is_json || once.failed);
    if (done) {
        require(json_indent(&twice, buffer_slice(&once)));
        require(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
    }
    buffer_free(&once);
    buffer_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    indent_twice(text, scan_whole(text));

    struct slice value;
    enum json_token kind;
    if (json_member(text, "code", &value, &kind))
        require(value.length > 0 && kind != JSON_END && kind != JSON_INVALID && scan_whole(value));
    return 0;
}
