/* One value of a row that is to be written. */
#ifndef COUNTERSIGN_CAPTURE_VALUE_H
#define COUNTERSIGN_CAPTURE_VALUE_H

#include "countersign/slice.h"

#include <stdint.h>

struct value {
    enum { VALUE_NULL, VALUE_NUMBER, VALUE_TEXT, VALUE_BLOB } kind;
    int64_t number;
    struct slice text; /* of a blob, too; borrowed */
};

/* They write where the value is to be: one that is returned and copied whole waits for its parts to be stored. */
static inline void value_set_null(struct value *value)
{
    *value = (struct value){ .kind = VALUE_NULL };
}

static inline void value_set_number(struct value *value, int64_t number)
{
    *value = (struct value){ .kind = VALUE_NUMBER, .number = number };
}

/* NULL where the slice has no data. */
static inline void value_set_text(struct value *value, struct slice text)
{
    *value = (struct value){ .kind = text.data == NULL ? VALUE_NULL : VALUE_TEXT, .text = text };
}

static inline void value_set_blob(struct value *value, struct slice bytes)
{
    *value = (struct value){ .kind = VALUE_BLOB, .text = bytes };
}

#endif
