/* Looking orders up. The four endpoints answer the same orders in four shapes, one table each: members, their order, and
 * which are numbers are those of the documentation's example answers. */
#include "room.h"

#include <inttypes.h>
#include <stdio.h>

enum order_field {
    FIELD_ACCOUNT,
    FIELD_AMOUNT,
    FIELD_AVERAGE_PRICE,
    FIELD_BASE,
    FIELD_CLIENT_ID,
    FIELD_DONE_AMOUNT,
    FIELD_DONE_QUANTITY,
    FIELD_FEE_CURRENCY,
    FIELD_ID,
    FIELD_LEFT_QUANTITY,
    FIELD_PRICE,
    FIELD_QUANTITY,
    FIELD_QUOTE,
    FIELD_SIDE,
    FIELD_STATE,
    FIELD_SYMBOL,
    FIELD_TIMESTAMP,
    FIELD_TIME_IN_FORCE,
    FIELD_TYPE,
    FIELD_COUNT
};

struct shape_member {
    const char *name; /* NULL ends a shape */
    enum order_field field;
    enum written_as kind;
};

/* "Get current orders": the price is a number (9.1E-10), the id a string. */
static const struct shape_member shape_active_v1[] = {
    { "symbol", FIELD_SYMBOL, AS_TEXT },
    { "baseCurrency", FIELD_BASE, AS_TEXT },
    { "quoteCurrency", FIELD_QUOTE, AS_TEXT },
    { "timestamp", FIELD_TIMESTAMP, AS_NUMBER },
    { "side", FIELD_SIDE, AS_TEXT },
    { "timeInForce", FIELD_TIME_IN_FORCE, AS_TEXT },
    { "accountId", FIELD_ACCOUNT, AS_NUMBER },
    { "ordPrice", FIELD_PRICE, AS_NUMBER },
    { "cumAmt", FIELD_DONE_AMOUNT, AS_TEXT },
    { "cumQty", FIELD_DONE_QUANTITY, AS_TEXT },
    { "leavesQty", FIELD_LEFT_QUANTITY, AS_TEXT },
    { "clOrdId", FIELD_CLIENT_ID, AS_TEXT },
    { "ordAmt", FIELD_AMOUNT, AS_TEXT },
    { "ordQty", FIELD_QUANTITY, AS_TEXT },
    { "ordId", FIELD_ID, AS_TEXT },
    { "ordStatus", FIELD_STATE, AS_TEXT },
    { "ordType", FIELD_TYPE, AS_TEXT },
    { NULL, FIELD_COUNT, AS_TEXT },
};

/* "Get current orders V2" */
static const struct shape_member shape_active_v2[] = {
    { "baseCurrency", FIELD_BASE, AS_TEXT },
    { "quoteCurrency", FIELD_QUOTE, AS_TEXT },
    { "side", FIELD_SIDE, AS_TEXT },
    { "cumQty", FIELD_DONE_QUANTITY, AS_TEXT },
    { "ordId", FIELD_ID, AS_NUMBER },
    { "clOrdId", FIELD_CLIENT_ID, AS_TEXT },
    { "ordType", FIELD_TYPE, AS_TEXT },
    { "ordQty", FIELD_QUANTITY, AS_TEXT },
    { "cumAmt", FIELD_DONE_AMOUNT, AS_TEXT },
    { "accountId", FIELD_ACCOUNT, AS_NUMBER },
    { "timeInForce", FIELD_TIME_IN_FORCE, AS_TEXT },
    { "ordPrice", FIELD_PRICE, AS_TEXT },
    { "leavesQty", FIELD_LEFT_QUANTITY, AS_TEXT },
    { "avgPrice", FIELD_AVERAGE_PRICE, AS_TEXT },
    { "ordStatus", FIELD_STATE, AS_TEXT },
    { "symbol", FIELD_SYMBOL, AS_TEXT },
    { "timestamp", FIELD_TIMESTAMP, AS_NUMBER },
    { NULL, FIELD_COUNT, AS_TEXT },
};

