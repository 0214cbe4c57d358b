/* The names of an exchange's views, outcomes and verdicts on client signatures, as they stand in the store and in what people read. Pure. */
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
    [RECORD_UNKNOWN] = "unknown",       [RECORD_DRY_RUN] = "dry_run",
};

static const char *const client_signature_names[RECORD_CLIENT_SIGNATURE_COUNT] = {
    [RECORD_CLIENT_SIGNATURE_NOT_CHECKED] = "not_checked",
    [RECORD_CLIENT_SIGNATURE_NONE] = "none",
    [RECORD_CLIENT_SIGNATURE_RIGHT] = "right",
    [RECORD_CLIENT_SIGNATURE_WRONG] = "wrong",
    [RECORD_CLIENT_SIGNATURE_STALE] = "stale",
    [RECORD_CLIENT_SIGNATURE_OTHER_KEY] = "other_key",
    [RECORD_CLIENT_SIGNATURE_UNREADABLE] = "unreadable",
    [RECORD_CLIENT_SIGNATURE_UNKNOWN] = "unknown",
};

const char *record_view_name(enum record_view view)
{
    return (size_t)view < ARRAY_LENGTH(view_names) ? view_names[view] : "?";
}

const char *record_outcome_name(enum record_outcome outcome)
{
    return (size_t)outcome < ARRAY_LENGTH(outcome_names) ? outcome_names[outcome] : "?";
}

static bool find_name(size_t *index, const char *const *names, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_text(name, names[i])) {
            *index = i;
            return true;
        }
    }
    return false;
}

bool record_outcome_parse(enum record_outcome *outcome, struct slice name)
{
    size_t index;
    if (!find_name(&index, outcome_names, ARRAY_LENGTH(outcome_names), name))
        return false;
    *outcome = (enum record_outcome)index;
    return true;
}

const char *record_client_signature_name(enum record_client_signature signature)
{
    return (size_t)signature < ARRAY_LENGTH(client_signature_names) ? client_signature_names[signature] : "?";
}

bool record_client_signature_parse(enum record_client_signature *signature, struct slice name)
{
    size_t index;
    if (!find_name(&index, client_signature_names, ARRAY_LENGTH(client_signature_names), name))
        return false;
    *signature = (enum record_client_signature)index;
    return true;
}

bool record_client_signature_is_odd(enum record_client_signature signature)
{
    return signature > RECORD_CLIENT_SIGNATURE_RIGHT;
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
