/* What is compared with what, for each code: the failures of one code with the successes that could have had it; and where
 * an endpoint alone sets them apart, once more within it. One thread. */
#include "why_private.h"

#include "countersign/compiler.h"

#include <stdlib.h>
#include <string.h>

static const char *const verdict_names[WHY_VERDICT_COUNT] = {
    [WHY_SET_APART] = "set-apart",
    [WHY_NOTHING] = "nothing",
    [WHY_TOO_FEW] = "too-few",
    [WHY_NO_SUCCESS] = "no-success",
};

const char *why_verdict_name(enum why_verdict verdict)
{
    return (size_t)verdict < ARRAY_LENGTH(verdict_names) ? verdict_names[verdict] : "?";
}

bool why_report_tells(const struct why_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        for (size_t k = 0; k < report->sections[i].count; k++) {
            if (report->sections[i].comparisons[k].verdict == WHY_SET_APART)
                return true;
        }
    }
    return false;
}

/* --- samples --- */

struct choice {
    const struct why *why;
    const struct why_section *section;
    unsigned char code;
    unsigned char endpoint; /* this value of the feature alone; WHY_UNKNOWN: any */
};

static bool is_failure(const struct choice *choice, const struct why_row *row)
{
    return row->code == choice->code;
}

static bool is_comparable(const struct choice *choice, const struct why_row *row)
{
    const struct why_section *section = choice->section;
    if (row->code != 0 || (row->endpoint_class == ENDPOINT_PUBLIC) != section->is_public)
        return false;
    if (section->is_public)
        return true;
    return (row->is_signed ? section->is_signed : section->is_unsigned) &&
           (section->is_widened || (section->classes & 1u << row->endpoint_class) != 0);
}

static uint32_t collect(uint32_t *rows, const struct choice *choice,
                        bool (*fits)(const struct choice *choice, const struct why_row *row))
{
    uint32_t count = 0;
    for (size_t i = 0; i < choice->why->count; i++) {
        const struct why_row *row = &choice->why->rows[i];
        bool is_there = choice->endpoint == WHY_UNKNOWN || row->cells[WHY_ENDPOINT] == choice->endpoint;
        if (is_there && fits(choice, row))
            rows[count++] = (uint32_t)i;
    }
    return count;
}

/* `rows` has room for all. */
static struct why_sample sample_of(uint32_t *rows, const struct choice *choice)
{
    struct why_sample sample = { .why = choice->why, .rows = rows };
    sample.failures = collect(rows, choice, is_failure);
    sample.successes = collect(rows + sample.failures, choice, is_comparable);
    return sample;
}

/* --- within an endpoint --- */

/* The endpoint with the most failures of those that have successes, too; WHY_UNKNOWN where there is none. */
static unsigned char busiest_endpoint(const struct why_sample *sample)
{
    uint32_t failures[WHY_FIRST_VALUE + WHY_VALUES_MAX] = { 0 }, successes[WHY_FIRST_VALUE + WHY_VALUES_MAX] = { 0 };
    size_t best = WHY_UNKNOWN;
    for (uint32_t i = 0; i < sample->failures + sample->successes; i++) {
        unsigned char value = sample->why->rows[sample->rows[i]].cells[WHY_ENDPOINT];
        (i < sample->failures ? failures : successes)[value]++;
    }
    for (size_t value = WHY_FIRST_VALUE; value < WHY_FIRST_VALUE + WHY_VALUES_MAX; value++) {
        if (failures[value] > 0 && successes[value] > 0 && (best == WHY_UNKNOWN || failures[value] > failures[best]))
            best = value;
    }
    return (unsigned char)best;
}

static bool is_endpoint_first(const struct why_comparison *comparison)
{
    return comparison->fact_count > 0 &&
           strcmp(comparison->facts[0].name.word, why_features[WHY_ENDPOINT].name.word) == 0;
}

