/* The filter's options: words to struct capture_filter, and --grep as its last condition. Owns nothing; one thread. */
#include "log_command.h"

#include "log_time.h"

#include "countersign/http_message.h"

#include <stdio.h>
#include <string.h>

enum { DECODED_MAX = 64 << 20, STATUS_MIN = 100, STATUS_MAX = 599 };

static const char *wrong(struct log_options *options, const char *name, const char *expected, const char *value)
{
    (void)snprintf(options->problem, sizeof(options->problem), "--%s takes %s, not `%.128s`", name, expected,
                   value); /* cut is fine */
    return options->problem;
}

/* --- one option each --- */

static const char *take_since(struct log_options *options, const char *name, const char *value)
{
    return log_time_parse(&options->filter.since_us, slice_text(value), options->now_us)
               ? NULL
               : wrong(options, name, LOG_TIME_FORMS, value);
}

static const char *take_until(struct log_options *options, const char *name, const char *value)
{
    return log_time_parse(&options->filter.until_us, slice_text(value), options->now_us)
               ? NULL
               : wrong(options, name, LOG_TIME_FORMS, value);
}

static const char *take_text(struct slice *text, struct log_options *options, const char *name, const char *value)
{
    *text = slice_text(value);
    return text->length > 0 ? NULL : wrong(options, name, "a text that is not empty", value);
}

static const char *take_listener(struct log_options *options, const char *name, const char *value)
{
    return take_text(&options->filter.listener, options, name, value);
}

static const char *take_account(struct log_options *options, const char *name, const char *value)
{
    return take_text(&options->filter.account, options, name, value);
}

/* The methods there are are upper case (RFC 9110 §9.1): `get` means GET. */
static const char *take_method(struct log_options *options, const char *name, const char *value)
{
    size_t length = strlen(value);
    if (!http_method_is_valid(slice_text(value)) || length > sizeof(options->method))
        return wrong(options, name, "a method (GET, POST, DELETE)", value);
    for (size_t i = 0; i < length; i++)
        options->method[i] = (char)(value[i] >= 'a' && value[i] <= 'z' ? value[i] - 'a' + 'A' : value[i]);
    options->filter.method = slice_of(options->method, length);
    return NULL;
}

static const char *take_path(struct log_options *options, const char *name, const char *value)
{
    if (strstr(value, "?") != NULL && strchr(value, '=') != NULL)
        return wrong(options, name, "a path without its query", value);
    if (strchr("/*[?", value[0]) == NULL) /* an empty text, too: its first byte is the NUL */
        return wrong(options, name, "a path or a pattern for one ('/api/trade/*', '*order*')", value);
    return take_text(&options->filter.path_glob, options, name, value);
}

/* Codes are numbers, as the exchange documents them; some answers have them as text, which is kept as it is. */
static bool is_code(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] == '"' || text.data[i] == '\'' || text.data[i] == 0x7f)
            return false;
    }
    return text.length > 0;
}

static const char *take_code(struct log_options *options, const char *name, const char *value)
{
    if (strchr(value, ',') != NULL)
        return wrong(options, name, "one code; an answer has one (3011), `log why` takes several apart", value);
    if (!is_code(slice_text(value)))
        return wrong(options, name, "a code as the exchange writes it, without quotes (1401)", value);
    options->filter.code = slice_text(value);
    return NULL;
}

static const char *take_client(struct log_options *options, const char *name, const char *value)
{
    return take_text(&options->filter.client, options, name, value);
}

static const char *take_grep(struct log_options *options, const char *name, const char *value)
{
    return take_text(&options->grep, options, name, value);
}

static const char *take_slower(struct log_options *options, const char *name, const char *value)
{
    return log_duration_parse(&options->filter.slower_than_us, slice_text(value)) && options->filter.slower_than_us > 0
               ? NULL
               : wrong(options, name, LOG_DURATION_FORMS, value);
}

static const char *take_imported(struct log_options *options, const char *name, const char *value)
{
    (void)name;
    (void)value;
    options->filter.imported = true;
    return NULL;
}

/* "401", "4xx", "400-499" */
static bool read_statuses(uint64_t *from, uint64_t *to, struct slice text)
{
    size_t dash = slice_find(text, '-');
    if (text.length == 3 && slice_equal_text_caseless(slice_from(text, 1), "xx") &&
        slice_to_u64(slice_first(text, 1), from)) {
        *from *= 100;
        *to = *from + 99;
        return true;
    }
    if (dash < text.length)
        return slice_to_u64(slice_first(text, dash), from) && slice_to_u64(slice_from(text, dash + 1), to);
    if (!slice_to_u64(text, from))
        return false;
    *to = *from;
    return true;
}

