/* What standard output is, and how styles are written to it. Owns nothing; the command's one thread. */
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TERMINAL_WIDTH_DEFAULT = 80 }; /* for a terminal that does not tell */

bool terminal_color_parse(enum terminal_color_choice *choice, const char *text)
{
    static const char *const names[] = {
        [TERMINAL_COLOR_AUTO] = "auto",
        [TERMINAL_COLOR_ALWAYS] = "always",
        [TERMINAL_COLOR_NEVER] = "never",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *choice = (enum terminal_color_choice)i;
            return true;
        }
    }
    return false;
}

bool terminal_wants_color(enum terminal_color_choice choice, bool is_terminal, const char *no_color, const char *term)
{
    if (choice != TERMINAL_COLOR_AUTO)
        return choice == TERMINAL_COLOR_ALWAYS;
    if (no_color != NULL && *no_color != '\0')
        return false;
    return is_terminal && (term == NULL || strcmp(term, "dumb") != 0);
}

struct terminal terminal_detect(int fd, enum terminal_color_choice choice)
{
    struct terminal terminal = { .is_terminal = isatty(fd) == 1 };
    terminal.color = terminal_wants_color(choice, terminal.is_terminal, getenv("NO_COLOR"), getenv("TERM"));
    if (terminal.is_terminal) {
        struct winsize size;
        bool told = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
        terminal.width = told ? size.ws_col : TERMINAL_WIDTH_DEFAULT;
    }
    return terminal;
}

/* Standard output may be a pipe that another program made non-blocking: wait for room. */
static bool wait_for_room(int fd)
{
    struct pollfd ready = { .fd = fd, .events = POLLOUT };
    return poll(&ready, 1, -1) >= 0 || errno == EINTR;
}

/* Its reader went away, as in `config keys | head`: that ends a program quietly, also one that ignores SIGPIPE for what it
 * writes elsewhere. False where the signal is blocked. */
static bool end_unread(void)
{
    (void)signal(SIGPIPE, SIG_DFL); /* neither can fail */
    (void)raise(SIGPIPE);
    errno = EPIPE;
    return false;
}

/* Whether to try again after write failed. */
static bool is_passing(int fd)
{
    return errno == EPIPE ? end_unread() : errno == EAGAIN ? wait_for_room(fd) : errno == EINTR;
}

bool terminal_write(int fd, struct slice bytes, struct error *error)
{
    while (bytes.length > 0) {
        ssize_t written = write(fd, bytes.data, bytes.length);
        if (written >= 0)
            bytes = slice_from(bytes, (size_t)written);
        else if (!is_passing(fd))
            return error_system(error, errno, "writing to standard output");
    }
    return true;
}

/* ECMA-48 §8.3.117, SGR. */
static const char *const style_codes[TERMINAL_STYLE_COUNT] = {
    [TERMINAL_PLAIN] = "",         [TERMINAL_BOLD] = "\x1b[1m",    [TERMINAL_DIM] = "\x1b[2m",
    [TERMINAL_GREEN] = "\x1b[32m", [TERMINAL_YELLOW] = "\x1b[33m", [TERMINAL_RED] = "\x1b[31m",
    [TERMINAL_CYAN] = "\x1b[36m",
};

void terminal_style_begin(struct buffer *out, const struct terminal *terminal, enum terminal_style style)
{
    if (terminal->color && style != TERMINAL_PLAIN)
        buffer_append_text(out, style_codes[style]);
}

void terminal_style_end(struct buffer *out, const struct terminal *terminal, enum terminal_style style)
{
    if (terminal->color && style != TERMINAL_PLAIN)
        buffer_append_text(out, "\x1b[0m");
}
