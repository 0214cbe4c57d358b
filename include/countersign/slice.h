/* A borrowed run of bytes: never owned, not NUL-terminated, may hold NUL. Valid as long as what it points into. */
#ifndef COUNTERSIGN_SLICE_H
#define COUNTERSIGN_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *data; /* may be NULL when length is 0 */
    size_t length;    /* bytes */
};

/* printf("%.*s", SLICE_ARGUMENTS(s)) */
#define SLICE_ARGUMENTS(s) (int)(s).length, (s).data == NULL ? "" : (s).data

/* A slice of a string literal; the first one initialises what is static. */
#define SLICE_OF_LITERAL(text)                                                                                         \
    {                                                                                                                  \
        .data = (text), .length = sizeof(text) - 1                                                                     \
    }
#define SLICE_LITERAL(text) ((struct slice)SLICE_OF_LITERAL(text))

struct slice slice_of(const void *data, size_t length);

/* The text up to its NUL; NULL gives the empty slice. */
struct slice slice_text(const char *text);

bool slice_equal(struct slice a, struct slice b);
bool slice_equal_text(struct slice a, const char *text);

/* Equal but for the case of ASCII letters (header field names, RFC 9110 §5.1). */
bool slice_equal_caseless(struct slice a, struct slice b);
bool slice_equal_text_caseless(struct slice a, const char *text);

/* Below, at or above 0 as a's bytes come before, with or behind b's; a beginning comes before the whole. */
int slice_compare(struct slice a, struct slice b);

/* Whether every byte is 0; of the empty slice, too. */
bool slice_is_zero(struct slice s);

bool slice_starts_with(struct slice s, const char *prefix);

/* Offset of the first `byte`, or s.length where there is none. */
size_t slice_find(struct slice s, char byte);

/* Without leading and trailing blanks (space and tab: OWS, RFC 9110 §5.6.3). */
struct slice slice_trim_blanks(struct slice s);

/* s from `offset` on, or empty where offset is beyond its end. */
struct slice slice_from(struct slice s, size_t offset);
struct slice slice_first(struct slice s, size_t length);

/* Cuts the part before the first `separator` off `rest` into `part`; `rest` is then what follows the separator.
 * Returns false (both untouched) when rest is exhausted: start with rest.data non-NULL. The last part ends the walk by
 * setting rest->data to NULL. */
bool slice_next_part(struct slice *rest, char separator, struct slice *part);

/* Decimal digits only, no sign, no blanks; false on anything else or overflow. */
bool slice_to_u64(struct slice s, uint64_t *value);

#endif
