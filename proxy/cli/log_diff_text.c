/* A diff for people: the verdict, the two sides, then by section what differs. What came over the network is escaped. Owns
 * nothing; one thread. */
#include "log_diff_page.h"

#include "log_command.h"

enum {
    SUBJECT_MIN = 14,
    SUBJECT_MAX = 30, /* columns; a longer one has a line of its own */
    METHOD_MAX = 32,  /* bytes shown */
    EXPECTED_NAMED_MAX = 12,
    SIDE_INDENT = 5
};

/* Broken between words where the terminal ends. It begins at `column`, and further lines at `indent`. */
static void append_wrapped(const struct log_diff_page *page, struct slice text, size_t column, size_t indent)
{
    size_t width = log_diff_width_of(page);
    struct slice word;
    for (bool is_first = true; slice_next_part(&text, ' ', &word); is_first = false) {
        size_t columns = terminal_columns(word);
        bool breaks = page->terminal->width > 0 && !is_first && column + 1 + columns > width;
        if (breaks)
            buffer_append_format(page->out, "\n%*s", (int)indent, "");
        else
            buffer_append_text(page->out, is_first ? "" : " ");
        buffer_append_slice(page->out, word);
        column = breaks ? indent + columns : column + !is_first + columns;
    }
}

static void append_expected_names(const struct log_diff_page *page, enum diff_section section)
{
    size_t all = page->diff->counts[section][DIFF_EXPECTED];
    if (all == 0)
        return;
    struct buffer names, line;
    buffer_init(&names, LOG_OUTPUT_MAX);
    buffer_init(&line, LOG_OUTPUT_MAX);
    buffer_append_format(&line, "%zu that must differ: ", all);
    diff_append_names(&names, page->diff, section, DIFF_EXPECTED, EXPECTED_NAMED_MAX);
    terminal_append_escaped(&line, buffer_slice(&names), TERMINAL_ONE_LINE);
    log_diff_append_padding(page, 2);
    terminal_style_begin(page->out, page->terminal, TERMINAL_DIM);
    append_wrapped(page, buffer_slice(&line), 2, 4);
    terminal_style_end(page->out, page->terminal, TERMINAL_DIM);
    buffer_append_byte(page->out, '\n');
    page->out->failed = page->out->failed || names.failed || line.failed;
    buffer_free(&names);
    buffer_free(&line);
}

static bool is_shown(const struct log_diff_page *page, const struct diff_finding *finding)
{
    return finding->weight != DIFF_EXPECTED || page->options->all;
}

/* A bound on what is listed leaves some out: said, so that nobody takes the list for all. */
static void append_unlisted(const struct log_diff_page *page, enum diff_section section)
{
    size_t sum = 0, listed = 0;
    for (size_t weight = 0; weight < DIFF_WEIGHT_COUNT; weight++)
        sum += page->diff->counts[section][weight];
    for (size_t i = 0; i < page->diff->count; i++)
        listed += page->diff->findings[i].section == section;
    if (sum > listed)
        buffer_append_format(page->out, "  %zu more are not listed (%d of each weight are)\n", sum - listed,
                             DIFF_LISTED_MAX);
}

/* "as it left for the exchange", or both where they are not the same. */
static void append_views(const struct log_diff_page *page, const enum record_view views[2], enum record_view preferred)
{
    static const char *const meanings[RECORD_VIEW_COUNT + 1] = {
        [RECORD_CLIENT_REQUEST] = "as the client sent it",
        [RECORD_UPSTREAM_REQUEST] = "as it left for the exchange",
        [RECORD_UPSTREAM_RESPONSE] = "as it came back",
        [RECORD_CLIENT_RESPONSE] = "as the client got it",
        [RECORD_VIEW_COUNT] = "none",
    };
    if (views[0] == RECORD_VIEW_COUNT && views[1] == RECORD_VIEW_COUNT)
        return;
    if (views[0] != views[1]) {
        buffer_append_format(page->out, ", A %s, B %s", meanings[views[0]], meanings[views[1]]);
        return;
    }
    buffer_append_format(page->out, ", %s", meanings[views[0]]);
    if (!page->diff->sides[0].has_view && views[0] != preferred)
        buffer_append_text(page->out, preferred == RECORD_UPSTREAM_REQUEST ? " (one of the two never left)"
                                                                           : " (one of the two never came back)");
}

