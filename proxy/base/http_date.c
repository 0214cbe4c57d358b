/* The calendar, and the date as HTTP writes it. By hand: strptime's names are those of the locale. Pure; any thread. */
#include "countersign/clock.h"
#include "countersign/http_message.h"

#include <string.h>

enum { DATE_LENGTH = 29, MONTHS = 12, DAY_S = 86400, HOUR_S = 3600, MINUTE_S = 60 };

/* Of "Sun, 06 Nov 1994 08:49:37 GMT". The obsolete forms are not read: no server of today sends them. */
static const char form[] = "aaa, 00 aaa 0000 00:00:00 GMT";
_Static_assert(sizeof(form) - 1 == DATE_LENGTH, "the form's length");

/* Whole years, then months as if the year began in March, so that the leap day is its last. */
int64_t clock_days_since_1970(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t march_month = (month + 9) % MONTHS;
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * march_month + 2) / 5 + day - 1 - 719468;
}

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

bool http_date_read(int64_t *seconds, struct slice date)
{
    enum { DAY = 5, MONTH = 8, YEAR = 12, HOUR = 17, MINUTE = 20, SECOND = 23 };
    if (!has_form(date))
        return false;
    int64_t month = month_at(date, MONTH), day = number_at(date, DAY, 2), hour = number_at(date, HOUR, 2);
    int64_t minute = number_at(date, MINUTE, 2), second = number_at(date, SECOND, 2);
    if (month == 0 || day == 0 || day > 31 || hour > 23 || minute > 59 || second > 60) /* a leap second */
        return false;
    int64_t days = clock_days_since_1970(number_at(date, YEAR, 4), month, day);
    *seconds = days * DAY_S + hour * HOUR_S + minute * MINUTE_S + second;
    return true;
}
