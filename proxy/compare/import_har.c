/* HAR 1.2 as browsers and proxies write it: from the text to its entries, and an entry's facts. Pure; any thread.
 * Source: http://www.softwareishard.com/blog/har-12-spec/ */
#include "import_har.h"

#include "countersign/compiler.h"

#include <stdio.h>
#include <string.h>

static bool not_json(struct slice bytes, size_t offset, struct error *error)
{
    size_t line_begin = offset;
    while (line_begin > 0 && bytes.data[line_begin - 1] != '\n')
        line_begin--;
    return error_set(error, ERROR_INPUT,
                     "line %zu, byte %zu: this is no JSON, and a HAR file is JSON of at most %d levels",
                     import_line_number(bytes, offset), offset - line_begin + 1, JSON_DEPTH_MAX);
}

static bool check_json(struct slice bytes, struct error *error)
{
    struct json_scan scan;
    enum json_token token;
    json_scan_init(&scan, bytes);
    do
        token = json_scan_next(&scan, NULL);
    while (token != JSON_END && token != JSON_INVALID);
    return token == JSON_END || not_json(bytes, scan.offset, error);
}

static bool find_entries(struct slice *entries, struct slice bytes, struct error *error)
{
    struct import_member log = { .name = "log" }, member = { .name = "entries" };
    if (!check_json(bytes, error))
        return false;
    if (!import_json_members(bytes, &log, 1) || log.kind != JSON_OBJECT_BEGIN)
        return error_set(error, ERROR_INPUT, "this is JSON but no HAR: it is no object with an object `log`");
    if (!import_json_members(log.value, &member, 1) || member.kind != JSON_ARRAY_BEGIN)
        return error_set(error, ERROR_INPUT, "this is JSON but no HAR: its `log` has no array `entries`");
    *entries = member.value;
    return true;
}

static void note_left_out(struct import *import, const char *what, const char *why)
{
    if (import->left_out++ == 0)
        (void)snprintf(import->reason, sizeof(import->reason), "%s: %s", what, why); /* cut to fit */
}

static int64_t add_duration(int64_t at_us, const struct import_member *timing)
{
    int64_t us;
    if (timing->kind != JSON_NUMBER || !import_duration_parse(&us, timing->value))
        return at_us; /* -1: it does not apply */
    return at_us + us;
}

/* Phases follow each other: blocked, dns, connect (with ssl in it), send, wait, receive. */
static void take_timings(struct record *record, const struct import_member *timings)
{
    enum { BLOCKED, DNS, CONNECT, SEND, WAIT, RECEIVE, COUNT };
    struct import_member phase[COUNT] = {
        { .name = "blocked" }, { .name = "dns" },  { .name = "connect" },
        { .name = "send" },    { .name = "wait" }, { .name = "receive" },
    };
    if (record->received_us == 0 || timings->kind != JSON_OBJECT_BEGIN ||
        !import_json_members(timings->value, phase, COUNT))
        return;
    int64_t begun_us = add_duration(add_duration(record->received_us, &phase[BLOCKED]), &phase[DNS]);
    int64_t connected_us = add_duration(begun_us, &phase[CONNECT]);
    record->connected_us = connected_us > begun_us ? connected_us : 0;
    record->connection.reused = phase[CONNECT].kind == JSON_NUMBER && slice_equal_text(phase[CONNECT].value, "-1");
    record->sent_us = add_duration(connected_us, &phase[SEND]);
    if (record->views[RECORD_UPSTREAM_RESPONSE].head.length == 0)
        return;
    record->first_byte_us = add_duration(record->sent_us, &phase[WAIT]);
    record->complete_us = add_duration(record->first_byte_us, &phase[RECEIVE]);
    record->replied_us = record->complete_us;
}

static bool take_address(struct import *import, struct record *record, const struct import_member *address,
                         const struct import_member *port, struct error *error)
{
    struct slice text;
    uint64_t number;
    if (port->kind == JSON_NUMBER && slice_to_u64(port->value, &number) && number <= UINT16_MAX)
        record->connection.remote_port = (int)number;
    if (address->kind != JSON_STRING)
        return true;
    if (!import_json_text(import, &text, address->value, error))
        return false;
    if (text.length > 2 && text.data[0] == '[' && text.data[text.length - 1] == ']') /* Chrome's IPv6 */
        text = slice_of(text.data + 1, text.length - 2);
    record->connection.remote_address = text;
    if (text.length > 0)
        record->connection.ip_family = slice_find(text, ':') < text.length ? 6 : 4;
    return true;
}

