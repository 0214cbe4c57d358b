/* The exchange's clock at each upstream, and the log's lines of it: when it is first known, when it has changed, and while
 * it is so far off that requests fail for it. Opened and closed by the main thread; the lines come from whichever worker
 * took an answer in, one at a time for each clock. */
#include "clocks.h"

#include "countersign/clock.h"
#include "countersign/log.h"
#include "countersign/scheme.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { OFFSET_TEXT_MAX = 96 };

static const int64_t WINDOW_US = (int64_t)SCHEME_WINDOW_MS * 1000;
static const int64_t CHANGE_US = 250000;          /* beyond what both bounds leave open: worth a line */
static const int64_t WARN_EVERY_US = 600000000;   /* while nothing gets worse */
static const int64_t WARN_AT_LEAST_US = 60000000; /* a warning stands before it is taken back */

struct upstream_clock {
    const char *name;          /* the upstream's */
    bool is_followed;          /* all that is signed for it is signed by this clock */
    struct clock_reading told; /* the last line's */
    enum clock_offset_verdict warned;
    int64_t warned_at_us; /* monotonic */
};

struct clocks {
    size_t count;
    struct clock_watch **watches;
    struct upstream_clock *upstreams;
};

static const char *const verdict_names[] = {
    [CLOCK_OFFSET_UNKNOWN] = "unknown",
    [CLOCK_OFFSET_FINE] = "fine",
    [CLOCK_OFFSET_OFF] = "off",
    [CLOCK_OFFSET_OUTSIDE] = "outside",
};

static int64_t absolute(int64_t us)
{
    return us < 0 ? -us : us;
}

/* "0.412 s ahead of this machine's (± 0.510 s)" */
static void offset_text(char *text, const struct clock_reading *reading)
{
    int64_t off_ms = absolute(reading->offset_us) / 1000, bound_ms = (reading->bound_us + 999) / 1000;
    (void)snprintf(text, OFFSET_TEXT_MAX,
                   "%" PRId64 ".%03" PRId64 " s %s this machine's (± %" PRId64 ".%03" PRId64 " s)", off_ms / 1000,
                   off_ms % 1000, reading->offset_us < 0 ? "behind" : "ahead of", bound_ms / 1000,
                   bound_ms % 1000); /* fits */
}

static void tell(const struct upstream_clock *clock, const struct clock_reading *reading,
                 enum clock_offset_verdict verdict, enum log_level level, const char *advice)
{
    char text[OFFSET_TEXT_MAX];
    const struct log_value values[] = { { "event", "clock-offset", 0 },
                                        { "upstream", clock->name, 0 },
                                        { "offset_us", NULL, reading->offset_us },
                                        { "bound_us", NULL, reading->bound_us },
                                        { "verdict", verdict_names[verdict], 0 },
                                        { NULL, NULL, 0 } };
    offset_text(text, reading);
    log_line_values(level, values, "upstream %s: the exchange's clock is %s%s", clock->name, text, advice);
}

/* --- warnings --- */

#define SET_IT ": `timedatectl set-ntp true`, or see what `chronyc tracking` says"

static const char *const advice_of[] = {
    [CLOCK_OFFSET_UNKNOWN] = "",
    [CLOCK_OFFSET_FINE] = "; that is near enough again",
    [CLOCK_OFFSET_OFF] = ": requests near a window's end are signed for another window than the exchange's. Set this "
                         "machine's clock" SET_IT ". Or have accounts signed by the exchange's: clock = exchange",
    [CLOCK_OFFSET_OUTSIDE] =
        ": every request is signed for another window than the exchange's, so expect refusals. Set "
        "this machine's clock" SET_IT ". Or have accounts signed by the exchange's: clock = exchange",
};

/* The record's times, and all else on this machine, are wrong all the same. */
static const char *const advice_where_followed[] = {
    [CLOCK_OFFSET_UNKNOWN] = "",
    [CLOCK_OFFSET_FINE] = "; that is near enough again",
    [CLOCK_OFFSET_OFF] = ": requests are signed by it (clock = exchange). Set this machine's clock" SET_IT,
    [CLOCK_OFFSET_OUTSIDE] =
        ": requests are signed by it (clock = exchange), up to 5 minutes off; from there on they are "
        "refused here. Set this machine's clock" SET_IT,
};

static bool is_worth_warning(const struct upstream_clock *clock, enum clock_offset_verdict verdict, int64_t now_us)
{
    int64_t since_us = now_us - clock->warned_at_us;
    if (verdict >= CLOCK_OFFSET_OFF)
        return verdict > clock->warned || since_us >= WARN_EVERY_US;
    return clock->warned >= CLOCK_OFFSET_OFF && since_us >= WARN_AT_LEAST_US;
}

static bool has_changed(const struct clock_reading *told, const struct clock_reading *reading)
{
    return !told->is_known ||
           absolute(reading->offset_us - told->offset_us) > CHANGE_US + reading->bound_us + told->bound_us;
}

static void taken(void *context, const struct clock_reading *reading)
{
    struct upstream_clock *clock = context;
    int64_t now_us = clock_monotonic_us();
    enum clock_offset_verdict verdict =
        clock_offset_judge(reading->is_known, reading->offset_us, reading->bound_us, WINDOW_US);
    if (is_worth_warning(clock, verdict, now_us)) {
        enum log_level level = verdict >= CLOCK_OFFSET_OFF ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
        tell(clock, reading, verdict, level, (clock->is_followed ? advice_where_followed : advice_of)[verdict]);
        clock->warned = verdict;
        clock->warned_at_us = now_us;
    } else if (has_changed(&clock->told, reading)) {
        tell(clock, reading, verdict, LOG_LEVEL_INFO, "");
    } else {
        return;
    }
    clock->told = *reading;
}

/* --- life --- */

/* As the proxy starts: a listener that is joined to it later changes the words of a warning only. */
static bool is_followed(const struct config *config, size_t upstream)
{
    bool any = false, all = true;
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];
        if (listener->upstream != upstream || listener->mode == CONFIG_MODE_OBSERVE)
            continue;
        any = true;
        all = all && config->accounts[listener->account].clock == CONFIG_CLOCK_EXCHANGE;
    }
    return any && all;
}

bool clocks_open(struct clocks **opened, const struct config *config, struct error *error)
{
    struct clocks *clocks = calloc(1, sizeof(*clocks));
    *opened = clocks;
    if (clocks == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the exchange's clocks");
    clocks->watches = calloc(config->upstream_count, sizeof(struct clock_watch *));
    clocks->upstreams = calloc(config->upstream_count, sizeof(struct upstream_clock));
    if (clocks->watches == NULL || clocks->upstreams == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the exchange's clocks");
    for (; clocks->count < config->upstream_count; clocks->count++) {
        struct upstream_clock *clock = &clocks->upstreams[clocks->count];
        clock->name = config->upstreams[clocks->count].name;
        clock->is_followed = is_followed(config, clocks->count);
        if (!clock_watch_create(&clocks->watches[clocks->count], taken, clock, error))
            return false;
    }
    return true;
}

void clocks_close(struct clocks *clocks)
{
    if (clocks == NULL)
        return;
    for (size_t i = 0; i < clocks->count; i++)
        clock_watch_free(clocks->watches[i]);
    free(clocks->watches);
    free(clocks->upstreams);
    free(clocks);
}

struct clock_watch *const *clocks_watches(const struct clocks *clocks)
{
    return clocks->watches;
}
