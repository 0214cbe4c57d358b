/* Who pays what to whom. Private to this room. The loop's thread. */
#ifndef MOCK_SETTLE_H
#define MOCK_SETTLE_H

#include "orders.h"

struct mock;

/* Freezes what an order needs; false where the account has less available (or a sum has too many digits). */
MUST_CHECK bool settle_reserve(struct mock *mock, struct order *order, const struct decimal *needs);

/* One match: `taker` with `maker`, the account's own, or NULL: with others. Changes balances and orders, the maker's state
 * included, and notes the trades. False, with money half moved, only where a sum has too many digits. */
MUST_CHECK bool settle_match(struct mock *mock, struct order *taker, struct order *maker, const struct decimal *price,
                             const struct decimal *quantity, int64_t now_ms);

/* Gives back what is still frozen for an order. */
MUST_CHECK bool settle_release(struct mock *mock, struct order *order);

#endif
