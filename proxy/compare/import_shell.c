/* The shell's words. What only a shell that runs can know (variables, commands, globs over this folder) is refused, never
 * guessed. Owns the words' letters; one thread.
 * Source: POSIX.1-2017, Shell Command Language, 2.2 Quoting and 2.3 Token Recognition; bash(1), QUOTING. */
#include "import_shell.h"

#include "import_private.h"

#include <string.h>

void shell_begin(struct shell *shell, struct slice text, struct error *error)
{
    memset(shell, 0, sizeof(*shell));
    shell->text = text;
    shell->error = error;
    shell->command_line = 1;
    buffer_init(&shell->letters, text.length + 1);
}

void shell_end(struct shell *shell)
{
    buffer_free(&shell->letters);
}

struct slice shell_word(const struct shell *shell, size_t index)
{
    size_t begin = index == 0 ? 0 : shell->ends[index - 1];
    return slice_of(shell->letters.data == NULL ? "" : shell->letters.data + begin, shell->ends[index] - begin);
}

static bool wrong(const struct shell *shell, const char *what)
{
    return error_set(shell->error, ERROR_INPUT, "line %zu: %s", import_line_number(shell->text, shell->offset), what);
}

/* The byte so far ahead, NUL behind the end: NUL itself is refused. */
static char peek(const struct shell *shell, size_t ahead)
{
    return shell->offset + ahead < shell->text.length ? shell->text.data[shell->offset + ahead] : '\0';
}

static bool is_over(const struct shell *shell)
{
    return shell->offset >= shell->text.length;
}

static void put(struct shell *shell, char byte)
{
    buffer_append_byte(&shell->letters, byte); /* as long as the text at most, but for memory: looked at in the end */
}

/* The length of a line end at `ahead`: 0, 1 or (CR LF) 2. */
static size_t line_end(const struct shell *shell, size_t ahead)
{
    if (peek(shell, ahead) == '\n')
        return 1;
    return peek(shell, ahead) == '\r' && peek(shell, ahead + 1) == '\n' ? 2 : 0;
}

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_';
}

/* `$KEY`, `${KEY}`, `$(...)`, `$1`: the offset is at the '$'. */
static bool refuse_expansion(const struct shell *shell)
{
    char quote[IMPORT_QUOTE_MAX];
    size_t begin = peek(shell, 1) == '{' ? 2 : 1, length = 0;
    if (peek(shell, 1) == '(')
        return wrong(shell, "the shell would run a command here, $(...): paste the command with its output");
    while (is_name_byte(peek(shell, begin + length)))
        length++;
    struct slice name = slice_of(shell->text.data + shell->offset + begin, length);
    return error_set(shell->error, ERROR_INPUT, "line %zu: the shell would fill in $%s: paste the command with values",
                     import_line_number(shell->text, shell->offset), import_quote(quote, name));
}

static bool is_expansion(const struct shell *shell)
{
    char next = peek(shell, 1);
    return peek(shell, 0) == '$' && (is_name_byte(next) || (next != '\0' && strchr("{(@*#?!$-", next) != NULL));
}

/* The byte at the offset, as it is. */
static void put_next(struct shell *shell)
{
    put(shell, peek(shell, 0));
    shell->offset++;
}

/* The offset is at the closing quote, or at the end: then `begin`, where they open, is named. */
static bool close_quotes(struct shell *shell, size_t begin, const char *unclosed)
{
    if (!is_over(shell)) {
        shell->offset++;
        return true;
    }
    shell->offset = begin;
    return wrong(shell, unclosed);
}

static bool pass_single_quotes(struct shell *shell)
{
    size_t begin = shell->offset++;
    while (!is_over(shell) && peek(shell, 0) != '\'')
        put_next(shell);
    return close_quotes(shell, begin, "the single quote ' that opens here is not closed");
}

/* A backslash inside double quotes: it only counts before what would else have a meaning. */
static void pass_escape_in_double_quotes(struct shell *shell)
{
    char next = peek(shell, 1);
    size_t end = line_end(shell, 1);
    if (end == 0 && (next == '\0' || strchr("$`\"\\", next) == NULL)) {
        put(shell, '\\');
        shell->offset++;
        return;
    }
    if (end == 0)
        put(shell, next);
    shell->offset += end == 0 ? 2 : 1 + end;
}

