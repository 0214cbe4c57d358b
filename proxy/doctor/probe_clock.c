/* The exchange's clock against this machine's, from `Date`. A Date of D says that the exchange's clock stood somewhere in
 * [D, D + 1 s) at some moment between the request's leaving and the answer's first byte. So each answer bounds the offset
 * from both sides, and an answer asked for when the middle of the bounds says that a second begins cuts them in half.
 * Pure. */
#include "countersign/compiler.h"
#include "countersign/probes.h"

#include <string.h>

enum { SECOND_US = 1000000, DATE_LENGTH = 29, MONTHS = 12 };

/* RFC 9110 §5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". The obsolete forms are not read: no server of today sends them. */
static const char form[] = "aaa, 00 aaa 0000 00:00:00 GMT";
_Static_assert(sizeof(form) - 1 == DATE_LENGTH, "the form's length");

static bool has_form(struct slice date)
{
    if (date.length != DATE_LENGTH)
        return false;
    for (size_t i = 0; i < DATE_LENGTH; i++) {
        bool is_digit = date.data[i] >= '0' && date.data[i] <= '9';
        if (form[i] == '0' ? !is_digit : form[i] != 'a' && form[i] != date.data[i])
            return false;
    }
    return true;
}

static int64_t number_at(struct slice date, size_t at, size_t digits)
{
    int64_t number = 0;
    for (size_t i = at; i < at + digits; i++)
        number = number * 10 + (date.data[i] - '0');
    return number;
}

/* 1 to 12; 0 where it is none. */
static int64_t month_at(struct slice date, size_t at)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int64_t i = 0; i < MONTHS; i++) {
        if (memcmp(names + 3 * i, date.data + at, 3) == 0)
            return i + 1;
    }
    return 0;
}

/* Days from 1970-01-01 in the Gregorian calendar, by years that begin in March, so that a leap day is a year's last. */
static int64_t days_from_1970(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return 365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719468;
}

static bool read_date(int64_t *us, struct slice date)
{
    enum { DAY = 5, MONTH = 8, YEAR = 12, HOUR = 17, MINUTE = 20, SECOND = 23 };
    if (!has_form(date))
        return false;
    int64_t month = month_at(date, MONTH), day = number_at(date, DAY, 2), hour = number_at(date, HOUR, 2);
    if (month == 0 || day == 0 || day > 31 || hour > 23)
        return false;
    int64_t days = days_from_1970(number_at(date, YEAR, 4), month, day);
    int64_t seconds = ((days * 24 + hour) * 60 + number_at(date, MINUTE, 2)) * 60 + number_at(date, SECOND, 2);
    *us = seconds * SECOND_US;
    return true;
}

static void widen(struct probe_clock *clock, int64_t low, int64_t high)
{
    clock->low_us = low < clock->low_us ? low : clock->low_us;
    clock->high_us = high > clock->high_us ? high : clock->high_us;
}

static void narrow(struct probe_clock *clock, int64_t low, int64_t high)
{
    clock->low_us = low > clock->low_us ? low : clock->low_us;
    clock->high_us = high < clock->high_us ? high : clock->high_us;
}

bool probe_clock_add(struct probe_clock *clock, struct slice date, int64_t sent_us, int64_t first_byte_us)
{
    int64_t theirs;
    if (!read_date(&theirs, date))
        return false;
    int64_t low = theirs - first_byte_us, high = theirs + SECOND_US - sent_us;
    bool fits = low < clock->high_us && high > clock->low_us;
    if (clock->answers++ == 0) {
        clock->low_us = low;
        clock->high_us = high;
    } else if (clock->is_contradictory || !fits) {
        clock->is_contradictory = true;
        widen(clock, low, high);
    } else {
        narrow(clock, low, high);
    }
    return true;
}

int64_t probe_clock_offset_us(const struct probe_clock *clock)
{
    return clock->low_us + (clock->high_us - clock->low_us) / 2;
}

int64_t probe_clock_bound_us(const struct probe_clock *clock)
{
    return (clock->high_us - clock->low_us + 1) / 2;
}

int64_t probe_clock_best_moment(const struct probe_clock *clock, int64_t now_us)
{
    if (clock->answers == 0)
        return now_us;
    int64_t past = (now_us + probe_clock_offset_us(clock)) % SECOND_US;
    if (past < 0) /* a Date before 1970 */
        past += SECOND_US;
    return past == 0 ? now_us : now_us + SECOND_US - past;
}
