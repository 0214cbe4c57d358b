/* What `countersign log why` says to scripts: one object a line. Owns nothing; one thread. The buffer remembers a failure. */
#include "log_command.h"
#include "log_why.h"

#include "countersign/json_write.h"
#include "countersign/policy.h"

/* As people write ids, so that they can be handed on: "17", "i3". */
static void append_pair(struct buffer *out, const int64_t pair[2])
{
    char a[RECORD_ID_TEXT_MAX], b[RECORD_ID_TEXT_MAX];
    if (pair[0] == 0)
        buffer_append_text(out, ",\"pair\":null");
    else
        buffer_append_format(out, ",\"pair\":[\"%s\",\"%s\"]", record_id_text(a, pair[0]), record_id_text(b, pair[1]));
}

static void append_name(struct buffer *out, struct why_name name)
{
    buffer_append_format(out, "{\"name\":\"%s\"", name.word);
    if (name.subject.length > 0)
        json_append_member(out, "field", name.subject);
    buffer_append_byte(out, '}');
}

static void append_side(struct buffer *out, const char *name, const struct why_side *side)
{
    buffer_append_format(out, ",\"%s\":{\"known\":%u,\"values\":[", name, side->known);
    for (size_t i = 0; i < side->count; i++) {
        buffer_append_format(out, "%s{\"count\":%u", i == 0 ? "" : ",", side->values[i].count);
        json_append_member(out, "value", side->values[i].text);
        buffer_append_byte(out, '}');
    }
    buffer_append_format(out, "],\"others\":%u}", side->others);
}

/* What says which comparison a line belongs to. */
static void append_place(struct buffer *out, const struct why_section *section, const struct why_comparison *comparison)
{
    json_append_member(out, "code", section->code);
    json_append_member(out, "endpoints", slice_text(section->is_public ? "public" : "private"));
    if (comparison->endpoint.length > 0)
        json_append_member(out, "within", comparison->endpoint);
    else
        buffer_append_text(out, ",\"within\":null");
}

static void append_classes(struct buffer *out, unsigned classes)
{
    const char *between = "";
    buffer_append_text(out, ",\"classes\":[");
    for (unsigned i = ENDPOINT_PUBLIC; i <= ENDPOINT_DOUBTFUL; i++) {
        if ((classes & 1u << i) == 0)
            continue;
        buffer_append_format(out, "%s\"%s\"", between, endpoint_class_name((enum endpoint_class)i));
        between = ",";
    }
    buffer_append_byte(out, ']');
}

static void append_comparison(struct buffer *out, const struct why_section *section,
                              const struct why_comparison *comparison)
{
    buffer_append_format(out, "{\"type\":\"comparison\",\"verdict\":\"%s\"", why_verdict_name(comparison->verdict));
    append_place(out, section, comparison);
    json_append_member(out, "message", section->message);
    append_classes(out, section->classes);
    buffer_append_format(out, ",\"widened\":%s,\"failures\":%u,\"successes\":%u,\"needed\":%u,\"tried\":%u",
                         section->is_widened ? "true" : "false", comparison->failures, comparison->successes,
                         comparison->needed, comparison->splits);
    append_pair(out, comparison->pair);
    buffer_append_format(out, ",\"facts\":%zu}\n", comparison->fact_count + comparison->facts_more);
}

static void append_fact(struct buffer *out, const struct why_section *section, const struct why_comparison *comparison,
                        size_t rank)
{
    const struct why_fact *fact = &comparison->facts[rank];
    buffer_append_format(out, "{\"type\":\"fact\",\"rank\":%zu,\"name\":\"%s\"", rank + 1, fact->name.word);
    if (fact->name.subject.length > 0)
        json_append_member(out, "field", fact->name.subject);
    append_place(out, section, comparison);
    append_side(out, "failures", &fact->failures);
    append_side(out, "successes", &fact->successes);
    buffer_append_format(out, ",\"chance\":%.3g,\"effect\":%.3g,\"together\":[", fact->chance, fact->effect);
    for (size_t i = 0; i < fact->together_count; i++) {
        buffer_append_text(out, i == 0 ? "" : ",");
        append_name(out, fact->together[i]);
    }
    buffer_append_text(out, "]");
    if (fact->next != NULL)
        json_append_member(out, "next", slice_text(fact->next));
    append_pair(out, fact->pair);
    buffer_append_text(out, "}\n");
}

static void append_section(struct buffer *out, const struct why_section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct why_comparison *comparison = &section->comparisons[i];
        append_comparison(out, section, comparison);
        for (size_t rank = 0; rank < comparison->fact_count; rank++)
            append_fact(out, section, comparison, rank);
    }
}

void log_append_why_json(struct buffer *out, const struct why_report *report)
{
    struct buffer json;
    buffer_init(&json, LOG_OUTPUT_MAX);
    buffer_append_format(&json,
                         "{\"type\":\"looked-at\",\"exchanges\":%u,\"successes\":%u,\"failures\":%u,\"leftOut\":%u,"
                         "\"codesMore\":%u,\"failuresMore\":%u}\n",
                         report->exchanges, report->successes, report->failures, report->left_out, report->codes_more,
                         report->failures_more);
    for (size_t i = 0; i < report->count; i++)
        append_section(&json, &report->sections[i]);
    terminal_append_json(out, buffer_slice(&json));
    out->failed = out->failed || json.failed;
    buffer_free(&json);
}
