/* The JSON tokenizer: one value of RFC 8259, token by token, in place. Owns nothing; runs on any thread.
 *
 * Iterative: what is open is kept as one byte a level, so hostile nesting costs an error and no stack. */
#include "countersign/json_scan.h"

#include <string.h>

/* What may come next. */
enum expectation {
    EXPECT_VALUE,
    EXPECT_FIRST_NAME,    /* behind '{': a name or '}' */
    EXPECT_NAME,          /* behind ',' in an object */
    EXPECT_COLON,         /* behind a name */
    EXPECT_FIRST_ELEMENT, /* behind '[': a value or ']' */
    EXPECT_COMMA_OR_END,  /* behind a value */
    EXPECT_NOTHING,       /* the end was handed out */
    EXPECT_NO_MORE        /* an invalid byte was met */
};

void json_scan_init(struct json_scan *scan, struct slice text)
{
    memset(scan, 0, sizeof(*scan));
    scan->text = text.length > 0 ? text : SLICE_LITERAL("");
    scan->state = EXPECT_VALUE;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex_digit(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* The byte at the offset, or NUL at the end: NUL is never part of JSON outside of a string, nor within one. */
static char peek(const struct json_scan *scan)
{
    return scan->offset < scan->text.length ? scan->text.data[scan->offset] : '\0';
}

static bool accept(struct json_scan *scan, char byte)
{
    if (byte == '\0' || peek(scan) != byte)
        return false;
    scan->offset++;
    return true;
}

static void skip_blanks(struct json_scan *scan)
{
    while (is_blank(peek(scan)))
        scan->offset++;
}

/* A number or a literal ends where a blank, a ',', a bracket or the text's end stands: "01" and "truex" are no values. */
static bool value_ends_here(const struct json_scan *scan)
{
    char byte = peek(scan);
    return scan->offset == scan->text.length || is_blank(byte) || byte == ',' || byte == ']' || byte == '}';
}

static bool pass_digits(struct json_scan *scan)
{
    if (!is_digit(peek(scan)))
        return false;
    while (is_digit(peek(scan)))
        scan->offset++;
    return true;
}

/* RFC 8259 §6: [ minus ] int [ frac ] [ exp ]. */
static enum json_token read_number(struct json_scan *scan)
{
    (void)accept(scan, '-'); /* optional */
    if (!accept(scan, '0') && !pass_digits(scan))
        return JSON_INVALID;
    if (accept(scan, '.') && !pass_digits(scan))
        return JSON_INVALID;
    if (accept(scan, 'e') || accept(scan, 'E')) {
        if (!accept(scan, '+'))
            (void)accept(scan, '-'); /* optional */
        if (!pass_digits(scan))
            return JSON_INVALID;
    }
    return value_ends_here(scan) ? JSON_NUMBER : JSON_INVALID;
}

/* What follows a backslash, RFC 8259 §7. */
static bool pass_escape(struct json_scan *scan)
{
    if (accept(scan, 'u')) {
        for (int digit = 0; digit < 4; digit++) {
            if (!is_hex_digit(peek(scan)))
                return false;
            scan->offset++;
        }
        return true;
    }
    if (peek(scan) == '\0' || strchr("\"\\/bfnrt", peek(scan)) == NULL)
        return false;
    scan->offset++;
    return true;
}

static bool pass_string(struct json_scan *scan)
{
    if (!accept(scan, '"'))
        return false;
    while (!accept(scan, '"')) {
        if ((unsigned char)peek(scan) < 0x20) /* a control byte, or the end */
            return false;
        if (accept(scan, '\\')) {
            if (!pass_escape(scan))
                return false;
        } else {
            scan->offset++;
        }
    }
    return true;
}

static enum json_token read_literal(struct json_scan *scan, const char *literal, enum json_token token)
{
    for (; *literal != '\0'; literal++)
        if (!accept(scan, *literal))
            return JSON_INVALID;
    return value_ends_here(scan) ? token : JSON_INVALID;
}

static enum json_token open_container(struct json_scan *scan, bool is_object)
{
    if (scan->depth == JSON_DEPTH_MAX)
        return JSON_INVALID;
    scan->offset++;
    scan->is_object[scan->depth++] = is_object;
    scan->state = is_object ? EXPECT_FIRST_NAME : EXPECT_FIRST_ELEMENT;
    return is_object ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN;
}

static enum json_token close_container(struct json_scan *scan)
{
    bool is_object = scan->is_object[scan->depth - 1] != 0;
    if (!accept(scan, is_object ? '}' : ']'))
        return JSON_INVALID;
    scan->depth--;
    scan->state = EXPECT_COMMA_OR_END;
    return is_object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

static enum json_token read_value(struct json_scan *scan)
{
    char first = peek(scan);
    if (first == '{' || first == '[')
        return open_container(scan, first == '{');
    scan->state = EXPECT_COMMA_OR_END;
    switch (first) {
    case '"':
        return pass_string(scan) ? JSON_STRING : JSON_INVALID;
    case 't':
        return read_literal(scan, "true", JSON_TRUE);
    case 'f':
        return read_literal(scan, "false", JSON_FALSE);
    case 'n':
        return read_literal(scan, "null", JSON_NULL);
    default:
        return read_number(scan);
    }
}

static enum json_token read_name(struct json_scan *scan)
{
    scan->state = EXPECT_COLON;
    return pass_string(scan) ? JSON_NAME : JSON_INVALID;
}

/* Steps over the ':' behind a name or the ',' behind a value; the next token then begins at the offset. */
static bool pass_punctuation(struct json_scan *scan)
{
    skip_blanks(scan);
    if (scan->state == EXPECT_COLON) {
        if (!accept(scan, ':'))
            return false;
        scan->state = EXPECT_VALUE;
    } else if (scan->state == EXPECT_COMMA_OR_END && scan->depth > 0 && accept(scan, ',')) {
        scan->state = scan->is_object[scan->depth - 1] ? EXPECT_NAME : EXPECT_VALUE;
    }
    skip_blanks(scan);
    return true;
}

static enum json_token read_end(struct json_scan *scan)
{
    if (scan->offset < scan->text.length)
        return JSON_INVALID;
    scan->state = EXPECT_NOTHING;
    return JSON_END;
}

static enum json_token read_token(struct json_scan *scan)
{
    switch ((enum expectation)scan->state) {
    case EXPECT_VALUE:
        return read_value(scan);
    case EXPECT_FIRST_NAME:
        return peek(scan) == '}' ? close_container(scan) : read_name(scan);
    case EXPECT_NAME:
        return read_name(scan);
    case EXPECT_FIRST_ELEMENT:
        return peek(scan) == ']' ? close_container(scan) : read_value(scan);
    case EXPECT_COMMA_OR_END:
        return scan->depth > 0 ? close_container(scan) : read_end(scan);
    case EXPECT_NOTHING:
        return JSON_END;
    case EXPECT_COLON: /* pass_punctuation has dealt with it */
    case EXPECT_NO_MORE:
        break;
    }
    return JSON_INVALID;
}

enum json_token json_scan_next(struct json_scan *scan, struct slice *token_text)
{
    bool in_place = pass_punctuation(scan);
    size_t begin = scan->offset;
    enum json_token token = in_place ? read_token(scan) : JSON_INVALID;
    if (token == JSON_INVALID)
        scan->state = EXPECT_NO_MORE;
    if (token_text != NULL)
        *token_text = slice_of(scan->text.data + begin, scan->offset - begin);
    return token;
}

bool json_scan_skip(struct json_scan *scan, enum json_token first)
{
    if (first != JSON_OBJECT_BEGIN && first != JSON_ARRAY_BEGIN)
        return first != JSON_INVALID;
    unsigned outside = scan->depth - 1;
    while (scan->depth > outside)
        if (json_scan_next(scan, NULL) == JSON_INVALID)
            return false;
    return true;
}
