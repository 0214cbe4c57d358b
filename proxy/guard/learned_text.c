/* What was learned as lines of text, parts between tabs, and back. Pure; one thread at a time. */
#include "countersign/learned.h"

#include <inttypes.h>
#include <string.h>

enum { PARTS_MAX = 8 };

/* A use:  "use" listener method path passed refused first last
 * A sum:  "sum" listener passed refused unreadable left_out first last */
void learned_append(struct buffer *out, const struct learned *learned, const char *listener)
{
    (void)buffer_append_format(
        out, "sum\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRId64 "\t%" PRId64 "\n", listener,
        learned->passed, learned->refused, learned->unreadable, learned->left_out, learned->first_us,
        learned->last_us); /* the caller checks `failed`, here and below */
    for (size_t i = 0; i < learned->count; i++) {
        const struct learned_use *use = &learned->uses[i];
        (void)buffer_append_format(out, "use\t%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRId64 "\t%" PRId64 "\n",
                                   listener, use->method, use->path, use->passed, use->refused, use->first_us,
                                   use->last_us);
    }
}

/* --- reading --- */

/* Cuts a line at its tabs; the number of parts, 0 where there are too many. */
static size_t split(struct slice *parts, struct slice line)
{
    size_t count = 0;
    struct slice part;
    while (slice_next_part(&line, '\t', &part)) {
        if (count == PARTS_MAX)
            return 0;
        parts[count++] = part;
    }
    return count;
}

static bool read_numbers(uint64_t *numbers, const struct slice *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!slice_to_u64(parts[i], &numbers[i]) || numbers[i] > INT64_MAX)
            return false;
    }
    return true;
}

static void widen(int64_t *first_us, int64_t *last_us, uint64_t from_us, uint64_t to_us)
{
    if (to_us == 0)
        return;
    *first_us = *first_us == 0 || (int64_t)from_us < *first_us ? (int64_t)from_us : *first_us;
    *last_us = (int64_t)to_us > *last_us ? (int64_t)to_us : *last_us;
}

/* Whether it can stand in a line of its own again. */
static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f)
            return false;
    }
    return text.length > 0;
}

static void add_use(struct learned *learned, const struct slice *parts)
{
    uint64_t numbers[4];
    if (!read_numbers(numbers, parts + 4, 4) || !is_plain(parts[2]) || !is_plain(parts[3]) || parts[3].data[0] != '/')
        return;
    struct learned_use *use = learned_find(learned, parts[2], parts[3]);
    if (use == NULL) {
        learned->left_out += numbers[0] + numbers[1];
        return;
    }
    use->passed += numbers[0];
    use->refused += numbers[1];
    widen(&use->first_us, &use->last_us, numbers[2], numbers[3]);
}

static void add_sum(struct learned *learned, const struct slice *parts)
{
    uint64_t numbers[6];
    if (!read_numbers(numbers, parts + 2, 6))
        return;
    learned->passed += numbers[0];
    learned->refused += numbers[1];
    learned->unreadable += numbers[2];
    learned->left_out += numbers[3];
    widen(&learned->first_us, &learned->last_us, numbers[4], numbers[5]);
}

void learned_add(struct learned *learned, struct slice text, const char *listener)
{
    struct slice parts[PARTS_MAX], line;
    if (text.data == NULL)
        return;
    while (slice_next_part(&text, '\n', &line)) {
        if (split(parts, line) != PARTS_MAX || !slice_equal_text(parts[1], listener))
            continue;
        if (slice_equal_text(parts[0], "use"))
            add_use(learned, parts);
        else if (slice_equal_text(parts[0], "sum"))
            add_sum(learned, parts);
    }
}
