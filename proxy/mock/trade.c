/* Placing and cancelling orders. LIMIT and POST_ONLY orders rest until they are cancelled: nobody trades against them.
 * MARKET orders are filled at once, whole, at the pair's last price. */
#include "room.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What a client sent, as written. */
struct order_form {
    char symbol[ORDER_TEXT_MAX];
    char side[ORDER_TEXT_MAX];
    char type[ORDER_TEXT_MAX];
    char time_in_force[ORDER_TEXT_MAX];
    char price[ORDER_TEXT_MAX];
    char quantity[ORDER_TEXT_MAX];
    char amount[ORDER_TEXT_MAX];
    char client_id[ORDER_TEXT_MAX];
    char id[ORDER_TEXT_MAX];
};

/* `timestamp` is not among them: the documentation calls it required, and its own example leaves it out. */
static const struct {
    const char *name;
    size_t offset;
} form_members[] = {
    { "symbol", offsetof(struct order_form, symbol) },  { "side", offsetof(struct order_form, side) },
    { "ordType", offsetof(struct order_form, type) },   { "timeInForce", offsetof(struct order_form, time_in_force) },
    { "ordPrice", offsetof(struct order_form, price) }, { "ordQty", offsetof(struct order_form, quantity) },
    { "ordAmt", offsetof(struct order_form, amount) },  { "clOrdId", offsetof(struct order_form, client_id) },
    { "ordId", offsetof(struct order_form, id) },
};

static bool read_form(struct order_form *form, const struct call *call, struct answer *answer)
{
    for (size_t i = 0; i < ARRAY_LENGTH(form_members); i++) {
        char *text = (char *)form + form_members[i].offset;
        if (input_body(text, ORDER_TEXT_MAX, call->body, form_members[i].name) == INPUT_UNUSABLE)
            return answer_fail(answer, FAILURE_BAD_REQUEST, "%s is not a string or number of up to %d bytes",
                               form_members[i].name, ORDER_TEXT_MAX - 1);
    }
    return true;
}

static bool require(const char *text, const char *name, struct answer *answer)
{
    return text[0] != '\0' || answer_fail(answer, FAILURE_FIELD_MISSING, "%s is missing", name);
}

static bool find_symbol(const struct symbol **symbol, const char *code, struct answer *answer)
{
    *symbol = symbol_find(slice_text(code));
    return *symbol != NULL || answer_fail(answer, FAILURE_SYMBOL, "symbol \"%s\" is not listed", code);
}

/* Which numbers an order needs, by type and side (the documentation, "Create order"). */
struct order_rule {
    const char *type;
    const char *side;
    bool needs_price;
    bool needs_quantity;
    bool needs_amount;
    bool (*settle)(struct order *order);
};

/* Copies `text` into a member of an order; both are ORDER_TEXT_MAX bytes or more. */
static void copy(char *member, const char *text)
{
    size_t length = strnlen(text, ORDER_TEXT_MAX - 1);
    memcpy(member, text, length);
    member[length] = '\0';
}

/* Writes a × b; false where one is no number. */
static bool write_product(char *product, const char *a, const char *b)
{
    struct decimal left, right, result;
    if (!decimal_parse(&left, slice_text(a)) || !decimal_parse(&right, slice_text(b)) ||
        !decimal_multiply(&result, &left, &right))
        return false;
    (void)decimal_format(product, &result);
    return true;
}

static bool settle_limit(struct order *order)
{
    /* IOC and FOK never rest ("immediate or cancel", "fill or kill"), and nothing here fills them. */
    bool rests = strcmp(order->time_in_force, "GTC") == 0;
    order->state = rests ? ORDER_SUBMITTED : ORDER_CANCELED;
    copy(order->left_quantity, order->quantity);
    return write_product(order->amount, order->price, order->quantity);
}

static void fill(struct order *order, const char *price)
{
    order->state = ORDER_FILLED;
    copy(order->left_quantity, "0");
    copy(order->average_price, price);
}

static void write_last_price(char *text, const struct symbol *symbol)
{
    struct decimal price = decimal_of(symbol->price_mantissa, symbol->price_exponent);
    (void)decimal_format(text, &price);
}

static bool settle_market_sell(struct order *order)
{
    char price[DECIMAL_TEXT_MAX];
    write_last_price(price, order->symbol);
    fill(order, price);
    copy(order->done_quantity, order->quantity);
    return write_product(order->done_amount, price, order->quantity);
}

static bool settle_market_buy(struct order *order)
{
    char price[DECIMAL_TEXT_MAX];
    write_last_price(price, order->symbol);
    fill(order, price);
    copy(order->done_amount, order->amount);
    return write_product(order->done_quantity, order->symbol->base_for_one, order->amount);
}

static const struct order_rule order_rules[] = {
    { "LIMIT", "BUY", true, true, false, settle_limit },
    { "LIMIT", "SELL", true, true, false, settle_limit },
    { "POST_ONLY", "BUY", true, true, false, settle_limit },
    { "POST_ONLY", "SELL", true, true, false, settle_limit },
    { "MARKET", "BUY", false, false, true, settle_market_buy },
    { "MARKET", "SELL", false, true, false, settle_market_sell },
};

static const struct order_rule *find_rule(const struct order_form *form, struct answer *answer)
{
    for (size_t i = 0; i < ARRAY_LENGTH(order_rules); i++) {
        if (strcmp(form->type, order_rules[i].type) == 0 && strcmp(form->side, order_rules[i].side) == 0)
            return &order_rules[i];
    }
    (void)answer_fail(answer, FAILURE_BAD_REQUEST, "ordType is LIMIT, MARKET or POST_ONLY and side BUY or SELL");
    return NULL;
}

