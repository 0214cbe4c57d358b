/* Reading times and durations. One thread (localtime's zone is the process's). */
#include "log_time.h"

#include <string.h>
#include <time.h>

enum { FRACTION_DIGITS = 6, YEAR_MIN = 1970, YEAR_MAX = 9999 };

static const int64_t second_us = 1000000;

/* --- durations --- */

static const struct unit {
    const char *name;
    int64_t us;
} units[] = {
    { "us", 1 },
    { "ms", 1000 },
    { "s", 1000000 },
    { "m", 60 * INT64_C(1000000) },
    { "h", 3600 * INT64_C(1000000) },
    { "d", 86400 * INT64_C(1000000) },
};

static size_t count_digits(struct slice text)
{
    size_t count = 0;
    while (count < text.length && text.data[count] >= '0' && text.data[count] <= '9')
        count++;
    return count;
}

static const struct unit *find_unit(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (slice_equal_text(name, units[i].name))
            return &units[i];
    }
    return NULL;
}

/* Digits behind a point as millionths; more than six are no time that is measured here. */
static bool read_fraction(int64_t *millionths, struct slice digits)
{
    uint64_t number;
    if (digits.length == 0 || digits.length > FRACTION_DIGITS || !slice_to_u64(digits, &number))
        return false;
    for (size_t i = digits.length; i < FRACTION_DIGITS; i++)
        number *= 10;
    *millionths = (int64_t)number;
    return true;
}

bool log_duration_parse(int64_t *us, struct slice text)
{
    size_t whole_digits = count_digits(text);
    struct slice rest = slice_from(text, whole_digits);
    uint64_t whole;
    int64_t millionths = 0;
    if (!slice_to_u64(slice_first(text, whole_digits), &whole))
        return false;
    if (rest.length > 0 && rest.data[0] == '.') {
        size_t digits = count_digits(slice_from(rest, 1));
        if (!read_fraction(&millionths, slice_first(slice_from(rest, 1), digits)))
            return false;
        rest = slice_from(rest, 1 + digits);
    }
    const struct unit *unit = find_unit(rest);
    if (unit == NULL || whole > (uint64_t)(INT64_MAX / 4 / unit->us))
        return false;
    *us = (int64_t)whole * unit->us + millionths * (unit->us < second_us ? 1 : unit->us / second_us) /
                                          (unit->us < second_us ? second_us / unit->us : 1);
    return true;
}

/* --- days and clock times --- */

struct clock_time {
    int hour;
    int minute;
    int second;
    int64_t us;
};

static bool two_digits(int *number, struct slice *rest, int maximum)
{
    uint64_t read;
    if (rest->length < 2 || !slice_to_u64(slice_first(*rest, 2), &read) || read > (uint64_t)maximum)
        return false;
    *number = (int)read;
    *rest = slice_from(*rest, 2);
    return true;
}

static bool skip(struct slice *rest, char byte)
{
    if (rest->length == 0 || rest->data[0] != byte)
        return false;
    *rest = slice_from(*rest, 1);
    return true;
}

/* "10:30", "10:30:15", "10:30:15.250" */
static bool read_clock(struct clock_time *clock, struct slice *rest)
{
    *clock = (struct clock_time){ .hour = 0 };
    if (!two_digits(&clock->hour, rest, 23) || !skip(rest, ':') || !two_digits(&clock->minute, rest, 59))
        return false;
    if (!skip(rest, ':'))
        return true;
    if (!two_digits(&clock->second, rest, 60))
        return false;
    if (!skip(rest, '.'))
        return true;
    size_t digits = count_digits(*rest);
    struct slice fraction = slice_first(*rest, digits < FRACTION_DIGITS ? digits : FRACTION_DIGITS);
    *rest = slice_from(*rest, digits);
    return read_fraction(&clock->us, fraction);
}

/* "2026-11-24" */
static bool read_day(struct tm *day, struct slice *rest)
{
    uint64_t year;
    *day = (struct tm){ .tm_isdst = -1 };
    if (rest->length < 4 || !slice_to_u64(slice_first(*rest, 4), &year) || year < YEAR_MIN || year > YEAR_MAX)
        return false;
    *rest = slice_from(*rest, 4);
    if (!skip(rest, '-') || !two_digits(&day->tm_mon, rest, 12) || !skip(rest, '-') ||
        !two_digits(&day->tm_mday, rest, 31) || day->tm_mon == 0 || day->tm_mday == 0)
        return false;
    day->tm_year = (int)year - 1900;
    day->tm_mon--;
    return true;
}

