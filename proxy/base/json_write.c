/* JSON strings. Pure; any thread. */
#include "countersign/json_write.h"

/* Bytes of the UTF-8 sequence that `s` begins with, 0 where it begins with none (RFC 3629 §4). */
static size_t utf8_sequence(struct slice s)
{
    const unsigned char *b = (const unsigned char *)s.data;
    size_t length = b[0] < 0x80 ? 1 : b[0] >= 0xc2 && b[0] < 0xe0 ? 2 : (b[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (b[0] >= 0x80 && (b[0] < 0xc2 || b[0] > 0xf4))
        return 0;
    if (length > s.length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f)) /* overlong, surrogates */
        return 0;
    if ((b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f)) /* overlong, beyond U+10FFFF */
        return 0;
    return length;
}

static bool append_ascii(struct buffer *out, char byte)
{
    switch (byte) {
    case '"':
        return buffer_append(out, "\\\"", 2);
    case '\\':
        return buffer_append(out, "\\\\", 2);
    case '\n':
        return buffer_append(out, "\\n", 2);
    case '\r':
        return buffer_append(out, "\\r", 2);
    case '\t':
        return buffer_append(out, "\\t", 2);
    default:
        if ((unsigned char)byte < 0x20 || byte == 0x7f)
            return buffer_append_format(out, "\\u%04x", (unsigned)byte);
        return buffer_append_byte(out, byte);
    }
}

bool json_append_string(struct buffer *out, struct slice text)
{
    bool done = buffer_append_byte(out, '"');
    while (done && text.length > 0) {
        size_t length = utf8_sequence(text);
        if (length == 1)
            done = append_ascii(out, text.data[0]);
        else if (length == 0)
            done = buffer_append(out, "\xef\xbf\xbd", 3);
        else
            done = buffer_append(out, text.data, length);
        text = slice_from(text, length == 0 ? 1 : length);
    }
    return done && buffer_append_byte(out, '"');
}

bool json_is_utf8(struct slice text)
{
    while (text.length > 0) {
        size_t length = utf8_sequence(text);
        if (length == 0)
            return false;
        text = slice_from(text, length);
    }
    return true;
}

bool json_append_member(struct buffer *out, const char *name, struct slice text)
{
    return buffer_append_format(out, ",\"%s\":", name) && json_append_string(out, text);
}