static bool take_start(struct record *record, const struct import_member *started)
{
    return started->kind != JSON_STRING || /* the time is then not known */
           import_time_parse(&record->received_us, slice_of(started->value.data + 1, started->value.length - 2));
}

enum { ENTRY_STARTED, ENTRY_REQUEST, ENTRY_RESPONSE, ENTRY_TIMINGS, ENTRY_ADDRESS, ENTRY_PORT, ENTRY_OWN, ENTRY_COUNT };

/* Into a record that is taken back where the entry is left out. */
static bool read_messages(struct import *import, struct record *record, const struct import_member *entry,
                          const char **left_out, struct error *error)
{
    if (!import_har_request(import, record, entry[ENTRY_REQUEST].value, left_out, error))
        return false;
    if (*left_out != NULL || entry[ENTRY_RESPONSE].kind != JSON_OBJECT_BEGIN)
        return true;
    return import_har_response(import, record, entry[ENTRY_RESPONSE].value, error);
}

static bool read_foreign_entry(struct import *import, struct record *record, const struct import_member *entry,
                               const char **left_out, struct error *error)
{
    if (entry[ENTRY_REQUEST].kind != JSON_OBJECT_BEGIN)
        return error_set(error, ERROR_INPUT, "it has no object `request`");
    if (!read_messages(import, record, entry, left_out, error))
        return false;
    if (*left_out != NULL)
        return true;
    if (!take_start(record, &entry[ENTRY_STARTED]))
        return error_set(error, ERROR_INPUT,
                         "startedDateTime is no time as in 2026-02-10T16:53:14.290Z, with Z or an offset");
    take_timings(record, &entry[ENTRY_TIMINGS]);
    record->delivered = record->views[RECORD_CLIENT_RESPONSE].head.length > 0;
    return take_address(import, record, &entry[ENTRY_ADDRESS], &entry[ENTRY_PORT], error);
}

static bool read_entry(struct import *import, struct slice text, const char *what, struct error *error)
{
    struct import_member entry[ENTRY_COUNT] = {
        [ENTRY_STARTED] = { .name = "startedDateTime" }, [ENTRY_REQUEST] = { .name = "request" },
        [ENTRY_RESPONSE] = { .name = "response" },       [ENTRY_TIMINGS] = { .name = "timings" },
        [ENTRY_ADDRESS] = { .name = "serverIPAddress" }, [ENTRY_PORT] = { .name = "_remotePort" },
        [ENTRY_OWN] = { .name = "_countersign" },
    };
    const char *left_out = NULL;
    if (!import_json_members(text, entry, ENTRY_COUNT))
        return error_set(error, ERROR_INPUT, "%s: it is no object", what);
    struct record *record = import_add(import, error);
    if (record == NULL)
        return error_prefix(error, "%s", what);
    bool is_own = entry[ENTRY_OWN].kind == JSON_OBJECT_BEGIN;
    if (!(is_own ? import_read_own_entry(import, record, entry[ENTRY_OWN].value, error)
                 : read_foreign_entry(import, record, entry, &left_out, error)))
        return error_prefix(error, "%s", what);
    if (left_out == NULL)
        return is_own || import_finish(import, record, what, error);
    import->count--;
    note_left_out(import, what, left_out);
    return true;
}

bool import_read_har(struct import *import, struct slice bytes, struct error *error)
{
    struct json_scan scan;
    struct slice entries = { NULL, 0 }, text;
    enum json_token kind;
    size_t number = 0;
    if (!find_entries(&entries, bytes, error) || !import_json_array_begin(&scan, entries))
        return false;
    while (import_json_array_next(&scan, &text, &kind)) {
        char what[32];
        (void)snprintf(what, sizeof(what), "entry %zu", ++number); /* fits */
        if (!read_entry(import, text, what, error))
            return false;
    }
    if (import->count > 0)
        return true;
    if (number == 0)
        return error_set(error, ERROR_INPUT, "the HAR has no entries");
    return error_set(error, ERROR_INPUT, "no entry can be compared; %s", import->reason);
}
