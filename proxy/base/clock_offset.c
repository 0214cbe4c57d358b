/* Another clock's offset as an interval that answers narrow and time widens. Pure; owns nothing. */
#include "countersign/clock_offset.h"

static const int64_t second_us = 1000000;

/* The most that the clocks part in this time, rounded up. */
static int64_t drift_us(int64_t elapsed_us)
{
    return elapsed_us <= 0 ? 0 : elapsed_us / second_us * CLOCK_OFFSET_DRIFT_PPM + CLOCK_OFFSET_DRIFT_PPM;
}

static struct clock_interval interval_at(const struct clock_interval *interval, int64_t at_us)
{
    int64_t drift = drift_us(at_us - interval->at_us);
    return (struct clock_interval){ .low_us = interval->low_us - drift,
                                    .high_us = interval->high_us + drift,
                                    .at_us = at_us > interval->at_us ? at_us : interval->at_us };
}

/* Narrows *held, as it is at the other's time, by *other. False, and nothing changes, where they have nothing in common. */
static bool intersect(struct clock_interval *held, const struct clock_interval *other)
{
    struct clock_interval both = interval_at(held, other->at_us), later = interval_at(other, both.at_us);
    both.low_us = later.low_us > both.low_us ? later.low_us : both.low_us;
    both.high_us = later.high_us < both.high_us ? later.high_us : both.high_us;
    if (both.low_us > both.high_us)
        return false;
    *held = both;
    return true;
}

/* One wrong Date (a proxy's, a cache's) must not move what many answers agreed on. */
static bool take_rival(struct clock_offset *offset, const struct clock_interval *seen)
{
    if (offset->rivals == 0 || !intersect(&offset->rival, seen)) {
        offset->rival = *seen;
        offset->rivals = 0;
    }
    if (++offset->rivals < CLOCK_OFFSET_CONFIRMATIONS)
        return false;
    offset->held = offset->rival;
    offset->rivals = 0;
    offset->restarts++;
    return true;
}

bool clock_offset_add(struct clock_offset *offset, int64_t date_s, int64_t sent_us, int64_t first_byte_us)
{
    int64_t drift = drift_us(first_byte_us - sent_us); /* the Date was read somewhere in between */
    struct clock_interval seen = { .low_us = date_s * second_us - first_byte_us - drift,
                                   .high_us = (date_s + 1) * second_us + CLOCK_OFFSET_STALE_US - sent_us + drift,
                                   .at_us = first_byte_us };
    if (first_byte_us < sent_us)
        return false; /* our clock was set back in between: it says nothing */
    if (offset->answers++ == 0) {
        offset->held = seen;
        return true;
    }
    if (intersect(&offset->held, &seen)) {
        offset->rivals = 0;
        return true;
    }
    return take_rival(offset, &seen);
}

bool clock_offset_read(const struct clock_offset *offset, int64_t now_us, int64_t *offset_us, int64_t *bound_us)
{
    if (offset->answers == 0)
        return false;
    struct clock_interval now = interval_at(&offset->held, now_us);
    *offset_us = now.low_us + (now.high_us - now.low_us) / 2;
    *bound_us = (now.high_us - now.low_us + 1) / 2;
    return true;
}

static int64_t absolute(int64_t us)
{
    return us < 0 ? -us : us;
}

enum clock_offset_verdict clock_offset_judge(bool is_known, int64_t offset_us, int64_t bound_us, int64_t window_us)
{
    int64_t least_us = absolute(offset_us) - bound_us;
    if (!is_known)
        return CLOCK_OFFSET_UNKNOWN;
    if (least_us >= window_us)
        return CLOCK_OFFSET_OUTSIDE;
    return least_us > CLOCK_OFFSET_FINE_US ? CLOCK_OFFSET_OFF : CLOCK_OFFSET_FINE;
}

int64_t clock_offset_wrong_windows(int64_t offset_us, int64_t window_us)
{
    int64_t off_us = absolute(offset_us);
    return off_us >= window_us ? 1000 : off_us * 1000 / window_us;
}
