/* Times as HAR writes them. Pure; any thread. */
#include "import_private.h"

#include "countersign/clock.h"

enum { US_PER_SECOND = 1000000 };

/* Reads `count` digits off `rest`. */
static bool take_digits(struct slice *rest, size_t count, int64_t *number)
{
    uint64_t value;
    if (rest->length < count || !slice_to_u64(slice_first(*rest, count), &value))
        return false;
    *number = (int64_t)value;
    *rest = slice_from(*rest, count);
    return true;
}

static bool take_byte(struct slice *rest, char byte)
{
    if (rest->length == 0 || rest->data[0] != byte)
        return false;
    *rest = slice_from(*rest, 1);
    return true;
}

static bool take_date(struct slice *rest, int64_t *days)
{
    int64_t year, month, day;
    bool read = take_digits(rest, 4, &year) && take_byte(rest, '-') && take_digits(rest, 2, &month) &&
                take_byte(rest, '-') && take_digits(rest, 2, &day);
    if (!read || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    *days = clock_days_since_1970(year, month, day);
    return true;
}

/* Digits behind the point beyond µs are cut off. */
static bool take_fraction(struct slice *rest, int64_t *us)
{
    int64_t digit, unit = US_PER_SECOND / 10;
    *us = 0;
    if (!take_byte(rest, '.'))
        return true;
    if (!take_digits(rest, 1, &digit))
        return false;
    do {
        *us += digit * unit;
        unit /= 10;
    } while (take_digits(rest, 1, &digit));
    return true;
}

static bool take_clock(struct slice *rest, int64_t *us)
{
    int64_t hour, minute, second, fraction;
    bool read = take_digits(rest, 2, &hour) && take_byte(rest, ':') && take_digits(rest, 2, &minute) &&
                take_byte(rest, ':') && take_digits(rest, 2, &second) && take_fraction(rest, &fraction);
    if (!read || hour > 23 || minute > 59 || second > 60)
        return false;
    *us = ((hour * 60 + minute) * 60 + second) * US_PER_SECOND + fraction;
    return true;
}

/* "Z", "+01:00"; some writers leave out the colon. */
static bool take_offset(struct slice *rest, int64_t *us)
{
    int64_t hours, minutes, sign = 1;
    *us = 0;
    if (take_byte(rest, 'Z') || take_byte(rest, 'z'))
        return true;
    if (take_byte(rest, '-'))
        sign = -1;
    else if (!take_byte(rest, '+'))
        return false;
    if (!take_digits(rest, 2, &hours))
        return false;
    (void)take_byte(rest, ':'); /* optional */
    if (!take_digits(rest, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *us = sign * (hours * 60 + minutes) * 60 * US_PER_SECOND;
    return true;
}

bool import_time_parse(int64_t *wall_us, struct slice text)
{
    int64_t days, clock, offset;
    if (!take_date(&text, &days) || (!take_byte(&text, 'T') && !take_byte(&text, 't') && !take_byte(&text, ' ')))
        return false;
    if (!take_clock(&text, &clock) || !take_offset(&text, &offset) || text.length != 0)
        return false;
    *wall_us = days * 24 * 60 * 60 * US_PER_SECOND + clock - offset;
    return *wall_us > 0;
}

static double take_fraction_of_number(struct slice *rest)
{
    double value = 0, unit = 0.1;
    int64_t digit;
    while (take_digits(rest, 1, &digit)) {
        value += (double)digit * unit;
        unit /= 10;
    }
    return value;
}

/* `e-05` and the like: what is far out of any use ends at 0 or at the maximum. */
static double scale(double value, struct slice exponent)
{
    enum { SCALE_MAX = 40 };
    uint64_t count;
    bool is_negative = take_byte(&exponent, '-');
    (void)take_byte(&exponent, '+'); /* optional */
    if (!slice_to_u64(exponent, &count) || count > SCALE_MAX)
        count = SCALE_MAX;
    for (uint64_t i = 0; i < count && value > 0; i++)
        value = is_negative ? value / 10 : value * 10;
    return value;
}

bool import_duration_parse(int64_t *us, struct slice number)
{
    double value = 0;
    int64_t digit;
    if (take_byte(&number, '-'))
        return false;
    while (take_digits(&number, 1, &digit))
        value = value * 10 + (double)digit;
    if (take_byte(&number, '.'))
        value += take_fraction_of_number(&number);
    if (take_byte(&number, 'e') || take_byte(&number, 'E'))
        value = scale(value, number);
    value *= 1000;
    *us = value < (double)IMPORT_DURATION_MAX_US ? (int64_t)(value + 0.5) : (int64_t)IMPORT_DURATION_MAX_US;
    return true;
}
