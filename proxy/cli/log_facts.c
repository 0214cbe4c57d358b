/* The head of `countersign log show`: what happened, in a sentence, and the facts beside the bytes. Owns nothing; one
 * thread. */
#include "log_command.h"

#include "countersign/catalogue.h"
#include "countersign/clock.h"
#include "countersign/hex.h"
#include "countersign/http_message.h"

#include <stdlib.h>
#include <string.h>

enum { LABEL_WIDTH = 12 }; /* columns */

struct page {
    struct buffer *out;
    const struct terminal *terminal;
    const struct record *record;
    int64_t now_us;
};

static void append_text(const struct page *page, struct slice text)
{
    terminal_append_escaped(page->out, text, TERMINAL_ONE_LINE);
}

static void begin_fact(const struct page *page, const char *label)
{
    buffer_append_text(page->out, "  ");
    terminal_style_begin(page->out, page->terminal, TERMINAL_DIM);
    buffer_append_format(page->out, "%-*s", LABEL_WIDTH, label);
    terminal_style_end(page->out, page->terminal, TERMINAL_DIM);
}

static void end_fact(const struct page *page)
{
    buffer_append_byte(page->out, '\n');
}

static void append_fact(const struct page *page, const char *label, struct slice value)
{
    if (value.length == 0)
        return;
    begin_fact(page, label);
    append_text(page, value);
    end_fact(page);
}

static void append_status(const struct page *page)
{
    buffer_append_format(page->out, "HTTP %d", page->record->status);
}

/* `code 1401 "unauthorized"` */
static void append_code(const struct page *page)
{
    buffer_append_text(page->out, "code ");
    append_text(page, page->record->api_code);
    if (page->record->api_message.length > 0) {
        buffer_append_text(page->out, " \"");
        append_text(page, page->record->api_message);
        buffer_append_byte(page->out, '"');
    }
}

static void tell_ok(const struct page *page)
{
    buffer_append_text(page->out, "the exchange answered ");
    append_status(page);
    if (page->record->api_code.length > 0) {
        buffer_append_text(page->out, ", ");
        append_code(page);
    }
}

/* What the exchange sent; what the client got is record->status. 0 where it is not recorded. */
static int exchange_status(const struct record *record)
{
    struct http_field items[HTTP_FIELDS_MAX];
    struct http_fields fields = { .items = items };
    int status = 0;
    return http_parse_response_head(&status, &fields, HTTP_FIELDS_MAX, record->views[RECORD_UPSTREAM_RESPONSE].head)
               ? status
               : 0;
}

/* The HTTP status of a failure is usually 200: said, because many a client has been misled by it. Where this proxy gave it
 * another (failures = as-status), both are said. */
static void tell_api_error(const struct page *page)
{
    int status = exchange_status(page->record);
    buffer_append_text(page->out, "the exchange said no: ");
    append_code(page);
    buffer_append_text(page->out, ", in an answer with ");
    if (status == 0 || status == page->record->status)
        append_status(page);
    else
        buffer_append_format(page->out, "HTTP %d; the client got HTTP %d", status, page->record->status);
}

static void tell_http_error(const struct page *page)
{
    buffer_append_text(page->out, "the exchange answered ");
    append_status(page);
}

static void tell_refused(const struct page *page)
{
    buffer_append_text(page->out, "countersign refused it; nothing left for the exchange");
}

static void tell_not_sent(const struct page *page)
{
    buffer_append_text(page->out, "no byte of it left for the exchange");
}

/* Two reasons: no whole answer, or one that does not say what came of it. */
static void tell_unknown(const struct page *page)
{
    const struct record *record = page->record;
    if (log_is_without_answer(record)) {
        buffer_append_text(page->out, "an imported request; there is no answer with it");
    } else if (slice_equal_text(record->error_name, "no-code")) {
        buffer_append_text(page->out, "an answer came, ");
        append_status(page);
        buffer_append_text(page->out, ", but it has no code, so it may not be the exchange's: whether the exchange "
                                      "acted on it is not known");
    } else {
        buffer_append_text(page->out, "it left for the exchange and no whole answer came: whether the exchange acted "
                                      "on it is not known");
    }
}

