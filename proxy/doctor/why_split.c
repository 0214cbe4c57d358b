/* All the ways in which a value of a feature divides the exchanges of a sample, and how likely each is by chance. Owns what
 * it counts; one thread. */
#include "why_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- counting --- */

/* A number for a row that looks random: the finisher of SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mark_of(uint32_t row)
{
    uint64_t mark = (row + 1) * 0x9E3779B97F4A7C15u;
    mark = (mark ^ (mark >> 30)) * 0xBF58476D1CE4E5B9u;
    mark = (mark ^ (mark >> 27)) * 0x94D049BB133111EBu;
    return mark ^ (mark >> 31);
}

static void count(struct why_tallies *tallies, const struct why_sample *sample)
{
    const struct why *why = sample->why;
    size_t end = WHY_FIXED_MAX + WHY_FIELDS_MAX + why->came.count;
    for (uint32_t i = 0; i < sample->failures + sample->successes; i++) {
        const unsigned char *cells = why->rows[sample->rows[i]].cells;
        uint64_t mark = mark_of(sample->rows[i]);
        bool failed = i < sample->failures;
        for (size_t feature = 0; feature < end; feature++) {
            struct why_tally *tally = &tallies->of[feature][cells[feature]];
            tally->failures += failed;
            tally->successes += !failed;
            tally->mark += mark;
        }
    }
}

/* Where each exchange counts for itself there are as many observations as exchanges. */
static void count_each(struct why_tallies *tallies, size_t feature)
{
    if (feature < why_feature_count && why_features[feature].moment != WHY_EACH)
        return;
    for (size_t value = 0; value < WHY_FIRST_VALUE + WHY_VALUES_MAX; value++) {
        struct why_tally *tally = &tallies->of[feature][value];
        tally->failure_moments = tally->failures;
        tally->success_moments = tally->successes;
    }
}

static size_t value_count(const struct why *why, size_t feature)
{
    if (feature < WHY_FIXED_MAX)
        return feature < why_feature_count ? WHY_FIRST_VALUE + why->values[feature].count : 0;
    size_t place = feature - WHY_FIXED_MAX;
    bool is_used = place < WHY_FIELDS_MAX ? place < why->left.count : place - WHY_FIELDS_MAX < why->came.count;
    return is_used ? WHY_ABSENT + 1 : 0;
}

/* All of whom the feature is known. */
static struct why_tally known_of(const struct why_tallies *tallies, size_t feature, size_t values)
{
    struct why_tally known = { .failures = 0 };
    for (size_t value = WHY_OTHER; value < values; value++) {
        known.failures += tallies->of[feature][value].failures;
        known.successes += tallies->of[feature][value].successes;
        known.failure_moments += tallies->of[feature][value].failure_moments;
        known.success_moments += tallies->of[feature][value].success_moments;
        known.mark += tallies->of[feature][value].mark;
    }
    return known;
}

/* --- splits --- */

/* By how much the shares of the two sides differ; less where the feature is not known of all. */
static double effect_of(struct why_table table, const struct why_sample *sample)
{
    double shares = fabs((double)table.a / table.failures - (double)table.b / table.successes);
    double known = fmin((double)table.failures / sample->failures, (double)table.successes / sample->successes);
    return shares * known;
}

/* A value that none has, or all, divides nothing. */
static void add_value(struct why_splits *splits, const struct why_sample *sample, size_t feature, unsigned char value,
                      struct why_tally known)
{
    const struct why_tally *tally = &splits->tallies->of[feature][value];
    struct why_split split = {
        .feature = feature,
        .value = value,
        .table = { tally->failures, known.failures, tally->successes, known.successes },
        .moments = { tally->failure_moments, known.failure_moments, tally->success_moments, known.success_moments },
    };
    uint64_t rest = known.mark - tally->mark;
    uint32_t with = tally->failures + tally->successes;
    if (with == 0 || with == known.failures + known.successes || known.failures == 0 || known.successes == 0)
        return;
    split.key[0] = tally->mark < rest ? tally->mark : rest;
    split.key[1] = tally->mark < rest ? rest : tally->mark;
    split.probability = why_fisher(split.moments);
    split.least = why_fisher_least(split.moments);
    split.effect = effect_of(split.table, sample);
    splits->items[splits->count++] = split;
}

