/* The program's own log lines on standard error. Set once before threads start; then any thread. */
#include "countersign/log.h"

#include "countersign/buffer.h"
#include "countersign/clock.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LOG_LINE_MAX = 2048,       /* bytes of a message; with time and level it stays below PIPE_BUF */
    LOG_JSON_LINE_MAX = 16384, /* bytes; one that exceeds PIPE_BUF is counted as lost */
    LOG_PATIENCE_MS = 20,      /* how long the first line waits for a reader */
    LOG_NOTE_MAX = 160
};

static const char *const level_names[] = { "error", "warning", "info", "debug" };

/* The one piece of process-wide state: what to write and how. */
static struct {
    enum log_level level;
    enum log_format format;
} settings = { LOG_LEVEL_INFO, LOG_FORMAT_TEXT };

void log_configure(enum log_level level, enum log_format format)
{
    settings.level = level;
    settings.format = format;
}

bool log_enabled(enum log_level level)
{
    return level <= settings.level;
}

/* Lines that found no reader since the last that did. */
static atomic_uint lost_lines;

/* Whether a line of up to PIPE_BUF bytes can be written without waiting (pipe(7): a pipe polls as writable when it has that
 * much room). Standard error that nobody reads (a full pipe, a terminal held by Ctrl-S) must not hold up an order. */
static bool has_reader(void)
{
    struct pollfd standard_error = { .fd = STDERR_FILENO, .events = POLLOUT };
    int patience_ms = atomic_load(&lost_lines) == 0 ? LOG_PATIENCE_MS : 0;
    return poll(&standard_error, 1, patience_ms) == 1 && (standard_error.revents & POLLOUT) != 0;
}

static void write_at_once(const char *data, size_t length)
{
    ssize_t written;
    do
        written = write(STDERR_FILENO, data, length);
    while (written < 0 && errno == EINTR); /* any other failure: there is nowhere left to say so */
}

static void write_whole(const char *data, size_t length)
{
    if (length > PIPE_BUF || !has_reader()) {
        (void)atomic_fetch_add(&lost_lines, 1); /* the count before does not matter */
        return;
    }
    write_at_once(data, length);
    unsigned lost = atomic_exchange(&lost_lines, 0);
    if (lost == 0)
        return;
    char note[LOG_NOTE_MAX];
    int size = snprintf(note, sizeof(note),
                        settings.format == LOG_FORMAT_JSON
                            ? "{\"level\":\"warning\",\"event\":\"lines-lost\",\"count\":%u}\n"
                            : "warning: %u lines were lost before this one: nobody read standard error\n",
                        lost);
    if (size > 0 && has_reader())
        write_at_once(note, (size_t)size);
}

/* Bytes that could steer a terminal are shown as '?': messages may quote what a peer sent. */
static void append_printable(struct buffer *line, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        bool is_c1 = byte == 0xc2 && i + 1 < text.length && ((unsigned char)text.data[i + 1] & 0xe0) == 0x80;
        (void)buffer_append_byte(line,
                                 byte < 0x20 || byte == 0x7f || is_c1 ? '?' : (char)byte); /* a full line is cut */
        i += is_c1; /* U+0080 to U+009F, two bytes: some terminals take them for ESC */
    }
}

static void write_text(enum log_level level, struct slice message)
{
    struct buffer line;
    buffer_init(&line, LOG_LINE_MAX + CLOCK_TEXT_MAX + 32);
    char time[CLOCK_TEXT_MAX];
    (void)buffer_append_text(&line, clock_format_local_time(time, clock_wall_us())); /* fits: so the maximum is set */
    if (level == LOG_LEVEL_INFO)
        (void)buffer_append_text(&line, "  ");
    else
        (void)buffer_append_format(&line, "  %s: ", level_names[level]);
    append_printable(&line, message);
    (void)buffer_append_byte(&line, '\n');
    write_whole(line.data, line.length);
    buffer_free(&line);
}

static void write_json(enum log_level level, const struct log_value *values, const char *message)
{
    cJSON *object = cJSON_CreateObject();
    char time[CLOCK_TEXT_MAX];
    (void)cJSON_AddStringToObject(object, "time", clock_format_utc(time, clock_wall_us()));
    (void)cJSON_AddStringToObject(object, "level", level_names[level]);
    for (const struct log_value *value = values; value != NULL && value->name != NULL; value++) {
        char number[24];
        (void)snprintf(number, sizeof(number), "%lld", (long long)value->number); /* as text: exact beyond 2^53 */
        if (value->text != NULL)
            (void)cJSON_AddStringToObject(object, value->name, value->text);
        else
            (void)cJSON_AddRawToObject(object, value->name, number);
    }
    (void)cJSON_AddStringToObject(object, "message", message);
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (text == NULL) { /* out of memory: a log line is not worth ending the program */
        (void)atomic_fetch_add(&lost_lines, 1);
        return;
    }
    struct buffer line;
    buffer_init(&line, LOG_JSON_LINE_MAX);
    if (buffer_append_text(&line, text) && buffer_append_byte(&line, '\n'))
        write_whole(line.data, line.length);
    buffer_free(&line);
    cJSON_free(text);
}

PRINTF_LIKE(3, 0)
static void write_line(enum log_level level, const struct log_value *values, const char *format, va_list arguments)
{
    struct buffer message;
    buffer_init(&message, LOG_LINE_MAX);
    if (!buffer_append_format_list(&message, format, arguments))
        (void)buffer_append_text(&message, "(a message too long to show)");
    if (settings.format == LOG_FORMAT_JSON)
        write_json(level, values, buffer_text(&message));
    else
        write_text(level, buffer_slice(&message));
    buffer_free(&message);
}

void log_line(enum log_level level, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    va_list arguments;
    va_start(arguments, format);
    write_line(level, NULL, format, arguments);
    va_end(arguments);
}

void log_line_values(enum log_level level, const struct log_value *values, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    va_list arguments;
    va_start(arguments, format);
    write_line(level, values, format, arguments);
    va_end(arguments);
}
