/* What `countersign reconcile` found, for people and as words for the record. Bytes of others are escaped. Pure. */
#include "reconcile.h"

#include <stdio.h>
#include <string.h>

enum {
    INDENT = 4,
    PLAIN_WIDTH = 110, /* columns where the output is no terminal */
    ESCAPED_MAX = 4    /* bytes of one that is escaped: \x1b */
};

static const struct {
    const char *name;  /* for scripts */
    const char *words; /* for people */
    enum terminal_style style;
} verdicts[RECONCILE_VERDICT_COUNT] = {
    [RECONCILE_NOT_ASKED] = { "not_asked", "could not ask", TERMINAL_RED },
    [RECONCILE_PLACED] = { "placed", "placed", TERMINAL_GREEN },
    [RECONCILE_STATE] = { "state", "found", TERMINAL_GREEN },
    [RECONCILE_NONE_ACTIVE] = { "none_active", "none active", TERMINAL_GREEN },
    [RECONCILE_NOT_FOUND] = { "not_found", "not found", TERMINAL_YELLOW },
    [RECONCILE_AMBIGUOUS] = { "ambiguous", "ambiguous", TERMINAL_YELLOW },
};

const char *reconcile_verdict_name(enum reconcile_verdict verdict)
{
    return (size_t)verdict < ARRAY_LENGTH(verdicts) ? verdicts[verdict].name : "";
}

static void append_escaped(struct buffer *out, const char *text)
{
    terminal_append_escaped(out, slice_text(text), TERMINAL_ONE_LINE);
}

/* "ordId 17, SUBMITTED, executed 0 of 0.5" */
static void append_seen(struct buffer *out, const struct reconcile_seen *seen)
{
    (void)buffer_append_text(out, "ordId "); /* `failed` is checked at the end of the run, here and below */
    append_escaped(out, seen->id);
    (void)buffer_append_text(out, ", ");
    append_escaped(out, seen->state[0] != '\0' ? seen->state : "state not told");
    if (seen->executed[0] == '\0')
        return;
    (void)buffer_append_text(out, ", executed ");
    append_escaped(out, seen->executed);
    if (seen->quantity[0] == '\0')
        return;
    (void)buffer_append_text(out, " of ");
    append_escaped(out, seen->quantity);
}

/* --- words for the record --- */

static size_t count_verdicts(const struct reconcile_request *request, const struct reconcile_finding *findings,
                             enum reconcile_verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < request->count; i++)
        count += findings[i].verdict == verdict ? 1 : 0;
    return count;
}

void reconcile_append_summary(struct buffer *out, const struct reconcile_request *request,
                              const struct reconcile_finding *findings)
{
    bool has_state = findings[0].verdict == RECONCILE_STATE && findings[0].count == 1;
    if (request->count > 1)
        (void)buffer_append_format(out, "%zu of %zu %s",
                                   count_verdicts(request, findings, RECONCILE_PLACED) +
                                       count_verdicts(request, findings, RECONCILE_STATE),
                                   request->count, request->kind == RECONCILE_PLACES ? "placed" : "found");
    else
        append_escaped(out, has_state ? findings[0].seen[0].state : verdicts[findings[0].verdict].words);
}

static void append_finding(struct buffer *out, const struct reconcile_finding *finding)
{
    (void)buffer_append_text(out, verdicts[finding->verdict].words);
    for (size_t i = 0; i < finding->count; i++) {
        (void)buffer_append_text(out, i == 0 ? ": " : "; ");
        append_seen(out, &finding->seen[i]);
    }
}

void reconcile_append_detail(struct buffer *out, const struct reconcile_request *request,
                             const struct reconcile_finding *findings)
{
    for (size_t i = 0; i < request->count; i++) {
        if (request->count > 1)
            (void)buffer_append_format(out, "%s%zu. ", i == 0 ? "" : ". ", i + 1);
        append_finding(out, &findings[i]);
    }
}

/* --- for people --- */

void reconcile_append_heading(struct buffer *out, const struct log_run *run, const struct reconcile_request *request)
{
    char id[RECORD_ID_TEXT_MAX];
    terminal_style_begin(out, &run->terminal, TERMINAL_BOLD);
    (void)buffer_append_format(out, "exchange %s", record_id_text(id, request->id));
    terminal_style_end(out, &run->terminal, TERMINAL_BOLD);
    (void)buffer_append_text(out, "  ");
    log_append_local_time(out, request->received_us, run->now_us, false);
    (void)buffer_append_text(out, "  ");
    append_escaped(out, request->target);
    (void)buffer_append_text(out, "  ");
    append_escaped(out, request->error_name);
    (void)buffer_append_byte(out, '\n');
}

static void append_wrapped(struct buffer *out, const struct log_run *run, struct slice text)
{
    size_t width = run->terminal.width > 0 ? run->terminal.width : PLAIN_WIDTH;
    struct buffer safe;
    buffer_init(&safe, (size_t)RECONCILE_LOOKED_MAX * ESCAPED_MAX);
    terminal_append_escaped(&safe, text, TERMINAL_ONE_LINE);
    (void)buffer_append_format(out, "%*s", INDENT, "");
    terminal_append_wrapped(out, buffer_slice(&safe), INDENT, width);
    out->failed = out->failed || safe.failed;
    buffer_free(&safe);
}

/* Where nothing is in doubt, what was asked on the way says no more. */
static void append_looked(struct buffer *out, const struct log_run *run, const struct reconcile_finding *finding)
{
    struct slice rest = buffer_slice(&finding->looked), line;
    bool is_plain = finding->is_settled && finding->verdict != RECONCILE_NOT_FOUND;
    while (!is_plain && rest.length > 0 && slice_next_part(&rest, '\n', &line)) {
        if (line.length == 0)
            continue;
        terminal_style_begin(out, &run->terminal, TERMINAL_DIM);
        append_wrapped(out, run, line);
        terminal_style_end(out, &run->terminal, TERMINAL_DIM);
    }
}

static void append_order(struct buffer *out, const struct log_run *run, const struct reconcile_order *order,
                         const struct reconcile_finding *finding, bool is_cancel)
{
    (void)buffer_append_text(out, is_cancel ? "  cancel " : "  ");
    reconcile_append_order(out, order);
    (void)buffer_append_text(out, "\n  ");
    terminal_style_begin(out, &run->terminal, verdicts[finding->verdict].style);
    append_finding(out, finding);
    terminal_style_end(out, &run->terminal, verdicts[finding->verdict].style);
    (void)buffer_append_byte(out, '\n');
    append_wrapped(out, run, slice_text(finding->reason));
    append_looked(out, run, finding);
}

void reconcile_append_page(struct buffer *out, const struct log_run *run, const struct reconcile_request *request,
                           const struct reconcile_finding *findings)
{
    for (size_t i = 0; i < request->count; i++)
        append_order(out, run, &request->orders[i], &findings[i], request->kind != RECONCILE_PLACES);
}
