/* What a client asks for when it places an order. Private to this room. */
#ifndef MOCK_ORDER_FORM_H
#define MOCK_ORDER_FORM_H

#include "orders.h"

/* As written; "" where it is absent. */
struct order_form {
    char symbol[ORDER_TEXT_MAX];
    char side[ORDER_TEXT_MAX];
    char type[ORDER_TEXT_MAX];
    char time_in_force[ORDER_TEXT_MAX];
    char price[ORDER_TEXT_MAX];
    char quantity[ORDER_TEXT_MAX];
    char amount[ORDER_TEXT_MAX];
    char client_id[ORDER_TEXT_MAX];
};

struct answer;

/* Reads the form from a JSON object. */
MUST_CHECK bool order_form_read(struct order_form *form, struct slice object, struct answer *answer);

/* Makes the order that the form asks for; it is not stored, and nothing is frozen for it. */
MUST_CHECK bool order_form_make(struct order *order, const struct order_form *form, int64_t now_ms,
                                struct answer *answer);

#endif
