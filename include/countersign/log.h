/* The program's own log lines, on standard error: for people (text) or for machines (one JSON object a line).
 * Not the capture log, which is the record of exchanges (capture.h). Any thread; a line is one write(2). No secret and
 * no header value ever goes in: callers pass what they would show a stranger. */
#ifndef COUNTERSIGN_LOG_H
#define COUNTERSIGN_LOG_H

#include "countersign/compiler.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Call once, before threads start. The default is info, text. */
void log_configure(enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);

/* One name and value beside the message in JSON; ends with a name of NULL. Text lines show the message alone. */
struct log_value {
    const char *name;
    const char *text; /* NULL: `number` is the value */
    int64_t number;
};

void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);
void log_line_values(enum log_level level, const struct log_value *values, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
