/* One finding of a diff for people: what it is about, then A's value above B's, cut around their first difference. Owns
 * nothing; one thread. */
#include "log_diff_page.h"

#include "log_command.h"

enum {
    VALUE_MIN = 20,   /* columns, however narrow the terminal */
    SHORT_VALUE = 16, /* bytes: two of these stand on one line */
    SIDE_LABEL = 3,   /* columns of "A  " */
    WIDTH_OF_A_PIPE = 200,
    CONTEXT_PART = 3 /* of a cut value that many parts: one stands before the first difference */
};

const enum terminal_style log_diff_side_styles[2] = { TERMINAL_RED, TERMINAL_GREEN };

size_t log_diff_width_of(const struct log_diff_page *page)
{
    return page->terminal->width > 0 ? page->terminal->width : WIDTH_OF_A_PIPE;
}

void log_diff_append_styled(const struct log_diff_page *page, enum terminal_style style, const char *text)
{
    terminal_style_begin(page->out, page->terminal, style);
    buffer_append_text(page->out, text);
    terminal_style_end(page->out, page->terminal, style);
}

void log_diff_append_padding(const struct log_diff_page *page, size_t columns)
{
    buffer_append_format(page->out, "%*s", (int)columns, "");
}

static size_t common_beginning(struct slice a, struct slice b)
{
    size_t length = a.length < b.length ? a.length : b.length, i = 0;
    while (i < length && a.data[i] == b.data[i])
        i++;
    return i;
}

/* Where a value that is cut begins: some bytes before the first difference, and not within a character. */
static size_t beginning_of(const struct diff_finding *finding, size_t side, size_t columns)
{
    struct slice value = finding->values[side];
    if (!finding->has[1 - side] || value.length <= columns)
        return 0;
    size_t common = common_beginning(value, finding->values[1 - side]);
    size_t begin = common > columns / CONTEXT_PART ? common - columns / CONTEXT_PART : 0;
    while (begin > 0 && begin < value.length && ((unsigned char)value.data[begin] & 0xC0) == 0x80)
        begin--;
    return begin;
}

/* At most `columns`; "…" stands where something was left out. */
static void append_value(const struct log_diff_page *page, const struct diff_finding *finding, size_t side,
                         size_t columns)
{
    struct buffer escaped;
    size_t begin = beginning_of(finding, side, columns);
    struct slice shown = slice_from(finding->values[side], begin);
    buffer_init(&escaped, LOG_OUTPUT_MAX);
    if (begin > 0)
        buffer_append_text(&escaped, "…");
    /* Escapes are longer than what they stand for, so that many bytes fill the columns. */
    terminal_append_escaped(&escaped, slice_first(shown, 4 * columns), TERMINAL_ONE_LINE);
    if (begin > 0 || shown.length > 4 * columns) {
        struct slice text = buffer_slice(&escaped);
        size_t cut = text.length;
        while (terminal_columns(slice_first(text, cut)) > columns - 1)
            cut--;
        buffer_append_slice(page->out, slice_first(text, cut));
        buffer_append_text(page->out, cut < text.length || shown.length > 4 * columns ? "…" : "");
    } else {
        terminal_append_fitted(page->out, buffer_slice(&escaped), columns);
    }
    page->out->failed = page->out->failed || escaped.failed;
    buffer_free(&escaped);
}

static size_t value_column(const struct log_diff_page *page)
{
    return 2 + LOG_DIFF_LABEL + page->subject + 2 + SIDE_LABEL;
}

static size_t value_width(const struct log_diff_page *page)
{
    size_t taken = value_column(page), width = log_diff_width_of(page);
    return width > taken + VALUE_MIN ? width - taken : VALUE_MIN;
}

static enum terminal_style style_of(const struct diff_finding *finding, size_t side)
{
    if (!finding->has[side])
        return TERMINAL_DIM;
    return finding->weight == DIFF_REAL || finding->weight == DIFF_COSMETIC ? log_diff_side_styles[side]
                                                                            : TERMINAL_PLAIN;
}

static void append_side(const struct log_diff_page *page, const struct diff_finding *finding, size_t side)
{
    enum terminal_style style = style_of(finding, side);
    terminal_style_begin(page->out, page->terminal, style);
    buffer_append_format(page->out, "%c  ", side == 0 ? 'A' : 'B');
    if (!finding->has[side])
        buffer_append_text(page->out, "(none)");
    else if (finding->values[side].length == 0)
        buffer_append_text(page->out, "(empty)");
    else
        append_value(page, finding, side, value_width(page));
    terminal_style_end(page->out, page->terminal, style);
}

/* Printable ASCII that leaves room for the other side's on the same line: most values are numbers and words. */
static bool is_short(const struct diff_finding *finding, size_t side)
{
    struct slice value = finding->values[side];
    if (value.length > SHORT_VALUE)
        return false;
    return terminal_columns(value) == value.length && terminal_count_escaped(value, TERMINAL_ONE_LINE) == 0;
}

static size_t shown_length(const struct diff_finding *finding, size_t side)
{
    if (!finding->has[side])
        return sizeof("(none)") - 1;
    return finding->values[side].length > 0 ? finding->values[side].length : sizeof("(empty)") - 1;
}

static const char *label_of(const struct diff_finding *finding)
{
    static const char *const labels[DIFF_PART_COUNT] = {
        [DIFF_PART_MESSAGE] = "",        [DIFF_PART_LINE] = "line", [DIFF_PART_PARAMETER] = "parameter",
        [DIFF_PART_FIELD] = "header",    [DIFF_PART_JSON] = "json", [DIFF_PART_BODY] = "body",
        [DIFF_PART_PAYLOAD] = "payload", [DIFF_PART_OUTCOME] = "",  [DIFF_PART_FACT] = "",
        [DIFF_PART_DURATION] = "",
    };
    return labels[finding->part];
}

