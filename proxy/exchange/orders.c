/* Orders: whether trading is stopped, and whether what is ordered is within the listener's limits. The worker's thread. */
#include "exchange_internal.h"

static struct http_fields sent_fields(const struct exchange *exchange)
{
    return (struct http_fields){ .items = exchange->request_fields, .count = exchange->sending.field_count };
}

static enum order_action action_of(const struct exchange *exchange)
{
    return order_action_of(exchange->sending.method, exchange->sending.target, exchange->endpoint_class,
                           sent_fields(exchange));
}

bool exchange_is_stopped(const struct exchange *exchange, char *detail, size_t detail_size)
{
    const struct trading_page *page = exchange->listener->worker->trading;
    if (page == NULL || trading_page_runs(page))
        return false;
    return order_action_is_trading(action_of(exchange)) &&
           trading_page_stops(detail, detail_size, page, exchange->listener->name);
}

enum turn_rank exchange_rank(const struct exchange *exchange)
{
    enum order_action action = action_of(exchange);
    if (action == ORDER_ACTION_CANCELS)
        return TURN_CANCEL;
    return action == ORDER_ACTION_NONE ? TURN_READ : TURN_ORDER;
}

enum refusal exchange_judge_orders(const struct exchange *exchange, char *detail, size_t detail_size)
{
    static const enum refusal of_verdict[] = {
        [ORDER_PASSES] = REFUSAL_NONE,
        [ORDER_BEYOND_LIMIT] = REFUSAL_ORDER_LIMIT,
        [ORDER_UNREADABLE] = REFUSAL_ORDER_UNREADABLE,
    };
    const struct exchange_listener *listener = exchange->listener;
    if (exchange_is_stopped(exchange, detail, detail_size))
        return REFUSAL_TRADING_STOPPED;
    if (!listener->limits.is_set)
        return REFUSAL_NONE;
    const struct order_request request = {
        .target = exchange->sending.target,
        .fields = sent_fields(exchange),
        .body = exchange->sending.body,
        .action = action_of(exchange),
    };
    return of_verdict[order_judge(detail, detail_size, &listener->limits, listener->name, &request)];
}
