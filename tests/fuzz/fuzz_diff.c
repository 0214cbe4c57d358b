/* Two messages made of any bytes, compared. Held: a message is alike with itself and has no finding that counts; the other
 * way round there are as many findings of each section and weight, with missing and added changed over; findings lie within
 * their bounds; a difference of bytes is never passed over.
 *
 * The input: the two messages, parted by the first byte 0xFE; each is a head to its first empty line, and a body. */
#include "countersign/diff.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VERDICT_MAX = 1 << 20 };

static const char parting = '\xFE';

static void require(bool held)
{
    if (!held)
        abort();
}

static struct record_message message_of(struct slice bytes)
{
    const char *end = bytes.length > 0 ? memmem(bytes.data, bytes.length, "\r\n\r\n", 4) : NULL;
    size_t head = end == NULL ? 0 : (size_t)(end - bytes.data) + 4;
    return (struct record_message){ slice_first(bytes, head), slice_from(bytes, head) };
}

static struct diff *compare(const struct record *a, const struct record *b, enum record_view view)
{
    const struct diff_side sides[2] = { { .record = a, .has_view = true, .view = view },
                                        { .record = b, .has_view = true, .view = view } };
    struct diff *diff;
    require(diff_create(&diff, sides, NULL));
    return diff;
}

static size_t count_changes(const struct diff *diff, enum diff_change change)
{
    size_t count = 0;
    for (size_t i = 0; i < diff->count; i++)
        count += diff->findings[i].change == change;
    return count;
}

static void check(const struct diff *diff)
{
    struct buffer verdict;
    size_t sum = 0;
    buffer_init(&verdict, VERDICT_MAX);
    diff_append_verdict(&verdict, diff);
    require(verdict.length > 1 && !verdict.failed);
    buffer_free(&verdict);
    for (size_t i = 0; i < diff->count; i++) {
        require(i == 0 || diff->findings[i - 1].section <= diff->findings[i].section);
        require(diff->findings[i].offset <= diff->findings[i].values[0].length);
        require(diff->findings[i].offset <= diff->findings[i].values[1].length);
    }
    for (size_t section = 0; section < DIFF_SECTION_COUNT; section++)
        for (size_t weight = 0; weight < DIFF_WEIGHT_COUNT; weight++)
            sum += diff->counts[section][weight];
    require(sum == diff->count + diff->unlisted);
}

static void compare_with_itself(const struct record *record, enum record_view view)
{
    struct diff *diff = compare(record, record, view);
    check(diff);
    require(diff_is_alike(diff));
    require(diff->counts[DIFF_REQUEST][DIFF_COSMETIC] + diff->counts[DIFF_ANSWER][DIFF_COSMETIC] == 0);
    diff_free(diff);
}

static bool is_there(const struct record_message *message)
{
    return message->head.length > 0 || message->body.length > 0;
}

/* Bodies of other bytes are told as such, whatever else is told. */
static void check_bodies(const struct diff *diff, const struct record_message *a, const struct record_message *b)
{
    size_t told = 0;
    for (size_t i = 0; i < diff->count; i++)
        told += diff->findings[i].part == DIFF_PART_BODY && diff->findings[i].change != DIFF_LIMIT;
    if (is_there(a) && is_there(b))
        require(told == !slice_equal(a->body, b->body));
}

static void compare_both_ways(const struct record *a, const struct record *b, enum record_view view)
{
    struct diff *forth = compare(a, b, view), *back = compare(b, a, view);
    check(forth);
    check(back);
    check_bodies(forth, &a->views[view], &b->views[view]);
    require(memcmp(forth->counts, back->counts, sizeof(forth->counts)) == 0);
    require(forth->count == back->count && diff_is_alike(forth) == diff_is_alike(back));
    if (forth->unlisted == 0)
        for (int change = 0; change < DIFF_CHANGE_COUNT; change++) {
            enum diff_change mirrored = change == DIFF_MISSING ? DIFF_ADDED
                                        : change == DIFF_ADDED ? DIFF_MISSING
                                                               : (enum diff_change)change;
            require(count_changes(forth, (enum diff_change)change) == count_changes(back, mirrored));
        }
    diff_free(forth);
    diff_free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of(data, size);
    size_t end = slice_find(bytes, parting);
    const struct record_message messages[2] = { message_of(slice_first(bytes, end)),
                                                message_of(slice_from(bytes, end + 1)) };
    struct record records[2] = { { .id = 1 }, { .id = 2 } };
    for (size_t side = 0; side < 2; side++)
        records[side].views[RECORD_UPSTREAM_REQUEST] = records[side].views[RECORD_UPSTREAM_RESPONSE] = messages[side];
    static const enum record_view views[] = { RECORD_UPSTREAM_REQUEST, RECORD_UPSTREAM_RESPONSE };
    for (size_t i = 0; i < ARRAY_LENGTH(views); i++) {
        compare_with_itself(&records[0], views[i]);
        compare_both_ways(&records[0], &records[1], views[i]);
    }
    return 0;
}