static void add_feature(struct why_splits *splits, const struct why_sample *sample, size_t feature)
{
    size_t values = value_count(sample->why, feature);
    count_each(splits->tallies, feature);
    struct why_tally known = known_of(splits->tallies, feature, values);
    for (size_t value = WHY_FIRST_VALUE; value < values; value++)
        add_value(splits, sample, feature, (unsigned char)value, known);
}

/* --- how many were tried --- */

static int by_key(const void *left, const void *right)
{
    const struct why_split *a = left, *b = right;
    for (size_t i = 0; i < 2; i++) {
        if (a->key[i] != b->key[i])
            return a->key[i] < b->key[i] ? -1 : 1;
    }
    return 0;
}

/* Of those that divide alike, first the one that could be rarest: it is what is counted. */
static int by_key_and_least(const void *left, const void *right)
{
    const struct why_split *a = left, *b = right;
    int order = by_key(left, right);
    return order != 0 ? order : (a->least > b->least) - (a->least < b->least);
}

static int by_number(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Tarone's K: the least number such that no more than K different splits could at best be as rare as a K-th of the bound.
 * Those that could not, whatever the exchanges are like, cannot raise a false alarm, and need not be counted. */
static uint32_t tarone(const double *least, uint32_t distinct)
{
    uint32_t tried = 1, possible = 0;
    for (; tried < distinct; tried++) {
        for (possible = 0; possible < distinct && least[possible] * tried <= WHY_CHANCE_MAX;)
            possible++;
        if (possible <= tried)
            break;
    }
    return tried;
}

static bool count_tried(struct why_splits *splits)
{
    double *least = calloc(splits->count + 1, sizeof(*least));
    if (least == NULL)
        return false;
    qsort(splits->items, splits->count, sizeof(*splits->items), by_key_and_least);
    for (size_t i = 0; i < splits->count; i++) {
        if (i == 0 || by_key(&splits->items[i - 1], &splits->items[i]) != 0)
            least[splits->distinct++] = splits->items[i].least;
    }
    qsort(least, splits->distinct, sizeof(*least), by_number);
    splits->tried = tarone(least, splits->distinct);
    free(least);
    return true;
}

/* --- order --- */

static int by_strength(const void *left, const void *right)
{
    static const double SAME = 1e-9; /* after rounding */
    const struct why_split *a = left, *b = right;
    if (fabs(a->effect - b->effect) > SAME)
        return a->effect > b->effect ? -1 : 1;
    if (a->probability < b->probability * (1 - SAME) || b->probability < a->probability * (1 - SAME))
        return a->probability < b->probability ? -1 : 1;
    if (a->feature != b->feature)
        return a->feature < b->feature ? -1 : 1;
    return (int)a->value - (int)b->value;
}

bool why_splits_find(struct why_splits *splits, const struct why_sample *sample)
{
    *splits = (struct why_splits){ .count = 0 };
    splits->tallies = calloc(1, sizeof(*splits->tallies));
    splits->items = calloc((size_t)WHY_CELLS * WHY_VALUES_MAX, sizeof(*splits->items));
    if (splits->tallies == NULL || splits->items == NULL)
        return false;
    count(splits->tallies, sample);
    if (!why_count_moments(splits->tallies, sample))
        return false;
    for (size_t feature = 0; feature < WHY_CELLS; feature++)
        add_feature(splits, sample, feature);
    if (!count_tried(splits))
        return false;
    qsort(splits->items, splits->count, sizeof(*splits->items), by_strength);
    return true;
}

void why_splits_free(struct why_splits *splits)
{
    free(splits->tallies);
    free(splits->items);
}
