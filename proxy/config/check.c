/* What no single value shows. Values that were refused are left out, so that one mistake is one line. Owns nothing; one
 * thread. */
#include "check.h"

#include "check_exposure.h"
#include "check_pace.h"

#include "countersign/endpoint.h"
#include "number.h"
#include "rules.h"
#include "value.h"
#include "words.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* What admitting one request of the largest size takes (journal_admit): its body in the intent and again in the outcome, as
 * received and as sent, and the room that a frame leaves unused at most; with room for an answer. */
enum { RING_BODIES = 8, RING_REST = 1 << 20 };

enum { KEEP_MIB_LEAST = 64 };

enum { REFERENCE_MAX = 2 * CONFIG_TITLE_MAX + 16 }; /* bytes: a section's title and a key, and words around them */

static size_t key_of(enum config_kind kind, const char *name)
{
    return config_key_find(kind, slice_text(name));
}

/* Whether all keys named (up to a NULL) hold good values. */
static bool are_set(const struct config_section *section, const char *const *names)
{
    bool all = true;
    for (size_t i = 0; names[i] != NULL; i++)
        all = all && section->slots[key_of(section->kind, names[i])].set;
    return all;
}

/* The place of the first of two keys that was given; where none was, the section's. */
static const struct config_place *place_of_either(const struct config_section *a, const char *a_key,
                                                  const struct config_section *b, const char *b_key)
{
    size_t first = key_of(a->kind, a_key);
    return a->slots[first].given ? &a->slots[first].place : config_draft_place(b, key_of(b->kind, b_key));
}

static void append_number(struct buffer *out, enum config_type type, int64_t number)
{
    buffer_init(out, 32);
    config_number_append(out, type, number);
}

static void check_ring(struct config_draft *draft)
{
    const struct config_section *proxy = config_draft_find(draft, CONFIG_KIND_PROXY, NULL);
    const struct config_section *capture = config_draft_find(draft, CONFIG_KIND_CAPTURE, NULL);
    if (proxy == NULL || capture == NULL || !are_set(proxy, (const char *const[]){ "body_max", NULL }) ||
        !are_set(capture, (const char *const[]){ "ring_size", NULL }))
        return;
    int64_t least = RING_BODIES * proxy->values.proxy.body_max + RING_REST;
    if (capture->values.capture.ring_size > least)
        return;
    struct buffer ring, body, bound;
    append_number(&ring, CONFIG_TYPE_SIZE, capture->values.capture.ring_size);
    append_number(&body, CONFIG_TYPE_SIZE, proxy->values.proxy.body_max);
    append_number(&bound, CONFIG_TYPE_SIZE, least);
    config_problem_add(
        &draft->problems, place_of_either(capture, "ring_size", proxy, "body_max"),
        "[capture] ring_size: must be more than 8 * [proxy] body_max + 1MiB, which is %s with body_max = "
        "%s; it is %s",
        buffer_text(&bound), buffer_text(&body), buffer_text(&ring));
    buffer_free(&ring);
    buffer_free(&body);
    buffer_free(&bound);
}

/* A smaller bound would be reached by the database's own overhead. */
static void check_keep(struct config_draft *draft, struct config_section *section)
{
    int64_t mib = section->values.capture.keep_mib;
    if (are_set(section, (const char *const[]){ "keep_mib", NULL }) && mib != 0 && mib < KEEP_MIB_LEAST)
        config_problem_add(&draft->problems, config_draft_place(section, key_of(section->kind, "keep_mib")),
                           "[capture] keep_mib: must be 0 (no bound) or at least %d; it is %d", KEEP_MIB_LEAST,
                           (int)mib); /* below the other */
}

/* `timeout` runs from the call to the whole answer, so a longer connect_timeout would never be reached. Where only
 * `timeout` was given, the other's default gives way. */
static void check_timeouts(struct config_draft *draft, struct config_section *section)
{
    struct config_upstream *upstream = &section->values.upstream;
    char title[CONFIG_TITLE_MAX];
    if (!are_set(section, (const char *const[]){ "connect_timeout", "timeout", NULL }) ||
        upstream->connect_timeout <= upstream->timeout)
        return;
    if (!section->slots[key_of(section->kind, "connect_timeout")].given) {
        upstream->connect_timeout = upstream->timeout;
        return;
    }
    struct buffer connecting, whole;
    append_number(&connecting, CONFIG_TYPE_DURATION, upstream->connect_timeout);
    append_number(&whole, CONFIG_TYPE_DURATION, upstream->timeout);
    config_problem_add(&draft->problems, place_of_either(section, "connect_timeout", section, "timeout"),
                       "%s connect_timeout: must not exceed timeout, which includes it; it is %s, and timeout is %s",
                       config_section_title(title, section), buffer_text(&connecting), buffer_text(&whole));
    buffer_free(&connecting);
    buffer_free(&whole);
}

