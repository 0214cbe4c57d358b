/* Orders meet the book; see match.h. Money is moved in settle.c. */
#include "match.h"

#include "room.h"
#include "settle.h"

#include <string.h>

bool match_needs(struct decimal *needs, const struct order *order)
{
    if (!order->buys) {
        *needs = order->left;
        return true;
    }
    if (order->is_market)
        return decimal_parse(needs, slice_text(order->amount));
    return decimal_multiply(needs, &order->limit, &order->left);
}

static enum book_side other_side(const struct order *order)
{
    return order->buys ? BOOK_ASKS : BOOK_BIDS;
}

/* Whether the order takes what stands at this price. */
static bool takes(const struct order *order, const struct decimal *price)
{
    int distance = decimal_compare(price, &order->limit);
    return order->is_market || (order->buys ? distance <= 0 : distance >= 0);
}

static bool would_take(struct mock *mock, const struct order *order)
{
    struct book_walk walk;
    struct quote quote;
    book_walk_begin(&walk, mock, order->symbol, other_side(order));
    return book_walk_next(&walk, &quote) && takes(order, &quote.price);
}

/* Whether all of it could be filled now: what FOK ("fill or kill") asks. */
static bool could_fill(struct mock *mock, const struct order *order)
{
    struct book_walk walk;
    struct quote quote;
    struct decimal found = { .count = 0 };
    book_walk_begin(&walk, mock, order->symbol, other_side(order));
    while (decimal_compare(&found, &order->left) < 0) {
        if (!book_walk_next(&walk, &quote) || !takes(order, &quote.price) ||
            !decimal_add(&found, &found, &quote.quantity))
            return false;
    }
    return true;
}

/* How much of the quote an order takes: what it wants, or, bought by amount, what it can pay, in whole lots. *is_last: it
 * needs nothing behind that. */
static bool wanted(struct decimal *quantity, bool *is_last, const struct order *order, const struct quote *quote)
{
    struct decimal want = order->left;
    uint64_t lot_decimals = 0;
    if (order->buys && order->is_market &&
        (!slice_to_u64(slice_text(order->symbol->lot_size), &lot_decimals) ||
         !decimal_divide(&want, &order->reserved, &quote->price, (int)lot_decimals)))
        return false;
    *is_last = decimal_compare(&want, &quote->quantity) <= 0;
    *quantity = *is_last ? want : quote->quantity;
    return true;
}

/* Fills as far as the book goes. *is_satisfied: the order wants no more. */
static bool fill(struct mock *mock, struct order *order, bool *is_satisfied, int64_t now_ms)
{
    struct book_walk walk;
    struct quote quote;
    *is_satisfied = false;
    book_walk_begin(&walk, mock, order->symbol, other_side(order));
    while (!*is_satisfied && book_walk_next(&walk, &quote) && takes(order, &quote.price)) {
        struct decimal quantity;
        if (!wanted(&quantity, is_satisfied, order, &quote))
            return false;
        if (decimal_is_zero(&quantity))
            break; /* too little money for one lot */
        if (!settle_match(mock, order, quote.order, &quote.price, &quantity, now_ms))
            return false;
        book_take(&walk, &quote, &quantity);
    }
    return true;
}

/* The state behind its fills: an order that is satisfied is filled, and one that may rest rests. What becomes of the rest
 * of a market order, and of IOC, is not documented beyond the words: it is cancelled. */
static enum order_state state_after(const struct order *order, bool is_satisfied)
{
    bool has_fills = !decimal_is_zero(&order->done_quantity);
    if (is_satisfied && has_fills)
        return ORDER_FILLED;
    if (order->is_market || strcmp(order->time_in_force, "GTC") != 0)
        return ORDER_CANCELED;
    return has_fills ? ORDER_PARTIAL_FILLED : ORDER_SUBMITTED;
}

bool match_order(struct mock *mock, struct order *order, int64_t now_ms)
{
    bool is_satisfied = false;
    bool kills = !order->is_market && strcmp(order->time_in_force, "FOK") == 0 && !could_fill(mock, order);
    /* That a POST_ONLY order that would take is taken back is what the word says; its state is not documented. */
    if (order->is_post_only && would_take(mock, order))
        order->state = ORDER_REJECTED;
    else if (kills)
        order->state = ORDER_CANCELED;
    else if (fill(mock, order, &is_satisfied, now_ms))
        order->state = state_after(order, is_satisfied);
    else
        return false;
    bool done = order_is_active(order) || settle_release(mock, order);
    book_refresh(mock, order->symbol);
    return done;
}

bool match_cancel(struct mock *mock, struct order *order, int64_t now_ms)
{
    order->state = ORDER_CANCELED;
    order->changed_ms = now_ms;
    bool done = settle_release(mock, order);
    book_refresh(mock, order->symbol);
    return done;
}
