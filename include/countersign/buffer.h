/* A growing run of bytes that is told its maximum at birth. Owned by whoever declares it; not shared between threads.
 * A buffer that was only zero-initialised refuses every append: call buffer_init first. */
#ifndef COUNTERSIGN_BUFFER_H
#define COUNTERSIGN_BUFFER_H

#include "countersign/compiler.h"
#include "countersign/slice.h"

#include <stdarg.h>
#include <stdint.h>

struct buffer {
    char *data; /* NULL until the first append */
    size_t length;
    size_t capacity;
    size_t maximum; /* bytes; appends beyond it fail and leave the buffer as it was */
    bool failed;    /* an append failed since init or reset: check once at the end of a run of appends */
};

void buffer_init(struct buffer *buffer, size_t maximum);

/* Frees the memory; the buffer can be used again with the same maximum. */
void buffer_free(struct buffer *buffer);

/* Overwrites the content with zeros, then frees. For key material. */
void buffer_wipe(struct buffer *buffer);

/* Empties the buffer, keeps its memory, clears `failed`. */
void buffer_reset(struct buffer *buffer);

/* Each returns false and sets `failed` where the maximum is reached or memory is out. The result may be ignored where
 * `failed` is checked at the end of the run. */
bool buffer_append(struct buffer *buffer, const void *data, size_t length);
bool buffer_append_slice(struct buffer *buffer, struct slice slice);
bool buffer_append_text(struct buffer *buffer, const char *text);
bool buffer_append_byte(struct buffer *buffer, char byte);
bool buffer_append_decimal(struct buffer *buffer, uint64_t number);
bool buffer_append_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
bool buffer_append_format_list(struct buffer *buffer, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

/* Room for `length` more bytes at the end, uninitialised; NULL as appends fail. Follow with buffer_commit. */
char *buffer_reserve(struct buffer *buffer, size_t length);
void buffer_commit(struct buffer *buffer, size_t length);

/* Bytes of memory that the buffer has once `length` more bytes are appended. */
size_t buffer_capacity_for(const struct buffer *buffer, size_t length);

struct slice buffer_slice(const struct buffer *buffer);

/* The content as a NUL-terminated string (the NUL is not counted in length); "" where memory or maximum is out. */
const char *buffer_text(struct buffer *buffer);

/* Hands the memory over: returns it (free() it; NULL where empty) and leaves the buffer empty. */
char *buffer_take(struct buffer *buffer, size_t *length);

#endif