/* Likewise: where only `connections` was given, the other's default gives way. */
static void check_warm(struct config_draft *draft, struct config_section *section)
{
    struct config_upstream *upstream = &section->values.upstream;
    char title[CONFIG_TITLE_MAX];
    if (!are_set(section, (const char *const[]){ "warm", "connections", NULL }) ||
        upstream->warm <= upstream->connections)
        return;
    if (!section->slots[key_of(section->kind, "warm")].given) {
        upstream->warm = upstream->connections;
        return;
    }
    config_problem_add(&draft->problems, place_of_either(section, "warm", section, "connections"),
                       "%s warm: must not exceed connections; it is %lld, and connections is %lld",
                       config_section_title(title, section), (long long)upstream->warm,
                       (long long)upstream->connections);
}

static void check_family(struct config_draft *draft, const struct config_section *section)
{
    const struct config_upstream *upstream = &section->values.upstream;
    char title[CONFIG_TITLE_MAX];
    if (!are_set(section, (const char *const[]){ "bind_address", "ip_family", NULL }) ||
        upstream->bind_address[0] == '\0' || upstream->ip_family == CONFIG_IP_ANY)
        return;
    bool is_v6 = strchr(upstream->bind_address, ':') != NULL;
    if (is_v6 != (upstream->ip_family == CONFIG_IP_V6))
        config_problem_add(&draft->problems, place_of_either(section, "bind_address", section, "ip_family"),
                           "%s bind_address: \"%s\" is an %s address, but ip_family is %s",
                           config_section_title(title, section), upstream->bind_address, is_v6 ? "IPv6" : "IPv4",
                           is_v6 ? "ipv4" : "ipv6");
}

/* "[listener bot] account" into `text` of REFERENCE_MAX bytes. */
static const char *write_reference(char *text, const struct config_section *section, const char *key)
{
    char title[CONFIG_TITLE_MAX];
    (void)snprintf(text, REFERENCE_MAX, "%s %s", config_section_title(title, section), key); /* sized for it */
    return text;
}

static void complain_unnamed(struct config_draft *draft, const struct config_section *listener, enum config_kind kind)
{
    struct buffer names;
    char where[REFERENCE_MAX];
    buffer_init(&names, CONFIG_PROBLEM_LENGTH_MAX / 2);
    config_draft_append_names(&names, draft, kind); /* what fits is shown */
    config_problem_add(&draft->problems, &listener->place, "%s: a listener must name its %s; %s",
                       write_reference(where, listener, config_kinds[kind].name), config_kinds[kind].name,
                       buffer_text(&names));
    buffer_free(&names);
}

/* Where a listener's key names a section that is there, that section's index among its kind. */
static void resolve(struct config_draft *draft, const struct config_section *listener, const char *key,
                    enum config_kind kind, const char *name, size_t *index)
{
    size_t among = 0;
    for (size_t i = 0; i < draft->section_count; i++) {
        if (draft->sections[i].kind != kind)
            continue;
        if (strcmp(draft->sections[i].name, name) == 0) {
            *index = among;
            return;
        }
        among++;
    }
    const struct config_place *place = config_draft_place(listener, key_of(CONFIG_KIND_LISTENER, key));
    char where[REFERENCE_MAX];
    if (place->origin == CONFIG_ORIGIN_DEFAULT)
        (void)snprintf(where, sizeof(where), "without a [listener NAME] there is [listener %s], %s = %s",
                       listener->name, key, name); /* built-in names: it fits */
    else
        (void)write_reference(where, listener, key); /* returns its argument */
    config_words_missing_section(draft, place, where, kind, slice_text(name));
}

/* The one upstream there is need not be named: it is only a host. */
static bool name_only_upstream(struct config_draft *draft, struct config_section *listener)
{
    size_t key = key_of(CONFIG_KIND_LISTENER, "upstream");
    const struct config_section *first = config_draft_find(draft, CONFIG_KIND_UPSTREAM, NULL);
    if (listener->slots[key].given || first == NULL || config_draft_count(draft, CONFIG_KIND_UPSTREAM) != 1)
        return false;
    config_draft_set(draft, listener, key, slice_text(first->name), &listener->place);
    listener->slots[key].given = false; /* nobody wrote it */
    return true;
}