static void begin_section(const struct log_diff_page *page, const char *title)
{
    buffer_append_byte(page->out, '\n');
    log_diff_append_styled(page, TERMINAL_BOLD, title);
}

static void append_section(const struct log_diff_page *page, enum diff_section section)
{
    for (size_t i = 0; i < page->diff->count; i++) {
        const struct diff_finding *finding = &page->diff->findings[i];
        if (finding->section == section && is_shown(page, finding))
            log_diff_append_finding(page, finding);
    }
    if (!page->options->all)
        append_expected_names(page, section);
    append_unlisted(page, section);
}

static bool has_finding(const struct log_diff_page *page, enum diff_section section)
{
    for (size_t weight = 0; weight < DIFF_WEIGHT_COUNT; weight++)
        if (page->diff->counts[section][weight] > 0)
            return true;
    return false;
}

static void append_messages(const struct log_diff_page *page, enum diff_section section,
                            const enum record_view views[2], enum record_view preferred)
{
    if (views[0] == RECORD_VIEW_COUNT && views[1] == RECORD_VIEW_COUNT && !has_finding(page, section))
        return;
    begin_section(page, section == DIFF_REQUEST ? "request" : "answer");
    append_views(page, views, preferred);
    buffer_append_text(page->out, has_finding(page, section) ? "\n" : ": alike, byte for byte\n");
    append_section(page, section);
}

static void append_payload_line(const struct log_diff_page *page, const struct diff_finding *finding)
{
    buffer_append_text(page->out, "  ");
    terminal_style_begin(page->out, page->terminal, TERMINAL_DIM);
    buffer_append_format(page->out, "%-*.*s", LOG_DIFF_LABEL, SLICE_ARGUMENTS(finding->subject));
    terminal_style_end(page->out, page->terminal, TERMINAL_DIM);
    if (finding->change == DIFF_SAME && finding->numbers[0] == 0)
        buffer_append_text(page->out, "none\n");
    else if (finding->change == DIFF_SAME)
        buffer_append_format(page->out, "the same %lld bytes\n", (long long)finding->numbers[0]);
    else
        buffer_append_format(page->out, "A %lld bytes, B %lld, other from offset %zu on\n",
                             (long long)finding->numbers[0], (long long)finding->numbers[1], finding->offset);
}

/* The payload is told whole in the title, then its parts; hashes and what does not fit as values. */
static void append_signed(const struct log_diff_page *page)
{
    for (size_t i = 0; i < page->diff->count; i++) {
        const struct diff_finding *finding = &page->diff->findings[i];
        if (finding->section != DIFF_SIGNED)
            continue;
        bool is_part = finding->part == DIFF_PART_PAYLOAD && !finding->has[0] && finding->change == DIFF_SAME;
        if (slice_equal_text(finding->subject, "payload")) {
            bool is_same = finding->change == DIFF_SAME;
            begin_section(page, "signed payload");
            buffer_append_format(page->out,
                                 is_same ? " (query and body): the same %lld bytes\n"
                                         : " (query and body): other bytes, so another signature\n",
                                 (long long)finding->numbers[0]);
            log_diff_append_note_of(page, finding);
        } else if (is_part || finding->change == DIFF_BYTES) {
            append_payload_line(page, finding);
        } else if (finding->change != DIFF_SAME || finding->weight == DIFF_REAL || page->options->all) {
            log_diff_append_values(page, finding);
            log_diff_append_note_of(page, finding);
        }
    }
}

static void append_milliseconds(const struct log_diff_page *page, int64_t us)
{
    if (us < 0)
        buffer_append_format(page->out, "%12s", "-");
    else
        buffer_append_format(page->out, "%12.3f", (double)us / 1000.0);
}

