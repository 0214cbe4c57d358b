/* Orders read out of a request's body, or not at all. Private to this room. */
#ifndef COUNTERSIGN_GUARD_ORDER_READ_H
#define COUNTERSIGN_GUARD_ORDER_READ_H

#include "countersign/compiler.h"
#include "countersign/decimal.h"
#include "countersign/order_limit.h"

struct order_number {
    bool is_given;     /* and not null */
    struct slice text; /* as written, without quotes */
    struct decimal value;
};

struct order {
    size_t index;     /* in its batch; 0 for one that is alone */
    bool is_contract; /* of the futures documentation: contractId in place of symbol */
    bool buys;
    bool is_market;
    struct slice symbol;    /* or contractId; empty within a batch of spot orders, which has it once */
    struct slice client_id; /* empty where none is given */
    struct order_number price;
    struct order_number quantity;
    struct order_number amount;
};

/* Gets the orders one by one; false ends the reading. */
struct order_visitor {
    bool (*visit)(void *context, const struct order *order);
    void *context;
};

struct order_reason { /* why it cannot be read, for people */
    char *text;
    size_t size;
    bool is_set;
};

/* Writes the reason; always returns false. */
bool order_reason_set(struct order_reason *reason, const char *format, ...) PRINTF_LIKE(2, 3);

/* Reads the whole body, of one order or of a batch. *batch_symbol is what a batch of spot orders has once, else empty. False
 * where it cannot be read with certainty, `reason` then says why; and where a visit returned false. */
MUST_CHECK bool order_read(struct slice *batch_symbol, const struct order_visitor *visitor, struct slice body,
                           bool is_batch, struct order_reason *reason);

/* order_wire.c: whether the body is what the server will take for one, as far as target and fields say. */
MUST_CHECK bool order_wire_is_plain(const struct order_request *request, struct order_reason *reason);

#endif