static const char *take_status(struct log_options *options, const char *name, const char *value)
{
    uint64_t from, to;
    if (!read_statuses(&from, &to, slice_text(value)) || from < STATUS_MIN || to > STATUS_MAX || from > to)
        return wrong(options, name, "an HTTP status from 100 to 599 (401), a class (4xx) or a range (500-599)", value);
    options->filter.status_from = (int)from;
    options->filter.status_to = (int)to;
    return NULL;
}

const char *log_outcome_near(struct slice word)
{
    const char *names[RECORD_OUTCOME_COUNT + 1] = { NULL };
    char text[64];
    for (int i = 0; i < RECORD_OUTCOME_COUNT; i++)
        names[i] = record_outcome_name((enum record_outcome)i);
    (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARGUMENTS(word)); /* cut is fine */
    return config_nearest_word(text, names);
}

static const char *unknown_outcome(struct log_options *options, const char *name, struct slice word)
{
    const char *meant = log_outcome_near(word);
    (void)snprintf(
        options->problem, sizeof(options->problem),
        "--%s takes ok, api_error, http_error, refused, not_sent, unknown, dry_run or in_flight, not `%.*s`%s%s%s",
        name, SLICE_ARGUMENTS(slice_first(word, 64)), meant != NULL ? "; did you mean `" : "",
        meant != NULL ? meant : "", meant != NULL ? "`?" : ""); /* cut is fine */
    return options->problem;
}

static const char *take_outcome(struct log_options *options, const char *name, const char *value)
{
    struct slice rest = slice_text(value), word;
    options->filter.outcomes = 0;
    while (slice_next_part(&rest, ',', &word)) {
        enum record_outcome outcome;
        if (!record_outcome_parse(&outcome, word))
            return unknown_outcome(options, name, word);
        options->filter.outcomes |= 1u << outcome;
    }
    return NULL;
}

static const char *take_client_signature(struct log_options *options, const char *name, const char *value)
{
    struct slice rest = slice_text(value), word;
    options->filter.client_signatures = 0;
    while (slice_next_part(&rest, ',', &word)) {
        enum record_client_signature signature;
        if (!record_client_signature_parse(&signature, word))
            return wrong(options, name, "none, right, wrong, stale, other_key, unreadable, unknown or not_checked",
                         value);
        options->filter.client_signatures |= 1u << signature;
    }
    return NULL;
}

static const struct {
    const char *name;
    const char *(*take)(struct log_options *options, const char *name, const char *value);
} takers[] = {
    { "since", take_since },       { "until", take_until },
    { "listener", take_listener }, { "account", take_account },
    { "method", take_method },     { "path", take_path },
    { "status", take_status },     { "code", take_code },
    { "outcome", take_outcome },   { "client", take_client },
    { "grep", take_grep },         { "slower-than", take_slower },
    { "imported", take_imported }, { "client-signature", take_client_signature },
};

const char *log_filter_take(struct log_options *options, const char *name, const char *value)
{
    size_t i = 0;
    while (strcmp(takers[i].name, name) != 0)
        i++; /* ends: the options' table names these alone */
    options->has_filter = true;
    return takers[i].take(options, name, value);
}

/* --- grep --- */

static bool holds(struct slice bytes, struct slice wanted)
{
    return bytes.length >= wanted.length && memmem(bytes.data, bytes.length, wanted.data, wanted.length) != NULL;
}

static bool body_holds(const struct record_message *message, struct slice wanted)
{
    struct buffer decoded;
    if (message->body.length == 0)
        return false;
    if (holds(message->body, wanted))
        return true;
    buffer_init(&decoded, DECODED_MAX);
    bool found = holds(log_decoded_body(&decoded, message), wanted);
    buffer_free(&decoded);
    return found;
}

static bool has_text(void *context, const struct record *record)
{
    const struct slice *wanted = context;
    for (size_t view = 0; view < RECORD_VIEW_COUNT; view++) {
        if (body_holds(&record->views[view], *wanted))
            return true;
    }
    return false;
}

struct capture_filter log_filter(const struct log_run *run)
{
    struct capture_filter filter = run->options->filter;
    if (run->options->grep.length > 0) {
        filter.accepts = has_text;
        filter.context = (void *)(uintptr_t)&run->options->grep; /* only read there */
    }
    return filter;
}
