/* The report's lines: collected while reading, sorted by place at the end. Owns the lines' text; one thread. */
#include "problems.h"

#include <stdarg.h>
#include <stdlib.h>

enum { QUOTE_MAX = 120 }; /* bytes of a value that an error shows */

void config_place_append(struct buffer *out, const struct config_place *place)
{
    /* The caller checks `failed`. */
    if (place->origin == CONFIG_ORIGIN_DEFAULT)
        (void)buffer_append_text(out, "built-in default: ");
    else if (place->origin == CONFIG_ORIGIN_ENVIRONMENT)
        (void)buffer_append_format(out, "environment %.*s: ", SLICE_ARGUMENTS(place->name));
    else if (place->origin == CONFIG_ORIGIN_FILE && place->number > 0)
        (void)buffer_append_format(out, "%.*s:%zu: ", SLICE_ARGUMENTS(place->name), place->number);
    else
        (void)buffer_append_format(out, "%.*s: ", SLICE_ARGUMENTS(place->name));
}

void config_problem_add(struct config_problems *problems, const struct config_place *place, const char *format, ...)
{
    size_t sequence = problems->total++;
    if (problems->count == CONFIG_PROBLEMS_MAX)
        return;
    struct buffer line;
    buffer_init(&line, CONFIG_PROBLEM_LENGTH_MAX);
    config_place_append(&line, place);
    va_list arguments;
    va_start(arguments, format);
    (void)buffer_append_format_list(&line, format, arguments); /* `failed` below */
    va_end(arguments);
    bool whole = !line.failed && buffer_append_byte(&line, '\0');
    if (whole)
        problems->items[problems->count++] =
            (struct config_problem){ .place = *place, .sequence = sequence, .text = buffer_take(&line, NULL) };
    buffer_free(&line); /* a line that is too long to show still counts in `total` */
}

static int compare(size_t a, size_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_problems(const void *left, const void *right)
{
    const struct config_problem *a = left;
    const struct config_problem *b = right;
    if (a->place.origin != b->place.origin)
        return compare(a->place.origin, b->place.origin);
    if (a->place.number != b->place.number)
        return compare(a->place.number, b->place.number);
    return compare(a->sequence, b->sequence);
}

void config_problems_write(struct buffer *report, struct config_problems *problems)
{
    qsort(problems->items, problems->count, sizeof(problems->items[0]), compare_problems);
    /* A report cut by its owner's maximum is still a report; the error's sum says how many lines there were. */
    for (size_t i = 0; i < problems->count; i++)
        (void)buffer_append_format(report, "%s\n", problems->items[i].text);
    if (problems->total > problems->count)
        (void)buffer_append_format(report, "... and %zu more\n", problems->total - problems->count);
}

void config_problems_end(struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        free(problems->items[i].text);
    problems->count = 0;
}

void config_quote(struct buffer *out, struct slice text)
{
    struct slice shown = slice_first(text, QUOTE_MAX);
    (void)buffer_append_byte(out, '"'); /* the caller checks `failed`, here and below */
    for (size_t i = 0; i < shown.length; i++) {
        unsigned char byte = (unsigned char)shown.data[i];
        (void)buffer_append_byte(out, byte < 0x20 || byte == 0x7f ? '?' : (char)byte);
    }
    (void)buffer_append_text(out, shown.length < text.length ? "...\"" : "\"");
}
