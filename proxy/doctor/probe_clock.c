/* The exchange's clock against this machine's, from `Date`. A Date of D says that the exchange's clock stood somewhere in
 * [D, D + 1 s) at some moment between the request's leaving and the answer's first byte. So each answer bounds the offset
 * from both sides, and an answer asked for when the middle of the bounds says that a second begins cuts them in half.
 * Pure. */
#include "countersign/compiler.h"
#include "countersign/probes.h"

enum { SECOND_US = 1000000 };

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
    int64_t theirs_s;
    if (!http_date_read(&theirs_s, date))
        return false;
    int64_t theirs = theirs_s * SECOND_US;
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
