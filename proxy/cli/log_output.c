/* How the log's commands speak: remarks, questions, and answers through a pager. One thread. */
#include "log_command.h"

#include "countersign/export.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEIGHT_DEFAULT = 24, ANSWER_MAX = 256, SPAWN_FAILED = 127 };

void log_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    cli_print_safely(format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

void log_append_json(struct buffer *out, const struct record *record, bool with_views)
{
    struct buffer json;
    buffer_init(&json, LOG_OUTPUT_MAX);
    export_append_json(&json, record, with_views);
    terminal_append_json(out, buffer_slice(&json));
    out->failed = out->failed || json.failed;
    buffer_free(&json);
}

bool log_can_ask(void)
{
    return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

bool log_ask(const char *question, const char *yes)
{
    char answer[ANSWER_MAX];
    struct buffer safe;
    buffer_init(&safe, LOG_OUTPUT_MAX);
    terminal_append_escaped(&safe, slice_text(question), TERMINAL_ONE_LINE); /* it quotes a target */
    (void)fprintf(stderr, "%s ", buffer_text(&safe)); /* who does not see it does not answer it */
    buffer_free(&safe);
    if (fgets(answer, sizeof(answer), stdin) == NULL)
        return false;
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcmp(answer, yes) == 0;
}

/* --- the pager --- */

static size_t terminal_height(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : HEIGHT_DEFAULT;
}

/* Whether the shell would find the command. One that begins with more than a plain word is the shell's to judge. */
static bool is_found(const char *command)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+-";
    int length = (int)strcspn(command, " \t");
    struct slice path = slice_text(getenv("PATH")), folder;
    char file[PATH_MAX];
    if (strspn(command, plain) < (size_t)length)
        return true;
    if (memchr(command, '/', (size_t)length) != NULL)
        return snprintf(file, sizeof(file), "%.*s", length, command) < PATH_MAX && access(file, X_OK) == 0;
    while (path.data != NULL && slice_next_part(&path, ':', &folder)) {
        if (snprintf(file, sizeof(file), "%.*s/%.*s", SLICE_ARGUMENTS(folder), length, command) < PATH_MAX &&
            access(file, X_OK) == 0)
            return true;
    }
    return false;
}

/* Rows that the text takes: a line that is wider than the terminal takes several, an SGR sequence (ECMA-48) none. */
static size_t rows_of(struct slice text, size_t width)
{
    size_t rows = 0, column = 0;
    bool in_sequence = false;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        bool continues_character = (byte & 0xc0) == 0x80;
        if (byte == '\n') {
            rows += 1 + (width > 0 && column > 0 ? (column - 1) / width : 0);
            column = 0;
        } else if (byte == 0x1b || in_sequence) {
            in_sequence = byte != 'm';
        } else if (!continues_character) {
            column++;
        }
    }
    return rows + (column > 0);
}

/* The last row is the shell's prompt. */
static bool is_longer_than_terminal(struct slice text, size_t width)
{
    return rows_of(text, width) >= terminal_height();
}

/* What the user chose; NULL for none: an empty variable, `cat`, or what the shell would not find. */
static const char *pager_command(void)
{
    const char *own = getenv("COUNTERSIGN_PAGER"), *general = getenv("PAGER");
    const char *command = own != NULL ? own : general != NULL ? general : "less -FRX";
    return command[0] == '\0' || strcmp(command, "cat") == 0 || !is_found(command) ? NULL : command;
}

/* Feeds it; a reader that quits early is no failure. */
static void feed(int fd, struct slice text)
{
    while (text.length > 0) {
        ssize_t written = write(fd, text.data, text.length);
        if (written < 0 && errno != EINTR)
            return;
        text = slice_from(text, written > 0 ? (size_t)written : 0);
    }
}

static bool start_pager(pid_t *pid, int *fd, const char *command)
{
    static char shell[] = "sh", option[] = "-c";
    char *copy = strdup(command);
    char *arguments[] = { shell, option, copy, NULL };
    int ends[2];
    posix_spawn_file_actions_t actions;
    if (copy == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        free(copy);
        return false;
    }
    bool started = posix_spawn_file_actions_init(&actions) == 0;
    if (started) {
        started = posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO) == 0 &&
                  posix_spawn(pid, "/bin/sh", &actions, NULL, arguments, environ) == 0;
        (void)posix_spawn_file_actions_destroy(&actions); /* frees memory; nothing to tell */
    }
    (void)close(ends[0]); /* nothing was written to this end */
    *fd = ends[1];
    if (!started)
        (void)close(ends[1]); /* likewise */
    free(copy);
    return started;
}

/* False where there is no pager: the text is still to be printed. */
static bool page(struct slice text)
{
    const char *command = pager_command();
    pid_t pid;
    int fd, status;
    if (command == NULL || !start_pager(&pid, &fd, command))
        return false;
    (void)signal(SIGPIPE, SIG_IGN); /* the pager may end before it has read all */
    (void)signal(SIGINT,
                 SIG_IGN); /* Ctrl-C is the pager's to act on: who leaves it behind has two programs at the keys */
    feed(fd, text);
    (void)close(fd); /* what was not taken is not wanted */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    return !WIFEXITED(status) || WEXITSTATUS(status) != SPAWN_FAILED;
}

bool log_print(const struct log_run *run, struct slice text, struct error *error)
{
    bool pages =
        run->terminal.is_terminal && !run->options->no_pager && is_longer_than_terminal(text, run->terminal.width);
    return (pages && page(text)) || terminal_write(STDOUT_FILENO, text, error);
}
