/* How fast requests may leave: the turns of one rate, and the pauses that the exchange asks for. Pure; under its owner's
 * lock. */
#include "countersign/pace.h"

#include "countersign/http_message.h"

#include <assert.h>
#include <stdlib.h>

bool pace_rate_parse(struct pace_rate *rate, struct slice text)
{
    static const struct {
        const char *name;
        int64_t factor;
    } units[] = { { "ms", 1000 }, { "s", 1000000 }, { "m", 60000000 } };
    struct slice digits, rest = text;
    uint64_t count = 0, length = 0;
    size_t end = 0;
    if (!slice_next_part(&rest, '/', &digits) || !slice_to_u64(digits, &count))
        return false;
    while (end < rest.length && rest.data[end] >= '0' && rest.data[end] <= '9')
        end++;
    if (count < 1 || count > PACE_COUNT_MAX || !slice_to_u64(slice_first(rest, end), &length) ||
        length > PACE_WINDOW_MAX_US)
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (!slice_equal_text(slice_from(rest, end), units[i].name))
            continue;
        *rate = (struct pace_rate){ (unsigned)count, (int64_t)length * units[i].factor };
        return rate->window_us >= PACE_WINDOW_MIN_US && rate->window_us <= PACE_WINDOW_MAX_US;
    }
    return false;
}

bool pace_open(struct pace *pace, struct pace_rate rate)
{
    *pace = (struct pace){ .rate = rate, .span_us = rate.window_us + rate.window_us / PACE_MARGIN_DIVISOR };
    pace->times = calloc(rate.count, sizeof(*pace->times));
    return pace->times != NULL;
}

void pace_close(struct pace *pace)
{
    free(pace->times);
    *pace = (struct pace){ .times = NULL };
}

/* When the last but `back` left; `back` is below `noted`. */
static int64_t time_of(const struct pace *pace, unsigned back)
{
    return pace->times[(pace->newest + pace->rate.count - back) % pace->rate.count];
}

/* The moment from which those held and those that left within the span are fewer than the count; no pause counted in. */
static int64_t free_from_us(const struct pace *pace, int64_t now_us)
{
    if (pace->held >= pace->rate.count)
        return now_us + pace->span_us; /* none of them has left yet */
    unsigned back = pace->rate.count - pace->held - 1;
    return back < pace->noted ? time_of(pace, back) + pace->span_us : now_us;
}

int64_t pace_next_us(const struct pace *pace, int64_t now_us)
{
    int64_t free_us = free_from_us(pace, now_us);
    return free_us > pace->pause_until_us ? free_us : pace->pause_until_us;
}

bool pace_has_room(const struct pace *pace, int64_t now_us)
{
    return pace_next_us(pace, now_us) <= now_us;
}

void pace_hold(struct pace *pace)
{
    pace->held++;
}

void pace_give_back(struct pace *pace)
{
    assert(pace->held > 0);
    pace->held--;
}

/* Threads read the clock before they get the lock: a moment that is earlier than the last is taken to be that one. */
void pace_note_sent(struct pace *pace, int64_t now_us)
{
    if (pace->noted > 0 && now_us < time_of(pace, 0))
        now_us = time_of(pace, 0);
    pace->newest = (pace->newest + 1) % pace->rate.count;
    pace->times[pace->newest] = now_us;
    if (pace->noted < pace->rate.count)
        pace->noted++;
}

void pace_sent(struct pace *pace, int64_t now_us)
{
    pace_give_back(pace);
    pace_note_sent(pace, now_us);
}

/* --- pauses --- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_length_us(const struct pace *pace)
{
    if (pace->pause_length_us == 0)
        return pace->rate.window_us / 3;
    return least(2 * pace->pause_length_us, PACE_PAUSE_MAX_WINDOWS * pace->rate.window_us);
}

bool pace_told_too_many(struct pace *pace, int64_t now_us, int64_t sent_us, int64_t retry_after_us)
{
    if (pace->pause_length_us > 0 && now_us >= pace->pause_until_us + pace->rate.window_us)
        pace->pause_length_us = 0;
    bool begins = pace->pause_length_us == 0;
    bool is_old_news = !begins && sent_us < pace->pause_began_us;
    if (is_old_news && retry_after_us < 0)
        return false;
    if (!is_old_news) {
        pace->pause_began_us = now_us;
        pace->pause_length_us = next_length_us(pace);
    }
    int64_t length_us = retry_after_us < 0 ? pace->pause_length_us : least(retry_after_us, PACE_RETRY_AFTER_MAX_US);
    if (now_us + length_us > pace->pause_until_us)
        pace->pause_until_us = now_us + length_us;
    return begins;
}

enum { RETRY_SECONDS_MAX = 1000000 };

int64_t pace_retry_after_us(struct slice value, int64_t wall_us)
{
    uint64_t seconds = 0;
    int64_t date_s = 0;
    if (slice_to_u64(value, &seconds))
        return (int64_t)(seconds < RETRY_SECONDS_MAX ? seconds : RETRY_SECONDS_MAX) * 1000000;
    if (!http_date_read(&date_s, value))
        return -1;
    return date_s * 1000000 > wall_us ? date_s * 1000000 - wall_us : 0;
}
