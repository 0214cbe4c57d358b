/* The one error type's writers. Owns nothing; any thread. */
#include "countersign/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *error, enum error_kind kind, const char *format, ...)
{
    if (error == NULL)
        return false;
    va_list arguments;
    va_start(arguments, format);
    error->kind = kind;
    (void)vsnprintf(error->message, sizeof(error->message), format, arguments); /* cutting a long message is fine */
    va_end(arguments);
    return false;
}

bool error_system(struct error *error, int number, const char *format, ...)
{
    if (error == NULL)
        return false;
    va_list arguments;
    va_start(arguments, format);
    error->kind = ERROR_SYSTEM;
    (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    size_t length = strlen(error->message);
    char text[128];
    (void)snprintf(error->message + length, sizeof(error->message) - length, ": %s",
                   strerror_r(number, text, sizeof(text)));
    return false;
}

bool error_prefix(struct error *error, const char *format, ...)
{
    if (error == NULL)
        return false;
    char rest[ERROR_MESSAGE_MAX];
    memcpy(rest, error->message, sizeof(rest));
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    size_t length = strlen(error->message);
    (void)snprintf(error->message + length, sizeof(error->message) - length, ": %s", rest);
    return false;
}

int error_exit_code(enum error_kind kind)
{
    static const int codes[] = {
        [ERROR_NONE] = 0,   [ERROR_USAGE] = 2,   [ERROR_CONFIG] = 2, [ERROR_INPUT] = 2,    [ERROR_LIMIT] = 3,
        [ERROR_SYSTEM] = 3, [ERROR_NETWORK] = 3, [ERROR_MEMORY] = 3, [ERROR_INTERNAL] = 3,
    };
    return (size_t)kind < ARRAY_LENGTH(codes) ? codes[kind] : 3;
}
