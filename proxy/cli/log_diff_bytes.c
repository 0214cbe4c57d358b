/* Two runs of bytes around their first difference, in hex and text, one above the other. Owns nothing; one thread. */
#include "log_diff_page.h"

enum { ROW = 16 /* bytes of a line: it fits 80 columns */, ROWS_BEFORE = 1, ROWS = 3 };

struct window {
    struct buffer *out;
    const struct terminal *terminal;
    const struct diff_finding *finding;
    size_t offset_digits;
};

static bool is_at(struct slice bytes, size_t i)
{
    return i < bytes.length;
}

/* Whether the byte is another one on the other side, or there alone. */
static bool differs(const struct window *window, size_t i)
{
    const struct slice *values = window->finding->values;
    if (is_at(values[0], i) != is_at(values[1], i))
        return true;
    return is_at(values[0], i) && values[0].data[i] != values[1].data[i];
}

static bool row_differs(const struct window *window, size_t begin)
{
    for (size_t i = begin; i < begin + ROW; i++)
        if (differs(window, i))
            return true;
    return false;
}

static void append_byte(const struct window *window, struct slice bytes, size_t i, bool is_text)
{
    char byte = bytes.data[i];
    if (is_text)
        buffer_append_byte(window->out, byte >= ' ' && byte <= '~' ? byte : '.');
    else
        buffer_append_format(window->out, " %02x", (unsigned)(unsigned char)byte);
}

static void append_bytes(const struct window *window, struct slice bytes, size_t begin, enum terminal_style style,
                         bool is_text)
{
    for (size_t i = begin; i < begin + ROW; i++) {
        enum terminal_style own = differs(window, i) ? style : TERMINAL_PLAIN;
        if (is_at(bytes, i)) {
            terminal_style_begin(window->out, window->terminal, own);
            append_byte(window, bytes, i, is_text);
            terminal_style_end(window->out, window->terminal, own);
        } else if (!is_text) {
            buffer_append_text(window->out, "   ");
        }
    }
}

static void append_row(const struct window *window, char label, struct slice bytes, size_t begin,
                       enum terminal_style style)
{
    if (begin >= bytes.length)
        return;
    terminal_style_begin(window->out, window->terminal, label == ' ' ? TERMINAL_DIM : style);
    buffer_append_format(window->out, "    %c  %0*zx", label, (int)window->offset_digits, begin);
    terminal_style_end(window->out, window->terminal, label == ' ' ? TERMINAL_DIM : style);
    append_bytes(window, bytes, begin, style, false);
    buffer_append_text(window->out, "  ");
    append_bytes(window, bytes, begin, style, true);
    buffer_append_byte(window->out, '\n');
}

/* Where there is no colour, a mark below the first byte that differs. */
static void append_mark(const struct window *window, size_t begin)
{
    size_t place = window->finding->offset - begin;
    if (window->terminal->color)
        return;
    buffer_append_format(window->out, "%*s^^%*s^\n", (int)(7 + window->offset_digits + 1 + 3 * place), "",
                         (int)(3 * (ROW - 1 - place) + 2 + place), "");
}

/* What stands behind the rows: the same count on both sides, or each. */
static void append_rest(const struct window *window, size_t end)
{
    const struct slice *values = window->finding->values;
    size_t first = slice_from(values[0], end).length, second = slice_from(values[1], end).length;
    if (first == 0 && second == 0)
        return;
    buffer_append_text(window->out, "       ... ");
    if (first == second)
        buffer_append_format(window->out, "%zu more bytes\n", first);
    else
        buffer_append_format(window->out, "%zu more bytes in A, %zu in B\n", first, second);
}

void log_diff_append_window(struct buffer *out, const struct terminal *terminal, const struct diff_finding *finding)
{
    struct window window = { .out = out, .terminal = terminal, .finding = finding, .offset_digits = 4 };
    size_t first = finding->offset / ROW * ROW;
    size_t begin = first >= ROWS_BEFORE * (size_t)ROW ? first - ROWS_BEFORE * (size_t)ROW : 0;
    for (size_t rest = finding->offset >> 16; rest > 0; rest >>= 4)
        window.offset_digits++;
    for (size_t row = 0; row < ROWS; row++, begin += ROW) {
        if (!row_differs(&window, begin)) {
            append_row(&window, ' ', finding->values[0], begin, TERMINAL_PLAIN);
            continue;
        }
        append_row(&window, 'A', finding->values[0], begin, TERMINAL_RED);
        append_row(&window, 'B', finding->values[1], begin, TERMINAL_GREEN);
        if (begin == first)
            append_mark(&window, begin);
    }
    append_rest(&window, begin);
}
