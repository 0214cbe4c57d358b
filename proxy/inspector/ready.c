/* /readyz: whether a request would be accepted now, part by part. Nothing is sent to find out. */
#include "inspector_internal.h"

#include "countersign/clock.h"
#include "countersign/json_write.h"

#include <stdio.h>
#include <string.h>

enum {
    STATE_MAX = 96,       /* bytes of a part's state in words */
    NAME_MAX_HERE = 64,   /* bytes of a part's name */
    USUAL_REQUEST = 4096, /* bytes of a request that the ring is asked to have room for */
    WINDOW_US = SCHEME_WINDOW_MS * 1000,
};

struct part {
    char name[NAME_MAX_HERE];
    char state[STATE_MAX];
    bool is_ready;
};

struct page {
    struct buffer *out;
    struct buffer missing; /* the same names as a list */
    bool is_ready;
    bool has_parts;
};

static void add_part(struct page *page, const struct part *part)
{
    struct buffer *out = page->out;
    (void)buffer_append_format(out, "%s{\"part\":", page->has_parts ? "," : ""); /* the caller looks at `failed` */
    (void)json_append_string(out, slice_text(part->name));
    (void)buffer_append_format(out, ",\"ready\":%s", part->is_ready ? "true" : "false");
    (void)json_append_member(out, "state", slice_text(part->state));
    (void)buffer_append_byte(out, '}');
    page->has_parts = true;
    if (part->is_ready)
        return;
    if (!page->is_ready)
        (void)buffer_append_byte(&page->missing, ',');
    (void)json_append_string(&page->missing, slice_text(part->name));
    page->is_ready = false;
}

/* --- the parts --- */

static void add_proxy(struct page *page, const struct inspector *inspector)
{
    bool is_draining = atomic_load(&inspector->draining);
    struct part part = { .name = "proxy", .is_ready = !is_draining };
    (void)snprintf(part.state, sizeof(part.state), "%s", is_draining ? "shutting down" : "running"); /* fits */
    add_part(page, &part);
}

static void add_signer(struct page *page, const struct inspector *inspector)
{
    struct part part = { .name = "signer", .is_ready = signer_client_is_alive(inspector->options.signer) };
    (void)snprintf(part.state, sizeof(part.state), "%s", part.is_ready ? "connected" : "gone"); /* fits */
    add_part(page, &part);
}

static bool holds(const struct inspector *inspector, size_t account, uint64_t window)
{
    struct signer_client_pair pair;
    bool held = signer_client_held_key(&pair, inspector->options.signer, account, window);
    explicit_bzero(&pair, sizeof(pair));
    return held;
}

int64_t ready_key_left_us(const struct inspector *inspector, size_t account)
{
    int64_t now_us = signer_client_time_us(inspector->options.signer, account);
    uint64_t window = scheme_window(now_us / 1000), last = window;
    if (!holds(inspector, account, window))
        return 0;
    while (last < window + 2 && holds(inspector, account, last + 1))
        last++;
    return (int64_t)(last + 1) * WINDOW_US - now_us;
}

/* Whether a listener joins it now. The first worker speaks for all: they differ for moments of a reload at most. */
static bool is_account_in_use(const struct inspector *inspector, size_t account)
{
    const struct exchange_counts *listeners = inspector->options.workers[0].listeners;
    bool is_in_use = false;
    for (size_t i = 0; i < inspector->options.config->listener_count; i++)
        is_in_use = is_in_use || count_read(&listeners[i].account) == account;
    return is_in_use;
}

static void add_keys(struct page *page, const struct inspector *inspector)
{
    const struct config *config = inspector->options.config;
    for (size_t i = 0; i < config->account_count; i++) {
        if (!is_account_in_use(inspector, i))
            continue;
        int64_t left_us = ready_key_left_us(inspector, i);
        struct part part = { .is_ready = left_us > 0 };
        (void)snprintf(part.name, sizeof(part.name), "key of %s", config->accounts[i].name); /* fits, and below */
        (void)snprintf(part.state, sizeof(part.state),
                       part.is_ready ? "at hand for %lld s" : "none for this time window: %lld s left",
                       (long long)(left_us / 1000000));
        add_part(page, &part);
    }
}