static bool pass_double_quotes(struct shell *shell)
{
    size_t begin = shell->offset++;
    while (!is_over(shell) && peek(shell, 0) != '"') {
        if (is_expansion(shell))
            return refuse_expansion(shell);
        if (peek(shell, 0) == '`')
            return wrong(shell, "the shell would run a command here, `...`: paste the command with its output");
        if (peek(shell, 0) == '\\') {
            pass_escape_in_double_quotes(shell);
        } else {
            put_next(shell);
        }
    }
    return close_quotes(shell, begin, "the double quote \" that opens here is not closed");
}

/* Up to `max` digits of `base` at the offset. Returns how many. */
static size_t take_number(struct shell *shell, unsigned base, size_t max, uint32_t *value)
{
    static const char digits[] = "0123456789abcdef";
    size_t count = 0;
    for (*value = 0; count < max; count++, shell->offset++) {
        char byte = peek(shell, 0);
        if (byte >= 'A' && byte <= 'F')
            byte = (char)(byte - 'A' + 'a');
        const char *digit = byte == '\0' ? NULL : memchr(digits, byte, base);
        if (digit == NULL)
            break;
        *value = *value * base + (uint32_t)(digit - digits);
    }
    return count;
}

static void put_character(struct shell *shell, uint32_t code_point)
{
    if (code_point < 0x80) {
        put(shell, (char)code_point);
        return;
    }
    int follow = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = { 0, 0xC0, 0xE0, 0xF0 };
    put(shell, (char)(lead[follow] | (code_point >> (6 * follow))));
    while (follow-- > 0)
        put(shell, (char)(0x80 | ((code_point >> (6 * follow)) & 0x3F)));
}

/* \nnn, \xHH, \uHHHH, \UHHHHHHHH; the offset is behind the backslash. */
static bool pass_numeric_escape(struct shell *shell)
{
    char letter = peek(shell, 0);
    uint32_t value;
    bool is_octal = letter >= '0' && letter <= '7';
    shell->offset += !is_octal;
    size_t max = is_octal ? 3 : letter == 'x' ? 2 : letter == 'u' ? 4 : 8;
    size_t count = take_number(shell, is_octal ? 8 : 16, max, &value);
    if (count == 0 || value > 0x10FFFF)
        return wrong(shell, "an escape in $'...' has no digits or is no character");
    if (is_octal || letter == 'x')
        value &= 0xFF;
    if (value == 0)
        return wrong(shell, "an escape in $'...' is NUL, which no command line can hold");
    if (is_octal || letter == 'x')
        put(shell, (char)value);
    else
        put_character(shell, value);
    return true;
}

/* One backslash and what follows in $'...'. */
static bool pass_ansi_escape(struct shell *shell)
{
    static const char letters[] = "abeEfnrtv\\'\"?";
    static const char meanings[] = "\a\b\033\033\f\n\r\t\v\\'\"?";
    char letter = peek(shell, 1);
    const char *known = letter == '\0' ? NULL : strchr(letters, letter);
    shell->offset++;
    if (known == NULL && letter != '\0' && strchr("01234567xuU", letter) != NULL)
        return pass_numeric_escape(shell);
    if (known == NULL)
        return wrong(shell, "this escape in $'...' is not read");
    put(shell, meanings[known - letters]);
    shell->offset++;
    return true;
}

static bool pass_ansi_quotes(struct shell *shell)
{
    size_t begin = shell->offset;
    shell->offset += 2;
    while (!is_over(shell) && peek(shell, 0) != '\'') {
        if (peek(shell, 0) == '\\') {
            if (!pass_ansi_escape(shell))
                return false;
        } else {
            put_next(shell);
        }
    }
    return close_quotes(shell, begin, "the quote $' that opens here is not closed");
}

static bool pass_backslash(struct shell *shell)
{
    size_t end = line_end(shell, 1);
    if (end == 0 && peek(shell, 1) == '\0')
        return wrong(shell, "the command ends in a backslash: the lines behind it are missing");
    if (end == 0)
        put(shell, peek(shell, 1));
    shell->offset += end == 0 ? 2 : 1 + end;
    return true;
}

