/* Clock readings and their printed forms. Any thread. */
#include "countersign/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t reading_us(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        return 0; /* cannot happen: these clocks exist on every Linux */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
    return reading_us(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void)
{
    return reading_us(CLOCK_MONOTONIC);
}

int64_t clock_boot_us(void)
{
    return reading_us(CLOCK_BOOTTIME);
}

char *clock_format_utc(char *text, int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL)
        parts = (struct tm){ .tm_mday = 1, .tm_year = 70 };
    size_t length = strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + length, CLOCK_TEXT_MAX - length, ".%06dZ", (int)(wall_us % 1000000));
    return text;
}

char *clock_format_local_time(char *text, int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm parts;
    if (localtime_r(&seconds, &parts) == NULL)
        parts = (struct tm){ .tm_mday = 1, .tm_year = 70 };
    size_t length = strftime(text, CLOCK_TEXT_MAX, "%H:%M:%S", &parts);
    (void)snprintf(text + length, CLOCK_TEXT_MAX - length, ".%03d", (int)(wall_us % 1000000 / 1000));
    return text;
}