static void tell_dry_run(const struct page *page)
{
    buffer_append_text(page->out, "a dry run: nothing left for the exchange; the upstream request is what would have");
}

static void tell_in_flight(const struct page *page)
{
    buffer_append_text(page->out, "it has not ended yet: what was to be sent is recorded, no outcome");
}

static void append_sentence(const struct page *page)
{
    char text[RECORD_ID_TEXT_MAX];
    static void (*const tell[RECORD_OUTCOME_COUNT])(const struct page *page) = {
        [RECORD_IN_FLIGHT] = tell_in_flight,   [RECORD_OK] = tell_ok,           [RECORD_API_ERROR] = tell_api_error,
        [RECORD_HTTP_ERROR] = tell_http_error, [RECORD_REFUSED] = tell_refused, [RECORD_NOT_SENT] = tell_not_sent,
        [RECORD_UNKNOWN] = tell_unknown,       [RECORD_DRY_RUN] = tell_dry_run,
    };
    enum record_outcome outcome = page->record->outcome;
    enum terminal_style style = log_record_style(page->record);
    terminal_style_begin(page->out, page->terminal, TERMINAL_BOLD);
    buffer_append_format(page->out, "exchange %s", record_id_text(text, page->record->id));
    terminal_style_end(page->out, page->terminal, TERMINAL_BOLD);
    buffer_append_text(page->out, ": ");
    terminal_style_begin(page->out, page->terminal, style);
    if ((size_t)outcome < ARRAY_LENGTH(tell))
        tell[outcome](page);
    terminal_style_end(page->out, page->terminal, style);
    buffer_append_text(page->out, "\n\n");
}

/* What the catalogue has for a failure, and how to see the rest. */
static void append_meaning(const struct page *page)
{
    const struct catalogue_entry *entry = catalogue_of_record(page->record);
    if (entry == NULL)
        return;
    append_fact(page, "meaning", slice_text(entry->summary));
    begin_fact(page, "");
    buffer_append_format(page->out, "countersign explain %s", entry->name);
    end_fact(page);
}

/* What was found out later; or, of what may have changed something, how to find it out. */
static void append_reconciled(const struct page *page)
{
    const struct record *record = page->record;
    char id[RECORD_ID_TEXT_MAX];
    bool only_looks = slice_equal_text(record->method, "GET") || slice_equal_text(record->method, "HEAD");
    if (record->outcome != RECORD_UNKNOWN || record->id < 0 || only_looks)
        return;
    if (record->reconciled.length > 0) {
        begin_fact(page, "reconciled");
        append_text(page, record->reconciled_detail);
        buffer_append_text(page->out, " (asked at ");
        log_append_local_time(page->out, record->reconciled_us, page->now_us, false);
        buffer_append_byte(page->out, ')');
        end_fact(page);
    }
    if (record->is_settled)
        return;
    begin_fact(page, record->reconciled.length > 0 ? "" : "what became");
    buffer_append_format(page->out, "countersign reconcile %s", record_id_text(id, record->id));
    end_fact(page);
}

static void append_request_facts(const struct page *page)
{
    const struct record *record = page->record;
    char utc[CLOCK_TEXT_MAX];
    begin_fact(page, "request");
    append_text(page, record->method);
    buffer_append_byte(page->out, ' ');
    append_text(page, record->target);
    end_fact(page);
    if (record->received_us != 0) {
        begin_fact(page, "received");
        log_append_local_time(page->out, record->received_us, page->now_us, false);
        buffer_append_format(page->out, " (%s)\n", clock_format_utc(utc, record->received_us));
    }
    append_fact(page, "outcome",
                slice_text(log_is_without_answer(record) ? LOG_WITHOUT_ANSWER : record_outcome_name(record->outcome)));
    append_fact(page, "error", record->error_name);
    append_fact(page, "", record->error_message);
    append_meaning(page);
    append_reconciled(page);
}

