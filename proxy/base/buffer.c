/* Growing bytes with a maximum told at birth. Owned by whoever declares the buffer; one thread at a time. */
#include "countersign/buffer.h"

#include "countersign/digits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *buffer, size_t maximum)
{
    *buffer = (struct buffer){ .maximum = maximum };
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer, buffer->maximum);
}

void buffer_wipe(struct buffer *buffer)
{
    if (buffer->data != NULL)
        explicit_bzero(buffer->data, buffer->capacity);
    buffer_free(buffer);
}

void buffer_reset(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
}

/* It doubles, up to the maximum; the byte more is for a NUL. */
size_t buffer_capacity_for(const struct buffer *buffer, size_t length)
{
    size_t wanted = buffer->length + length + 1;
    if (wanted <= buffer->capacity)
        return buffer->capacity;
    size_t capacity = buffer->capacity == 0 ? BUFFER_FIRST_CAPACITY : buffer->capacity * 2;
    if (capacity > buffer->maximum)
        capacity = buffer->maximum + 1;
    return capacity < wanted ? wanted : capacity;
}

/* Room for `length` more bytes and a NUL behind them, which the maximum does not count. */
static bool grow(struct buffer *buffer, size_t length)
{
    if (length > buffer->maximum || buffer->length > buffer->maximum - length) {
        buffer->failed = true;
        return false;
    }
    size_t capacity = buffer_capacity_for(buffer, length);
    if (capacity == buffer->capacity)
        return true;
    char *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

char *buffer_reserve(struct buffer *buffer, size_t length)
{
    return grow(buffer, length) ? buffer->data + buffer->length : NULL;
}

void buffer_commit(struct buffer *buffer, size_t length)
{
    buffer->length += length;
}

bool buffer_append(struct buffer *buffer, const void *data, size_t length)
{
    if (!grow(buffer, length))
        return false;
    if (length > 0)
        memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    return true;
}

bool buffer_append_slice(struct buffer *buffer, struct slice slice)
{
    return buffer_append(buffer, slice.data, slice.length);
}

bool buffer_append_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, text, strlen(text));
}

bool buffer_append_byte(struct buffer *buffer, char byte)
{
    return buffer_append(buffer, &byte, 1);
}

bool buffer_append_decimal(struct buffer *buffer, uint64_t number)
{
    char digits[DIGITS_MAX];
    return buffer_append_slice(buffer, digits_of(digits, number));
}

bool buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool done = buffer_append_format_list(buffer, format, arguments);
    va_end(arguments);
    return done;
}

bool buffer_append_format_list(struct buffer *buffer, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    size_t room = buffer->capacity - buffer->length;
    /* what it prints behind `length` counts for nothing until there is room for all of it */
    int length = vsnprintf(room == 0 ? NULL : buffer->data + buffer->length, room, format, again);
    va_end(again);
    if (length < 0) {
        buffer->failed = true;
        return false;
    }
    if (!grow(buffer, (size_t)length))
        return false;
    if ((size_t)length >= room) /* it was only measured, then */
        (void)vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments); /* fits by now */
    buffer->length += (size_t)length;
    return true;
}

struct slice buffer_slice(const struct buffer *buffer)
{
    return slice_of(buffer->data, buffer->length);
}

const char *buffer_text(struct buffer *buffer)
{
    if (!grow(buffer, 0))
        return "";
    buffer->data[buffer->length] = '\0';
    return buffer->data;
}

char *buffer_take(struct buffer *buffer, size_t *length)
{
    char *data = buffer->data;
    if (length != NULL)
        *length = buffer->length;
    buffer_init(buffer, buffer->maximum);
    return data;
}