/* The account is always named: whose money it is, is never left to what else stands in the file. */
static void check_references(struct config_draft *draft, struct config_section *section)
{
    struct config_listener *listener = &section->values.listener;
    const struct config_slot *upstream = &section->slots[key_of(CONFIG_KIND_LISTENER, "upstream")];
    const struct config_slot *account = &section->slots[key_of(CONFIG_KIND_LISTENER, "account")];
    if (!name_only_upstream(draft, section) && !upstream->set && !upstream->given)
        complain_unnamed(draft, section, CONFIG_KIND_UPSTREAM);
    if (!account->set && !account->given)
        complain_unnamed(draft, section, CONFIG_KIND_ACCOUNT);
    if (upstream->set)
        resolve(draft, section, "upstream", CONFIG_KIND_UPSTREAM, listener->upstream_name, &listener->upstream);
    if (account->set)
        resolve(draft, section, "account", CONFIG_KIND_ACCOUNT, listener->account_name, &listener->account);
}

/* The address as the kernel sees it; false for one that can be used twice (port 0: the kernel picks). */
static bool claimed_address(char *text, const struct config_section *listener)
{
    struct endpoint endpoint;
    struct error error;
    const struct sockaddr *address = (const struct sockaddr *)&endpoint.address;
    if (!are_set(listener, (const char *const[]){ "listen", NULL }) ||
        !endpoint_parse(&endpoint, listener->values.listener.listen, &error))
        return false;
    (void)endpoint_format(text, address, endpoint.length); /* returns its argument */
    return address->sa_family == AF_UNIX || endpoint_port(address) != 0;
}

/* Complains of the later of two listeners on one address. */
static void check_address(struct config_draft *draft, const struct config_section *later)
{
    char address[ENDPOINT_TEXT_MAX];
    char other[ENDPOINT_TEXT_MAX];
    char title[CONFIG_TITLE_MAX];
    char where[REFERENCE_MAX];
    for (const struct config_section *earlier = draft->sections; earlier < later; earlier++) {
        if (earlier->kind != CONFIG_KIND_LISTENER || !claimed_address(address, later) ||
            !claimed_address(other, earlier) || strcmp(address, other) != 0)
            continue;
        config_problem_add(&draft->problems, config_draft_place(later, key_of(CONFIG_KIND_LISTENER, "listen")),
                           "%s: %s is the address of %s already", write_reference(where, later, "listen"), address,
                           config_section_title(title, earlier));
        return;
    }
}

static void check_upstream(struct config_draft *draft, struct config_section *section)
{
    check_timeouts(draft, section);
    check_warm(draft, section);
    check_family(draft, section);
    config_check_ip_rate(draft, section);
}

static void check_listener(struct config_draft *draft, struct config_section *section)
{
    check_references(draft, section);
    check_address(draft, section);
    config_check_exposure(draft, section);
    config_rules_finish(draft, section);
}

/* Or what the other key allows could never come whole. */
static void check_buffer(struct config_draft *draft)
{
    static const struct {
        const char *key;
        size_t offset;
    } least[] = { { "response_max", offsetof(struct config_proxy, response_max) },
                  { "body_max", offsetof(struct config_proxy, body_max) } };
    const struct config_section *proxy = config_draft_find(draft, CONFIG_KIND_PROXY, NULL);
    for (size_t i = 0; proxy != NULL && i < ARRAY_LENGTH(least); i++) {
        const char *values = (const char *)&proxy->values.proxy;
        int64_t bound = *(const int64_t *)(const void *)(values + least[i].offset);
        if (!are_set(proxy, (const char *const[]){ "buffer_max", least[i].key, NULL }) ||
            proxy->values.proxy.buffer_max >= bound)
            continue;
        struct buffer room, other;
        append_number(&room, CONFIG_TYPE_SIZE, proxy->values.proxy.buffer_max);
        append_number(&other, CONFIG_TYPE_SIZE, bound);
        config_problem_add(&draft->problems, place_of_either(proxy, "buffer_max", proxy, least[i].key),
                           "[proxy] buffer_max: must be at least %s, which is %s; it is %s", least[i].key,
                           buffer_text(&other), buffer_text(&room));
        buffer_free(&room);
        buffer_free(&other);
    }
}

void config_check(struct config_draft *draft)
{
    static void (*const checks[CONFIG_KIND_COUNT])(struct config_draft *, struct config_section *) = {
        [CONFIG_KIND_PROXY] = config_check_admin,
        [CONFIG_KIND_CAPTURE] = check_keep,
        [CONFIG_KIND_UPSTREAM] = check_upstream,
        [CONFIG_KIND_LISTENER] = check_listener,
    };
    check_ring(draft);
    check_buffer(draft);
    for (size_t i = 0; i < draft->section_count; i++) {
        if (checks[draft->sections[i].kind] != NULL)
            checks[draft->sections[i].kind](draft, &draft->sections[i]);
    }
}