/* "Get order information" */
static const struct shape_member shape_info_v1[] = {
    { "baseCurrency", FIELD_BASE, AS_TEXT },
    { "quoteCurrency", FIELD_QUOTE, AS_TEXT },
    { "symbol", FIELD_SYMBOL, AS_TEXT },
    { "timestamp", FIELD_TIMESTAMP, AS_NUMBER },
    { "side", FIELD_SIDE, AS_TEXT },
    { "accountId", FIELD_ACCOUNT, AS_NUMBER },
    { "ordId", FIELD_ID, AS_NUMBER },
    { "clOrdId", FIELD_CLIENT_ID, AS_TEXT },
    { "ordType", FIELD_TYPE, AS_TEXT },
    { "ordState", FIELD_STATE, AS_TEXT },
    { "ordPrice", FIELD_PRICE, AS_TEXT },
    { "ordQty", FIELD_QUANTITY, AS_TEXT },
    { "ordAmt", FIELD_AMOUNT, AS_TEXT },
    { "cumAmt", FIELD_DONE_AMOUNT, AS_TEXT },
    { "cumQty", FIELD_DONE_QUANTITY, AS_TEXT },
    { "leavesQty", FIELD_LEFT_QUANTITY, AS_TEXT },
    { "avgPrice", FIELD_AVERAGE_PRICE, AS_TEXT },
    { "feeCurrency", FIELD_FEE_CURRENCY, AS_TEXT },
    { "timeInForce", FIELD_TIME_IN_FORCE, AS_TEXT },
    { NULL, FIELD_COUNT, AS_TEXT },
};

static const char *state_name(enum order_state state)
{
    static const char *const names[] = {
        [ORDER_SUBMITTED] = "SUBMITTED", [ORDER_PARTIAL_FILLED] = "PARTIAL_FILLED",
        [ORDER_FILLED] = "FILLED",       [ORDER_CANCELED] = "CANCELED",
        [ORDER_REJECTED] = "REJECTED",
    };
    return names[state];
}

static const char *type_name(const struct order *order)
{
    if (order->is_market)
        return "MARKET";
    return order->is_post_only ? "POST_ONLY" : "LIMIT";
}

/* What is reckoned from an order's numbers, as text. */
struct reckoned {
    char average_price[DECIMAL_TEXT_MAX];
    char done_amount[DECIMAL_TEXT_MAX];
    char done_quantity[DECIMAL_TEXT_MAX];
    char left_quantity[DECIMAL_TEXT_MAX];
    char timestamp[24];
};

enum { AVERAGE_DECIMALS = 18 };

static void reckon(struct reckoned *reckoned, const struct order *order)
{
    struct decimal average = { .count = 0 };
    if (!decimal_is_zero(&order->done_quantity) &&
        !decimal_divide(&average, &order->done_amount, &order->done_quantity, AVERAGE_DECIMALS))
        average = order->limit; /* beyond what can be written: no price of this mock's is */
    (void)decimal_format(reckoned->average_price, &average); /* these give their texts back */
    (void)decimal_format(reckoned->done_amount, &order->done_amount);
    (void)decimal_format(reckoned->done_quantity, &order->done_quantity);
    (void)decimal_format(reckoned->left_quantity, &order->left);
    (void)snprintf(reckoned->timestamp, sizeof(reckoned->timestamp), "%" PRId64, order->placed_ms); /* fits */
}

static const char *field_text(const struct order *order, const struct reckoned *reckoned, enum order_field field)
{
    const char *const texts[FIELD_COUNT] = {
        [FIELD_ACCOUNT] = account_id(),
        [FIELD_AMOUNT] = order->amount,
        [FIELD_AVERAGE_PRICE] = reckoned->average_price,
        [FIELD_BASE] = order->symbol->base,
        [FIELD_CLIENT_ID] = order->client_id,
        [FIELD_DONE_AMOUNT] = reckoned->done_amount,
        [FIELD_DONE_QUANTITY] = reckoned->done_quantity,
        [FIELD_FEE_CURRENCY] = order->buys ? order->symbol->base : order->symbol->quote,
        [FIELD_ID] = order->id,
        [FIELD_LEFT_QUANTITY] = reckoned->left_quantity,
        [FIELD_PRICE] = order->price,
        [FIELD_QUANTITY] = order->quantity,
        [FIELD_QUOTE] = order->symbol->quote,
        [FIELD_SIDE] = order->buys ? "BUY" : "SELL",
        [FIELD_STATE] = state_name(order->state),
        [FIELD_SYMBOL] = order->symbol->code,
        [FIELD_TIMESTAMP] = reckoned->timestamp,
        [FIELD_TIME_IN_FORCE] = order->time_in_force,
        [FIELD_TYPE] = type_name(order),
    };
    return texts[field];
}