static void append_subject(const struct log_diff_page *page, const struct diff_finding *finding)
{
    struct buffer escaped;
    buffer_init(&escaped, LOG_OUTPUT_MAX);
    buffer_append_text(page->out, "  ");
    terminal_style_begin(page->out, page->terminal, TERMINAL_DIM);
    buffer_append_format(page->out, "%-*s", LOG_DIFF_LABEL, label_of(finding));
    terminal_style_end(page->out, page->terminal, TERMINAL_DIM);
    terminal_append_escaped(&escaped, finding->subject, TERMINAL_ONE_LINE);
    size_t columns = terminal_columns(buffer_slice(&escaped));
    terminal_style_begin(page->out, page->terminal, TERMINAL_BOLD);
    terminal_append_fitted(page->out, buffer_slice(&escaped), log_diff_width_of(page) - LOG_DIFF_LABEL - 4);
    terminal_style_end(page->out, page->terminal, TERMINAL_BOLD);
    if (columns > page->subject) {
        buffer_append_byte(page->out, '\n');
        log_diff_append_padding(page, 2 + LOG_DIFF_LABEL + page->subject);
    } else {
        log_diff_append_padding(page, page->subject - columns);
    }
    buffer_append_text(page->out, "  ");
    page->out->failed = page->out->failed || escaped.failed;
    buffer_free(&escaped);
}

static void append_note(const struct log_diff_page *page, const char *before, const char *note)
{
    log_diff_append_padding(page, value_column(page));
    terminal_style_begin(page->out, page->terminal, TERMINAL_DIM);
    buffer_append_format(page->out, "(%s%s)", before, note);
    terminal_style_end(page->out, page->terminal, TERMINAL_DIM);
    buffer_append_byte(page->out, '\n');
}

void log_diff_append_values(const struct log_diff_page *page, const struct diff_finding *finding)
{
    append_subject(page, finding);
    append_side(page, finding, 0);
    if (is_short(finding, 0) && is_short(finding, 1)) {
        log_diff_append_padding(page, SHORT_VALUE + 2 - shown_length(finding, 0));
    } else {
        buffer_append_byte(page->out, '\n');
        log_diff_append_padding(page, value_column(page) - SIDE_LABEL);
    }
    append_side(page, finding, 1);
    buffer_append_byte(page->out, '\n');
}

static void append_numbers(const struct log_diff_page *page, const struct diff_finding *finding, const char *before,
                           const char *after)
{
    append_subject(page, finding);
    buffer_append_format(page->out, "A  %s%lld%s, B  %s%lld%s\n", before, (long long)finding->numbers[0], after, before,
                         (long long)finding->numbers[1], after);
}

/* Names differ in case alone, so that they are short enough for one line or say too little to be shown whole. */
static void append_case(const struct log_diff_page *page, const struct diff_finding *finding)
{
    append_subject(page, finding);
    buffer_append_text(page->out, is_short(finding, 0) ? "" : "the name, in other letters' case\n");
    if (is_short(finding, 0))
        buffer_append_format(page->out, "written %.*s by A, %.*s by B\n", SLICE_ARGUMENTS(finding->values[0]),
                             SLICE_ARGUMENTS(finding->values[1]));
}

static void append_bytes(const struct log_diff_page *page, const struct diff_finding *finding)
{
    buffer_append_text(page->out, "  ");
    log_diff_append_styled(page, TERMINAL_DIM, "bytes");
    buffer_append_format(page->out, "%*sdiffer from offset %zu on; A has %lld, B has %lld\n", LOG_DIFF_LABEL - 5, "",
                         finding->offset, (long long)finding->numbers[0], (long long)finding->numbers[1]);
    log_diff_append_window(page->out, page->terminal, finding);
}

static void append_remark(const struct log_diff_page *page, const char *text)
{
    log_diff_append_padding(page, 2);
    log_diff_append_styled(page, TERMINAL_YELLOW, text);
    buffer_append_byte(page->out, '\n');
}

static void append_one_sided_message(const struct log_diff_page *page, const struct diff_finding *finding)
{
    bool is_first = finding->change == DIFF_MISSING;
    buffer_append_format(page->out, "  only %c has one%s%s\n", is_first ? 'A' : 'B',
                         finding->note != NULL ? "; the other is " : "", finding->note != NULL ? finding->note : "");
}

void log_diff_append_note_of(const struct log_diff_page *page, const struct diff_finding *finding)
{
    static const char *const of_changes[DIFF_CHANGE_COUNT] = {
        [DIFF_TYPE] = "another type",
        [DIFF_KEY_ORDER] = "the order of the members",
    };
    const char *note = finding->note != NULL ? finding->note : of_changes[finding->change];
    if (note != NULL)
        append_note(page, finding->weight == DIFF_EXPECTED ? "must differ: " : "", note);
}

void log_diff_append_finding(const struct log_diff_page *page, const struct diff_finding *finding)
{
    if (finding->change == DIFF_LIMIT) {
        append_remark(page, finding->note);
        return;
    }
    if (finding->part == DIFF_PART_MESSAGE) {
        append_one_sided_message(page, finding);
        return;
    }
    if (finding->change == DIFF_BYTES)
        append_bytes(page, finding);
    else if (finding->change == DIFF_MOVED)
        append_numbers(page, finding, "place ", "");
    else if (finding->change == DIFF_CASE)
        append_case(page, finding);
    else if (finding->change == DIFF_SPACE)
        append_numbers(page, finding, "", " bytes");
    else
        log_diff_append_values(page, finding);
    log_diff_append_note_of(page, finding);
}
