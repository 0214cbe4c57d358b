/* Who may ask, by what a request says of itself. Pure; any thread. */
#include "countersign/caller.h"

#include "field_name.h"

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

/* Its own address, with its own port or none. */
static bool is_local(struct slice value, struct slice local)
{
    return slice_equal_caseless(value, local) || slice_equal_caseless(value, host_part(local));
}

/* An allowed name with a port is meant with it alone. */
static bool is_allowed(struct slice value, struct slice host, const struct caller_hosts *allowed)
{
    for (size_t i = 0; i < allowed->count; i++) {
        struct slice name = allowed->names[i];
        if (slice_equal_caseless(host_part(name).length == name.length ? host : value, name))
            return true;
    }
    return false;
}

static bool may_be_named(struct slice value, const struct caller_names *names)
{
    struct slice host = host_part(value);
    return is_local(value, slice_text(names->local)) || is_loopback_v4(host) || slice_equal_text(host, "[::1]") ||
           slice_equal_text_caseless(host, "localhost") || is_allowed(value, host, names->allowed) ||
           slice_equal_text_caseless(value, names->upstream_host);
}

enum caller_verdict caller_judge(struct http_fields fields, const struct caller_names *names)
{
    bool checks_host = !slice_starts_with(slice_text(names->local), "unix:");
    for (size_t i = 0; i < fields.count; i++) {
        const struct http_field *field = &fields.items[i];
        if (field_is_named(field, SLICE_LITERAL("Origin")))
            return CALLER_IS_A_BROWSER;
        if (field_is_named(field, SLICE_LITERAL("Sec-Fetch-Site")) && !slice_equal_text(field->value, "none"))
            return CALLER_IS_A_BROWSER;
        if (checks_host && field_is_named(field, SLICE_LITERAL("Host")) && !may_be_named(field->value, names))
            return CALLER_NAMES_ANOTHER_HOST;
    }
    return CALLER_MAY_ASK;
}

void caller_hosts_read(struct caller_hosts *hosts, const char *text)
{
    struct slice rest = slice_text(text), part;
    *hosts = (struct caller_hosts){ .count = 0 };
    while (hosts->count < CALLER_HOSTS_MAX && rest.data != NULL && slice_next_part(&rest, ',', &part)) {
        part = slice_trim_blanks(part);
        if (part.length > 0)
            hosts->names[hosts->count++] = part;
    }
}
