/* The account's trades as its endpoints list them, newest first. The loop's thread. */
#include "room.h"

#include "match.h"

#include <string.h>

enum {
    PAGE_MAX = 100000, /* of pageNum */
    PAGE_SIZE_MAX = 100,
    PAGE_SIZE_DEFAULT = 20 /* "Quantity per page, default 20" */
};

/* What a query asks for; "" and NULL: any. */
struct match_filter {
    const struct symbol *symbol;
    bool is_futures; /* only pairs with a contract */
    char order_id[ORDER_TEXT_MAX];
    char side[ORDER_TEXT_MAX]; /* "-1" or "1" */
    uint64_t page;             /* from 1 */
    uint64_t page_size;
};

static bool read_filter(struct match_filter *filter, const struct call *call, struct answer *answer)
{
    char page[ORDER_TEXT_MAX], size[ORDER_TEXT_MAX];
    *filter = (struct match_filter){ .page = 1, .page_size = PAGE_SIZE_DEFAULT };
    if (!input_take_query(filter->order_id, call->query, "ordId", answer) ||
        !input_take_query(filter->side, call->query, "side", answer) ||
        !input_take_query(page, call->query, "pageNum", answer) ||
        !input_take_query(size, call->query, "pageSize", answer) ||
        !input_count(&filter->page, PAGE_MAX, page, "pageNum", answer) ||
        !input_count(&filter->page_size, PAGE_SIZE_MAX, size, "pageSize", answer))
        return false;
    bool is_side = filter->side[0] == '\0' || strcmp(filter->side, "1") == 0 || strcmp(filter->side, "-1") == 0;
    return is_side || answer_fail(answer, FAILURE_BAD_REQUEST, "side is 1 (BUY) or -1 (SELL)");
}

static const char *side_number(const struct trade *trade)
{
    return trade->buys ? "1" : "-1";
}

static bool filter_passes(const struct match_filter *filter, const struct trade *trade)
{
    return (filter->symbol == NULL || filter->symbol == trade->symbol) &&
           (!filter->is_futures || trade->symbol->contract != NULL) &&
           (filter->order_id[0] == '\0' || strcmp(filter->order_id, trade->order_id) == 0) &&
           (filter->side[0] == '\0' || strcmp(filter->side, side_number(trade)) == 0);
}

static void list(const struct call *call, struct answer *answer, const struct match_filter *filter,
                 void (*put)(struct answer *answer, cJSON *object, const struct trade *trade))
{
    const struct trade *trade;
    uint64_t skip = (filter->page - 1) * filter->page_size, found = 0;
    cJSON *items = answer_list(answer);
    for (uint64_t back = 0; (trade = trades_recent(&call->mock->trades, back)) != NULL; back++) {
        if (!filter_passes(filter, trade) || found++ < skip)
            continue;
        if (found > skip + filter->page_size)
            return;
        put(answer, answer_add_object(answer, items), trade);
    }
}

static const char *role_number(const struct trade *trade)
{
    return trade->is_maker ? "-1" : "1"; /* "TAKER(1), MAKER(-1)" */
}

/* The example answer's members in its order. `orderState` is 50 there for an order of which nothing remains; other numbers
 * are not documented, and 30 is this mock's for one of which something does. */
static void put_spot(struct answer *answer, cJSON *object, const struct trade *trade)
{
    const struct currency *base = currency_find(slice_text(trade->symbol->base));
    const struct currency *quote = currency_find(slice_text(trade->symbol->quote));
    const struct decimal none = { .count = 0 };
    answer_put_u64(answer, object, "id", trade->id);
    answer_put_decimal(answer, object, "remainingQty", &trade->left, AS_NUMBER);
    answer_put_number(answer, object, "matchRole", role_number(trade));
    answer_put_number(answer, object, "feeCurrencyId", (trade->buys ? base : quote)->id);
    answer_put_number(answer, object, "acturalFeeRate", trade->is_maker ? MATCH_MAKER_FEE : MATCH_TAKER_FEE);
    answer_put_number(answer, object, "role", role_number(trade));
    answer_put_number(answer, object, "accountId", account_id());
    answer_put_number(answer, object, "instrumentId", trade->symbol->id);
    answer_put_number(answer, object, "baseCurrencyId", base->id);
    answer_put_number(answer, object, "quoteCurrencyId", quote->id);
    answer_put_decimal(answer, object, "execQty", &trade->quantity, AS_NUMBER);
    answer_put_number(answer, object, "orderState", decimal_is_zero(&trade->left) ? "50" : "30");
    answer_put_u64(answer, object, "matchId", trade->match_id);
    answer_put_number(answer, object, "orderId", trade->order_id);
    answer_put_number(answer, object, "side", side_number(trade));
    answer_put_decimal(answer, object, "execAmt", &trade->amount, AS_NUMBER);
    answer_put_decimal(answer, object, "selfDealingQty", trade->is_own_match ? &trade->quantity : &none, AS_NUMBER);
    answer_put_u64(answer, object, "tradeId", trade->match_id);
    answer_put_decimal(answer, object, "fee", &trade->fee, AS_NUMBER);
    answer_put_u64(answer, object, "matchTime", (uint64_t)trade->time_ms / 1000);
    answer_put_number(answer, object, "seq", "null");
}

void account_matches(const struct call *call, struct answer *answer)
{
    struct match_filter filter;
    char code[ORDER_TEXT_MAX];
    if (read_filter(&filter, call, answer) && input_take_query(code, call->query, "symbol", answer) &&
        input_require(code, "symbol", answer) && input_symbol(&filter.symbol, code, answer))
        list(call, answer, &filter, put_spot);
}

/* "Get user's all trade records V2" of the futures documentation: 4 is ALL_MATCH, 3 PORTION_MATCH. */
static void put_futures(struct answer *answer, cJSON *object, const struct trade *trade)
{
    answer_put_number(answer, object, "accountId", account_id());
    answer_put_number(answer, object, "contractId", trade->symbol->contract);
    answer_put_number(answer, object, "orderId", trade->order_id);
    answer_put_text(answer, object, "clOrdId", trade->client_id);
    answer_put_u64(answer, object, "matchId", trade->match_id);
    answer_put_u64(answer, object, "tradeId", trade->id);
    answer_put_decimal(answer, object, "execSize", &trade->quantity, AS_NUMBER);
    answer_put_decimal(answer, object, "matchAmt", &trade->amount, AS_NUMBER);
    answer_put_decimal(answer, object, "avgPrice", &trade->price, AS_NUMBER);
    answer_put_number(answer, object, "orderStatus", decimal_is_zero(&trade->left) ? "4" : "3");
    answer_put_text(answer, object, "orderRole", trade->is_maker ? "MAKER" : "TAKER");
    answer_put_decimal(answer, object, "remainingSize", &trade->left, AS_NUMBER);
    answer_put_number(answer, object, "pnl", "0.0");
    answer_put_decimal(answer, object, "fee", &trade->fee, AS_NUMBER);
    answer_put_u64(answer, object, "matchTime", (uint64_t)trade->time_ms);
}

/* The mock has one table of trades: a contract is the pair of its name. */
void futures_matches(const struct call *call, struct answer *answer)
{
    struct match_filter filter;
    char contract[ORDER_TEXT_MAX];
    if (!read_filter(&filter, call, answer) || !input_take_query(contract, call->query, "contractId", answer))
        return;
    filter.is_futures = true;
    if (contract[0] != '\0' && !input_contract(&filter.symbol, contract, answer))
        return;
    list(call, answer, &filter, put_futures);
}
