/* Which field this is, for checks that look at every field of every request. Private to this room. */
#ifndef COUNTERSIGN_GUARD_FIELD_NAME_H
#define COUNTERSIGN_GUARD_FIELD_NAME_H

#include "countersign/http_message.h"

/* As slice_equal_caseless: here in the header, because most names are told apart by their lengths, without a call. */
static inline bool field_is_named(const struct http_field *field, struct slice name)
{
    return field->name.length == name.length && slice_equal_caseless(field->name, name);
}

#endif
