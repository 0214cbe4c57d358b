/* Counting what exchanges come to. The worker's thread, but for the names, which are constant. */
#include "exchange_internal.h"

#include <string.h>

/* The codes that the exchange documents, or that its users report; tests hold them against `countersign explain`. */
static const struct {
    uint32_t number;
    const char *text;
} codes[] = {
    { 0, "0" },
    { 200, "200" },
    { 401, "401" },
    { 1401, "1401" },
    { 3005, "3005" },
    { 3011, "3011" },
    { 3012, "3012" },
    { 3013, "3013" },
    { 3014, "3014" },
    { 3015, "3015" },
    { 3103, "3103" },
    { 3104, "3104" },
    { 3106, "3106" },
    { 3111, "3111" },
    { 3113, "3113" },
    { 6001, "6001" },
    { 101040502, "101040502" },
    { 102150400, "102150400" },
    { 102150808, "102150808" },
};

enum { CODE_NONE = ARRAY_LENGTH(codes), CODE_OTHER, CODE_COUNT };

static const int64_t bounds_us[COUNTS_BUCKETS] = {
    50,    100,    250,    500,    1000,    2500,    5000,    10000,    25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, INT64_MAX,
};

_Static_assert((int)CODE_COUNT <= (int)COUNTS_CODES_MAX, "each code has its place");
_Static_assert((int)TURN_LIMIT_COUNT == (int)COUNTS_LIMITS, "each limit has its place");
_Static_assert((int)REFUSAL_COUNT <= (int)COUNTS_REASONS_MAX && (int)UPSTREAM_INTERNAL < (int)COUNTS_REASONS_MAX,
               "each reason has its place");

/* --- names --- */

const char *exchange_counts_class(size_t index)
{
    if (index > ENDPOINT_DOUBTFUL)
        return index < COUNTS_CLASSES ? "none" : NULL;
    return endpoint_class_name((enum endpoint_class)index);
}

const char *exchange_counts_code(size_t index)
{
    if (index < ARRAY_LENGTH(codes))
        return codes[index].text;
    if (index == CODE_NONE)
        return "none";
    return index == CODE_OTHER ? "other" : NULL;
}

const char *exchange_counts_failure(size_t index)
{
    return index > UPSTREAM_OK && index <= UPSTREAM_INTERNAL ? upstream_failure_name((enum upstream_failure)index)
                                                             : NULL;
}

const char *exchange_counts_limit(size_t index)
{
    static const char *const names[] = { [TURN_ACCOUNT] = "account", [TURN_ADDRESS] = "ip" };
    return index < ARRAY_LENGTH(names) ? names[index] : NULL;
}

int64_t exchange_counts_bound_us(size_t bucket)
{
    return bucket < COUNTS_BUCKETS ? bounds_us[bucket] : INT64_MAX;
}

/* --- indices --- */

static size_t class_of(const struct exchange *exchange)
{
    return exchange->sending.method.length == 0 ? COUNTS_CLASSES - 1 : (size_t)exchange->endpoint_class;
}

/* By its number: no text is compared. */
static size_t code_of(const struct record *record)
{
    uint64_t number;
    if (record->api_code.length == 0)
        return CODE_NONE;
    if (!slice_to_u64(record->api_code, &number))
        return CODE_OTHER;
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        if (codes[i].number == number)
            return i;
    }
    return CODE_OTHER;
}

static size_t status_of(const struct record *record)
{
    return record->status >= 100 && record->status <= 599 ? (size_t)record->status / 100 : 0;
}

static void note(struct count_histogram *histogram, int64_t us)
{
    size_t bucket = 0;
    if (us < 0) /* the clock was set back meanwhile */
        us = 0;
    while (us > bounds_us[bucket])
        bucket++;
    count_add(&histogram->buckets[bucket], 1);
    count_add(&histogram->sum_us, (uint64_t)us);
}

static void note_times(struct exchange_counts *counts, const struct record *record)
{
    int64_t whole = record->replied_us - record->received_us;
    int64_t outside = record->complete_us - record->sent_us;
    bool has_left = record->sent_us > 0 && record->complete_us > 0;
    note(&counts->whole, whole);
    if (!has_left)
        return;
    note(&counts->exchange, outside);
    note(&counts->added, whole - outside);
}

/* --- steps --- */

void exchange_count_begun(struct exchange_listener *listener)
{
    if (listener->counts != NULL)
        count_add(&listener->counts->begun, 1);
}

void exchange_count_leaving(const struct exchange *exchange, bool reused)
{
    struct exchange_counts *counts = exchange->listener->counts;
    if (counts != NULL)
        count_add(reused ? &counts->reused : &counts->opened, 1);
}

void exchange_count_wait_begun(const struct exchange *exchange)
{
    if (exchange->listener->counts != NULL)
        count_add(&exchange->listener->counts->pace_waits, 1);
}

void exchange_count_wait_ended(const struct exchange *exchange)
{
    if (exchange->listener->counts != NULL)
        note(&exchange->listener->counts->pace_wait, exchange->record.waited_us);
}

void exchange_count_pace_refused(const struct exchange *exchange, enum turn_limit limit)
{
    if (exchange->listener->counts != NULL)
        count_add(&exchange->listener->counts->pace_refused[limit], 1);
}

void exchange_count_pause(const struct exchange *exchange)
{
    if (exchange->listener->counts != NULL)
        count_add(&exchange->listener->counts->pace_pauses, 1);
}

void exchange_count_ended(const struct exchange *exchange)
{
    struct exchange_counts *counts = exchange->listener->counts;
    const struct record *record = &exchange->record;
    if (counts == NULL)
        return;
    count_add(&counts->requests[class_of(exchange)][record->outcome][code_of(record)], 1);
    count_add(&counts->statuses[status_of(record)], 1);
    if (exchange->refusal != REFUSAL_NONE)
        count_add(&counts->refusals[exchange->refusal], 1);
    else if (exchange->failure != UPSTREAM_OK)
        count_add(&counts->failures[exchange->failure], 1);
    if (exchange->dropped)
        count_add(&counts->unrecorded, 1);
    if (!record->delivered)
        count_add(&counts->clients_left, 1);
    note_times(counts, record);
    count_add(&counts->ended, 1);
}
