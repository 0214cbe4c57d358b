/* The members of orders that the exchange documents, and the shapes that they make. Private to this room. */
#ifndef COUNTERSIGN_GUARD_ORDER_MEMBERS_H
#define COUNTERSIGN_GUARD_ORDER_MEMBERS_H

#include "countersign/slice.h"

enum member {
    MEMBER_SYMBOL,
    MEMBER_SIDE,
    MEMBER_ORD_TYPE,
    MEMBER_ORD_PRICE,
    MEMBER_ORD_QTY,
    MEMBER_ORD_AMT,
    MEMBER_CL_ORD_ID,
    MEMBER_TIME_IN_FORCE,
    MEMBER_TIMESTAMP,
    MEMBER_ORDERS,
    MEMBER_CONTRACT_ID,
    MEMBER_ORDER_TYPE,
    MEMBER_PRICE,
    MEMBER_QUANTITY,
    MEMBER_ORDER_PRICE,
    MEMBER_ORDER_QTY,
    MEMBER_CLIENT_ORDER_ID,
    MEMBER_POSITION_EFFECT,
    MEMBER_MARGIN_TYPE,
    MEMBER_ORDER_SUB_TYPE,
    MEMBER_MARGIN_RATE,
    MEMBER_INIT_RATE,
    MEMBER_LEVERAGE,
    MEMBER_ACCOUNT_TYPE,
    MEMBER_STOP_PRICE,
    MEMBER_COUNT
};

enum shape {
    SPOT = 1,
    SPOT_BATCH = 2,
    SPOT_ITEM = 4, /* of such a batch */
    CONTRACT = 8,
    CONTRACT_BATCH = 16,
    CONTRACT_ITEM = 32
};

enum value_kind {
    VALUE_TEXT,   /* a string that is not empty */
    VALUE_NUMBER, /* a number of 0 and up, or a string that holds one; null is as if it were not there */
    VALUE_SIDE,   /* a string or a number */
    VALUE_ID,     /* digits, as a number or a string */
    VALUE_SCALAR, /* not judged: anything but an object or an array */
    VALUE_ORDERS
};

struct order_member {
    const char *name;
    size_t length; /* of the name */
    unsigned shapes;
    enum value_kind kind;
};

#define BIT(member) (1U << (member))

/* A shape, and the members that it cannot do without, as bits. */
struct order_shape {
    enum shape shape;
    unsigned required;
};

enum { ORDER_SHAPE_COUNT = 6 };

extern const struct order_member order_members[MEMBER_COUNT];
extern const struct order_shape order_shapes[ORDER_SHAPE_COUNT];

/* Byte for byte; MEMBER_COUNT where there is none of that name. */
enum member order_member_find(struct slice name);

#endif
