/* The text of the window as it was perhaps made from X-CS-EXPIRES. Pure. */
#include "recipe_private.h"

#include <inttypes.h>
#include <stdio.h> /* snprintf */
#include <string.h>

enum { MS_IN_SECOND = 1000 };

static const uint64_t divisors[WINDOW_FORM_COUNT] = {
    [WINDOW_UNDIVIDED] = 1,      [WINDOW_BY_1000] = 1000,       [WINDOW_BY_3000] = 3000,   [WINDOW_BY_5000] = 5000,
    [WINDOW_BY_10000] = 10000,   [WINDOW_BY_15000] = 15000,     [WINDOW_BY_20000] = 20000, [WINDOW_BY_60000] = 60000,
    [WINDOW_BY_300000] = 300000, [WINDOW_BY_3600000] = 3600000,
};

static bool write_number(char text[RECIPE_WINDOW_TEXT_MAX], uint64_t number)
{
    (void)snprintf(text, RECIPE_WINDOW_TEXT_MAX, "%" PRIu64, number); /* 20 digits at most */
    return true;
}

/* Of a moment that is `by` windows away; false before 1970. */
static bool write_moved(char text[RECIPE_WINDOW_TEXT_MAX], uint64_t window, int64_t by)
{
    return (by >= 0 || window >= (uint64_t)-by) && write_number(text, window + (uint64_t)by);
}

static bool write_not_floored(char text[RECIPE_WINDOW_TEXT_MAX], uint64_t expires)
{
    struct buffer out;
    buffer_init(&out, RECIPE_WINDOW_TEXT_MAX - 1);
    recipe_double_append_python(&out, (double)expires / SCHEME_WINDOW_MS);
    bool fits = !out.failed;
    if (fits)
        (void)snprintf(text, RECIPE_WINDOW_TEXT_MAX, "%s", buffer_text(&out)); /* fits: see its maximum */
    buffer_free(&out);
    return fits;
}

bool recipe_window_text(char text[RECIPE_WINDOW_TEXT_MAX], const struct recipe_source *source,
                        enum recipe_window_form form, int64_t away)
{
    uint64_t expires = source->expires, window = expires / SCHEME_WINDOW_MS;
    switch (form) {
    case WINDOW_RIGHT:
        return write_number(text, window);
    case WINDOW_OF_SECONDS:
        return write_number(text, expires / MS_IN_SECOND / SCHEME_WINDOW_MS);
    case WINDOW_OF_MICROSECONDS:
        return write_number(text, expires / (SCHEME_WINDOW_MS / MS_IN_SECOND));
    case WINDOW_ROUNDED:
        return write_number(text, (expires + SCHEME_WINDOW_MS / 2) / SCHEME_WINDOW_MS);
    case WINDOW_FLOAT:
        (void)snprintf(text, RECIPE_WINDOW_TEXT_MAX, "%" PRIu64 ".0", window); /* 20 digits at most */
        return true;
    case WINDOW_NOT_FLOORED:
        return write_not_floored(text, expires);
    case WINDOW_OF_TIMESTAMP:
        return source->has_timestamp && write_number(text, source->timestamp / SCHEME_WINDOW_MS);
    case WINDOW_BEFORE:
    case WINDOW_AFTER:
        return write_moved(text, window, form == WINDOW_BEFORE ? -1 : 1);
    case WINDOW_AWAY:
        return write_moved(text, window, away);
    default:
        return write_number(text, expires / divisors[form]);
    }
}
