/* Words of POSIX shell commands (POSIX.1-2017, Shell Command Language, 2.2 Quoting) that carry any bytes but NUL. Pure; any
 * thread. */
#ifndef COUNTERSIGN_SHELL_H
#define COUNTERSIGN_SHELL_H

#include "countersign/buffer.h"
#include "countersign/slice.h"

/* Whether every byte is printable ASCII or a blank: what may also be pasted into a terminal. */
bool shell_is_printable(struct slice text);

/* Appends what stands between single quotes for this text. It must hold no NUL: no argument can. */
void shell_append_within_quotes(struct buffer *out, struct slice text);

/* Appends the text as one word, in quotes where it needs them. No NUL, as above. */
void shell_append_word(struct buffer *out, struct slice text);

/* Appends a quoted format for printf(1) that prints these bytes, NUL included. */
void shell_append_printf_format(struct buffer *out, struct slice bytes);

/* Appends " \", a line feed, and the option with its value as a word. */
void shell_append_option(struct buffer *out, const char *option, struct slice value);

#endif
