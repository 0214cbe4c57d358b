/* What a command prints for people: colours, columns, and bytes from outside made harmless. Private to this room. */
#ifndef COUNTERSIGN_CLI_TERMINAL_H
#define COUNTERSIGN_CLI_TERMINAL_H

#include "countersign/buffer.h"
#include "countersign/error.h"
#include "countersign/slice.h"

enum terminal_color_choice { TERMINAL_COLOR_AUTO, TERMINAL_COLOR_ALWAYS, TERMINAL_COLOR_NEVER };

enum terminal_style {
    TERMINAL_PLAIN,
    TERMINAL_BOLD,
    TERMINAL_DIM,
    TERMINAL_GREEN,
    TERMINAL_YELLOW,
    TERMINAL_RED,
    TERMINAL_CYAN,
    TERMINAL_STYLE_COUNT
};

struct terminal {
    bool is_terminal;
    bool color;
    size_t width; /* columns; 0: no bound (a pipe or a file) */
};

/* Reads "auto", "always" or "never". */
MUST_CHECK bool terminal_color_parse(enum terminal_color_choice *choice, const char *text);

/* Whether to colour. `no_color` is NO_COLOR's value (https://no-color.org: set and not empty means no) and `term` is
 * TERM's; either may be NULL. An explicit choice outranks both. */
bool terminal_wants_color(enum terminal_color_choice choice, bool is_terminal, const char *no_color, const char *term);

/* Asks the descriptor and the environment. */
struct terminal terminal_detect(int fd, enum terminal_color_choice choice);

/* Writes everything. A reader that went away ends the program by SIGPIPE, also where that is ignored. */
MUST_CHECK bool terminal_write(int fd, struct slice bytes, struct error *error);

/* Appends what switches a style on, or back to plain; nothing without colour. */
void terminal_style_begin(struct buffer *out, const struct terminal *terminal, enum terminal_style style);
void terminal_style_end(struct buffer *out, const struct terminal *terminal, enum terminal_style style);

/* Which control bytes stay as they are: none, or the line feed and the tab of a text of several lines. */
enum terminal_text { TERMINAL_ONE_LINE, TERMINAL_LINES };

/* Appends bytes from outside so that no terminal can be made to act on them: control characters (C0, DEL, C1), invalid
 * UTF-8, and what reorders or hides text (bidirectional controls, zero-width characters) become \xNN, byte by byte.
 * A backslash stays as it is. */
void terminal_append_escaped(struct buffer *out, struct slice bytes, enum terminal_text kind);

/* Appends JSON text with the same characters written as \uXXXX: the same value, harmless. Strings must be UTF-8. */
void terminal_append_json(struct buffer *out, struct slice json);

/* How many bytes of `bytes` would be escaped. */
size_t terminal_count_escaped(struct slice bytes, enum terminal_text kind);

/* Whether raw bytes may be written to a terminal: nothing to escape but the CR of line ends. */
bool terminal_is_safe(struct slice bytes);

/* The first character's length in bytes, 0 where it is no UTF-8 (RFC 3629 §4) or `bytes` is empty. */
size_t terminal_utf8_length(struct slice bytes);
bool terminal_is_utf8(struct slice bytes);

/* Columns that escaped text takes (an approximation of Unicode's East Asian Width for wide characters). */
size_t terminal_columns(struct slice text);

/* Appends escaped text, cut in the middle with "…" where it takes more than `columns`. */
void terminal_append_fitted(struct buffer *out, struct slice text, size_t columns);

/* Appends escaped text broken at its blanks, each line behind the first with `indent` blanks before it, none wider than
 * `columns` but for a word that is, and a line feed at its end. The first line is to begin at column `indent`. */
void terminal_append_wrapped(struct buffer *out, struct slice text, size_t indent, size_t columns);

#endif
