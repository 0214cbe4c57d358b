/* Connections that are open before requests come. Over HTTP/1.1 the upstream keeps them by itself, without any request. One
 * unsigned HEAD tells what the exchange's clock says; it is sent once there is a connection to take, so that it opens none of its
 * own. Over HTTP/2 libcurl opens connections for requests alone: there, each takes a HEAD.
 *
 * A HEAD counts as any other request from this address: where a start follows upon an end, it must not be the one too many. The
 * worker's thread. */
#include "worker_parts.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <stdlib.h>
#include <sys/eventfd.h>

enum { LOOK_US = 2000 /* how often it is looked whether connections are open: from a start on, and not for long */ };

struct warm_call {
    struct turn turn;
    struct turns *turns; /* NULL: it needs none (pace = off) */
    struct warm_upstream *of;
};

struct warm_upstream {
    bool is_kept;     /* connections are */
    bool is_asked;    /* its HEADs have begun, or cannot */
    size_t under_way; /* HEADs that have not left yet */
    struct warm_call *calls;
};

struct warming {
    struct loop_timer timer;
    int64_t deadline_us;              /* monotonic: nobody waits for longer */
    struct warm_upstream upstreams[]; /* of the configuration */
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

/* --- the HEADs --- */

static bool opens_by_request(const struct worker *worker, size_t upstream)
{
    return worker->started->upstreams[upstream].http != CONFIG_HTTP_1_1;
}

static void left(void *context, bool has_left)
{
    struct warm_call *call = context;
    call->of->under_way--;
    if (call->turns == NULL)
        return;
    if (has_left)
        turns_sent(call->turns, &call->turn, clock_boot_us());
    else
        turns_give_back(call->turns, &call->turn, clock_boot_us());
}

static bool take_turn(struct warm_call *call, const struct worker *worker, size_t upstream)
{
    if (worker->config->proxy.pace == CONFIG_PACE_OFF)
        return true;
    call->turns = worker->shared.turns;
    return turns_take(call->turns, &call->turn, pacing_own_lane(worker->pacing, upstream), clock_boot_us());
}

static void ask(struct worker *worker, size_t upstream)
{
    struct warm_upstream *warm = &worker->warming->upstreams[upstream];
    size_t count = opens_by_request(worker, upstream) ? (size_t)worker->started->upstreams[upstream].warm : 1;
    warm->is_asked = true;
    warm->calls = calloc(count, sizeof(*warm->calls));
    for (size_t i = 0; warm->calls != NULL && i < count; i++) {
        warm->calls[i].of = warm;
        if (!take_turn(&warm->calls[i], worker, upstream)) {
            log_debug("upstream %s: no HEAD is sent, as ip_rate is used up", worker->started->upstreams[upstream].name);
            return;
        }
        warm->under_way++;
        upstream_warm(worker->upstreams[upstream], left, &warm->calls[i]);
    }
}

/* --- the wait --- */

static bool is_open(const struct worker *worker, size_t upstream)
{
    const struct warm_upstream *warm = &worker->warming->upstreams[upstream];
    return upstream_is_warm(worker->upstreams[upstream]) &&
           (!opens_by_request(worker, upstream) || (warm->is_asked && warm->under_way == 0));
}

static void tell(struct worker *worker)
{
    if (worker->is_warm)
        return;
    worker->is_warm = true;
    (void)eventfd_write(worker->warmed_fd, 1); /* fails when 2^64 - 2 wait already */
}

static void look(struct loop_timer *timer)
{
    struct worker *worker = timer->context;
    bool is_late = clock_monotonic_us() >= worker->warming->deadline_us, all = true;
    for (size_t i = 0; i < worker->started->upstream_count; i++) {
        const struct warm_upstream *warm = &worker->warming->upstreams[i];
        if (!warm->is_kept)
            continue;
        if (!warm->is_asked && (is_late || upstream_is_warm(worker->upstreams[i])))
            ask(worker, i);
        all = all && is_open(worker, i);
    }
    if (all || is_late)
        tell(worker);
    else
        loop_timer_start(worker->loop, timer, LOOK_US);
}

/* --- the door of this file --- */

bool worker_make_warming(struct worker *worker)
{
    size_t count = worker->started->upstream_count;
    worker->warming = calloc(1, sizeof(*worker->warming) + count * sizeof(worker->warming->upstreams[0]));
    return worker->warming != NULL;
}

void worker_warm(struct worker *worker)
{
    struct warming *warming = worker->warming;
    bool any = false;
    for (size_t i = 0; i < worker->started->upstream_count; i++) {
        struct warm_upstream *warm = &warming->upstreams[i];
        if (warm->is_kept || worker->started->upstreams[i].warm == 0 || !is_sent_to(worker, i))
            continue;
        upstream_keep_warm(worker->upstreams[i]);
        warm->is_kept = any = true;
    }
    if (!any) {
        tell(worker);
        return;
    }
    warming->timer = (struct loop_timer){ .expired = look, .context = worker, .slot = warming->timer.slot };
    warming->deadline_us = clock_monotonic_us() + WORKER_WARM_US;
    loop_timer_start(worker->loop, &warming->timer, 0);
}

void worker_free_warming(struct worker *worker)
{
    for (size_t i = 0; worker->warming != NULL && i < worker->started->upstream_count; i++)
        free(worker->warming->upstreams[i].calls);
    free(worker->warming);
}
