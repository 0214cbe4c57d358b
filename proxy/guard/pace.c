/* How fast requests may leave: the turns of one rate, and the pauses that the exchange asks for. Pure; under its owner's
 * lock. */
#include "countersign/pace.h"

#include "countersign/http_message.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

bool pace_rate_parse(struct pace_rate *rate, struct slice text)
{
    static const struct {
        const char *name;
        int64_t factor;
    } units[] = { { "ms", 1000 }, { "s", 1000000 }, { "m", 60000000 } };
    struct slice digits, rest = text;
    uint64_t count = 0, length = 0;
    size_t end = 0;
    if (slice_equal_text(text, "off")) {
        *rate = (struct pace_rate){ .count = 0 };
        return true;
    }
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

void pace_init(struct pace *pace, struct pace_memory *memory)
{
    *pace = (struct pace){ .memory = memory };
}

void pace_set_rate(struct pace *pace, struct pace_rate rate)
{
    pace->rate = rate;
    pace->span_us = rate.window_us + rate.window_us / PACE_MARGIN_DIVISOR;
}

static bool is_bounded(const struct pace *pace)
{
    return pace->rate.count > 0;
}

/* When the last but `back` left; `back` is below `noted`. */
static int64_t time_of(const struct pace_memory *memory, unsigned back)
{
    return memory->times[(memory->newest + PACE_COUNT_MAX - back) % PACE_COUNT_MAX];
}

/* Request number `held + ahead` of those to come takes the place of the one that left `count` before it: one that has left
 * already, or, where that many are still to leave, one of these, a span after it. */
static int64_t free_from_us(const struct pace *pace, int64_t now_us, unsigned ahead)
{
    unsigned before = pace->memory->held + ahead, back = pace->rate.count - 1 - before % pace->rate.count;
    int64_t rounds_us = before / pace->rate.count * pace->span_us;
    int64_t free_us = back < pace->memory->noted ? time_of(pace->memory, back) + pace->span_us : now_us;
    return (free_us > now_us ? free_us : now_us) + rounds_us;
}

int64_t pace_next_after_us(const struct pace *pace, int64_t now_us, unsigned ahead)
{
    if (!is_bounded(pace))
        return now_us;
    int64_t free_us = free_from_us(pace, now_us, ahead);
    return free_us > pace->memory->pause_until_us ? free_us : pace->memory->pause_until_us;
}

int64_t pace_next_us(const struct pace *pace, int64_t now_us)
{
    return pace_next_after_us(pace, now_us, 0);
}

void pace_hold(struct pace *pace)
{
    pace->memory->held++;
}

void pace_give_back(struct pace *pace)
{
    assert(pace->memory->held > 0);
    pace->memory->held--;
}

static void note(struct pace_memory *memory, int64_t at_us)
{
    unsigned next = (memory->newest + 1) % PACE_COUNT_MAX;
    memory->times[next] = at_us;
    memory->newest = next;
    if (memory->noted < PACE_COUNT_MAX)
        memory->noted++;
}

/* Threads read the clock before they get the lock: a moment that is earlier than the last is taken to be that one. */
void pace_note_sent(struct pace *pace, int64_t now_us)
{
    const struct pace_memory *memory = pace->memory;
    note(pace->memory, memory->noted > 0 && now_us < time_of(memory, 0) ? time_of(memory, 0) : now_us);
}

/* In this order, as the process may be killed in between: what counts twice does no harm. */
void pace_sent(struct pace *pace, int64_t now_us)
{
    pace_note_sent(pace, now_us);
    atomic_signal_fence(memory_order_seq_cst); /* for the compiler: the processor's stores survive it */
    pace_give_back(pace);
}

/* --- from one process to the next --- */

static int compare_times(const void *one, const void *other)
{
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

/* The ring's ends are not looked at: a process that was killed may have moved them, or not yet. Moments to come are of another
 * time that this machine was up. */
void pace_recall(struct pace_memory *fresh, const struct pace_memory *last, int64_t now_us)
{
    int64_t times[PACE_COUNT_MAX];
    size_t count = 0;
    for (size_t i = 0; i < PACE_COUNT_MAX; i++) {
        if (last->times[i] > 0 && last->times[i] <= now_us)
            times[count++] = last->times[i];
    }
    qsort(times, count, sizeof(times[0]), compare_times);
    for (size_t i = 0; i < count; i++)
        note(fresh, times[i]);
    for (uint32_t i = 0; i < last->held && i < PACE_COUNT_MAX; i++)
        note(fresh, now_us);
    if (last->pause_began_us <= 0 || last->pause_began_us > now_us || last->pause_until_us <= now_us)
        return;
    fresh->pause_began_us = last->pause_began_us;
    fresh->pause_until_us = last->pause_until_us;
    fresh->pause_length_us = last->pause_length_us;
}

/* --- pauses --- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_length_us(const struct pace *pace)
{
    if (pace->memory->pause_length_us == 0)
        return pace->rate.window_us / 3;
    return least(2 * pace->memory->pause_length_us, PACE_PAUSE_MAX_WINDOWS * pace->rate.window_us);
}

bool pace_told_too_many(struct pace *pace, int64_t now_us, int64_t sent_us, int64_t retry_after_us)
{
    struct pace_memory *memory = pace->memory;
    if (!is_bounded(pace))
        return false;
    if (memory->pause_length_us > 0 && now_us >= memory->pause_until_us + pace->rate.window_us)
        memory->pause_length_us = 0;
    bool begins = memory->pause_length_us == 0;
    bool is_old_news = !begins && sent_us < memory->pause_began_us;
    if (is_old_news && retry_after_us < 0)
        return false;
    if (!is_old_news) {
        memory->pause_began_us = now_us;
        memory->pause_length_us = next_length_us(pace);
    }
    int64_t length_us = retry_after_us < 0 ? memory->pause_length_us : least(retry_after_us, PACE_RETRY_AFTER_MAX_US);
    if (now_us + length_us > memory->pause_until_us)
        memory->pause_until_us = now_us + length_us;
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
