/* The exchange's endpoints by class: the documented ones, what is below their folders, and words that say what an endpoint
 * does that is not documented. Constant; any thread. */
#include "endpoints.h"

#include "glob.h"
#include "methods.h"

#include "countersign/compiler.h"

#include <string.h>

#define GET(path, class, what)                                                                                         \
    {                                                                                                                  \
        "GET", (path), (what), ENDPOINT_##class                                                                        \
    }
#define POST(path, class, what)                                                                                        \
    {                                                                                                                  \
        "POST", (path), (what), ENDPOINT_##class                                                                       \
    }

/* The exchange's API documentation. The first that matches counts. */
static const struct api_endpoint endpoints[] = {
    GET("/api/v1/market/tickers", PUBLIC, "all pairs' 24 hours"),
    GET("/api/v1/market/depth/*", PUBLIC, "a pair's order book"),
    GET("/api/v1/market/kline/*", PUBLIC, "a pair's candles"),
    GET("/api/v1/market/trade/*", PUBLIC, "a pair's latest trades"),
    GET("/api/v1/ticker/price", PUBLIC, "latest prices"),
    GET("/api/v1/ticker/price;symbol=*", PUBLIC, "latest prices of some pairs"),
    POST("/api/v2/public/config/spot/symbols", PUBLIC, "pairs and their precisions"),
    GET("/api/configs/public", PUBLIC, "futures: contracts"),
    GET("/api/v1/futureQuot/**", PUBLIC, "futures: quotes"),

    POST("/api/spot/accountList", READ, "balances"),
    GET("/api/trade/order/active", READ, "active orders"),
    GET("/api/v2/trade/order/active", READ, "active orders"),
    GET("/api/trade/order/orderInfo", READ, "one order"),
    GET("/api/v2/trade/order/orderInfo", READ, "one order"),
    GET("/api/trade/match/accountMatches", READ, "the account's trades"),
    GET("/api/fi/v1/common/currency", READ, "currencies and their chains"),
    POST("/api/fi/v3/asset/deposit/do", READ, "the deposit address"),
    POST("/api/fi/v3/asset/deposit/record/list", READ, "deposits"),
    POST("/api/fi/v3/asset/withdraw/record/list", READ, "withdrawals"),
    GET("/api/v2/trade/order/queryHisMatch", READ, "futures: the account's trades"),
    POST("/api/future/queryAvail", READ, "futures: what is available"),
    GET("/api/future/**", READ, "futures: queries"),

    POST("/api/trade/order/place", TRADE, "places an order"),
    POST("/api/trade/order/placeBatch", TRADE, "places orders"),
    POST("/api/trade/order/cancel", TRADE, "cancels an order"),
    POST("/api/trade/order/cancelBatch", TRADE, "cancels orders"),
    POST("/api/trade/order/cancelBatchByClOrdId", TRADE, "cancels orders by their clOrdId"),
    POST("/api/trade/order/cancelAll", TRADE, "futures: cancels all orders"),
    POST("/api/trade/orders/del", TRADE, "futures: cancels orders"),

    POST("/api/fi/v3/asset/doWithdraw", FUNDS, "withdraws"),
    POST("/api/fi/v3/asset/cancelWithdraw", FUNDS, "takes a withdrawal back"),
    POST("/api/v1/future/transfer", FUNDS, "moves funds between spot and futures"),
};

enum { CHANGING = METHOD_ANY & ~(METHOD_GET | METHOD_HEAD) };

/* What is not documented, by where it is. */
static const struct {
    unsigned methods;
    const char *path;
    enum endpoint_class endpoint_class;
} folders[] = {
    { METHOD_GET, "/api/v1/market/**", ENDPOINT_PUBLIC },
    { METHOD_ANY, "/api/fi/**", ENDPOINT_FUNDS }, /* until shown otherwise */
    { METHOD_ANY, "/fi/**", ENDPOINT_FUNDS },
    { CHANGING, "/api/trade/**", ENDPOINT_TRADE },
    { CHANGING, "/api/v2/trade/**", ENDPOINT_TRADE },
};

const struct api_endpoint *endpoint_known(size_t index)
{
    return index < ARRAY_LENGTH(endpoints) ? &endpoints[index] : NULL;
}

char endpoint_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

static bool has_word(struct slice text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (memmem(text.data, text.length, words[i], strlen(words[i])) != NULL)
            return true;
    }
    return false;
}

bool endpoint_names_funds(struct slice text)
{
    static const char *const words[] = { "withdraw", "transfer", NULL };
    return has_word(text, words);
}

/* "margin and leverage changes", whose paths the documentation does not say. */
static bool names_trading(struct slice text)
{
    static const char *const words[] = { "leverage", "margin", NULL };
    return has_word(text, words);
}

static bool is_exact(const struct api_endpoint *endpoint)
{
    return strchr(endpoint->path, '*') == NULL;
}

/* Another method does not turn an order or a withdrawal into something else. */
static bool fits_method(const struct api_endpoint *endpoint, unsigned methods)
{
    unsigned own = endpoint->method[0] == 'G' ? METHOD_GET : METHOD_POST;
    return (methods & own) != 0 || endpoint->endpoint_class >= ENDPOINT_TRADE;
}

static const struct api_endpoint *find_documented(unsigned methods, struct slice path)
{
    for (size_t i = 0; i < ARRAY_LENGTH(endpoints); i++) {
        if (fits_method(&endpoints[i], methods) && glob_matches(slice_text(endpoints[i].path), path))
            return &endpoints[i];
    }
    return NULL;
}

static enum endpoint_class class_of_undocumented(unsigned methods, struct slice path)
{
    if (endpoint_names_funds(path))
        return ENDPOINT_FUNDS;
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        if ((methods & folders[i].methods) != 0 && glob_matches(slice_text(folders[i].path), path))
            return folders[i].endpoint_class;
    }
    return (methods & CHANGING) != 0 && names_trading(path) ? ENDPOINT_TRADE : ENDPOINT_UNKNOWN;
}

struct endpoint_found endpoint_find(unsigned methods, struct slice path)
{
    const struct api_endpoint *endpoint = find_documented(methods, path);
    if (endpoint != NULL && (is_exact(endpoint) || !endpoint_names_funds(path)))
        return (struct endpoint_found){ .endpoint_class = endpoint->endpoint_class, .endpoint = endpoint };
    return (struct endpoint_found){ .endpoint_class = class_of_undocumented(methods, path) };
}

bool endpoint_path_is_funds(struct slice path)
{
    /* A path that is documented for one method moves funds with another, where its folder does. */
    return endpoint_find(METHOD_OTHER, path).endpoint_class == ENDPOINT_FUNDS;
}

enum endpoint_class endpoint_class_stricter(enum endpoint_class a, enum endpoint_class b)
{
    static const int ranks[] = {
        [ENDPOINT_PUBLIC] = 0, [ENDPOINT_READ] = 1,  [ENDPOINT_UNKNOWN] = 2,
        [ENDPOINT_TRADE] = 3,  [ENDPOINT_FUNDS] = 4, [ENDPOINT_DOUBTFUL] = 5,
    };
    return ranks[a] >= ranks[b] ? a : b;
}