/* "Z", "+01:00" as seconds east of Greenwich. */
static bool read_zone(int64_t *east_s, struct slice *rest)
{
    int hours, minutes;
    if (skip(rest, 'Z') || skip(rest, 'z')) {
        *east_s = 0;
        return true;
    }
    bool is_west = rest->length > 0 && rest->data[0] == '-';
    if (!skip(rest, '+') && !skip(rest, '-'))
        return false;
    if (!two_digits(&hours, rest, 23) || !skip(rest, ':') || !two_digits(&minutes, rest, 59))
        return false;
    *east_s = (int64_t)(hours * 60 + minutes) * (is_west ? -60 : 60);
    return true;
}

static bool day_exists(struct tm day)
{
    struct tm checked = day;
    return timegm(&checked) != (time_t)-1 && checked.tm_mday == day.tm_mday && checked.tm_mon == day.tm_mon;
}

static int64_t local_us(struct tm day, const struct clock_time *clock)
{
    day.tm_hour = clock->hour;
    day.tm_min = clock->minute;
    day.tm_sec = clock->second;
    day.tm_isdst = -1;
    return (int64_t)mktime(&day) * second_us + clock->us;
}

static struct tm local_day(int64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / second_us);
    struct tm day = { .tm_isdst = -1 };
    (void)localtime_r(&seconds, &day); /* fails beyond the year 2^31 alone */
    return day;
}

/* A day, with a clock time and a zone perhaps: "2026-11-24", "2026-11-24 10:30", "2026-11-24T10:30:00+01:00". */
static bool read_date(int64_t *wall_us, struct slice text)
{
    struct slice rest = text;
    struct tm day;
    struct clock_time clock = { .hour = 0 };
    int64_t east_s;
    if (!read_day(&day, &rest) || !day_exists(day))
        return false;
    if (rest.length > 0 &&
        ((!skip(&rest, 'T') && !skip(&rest, 't') && !skip(&rest, ' ')) || !read_clock(&clock, &rest)))
        return false;
    if (rest.length == 0) {
        *wall_us = local_us(day, &clock);
        return true;
    }
    if (!read_zone(&east_s, &rest) || rest.length > 0)
        return false;
    day.tm_hour = clock.hour;
    day.tm_min = clock.minute;
    day.tm_sec = clock.second;
    *wall_us = ((int64_t)timegm(&day) - east_s) * second_us + clock.us;
    return true;
}

static bool read_word(int64_t *wall_us, struct slice text, int64_t now_us)
{
    const struct clock_time midnight = { .hour = 0 };
    struct tm day = local_day(now_us);
    if (slice_equal_text(text, "now")) {
        *wall_us = now_us;
        return true;
    }
    if (!slice_equal_text(text, "today") && !slice_equal_text(text, "yesterday"))
        return false;
    day.tm_mday -= slice_equal_text(text, "yesterday") ? 1 : 0;
    *wall_us = local_us(day, &midnight);
    return true;
}

/* "3d", and "3d ago" as messages have it. */
static struct slice without_ago(struct slice text)
{
    static const char ago[] = " ago";
    size_t length = text.length - (sizeof(ago) - 1);
    bool has_it = text.length >= sizeof(ago) - 1 && slice_equal_text(slice_from(text, length), ago);
    return has_it ? slice_trim_blanks(slice_first(text, length)) : text;
}

bool log_time_parse(int64_t *wall_us, struct slice text, int64_t now_us)
{
    struct slice rest = text;
    struct clock_time clock;
    int64_t ago_us;
    uint64_t seconds;
    if (skip(&rest, '@')) {
        bool done = slice_to_u64(rest, &seconds) && seconds < (uint64_t)(INT64_MAX / second_us);
        *wall_us = done ? (int64_t)seconds * second_us : 0;
        return done;
    }
    if (log_duration_parse(&ago_us, without_ago(text))) {
        *wall_us = now_us - ago_us;
        return ago_us <= now_us;
    }
    if (read_clock(&clock, &rest) && rest.length == 0) {
        *wall_us = local_us(local_day(now_us), &clock);
        return true;
    }
    return read_word(wall_us, text, now_us) || read_date(wall_us, text);
}
