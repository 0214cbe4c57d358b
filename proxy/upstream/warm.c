/* Connections that are opened ahead of requests. The loop's thread. */
#include "upstream_internal.h"

#include "countersign/log.h"

static void tell_warm_left(struct upstream_call *call, bool has_left)
{
    void (*left)(void *context, bool has_left) = call->warm_left;
    call->warm_left = NULL;
    if (left != NULL)
        left(call->warm_context, has_left);
}

static void warm_sent(void *context)
{
    tell_warm_left(context, true);
}

static void warmed(void *context, struct upstream_result *result)
{
    struct upstream_call *call = context;
    const struct upstream *upstream = call->upstream;
    tell_warm_left(call, result->bytes_left);
    if (result->failure == UPSTREAM_OK)
        log_debug("a connection to %s is at hand", upstream->host);
    else
        log_warning("%s cannot be reached now: %s; until it can, requests get 502 and nothing is sent", upstream->url,
                    result->message);
}

void upstream_warm(struct upstream *upstream, void (*left)(void *context, bool has_left), void *context)
{
    static const struct upstream_callbacks callbacks = { .sent = warm_sent, .done = warmed };
    struct upstream_request request = { .method = SLICE_LITERAL("HEAD"), .target = SLICE_LITERAL("/") };
    struct upstream_call *call = call_start(upstream, &request, &callbacks, NULL);
    if (call == NULL) {
        log_debug("out of memory for a connection to %s ahead of requests", upstream->host);
        if (left != NULL)
            left(context, false);
        return;
    }
    call->context = call;
    call->warm_left = left;
    call->warm_context = context;
    call->may_repeat = false;
    call->is_warming = true;
    call_link(call);
}

/* libcurl opens no connection of HTTP/1.1 but for a request: nothing is kept, so there is nothing to wait for. */
void upstream_keep_warm(struct upstream *upstream)
{
    (void)upstream;
}

bool upstream_is_warm(const struct upstream *upstream)
{
    (void)upstream;
    return true;
}
