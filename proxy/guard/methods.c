/* Methods as bits. Pure; any thread. */
#include "methods.h"

#include "countersign/compiler.h"
#include "countersign/rule.h"

static const struct {
    const char *name;
    unsigned bit;
} methods[] = {
    { "GET", METHOD_GET },       { "POST", METHOD_POST },   { "HEAD", METHOD_HEAD },       { "PUT", METHOD_PUT },
    { "DELETE", METHOD_DELETE }, { "PATCH", METHOD_PATCH }, { "OPTIONS", METHOD_OPTIONS },
};

unsigned method_find(struct slice method)
{
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        if (slice_equal_text(method, methods[i].name))
            return methods[i].bit;
    }
    return METHOD_OTHER;
}

unsigned method_find_caseless(struct slice method)
{
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        if (slice_equal_text_caseless(method, methods[i].name))
            return methods[i].bit;
    }
    return METHOD_OTHER;
}

struct request_methods request_methods(struct slice method)
{
    unsigned exact = method_find(method);
    unsigned loose = exact == METHOD_OTHER ? method_find_caseless(method) : exact;
    if (loose == METHOD_HEAD)
        loose |= METHOD_GET;
    return (struct request_methods){ .exact = exact, .loose = loose };
}
