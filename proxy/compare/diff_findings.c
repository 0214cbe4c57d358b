/* The list of findings: added, counted, bounded; and the memory they point into. Owned by the diff; one thread. */
#include "diff_private.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 32 };

struct diff_memory {
    struct diff_memory *next;
    char *bytes;
};

static bool make_room(struct diff_run *run)
{
    struct diff *diff = run->diff;
    if (diff->count < run->capacity)
        return true;
    size_t capacity = run->capacity == 0 ? FIRST_CAPACITY : run->capacity * 2;
    struct diff_finding *findings = reallocarray(diff->findings, capacity, sizeof(*findings));
    if (findings == NULL)
        return !(run->failed = true);
    diff->findings = findings;
    run->capacity = capacity;
    return true;
}

/* Sections are compared in their order, but for what two steps find in turns. */
static size_t place_of(const struct diff *diff, enum diff_section section)
{
    size_t place = diff->count;
    while (place > 0 && diff->findings[place - 1].section > section)
        place--;
    return place;
}

void diff_add(struct diff_run *run, const struct diff_finding *finding)
{
    struct diff *diff = run->diff;
    if (run->failed)
        return;
    if (diff->counts[finding->section][finding->weight]++ >= DIFF_LISTED_MAX) {
        diff->unlisted++;
        return;
    }
    if (!make_room(run))
        return;
    size_t place = place_of(diff, finding->section);
    memmove(diff->findings + place + 1, diff->findings + place, (diff->count - place) * sizeof(*finding));
    diff->findings[place] = *finding;
    diff->count++;
}

void diff_reweigh(struct diff_run *run, struct diff_finding *finding, enum diff_weight weight, const char *note)
{
    size_t *counts = run->diff->counts[finding->section];
    counts[finding->weight]--;
    counts[weight]++;
    finding->weight = weight;
    finding->note = note;
}

void diff_add_limit(struct diff_run *run, enum diff_section section, enum diff_part part, const char *note)
{
    run->diff->is_limited = true;
    diff_add(run, &(struct diff_finding){
                      .section = section, .part = part, .change = DIFF_LIMIT, .weight = DIFF_INFO, .note = note });
}

/* Takes over `bytes`, which malloc gave. */
static bool own(struct diff_run *run, char *bytes)
{
    struct diff_memory *memory = malloc(sizeof(*memory));
    if (memory == NULL || bytes == NULL) {
        free(memory);
        free(bytes);
        return !(run->failed = true);
    }
    *memory = (struct diff_memory){ .next = run->diff->memory, .bytes = bytes };
    run->diff->memory = memory;
    return true;
}

struct slice diff_keep_buffer(struct diff_run *run, struct buffer *buffer)
{
    size_t length;
    if (buffer->length == 0 || buffer->failed) {
        run->failed = run->failed || buffer->failed;
        buffer_free(buffer);
        return SLICE_LITERAL("");
    }
    char *bytes = buffer_take(buffer, &length);
    return own(run, bytes) ? slice_of(bytes, length) : SLICE_LITERAL("");
}

struct slice diff_keep(struct diff_run *run, struct slice bytes)
{
    struct buffer copy;
    buffer_init(&copy, bytes.length);
    buffer_append_slice(&copy, bytes);
    return diff_keep_buffer(run, &copy);
}

void diff_free(struct diff *diff)
{
    if (diff == NULL)
        return;
    while (diff->memory != NULL) {
        struct diff_memory *memory = diff->memory;
        diff->memory = memory->next;
        free(memory->bytes);
        free(memory);
    }
    free(diff->findings);
    free(diff);
}

bool diff_is_alike(const struct diff *diff)
{
    for (size_t section = 0; section < DIFF_SECTION_COUNT; section++)
        if (diff->counts[section][DIFF_REAL] > 0)
            return false;
    return diff->counts[DIFF_REQUEST][DIFF_COSMETIC] == 0 && diff->counts[DIFF_SIGNED][DIFF_COSMETIC] == 0;
}

const char *diff_weight_name(enum diff_weight weight)
{
    static const char *const names[DIFF_WEIGHT_COUNT] = {
        [DIFF_REAL] = "real", [DIFF_COSMETIC] = "cosmetic", [DIFF_EXPECTED] = "expected", [DIFF_INFO] = "info"
    };
    return (size_t)weight < ARRAY_LENGTH(names) ? names[weight] : "";
}

const char *diff_section_name(enum diff_section section)
{
    static const char *const names[DIFF_SECTION_COUNT] = { [DIFF_REQUEST] = "request",
                                                           [DIFF_SIGNED] = "signed",
                                                           [DIFF_ANSWER] = "answer",
                                                           [DIFF_NETWORK] = "network",
                                                           [DIFF_TIMING] = "timing" };
    return (size_t)section < ARRAY_LENGTH(names) ? names[section] : "";
}

const char *diff_part_name(enum diff_part part)
{
    static const char *const names[DIFF_PART_COUNT] = {
        [DIFF_PART_MESSAGE] = "message",  [DIFF_PART_LINE] = "line",       [DIFF_PART_PARAMETER] = "parameter",
        [DIFF_PART_FIELD] = "field",      [DIFF_PART_JSON] = "json",       [DIFF_PART_BODY] = "body",
        [DIFF_PART_PAYLOAD] = "payload",  [DIFF_PART_OUTCOME] = "outcome", [DIFF_PART_FACT] = "fact",
        [DIFF_PART_DURATION] = "duration"
    };
    return (size_t)part < ARRAY_LENGTH(names) ? names[part] : "";
}

const char *diff_change_name(enum diff_change change)
{
    static const char *const names[DIFF_CHANGE_COUNT] = {
        [DIFF_MISSING] = "missing", [DIFF_ADDED] = "added",       [DIFF_VALUE] = "value",
        [DIFF_TYPE] = "type",       [DIFF_MOVED] = "moved",       [DIFF_KEY_ORDER] = "key-order",
        [DIFF_CASE] = "case",       [DIFF_SPACE] = "white-space", [DIFF_NUMBER_FORM] = "number-form",
        [DIFF_ESCAPES] = "escapes", [DIFF_BYTES] = "bytes",       [DIFF_SAME] = "same",
        [DIFF_LIMIT] = "limit"
    };
    return (size_t)change < ARRAY_LENGTH(names) ? names[change] : "";
}
