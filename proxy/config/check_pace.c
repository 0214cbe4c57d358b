/* What the exchange counts together: upstreams that reach it from one address have one rate. Owns nothing; any thread, the check
 * one. */
#include "check_pace.h"

#include "countersign/slice.h"

#include <string.h>

/* "https://api.coinstore.com:443" is "https://api.coinstore.com". */
static struct slice without_own_port(const char *url)
{
    static const char *const own[][2] = { { "https://", ":443" }, { "http://", ":80" } };
    struct slice text = slice_text(url);
    for (size_t i = 0; i < ARRAY_LENGTH(own); i++) {
        size_t port = strlen(own[i][1]);
        if (slice_starts_with(text, own[i][0]) && text.length > port &&
            slice_equal_text(slice_from(text, text.length - port), own[i][1]))
            return slice_first(text, text.length - port);
    }
    return text;
}

bool config_is_same_exchange(const struct config_upstream *one, const struct config_upstream *other)
{
    return slice_equal_caseless(without_own_port(one->url), without_own_port(other->url));
}

/* By an egress proxy, it is that one's address that the exchange sees. */
bool config_is_same_address(const struct config_upstream *one, const struct config_upstream *other)
{
    bool is_same_way = slice_equal_caseless(slice_text(one->proxy), slice_text(other->proxy)) &&
                       (one->proxy[0] != '\0' || strcmp(one->bind_address, other->bind_address) == 0);
    return is_same_way && config_is_same_exchange(one, other);
}

static bool is_set(const struct config_section *section)
{
    static const char *const keys[] = { "url", "proxy", "bind_address", "ip_rate" };
    bool all = true;
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        all = all && section->slots[config_key_find(section->kind, slice_text(keys[i]))].set;
    return all;
}

void config_check_ip_rate(struct config_draft *draft, const struct config_section *later)
{
    const size_t key = config_key_find(CONFIG_KIND_UPSTREAM, SLICE_LITERAL("ip_rate"));
    const struct config_upstream *values = &later->values.upstream;
    char title[CONFIG_TITLE_MAX], other[CONFIG_TITLE_MAX];
    for (const struct config_section *earlier = draft->sections; earlier < later; earlier++) {
        if (earlier->kind != CONFIG_KIND_UPSTREAM || !is_set(earlier) || !is_set(later) ||
            !config_is_same_address(&earlier->values.upstream, values) ||
            strcmp(earlier->values.upstream.ip_rate, values->ip_rate) == 0)
            continue;
        config_problem_add(&draft->problems, config_draft_place(later, key),
                           "%s ip_rate: must be that of %s, which reaches the same host from the same address, so that "
                           "the exchange counts both together; it is %s, and %s there",
                           config_section_title(title, later), config_section_title(other, earlier), values->ip_rate,
                           earlier->values.upstream.ip_rate);
        return;
    }
}
