/* The switches' values, as a user writes them. Pure. */
#include "rehearsal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    STATUS_MIN = 200, /* what an HTTP answer that ends an exchange can say */
    STATUS_MAX = 599,
    SHARE_DECIMALS = 6, /* MOCK_SHARE_ALL is 10^6 */
    WINDOWS_MAX = 1000
};

static const int64_t us_per_s = 1000000;
static const int64_t duration_max_us = INT64_C(366) * 24 * 3600 * 1000000; /* a year: no rehearsal is longer */

static const struct {
    const char *name;
    int64_t us;
} units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { "m", 60000000 }, { "h", INT64_C(3600000000) } };

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool duration_parse(int64_t *us, struct slice text)
{
    uint64_t number;
    size_t digits = 0;
    while (digits < text.length && is_digit(text.data[digits]))
        digits++;
    if (!slice_to_u64(slice_first(text, digits), &number) || number > (uint64_t)duration_max_us)
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (!slice_equal_text(slice_from(text, digits), units[i].name))
            continue;
        *us = (int64_t)number;
        return *us <= duration_max_us / units[i].us && (*us *= units[i].us, true);
    }
    return false;
}

static bool refuse_duration(struct slice text, struct error *error)
{
    return error_set(error, ERROR_USAGE,
                     "\"%.*s\" is not a duration: a whole number with us, ms, s, m or h, as in 250ms",
                     SLICE_ARGUMENTS(text));
}

static bool read_duration(int64_t *us, const char *value, struct error *error)
{
    return duration_parse(us, slice_text(value)) || refuse_duration(slice_text(value), error);
}

static bool read_clock_offset(struct mock_rehearsal *rehearsal, const char *value, struct error *error)
{
    struct slice text = slice_text(value);
    bool is_behind = slice_starts_with(text, "-");
    int64_t us;
    if (!duration_parse(&us, slice_from(text, is_behind || slice_starts_with(text, "+") ? 1 : 0)))
        return error_set(error, ERROR_USAGE,
                         "\"%s\" is not how far a clock is off: +45s is ahead, -45s behind; with us, ms, s, m or h",
                         value);
    rehearsal->clock_offset_us = is_behind ? -us : us;
    return true;
}

static bool read_close_idle(struct mock_rehearsal *rehearsal, const char *value, struct error *error)
{
    int64_t us = 0;
    if (!read_duration(&us, value, error))
        return false;
    if (us == 0 || us % us_per_s != 0)
        return error_set(error, ERROR_USAGE, "\"%s\" is not a number of whole seconds above 0, as in 2s", value);
    rehearsal->idle_timeout_us = us;
    return true;
}

static bool read_rate_limit(struct mock_rehearsal *rehearsal, const char *value, struct error *error)
{
    struct slice text = slice_text(value);
    size_t slash = slice_find(text, '/');
    if (!slice_to_u64(slice_first(text, slash), &rehearsal->rate_limit) || rehearsal->rate_limit == 0 ||
        slash == text.length)
        return error_set(error, ERROR_USAGE, "\"%s\" is not N/DURATION, as in 300/3s", value);
    struct slice period = slice_from(text, slash + 1);
    if (!duration_parse(&rehearsal->rate_period_us, period) || rehearsal->rate_period_us == 0)
        return refuse_duration(period, error);
    return true;
}

static bool read_seed(struct mock_rehearsal *rehearsal, const char *value, struct error *error)
{
    return slice_to_u64(slice_text(value), &rehearsal->seed) ||
           error_set(error, ERROR_USAGE, "\"%s\" is not a whole number", value);
}

static bool read_whitelist(struct mock_rehearsal *rehearsal, const char *value, struct error *error)
{
    struct slice rest = slice_text(value), part;
    while (slice_next_part(&rest, ',', &part)) {
        if (rehearsal->allowed_count == MOCK_ALLOWED_MAX)
            return error_set(error, ERROR_USAGE, "there are more than %d addresses", MOCK_ALLOWED_MAX);
        if (!mock_address_parse(&rehearsal->allowed[rehearsal->allowed_count], part))
            return error_set(error, ERROR_USAGE, "\"%.*s\" is not an IP address, as in 127.0.0.1 or ::1",
                             SLICE_ARGUMENTS(part));
        rehearsal->allowed_count++;
    }
    return true;
}

/* --- faults --- */

/* Bytes that no path has: they begin its parameters or the query, or end the target. */
static bool is_only_a_path(struct slice path)
{
    static const char others[] = ";?# \t";
    for (size_t i = 0; i < path.length; i++) {
        if (memchr(others, path.data[i], sizeof(others) - 1) != NULL)
            return false;
    }
    return true;
}

static bool add_fault(struct mock_rehearsal *rehearsal, const struct mock_fault *fault, struct error *error)
{
    struct slice path = fault->path;
    if (!slice_starts_with(path, "/") && !slice_equal_text(path, "*"))
        return error_set(error, ERROR_USAGE,
                         "\"%.*s\" is not a path: it begins with / as /api/trade/order/place, or is *",
                         SLICE_ARGUMENTS(path));
    if (slice_find(path, '*') + 1 < path.length)
        return error_set(error, ERROR_USAGE, "in \"%.*s\" the * does not stand at the end", SLICE_ARGUMENTS(path));
    if (!is_only_a_path(path))
        return error_set(error, ERROR_USAGE, "\"%.*s\" is more than a path: leave out parameters, query and blanks",
                         SLICE_ARGUMENTS(path));
    if (rehearsal->fault_count == MOCK_FAULTS_MAX)
        return error_set(error, ERROR_USAGE, "there are more than %d of these switches", MOCK_FAULTS_MAX);
    rehearsal->faults[rehearsal->fault_count++] = *fault;
    return true;
}

