/* What `countersign log why` says to people. Owns nothing; one thread. */
#include "log_command.h"
#include "log_why.h"

#include "countersign/policy.h"

#include <string.h>

struct page {
    struct buffer *out;
    const struct terminal *terminal;
    const struct why_section *section; /* at hand */
    const struct log_options *options;
};

static void append_text(const struct page *page, struct slice text)
{
    terminal_append_escaped(page->out, text, TERMINAL_ONE_LINE);
}

static void append_styled(const struct page *page, enum terminal_style style, struct slice text)
{
    terminal_style_begin(page->out, page->terminal, style);
    append_text(page, text);
    terminal_style_end(page->out, page->terminal, style);
}

/* Text with commands in it. */
static void append_proposal(const struct page *page, const char *text)
{
    cli_append_proposal(page->out, slice_text(text), &page->options->config, page->options->store);
}

static const char *plural(uint32_t count, const char *one, const char *several)
{
    return count == 1 ? one : several;
}

/* --- what was looked at --- */

static void append_looked_at(const struct page *page, const struct why_report *report)
{
    buffer_append_format(page->out, "%u exchange%s: %u went well, %u failed", report->exchanges,
                         plural(report->exchanges, "", "s"), report->successes, report->failures);
    if (report->left_out > 0)
        buffer_append_format(page->out, "; %u left out (not asked for, not ended, or refused here)", report->left_out);
    buffer_append_byte(page->out, '\n');
}

static void append_classes(const struct page *page)
{
    const char *between = "";
    for (unsigned i = ENDPOINT_PUBLIC; i <= ENDPOINT_DOUBTFUL; i++) {
        if ((page->section->classes & 1u << i) == 0)
            continue;
        buffer_append_format(page->out, "%s%s", between, endpoint_class_name((enum endpoint_class)i));
        between = ", ";
    }
}

/* "1401 "unauthorized": 41 failures, beside 118 successes of trade endpoints, signed like them" */
static void append_heading(const struct page *page, const struct why_comparison *comparison)
{
    const struct why_section *section = page->section;
    buffer_append_byte(page->out, '\n');
    append_styled(page, TERMINAL_BOLD, section->code);
    if (section->message.length > 0) {
        buffer_append_text(page->out, " \"");
        append_text(page, section->message);
        buffer_append_byte(page->out, '"');
    }
    buffer_append_format(page->out, ": %u failure%s, beside %u success%s of ", comparison->failures,
                         plural(comparison->failures, "", "s"), comparison->successes,
                         plural(comparison->successes, "", "es"));
    if (section->is_widened)
        buffer_append_text(page->out, "other private");
    else
        append_classes(page);
    buffer_append_text(page->out, " endpoints");
    if (!section->is_public && section->is_signed != section->is_unsigned)
        buffer_append_text(page->out, section->is_signed ? ", signed ones alone" : ", unsigned ones alone");
    buffer_append_byte(page->out, '\n');
}

static void append_within(const struct page *page, const struct why_comparison *comparison)
{
    buffer_append_text(page->out, "\n  within ");
    append_styled(page, TERMINAL_BOLD, comparison->endpoint);
    buffer_append_format(page->out, ": %u failure%s, beside %u success%s\n", comparison->failures,
                         plural(comparison->failures, "", "s"), comparison->successes,
                         plural(comparison->successes, "", "es"));
}

/* --- facts --- */

static void append_name(const struct page *page, struct why_name name)
{
    buffer_append_text(page->out, name.label);
    if (name.subject.length == 0)
        return;
    buffer_append_byte(page->out, ' ');
    append_text(page, name.subject);
}

/* "41 of 41 over IPv6", "30 of 41 over IPv6, 11 over IPv4" */
static void append_side(const struct page *page, const struct why_side *side)
{
    for (size_t i = 0; i < side->count; i++) {
        buffer_append_text(page->out, i == 0 ? "" : ", ");
        buffer_append_format(page->out, "%u ", side->values[i].count);
        if (i == 0)
            buffer_append_format(page->out, "of %u ", side->known);
        append_text(page, side->values[i].text);
    }
    if (side->others > 0)
        buffer_append_format(page->out, ", %u with others", side->others);
}

static void append_together(const struct page *page, const struct why_fact *fact)
{
    if (fact->together_count == 0)
        return;
    buffer_append_text(page->out, "     these always come with it: ");
    for (size_t i = 0; i < fact->together_count; i++) {
        buffer_append_text(page->out, i == 0 ? "" : ", ");
        append_name(page, fact->together[i]);
    }
    if (fact->together_more > 0)
        buffer_append_format(page->out, " and %zu more", fact->together_more);
    buffer_append_byte(page->out, '\n');
}

static void append_pair(const struct page *page, const char *before, const int64_t pair[2])
{
    char a[RECORD_ID_TEXT_MAX], b[RECORD_ID_TEXT_MAX];
    if (pair[0] == 0)
        return;
    buffer_append_format(page->out, "     %scountersign log diff", before);
    cli_append_given(page->out, &page->options->config, page->options->store);
    buffer_append_format(page->out, " %s %s\n", record_id_text(a, pair[0]), record_id_text(b, pair[1]));
}

