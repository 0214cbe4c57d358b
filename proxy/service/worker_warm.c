/* Connections that a worker opens as it starts. Each takes one request, which counts as any other from this address: where a start
 * follows upon an end, they must not be the ones too many. The worker's thread. */
#include "worker_parts.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <stdlib.h>

struct warm_call {
    struct turn turn;
    struct turns *turns; /* NULL: it needs none (pace = off) */
};

/* Whether one of the listeners sends anything there. */
static bool is_sent_to(const struct worker *worker, size_t upstream)
{
    for (size_t i = 0; i < worker->config->listener_count; i++) {
        const struct config_listener *listener = &worker->config->listeners[i];
        if (listener->upstream == upstream && listener->mode != CONFIG_MODE_DRY_RUN)
            return true;
    }
    return false;
}

static void left(void *context, bool has_left)
{
    struct warm_call *call = context;
    if (call->turns == NULL)
        return;
    if (has_left)
        turns_sent(call->turns, &call->turn, clock_boot_us());
    else
        turns_give_back(call->turns, &call->turn, clock_boot_us());
}

static void warm_upstream(const struct worker *worker, size_t upstream, struct warm_call *calls)
{
    bool is_paced = worker->config->proxy.pace != CONFIG_PACE_OFF;
    for (int64_t i = 0; i < worker->config->upstreams[upstream].warm; i++) {
        calls[i].turns = is_paced ? worker->shared.turns : NULL;
        if (is_paced && !turns_take(worker->shared.turns, &calls[i].turn, pacing_own_lane(worker->pacing, upstream),
                                    clock_boot_us())) {
            log_debug("upstream %s: no connection is opened ahead, as ip_rate is used up",
                      worker->config->upstreams[upstream].name);
            return;
        }
        upstream_warm(worker->upstreams[upstream], left, &calls[i]);
    }
}

void worker_warm(struct worker *worker)
{
    const struct config *config = worker->config;
    size_t count = 0;
    for (size_t i = 0; i < config->upstream_count; i++)
        count += (size_t)config->upstreams[i].warm;
    worker->warm_calls = calloc(count + 1, sizeof(*worker->warm_calls));
    if (worker->warm_calls == NULL) {
        log_debug("out of memory for connections ahead of requests");
        return;
    }
    for (size_t i = 0, first = 0; i < config->upstream_count; first += (size_t)config->upstreams[i].warm, i++) {
        if (is_sent_to(worker, i))
            warm_upstream(worker, i, worker->warm_calls + first);
    }
}
