/* "Did you mean": edit distance with insertions, deletions, substitutions and swaps of neighbours. Pure; any thread. */
#include "nearest.h"

#include "countersign/config.h"

#include <stdio.h>
#include <string.h>

enum { NEAREST_DISTANCE_MAX = 3 };

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment, three rows at a time. Both words fit CONFIG_NEAREST_MAX. */
static size_t edit_distance(struct slice a, struct slice b)
{
    size_t rows[3][CONFIG_NEAREST_MAX + 1] = { { 0 } };
    for (size_t j = 0; j <= b.length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            bool same = lower(a.data[i - 1]) == lower(b.data[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && lower(a.data[i - 1]) == lower(b.data[j - 2]) &&
                lower(a.data[i - 2]) == lower(b.data[j - 1]))
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a.length % 3][b.length];
}

void config_nearest_begin(struct config_nearest *nearest, struct slice word)
{
    *nearest = (struct config_nearest){ .word = word, .best = NEAREST_DISTANCE_MAX + 1 };
}

void config_nearest_offer(struct config_nearest *nearest, const char *candidate)
{
    struct slice offered = slice_text(candidate);
    size_t longer = offered.length > nearest->word.length ? offered.length : nearest->word.length;
    if (longer > CONFIG_NEAREST_MAX || nearest->word.length == 0)
        return;
    size_t allowed = least(longer / 3, NEAREST_DISTANCE_MAX);
    size_t distance = edit_distance(nearest->word, offered);
    if (distance > allowed || distance >= nearest->best)
        return;
    nearest->best = distance;
    (void)snprintf(nearest->match, sizeof(nearest->match), "%s", candidate); /* its length was checked */
}

void config_nearest_append(struct buffer *out, const struct config_nearest *nearest)
{
    if (nearest->match[0] != '\0')
        (void)buffer_append_format(out, "; did you mean `%s`?", nearest->match); /* the caller checks `failed` */
}

const char *config_nearest_word(const char *word, const char *const *words)
{
    struct config_nearest nearest;
    const char *meant = NULL;
    config_nearest_begin(&nearest, slice_text(word));
    for (size_t i = 0; words[i] != NULL; i++) {
        config_nearest_offer(&nearest, words[i]);
        if (nearest.match[0] != '\0' && strcmp(nearest.match, words[i]) == 0)
            meant = words[i];
    }
    return meant;
}
