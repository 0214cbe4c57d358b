/* Methods that rules and the table of endpoints know, as bits. Private to this room. */
#ifndef COUNTERSIGN_GUARD_METHODS_H
#define COUNTERSIGN_GUARD_METHODS_H

#include "countersign/slice.h"

enum {
    METHOD_GET = 1,
    METHOD_HEAD = 2,
    METHOD_POST = 4,
    METHOD_PUT = 8,
    METHOD_DELETE = 16,
    METHOD_PATCH = 32,
    METHOD_OPTIONS = 64,
    METHOD_OTHER = 128,
    METHOD_ANY = 255
};

/* The method's bit, METHOD_OTHER for one that is not known. */
unsigned method_find(struct slice method);

/* Likewise in any case of letters. */
unsigned method_find_caseless(struct slice method);

#endif