/* The durations are steps, each from the end of the one before: the page says so, whatever scripts call them. */
static struct slice step_name(struct slice subject)
{
    static const char *const names[][2] = {
        { "until sent", "to send it" },
        { "until the first byte", "then to the first byte" },
        { "until the last byte", "then to the last byte" },
        { "until replied", "then to reply" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (slice_equal_text(subject, names[i][0]))
            return slice_text(names[i][1]);
    return subject;
}

static void append_timing(const struct log_diff_page *page)
{
    begin_section(page, "timing");
    buffer_append_format(page->out, ", step by step\n%*s%12s%12s\n", 26, "", "A ms", "B ms");
    for (size_t i = 0; i < page->diff->count; i++) {
        const struct diff_finding *finding = &page->diff->findings[i];
        if (finding->part != DIFF_PART_DURATION)
            continue;
        buffer_append_format(page->out, "  %-24.*s", SLICE_ARGUMENTS(step_name(finding->subject)));
        append_milliseconds(page, finding->numbers[0]);
        append_milliseconds(page, finding->numbers[1]);
        buffer_append_byte(page->out, '\n');
    }
}

/* ---- The whole ---- */

static void append_verdict(const struct log_diff_page *page)
{
    struct buffer verdict, escaped;
    enum terminal_style style = diff_is_alike(page->diff) ? TERMINAL_GREEN : TERMINAL_RED;
    buffer_init(&verdict, LOG_OUTPUT_MAX);
    buffer_init(&escaped, LOG_OUTPUT_MAX);
    diff_append_verdict(&verdict, page->diff);
    terminal_append_escaped(&escaped, buffer_slice(&verdict), TERMINAL_ONE_LINE);
    terminal_style_begin(page->out, page->terminal, style);
    append_wrapped(page, buffer_slice(&escaped), 0, 0);
    terminal_style_end(page->out, page->terminal, style);
    buffer_append_text(page->out, "\n\n");
    page->out->failed = page->out->failed || verdict.failed || escaped.failed;
    buffer_free(&verdict);
    buffer_free(&escaped);
}

/* "exchange 17, client request  16:53:14.290  POST /api/trade/order/place" */
static void append_side_line(const struct log_diff_page *page, size_t side)
{
    const struct diff_side *chosen = &page->diff->sides[side];
    const struct record *record = chosen->record;
    struct buffer line;
    buffer_init(&line, LOG_OUTPUT_MAX);
    terminal_append_escaped(&line, page->options->names[side], TERMINAL_ONE_LINE);
    if (chosen->has_view)
        buffer_append_format(&line, ", %s", record_view_name(chosen->view));
    buffer_append_text(&line, "  ");
    if (record->received_us != 0) {
        log_append_local_time(&line, record->received_us, page->options->now_us, false);
        buffer_append_text(&line, "  ");
    }
    terminal_append_escaped(&line, slice_first(record->method, METHOD_MAX), TERMINAL_ONE_LINE);
    buffer_append_byte(&line, ' ');
    terminal_append_escaped(&line, slice_first(record->target, log_diff_width_of(page)), TERMINAL_ONE_LINE);
    buffer_append_text(page->out, "  ");
    terminal_style_begin(page->out, page->terminal, log_diff_side_styles[side]);
    buffer_append_byte(page->out, side == 0 ? 'A' : 'B');
    terminal_style_end(page->out, page->terminal, log_diff_side_styles[side]);
    buffer_append_text(page->out, "  ");
    terminal_append_fitted(page->out, buffer_slice(&line), log_diff_width_of(page) - SIDE_INDENT);
    buffer_append_byte(page->out, '\n');
    page->out->failed = page->out->failed || line.failed;
    buffer_free(&line);
}

/* The widest subject that is shown beside its values. */
static size_t subject_columns(const struct log_diff_page *page)
{
    size_t widest = SUBJECT_MIN;
    for (size_t i = 0; i < page->diff->count; i++) {
        const struct diff_finding *finding = &page->diff->findings[i];
        size_t columns = terminal_columns(slice_first(finding->subject, (size_t)2 * SUBJECT_MAX));
        if (is_shown(page, finding) && columns <= SUBJECT_MAX && columns > widest)
            widest = columns;
    }
    return widest;
}

void log_append_diff(struct buffer *out, const struct terminal *terminal, const struct diff *diff,
                     const struct log_diff_options *options)
{
    struct log_diff_page page = { .out = out, .terminal = terminal, .diff = diff, .options = options };
    page.subject = subject_columns(&page);
    append_verdict(&page);
    append_side_line(&page, 0);
    append_side_line(&page, 1);
    append_messages(&page, DIFF_REQUEST, diff->requests, RECORD_UPSTREAM_REQUEST);
    append_signed(&page);
    append_messages(&page, DIFF_ANSWER, diff->answers, RECORD_UPSTREAM_RESPONSE);
    if (has_finding(&page, DIFF_NETWORK)) {
        begin_section(&page, "network");
        buffer_append_byte(out, '\n');
        append_section(&page, DIFF_NETWORK);
    }
    if (has_finding(&page, DIFF_TIMING))
        append_timing(&page);
}
