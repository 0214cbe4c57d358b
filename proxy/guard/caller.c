/* Who may ask. Pure; any thread. */
#include "countersign/caller.h"

#include <string.h>

/* "host", "host:port", "[v6]:port": the host's part. */
static struct slice host_part(struct slice value)
{
    if (value.length > 0 && value.data[0] == '[') {
        size_t end = slice_find(value, ']');
        bool is_whole = end + 1 >= value.length || value.data[end + 1] == ':';
        return is_whole ? slice_first(value, end + 1) : value;
    }
    return slice_first(value, slice_find(value, ':'));
}

/* 127.0.0.0/8 in its plain form: four decimal numbers. A name that begins with "127." is none. */
static bool is_loopback_v4(struct slice host)
{
    struct slice part;
    size_t count = 0;
    uint64_t number = 0;
    bool is_loopback = slice_starts_with(host, "127.");
    while (is_loopback && slice_next_part(&host, '.', &part)) {
        is_loopback = part.length <= 3 && slice_to_u64(part, &number) && number <= 255;
        count++;
    }
    return is_loopback && count == 4;
}

static bool names_this_listener(struct slice value, const char *upstream_host)
{
    struct slice host = host_part(value);
    return is_loopback_v4(host) || slice_equal_text(host, "[::1]") || slice_equal_text_caseless(host, "localhost") ||
           slice_equal_text_caseless(value, upstream_host);
}

enum caller_verdict caller_judge(struct http_fields fields, bool checks_host, const char *upstream_host)
{
    for (size_t i = 0; i < fields.count; i++) {
        struct http_field field = fields.items[i];
        if (slice_equal_text_caseless(field.name, "Origin"))
            return CALLER_IS_A_BROWSER;
        if (slice_equal_text_caseless(field.name, "Sec-Fetch-Site") && !slice_equal_text(field.value, "none"))
            return CALLER_IS_A_BROWSER;
        if (checks_host && slice_equal_text_caseless(field.name, "Host") &&
            !names_this_listener(field.value, upstream_host))
            return CALLER_NAMES_ANOTHER_HOST;
    }
    return CALLER_MAY_ASK;
}
