/* Readings of the clocks and their printed forms. Pure code takes readings as arguments and never calls these. */
#ifndef COUNTERSIGN_CLOCK_H
#define COUNTERSIGN_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Microseconds since 1970-01-01T00:00:00Z (CLOCK_REALTIME). Can step. */
int64_t clock_wall_us(void);

/* Microseconds since some moment in the past (CLOCK_MONOTONIC). Never steps. */
int64_t clock_monotonic_us(void);

/* As above, counting also while the machine sleeps (CLOCK_BOOTTIME). Never steps. */
int64_t clock_boot_us(void);

/* Days since 1970-01-01 in the Gregorian calendar, for years from 1 on; `month` is 1 to 12. Reads no clock. */
int64_t clock_days_since_1970(int64_t year, int64_t month, int64_t day);

enum { CLOCK_TEXT_MAX = 40 };

/* "2026-02-10T16:53:14.290123Z" (RFC 3339, UTC) into `text` of at least CLOCK_TEXT_MAX bytes; returns `text`. */
char *clock_format_utc(char *text, int64_t wall_us);

/* "16:53:14.290" in local time into `text` of at least CLOCK_TEXT_MAX bytes; returns `text`. */
char *clock_format_local_time(char *text, int64_t wall_us);

#endif
