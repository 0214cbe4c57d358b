/* Which exchanges are one observation as to time (enum why_moment), and how many there are of each value. Owns nothing but
 * while it counts; one thread. */
#include "why_private.h"

#include "countersign/scheme.h"

#include <stdlib.h>

enum { SECOND_US = 1000 * 1000, HOUR_S = 3600, WINDOW_S = SCHEME_WINDOW_MS / 1000, BUSY_MAX_US = SECOND_US };

/* --- the moments of an exchange --- */

/* Handed in the latest first: one that ended after the earliest so far began was in flight together with it. Bounded to a
 * second, so that a client that always has something in flight is not one observation for ever. */
static uint32_t busy_number(struct why_busy *busy, const struct record *record)
{
    int64_t begin_us = record->received_us;
    int64_t end_us = record->complete_us > begin_us ? record->complete_us : begin_us;
    bool is_together = busy->number != 0 && begin_us <= busy->begin_us && end_us > busy->begin_us &&
                       busy->end_us - begin_us <= BUSY_MAX_US;
    if (!is_together) {
        busy->number++;
        busy->end_us = end_us;
    }
    busy->begin_us = begin_us;
    return busy->number;
}

void why_note_moments(struct why_row *row, struct why_busy *busy, const struct record *record)
{
    int64_t seconds = record->received_us / SECOND_US;
    row->moments[WHY_WINDOW] = (uint32_t)(seconds / WINDOW_S);
    row->moments[WHY_HOUR] = (uint32_t)(seconds / HOUR_S);
    row->moments[WHY_BUSY] = busy_number(busy, record);
}

/* --- how many there are --- */

/* One row's, so that equal ones are the same observation. */
struct observation {
    uint32_t moment;
    unsigned char value;
    bool failed;
};

static int compare(const void *left, const void *right)
{
    const struct observation *a = left, *b = right;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    if (a->failed != b->failed)
        return a->failed ? -1 : 1;
    return (a->moment > b->moment) - (a->moment < b->moment);
}

static void count_feature(struct why_tally *tallies, struct observation *observations, const struct why_sample *sample,
                          size_t feature)
{
    size_t count = (size_t)sample->failures + sample->successes;
    for (size_t i = 0; i < count; i++) {
        const struct why_row *row = &sample->why->rows[sample->rows[i]];
        observations[i] = (struct observation){ .moment = row->moments[why_features[feature].moment],
                                                .value = row->cells[feature],
                                                .failed = i < sample->failures };
    }
    qsort(observations, count, sizeof(*observations), compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare(&observations[i - 1], &observations[i]) == 0)
            continue;
        tallies[observations[i].value].failure_moments += observations[i].failed;
        tallies[observations[i].value].success_moments += !observations[i].failed;
    }
}

bool why_count_moments(struct why_tallies *tallies, const struct why_sample *sample)
{
    struct observation *observations = calloc((size_t)sample->failures + sample->successes + 1, sizeof(*observations));
    if (observations == NULL)
        return false;
    for (size_t feature = 0; feature < why_feature_count; feature++) {
        if (why_features[feature].moment != WHY_EACH)
            count_feature(tallies->of[feature], observations, sample, feature);
    }
    free(observations);
    return true;
}
