/* Why a request is not forwarded. The worker's thread. */
#include "exchange_internal.h"

#include "countersign/caller.h"

#include <stdio.h>

static enum refusal judge_caller(const struct exchange *exchange)
{
    static const enum refusal of_verdict[] = {
        [CALLER_MAY_ASK] = REFUSAL_NONE,
        [CALLER_IS_A_BROWSER] = REFUSAL_BROWSER,
        [CALLER_NAMES_ANOTHER_HOST] = REFUSAL_HOST,
    };
    bool is_unix = slice_starts_with(exchange->record.client_address, "unix:");
    return of_verdict[caller_judge(front_request_fields(exchange->request), !is_unix,
                                   upstream_host(exchange->listener->upstream))];
}

/* The first reason against this request, in the order in which a person would want to hear it. */
enum refusal exchange_reason_to_refuse(struct exchange *exchange, char *detail, size_t detail_size)
{
    const struct exchange_worker *worker = exchange->listener->worker;
    enum refusal refusal = exchange_refusal_of_defect(front_request_defect(exchange->request));
    if (refusal != REFUSAL_NONE)
        (void)snprintf(detail, detail_size, "%s", front_request_defect_detail(exchange->request)); /* sized for it */
    else
        refusal = judge_caller(exchange);
    if (refusal != REFUSAL_NONE)
        return refusal;
    if (worker->draining)
        return REFUSAL_SHUTTING_DOWN;
    if (worker->in_flight > worker->in_flight_max)
        return REFUSAL_TOO_MANY;
    refusal = exchange_build_request(exchange);
    /* Who takes this proxy for another host's may mean what comes next for that host, too. */
    exchange->must_close = exchange->must_close || refusal == REFUSAL_OTHER_HOST;
    if (refusal != REFUSAL_NONE)
        return refusal;
    exchange->endpoint_class = endpoint_classify(exchange->sending.method, exchange->sending.target);
    if (!policy_allows(exchange->listener->policy, exchange->endpoint_class)) {
        (void)snprintf(detail, detail_size, "%s, and policy %s of listener %s (%s) does not let that pass",
                       endpoint_class_meaning(exchange->endpoint_class), policy_name(exchange->listener->policy),
                       exchange->listener->name, policy_summary(exchange->listener->policy)); /* cutting it is fine */
        return REFUSAL_POLICY;
    }
    return REFUSAL_NONE;
}
