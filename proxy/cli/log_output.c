/* How the log's commands speak: remarks, questions, and answers through a pager. One thread. */
#include "log_command.h"

#include "countersign/export.h"

#include <errno.h>
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
    (void)vfprintf(stderr, format, arguments); /* a remark: without it the answer is still whole */
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
    (void)fprintf(stderr, "%s ", question); /* who does not see it does not answer it */
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

static bool is_longer_than_terminal(struct slice text)
{
    size_t lines = 0, height = terminal_height();
    struct slice rest = text, line;
    while (lines < height && slice_next_part(&rest, '\n', &line))
        lines++;
    return lines >= height;
}

/* What the user chose; an empty variable means none. */
static const char *pager_command(void)
{
    const char *own = getenv("COUNTERSIGN_PAGER"), *general = getenv("PAGER");
    if (own != NULL)
        return own;
    return general != NULL ? general : "less -FRX";
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
    if (copy == NULL || pipe(ends) != 0) {
        free(copy);
        return false;
    }
    bool started = posix_spawn_file_actions_init(&actions) == 0;
    if (started) {
        started = posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO) == 0 &&
                  posix_spawn_file_actions_addclose(&actions, ends[0]) == 0 &&
                  posix_spawn_file_actions_addclose(&actions, ends[1]) == 0 &&
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
    if (command[0] == '\0' || strcmp(command, "cat") == 0 || !start_pager(&pid, &fd, command))
        return false;
    (void)signal(SIGPIPE, SIG_IGN); /* the pager may end before it has read all */
    feed(fd, text);
    (void)close(fd); /* what was not taken is not wanted */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)signal(SIGPIPE, SIG_DFL);
    return !WIFEXITED(status) || WEXITSTATUS(status) != SPAWN_FAILED;
}

bool log_print(const struct log_run *run, struct slice text, struct error *error)
{
    bool pages = run->terminal.is_terminal && !run->options->no_pager && is_longer_than_terminal(text);
    return (pages && page(text)) || terminal_write(STDOUT_FILENO, text, error);
}
