/* The members of orders: the exchange's API documentation, "Create order" and "Batch ordering" (spot), "Create order" and
 * "Place batch" (futures). Constant; any thread. */
#include "order_members.h"

#include <string.h>

#define NAME(text) text, sizeof(text) - 1

const struct order_member order_members[MEMBER_COUNT] = {
    [MEMBER_SYMBOL] = { NAME("symbol"), SPOT | SPOT_BATCH, VALUE_TEXT },
    [MEMBER_SIDE] = { NAME("side"), SPOT | SPOT_ITEM | CONTRACT | CONTRACT_ITEM, VALUE_SIDE },
    [MEMBER_ORD_TYPE] = { NAME("ordType"), SPOT | SPOT_ITEM, VALUE_TEXT },
    [MEMBER_ORD_PRICE] = { NAME("ordPrice"), SPOT | SPOT_ITEM, VALUE_NUMBER },
    [MEMBER_ORD_QTY] = { NAME("ordQty"), SPOT | SPOT_ITEM, VALUE_NUMBER },
    [MEMBER_ORD_AMT] = { NAME("ordAmt"), SPOT | SPOT_ITEM, VALUE_NUMBER },
    [MEMBER_CL_ORD_ID] = { NAME("clOrdId"), SPOT | SPOT_ITEM, VALUE_SCALAR },
    [MEMBER_TIME_IN_FORCE] = { NAME("timeInForce"), SPOT | SPOT_ITEM, VALUE_SCALAR },
    [MEMBER_TIMESTAMP] = { NAME("timestamp"), SPOT | SPOT_BATCH, VALUE_SCALAR },
    [MEMBER_ORDERS] = { NAME("orders"), SPOT_BATCH | CONTRACT_BATCH, VALUE_ORDERS },
    [MEMBER_CONTRACT_ID] = { NAME("contractId"), CONTRACT | CONTRACT_ITEM, VALUE_ID },
    [MEMBER_ORDER_TYPE] = { NAME("orderType"), CONTRACT | CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_PRICE] = { NAME("price"), CONTRACT, VALUE_NUMBER },
    [MEMBER_QUANTITY] = { NAME("quantity"), CONTRACT, VALUE_NUMBER },
    [MEMBER_ORDER_PRICE] = { NAME("orderPrice"), CONTRACT_ITEM, VALUE_NUMBER },
    [MEMBER_ORDER_QTY] = { NAME("orderQty"), CONTRACT_ITEM, VALUE_NUMBER },
    [MEMBER_CLIENT_ORDER_ID] = { NAME("clientOrderId"), CONTRACT | CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_POSITION_EFFECT] = { NAME("positionEffect"), CONTRACT | CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_MARGIN_TYPE] = { NAME("marginType"), CONTRACT | CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_ORDER_SUB_TYPE] = { NAME("orderSubType"), CONTRACT | CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_MARGIN_RATE] = { NAME("marginRate"), CONTRACT, VALUE_SCALAR },
    [MEMBER_INIT_RATE] = { NAME("initRate"), CONTRACT_ITEM, VALUE_SCALAR },
    [MEMBER_LEVERAGE] = { NAME("leverage"), CONTRACT, VALUE_SCALAR },
    [MEMBER_ACCOUNT_TYPE] = { NAME("accountType"), CONTRACT, VALUE_SCALAR },
    [MEMBER_STOP_PRICE] = { NAME("stopPrice"), CONTRACT, VALUE_SCALAR },
};

const struct order_shape order_shapes[ORDER_SHAPE_COUNT] = {
    { SPOT, BIT(MEMBER_SYMBOL) | BIT(MEMBER_SIDE) | BIT(MEMBER_ORD_TYPE) },
    { SPOT_BATCH, BIT(MEMBER_SYMBOL) | BIT(MEMBER_ORDERS) },
    { SPOT_ITEM, BIT(MEMBER_SIDE) | BIT(MEMBER_ORD_TYPE) },
    { CONTRACT, BIT(MEMBER_CONTRACT_ID) | BIT(MEMBER_SIDE) | BIT(MEMBER_ORDER_TYPE) | BIT(MEMBER_QUANTITY) },
    { CONTRACT_BATCH, BIT(MEMBER_ORDERS) },
    { CONTRACT_ITEM, BIT(MEMBER_CONTRACT_ID) | BIT(MEMBER_SIDE) | BIT(MEMBER_ORDER_TYPE) | BIT(MEMBER_ORDER_QTY) },
};

enum member order_member_find(struct slice name)
{
    enum member member = MEMBER_SYMBOL;
    while (member < MEMBER_COUNT && (name.length != order_members[member].length ||
                                     memcmp(name.data, order_members[member].name, name.length) != 0))
        member++;
    return member;
}