static void append_party_facts(const struct page *page)
{
    const struct record *record = page->record;
    append_fact(page, "listener", record->listener);
    begin_fact(page, "client");
    append_text(page, record->client_address.length > 0 ? record->client_address : SLICE_LITERAL("address not known"));
    if (record->client_uid >= 0)
        buffer_append_format(page->out, ", uid %lld", (long long)record->client_uid);
    end_fact(page);
    if (record->account.length == 0)
        return;
    begin_fact(page, "account");
    append_text(page, record->account);
    if (record->api_key_masked.length > 0) {
        buffer_append_text(page->out, ", key ");
        append_text(page, record->api_key_masked);
    }
    end_fact(page);
}

/* The check of what the client signed itself. */
static void append_own_signature(const struct page *page)
{
    static const struct {
        const char *text;
        bool can_be_verified; /* there is more to be found out with the account's secret */
    } rows[RECORD_CLIENT_SIGNATURE_COUNT] = {
        [RECORD_CLIENT_SIGNATURE_RIGHT] = { "right", false },
        [RECORD_CLIENT_SIGNATURE_WRONG] = { "wrong", true },
        [RECORD_CLIENT_SIGNATURE_STALE] = { "stale (right, but its X-CS-EXPIRES is too far from the clock)", true },
        [RECORD_CLIENT_SIGNATURE_OTHER_KEY] = { "other_key (not the account's, so it was not checked)", false },
        [RECORD_CLIENT_SIGNATURE_UNREADABLE] = { "unreadable (the three X-CS fields, each once; expires a number)",
                                                 false },
        [RECORD_CLIENT_SIGNATURE_UNKNOWN] = { "unknown (the key of its window was not at hand)", true },
    };
    const struct record *record = page->record;
    char id[RECORD_ID_TEXT_MAX];
    if ((size_t)record->client_signature >= ARRAY_LENGTH(rows) || rows[record->client_signature].text == NULL)
        return;
    begin_fact(page, "client's");
    buffer_append_format(page->out, "own signature: %s", rows[record->client_signature].text);
    if (rows[record->client_signature].can_be_verified)
        buffer_append_format(page->out, ": see `countersign verify %s`", record_id_text(id, record->id));
    end_fact(page);
}

static void append_signature_facts(const struct page *page)
{
    const struct record *record = page->record;
    char sha256[2 * sizeof(record->payload_sha256)], utc[CLOCK_TEXT_MAX];
    if (!record->is_signed) {
        append_fact(page, "signature", SLICE_LITERAL("not signed by this proxy"));
        return;
    }
    hex_encode(sha256, record->payload_sha256, sizeof(record->payload_sha256));
    begin_fact(page, "payload");
    buffer_append_format(page->out, "%llu bytes of query and body\n", (unsigned long long)record->payload_length);
    append_fact(page, "  SHA-256", slice_of(sha256, sizeof(sha256)));
    begin_fact(page, "expires");
    buffer_append_format(page->out, "%lld (%s), window %llu\n", (long long)record->expires_ms,
                         clock_format_utc(utc, record->expires_ms * 1000), (unsigned long long)record->window);
    append_fact(page, "signature", slice_of(record->signature, sizeof(record->signature)));
}

static void append_clock(const struct page *page)
{
    const struct record *record = page->record;
    if (record->clock_bound_us == 0)
        return;
    begin_fact(page, "clock");
    buffer_append_format(page->out, "the exchange's was %.3f s %s this machine's (± %.3f s)\n",
                         (double)llabs(record->clock_offset_us) / 1e6,
                         record->clock_offset_us < 0 ? "behind" : "ahead of", (double)record->clock_bound_us / 1e6);
}

