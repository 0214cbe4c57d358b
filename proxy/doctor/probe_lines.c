/* The lines about this machine's side: configuration, key, secret, clock; and what all lines share. Pure. */
#include "probe_private.h"

#include "countersign/clock_offset.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLOCK_NOISE_US = 1000000, WINDOW_US = 30000000, PER_MILLE_OF_PERCENT = 10 };

void probe_text(char *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, PROBE_SENTENCE_MAX, format, arguments); /* cut to fit */
    va_end(arguments);
}

const char *probe_status_name(enum probe_status status)
{
    static const char *const names[] = {
        [PROBE_OK] = "ok", [PROBE_WARNING] = "warning", [PROBE_FAILED] = "failed", [PROBE_SKIPPED] = "skipped"
    };
    return names[status];
}

const char *probe_way_name(enum probe_way way)
{
    static const char *const names[PROBE_WAYS] = {
        [PROBE_IPV4] = "IPv4", [PROBE_IPV6] = "IPv6", [PROBE_PROXY] = "the egress proxy"
    };
    return names[way];
}

static void line_configuration(struct probe_line *line, const struct probes *probes)
{
    probe_text(line->says, "%s: account %s, upstream %s at %s%s%s",
               probes->file == NULL ? "no file, built-in defaults" : probes->file, probes->account, probes->upstream,
               probes->url, probes->proxy[0] == '\0' ? "" : " through ", probes->proxy);
}

/* --- key and secret --- */

enum { KEY, SECRET };

static void line_form(struct probe_line *line, int which, const struct probes *probes)
{
    if (probes->form_error[which][0] != '\0') {
        line->status = PROBE_FAILED;
        probe_text(line->says, "%s", probes->form_error[which]);
        return;
    }
    if (!probes->has_forms) {
        line->status = PROBE_SKIPPED;
        probe_text(line->says, "not looked at, as the other one cannot be read");
        return;
    }
    probe_form_explain(line->says, line->todo, &probes->forms[which]);
    if (probe_form_oddity(&probes->forms[which]) != PROBE_FORM_USUAL)
        line->status = PROBE_WARNING;
}

static void line_key(struct probe_line *line, const struct probes *probes)
{
    line_form(line, KEY, probes);
}

static void line_secret(struct probe_line *line, const struct probes *probes)
{
    line_form(line, SECRET, probes);
    if (!probes->same_text)
        return;
    line->status = PROBE_FAILED;
    probe_text(line->says, "the same text as the API key: one was put in both places");
    probe_text(line->todo,
               "Copy the secret again; the exchange shows it once, when the key is made. Nothing is sent with "
               "either meanwhile: it may be the secret.");
}

/* --- clock --- */

bool probe_clock_is_off(const struct probe_clock *clock)
{
    return clock->answers > 0 && llabs(probe_clock_offset_us(clock)) > probe_clock_bound_us(clock) + CLOCK_NOISE_US;
}

void probe_clock_text(char *text, const struct probe_clock *clock)
{
    double offset = (double)probe_clock_offset_us(clock) / 1e6, bound = (double)probe_clock_bound_us(clock) / 1e6;
    probe_text(text, "this machine's clock is %.2f s %s the exchange's (± %.2f s, from the Date of %u answer%s)",
               offset < 0 ? -offset : offset, offset < 0 ? "ahead of" : "behind", bound, clock->answers,
               clock->answers == 1 ? "" : "s");
}

static void line_clock(struct probe_line *line, const struct probes *probes)
{
    const struct probe_clock *clock = &probes->clock;
    static const char set_it[] = "Set the clock (timedatectl set-ntp true), or have the account signed by the "
                                 "exchange's: clock = exchange.";
    if (clock->answers == 0) {
        line->status = PROBE_WARNING;
        probe_text(line->says, "not compared: no answer with a Date came, see below");
        return;
    }
    probe_clock_text(line->says, clock);
    if (clock->is_contradictory) {
        line->status = PROBE_WARNING;
        probe_text(line->todo,
                   "The answers contradict each other: several servers with different clocks, a cache, or a "
                   "clock here that jumped.");
    } else if (probe_clock_is_off(clock)) {
        bool is_outside = llabs(probe_clock_offset_us(clock)) + probe_clock_bound_us(clock) >= WINDOW_US;
        line->status = is_outside ? PROBE_FAILED : PROBE_WARNING;
        probe_text(line->todo,
                   "%s A signature is for a window of 30 s, and of 100 requests %lld carry another one than the "
                   "exchange's; how far off the exchange tolerates is not documented.",
                   set_it,
                   (long long)clock_offset_wrong_windows(probe_clock_offset_us(clock), WINDOW_US) /
                       PER_MILLE_OF_PERCENT);
    }
}

/* --- the table --- */

static void line_route_4(struct probe_line *line, const struct probes *probes)
{
    probe_line_route(line, PROBE_FAMILY_4, probes);
}

static void line_route_6(struct probe_line *line, const struct probes *probes)
{
    probe_line_route(line, PROBE_FAMILY_6, probes);
}

static const struct {
    const char *check;
    const char *title;
    void (*make)(struct probe_line *line, const struct probes *probes);
} checks[PROBE_CHECK_COUNT] = {
    [PROBE_CHECK_CONFIGURATION] = { "configuration", "configuration", line_configuration },
    [PROBE_CHECK_KEY] = { "api-key", "API key", line_key },
    [PROBE_CHECK_SECRET] = { "api-secret", "API secret", line_secret },
    [PROBE_CHECK_CLOCK] = { "clock", "clock", line_clock },
    [PROBE_CHECK_NAMES] = { "name", "name", probe_line_names },
    [PROBE_CHECK_ROUTE_4] = { "route-ipv4", "way out, IPv4", line_route_4 },
    [PROBE_CHECK_ROUTE_6] = { "route-ipv6", "way out, IPv6", line_route_6 },
    [PROBE_CHECK_TLS] = { "tls", "TLS", probe_line_tls },
    [PROBE_CHECK_PROXY] = { "egress-proxy", "egress proxy", probe_line_proxy },
};

void probe_line_of_check(struct probe_line *line, enum probe_check check, const struct probes *probes)
{
    *line = (struct probe_line){ .check = checks[check].check, .title = checks[check].title };
    checks[check].make(line, probes);
}