static void put_order(struct answer *answer, cJSON *object, const struct order *order, const struct shape_member *shape)
{
    struct reckoned reckoned;
    reckon(&reckoned, order);
    for (; shape->name != NULL; shape++)
        answer_put(answer, object, shape->name, field_text(order, &reckoned, shape->field), shape->kind);
}

/* Which orders a query asks for; "" and NULL: any. */
struct order_filter {
    const struct symbol *symbol;
    char id[ORDER_TEXT_MAX];
    char client_id[ORDER_TEXT_MAX];
};

static bool read_filter(struct order_filter *filter, const struct call *call, struct answer *answer)
{
    char code[ORDER_TEXT_MAX];
    filter->symbol = NULL;
    return input_take_query(code, call->query, "symbol", answer) &&
           input_take_query(filter->id, call->query, "ordId", answer) &&
           input_take_query(filter->client_id, call->query, "clOrdId", answer) &&
           (code[0] == '\0' || input_symbol(&filter->symbol, code, answer));
}

static bool text_passes(const char *wanted, const char *text)
{
    return wanted[0] == '\0' || slice_equal_text(slice_text(text), wanted);
}

static bool filter_passes(const struct order_filter *filter, const struct order *order)
{
    return (filter->symbol == NULL || filter->symbol == order->symbol) && text_passes(filter->id, order->id) &&
           text_passes(filter->client_id, order->client_id);
}

static void list_active(const struct call *call, struct answer *answer, const struct shape_member *shape)
{
    struct order_filter filter = { .symbol = NULL };
    if (!read_filter(&filter, call, answer))
        return;
    const struct orders *orders = &call->mock->orders;
    cJSON *list = answer_list(answer);
    for (size_t i = 0; i < orders->count; i++) {
        const struct order *order = &orders->items[i];
        if (order_is_active(order) && filter_passes(&filter, order))
            put_order(answer, answer_add_object(answer, list), order, shape);
    }
}

void orders_active_v1(const struct call *call, struct answer *answer)
{
    list_active(call, answer, shape_active_v1);
}

void orders_active_v2(const struct call *call, struct answer *answer)
{
    list_active(call, answer, shape_active_v2);
}

/* The one order that `ordId` or `clOrdId` names, active or not. */
static const struct order *find_named(const struct call *call, struct answer *answer)
{
    struct order_filter filter = { .symbol = NULL };
    if (!read_filter(&filter, call, answer))
        return NULL;
    if (filter.id[0] == '\0' && filter.client_id[0] == '\0') {
        (void)answer_fail(answer, FAILURE_FIELD_MISSING, "ordId or clOrdId is missing");
        return NULL;
    }
    struct orders *orders = &call->mock->orders;
    const struct order *order =
        filter.id[0] != '\0' ? orders_find(orders, filter.id) : orders_find_client_id(orders, filter.client_id);
    if (order != NULL && filter_passes(&filter, order))
        return order;
    (void)answer_fail(answer, FAILURE_ORDER_NOT_FOUND, "no order with ordId \"%s\", clOrdId \"%s\"", filter.id,
                      filter.client_id);
    return NULL;
}

void order_info_v1(const struct call *call, struct answer *answer)
{
    const struct order *order = find_named(call, answer);
    if (order != NULL)
        put_order(answer, answer_object(answer), order, shape_info_v1);
}

/* "Get order information V2": a list of one, as the active ones with "The time of the last transaction or Order time". */
void order_info_v2(const struct call *call, struct answer *answer)
{
    const struct order *order = find_named(call, answer);
    if (order == NULL)
        return;
    cJSON *object = answer_add_object(answer, answer_list(answer));
    put_order(answer, object, order, shape_active_v2);
    answer_put_u64(answer, object, "orderUpdateTime", (uint64_t)order->changed_ms);
}
