/* The values of a dictionary's rows (dictionary.h) that came last, whole: what comes again is told by comparing, which takes less
 * than a fingerprint. The recorder's thread. */
#ifndef COUNTERSIGN_CAPTURE_VALUE_MEMO_H
#define COUNTERSIGN_CAPTURE_VALUE_MEMO_H

#include "value.h"

#include "countersign/error.h"

enum { VALUE_MEMO_COLUMNS = 8, VALUE_MEMO_SLOTS = 16, VALUE_MEMO_BYTES = 512 };

struct value_memo;

MUST_CHECK bool value_memo_create(struct value_memo **memo, struct error *error);
void value_memo_free(struct value_memo *memo); /* NULL is allowed */

/* The id that these values were kept with, or 0. `count`: VALUE_MEMO_COLUMNS at most, and the same each time. */
int64_t value_memo_find(const struct value_memo *memo, const struct value *values, size_t count);

/* Texts of more than VALUE_MEMO_BYTES in all are not kept. */
void value_memo_keep(struct value_memo *memo, const struct value *values, size_t count, int64_t id);

void value_memo_forget(struct value_memo *memo);

#endif
