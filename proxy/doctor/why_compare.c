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

/* The most frequent values, one by one; of equals the first seen. */
static struct why_side side_of(const struct why *why, const struct why_splits *splits, size_t feature, bool is_failures)
{
    const struct why_tally *tallies = splits->tallies->of[feature];
    bool taken[WHY_FIRST_VALUE + WHY_VALUES_MAX] = { [WHY_UNKNOWN] = true };
    struct why_side side = { .known = 0 };
    for (size_t value = WHY_OTHER; value < WHY_FIRST_VALUE + WHY_VALUES_MAX; value++)
        side.known += count_of(&tallies[value], is_failures);
    side.others = side.known;
    while (side.count < WHY_SHOWN_MAX) {
        size_t best = 0;
        for (size_t value = WHY_OTHER; value < WHY_FIRST_VALUE + WHY_VALUES_MAX; value++) {
            if (!taken[value] && count_of(&tallies[value], is_failures) > 0 &&
                (best == 0 || count_of(&tallies[value], is_failures) > count_of(&tallies[best], is_failures)))
                best = value;
        }
        if (best == 0)
            break;
        taken[best] = true;
        struct why_value *shown = &side.values[side.count++];
        shown->text = why_text_of(why, feature, (unsigned char)best);
        shown->count = count_of(&tallies[best], is_failures);
        side.others -= shown->count;
    }
    return side;
}

/* The value whose share among the failures exceeds that among the successes most. */
static struct slice suspect_of(const struct why *why, const struct why_splits *splits, const struct why_split *split)
{
    const struct why_tally *tallies = splits->tallies->of[split->feature];
    const struct why_table *table = &split->table;
    double most = 0;
    size_t suspect = WHY_OTHER;
    for (size_t value = WHY_OTHER; value < WHY_FIRST_VALUE + WHY_VALUES_MAX; value++) {
        double excess =
            (double)tallies[value].failures / table->failures - (double)tallies[value].successes / table->successes;
        if (excess > most) {
            most = excess;
            suspect = value;
        }
    }
    return why_text_of(why, split->feature, (unsigned char)suspect);
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
    struct why_fact *fact = &comparison->facts[comparison->fact_count++];
    *fact = (struct why_fact){
        .name = why_name_of(why, split->feature),
        .failures = side_of(why, splits, split->feature, true),
        .successes = side_of(why, splits, split->feature, false),
        .chance = fmin(1, split->probability * splits->tried),
        .effect = split->effect,
    };
    fact->next = why_advice(fact->name, suspect_of(why, splits, split));
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
