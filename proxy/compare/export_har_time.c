/* An entry's timings in HAR (4.16). Pure; any thread.
 *
 * received → connected → (signed) → sent → first byte → complete. send, wait and receive must be there and not negative;
 * -1 says of the others that they do not apply. `time` is the sum of those that do. `ssl` is part of `connect`, and its own
 * share is not recorded. */
#include "export_har.h"

#include "countersign/compiler.h"

enum timing { BLOCKED, DNS, CONNECT, SSL, SEND, WAIT, RECEIVE, TIMING_COUNT };

enum { NOT_KNOWN = -1, MS_US = 1000 };

/* What passed between two moments, 0 where one is not known or the clock was set back. */
static int64_t between(int64_t from_us, int64_t to_us)
{
    return from_us != 0 && to_us > from_us ? to_us - from_us : 0;
}

static int64_t first_known(int64_t a, int64_t b)
{
    return a != 0 ? a : b;
}

static void measure(int64_t timings[TIMING_COUNT], const struct har_sides *sides, const struct record *record)
{
    for (size_t i = 0; i < TIMING_COUNT; i++)
        timings[i] = i >= SEND ? 0 : NOT_KNOWN;
    if (sides->is_clients) {
        timings[WAIT] = between(record->received_us, record->replied_us);
        return;
    }
    int64_t connected_us = first_known(record->connected_us, record->received_us);
    int64_t sent_us = first_known(record->sent_us, first_known(record->signed_us, connected_us));
    int64_t end_us = first_known(record->complete_us, record->replied_us);
    enum timing ready = record->connection.reused ? BLOCKED : CONNECT;
    timings[ready] = between(record->received_us, connected_us);
    timings[SEND] = between(connected_us, sent_us);
    timings[WAIT] = between(sent_us, first_known(record->first_byte_us, end_us));
    timings[RECEIVE] = between(record->first_byte_us, end_us);
}

static void append_ms(struct buffer *out, const char *name, int64_t us)
{
    har_name(out, name);
    if (us == NOT_KNOWN)
        buffer_append_text(out, "-1");
    else
        buffer_append_format(out, "%lld.%03lld", (long long)(us / MS_US), (long long)(us % MS_US));
}

void har_append_timings(struct buffer *out, const struct har_sides *sides, const struct record *record)
{
    static const char *const names[TIMING_COUNT] = {
        [BLOCKED] = "blocked", [DNS] = "dns",   [CONNECT] = "connect", [SSL] = "ssl",
        [SEND] = "send",       [WAIT] = "wait", [RECEIVE] = "receive",
    };
    int64_t timings[TIMING_COUNT], sum = 0;
    measure(timings, sides, record);
    for (size_t i = 0; i < TIMING_COUNT; i++)
        sum += timings[i] == NOT_KNOWN ? 0 : timings[i];
    append_ms(out, "time", sum);
    har_name(out, "timings");
    buffer_append_byte(out, '{');
    for (size_t i = 0; i < TIMING_COUNT; i++)
        append_ms(out, names[i], timings[i]);
    buffer_append_byte(out, '}');
}
