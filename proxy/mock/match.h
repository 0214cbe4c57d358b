/* Orders meet the book: what they reserve, fill, pay and leave. Private to this room. The loop's thread. */
#ifndef MOCK_MATCH_H
#define MOCK_MATCH_H

#include "orders.h"

struct mock;

/* Rates as POST /v2/public/config/spot/symbols lists them, of what a side receives. */
#define MATCH_MAKER_FEE "0.006"
#define MATCH_TAKER_FEE "0.003"

enum { MATCH_FEE_DECIMALS = 18 /* what is beyond them is not charged */ };

/* What the order spends, in the currency it spends: what is to be frozen for it. False where it has too many digits. */
MUST_CHECK bool match_needs(struct decimal *needs, const struct order *order);

/* Fills an order that is stored, and whose needs are frozen, as far as the book and its own terms allow, and gives back
 * what it does not need any more. False where a sum would have too many digits, which the bounds of an order's numbers
 * rule out. */
MUST_CHECK bool match_order(struct mock *mock, struct order *order, int64_t now_ms);

/* Ends an active order and gives back what is frozen for it. */
MUST_CHECK bool match_cancel(struct mock *mock, struct order *order, int64_t now_ms);

#endif
