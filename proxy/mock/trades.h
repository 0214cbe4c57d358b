/* The account's trades, in memory and bounded. Private to this room. */
#ifndef MOCK_TRADES_H
#define MOCK_TRADES_H

#include "orders.h"

enum { TRADES_KEPT_MAX = 2000 /* the oldest makes room */ };

/* One side of a match. Where the account's own orders meet, both sides are kept. */
struct trade {
    const struct symbol *symbol;
    uint64_t id;
    uint64_t match_id;
    char order_id[24];
    char client_id[ORDER_TEXT_MAX];
    bool buys;
    bool is_maker;
    bool is_own_match; /* the other side is the account's own, too */
    int64_t time_ms;
    struct decimal price;
    struct decimal quantity;
    struct decimal amount; /* price × quantity */
    struct decimal fee;
    struct decimal left; /* of the order's quantity, behind this trade */
};

struct trades {
    struct trade items[TRADES_KEPT_MAX];
    uint64_t count; /* ever made; trade number n is at n % TRADES_KEPT_MAX */
    uint64_t matches;
};

/* Stores a copy with an id. */
void trades_add(struct trades *trades, const struct trade *trade);

/* The one that is `back` before the newest (0: that one), or NULL. */
const struct trade *trades_recent(const struct trades *trades, uint64_t back);

/* A new number for a match. */
uint64_t trades_next_match(struct trades *trades);

#endif