/* Takes a number over where the rule needs it, and leaves "0" where it does not. */
static bool take_number(char *member, bool needed, const char *text, const char *name, struct answer *answer)
{
    struct decimal number;
    copy(member, needed ? text : "0");
    if (!needed)
        return true;
    if (!require(text, name, answer))
        return false;
    if (!decimal_parse(&number, slice_text(text)) || number.count == 0)
        return answer_fail(answer, FAILURE_BAD_REQUEST, "%s is not a number above 0", name);
    return true;
}

static bool take_time_in_force(struct order *order, const char *text, struct answer *answer)
{
    copy(order->time_in_force, text[0] == '\0' ? "GTC" : text); /* "defaultValue = GTC" */
    if (strcmp(order->time_in_force, "GTC") != 0 && strcmp(order->time_in_force, "IOC") != 0 &&
        strcmp(order->time_in_force, "FOK") != 0)
        return answer_fail(answer, FAILURE_BAD_REQUEST, "timeInForce is GTC, IOC or FOK");
    return true;
}

/* Makes the order that the form asks for, settled but not stored. */
static bool make_order(struct order *order, const struct order_form *form, const struct call *call,
                       struct answer *answer)
{
    if (!require(form->symbol, "symbol", answer) || !require(form->side, "side", answer) ||
        !require(form->type, "ordType", answer) || !find_symbol(&order->symbol, form->symbol, answer))
        return false;
    const struct order_rule *rule = find_rule(form, answer);
    if (rule == NULL || !take_number(order->price, rule->needs_price, form->price, "ordPrice", answer) ||
        !take_number(order->quantity, rule->needs_quantity, form->quantity, "ordQty", answer) ||
        !take_number(order->amount, rule->needs_amount, form->amount, "ordAmt", answer) ||
        !take_time_in_force(order, form->time_in_force, answer))
        return false;
    copy(order->side, form->side);
    copy(order->type, form->type);
    copy(order->client_id, form->client_id);
    copy(order->done_quantity, "0");
    copy(order->done_amount, "0");
    copy(order->average_price, "0");
    (void)snprintf(order->timestamp, sizeof(order->timestamp), "%" PRId64, call->now_ms); /* fits: 20 characters */
    return rule->settle(order) || answer_fail(answer, FAILURE_BAD_REQUEST, "the order's amount has too many digits");
}

/* Whether the account has what the order spends: the quote currency for BUY, the base currency for SELL. */
static bool check_balance(const struct order *order, struct answer *answer)
{
    bool buys = strcmp(order->side, "BUY") == 0;
    const char *currency = buys ? order->symbol->quote : order->symbol->base;
    const char *spends = buys ? order->amount : order->quantity;
    const char *has = account_available(currency);
    struct decimal need, available;
    if (!decimal_parse(&need, slice_text(spends)) || !decimal_parse(&available, slice_text(has)))
        return answer_fail(answer, FAILURE_BAD_REQUEST, "the order's amount %s has too many digits", spends);
    if (decimal_compare(&need, &available) > 0)
        return answer_fail(answer, FAILURE_INSUFFICIENT, "the order spends %s %s, the account has %s", spends, currency,
                           has);
    return true;
}

static bool check_account(struct orders *orders, const struct order *order, struct answer *answer)
{
    if (order->client_id[0] != '\0' && orders_find_client_id(orders, order->client_id) != NULL)
        return answer_fail(answer, FAILURE_DUPLICATE, "clOrdId \"%s\" was used before", order->client_id);
    if (order->state == ORDER_SUBMITTED && orders_active_count(orders) >= ORDERS_ACTIVE_MAX)
        return answer_fail(answer, FAILURE_TOO_MANY_ORDERS, "the account has %d active orders", ORDERS_ACTIVE_MAX);
    return check_balance(order, answer);
}

void order_place(const struct call *call, struct answer *answer)
{
    struct order_form form;
    struct order order = { .symbol = NULL };
    if (!read_form(&form, call, answer) || !make_order(&order, &form, call, answer) ||
        !check_account(&call->mock->orders, &order, answer))
        return;
    const struct order *placed = orders_add(&call->mock->orders, &order);
    /* The documentation's table of this answer says `ordId`, its example `order_id`. */
    answer_put_number(answer, answer_object(answer), "ordId", placed->id);
}

void order_cancel(const struct call *call, struct answer *answer)
{
    struct order_form form;
    const struct symbol *symbol = NULL;
    if (!read_form(&form, call, answer) || !require(form.symbol, "symbol", answer) ||
        !require(form.id, "ordId", answer) || !find_symbol(&symbol, form.symbol, answer))
        return;
    struct order *order = orders_find(&call->mock->orders, form.id);
    if (order == NULL || order->symbol != symbol || order->state != ORDER_SUBMITTED) {
        (void)answer_fail(answer, FAILURE_ORDER_NOT_FOUND, "no active order %s for %s", form.id, symbol->code);
        return;
    }
    order->state = ORDER_CANCELED;
    cJSON *object = answer_object(answer);
    answer_put_text(answer, object, "clientOrderId", order->client_id);
    answer_put_text(answer, object, "state", "CANCELED");
    answer_put_number(answer, object, "ordId", order->id);
}
