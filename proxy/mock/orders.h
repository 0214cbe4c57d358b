/* The mock's orders, in memory and bounded. What a client wrote is kept as written beside the numbers it means. Private to
 * this room. */
#ifndef MOCK_ORDERS_H
#define MOCK_ORDERS_H

#include "countersign/decimal.h"
#include "countersign/slice.h"

enum {
    ORDERS_ACTIVE_MAX = 50, /* "Regular user accounts are only allowed to hold up to 50 active orders" (the
                               documentation, "Create order") */
    ORDERS_KEPT_MAX = 1000, /* active and ended ones; the oldest ended one makes room */
    ORDER_TEXT_MAX = 65,    /* bytes of one value that a client gave, with its NUL */
    ORDER_WORD_MAX = 16     /* bytes of one of the exchange's own words (BUY, POST_ONLY), with its NUL */
};

enum order_state { ORDER_SUBMITTED, ORDER_PARTIAL_FILLED, ORDER_FILLED, ORDER_CANCELED, ORDER_REJECTED };

struct symbol;

struct order {
    const struct symbol *symbol;
    enum order_state state;
    char id[24];
    char client_id[ORDER_TEXT_MAX];
    uint64_t placed; /* orders are numbered as they come */
    int64_t placed_ms;
    int64_t changed_ms; /* when it was last filled or cancelled */
    bool buys;
    bool is_market;
    bool is_post_only;
    char time_in_force[ORDER_WORD_MAX];
    char price[ORDER_TEXT_MAX]; /* as written; "0" where the order has none. So the next two. */
    char quantity[ORDER_TEXT_MAX];
    char amount[DECIMAL_TEXT_MAX]; /* in quote currency; of a limit order: price × quantity */
    struct decimal limit;          /* the price as a number */
    struct decimal left;           /* of the quantity; 0 for what is bought by amount */
    struct decimal reserved;       /* what is frozen for it, in the currency it spends */
    struct decimal done_quantity;
    struct decimal done_amount;
};

struct orders {
    struct order items[ORDERS_KEPT_MAX];
    size_t count;
    size_t next; /* the slot that the next order takes, once all are in use */
    uint64_t next_id;
};

void orders_init(struct orders *orders);

bool order_is_active(const struct order *order);

/* How many are active. */
size_t orders_active_count(const struct orders *orders);

/* Stores a copy, with an id (and a client's id, where it has none). Call with ORDERS_ACTIVE_MAX active at most. */
struct order *orders_add(struct orders *orders, const struct order *order);

/* NULL where there is none. */
struct order *orders_find(struct orders *orders, const char *id);
struct order *orders_find_client_id(struct orders *orders, const char *client_id);

#endif