/* What follows from the endpoint alone (its method, the form of its bodies, ...) would hide what matters within it. */
static void keep_endpoint_alone(struct why_comparison *comparison)
{
    comparison->fact_count = 1;
    comparison->facts_more = 0;
}

static bool look_within(struct why_section *section, uint32_t *rows, struct choice choice, const struct why_sample *all)
{
    struct why_comparison *within = &section->comparisons[1];
    choice.endpoint = busiest_endpoint(all); /* before the rows are taken for the other sample */
    if (choice.endpoint == WHY_UNKNOWN)
        return true;
    const struct why_sample sample = sample_of(rows, &choice);
    if (!why_compare(within, &sample))
        return false;
    within->endpoint = slice_from(why_text_of(choice.why, WHY_ENDPOINT, choice.endpoint), sizeof("to ") - 1);
    section->count = 2;
    if (within->verdict == WHY_SET_APART || within->verdict == WHY_NOTHING)
        keep_endpoint_alone(&section->comparisons[0]);
    return true;
}

/* --- sections --- */

static void describe(struct why_section *section, const struct why *why, unsigned char number)
{
    const struct why_code *code = &why->codes[number - 1];
    *section = (struct why_section){
        .code = code->text, .message = code->message, .failures = code->count, .is_public = code->is_public
    };
    for (size_t i = 0; i < why->count; i++) {
        const struct why_row *row = &why->rows[i];
        if (row->code != number)
            continue;
        section->classes |= 1u << row->endpoint_class;
        section->is_signed = section->is_signed || row->is_signed || !row->is_sent;
        section->is_unsigned = section->is_unsigned || !row->is_signed || !row->is_sent;
    }
}

static bool explain(struct why_section *section, const struct why *why, unsigned char number, uint32_t *rows)
{
    struct choice choice = { .why = why, .section = section, .code = number };
    describe(section, why, number);
    struct why_sample sample = sample_of(rows, &choice);
    if (sample.successes == 0 && !section->is_public) {
        section->is_widened = true;
        sample = sample_of(rows, &choice);
        section->is_widened = sample.successes > 0;
    }
    if (!why_compare(&section->comparisons[0], &sample))
        return false;
    section->count = 1;
    return !is_endpoint_first(&section->comparisons[0]) || look_within(section, rows, choice, &sample);
}

/* The code with the most failures that is not explained yet; 0 where there is none. */
static unsigned char next_code(const struct why *why, const bool *is_done)
{
    unsigned char best = 0;
    for (unsigned char number = 1; number <= why->code_count; number++) {
        if (!is_done[number] && (best == 0 || why->codes[number - 1].count > why->codes[best - 1].count))
            best = number;
    }
    return best;
}

static bool explain_all(struct why_report *report, const struct why *why, uint32_t *rows)
{
    bool is_done[WHY_CODES_MAX + 1] = { false };
    for (unsigned char number; (number = next_code(why, is_done)) != 0;) {
        is_done[number] = true;
        if (report->count == WHY_SECTIONS_MAX) {
            report->codes_more++;
            report->failures_more += why->codes[number - 1].count;
        } else if (!explain(&report->sections[report->count++], why, number, rows)) {
            return false;
        }
    }
    return true;
}

bool why_conclude(struct why_report **report, const struct why *why, struct error *error)
{
    struct why_report *made = calloc(1, sizeof(*made));
    uint32_t *rows = calloc(why->count + 1, sizeof(*rows));
    bool done = made != NULL && rows != NULL && explain_all(made, why, rows);
    free(rows);
    *report = NULL;
    if (!done) {
        free(made);
        return error_set(error, ERROR_MEMORY, "out of memory for comparing %zu exchanges", why->count);
    }
    made->exchanges = why->successes + why->failures + why->left_out;
    made->successes = why->successes;
    made->failures = why->failures;
    made->left_out = why->left_out;
    made->failures_more += why->uncoded;
    *report = made;
    return true;
}
