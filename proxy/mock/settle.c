/* Money: frozen for an order, paid in a match, given back. Exact but for the fee, which drops what is beyond its decimals.
 * The loop's thread. */
#include "settle.h"

#include "match.h"
#include "room.h"

#include <stdio.h>

/* What the order gives, and what it gets. */
static struct balance *spends(struct mock *mock, const struct order *order)
{
    return account_balance(&mock->account, order->buys ? order->symbol->quote : order->symbol->base);
}

static struct balance *receives(struct mock *mock, const struct order *order)
{
    return account_balance(&mock->account, order->buys ? order->symbol->base : order->symbol->quote);
}

bool settle_reserve(struct mock *mock, struct order *order, const struct decimal *needs)
{
    struct balance *balance = spends(mock, order);
    if (!account_move(&balance->available, &balance->frozen, needs))
        return false;
    order->reserved = *needs;
    return true;
}

bool settle_release(struct mock *mock, struct order *order)
{
    struct balance *balance = spends(mock, order);
    if (!account_move(&balance->frozen, &balance->available, &order->reserved))
        return false;
    order->reserved = (struct decimal){ .count = 0 };
    return true;
}

/* One match, as one of its sides sees it. */
struct side {
    struct order *order;
    bool is_maker;
    const struct decimal *price;
    const struct decimal *quantity;
    struct decimal amount;  /* price × quantity */
    struct decimal pays;    /* in the currency the order spends */
    struct decimal frees;   /* what was frozen for that: more, where the price was better than the order's own */
    struct decimal fee;     /* of what it receives */
    struct decimal arrives; /* what is left of that */
};

static bool reckon(struct side *side)
{
    const struct order *order = side->order;
    struct decimal rate = decimal_constant(side->is_maker ? MATCH_MAKER_FEE : MATCH_TAKER_FEE);
    if (!decimal_multiply(&side->amount, side->price, side->quantity))
        return false;
    side->pays = order->buys ? side->amount : *side->quantity;
    side->frees = side->pays;
    if (order->buys && !order->is_market && !decimal_multiply(&side->frees, &order->limit, side->quantity))
        return false;
    const struct decimal *gross = order->buys ? side->quantity : &side->amount;
    if (!decimal_multiply(&side->fee, gross, &rate))
        return false;
    decimal_truncate(&side->fee, MATCH_FEE_DECIMALS);
    return decimal_subtract(&side->arrives, gross, &side->fee);
}

static bool pay(struct mock *mock, const struct side *side)
{
    struct order *order = side->order;
    struct balance *from = spends(mock, order), *to = receives(mock, order);
    return account_move(&from->frozen, &from->available, &side->frees) &&
           decimal_subtract(&from->available, &from->available, &side->pays) &&
           decimal_add(&to->available, &to->available, &side->arrives) &&
           decimal_subtract(&order->reserved, &order->reserved, &side->frees);
}

static bool note_fill(const struct side *side, int64_t now_ms)
{
    struct order *order = side->order;
    bool is_by_amount = order->buys && order->is_market;
    order->changed_ms = now_ms;
    return decimal_add(&order->done_quantity, &order->done_quantity, side->quantity) &&
           decimal_add(&order->done_amount, &order->done_amount, &side->amount) &&
           (is_by_amount || decimal_subtract(&order->left, &order->left, side->quantity));
}

static void note_trade(struct trades *trades, const struct side *side, uint64_t match_id, bool is_own_match)
{
    const struct order *order = side->order;
    struct trade trade = {
        .symbol = order->symbol,
        .match_id = match_id,
        .buys = order->buys,
        .is_maker = side->is_maker,
        .is_own_match = is_own_match,
        .time_ms = order->changed_ms,
        .price = *side->price,
        .quantity = *side->quantity,
        .amount = side->amount,
        .fee = side->fee,
        .left = order->left,
    };
    (void)snprintf(trade.order_id, sizeof(trade.order_id), "%s", order->id);          /* of the same size */
    (void)snprintf(trade.client_id, sizeof(trade.client_id), "%s", order->client_id); /* likewise */
    trades_add(trades, &trade);
}

static bool settle_side(struct mock *mock, struct side *side, uint64_t match_id, bool is_own_match, int64_t now_ms)
{
    if (!reckon(side) || !pay(mock, side) || !note_fill(side, now_ms))
        return false;
    note_trade(&mock->trades, side, match_id, is_own_match);
    return true;
}

bool settle_match(struct mock *mock, struct order *taker, struct order *maker, const struct decimal *price,
                  const struct decimal *quantity, int64_t now_ms)
{
    uint64_t match_id = trades_next_match(&mock->trades);
    struct side side = { .order = maker, .is_maker = true, .price = price, .quantity = quantity };
    if (maker != NULL) {
        if (!settle_side(mock, &side, match_id, true, now_ms))
            return false;
        maker->state = decimal_is_zero(&maker->left) ? ORDER_FILLED : ORDER_PARTIAL_FILLED;
    }
    side.order = taker;
    side.is_maker = false;
    return settle_side(mock, &side, match_id, maker != NULL, now_ms);
}
