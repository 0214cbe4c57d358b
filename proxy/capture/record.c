/* The names of an exchange's views and outcomes, as they stand in the store and in what people read. Pure. */
#include "countersign/record.h"

#include "countersign/compiler.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const view_names[RECORD_VIEW_COUNT] = {
    [RECORD_CLIENT_REQUEST] = "client request",
    [RECORD_UPSTREAM_REQUEST] = "upstream request",
    [RECORD_UPSTREAM_RESPONSE] = "upstream response",
    [RECORD_CLIENT_RESPONSE] = "client response",
};

static const char *const outcome_names[RECORD_OUTCOME_COUNT] = {
    [RECORD_IN_FLIGHT] = "in_flight",   [RECORD_OK] = "ok",           [RECORD_API_ERROR] = "api_error",
    [RECORD_HTTP_ERROR] = "http_error", [RECORD_REFUSED] = "refused", [RECORD_NOT_SENT] = "not_sent",
    [RECORD_UNKNOWN] = "unknown",
};

const char *record_view_name(enum record_view view)
{
    return (size_t)view < ARRAY_LENGTH(view_names) ? view_names[view] : "?";
}

const char *record_outcome_name(enum record_outcome outcome)
{
    return (size_t)outcome < ARRAY_LENGTH(outcome_names) ? outcome_names[outcome] : "?";
}

bool record_outcome_parse(enum record_outcome *outcome, struct slice name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(outcome_names); i++) {
        if (slice_equal_text(name, outcome_names[i])) {
            *outcome = (enum record_outcome)i;
            return true;
        }
    }
    return false;
}

char *record_id_text(char *text, int64_t id)
{
    uint64_t number = id < 0 ? -(uint64_t)id : (uint64_t)id;
    (void)snprintf(text, RECORD_ID_TEXT_MAX, "%s%" PRIu64, id < 0 ? "i" : "", number); /* fits: 20 digits at most */
    return text;
}

bool record_id_parse(int64_t *id, struct slice text)
{
    uint64_t number;
    bool imported = slice_starts_with(text, "i");
    if (!slice_to_u64(imported ? slice_from(text, 1) : text, &number) || number == 0 || number > INT64_MAX)
        return false;
    *id = imported ? -(int64_t)number : (int64_t)number;
    return true;
}
