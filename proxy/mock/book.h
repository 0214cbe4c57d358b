/* A pair's order book: what others offer at fixed prices around the last one, and the account's own resting orders. Others
 * offer the same again as soon as nothing of the account's own stands in their way; so the book never runs dry, and what
 * a large order leaves over stays partly filled until it is cancelled or met by an order of the account's own. Private to
 * this room. The loop's thread. */
#ifndef MOCK_BOOK_H
#define MOCK_BOOK_H

#include "orders.h"

enum {
    BOOK_LEVELS = 100, /* prices at which others offer, on each side */
    SYMBOL_COUNT = 6
};

enum book_side { BOOK_ASKS, BOOK_BIDS, BOOK_SIDE_COUNT };

/* What others still offer on one side. */
struct book_offers {
    int level;           /* the best one that has something left: 1 is next to the last price; BOOK_LEVELS + 1: none */
    struct decimal left; /* at that level */
};

struct book {
    struct book_offers offers[SYMBOL_COUNT][BOOK_SIDE_COUNT]; /* as in `symbols` */
};

struct mock;

void book_init(struct book *book);

/* Others offer everything again, where none of the account's own orders would take it. Call after every change. */
void book_refresh(struct mock *mock, const struct symbol *symbol);

/* What stands at one price, of one owner. */
struct quote {
    struct decimal price;
    struct decimal quantity;
    struct order *order; /* the account's own, or NULL: others' */
};

/* A walk over one side, the best price first; at one price others come first, then own orders as they were placed. The book
 * must not change meanwhile but by book_take. */
struct book_walk {
    struct book *book;
    const struct symbol *symbol;
    enum book_side side;
    struct book_offers offers;
    struct order *own[ORDERS_ACTIVE_MAX + 1];
    size_t own_count;
    size_t own_next;
};

void book_walk_begin(struct book_walk *walk, struct mock *mock, const struct symbol *symbol, enum book_side side);
bool book_walk_next(struct book_walk *walk, struct quote *quote);

/* Takes `quantity` of what book_walk_next just gave, where that was others'. */
void book_take(struct book_walk *walk, const struct quote *quote, const struct decimal *quantity);

/* The last price, moved by `steps` of the book's steps. */
struct decimal book_price(const struct symbol *symbol, int64_t steps);

#endif
