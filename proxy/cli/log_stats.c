/* `countersign log stats`: what the record holds, in figures. One thread. */
#include "log_command.h"

#include "countersign/clock.h"
#include "countersign/json_write.h"

#include <unistd.h>

enum { TOP = 10, INCIDENTS = 10, BAR_WIDTH = 30, DETAIL_WIDTH = 60 };

struct group_kind {
    enum capture_grouping grouping;
    const char *title;
    const char *name; /* in JSON, as the members' names behind it */
    const char *first;
    const char *second;
};

struct report {
    const struct log_run *run;
    struct buffer *out;
    int64_t total;
    const struct group_kind *group; /* at hand */
    size_t count;                   /* rows of it so far */
};

static void append_title(const struct report *report, const char *title)
{
    buffer_append_byte(report->out, '\n');
    terminal_style_begin(report->out, &report->run->terminal, TERMINAL_BOLD);
    buffer_append_text(report->out, title);
    terminal_style_end(report->out, &report->run->terminal, TERMINAL_BOLD);
    buffer_append_byte(report->out, '\n');
}

/* "1.4 GiB" */
static void append_size(struct buffer *out, int64_t bytes)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 1024 && unit + 1 < ARRAY_LENGTH(units)) {
        size /= 1024;
        unit++;
    }
    buffer_append_format(out, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

/* --- for people --- */

static void append_totals(const struct report *report, const struct capture_stats *stats)
{
    struct buffer *out = report->out;
    buffer_append_format(out, "%lld exchanges", (long long)stats->exchanges);
    if (stats->exchanges > 0) {
        buffer_append_format(out, ", %lld to %lld, from ", (long long)stats->first_id, (long long)stats->last_id);
        log_append_local_time(out, stats->first_us, report->run->now_us, false);
        buffer_append_text(out, " to ");
        log_append_local_time(out, stats->last_us, report->run->now_us, false);
    }
    buffer_append_format(out, "\n%lld imported\n", (long long)stats->imported);
    append_size(out, stats->used_bytes);
    buffer_append_format(out, " in use in %s (", report->run->store_path);
    append_size(out, stats->file_bytes);
    buffer_append_text(out, ", and a log of ");
    append_size(out, stats->log_bytes);
    buffer_append_byte(out, ')');
    if (stats->exchanges + stats->imported > 0)
        buffer_append_format(out, "; %lld bytes an exchange",
                             (long long)(stats->used_bytes / (stats->exchanges + stats->imported)));
    buffer_append_byte(out, '\n');
}

static void append_count(const struct report *report, int64_t count)
{
    buffer_append_format(report->out, "  %10lld  %5.1f %%  ", (long long)count,
                         report->total > 0 ? (double)count * 100 / (double)report->total : 0.0);
}

static void append_outcomes(const struct report *report, const struct capture_stats *stats)
{
    append_title(report, "outcomes");
    for (int i = 0; i < RECORD_OUTCOME_COUNT; i++) {
        enum record_outcome outcome = (enum record_outcome)i;
        if (stats->outcomes[i] == 0)
            continue;
        append_count(report, stats->outcomes[i]);
        terminal_style_begin(report->out, &report->run->terminal, log_outcome_style(outcome));
        buffer_append_format(report->out, "%-11s ", record_outcome_name(outcome));
        for (int64_t k = 0; k < (stats->outcomes[i] * BAR_WIDTH + report->total - 1) / report->total; k++)
            buffer_append_byte(report->out, '#');
        terminal_style_end(report->out, &report->run->terminal, log_outcome_style(outcome));
        buffer_append_byte(report->out, '\n');
    }
}

static bool append_group(void *context, const struct capture_group *group)
{
    const struct report *report = context;
    append_count(report, group->count);
    terminal_append_escaped(report->out, group->first, TERMINAL_ONE_LINE);
    if (group->status != 0)
        buffer_append_format(report->out, " HTTP %d", group->status);
    buffer_append_text(report->out, group->second.length > 0 ? "  " : "");
    terminal_append_escaped(report->out, slice_first(group->second, DETAIL_WIDTH), TERMINAL_ONE_LINE);
    buffer_append_byte(report->out, '\n');
    return true;
}

static bool append_incident(void *context, const struct capture_incident *incident)
{
    struct report *report = context;
    if (report->count++ == 0)
        append_title(report, "what happened to the record itself");
    buffer_append_text(report->out, "  ");
    log_append_local_time(report->out, incident->at_us, report->run->now_us, false);
    buffer_append_text(report->out, "  ");
    terminal_append_escaped(report->out, incident->kind, TERMINAL_ONE_LINE);
    buffer_append_format(report->out, " %lld: ", (long long)incident->count);
    terminal_append_escaped(report->out, incident->detail, TERMINAL_ONE_LINE);
    buffer_append_byte(report->out, '\n');
    return true;
}

static const struct group_kind groups[] = {
    { CAPTURE_BY_VERDICT, "verdicts", "verdict", "outcome", "detail" },
    { CAPTURE_BY_ENDPOINT, "endpoints", "endpoint", "method", "path" },
    { CAPTURE_BY_PARTY, "listeners and accounts", "party", "listener", "account" },
};

static bool report_text(struct report *report, const struct capture_stats *stats, struct error *error)
{
    append_totals(report, stats);
    if (stats->exchanges == 0)
        return capture_reader_incidents(report->run->reader, INCIDENTS, append_incident, report, error);
    append_outcomes(report, stats);
    for (size_t i = 0; i < ARRAY_LENGTH(groups); i++) {
        append_title(report, groups[i].title);
        if (!capture_reader_groups(report->run->reader, groups[i].grouping, TOP, append_group, report, error))
            return false;
    }
    return capture_reader_incidents(report->run->reader, INCIDENTS, append_incident, report, error);
}

/* --- for scripts --- */

static void append_json_totals(const struct report *report, const struct capture_stats *stats)
{
    struct buffer *out = report->out;
    buffer_append_format(
        out,
        "{\"kind\":\"totals\",\"exchanges\":%lld,\"imported\":%lld,\"firstId\":%lld,\"lastId\":%lld,"
        "\"firstUs\":%lld,\"lastUs\":%lld,\"fileBytes\":%lld,\"logBytes\":%lld,\"usedBytes\":%lld,\"freeBytes\":%lld,"
        "\"outcomes\":{",
        (long long)stats->exchanges, (long long)stats->imported, (long long)stats->first_id, (long long)stats->last_id,
        (long long)stats->first_us, (long long)stats->last_us, (long long)stats->file_bytes,
        (long long)stats->log_bytes, (long long)stats->used_bytes, (long long)stats->free_bytes);
    for (int i = 0; i < RECORD_OUTCOME_COUNT; i++)
        buffer_append_format(out, "%s\"%s\":%lld", i == 0 ? "" : ",", record_outcome_name((enum record_outcome)i),
                             (long long)stats->outcomes[i]);
    buffer_append_text(out, "}}\n");
}

static bool append_json_group(void *context, const struct capture_group *group)
{
    const struct report *report = context;
    buffer_append_format(report->out, "{\"kind\":\"%s\",\"count\":%lld,\"%s\":", report->group->name,
                         (long long)group->count, report->group->first);
    (void)json_append_string(report->out, group->first); /* the buffer remembers a failure, as below */
    (void)json_append_member(report->out, report->group->second, group->second);
    if (group->status != 0)
        buffer_append_format(report->out, ",\"status\":%d", group->status);
    buffer_append_text(report->out, "}\n");
    return true;
}

static bool append_json_incident(void *context, const struct capture_incident *incident)
{
    const struct report *report = context;
    buffer_append_format(report->out, "{\"kind\":\"incident\",\"atUs\":%lld,\"count\":%lld,\"incident\":",
                         (long long)incident->at_us, (long long)incident->count);
    (void)json_append_string(report->out, incident->kind); /* the buffer remembers a failure, as below */
    buffer_append_text(report->out, ",\"detail\":");
    (void)json_append_string(report->out, incident->detail);
    buffer_append_text(report->out, "}\n");
    return true;
}

static bool report_json(struct report *report, const struct capture_stats *stats, struct error *error)
{
    append_json_totals(report, stats);
    for (size_t i = 0; i < ARRAY_LENGTH(groups); i++) {
        report->group = &groups[i];
        if (!capture_reader_groups(report->run->reader, groups[i].grouping, SIZE_MAX, append_json_group, report, error))
            return false;
    }
    return capture_reader_incidents(report->run->reader, SIZE_MAX, append_json_incident, report, error);
}

static bool print(const struct log_run *run, const struct buffer *out, struct error *error)
{
    struct buffer safe;
    bool done;
    if (out->failed)
        return error_set(error, ERROR_MEMORY, "not enough memory for the figures");
    if (!run->options->json)
        return log_print(run, buffer_slice(out), error);
    buffer_init(&safe, LOG_OUTPUT_MAX);
    terminal_append_json(&safe, buffer_slice(out));
    done = safe.failed ? error_set(error, ERROR_MEMORY, "not enough memory for the figures")
                       : terminal_write(STDOUT_FILENO, buffer_slice(&safe), error);
    buffer_free(&safe);
    return done;
}

static bool stats(struct log_run *run, struct error *error)
{
    struct buffer out;
    struct capture_stats found = { .exchanges = 0 };
    if (!capture_reader_stats(&found, run->reader, error))
        return false;
    buffer_init(&out, LOG_OUTPUT_MAX);
    struct report report = { .run = run, .out = &out, .total = found.exchanges };
    bool done = run->options->json ? report_json(&report, &found, error) : report_text(&report, &found, error);
    done = done && print(run, &out, error);
    buffer_free(&out);
    return done;
}

const struct log_command log_command_stats = {
    .word = "stats",
    .synopsis = "[--json]",
    .summary = "what the record holds: counts, size, failures, endpoints",
    .help = "Shows what the record holds: how many exchanges and from when, how large it is, what became of them, who "
            "asked for\n"
            "what, and what happened to the record itself (torn frames, exchanges dropped, a damaged file set aside).",
    .takes = LOG_TAKES_JSON | LOG_TAKES_PAGER,
    .what_words = "`log stats` takes options alone",
    .run = stats,
};
