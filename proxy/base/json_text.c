/* What is done with JSON text on top of the tokenizer: find a member, resolve escapes, re-indent. Owns nothing; runs on
 * any thread. */
#include "countersign/hex.h"
#include "countersign/json_scan.h"

#include <string.h>

enum { UTF8_MAX = 4 }; /* bytes of one character, RFC 3629 §3 */

static size_t utf8_encode(char utf8[UTF8_MAX], uint32_t code_point)
{
    static const unsigned char lead[UTF8_MAX + 1] = { 0, 0x00, 0xC0, 0xE0, 0xF0 };
    size_t count = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = count - 1; i > 0; i--) {
        utf8[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    utf8[0] = (char)(lead[count] | code_point);
    return count;
}

/* Reads the four hex digits of "\uXXXX" off `rest`, which begins behind the 'u'. */
static bool take_code_unit(struct slice *rest, uint32_t *unit)
{
    unsigned char bytes[2];
    if (rest->length < 4 || !hex_decode(bytes, rest->data, sizeof(bytes)))
        return false;
    *unit = (uint32_t)bytes[0] << 8 | bytes[1];
    *rest = slice_from(*rest, 4);
    return true;
}

/* As above, and for a high surrogate the low one that must follow it (RFC 8259 §7). */
static bool take_code_point(struct slice *rest, uint32_t *code_point)
{
    if (!take_code_unit(rest, code_point))
        return false;
    if (*code_point < 0xD800 || *code_point > 0xDFFF)
        return true;
    if (*code_point > 0xDBFF || !slice_starts_with(*rest, "\\u"))
        return false;
    *rest = slice_from(*rest, 2);
    uint32_t low;
    if (!take_code_unit(rest, &low) || low < 0xDC00 || low > 0xDFFF)
        return false;
    *code_point = 0x10000 + ((*code_point - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* Takes one escape off `rest`, which begins behind the backslash. Returns the count of bytes it stands for, 0 where it
 * is none. */
static size_t take_escape(struct slice *rest, char utf8[UTF8_MAX])
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (rest->length == 0)
        return 0;
    if (rest->data[0] == 'u') {
        uint32_t code_point;
        *rest = slice_from(*rest, 1);
        return take_code_point(rest, &code_point) ? utf8_encode(utf8, code_point) : 0;
    }
    const char *letter = memchr(letters, rest->data[0], sizeof(letters) - 1);
    if (letter == NULL)
        return 0;
    utf8[0] = meanings[letter - letters];
    *rest = slice_from(*rest, 1);
    return 1;
}

/* Takes one byte, or one escape resolved, off a string's content. Returns the count of bytes, 0 where it is invalid. */
static size_t take_character(struct slice *rest, char utf8[UTF8_MAX])
{
    char byte = rest->data[0];
    *rest = slice_from(*rest, 1);
    if (byte == '\\')
        return take_escape(rest, utf8);
    utf8[0] = byte;
    return byte == '"' || (unsigned char)byte < 0x20 ? 0 : 1;
}

/* What stands between the quotes; false where there are none. */
static bool string_content(struct slice *content, struct slice quoted)
{
    if (quoted.length < 2 || quoted.data[0] != '"' || quoted.data[quoted.length - 1] != '"')
        return false;
    *content = slice_of(quoted.data + 1, quoted.length - 2);
    return true;
}

bool json_unescape(struct buffer *out, struct slice string_with_quotes)
{
    size_t before = out->length;
    struct slice rest;
    if (!string_content(&rest, string_with_quotes))
        return false;
    while (rest.length > 0) {
        char utf8[UTF8_MAX];
        size_t count = take_character(&rest, utf8);
        if (count == 0 || !buffer_append(out, utf8, count)) {
            out->length = before;
            return false;
        }
    }
    return true;
}

static bool name_matches(struct slice quoted, struct slice name)
{
    struct slice rest;
    if (!string_content(&rest, quoted))
        return false;
    while (rest.length > 0) {
        char utf8[UTF8_MAX];
        size_t count = take_character(&rest, utf8);
        if (count == 0 || count > name.length || memcmp(name.data, utf8, count) != 0)
            return false;
        name = slice_from(name, count);
    }
    return name.length == 0;
}

bool json_member(struct slice object, const char *name, struct slice *value, enum json_token *kind)
{
    struct json_scan scan;
    struct slice name_text, value_text;
    json_scan_init(&scan, object);
    if (json_scan_next(&scan, NULL) != JSON_OBJECT_BEGIN)
        return false;
    while (json_scan_next(&scan, &name_text) == JSON_NAME) {
        enum json_token first = json_scan_next(&scan, &value_text);
        if (!json_scan_skip(&scan, first))
            return false;
        if (!name_matches(name_text, slice_text(name)))
            continue;
        if (value != NULL)
            *value = slice_of(value_text.data, (size_t)(scan.text.data + scan.offset - value_text.data));
        if (kind != NULL)
            *kind = first;
        return true;
    }
    return false;
}

static bool is_begin(enum json_token token)
{
    return token == JSON_OBJECT_BEGIN || token == JSON_ARRAY_BEGIN;
}

static bool is_end(enum json_token token)
{
    return token == JSON_OBJECT_END || token == JSON_ARRAY_END;
}

static bool append_new_line(struct buffer *out, unsigned level)
{
    return buffer_append_format(out, "\n%*s", (int)(2 * level), "");
}

/* What stands between two tokens. `level` is the later one's; an empty object or array stays on one line. */
static bool append_separator(struct buffer *out, enum json_token before, enum json_token token, unsigned level)
{
    if (before == JSON_END) /* the first token of all */
        return true;
    if (before == JSON_NAME)
        return buffer_append_text(out, ": ");
    if (is_begin(before))
        return is_end(token) || append_new_line(out, level);
    if (is_end(token))
        return append_new_line(out, level);
    return buffer_append_byte(out, ',') && append_new_line(out, level);
}

bool json_indent(struct buffer *out, struct slice text)
{
    size_t before = out->length;
    enum json_token last = JSON_END, token;
    struct slice token_text;
    struct json_scan scan;
    json_scan_init(&scan, text);
    while ((token = json_scan_next(&scan, &token_text)) != JSON_END) {
        unsigned level = is_begin(token) ? scan.depth - 1 : scan.depth;
        if (token == JSON_INVALID || !append_separator(out, last, token, level) ||
            !buffer_append_slice(out, token_text)) {
            out->length = before;
            return false;
        }
        last = token;
    }
    return true;
}
