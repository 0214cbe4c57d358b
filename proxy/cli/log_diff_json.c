/* A diff as JSON lines: the verdict, then a line for each finding. Written straight into a buffer: numbers stay exact.
 * Owns nothing; one thread. */
#include "log_diff.h"

#include "log_command.h"

#include "countersign/base64.h"
#include "countersign/json_write.h"

enum { BYTES_BEFORE = 32, BYTES_SHOWN = 96 /* around the first difference */ };

static void begin_line(struct buffer *out, const char *type)
{
    buffer_append_format(out, "{\"type\":\"%s\"", type);
}

static void end_line(struct buffer *out)
{
    buffer_append_text(out, "}\n");
}

static void add_word(struct buffer *out, const char *name, const char *word)
{
    buffer_append_format(out, ",\"%s\":\"%s\"", name, word);
}

/* Bytes that are no UTF-8 come as base64, which the member NAMEEncoding then says. */
static void add_bytes(struct buffer *out, const char *name, struct slice bytes)
{
    if (terminal_is_utf8(bytes)) {
        (void)json_append_member(out, name, bytes); /* the buffer remembers a failure, as below */
        return;
    }
    buffer_append_format(out, ",\"%s\":\"", name);
    (void)base64_append(out, bytes);
    buffer_append_format(out, "\",\"%sEncoding\":\"base64\"", name);
}

static void add_number(struct buffer *out, const char *name, int64_t number)
{
    buffer_append_format(out, ",\"%s\":%lld", name, (long long)number);
}

static void add_duration(struct buffer *out, const char *name, int64_t us)
{
    if (us >= 0)
        add_number(out, name, us);
    else
        buffer_append_format(out, ",\"%s\":null", name);
}

static void add_sides(struct buffer *out, const struct diff *diff, const struct log_diff_options *options)
{
    static const char *const side_names[2] = { "a", "b" };
    for (size_t side = 0; side < 2; side++) {
        char id[RECORD_ID_TEXT_MAX];
        const enum record_view views[2] = { diff->requests[side], diff->answers[side] };
        static const char *const view_names[2] = { "requestView", "answerView" };
        buffer_append_format(out, ",\"%s\":{\"id\":\"%s\"", side_names[side],
                             record_id_text(id, diff->sides[side].record->id));
        add_bytes(out, "name", options->names[side]);
        for (size_t i = 0; i < 2; i++) {
            if (views[i] < RECORD_VIEW_COUNT)
                add_word(out, view_names[i], log_view_word(views[i]));
            else
                buffer_append_format(out, ",\"%s\":null", view_names[i]);
        }
        buffer_append_byte(out, '}');
    }
}

static void add_counts(struct buffer *out, const struct diff *diff)
{
    buffer_append_text(out, ",\"counts\":{");
    for (int section = 0; section < DIFF_SECTION_COUNT; section++) {
        buffer_append_format(out, "%s\"%s\":{", section > 0 ? "," : "", diff_section_name((enum diff_section)section));
        for (int weight = 0; weight < DIFF_WEIGHT_COUNT; weight++)
            buffer_append_format(out, "%s\"%s\":%zu", weight > 0 ? "," : "", diff_weight_name((enum diff_weight)weight),
                                 diff->counts[section][weight]);
        buffer_append_byte(out, '}');
    }
    buffer_append_byte(out, '}');
}

static void append_verdict(struct buffer *out, const struct diff *diff, const struct log_diff_options *options)
{
    struct buffer verdict;
    buffer_init(&verdict, LOG_OUTPUT_MAX);
    diff_append_verdict(&verdict, diff);
    begin_line(out, "verdict");
    buffer_append_format(out, ",\"alike\":%s", diff_is_alike(diff) ? "true" : "false");
    add_bytes(out, "verdict", buffer_slice(&verdict));
    add_sides(out, diff, options);
    add_counts(out, diff);
    add_number(out, "unlisted", (int64_t)diff->unlisted);
    buffer_append_format(out, ",\"limited\":%s", diff->is_limited ? "true" : "false");
    end_line(out);
    out->failed = out->failed || verdict.failed;
    buffer_free(&verdict);
}

/* The numbers' names; a finding whose change has none has no numbers. */
static void add_numbers(struct buffer *out, const struct diff_finding *finding)
{
    static const char *const names[DIFF_CHANGE_COUNT][2] = {
        [DIFF_MOVED] = { "aPlace", "bPlace" },
        [DIFF_SPACE] = { "aSpace", "bSpace" },
        [DIFF_BYTES] = { "aLength", "bLength" },
        [DIFF_SAME] = { "aLength", "bLength" },
    };
    if (finding->part == DIFF_PART_DURATION) {
        add_duration(out, "aUs", finding->numbers[0]);
        add_duration(out, "bUs", finding->numbers[1]);
    } else if (names[finding->change][0] != NULL) {
        add_number(out, names[finding->change][0], finding->numbers[0]);
        add_number(out, names[finding->change][1], finding->numbers[1]);
    }
}

static void add_window(struct buffer *out, const struct diff_finding *finding)
{
    size_t begin = finding->offset > BYTES_BEFORE ? finding->offset - BYTES_BEFORE : 0;
    add_number(out, "offset", (int64_t)finding->offset);
    add_number(out, "windowOffset", (int64_t)begin);
    add_bytes(out, "aWindow", slice_first(slice_from(finding->values[0], begin), BYTES_SHOWN));
    add_bytes(out, "bWindow", slice_first(slice_from(finding->values[1], begin), BYTES_SHOWN));
}

static void add_value(struct buffer *out, const struct diff_finding *finding, size_t side)
{
    static const char *const names[2] = { "a", "b" }, *const cut_names[2] = { "aCut", "bCut" };
    struct slice value = finding->values[side];
    if (!finding->has[side]) {
        buffer_append_format(out, ",\"%s\":null", names[side]);
        return;
    }
    add_bytes(out, names[side], slice_first(value, LOG_DIFF_VALUE_MAX));
    if (value.length > LOG_DIFF_VALUE_MAX)
        buffer_append_format(out, ",\"%s\":true", cut_names[side]);
}

static void append_finding(struct buffer *out, const struct diff_finding *finding)
{
    begin_line(out, "finding");
    add_word(out, "section", diff_section_name(finding->section));
    add_word(out, "part", diff_part_name(finding->part));
    add_word(out, "change", diff_change_name(finding->change));
    add_word(out, "weight", diff_weight_name(finding->weight));
    add_bytes(out, "subject", finding->subject);
    add_numbers(out, finding);
    if (finding->change == DIFF_BYTES && (finding->has[0] || finding->has[1])) {
        add_window(out, finding);
    } else if (finding->has[0] || finding->has[1]) {
        add_value(out, finding, 0);
        add_value(out, finding, 1);
    }
    if (finding->note != NULL)
        add_bytes(out, "note", slice_text(finding->note));
    end_line(out);
}

void log_append_diff_json(struct buffer *out, const struct diff *diff, const struct log_diff_options *options)
{
    struct buffer json;
    buffer_init(&json, LOG_OUTPUT_MAX);
    append_verdict(&json, diff, options);
    for (size_t i = 0; i < diff->count; i++)
        append_finding(&json, &diff->findings[i]);
    terminal_append_json(out, buffer_slice(&json));
    out->failed = out->failed || json.failed;
    buffer_free(&json);
}