static bool add_plain_fault(struct mock_rehearsal *rehearsal, enum mock_fault_kind kind, const char *value,
                            struct error *error)
{
    struct mock_fault fault = {
        .kind = kind, .path = slice_text(value), .status = STATUS_MIN, .share = MOCK_SHARE_ALL
    };
    return add_fault(rehearsal, &fault, error);
}

/* Reads "0.25", "1" or "25%" as a share of MOCK_SHARE_ALL. */
static bool share_parse(uint32_t *share, struct slice text)
{
    bool is_percent = text.length > 0 && text.data[text.length - 1] == '%';
    if (is_percent)
        text.length--;
    int decimals = is_percent ? SHARE_DECIMALS - 2 : SHARE_DECIMALS;
    size_t point = slice_find(text, '.');
    struct slice fraction = slice_from(text, point + 1);
    uint64_t whole, part = 0;
    if (!slice_to_u64(slice_first(text, point), &whole) || whole > 100 || fraction.length > (size_t)decimals ||
        (point < text.length && !slice_to_u64(fraction, &part)))
        return false;
    for (size_t i = fraction.length; i < (size_t)decimals; i++)
        part *= 10;
    for (int i = 0; i < decimals; i++)
        whole *= 10;
    *share = (uint32_t)(whole + part); /* below 101 × 10^6 */
    return whole + part <= MOCK_SHARE_ALL;
}

/* "1401" or "http-503". */
static bool code_parse(struct mock_fault *fault, struct slice text)
{
    static const char prefix[] = "http-";
    uint64_t number;
    bool is_status = slice_starts_with(text, prefix);
    if (is_status)
        text = slice_from(text, sizeof(prefix) - 1);
    if (!slice_to_u64(text, &number) || number == 0 || text.length >= MOCK_CODE_MAX || text.data[0] == '0' ||
        (is_status && (number < STATUS_MIN || number > STATUS_MAX)))
        return false;
    memcpy(fault->code, text.data, text.length);
    fault->code[text.length] = '\0';
    fault->status = is_status ? (int)number : STATUS_MIN;
    return true;
}

/* The last '=' ends the path: what stands behind it holds none. */
static bool read_fail(struct mock_rehearsal *rehearsal, const char *value, struct error *error)
{
    struct mock_fault fault = { .kind = MOCK_FAULT_FAIL, .share = MOCK_SHARE_ALL };
    const char *equals = strrchr(value, '=');
    if (equals == NULL)
        return error_set(error, ERROR_USAGE, "\"%s\" is not PATH=CODE[:SHARE], as in /api/trade/order/place=1401:0.25",
                         value);
    struct slice rest = slice_text(equals + 1);
    size_t colon = slice_find(rest, ':');
    if (!code_parse(&fault, slice_first(rest, colon)))
        return error_set(error, ERROR_USAGE,
                         "\"%.*s\" is neither a code, as 1401, nor http- and a status from %d to %d",
                         SLICE_ARGUMENTS(slice_first(rest, colon)), STATUS_MIN, STATUS_MAX);
    if (colon < rest.length && !share_parse(&fault.share, slice_from(rest, colon + 1)))
        return error_set(error, ERROR_USAGE, "\"%.*s\" is not a share: from 0 to 1 as 0.25, or a percentage as 25%%",
                         SLICE_ARGUMENTS(slice_from(rest, colon + 1)));
    fault.path = slice_of(value, (size_t)(equals - value));
    return add_fault(rehearsal, &fault, error);
}

static bool read_windows(struct mock_rehearsal *rehearsal, const char *value, struct error *error)
{
    uint64_t number;
    if (!slice_to_u64(slice_text(value), &number) || number > WINDOWS_MAX)
        return error_set(error, ERROR_USAGE, "\"%s\" is not a number of windows, from 0 to %d", value, WINDOWS_MAX);
    rehearsal->windows_allowed = (int64_t)number;
    return true;
}

bool mock_rehearsal_set(struct mock_rehearsal *rehearsal, enum mock_switch which, const char *value,
                        struct error *error)
{
    switch (which) {
    case MOCK_SWITCH_IP_WHITELIST:
        return read_whitelist(rehearsal, value, error);
    case MOCK_SWITCH_CLOCK_OFFSET:
        return read_clock_offset(rehearsal, value, error);
    case MOCK_SWITCH_RATE_LIMIT:
        return read_rate_limit(rehearsal, value, error);
    case MOCK_SWITCH_LATENCY:
        return read_duration(&rehearsal->latency_us, value, error);
    case MOCK_SWITCH_JITTER:
        return read_duration(&rehearsal->jitter_us, value, error);
    case MOCK_SWITCH_SEED:
        return read_seed(rehearsal, value, error);
    case MOCK_SWITCH_FAIL:
        return read_fail(rehearsal, value, error);
    case MOCK_SWITCH_RESET:
        return add_plain_fault(rehearsal, MOCK_FAULT_RESET, value, error);
    case MOCK_SWITCH_STALL:
        return add_plain_fault(rehearsal, MOCK_FAULT_STALL, value, error);
    case MOCK_SWITCH_GARBAGE:
        return add_plain_fault(rehearsal, MOCK_FAULT_GARBAGE, value, error);
    case MOCK_SWITCH_CLOSE_IDLE:
        return read_close_idle(rehearsal, value, error);
    case MOCK_SWITCH_WINDOWS:
        return read_windows(rehearsal, value, error);
    case MOCK_SWITCH_COUNT:
    default:
        return error_set(error, ERROR_INTERNAL, "there is no such switch");
    }
}