static void append_fact(const struct page *page, const struct why_fact *fact, size_t rank)
{
    buffer_append_format(page->out, "\n  %zu. ", rank + 1);
    terminal_style_begin(page->out, page->terminal, TERMINAL_YELLOW);
    append_name(page, fact->name);
    terminal_style_end(page->out, page->terminal, TERMINAL_YELLOW);
    buffer_append_text(page->out, "\n     ");
    append_text(page, page->section->code);
    buffer_append_text(page->out, ": ");
    append_side(page, &fact->failures);
    buffer_append_text(page->out, "; success: ");
    append_side(page, &fact->successes);
    buffer_append_byte(page->out, '\n');
    append_together(page, fact);
    if (fact->next != NULL) {
        buffer_append_text(page->out, "     next: ");
        append_proposal(page, fact->next);
        buffer_append_byte(page->out, '\n');
    }
    append_pair(page, "compare: ", fact->pair);
}

/* Where the first fact leaves nothing to be explained, what is weaker may be no more than its company. */
static void append_weaker(const struct page *page, const struct why_comparison *comparison)
{
    static const double WHOLE = 1 - 1e-9;
    if (comparison->fact_count > 1 && comparison->facts[0].effect >= WHOLE)
        buffer_append_text(page->out,
                           "\n  The first divides them without exception; what follows does so less clearly:\n");
}

static void append_facts(const struct page *page, const struct why_comparison *comparison)
{
    for (size_t i = 0; i < comparison->fact_count; i++) {
        if (i == 1)
            append_weaker(page, comparison);
        append_fact(page, &comparison->facts[i], i);
    }
    if (comparison->facts_more > 0)
        buffer_append_format(page->out, "\n  and %zu weaker ones\n", comparison->facts_more);
}

/* --- no facts --- */

static void append_nothing(const struct page *page, const struct why_comparison *comparison)
{
    buffer_append_format(
        page->out,
        "  nothing sets them apart: of %u thing%s in which these exchanges differ, none comes with the "
        "failures more than chance would have it\n",
        comparison->splits, plural(comparison->splits, "", "s"));
    append_pair(page, "the two that are most alike: ", comparison->pair);
}

static void append_too_few(const struct page *page, const struct why_comparison *comparison)
{
    buffer_append_format(page->out,
                         "  too few to tell: with %u failure%s and %u success%s, whatever sets them apart could be "
                         "chance; %u of each would do\n",
                         comparison->failures, plural(comparison->failures, "", "s"), comparison->successes,
                         plural(comparison->successes, "", "es"), comparison->needed);
    append_pair(page, "the two that are most alike: ", comparison->pair);
}

static void append_no_success(const struct page *page, const struct why_comparison *comparison)
{
    (void)comparison;
    append_proposal(page, "  too few to tell: there is no success to compare them with. `countersign doctor` asks the "
                          "exchange and looks for the cause without one; a working example from elsewhere can be put "
                          "beside one of them: `countersign log diff last FILE`");
    buffer_append_byte(page->out, '\n');
}

static void append_comparison(const struct page *page, const struct why_comparison *comparison)
{
    static void (*const append[WHY_VERDICT_COUNT])(const struct page *page, const struct why_comparison *comparison) = {
        [WHY_SET_APART] = append_facts,
        [WHY_NOTHING] = append_nothing,
        [WHY_TOO_FEW] = append_too_few,
        [WHY_NO_SUCCESS] = append_no_success,
    };
    append[comparison->verdict](page, comparison);
}

/* Why the search did not go on within the endpoint. */
static void append_end(const struct page *page, const struct why_comparison *comparison)
{
    if (comparison->fact_count > 0 && strcmp(comparison->facts[0].name.word, "endpoint") == 0) {
        buffer_append_text(page->out, "\n  ");
        append_proposal(page,
                        "Where they failed nothing went well: there is nothing to compare with within an endpoint. "
                        "`countersign doctor` looks for the cause without.");
        buffer_append_byte(page->out, '\n');
    }
}

void log_append_why(struct buffer *out, const struct terminal *terminal, const struct why_report *report,
                    const struct log_options *options)
{
    struct page page = { .out = out, .terminal = terminal, .options = options };
    append_looked_at(&page, report);
    for (size_t i = 0; i < report->count; i++) {
        page.section = &report->sections[i];
        append_heading(&page, &page.section->comparisons[0]);
        append_comparison(&page, &page.section->comparisons[0]);
        if (page.section->count < 2) {
            append_end(&page, &page.section->comparisons[0]);
            continue;
        }
        append_within(&page, &page.section->comparisons[1]);
        append_comparison(&page, &page.section->comparisons[1]);
    }
    if (report->failures_more > 0)
        buffer_append_format(out, "\n%u failure%s of other codes: --code explains one of them\n", report->failures_more,
                             plural(report->failures_more, "", "s"));
}
