/* Limits for orders placed: how much, of what, on which side. Pure; any thread.
 *
 * An order is judged by its body alone, and only where that can be read in one way: one JSON object of the members that the
 * exchange documents, each once, in plain ASCII without escapes, sent as application/json without a query. Everything else
 * is ORDER_UNREADABLE: two parsers could disagree on it, and the exchange's is not known.
 *
 * The notional is what the order itself says, in the quote currency:
 *   LIMIT, POST_ONLY  ordPrice × ordQty, or ordAmt where that is given and larger
 *   MARKET BUY        ordAmt; one that has ordQty beside it is refused: which of the two counts is not documented
 *   MARKET SELL       not in the body (ordQty without a price): refused where max_notional is set
 *   futures           not in the body (the size of a contract is missing): refused where max_notional is set
 * A limit order that sells may fetch more than it says: price × quantity is then its least, not its most.
 * Source of members and forms: the exchange's API documentation, "Create order" and "Batch ordering" (spot), "Create order"
 * and "Place batch" (futures). */
#ifndef COUNTERSIGN_ORDER_LIMIT_H
#define COUNTERSIGN_ORDER_LIMIT_H

#include "countersign/compiler.h"
#include "countersign/decimal.h"
#include "countersign/http_message.h"
#include "countersign/order_action.h"

enum {
    ORDER_LIMIT_SYMBOLS_MAX = 64, /* in one listener's list */
    ORDER_LIMIT_SYMBOL_LENGTH_MAX = 32,
    ORDER_BODY_MAX = 65536, /* bytes of a body that is judged */
    ORDER_BATCH_MAX = 100   /* orders in one batch: twice what an ordinary account may hold */
};

/* Constant once made. */
struct order_limits {
    bool is_set; /* any of the three */
    bool has_maximum;
    bool has_sides;
    bool may_buy;
    bool may_sell;
    struct decimal maximum;
    size_t symbol_count; /* 0: any */
    struct slice symbols[ORDER_LIMIT_SYMBOLS_MAX];
    const char *maximum_text; /* as configured, as below */
    const char *symbols_text;
    const char *sides_text;
};

/* Reads the three keys; "" is no limit. `symbols` and `sides` are lists parted by ',' with blanks around. The texts are
 * borrowed for as long as the limits are used. False where one of them is not of its form. */
MUST_CHECK bool order_limits_read(struct order_limits *limits, const char *max_notional, const char *symbols,
                                  const char *sides);

/* What is sent. */
struct order_request {
    struct slice target;
    struct http_fields fields; /* those that will be sent */
    struct slice body;
    enum order_action action; /* order_action_of */
};

enum order_verdict {
    ORDER_PASSES,
    ORDER_BEYOND_LIMIT, /* read, and refused by a limit */
    ORDER_UNREADABLE    /* cannot be read with certainty */
};

/* Judges a request under limits that are set. Whatever the verdict but ORDER_PASSES, `reason` of `size` bytes says, for a
 * person who can act, which limit of `listener` and what was sent; of a batch, which order, by index and client id. One
 * order that fails refuses the whole batch; the sum of a batch is not bounded, as that of single orders is not. Requests
 * that place no order pass. Allocates nothing; at most ORDER_BODY_MAX bytes are looked at. */
enum order_verdict order_judge(char *reason, size_t size, const struct order_limits *limits, const char *listener,
                               const struct order_request *request);

#endif