/* The caret is the escape of Windows' cmd, in which browsers write commands too. */
static bool is_caret_escape(const struct shell *shell)
{
    char next = peek(shell, 1);
    return peek(shell, 0) == '^' && next != '\0' && strchr("\"^\\\r\n%&", next) != NULL;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static bool ends_word(const struct shell *shell)
{
    return is_over(shell) || is_blank(peek(shell, 0)) || line_end(shell, 0) > 0 ||
           strchr(";|<>&()", peek(shell, 0)) != NULL;
}

static bool pass_piece(struct shell *shell)
{
    char byte = peek(shell, 0);
    if (byte == '\'')
        return pass_single_quotes(shell);
    if (byte == '"')
        return pass_double_quotes(shell);
    if (byte == '\\')
        return pass_backslash(shell);
    if (byte == '$' && peek(shell, 1) == '\'')
        return pass_ansi_quotes(shell);
    if (byte == '`')
        return wrong(shell, "a backtick: the shell would run a command (or this is PowerShell's form): paste the "
                            "form for bash, with values");
    if (is_caret_escape(shell))
        return wrong(shell, "this is the form for Windows' cmd (^): use \"Copy as cURL (bash)\"");
    if (is_expansion(shell))
        return refuse_expansion(shell);
    put_next(shell);
    return true;
}

static bool read_word(struct shell *shell)
{
    if (shell->count == SHELL_WORDS_MAX)
        return wrong(shell, "the command has too many words");
    while (!ends_word(shell)) {
        if (!pass_piece(shell))
            return false;
    }
    if (shell->letters.failed)
        return import_out_of_memory(shell->error);
    shell->ends[shell->count++] = shell->letters.length;
    return true;
}

static void pass_line(struct shell *shell)
{
    while (!is_over(shell) && peek(shell, 0) != '\n')
        shell->offset++;
}

/* Blanks, and lines that go on behind a backslash. */
static void pass_blanks(struct shell *shell)
{
    for (;;) {
        size_t end = peek(shell, 0) == '\\' ? line_end(shell, 1) : 0;
        if (end > 0)
            shell->offset += 1 + end;
        else if (is_blank(peek(shell, 0)))
            shell->offset++;
        else
            return;
    }
}

/* What stands at the end of a word and is no blank. What comes behind a pipe or a redirection of the answer does not
 * change the request, so the rest of the line is passed over. `*is_end`: the command is over. */
static bool pass_operator(struct shell *shell, bool *is_end)
{
    char byte = peek(shell, 0);
    *is_end = is_over(shell) || byte == ';' || byte == '|' || byte == '>' || line_end(shell, 0) > 0 ||
              (byte == '&' && peek(shell, 1) == '&');
    if (*is_end && !is_over(shell)) {
        if (byte == '|' || byte == '>')
            pass_line(shell);
        else
            shell->offset += byte == '&' || byte == '\r' ? 2 : 1;
        return true;
    }
    if (byte == '&')
        return wrong(shell, "an & that is not quoted ends the command in a shell: put the URL in single quotes");
    if (byte == '<')
        return wrong(shell, "the input is in a file that is not here (<)");
    if (byte == '(' || byte == ')')
        return wrong(shell, "a parenthesis that is not quoted: paste the curl command alone");
    return true;
}

static bool read_words(struct shell *shell)
{
    bool is_end = false;
    while (!is_end) {
        pass_blanks(shell);
        if (peek(shell, 0) == '#')
            pass_line(shell);
        else if (!ends_word(shell) && !read_word(shell))
            return false;
        if (!is_blank(peek(shell, 0)) && !pass_operator(shell, &is_end))
            return false;
    }
    return true;
}

/* Documentation shows a prompt before the command. */
static void pass_prompt(struct shell *shell)
{
    pass_blanks(shell);
    if (peek(shell, 0) == '$' && is_blank(peek(shell, 1)))
        shell->offset++;
}

/* The next command begins at the offset. Every byte is looked at once, however many commands there are. */
static void begin_command(struct shell *shell)
{
    struct slice passed = slice_from(slice_first(shell->text, shell->offset), shell->command_at);
    shell->command_line += import_line_number(passed, passed.length) - 1;
    shell->command_at = shell->offset;
    shell->count = 0;
    buffer_reset(&shell->letters);
}

bool shell_next_command(struct shell *shell, bool *is_end)
{
    if (shell->offset == 0 && slice_find(shell->text, '\0') < shell->text.length)
        return error_set(shell->error, ERROR_INPUT, "line %zu: a NUL, which no command line can hold",
                         import_line_number(shell->text, slice_find(shell->text, '\0')));
    do {
        pass_prompt(shell);
        begin_command(shell);
        if (!read_words(shell))
            return false;
    } while (shell->count == 0 && !is_over(shell));
    *is_end = shell->count == 0;
    return true;
}
