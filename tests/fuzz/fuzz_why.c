/* Exchanges made of any bytes, in a search for what sets failures apart. Held: every exchange is counted once; sides add up;
 * nothing is told that chance would show too often; exchanges that are all alike are set apart by nothing.
 *
 * The input: messages, parted by the byte 0xFE; each is a head to its first empty line, and a body. The first bit of a
 * message's length says whether its exchange failed. */
#include "countersign/why.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURNS = 8 }; /* each message so often, so that there are enough of them to tell */

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

static void add(struct why *why, struct slice part, int64_t id, bool failed)
{
    struct record record = {
        .id = id,
        .client_uid = -1,
        .method = slice_first(part, 4),
        .target = slice_first(slice_from(part, 5), 32),
        .received_us = id,
        .first_byte_us = 1700000000000000,
        .expires_ms = (int64_t)part.length,
        .outcome = failed ? RECORD_API_ERROR : RECORD_OK,
        .api_code = failed ? SLICE_LITERAL("1401") : SLICE_LITERAL("0"),
        .api_message = slice_first(part, 64),
    };
    for (size_t view = 0; view < RECORD_VIEW_COUNT; view++)
        record.views[view] = message_of(part);
    require(why_add(why, &record, NULL));
}

static void check_side(const struct why_side *side, uint32_t total)
{
    uint32_t sum = side->others;
    require(side->known <= total && side->count <= WHY_SHOWN_MAX);
    for (size_t i = 0; i < side->count; i++)
        sum += side->values[i].count;
    require(sum == side->known);
}

static void check_comparison(const struct why_comparison *comparison)
{
    require(comparison->verdict < WHY_VERDICT_COUNT);
    require((comparison->verdict == WHY_SET_APART) == (comparison->fact_count > 0));
    for (size_t i = 0; i < comparison->fact_count; i++) {
        const struct why_fact *fact = &comparison->facts[i];
        require(fact->chance >= 0 && fact->chance <= WHY_CHANCE_MAX);
        require(fact->effect > 0 && fact->effect <= 1 + 1e-9);
        require(fact->pair[0] != 0 && fact->pair[1] != 0);
        check_side(&fact->failures, comparison->failures);
        check_side(&fact->successes, comparison->successes);
    }
}

/* Returns whether anything was told. */
static bool search(struct slice input, bool only_first)
{
    static const struct why_failures all = { .outcomes = 0 };
    struct why *why;
    struct why_report *report;
    uint32_t count = 0;
    require(why_create(&why, &all, NULL));
    for (int turn = 0; turn < TURNS; turn++) {
        struct slice rest = input, part;
        while (slice_next_part(&rest, parting, &part)) {
            add(why, part, ++count, only_first ? turn % 2 == 0 : part.length % 2 == 1);
            if (only_first)
                break;
        }
    }
    require(why_conclude(&report, why, NULL));
    require(report->exchanges == count && report->successes + report->failures + report->left_out == count);
    for (size_t i = 0; i < report->count; i++) {
        for (size_t k = 0; k < report->sections[i].count; k++)
            check_comparison(&report->sections[i].comparisons[k]);
    }
    bool tells = why_report_tells(report);
    free(report);
    why_free(why);
    return tells;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = slice_of(size == 0 ? (const uint8_t *)"" : data, size);
    (void)search(input, false); /* what it tells depends on the input */
    require(!search(input, true));
    return 0;
}
