/* A failure and a success to put side by side: that differ in one fact and in as little else as there is. Pure; any thread. */
#include "why_private.h"

/* Of each side so many are looked at, the first that came: the latest. */
enum { FAILURES_MAX = 24, SUCCESSES_MAX = 2048 };

struct search {
    const struct why_sample *sample;
    const struct why_split *split; /* NULL: any two */
    const struct why_row *failure; /* at hand */
    size_t least;
    int64_t *pair;
};

static bool has_value(const struct search *search, const struct why_row *row)
{
    return row->cells[search->split->feature] == search->split->value;
}

/* Whether it is on the side where failures are more frequent than successes. */
static bool is_typical(const struct search *search, const struct why_row *failure)
{
    if (search->split == NULL)
        return true;
    const struct why_table *table = &search->split->table;
    bool with = (uint64_t)table->a * table->successes > (uint64_t)table->b * table->failures;
    return failure->cells[search->split->feature] != WHY_UNKNOWN && has_value(search, failure) == with;
}

static bool is_divided(const struct search *search, const struct why_row *success)
{
    return search->split == NULL || (success->cells[search->split->feature] != WHY_UNKNOWN &&
                                     has_value(search, success) != has_value(search, search->failure));
}

static size_t distance(const struct why_row *a, const struct why_row *b, size_t bound)
{
    size_t found = 0;
    for (size_t i = 0; i < WHY_CELLS && found < bound; i++)
        found += a->cells[i] != b->cells[i];
    return found;
}

static void search_successes(struct search *search)
{
    const struct why_sample *sample = search->sample;
    uint32_t looked_at = 0;
    for (uint32_t i = 0; i < sample->successes && looked_at < SUCCESSES_MAX; i++) {
        const struct why_row *success = &sample->why->rows[sample->rows[sample->failures + i]];
        if (!is_divided(search, success))
            continue;
        looked_at++;
        size_t found = distance(search->failure, success, search->least);
        if (found >= search->least)
            continue;
        search->least = found;
        search->pair[0] = search->failure->id;
        search->pair[1] = success->id;
    }
}

void why_pair(int64_t pair[2], const struct why_sample *sample, const struct why_split *split)
{
    struct search search = { .sample = sample, .split = split, .least = WHY_CELLS + 1, .pair = pair };
    uint32_t looked_at = 0;
    pair[0] = pair[1] = 0;
    for (uint32_t i = 0; i < sample->failures && looked_at < FAILURES_MAX; i++) {
        search.failure = &sample->why->rows[sample->rows[i]];
        if (!is_typical(&search, search.failure))
            continue;
        looked_at++;
        search_successes(&search);
    }
}
