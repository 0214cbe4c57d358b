/* Names of two lists matched, and what moved: fields, parameters, members of an object. n log n. Owns what it hands out
 * until freed; any thread. */
#include "diff_private.h"

#include <stdlib.h>
#include <string.h>

struct key {
    struct slice name;
    uint32_t index;
    bool is_caseless;
};

static int lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : (unsigned char)byte;
}

static int compare_caseless(struct slice a, struct slice b)
{
    for (size_t i = 0; i < a.length; i++) {
        int difference = lower(a.data[i]) - lower(b.data[i]);
        if (difference != 0)
            return difference;
    }
    return 0;
}

/* Any total order serves: lengths first, because they are at hand. */
static int compare_names(const struct key *a, const struct key *b)
{
    if (a->name.length != b->name.length)
        return a->name.length < b->name.length ? -1 : 1;
    if (a->name.length == 0)
        return 0;
    return a->is_caseless ? compare_caseless(a->name, b->name) : memcmp(a->name.data, b->name.data, a->name.length);
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    int order = compare_names(a, b);
    if (order != 0)
        return order;
    return (a->index > b->index) - (a->index < b->index);
}

static struct key *sorted_keys(const struct slice *names, size_t count, bool is_caseless)
{
    struct key *keys = calloc(count + 1, sizeof(*keys)); /* one more: never a size of 0 */
    for (size_t i = 0; keys != NULL && i < count; i++)
        keys[i] = (struct key){ .name = names[i], .index = (uint32_t)i, .is_caseless = is_caseless };
    if (keys != NULL)
        qsort(keys, count, sizeof(*keys), compare_keys);
    return keys;
}

static void mark_repeated(bool *is_repeated, const struct key *keys, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (compare_names(&keys[i - 1], &keys[i]) == 0)
            is_repeated[keys[i - 1].index] = is_repeated[keys[i].index] = true;
}

static void pair_up(struct diff_matching *matching, struct key *const keys[2])
{
    size_t at[2] = { 0, 0 };
    while (at[0] < matching->counts[0] && at[1] < matching->counts[1]) {
        const struct key *a = &keys[0][at[0]], *b = &keys[1][at[1]];
        int order = compare_names(a, b);
        if (order == 0) {
            matching->partners[0][a->index] = b->index;
            matching->partners[1][b->index] = a->index;
        }
        at[0] += order <= 0;
        at[1] += order >= 0;
    }
}

/* Counted among those with a partner: what one side has more moves nothing. */
static void number_places(struct diff_matching *matching, size_t side)
{
    uint32_t place = 0;
    for (size_t i = 0; i < matching->counts[side]; i++) {
        place += matching->partners[side][i] != DIFF_NO_PARTNER;
        matching->places[side][i] = place;
    }
}

bool diff_match(struct diff_matching *matching, const struct slice *names[2], const size_t counts[2], bool is_caseless)
{
    struct key *keys[2];
    bool done = true;
    for (size_t side = 0; side < 2; side++) {
        keys[side] = sorted_keys(names[side], counts[side], is_caseless);
        matching->counts[side] = counts[side];
        matching->partners[side] = calloc(counts[side] + 1, sizeof(uint32_t));
        matching->places[side] = calloc(counts[side] + 1, sizeof(uint32_t));
        matching->is_repeated[side] = calloc(counts[side] + 1, sizeof(bool));
        done = done && keys[side] != NULL && matching->partners[side] != NULL && matching->places[side] != NULL &&
               matching->is_repeated[side] != NULL;
        for (size_t i = 0; done && i < counts[side]; i++)
            matching->partners[side][i] = DIFF_NO_PARTNER;
        if (done)
            mark_repeated(matching->is_repeated[side], keys[side], counts[side]);
    }
    if (done)
        pair_up(matching, keys);
    for (size_t side = 0; done && side < 2; side++)
        number_places(matching, side);
    free(keys[0]);
    free(keys[1]);
    return done;
}

void diff_matching_free(struct diff_matching *matching)
{
    for (size_t side = 0; side < 2; side++) {
        free(matching->partners[side]);
        free(matching->places[side]);
        free(matching->is_repeated[side]);
    }
    *matching = (struct diff_matching){ .partners = { NULL, NULL } };
}

/* The longest run of partners that rise keeps its place, the others moved. Where several are as long, the one that holds the
 * fewest of those whose place is the same on both sides: these have not moved to where one could say, so what is told is
 * least, and as much the other way round. `best[partner]` covers the runs that end at or before a partner (a Fenwick tree of
 * greatest weights); `before` leads back along a run. */
struct run_end {
    uint64_t weight;
    uint32_t item; /* plus one; 0 for none */
};

struct runs {
    struct run_end *best;
    uint32_t *before; /* as `item` */
};

static struct run_end best_below(const struct runs *runs, size_t partner)
{
    struct run_end best = { .weight = 0 };
    for (size_t at = partner; at > 0; at &= at - 1)
        if (runs->best[at].weight > best.weight)
            best = runs->best[at];
    return best;
}

static void enter(const struct runs *runs, size_t count, size_t partner, struct run_end end)
{
    for (size_t at = partner + 1; at <= count; at += at & (~at + 1))
        if (end.weight > runs->best[at].weight)
            runs->best[at] = end;
}

static void mark_moved(bool *is_moved, const struct diff_matching *matching, const struct runs *runs)
{
    const uint32_t *partners = matching->partners[0];
    const uint64_t each = (uint64_t)matching->counts[0] + 1; /* so that length goes before everything */
    for (size_t i = 0; i < matching->counts[0]; i++) {
        is_moved[i] = partners[i] != DIFF_NO_PARTNER;
        if (!is_moved[i])
            continue;
        bool has_other_place = matching->places[0][i] != matching->places[1][partners[i]];
        struct run_end end = best_below(runs, partners[i]);
        runs->before[i] = end.item;
        end = (struct run_end){ end.weight + each + has_other_place, (uint32_t)i + 1 };
        enter(runs, matching->counts[1], partners[i], end);
    }
    for (uint32_t at = best_below(runs, matching->counts[1]).item; at != 0; at = runs->before[at - 1])
        is_moved[at - 1] = false;
}

bool diff_find_moved(bool *is_moved, const struct diff_matching *matching)
{
    struct runs runs = {
        .best = calloc(matching->counts[1] + 1, sizeof(*runs.best)),
        .before = calloc(matching->counts[0] + 1, sizeof(*runs.before)),
    };
    bool done = runs.best != NULL && runs.before != NULL;
    if (done)
        mark_moved(is_moved, matching, &runs);
    free(runs.best);
    free(runs.before);
    return done;
}