static void append_wait(const struct page *page)
{
    if (page->record->waited_us == 0)
        return;
    begin_fact(page, "waited");
    buffer_append_format(page->out,
                         "%.3f s for its turn: the exchange allows so many requests in a time (rate, ip_rate)\n",
                         (double)page->record->waited_us / 1e6);
}

/* "192.0.2.1:443", "[2001:db8::1]:443" */
static void append_address(const struct page *page, struct slice address, int port)
{
    bool bracket = slice_find(address, ':') < address.length;
    if (address.length == 0) { /* of an imported exchange */
        buffer_append_text(page->out, "an address not known");
        return;
    }
    buffer_append_text(page->out, bracket ? "[" : "");
    append_text(page, address);
    buffer_append_text(page->out, bracket ? "]" : "");
    if (port != 0)
        buffer_append_format(page->out, ":%d", port);
}

static void append_connection_facts(const struct page *page)
{
    const struct record_connection *connection = &page->record->connection;
    if (connection->ip_family == 0) {
        append_fact(page, "connection", SLICE_LITERAL("none"));
        return;
    }
    begin_fact(page, "connection");
    append_address(page, connection->local_address, connection->local_port);
    buffer_append_text(page->out, " to ");
    append_address(page, connection->remote_address, connection->remote_port);
    buffer_append_format(page->out, " (IPv%d, %s)\n", connection->ip_family, connection->reused ? "reused" : "new");
    begin_fact(page, "");
    append_text(page, connection->http_version);
    buffer_append_text(page->out, connection->http_version.length > 0 ? ", " : "");
    append_text(page, connection->tls_version.length > 0 ? connection->tls_version : SLICE_LITERAL("no TLS"));
    buffer_append_text(page->out, connection->tls_cipher.length > 0 ? " " : "");
    append_text(page, connection->tls_cipher);
    if (page->record->attempts != 1)
        buffer_append_format(page->out, ", %u attempts", page->record->attempts);
    end_fact(page);
}

static double milliseconds(int64_t us)
{
    return (double)us / 1000.0;
}

/* A line for each stage that was reached: since the first one, and since the one before. */
static void append_timings(const struct page *page)
{
    const struct record *record = page->record;
    const struct {
        const char *name;
        int64_t wall_us;
    } stages[] = {
        { "received", record->received_us },     { "connected", record->connected_us },
        { "signed", record->signed_us },         { "sent", record->sent_us },
        { "first byte", record->first_byte_us }, { "complete", record->complete_us },
        { "replied", record->replied_us },
    };
    int64_t first_us = 0, last_us = 0;
    buffer_append_byte(page->out, '\n');
    begin_fact(page, "stage");
    terminal_style_begin(page->out, page->terminal, TERMINAL_DIM);
    buffer_append_format(page->out, "%12s%12s", "ms", "step");
    terminal_style_end(page->out, page->terminal, TERMINAL_DIM);
    end_fact(page);
    for (size_t i = 0; i < ARRAY_LENGTH(stages); i++) {
        if (stages[i].wall_us == 0)
            continue;
        if (first_us == 0)
            first_us = last_us = stages[i].wall_us;
        begin_fact(page, stages[i].name);
        buffer_append_format(page->out, "%12.3f%12.3f\n", milliseconds(stages[i].wall_us - first_us),
                             milliseconds(stages[i].wall_us - last_us));
        last_us = stages[i].wall_us;
    }
    if (record->replied_us != 0 && !record->delivered)
        append_fact(page, "", SLICE_LITERAL("the client did not take the whole reply"));
}

void log_append_facts(struct buffer *out, const struct terminal *terminal, const struct record *record, int64_t now_us)
{
    const struct page page = { .out = out, .terminal = terminal, .record = record, .now_us = now_us };
    append_sentence(&page);
    append_request_facts(&page);
    append_party_facts(&page);
    append_signature_facts(&page);
    append_own_signature(&page);
    append_clock(&page);
    append_wait(&page);
    append_connection_facts(&page);
    append_timings(&page);
}
