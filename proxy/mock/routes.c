/* The endpoints this mock answers. Source of methods, paths, classes and example answers: the exchange's API
 * documentation. */
#include "room.h"

static const char symbol_segment[] = "{symbol}";

/* What a proxy or a load balancer asks to see whether a host is there; the exchange's host answers it too. */
static void host_is_there(const struct call *call, struct answer *answer)
{
    (void)call;
    (void)answer_object(answer); /* an empty one, which an answer to HEAD leaves out; out of memory shows in `answer` */
}

static const struct route routes[] = {
    { "HEAD", "/", ROUTE_PUBLIC, "0", NULL, host_is_there },
    { "GET", "/api/v1/market/tickers", ROUTE_PUBLIC, "0", NULL, market_tickers },
    { "GET", "/api/v1/market/depth/{symbol}", ROUTE_PUBLIC, "0", NULL, market_depth },
    { "GET", "/api/v1/market/kline/{symbol}", ROUTE_PUBLIC, "0", NULL, market_kline },
    { "GET", "/api/v1/market/trade/{symbol}", ROUTE_PUBLIC, "0", NULL, market_trades },
    { "GET", "/api/v1/ticker/price", ROUTE_PUBLIC, "0", "", market_price },
    { "POST", "/api/v2/public/config/spot/symbols", ROUTE_PUBLIC, "\"0\"", "Success", market_symbols },
    { "POST", "/api/spot/accountList", ROUTE_PRIVATE, "0", NULL, account_list },
    { "GET", "/api/trade/order/active", ROUTE_PRIVATE, "0", NULL, orders_active_v1 },
    { "GET", "/api/v2/trade/order/active", ROUTE_PRIVATE, "0", NULL, orders_active_v2 },
    { "GET", "/api/trade/order/orderInfo", ROUTE_PRIVATE, "0", NULL, order_info_v1 },
    { "GET", "/api/v2/trade/order/orderInfo", ROUTE_PRIVATE, "0", NULL, order_info_v2 },
    { "GET", "/api/trade/match/accountMatches", ROUTE_PRIVATE, "0", NULL, account_matches },
    { "POST", "/api/trade/order/place", ROUTE_PRIVATE, "\"0\"", NULL, order_place },
    { "POST", "/api/trade/order/placeBatch", ROUTE_PRIVATE, "0", NULL, order_place_batch },
    { "POST", "/api/trade/order/cancel", ROUTE_PRIVATE, "0", NULL, order_cancel },
    { "POST", "/api/trade/order/cancelBatch", ROUTE_PRIVATE, "0", NULL, order_cancel_batch },
    { "POST", "/api/trade/order/cancelBatchByClOrdId", ROUTE_PRIVATE, "0", NULL, order_cancel_batch_by_client_id },
    { "POST", "/api/trade/order/cancelAll", ROUTE_PRIVATE, "0", "success", order_cancel_all },

    { "GET", "/api/fi/v1/common/currency", ROUTE_PRIVATE, "\"0\"", "Success", currency_info },
    { "POST", "/api/fi/v3/asset/deposit/do", ROUTE_PRIVATE, "\"0\"", "Success", deposit_address },
    { "POST", "/api/fi/v3/asset/deposit/record/list", ROUTE_PRIVATE, "\"0\"", "Success", deposit_list },
    { "POST", "/api/fi/v3/asset/withdraw/record/list", ROUTE_PRIVATE, "\"0\"", "Success", withdraw_list },
    { "POST", "/api/fi/v3/asset/doWithdraw", ROUTE_PRIVATE, "\"0\"", "Success", withdraw },
    { "POST", "/api/fi/v3/asset/cancelWithdraw", ROUTE_PRIVATE, "\"0\"", "Success", withdraw_cancel },
    { "POST", "/api/v1/future/transfer", ROUTE_PRIVATE, "\"0\"", "Success", transfer },

    { "GET", "/api/configs/public", ROUTE_PUBLIC, "0", NULL, futures_configs },
    { "GET", "/api/v1/futureQuot/queryCandlestick", ROUTE_PUBLIC, NULL, NULL, futures_candlestick },
    { "GET", "/api/v1/futureQuot/querySnapshot", ROUTE_PUBLIC, NULL, NULL, futures_snapshot },
    { "GET", "/api/v1/futureQuot/queryTickTrade", ROUTE_PUBLIC, NULL, NULL, futures_ticks },
    { "GET", "/api/v2/trade/order/queryHisMatch", ROUTE_PRIVATE, "0", "success", futures_matches },
    /* A POST in the documentation; clients that take it for a query like its neighbours are answered, too. */
    { "GET", "/api/future/queryAvail", ROUTE_PRIVATE, "0", "success", futures_available },
    { "POST", "/api/future/queryAvail", ROUTE_PRIVATE, "0", "success", futures_available },
    { "GET", "/api/future/queryPosi", ROUTE_PRIVATE, "0", "success", futures_positions },
    /* The first version's shape has both sides' margins, which are not kept: it answers as the second. */
    { "GET", "/api/future/queryHisMatch", ROUTE_PRIVATE, "0", "success", futures_matches },
    { "GET", "/api/future/queryFlOrders", ROUTE_PRIVATE, "0", "success", futures_closings },
    { "GET", "/api/future/queryFcOrders", ROUTE_PRIVATE, "0", "success", futures_closings },
    { "POST", "/api/future/adjustMargin", ROUTE_PRIVATE, "0", "success", futures_adjust },
    { "POST", "/api/configs/adjustPositionConfig", ROUTE_PRIVATE, "0", "success", futures_adjust },
    { "POST", "/api/trade/orders/del", ROUTE_PRIVATE, "0", "success", orders_delete },
};

/* Whether `path` is the route's; *symbol is what stands in the place of "{symbol}". Byte for byte: the paths the exchange
 * documents need no decoding. */
static bool path_matches(const char *pattern, struct slice path, struct slice *symbol)
{
    struct slice wanted = slice_text(pattern);
    *symbol = slice_of(NULL, 0);
    size_t fixed = slice_find(wanted, '{');
    if (!slice_equal_text(slice_from(wanted, fixed), symbol_segment))
        return slice_equal(path, wanted);
    *symbol = slice_from(path, fixed);
    return slice_equal(slice_first(path, fixed), slice_first(wanted, fixed)) && symbol->length > 0 &&
           slice_find(*symbol, '/') == symbol->length;
}

bool route_find(struct call *call)
{
    struct slice path = call->path;
    size_t semicolon = slice_find(path, ';');
    call->parameters = slice_from(path, semicolon + 1);
    path = slice_first(path, semicolon);
    for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
        if (slice_equal_text(call->method, routes[i].method) && path_matches(routes[i].path, path, &call->symbol)) {
            call->route = &routes[i];
            return true;
        }
    }
    return false;
}
