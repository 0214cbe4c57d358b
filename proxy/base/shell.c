/* Words of shell commands. Pure; any thread. */
#include "countersign/shell.h"

#include <string.h>

bool shell_is_printable(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < 0x20 || text.data[i] >= 0x7f) /* bytes above ASCII are negative where char is signed */
            return false;
    }
    return true;
}

/* Between single quotes a POSIX shell changes nothing; a single quote itself stands outside of them. */
void shell_append_within_quotes(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\'')
            buffer_append_text(out, "'\\''");
        else
            buffer_append_byte(out, text.data[i]);
    }
}

static bool is_plain_word(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (!is_letter && !(byte >= '0' && byte <= '9') && slice_find(slice_text("./:_-"), byte) == strlen("./:_-"))
            return false;
    }
    return text.length > 0;
}

/* One word of a shell command, in quotes where it needs them. */
void shell_append_word(struct buffer *out, struct slice text)
{
    const char *quote = is_plain_word(text) ? "" : "'";
    buffer_append_text(out, quote);
    shell_append_within_quotes(out, text);
    buffer_append_text(out, quote);
}

/* A format for printf(1) that prints these bytes, NUL included: what no argument and no terminal carries. */
void shell_append_printf_format(struct buffer *out, struct slice bytes)
{
    buffer_append_byte(out, '\'');
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        if (byte == '%')
            buffer_append_text(out, "%%");
        else if (byte == '\\')
            buffer_append_text(out, "\\\\");
        else if (byte < 0x20 || byte >= 0x7f || byte == '\'')
            buffer_append_format(out, "\\%03o", byte);
        else
            buffer_append_byte(out, (char)byte);
    }
    buffer_append_byte(out, '\'');
}

void shell_append_option(struct buffer *out, const char *option, struct slice value)
{
    buffer_append_format(out, " \\\n  %s ", option);
    shell_append_word(out, value);
}
