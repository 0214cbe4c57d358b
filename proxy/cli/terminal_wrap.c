/* Prose broken into lines. Pure; any thread. */
#include "terminal.h"

static void append_blanks(struct buffer *out, size_t count)
{
    buffer_append_format(out, "%*s", (int)count, "");
}

void terminal_append_wrapped(struct buffer *out, struct slice text, size_t indent, size_t columns)
{
    struct slice word;
    size_t column = indent;
    bool is_first = true;
    while (text.data != NULL && slice_next_part(&text, ' ', &word)) {
        size_t width = terminal_columns(word);
        bool fits = column + 1 + width <= columns;
        if (!is_first && fits)
            buffer_append_byte(out, ' ');
        if (!is_first && !fits) {
            buffer_append_byte(out, '\n');
            append_blanks(out, indent);
        }
        column = (is_first || !fits ? indent : column + 1) + width;
        buffer_append_slice(out, word);
        is_first = false;
    }
    buffer_append_byte(out, '\n');
}
