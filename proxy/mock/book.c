/* Order books; see book.h. The loop's thread. */
#include "room.h"

enum { BOOK_STEPS = 1000 /* the book's steps in one unit of a price's last digit: 10^3 */ };

struct decimal book_price(const struct symbol *symbol, int64_t steps)
{
    uint64_t mantissa = (uint64_t)((int64_t)(symbol->price_mantissa * BOOK_STEPS) + steps);
    return decimal_of(mantissa, symbol->price_exponent - 3);
}

static struct decimal level_price(const struct symbol *symbol, enum book_side side, int level)
{
    return book_price(symbol, side == BOOK_ASKS ? level : -level); /* asks above the last price, bids below */
}

static struct decimal level_quantity(const struct symbol *symbol)
{
    return decimal_constant(symbol->level_quantity);
}

static struct book_offers *offers_of(struct book *book, const struct symbol *symbol, enum book_side side)
{
    return &book->offers[symbol - symbols][side];
}

void book_init(struct book *book)
{
    for (size_t i = 0; i < SYMBOL_COUNT; i++) {
        for (int side = 0; side < BOOK_SIDE_COUNT; side++)
            book->offers[i][side] = (struct book_offers){ .level = 1, .left = level_quantity(&symbols[i]) };
    }
}

/* Whether an order of the account's own rests that would take what others offer first on this side. */
static bool stands_in_the_way(const struct order *order, const struct symbol *symbol, enum book_side side)
{
    if (!order_is_active(order) || order->symbol != symbol || order->buys != (side == BOOK_ASKS))
        return false;
    struct decimal best = level_price(symbol, side, 1);
    int distance = decimal_compare(&order->limit, &best);
    return side == BOOK_ASKS ? distance >= 0 : distance <= 0;
}

void book_refresh(struct mock *mock, const struct symbol *symbol)
{
    for (int side = 0; side < BOOK_SIDE_COUNT; side++) {
        bool is_free = true;
        for (size_t i = 0; i < mock->orders.count; i++)
            is_free = is_free && !stands_in_the_way(&mock->orders.items[i], symbol, (enum book_side)side);
        if (is_free)
            *offers_of(&mock->book, symbol, (enum book_side)side) =
                (struct book_offers){ .level = 1, .left = level_quantity(symbol) };
    }
}

/* Below 0 where a's price is the better one for who takes it. */
static int worse(enum book_side side, const struct decimal *a, const struct decimal *b)
{
    return side == BOOK_ASKS ? decimal_compare(a, b) : decimal_compare(b, a);
}

/* Whether `a` comes before `b` on this side: ids count up, and the table's order is not theirs. */
static bool comes_before(enum book_side side, const struct order *a, const struct order *b)
{
    int difference = worse(side, &a->limit, &b->limit);
    return difference < 0 || (difference == 0 && a->placed < b->placed);
}

static void insert_own(struct book_walk *walk, struct order *order)
{
    size_t at = walk->own_count++;
    for (; at > 0 && comes_before(walk->side, order, walk->own[at - 1]); at--)
        walk->own[at] = walk->own[at - 1];
    walk->own[at] = order;
}

void book_walk_begin(struct book_walk *walk, struct mock *mock, const struct symbol *symbol, enum book_side side)
{
    *walk = (struct book_walk){ .book = &mock->book, .symbol = symbol, .side = side };
    walk->offers = *offers_of(&mock->book, symbol, side);
    for (size_t i = 0; i < mock->orders.count && walk->own_count < ARRAY_LENGTH(walk->own); i++) {
        struct order *order = &mock->orders.items[i];
        if (order_is_active(order) && order->symbol == symbol && !order->is_market &&
            order->buys == (side == BOOK_BIDS))
            insert_own(walk, order);
    }
}

bool book_walk_next(struct book_walk *walk, struct quote *quote)
{
    bool has_own = walk->own_next < walk->own_count;
    struct decimal offered = level_price(walk->symbol, walk->side, walk->offers.level);
    if (walk->offers.level <= BOOK_LEVELS &&
        (!has_own || worse(walk->side, &offered, &walk->own[walk->own_next]->limit) <= 0)) {
        *quote = (struct quote){ .price = offered, .quantity = walk->offers.left };
        walk->offers = (struct book_offers){ .level = walk->offers.level + 1, .left = level_quantity(walk->symbol) };
        return true;
    }
    if (!has_own)
        return false;
    struct order *order = walk->own[walk->own_next++];
    *quote = (struct quote){ .price = order->limit, .quantity = order->left, .order = order };
    return true;
}

void book_take(struct book_walk *walk, const struct quote *quote, const struct decimal *quantity)
{
    struct book_offers *offers = offers_of(walk->book, walk->symbol, walk->side);
    if (quote->order != NULL)
        return;
    struct decimal left;
    if (decimal_subtract(&left, &quote->quantity, quantity) && !decimal_is_zero(&left))
        offers->left = left;
    else
        *offers = walk->offers; /* all of it: the next level is the best */
}
