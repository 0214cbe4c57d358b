/* One comparison: the splits of a sample that are no chance, as facts. One thread. */
#include "why_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- sides --- */

static uint32_t count_of(const struct why_tally *tally, bool is_failures)
{
    return is_failures ? tally->failures : tally->successes;
}

enum { VALUES_END = WHY_FIRST_VALUE + WHY_VALUES_MAX };

/* The value whose share among the failures exceeds that among the successes most. */
static size_t find_suspect(const struct why_tally *tallies, struct why_table table)
{
    double most = 0;
    size_t suspect = WHY_OTHER;
    for (size_t value = WHY_OTHER; value < VALUES_END; value++) {
        double excess =
            (double)tallies[value].failures / table.failures - (double)tallies[value].successes / table.successes;
        if (excess > most) {
            most = excess;
            suspect = value;
        }
    }
    return suspect;
}

/* The most frequent of those that are not told yet; of equals the first seen; WHY_UNKNOWN where there is none. */
static size_t find_next(const struct why_tally *tallies, bool is_failures, const bool *is_told)
{
    size_t best = WHY_UNKNOWN;
    for (size_t value = WHY_OTHER; value < VALUES_END; value++) {
        uint32_t count = count_of(&tallies[value], is_failures);
        if (!is_told[value] && count > 0 && (best == WHY_UNKNOWN || count > count_of(&tallies[best], is_failures)))
            best = value;
    }
    return best;
}

/* `first`: the value to begin with; WHY_UNKNOWN: the most frequent. */
static struct why_side side_of(const struct why *why, const struct why_splits *splits, size_t feature, bool is_failures,
                               size_t first)
{
    const struct why_tally *tallies = splits->tallies->of[feature];
    bool is_told[VALUES_END] = { false };
    struct why_side side = { .known = 0 };
    size_t value = first != WHY_UNKNOWN ? first : find_next(tallies, is_failures, is_told);
    for (size_t i = WHY_OTHER; i < VALUES_END; i++)
        side.known += count_of(&tallies[i], is_failures);
    side.others = side.known;
    for (; value != WHY_UNKNOWN && side.count < WHY_SHOWN_MAX; value = find_next(tallies, is_failures, is_told)) {
        struct why_value *shown = &side.values[side.count++];
        shown->text = why_text_of(why, feature, (unsigned char)value);
        shown->count = count_of(&tallies[value], is_failures);
        side.others -= shown->count;
        is_told[value] = true;
    }
    return side;
}

/* --- facts --- */

static bool is_same_split(const struct why_split *a, const struct why_split *b)
{
    return a->key[0] == b->key[0] && a->key[1] == b->key[1];
}

static void add_fact(struct why_comparison *comparison, const struct why_sample *sample,
                     const struct why_splits *splits, const struct why_split *split)
{
    const struct why *why = sample->why;
    if (comparison->fact_count == WHY_FACTS_MAX) {
        comparison->facts_more++;
        return;
    }
    size_t suspect = find_suspect(splits->tallies->of[split->feature], split->table);
    struct why_fact *fact = &comparison->facts[comparison->fact_count++];
    *fact = (struct why_fact){
        .name = why_name_of(why, split->feature),
        .failures = side_of(why, splits, split->feature, true, suspect),
        .successes = side_of(why, splits, split->feature, false, WHY_UNKNOWN),
        .chance = fmin(1, split->probability * splits->tried),
        .effect = split->effect,
    };
    bool is_public = why->rows[sample->rows[0]].endpoint_class == ENDPOINT_PUBLIC; /* as all that are compared */
    fact->next = why_advice(fact->name, fact->failures.values[0].text, is_public);
    why_pair(fact->pair, sample, split);
}

static void add_together(struct why_fact *fact, struct why_name name)
{
    if (fact->together_count < WHY_TOGETHER_MAX)
        fact->together[fact->together_count++] = name;
    else
        fact->together_more++;
}

/* A feature is told by its strongest value alone; one that divides the exchanges as an earlier one does stands beside it. */
static void add_facts(struct why_comparison *comparison, const struct why_sample *sample,
                      const struct why_splits *splits)
{
    const struct why_split *leads[WHY_CELLS];
    bool is_told[WHY_CELLS] = { false };
    size_t lead_count = 0;
    for (size_t i = 0; i < splits->count; i++) {
        const struct why_split *split = &splits->items[i];
        size_t lead = 0;
        if (split->probability * splits->tried > WHY_CHANCE_MAX || is_told[split->feature])
            continue;
        is_told[split->feature] = true;
        while (lead < lead_count && !is_same_split(leads[lead], split))
            lead++;
        if (lead == lead_count) {
            leads[lead_count++] = split;
            add_fact(comparison, sample, splits, split);
        } else if (lead < comparison->fact_count) {
            add_together(&comparison->facts[lead], why_name_of(sample->why, split->feature));
        }
    }
}

static bool is_too_few(const struct why_sample *sample, const struct why_splits *splits)
{
    const struct why_table perfect = { sample->failures, sample->failures, 0, sample->successes };
    return sample->failures < WHY_EACH_MIN || sample->successes < WHY_EACH_MIN ||
           why_fisher_least(perfect) * splits->tried > WHY_CHANCE_MAX;
}

static void judge(struct why_comparison *comparison, const struct why_sample *sample, const struct why_splits *splits)
{
    comparison->splits = splits->distinct;
    comparison->needed = why_needed(splits->distinct);
    why_pair(comparison->pair, sample, NULL);
    if (is_too_few(sample, splits)) {
        comparison->verdict = WHY_TOO_FEW;
        return;
    }
    add_facts(comparison, sample, splits);
    comparison->verdict = comparison->fact_count > 0 ? WHY_SET_APART : WHY_NOTHING;
}

bool why_compare(struct why_comparison *comparison, const struct why_sample *sample)
{
    struct why_splits splits;
    *comparison = (struct why_comparison){ .failures = sample->failures, .successes = sample->successes };
    if (sample->successes == 0) {
        comparison->verdict = WHY_NO_SUCCESS;
        comparison->needed = WHY_EACH_MIN;
        return true;
    }
    bool done = why_splits_find(&splits, sample);
    if (done)
        judge(comparison, sample, &splits);
    why_splits_free(&splits);
    return done;
}
