/* One log line for each exchange. The worker's thread. */
#include "exchange_internal.h"

#include "countersign/log.h"

#include <inttypes.h>
#include <stdio.h>

enum { TEXT_MAX = 512 };

static const char *text_of(char *text, struct slice slice)
{
    (void)snprintf(text, TEXT_MAX, "%.*s", SLICE_ARGUMENTS(slice)); /* cutting a long target is fine here */
    return text;
}

/* "api_error 1401 unauthorized", "not_sent name-resolution", "ok" */
static void outcome_text(char *text, const struct record *record)
{
    struct slice code = record->outcome == RECORD_API_ERROR ? record->api_code : record->error_name;
    struct slice message = record->outcome == RECORD_API_ERROR ? record->api_message : slice_of(NULL, 0);
    (void)snprintf(text, TEXT_MAX, "%s%s%.*s%s%.*s", record_outcome_name(record->outcome), code.length > 0 ? " " : "",
                   SLICE_ARGUMENTS(code), message.length > 0 ? " " : "", SLICE_ARGUMENTS(slice_first(message, 80)));
}

/* "  (own signature: wrong)": what a client that signs for itself got wrong. */
static const char *own_signature_text(char *text, const struct record *record)
{
    bool is_told = record_client_signature_is_odd(record->client_signature);
    (void)snprintf(text, TEXT_MAX, is_told ? "  (own signature: %s)" : "%s",
                   is_told ? record_client_signature_name(record->client_signature) : ""); /* fits */
    return text;
}

void exchange_report(const struct exchange *exchange)
{
    const struct record *record = &exchange->record;
    /* An order that is nowhere else must not be missing here, either. */
    bool is_lost = exchange->dropped && !exchange_is_safe(exchange);
    bool is_bad = record->outcome == RECORD_UNKNOWN || record->outcome == RECORD_NOT_SENT || is_lost;
    enum log_level level = is_bad ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
    if (!log_enabled(level))
        return;
    char method[TEXT_MAX], target[TEXT_MAX], code[TEXT_MAX], outcome[TEXT_MAX], own[TEXT_MAX];
    int64_t us = record->replied_us - record->received_us;
    outcome_text(outcome, record);
    const struct log_value values[] = {
        { "event", "exchange", 0 },
        { "id", NULL, record->id },
        { "listener", exchange->listener->name, 0 },
        { "method", text_of(method, record->method), 0 },
        { "target", text_of(target, record->target), 0 },
        { "status", NULL, record->status },
        { "outcome", record_outcome_name(record->outcome), 0 },
        { "code", text_of(code, record->api_code), 0 },
        { "client_signature", record_client_signature_name(record->client_signature), 0 },
        { "us", NULL, us },
        { exchange->dropped ? "record" : NULL, "dropped", 0 },
        { NULL, NULL, 0 },
    };
    log_line_values(level, values, "#%" PRId64 " %s  %s %s  %d %s  %" PRId64 ".%" PRId64 " ms%s%s%s", record->id,
                    exchange->listener->name, method, target, record->status, outcome, us / 1000, us % 1000 / 100,
                    own_signature_text(own, record), record->delivered ? "" : "  (the client had left)",
                    exchange->dropped ? "  (not recorded)" : "");
}