static void add_rings(struct page *page, const struct inspector *inspector)
{
    bool drops = inspector->options.config->capture.when_full == CONFIG_WHEN_FULL_DROP;
    for (size_t i = 0; i < inspector->options.worker_count; i++) {
        const struct journal *journal = inspector->options.workers[i].journal;
        bool has_room = journal_has_room(journal, USUAL_REQUEST);
        struct part part = { .is_ready = has_room || drops };
        (void)snprintf(part.name, sizeof(part.name), "ring %zu", i); /* fits, and below */
        (void)snprintf(part.state, sizeof(part.state), "%s: %zu of %zu bytes used",
                       has_room ? "room" : (drops ? "full, requests go unrecorded" : "full"), journal_used(journal),
                       journal_size(journal));
        add_part(page, &part);
    }
}

static void add_store(struct page *page, const struct inspector *inspector)
{
    struct capture_state state;
    capture_look(&state, inspector->options.capture);
    struct part part = { .name = "store", .is_ready = !state.is_failing };
    (void)snprintf(part.state, sizeof(part.state), "%s", /* fits */
                   state.is_failing ? "the last write failed"
                                    : (state.batches > 0 ? "written" : "nothing to write yet"));
    add_part(page, &part);
}

enum upstream_reach ready_reach(const struct inspector *inspector, size_t upstream)
{
    int64_t latest_us = -1;
    int reach = UPSTREAM_NOT_TRIED;
    for (size_t i = 0; i < inspector->options.worker_count; i++) {
        const struct upstream_counts *counts = &inspector->options.workers[i].upstreams[upstream];
        int64_t us = atomic_load_explicit(&counts->reached_us, memory_order_relaxed);
        if (us <= latest_us)
            continue;
        latest_us = us;
        reach = atomic_load_explicit(&counts->reach, memory_order_relaxed);
    }
    return (enum upstream_reach)reach;
}

static bool is_sent_to(const struct inspector *inspector, size_t upstream)
{
    const struct exchange_counts *listeners = inspector->options.workers[0].listeners;
    bool is_used = false;
    for (size_t i = 0; i < inspector->options.config->listener_count; i++)
        is_used = is_used || count_read(&listeners[i].upstream) == upstream;
    return is_used;
}

static void add_upstreams(struct page *page, const struct inspector *inspector)
{
    static const char *const states[] = {
        [UPSTREAM_NOT_TRIED] = "unknown yet: nothing was sent there since the start",
        [UPSTREAM_REACHED] = "answered when it was last asked",
        [UPSTREAM_OUT_OF_REACH] = "no connection could be had when it was last tried",
    };
    const struct config *config = inspector->options.config;
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (!is_sent_to(inspector, i))
            continue;
        enum upstream_reach reach = ready_reach(inspector, i);
        struct part part = { .is_ready = reach != UPSTREAM_OUT_OF_REACH };
        (void)snprintf(part.name, sizeof(part.name), "upstream %s", config->upstreams[i].name); /* fits, and below */
        (void)snprintf(part.state, sizeof(part.state), "%s", states[reach]);
        add_part(page, &part);
    }
}

bool ready_write(struct buffer *out, const struct inspector *inspector)
{
    struct page page = { .out = out, .is_ready = true };
    bool runs = trading_page_runs(inspector->options.trading);
    buffer_init(&page.missing, INSPECTOR_ANSWER_MAX);
    (void)buffer_append_text(out, "{\"parts\":["); /* `failed` is looked at by who sends it, here and below */
    add_proxy(&page, inspector);
    add_signer(&page, inspector);
    add_keys(&page, inspector);
    add_rings(&page, inspector);
    add_store(&page, inspector);
    add_upstreams(&page, inspector);
    (void)buffer_append_format(out, "],\"trading\":\"%s\",\"ready\":%s,\"missing\":[", runs ? "running" : "stopped",
                               page.is_ready ? "true" : "false");
    (void)buffer_append_slice(out, buffer_slice(&page.missing));
    (void)buffer_append_text(out, "]}\n");
    out->failed = out->failed || page.missing.failed;
    buffer_free(&page.missing);
    return page.is_ready;
}
