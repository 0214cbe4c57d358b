/* What a text must have in it, or not; a failure shows the text whole. */
#ifndef COUNTERSIGN_TESTS_TEXT_ASSERTS_H
#define COUNTERSIGN_TESTS_TEXT_ASSERTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static inline void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("`%s` is not in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("`%s` is in:\n%s", part, text);
}

#endif
