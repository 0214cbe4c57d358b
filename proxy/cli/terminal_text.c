/* Bytes from outside made fit for a terminal: escaped, measured, cut. Pure; any thread. */
#include "terminal.h"

#include <string.h>

/* The least and the greatest second byte depend on the first one: no overlong forms, no surrogates, nothing above
 * U+10FFFF (RFC 3629 §4). */
struct utf8_form {
    unsigned char first_min, first_max;
    unsigned char second_min, second_max;
    unsigned char length;
};

static const struct utf8_form utf8_forms[] = {
    { 0x00, 0x7F, 0x00, 0x00, 1 }, { 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
    { 0xE1, 0xEC, 0x80, 0xBF, 3 }, { 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 },
    { 0xF0, 0xF0, 0x90, 0xBF, 4 }, { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
};

static unsigned char byte_at(struct slice bytes, size_t i)
{
    return (unsigned char)bytes.data[i];
}

static bool has_form(struct slice bytes, const struct utf8_form *form)
{
    if (byte_at(bytes, 0) < form->first_min || byte_at(bytes, 0) > form->first_max || bytes.length < form->length)
        return false;
    if (form->length > 1 && (byte_at(bytes, 1) < form->second_min || byte_at(bytes, 1) > form->second_max))
        return false;
    for (size_t i = 2; i < form->length; i++)
        if ((byte_at(bytes, i) & 0xC0) != 0x80)
            return false;
    return true;
}

size_t terminal_utf8_length(struct slice bytes)
{
    if (bytes.length == 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LENGTH(utf8_forms); i++)
        if (has_form(bytes, &utf8_forms[i]))
            return utf8_forms[i].length;
    return 0;
}

bool terminal_is_utf8(struct slice bytes)
{
    while (bytes.length > 0) {
        size_t length = terminal_utf8_length(bytes);
        if (length == 0)
            return false;
        bytes = slice_from(bytes, length);
    }
    return true;
}

/* The code point of one valid character. */
static uint32_t code_point_of(struct slice character)
{
    static const unsigned char first_mask[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    uint32_t code_point = byte_at(character, 0) & first_mask[character.length];
    for (size_t i = 1; i < character.length; i++)
        code_point = code_point << 6 | (byte_at(character, i) & 0x3F);
    return code_point;
}

struct code_range {
    uint32_t first, last;
};

static bool is_in(const struct code_range *ranges, size_t count, uint32_t code_point)
{
    for (size_t i = 0; i < count; i++)
        if (code_point >= ranges[i].first && code_point <= ranges[i].last)
            return true;
    return false;
}

/* Controls, and what lets a text look like another: Unicode general categories Cc and Cf, and the line and paragraph
 * separators. */
static bool is_unsafe(uint32_t code_point)
{
    static const struct code_range unsafe[] = {
        { 0x00, 0x1F },     { 0x7F, 0x9F },     { 0xAD, 0xAD },       { 0x61C, 0x61C },
        { 0x180E, 0x180E }, { 0x200B, 0x200F }, { 0x2028, 0x202E },   { 0x2060, 0x206F },
        { 0xFEFF, 0xFEFF }, { 0xFFF9, 0xFFFB }, { 0xE0000, 0xE0FFF },
    };
    return is_in(unsafe, ARRAY_LENGTH(unsafe), code_point);
}

/* The length of the first character if it may be shown as it is, else 0. */
static size_t showable_length(struct slice bytes, enum terminal_text kind)
{
    size_t length = terminal_utf8_length(bytes);
    if (kind == TERMINAL_LINES && (bytes.data[0] == '\n' || bytes.data[0] == '\t'))
        return 1;
    return length > 0 && is_unsafe(code_point_of(slice_first(bytes, length))) ? 0 : length;
}

void terminal_append_escaped(struct buffer *out, struct slice bytes, enum terminal_text kind)
{
    while (bytes.length > 0) {
        size_t length = showable_length(bytes, kind);
        if (length > 0)
            buffer_append(out, bytes.data, length);
        else
            buffer_append_format(out, "\\x%02x", (unsigned)byte_at(bytes, 0));
        bytes = slice_from(bytes, length > 0 ? length : 1);
    }
}

static void append_json_escape(struct buffer *out, uint32_t code_point)
{
    if (code_point >= 0x10000) {
        buffer_append_format(out, "\\u%04x", (unsigned)(0xD800 + ((code_point - 0x10000) >> 10)));
        code_point = 0xDC00 + (code_point & 0x3FF);
    }
    buffer_append_format(out, "\\u%04x", (unsigned)code_point);
}

void terminal_append_json(struct buffer *out, struct slice json)
{
    while (json.length > 0) {
        size_t length = terminal_utf8_length(json);
        bool shown = length == 0 || showable_length(json, TERMINAL_LINES) > 0;
        struct slice character = slice_first(json, length > 0 ? length : 1);
        if (shown)
            buffer_append_slice(out, character);
        else
            append_json_escape(out, code_point_of(character));
        json = slice_from(json, character.length);
    }
}

size_t terminal_count_escaped(struct slice bytes, enum terminal_text kind)
{
    size_t count = 0;
    while (bytes.length > 0) {
        size_t length = showable_length(bytes, kind);
        count += length == 0;
        bytes = slice_from(bytes, length > 0 ? length : 1);
    }
    return count;
}

/* The line feeds that follow a carriage return: heads are full of the pair, and it does a terminal no harm. */
static size_t count_crlf(struct slice bytes)
{
    size_t count = 0;
    for (size_t i = 1; i < bytes.length; i++)
        count += bytes.data[i] == '\n' && bytes.data[i - 1] == '\r';
    return count;
}

bool terminal_is_safe(struct slice bytes)
{
    return terminal_count_escaped(bytes, TERMINAL_LINES) == count_crlf(bytes);
}

static size_t columns_of(uint32_t code_point)
{
    static const struct code_range combining[] = {
        { 0x300, 0x36F }, { 0x1AB0, 0x1AFF }, { 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F },
    };
    static const struct code_range wide[] = {
        { 0x1100, 0x115F }, { 0x2E80, 0x303E }, { 0x3041, 0xA4CF }, { 0xAC00, 0xD7A3 },   { 0xF900, 0xFAFF },
        { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1FAFF }, { 0x20000, 0x3FFFD },
    };
    if (is_in(combining, ARRAY_LENGTH(combining), code_point))
        return 0;
    return is_in(wide, ARRAY_LENGTH(wide), code_point) ? 2 : 1;
}

/* Takes one character off `rest` (one byte where it is none). */
static struct slice take_character(struct slice *rest)
{
    size_t length = terminal_utf8_length(*rest);
    struct slice character = slice_first(*rest, length > 0 ? length : 1);
    *rest = slice_from(*rest, character.length);
    return character;
}

static size_t character_columns(struct slice character)
{
    return terminal_utf8_length(character) > 0 ? columns_of(code_point_of(character)) : 1;
}

size_t terminal_columns(struct slice text)
{
    size_t columns = 0;
    while (text.length > 0)
        columns += character_columns(take_character(&text));
    return columns;
}

/* The longest beginning that takes at most `columns`. */
static struct slice fitting_beginning(struct slice text, size_t columns)
{
    struct slice rest = text;
    size_t length = 0;
    while (rest.length > 0) {
        size_t needed = character_columns(take_character(&rest));
        if (needed > columns)
            break;
        columns -= needed;
        length = text.length - rest.length;
    }
    return slice_first(text, length);
}

/* The longest ending that takes at most `columns`. */
static struct slice fitting_ending(struct slice text, size_t columns)
{
    size_t whole = terminal_columns(text);
    while (whole > columns)
        whole -= character_columns(take_character(&text));
    return text;
}

void terminal_append_fitted(struct buffer *out, struct slice text, size_t columns)
{
    if (terminal_columns(text) <= columns) {
        buffer_append_slice(out, text);
        return;
    }
    if (columns == 0)
        return;
    size_t ending = (columns - 1) / 2;
    buffer_append_slice(out, fitting_beginning(text, columns - 1 - ending));
    buffer_append_text(out, "…");
    buffer_append_slice(out, fitting_ending(text, ending));
}
