/* Borrowed runs of bytes. Pure; any thread. */
#include "countersign/slice.h"

#include <string.h>
#include <strings.h>

struct slice slice_of(const void *data, size_t length)
{
    return (struct slice){ .data = data, .length = length };
}

struct slice slice_text(const char *text)
{
    return slice_of(text, text == NULL ? 0 : strlen(text));
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool slice_equal_text(struct slice a, const char *text)
{
    return slice_equal(a, slice_text(text));
}

static unsigned char lower(char byte)
{
    unsigned char b = (unsigned char)byte;
    return b >= 'A' && b <= 'Z' ? (unsigned char)(b + ('a' - 'A')) : b;
}

bool slice_equal_caseless(struct slice a, struct slice b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    }
    return true;
}

bool slice_equal_text_caseless(struct slice a, const char *text)
{
    return slice_equal_caseless(a, slice_text(text));
}

int slice_compare(struct slice a, struct slice b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

bool slice_starts_with(struct slice s, const char *prefix)
{
    size_t length = strlen(prefix);
    return s.length >= length && (length == 0 || memcmp(s.data, prefix, length) == 0);
}

/* Without an end before the last byte, compilers look at many bytes at once. */
bool slice_is_zero(struct slice s)
{
    unsigned char any = 0;
    for (size_t i = 0; i < s.length; i++)
        any |= (unsigned char)s.data[i];
    return any == 0;
}

size_t slice_find(struct slice s, char byte)
{
    const char *found = s.length == 0 ? NULL : memchr(s.data, byte, s.length);
    return found == NULL ? s.length : (size_t)(found - s.data);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

struct slice slice_trim_blanks(struct slice s)
{
    while (s.length > 0 && is_blank(s.data[0]))
        s = slice_from(s, 1);
    while (s.length > 0 && is_blank(s.data[s.length - 1]))
        s.length--;
    return s;
}

struct slice slice_from(struct slice s, size_t offset)
{
    if (offset >= s.length)
        return slice_of(s.data == NULL ? NULL : s.data + s.length, 0);
    return slice_of(s.data + offset, s.length - offset);
}

struct slice slice_first(struct slice s, size_t length)
{
    return slice_of(s.data, length < s.length ? length : s.length);
}

bool slice_next_part(struct slice *rest, char separator, struct slice *part)
{
    if (rest->data == NULL)
        return false;
    size_t end = slice_find(*rest, separator);
    *part = slice_first(*rest, end);
    *rest = end == rest->length ? slice_of(NULL, 0) : slice_from(*rest, end + 1);
    return true;
}

bool slice_to_u64(struct slice s, uint64_t *value)
{
    if (s.length == 0)
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < s.length; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(sum, 10U, &sum) || __builtin_add_overflow(sum, (uint64_t)(s.data[i] - '0'), &sum))
            return false;
    }
    *value = sum;
    return true;
}
