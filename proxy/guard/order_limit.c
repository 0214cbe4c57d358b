/* Limits for orders placed. Pure; any thread. */
#include "countersign/order_limit.h"

#include "order_read.h"

#include <stdio.h>

enum { TEXT_MAX = 24, NUMBER_SHOWN_MAX = 32 }; /* bytes of a client's value that a reason shows */

/* --- from the configuration --- */

static bool read_symbols(struct order_limits *limits, struct slice list)
{
    struct slice part;
    while (slice_next_part(&list, ',', &part)) {
        part = slice_trim_blanks(part);
        if (part.length == 0 || part.length > ORDER_LIMIT_SYMBOL_LENGTH_MAX ||
            limits->symbol_count == ORDER_LIMIT_SYMBOLS_MAX)
            return false;
        limits->symbols[limits->symbol_count++] = part;
    }
    return true;
}

static bool read_sides(struct order_limits *limits, struct slice list)
{
    struct slice part;
    limits->has_sides = true;
    while (slice_next_part(&list, ',', &part)) {
        part = slice_trim_blanks(part);
        bool buys = slice_equal_text(part, "BUY");
        if (!buys && !slice_equal_text(part, "SELL"))
            return false;
        limits->may_buy = limits->may_buy || buys;
        limits->may_sell = limits->may_sell || !buys;
    }
    return true;
}

bool order_limits_read(struct order_limits *limits, const char *max_notional, const char *symbols, const char *sides)
{
    *limits = (struct order_limits){ .maximum_text = max_notional, .symbols_text = symbols, .sides_text = sides };
    limits->has_maximum = max_notional[0] != '\0';
    limits->is_set = limits->has_maximum || symbols[0] != '\0' || sides[0] != '\0';
    return (!limits->has_maximum || decimal_parse(&limits->maximum, slice_text(max_notional))) &&
           (symbols[0] == '\0' || read_symbols(limits, slice_text(symbols))) &&
           (sides[0] == '\0' || read_sides(limits, slice_text(sides)));
}

/* --- one order --- */

struct judging {
    const struct order_limits *limits;
    const char *listener;
    bool is_batch;
    struct order_reason beyond; /* which limit */
};

/* "listener bot, sides = BUY: " and, in a batch, "orders[2] (clOrdId abc) ". */
static void write_place(char *text, size_t size, const struct judging *judging, const char *key, const char *allowed,
                        const struct order *order)
{
    struct slice id = slice_first(order->client_id, TEXT_MAX);
    char which[64] = "the order ";
    if (judging->is_batch)
        (void)snprintf(which, sizeof(which), "orders[%zu] %s%.*s%s", order->index, id.length > 0 ? "(clOrdId " : "",
                       SLICE_ARGUMENTS(id), id.length > 0 ? ") " : ""); /* fits: both are bounded */
    (void)snprintf(text, size, "listener %s, %s = %.120s: %s", judging->listener, key, allowed,
                   which); /* a long list is cut */
}

enum { PLACE_MAX = 320 };

static bool refuse_notional(struct judging *judging, const struct order *order, const char *what)
{
    char place[PLACE_MAX];
    write_place(place, sizeof(place), judging, "max_notional", judging->limits->maximum_text, order);
    return order_reason_set(&judging->beyond, "%s%s", place, what);
}

/* Two of the client's numbers, or one, and what they make. */
static bool refuse_sum(struct judging *judging, const struct order *order, const struct decimal *product)
{
    char what[2 * NUMBER_SHOWN_MAX + DECIMAL_TEXT_MAX + 64], number[DECIMAL_TEXT_MAX];
    struct slice price = slice_first(order->price.text, NUMBER_SHOWN_MAX);
    struct slice quantity = slice_first(order->quantity.text, NUMBER_SHOWN_MAX);
    struct slice amount = slice_first(order->amount.text, NUMBER_SHOWN_MAX);
    if (product == NULL)
        (void)snprintf(what, sizeof(what), "is of ordAmt %.*s", SLICE_ARGUMENTS(amount)); /* sized for it, as below */
    else
        (void)snprintf(what, sizeof(what), "is of ordPrice %.*s x ordQty %.*s = %s", SLICE_ARGUMENTS(price),
                       SLICE_ARGUMENTS(quantity), decimal_format(number, product));
    return refuse_notional(judging, order, what);
}

static bool is_above_zero(const struct order_number *number)
{
    return number->is_given && !decimal_is_zero(&number->value);
}

static bool judge_amount(struct judging *judging, const struct order *order)
{
    return decimal_compare(&order->amount.value, &judging->limits->maximum) <= 0 || refuse_sum(judging, order, NULL);
}

