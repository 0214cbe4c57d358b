/* Why a request is not forwarded. The worker's thread. */
#include "exchange_internal.h"

#include <stdio.h>

/* The first reason against this request, in the order in which a person would want to hear it. */
enum refusal exchange_reason_to_refuse(struct exchange *exchange, char *detail, size_t detail_size)
{
    struct exchange_listener *listener = exchange->listener;
    const struct exchange_worker *worker = exchange->listener->worker;
    enum refusal refusal = exchange_refusal_of_defect(front_request_defect(exchange->request));
    if (refusal != REFUSAL_NONE)
        (void)snprintf(detail, detail_size, "%s", front_request_defect_detail(exchange->request)); /* sized for it */
    else
        refusal = exchange_judge_caller(exchange, detail, detail_size);
    if (refusal != REFUSAL_NONE)
        return refusal;
    if (worker->draining)
        return REFUSAL_SHUTTING_DOWN;
    exchange->has_place = places_take(listener->places);
    if (!exchange->has_place)
        return REFUSAL_TOO_MANY;
    refusal = exchange_build_request(exchange);
    /* Who takes this proxy for another host's may mean what comes next for that host, too. */
    exchange->must_close = exchange->must_close || refusal == REFUSAL_OTHER_HOST;
    if (refusal != REFUSAL_NONE)
        return refusal;
    refusal = exchange_judge(exchange, detail, detail_size);
    return refusal != REFUSAL_NONE ? refusal : exchange_judge_orders(exchange, detail, detail_size);
}
