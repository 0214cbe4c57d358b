/* The mock's orders, in memory and bounded. Numbers are kept as the client wrote them. Private to this room. */
#ifndef MOCK_ORDERS_H
#define MOCK_ORDERS_H

#include "countersign/slice.h"
#include "decimal.h"

enum {
    ORDERS_ACTIVE_MAX = 50, /* "Regular user accounts are only allowed to hold up to 50 active orders" (the
                               documentation, "Create order") */
    ORDERS_KEPT_MAX = 1000, /* active and ended ones; the oldest ended one makes room */
    ORDER_TEXT_MAX = 65     /* bytes of one value that a client gave, with its NUL */
};

enum order_state { ORDER_SUBMITTED, ORDER_FILLED, ORDER_CANCELED };

struct symbol;

struct order {
    const struct symbol *symbol;
    enum order_state state;
    char id[24];
    char client_id[ORDER_TEXT_MAX];
    char timestamp[24]; /* when it was placed, ms */
    char side[ORDER_TEXT_MAX];
    char type[ORDER_TEXT_MAX];
    char time_in_force[ORDER_TEXT_MAX];
    char price[ORDER_TEXT_MAX];
    char quantity[ORDER_TEXT_MAX];
    char amount[DECIMAL_TEXT_MAX]; /* in quote currency */
    char done_quantity[DECIMAL_TEXT_MAX];
    char done_amount[DECIMAL_TEXT_MAX];
    char left_quantity[DECIMAL_TEXT_MAX];
    char average_price[DECIMAL_TEXT_MAX];
};

struct orders {
    struct order items[ORDERS_KEPT_MAX];
    size_t count;
    size_t next; /* the slot that the next order takes, once all are in use */
    uint64_t next_id;
};

void orders_init(struct orders *orders);

/* How many are active. */
size_t orders_active_count(const struct orders *orders);

/* Stores a copy, with an id (and a client's id, where it has none). Call with fewer than ORDERS_ACTIVE_MAX active. */
struct order *orders_add(struct orders *orders, const struct order *order);

/* NULL where there is none. */
struct order *orders_find(struct orders *orders, const char *id);
struct order *orders_find_client_id(struct orders *orders, const char *client_id);

#endif
