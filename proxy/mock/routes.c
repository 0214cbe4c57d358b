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
    { "POST", "/api/spot/accountList", ROUTE_PRIVATE, "0", NULL, account_list },
    { "POST", "/api/trade/order/place", ROUTE_PRIVATE, "\"0\"", NULL, order_place },
    { "POST", "/api/trade/order/cancel", ROUTE_PRIVATE, "0", NULL, order_cancel },
    { "GET", "/api/trade/order/active", ROUTE_PRIVATE, "0", NULL, orders_active_v1 },
    { "GET", "/api/v2/trade/order/active", ROUTE_PRIVATE, "0", NULL, orders_active_v2 },
    { "GET", "/api/trade/order/orderInfo", ROUTE_PRIVATE, "0", NULL, order_info_v1 },
    { "GET", "/api/v2/trade/order/orderInfo", ROUTE_PRIVATE, "0", NULL, order_info_v2 },
    { "GET", "/api/v1/market/tickers", ROUTE_PUBLIC, "0", NULL, market_tickers },
    { "GET", "/api/v1/ticker/price", ROUTE_PUBLIC, "0", "", market_price },
    { "GET", "/api/v1/market/depth/{symbol}", ROUTE_PUBLIC, "0", NULL, market_depth },
    { "POST", "/api/v2/public/config/spot/symbols", ROUTE_PUBLIC, "\"0\"", "Success", market_symbols },
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
    struct slice path = http_target_path(call->target);
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