static bool judge_market(struct judging *judging, const struct order *order)
{
    if (!order->buys)
        return refuse_notional(
            judging, order, "sells at the market, and what that fetches is not in it; send a LIMIT order with a price");
    if (!is_above_zero(&order->amount))
        return refuse_notional(judging, order, "buys at the market without ordAmt, so what it spends is not in it");
    if (is_above_zero(&order->quantity))
        return refuse_notional(judging, order,
                               "buys at the market with ordAmt and ordQty, and which of them counts is not documented");
    return judge_amount(judging, order);
}

static bool judge_limit(struct judging *judging, const struct order *order)
{
    struct decimal product;
    if (!is_above_zero(&order->price) || !is_above_zero(&order->quantity))
        return refuse_notional(judging, order, "has no ordPrice and ordQty above 0, so what it is worth is not in it");
    if (!decimal_multiply(&product, &order->price.value, &order->quantity.value))
        return refuse_notional(judging, order, "is worth more digits than are reckoned with");
    if (decimal_compare(&product, &judging->limits->maximum) > 0)
        return refuse_sum(judging, order, &product);
    return !order->amount.is_given || judge_amount(judging, order);
}

static bool judge_notional(struct judging *judging, const struct order *order)
{
    if (!judging->limits->has_maximum)
        return true;
    if (order->is_contract)
        return refuse_notional(judging, order, "is for a futures contract, whose size is not in it");
    return order->is_market ? judge_market(judging, order) : judge_limit(judging, order);
}

static bool judge_side(struct judging *judging, const struct order *order)
{
    const struct order_limits *limits = judging->limits;
    char place[PLACE_MAX];
    if (!limits->has_sides || (order->buys ? limits->may_buy : limits->may_sell))
        return true;
    write_place(place, sizeof(place), judging, "sides", limits->sides_text, order);
    return order_reason_set(&judging->beyond, "%sis a %s", place, order->buys ? "BUY" : "SELL");
}

/* The exchange writes one pair in both cases (tickers in lower case), so the case makes no difference. */
static bool judge_symbol(struct judging *judging, const struct order *order, struct slice symbol)
{
    const struct order_limits *limits = judging->limits;
    char place[PLACE_MAX];
    for (size_t i = 0; i < limits->symbol_count; i++) {
        if (slice_equal_caseless(symbol, limits->symbols[i]))
            return true;
    }
    if (limits->symbol_count == 0)
        return true;
    write_place(place, sizeof(place), judging, "symbols", limits->symbols_text, order);
    struct slice shown = slice_first(symbol, ORDER_LIMIT_SYMBOL_LENGTH_MAX);
    return order_reason_set(&judging->beyond, "%sis for %.*s", place, SLICE_ARGUMENTS(shown));
}

/* A batch of spot orders has its symbol once, which is judged at its end. */
static bool judge_order(void *context, const struct order *order)
{
    struct judging *judging = context;
    return (order->symbol.length == 0 || judge_symbol(judging, order, order->symbol)) && judge_side(judging, order) &&
           judge_notional(judging, order);
}

/* --- one request --- */

/* Always ORDER_UNREADABLE. */
static enum order_verdict refuse_unknown(struct order_reason *why, const struct order_request *request)
{
    const struct http_field *field = order_action_overriding_field(request->fields);
    if (field != NULL)
        (void)order_reason_set(why, "the field %.*s may turn this into another request", /* false, as below */
                               SLICE_ARGUMENTS(slice_first(field->name, TEXT_MAX)));
    else
        (void)order_reason_set(why, "this may place an order, and only what is sent to POST /api/trade/order/place and "
                                    "/api/trade/order/placeBatch can be judged");
    return ORDER_UNREADABLE;
}

enum order_verdict order_judge(char *reason, size_t size, const struct order_limits *limits, const char *listener,
                               const struct order_request *request)
{
    bool is_batch = request->action == ORDER_ACTION_PLACES_BATCH;
    struct order_reason unreadable = { .size = size };
    unreadable.text = reason;
    struct judging judging = { limits, listener, is_batch, unreadable };
    const struct order_visitor visitor = { judge_order, &judging };
    static const struct order whole_batch = { .index = 0 };
    struct slice symbol;
    if (request->action == ORDER_ACTION_MAY_PLACE)
        return refuse_unknown(&unreadable, request);
    if (request->action != ORDER_ACTION_PLACES && !is_batch)
        return ORDER_PASSES;
    if (order_wire_is_plain(request, &unreadable) &&
        order_read(&symbol, &visitor, request->body, is_batch, &unreadable)) {
        judging.is_batch = false; /* said of the batch, not of one in it */
        return symbol.length == 0 || judge_symbol(&judging, &whole_batch, symbol) ? ORDER_PASSES : ORDER_BEYOND_LIMIT;
    }
    return judging.beyond.is_set ? ORDER_BEYOND_LIMIT : ORDER_UNREADABLE;
}
