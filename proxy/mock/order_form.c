/* From a client's words to an order: which fields it needs, and what they may hold. Pure. */
#include "order_form.h"

#include "room.h"

#include <stddef.h>
#include <string.h>

/* `timestamp` is not among them: the documentation calls it required, and its own example leaves it out. */
static const struct {
    const char *name;
    size_t offset;
} form_members[] = {
    { "symbol", offsetof(struct order_form, symbol) },  { "side", offsetof(struct order_form, side) },
    { "ordType", offsetof(struct order_form, type) },   { "timeInForce", offsetof(struct order_form, time_in_force) },
    { "ordPrice", offsetof(struct order_form, price) }, { "ordQty", offsetof(struct order_form, quantity) },
    { "ordAmt", offsetof(struct order_form, amount) },  { "clOrdId", offsetof(struct order_form, client_id) },
};

bool order_form_read(struct order_form *form, struct slice object, struct answer *answer)
{
    for (size_t i = 0; i < ARRAY_LENGTH(form_members); i++) {
        char *text = (char *)form + form_members[i].offset;
        if (!input_take(text, object, form_members[i].name, answer))
            return false;
    }
    return true;
}

/* Which numbers an order needs, by type and side (the documentation, "Create order"). */
static const struct order_rule {
    const char *type;
    const char *side;
    bool needs_price;
    bool needs_quantity;
    bool needs_amount;
} order_rules[] = {
    { "LIMIT", "BUY", true, true, false },     { "LIMIT", "SELL", true, true, false },
    { "POST_ONLY", "BUY", true, true, false }, { "POST_ONLY", "SELL", true, true, false },
    { "MARKET", "BUY", false, false, true },   { "MARKET", "SELL", false, true, false },
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

/* Copies a word or a value; `member` is `size` bytes. */
static void copy(char *member, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);
    memcpy(member, text, length);
    member[length] = '\0';
}

/* Takes a number over where the rule needs it, as written and as a number, and leaves 0 where it does not. */
static bool take_number(char *member, struct decimal *number, bool needed, const char *text, const char *name,
                        struct answer *answer)
{
    *number = (struct decimal){ .count = 0 };
    copy(member, ORDER_TEXT_MAX, needed ? text : "0");
    if (!needed)
        return true;
    if (!input_require(text, name, answer))
        return false;
    if (!decimal_parse(number, slice_text(text)) || decimal_is_zero(number))
        return answer_fail(answer, FAILURE_BAD_REQUEST, "%s is not a number above 0", name);
    return number->exponent >= -INPUT_DECIMALS_MAX ||
           answer_fail(answer, FAILURE_BAD_REQUEST, "%s has more than %d decimal places", name, INPUT_DECIMALS_MAX);
}

static bool take_time_in_force(struct order *order, const char *text, struct answer *answer)
{
    static const char *const words[] = { "GTC", "IOC", "FOK" };
    const char *given = text[0] == '\0' ? "GTC" : text; /* "defaultValue = GTC" */
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (strcmp(given, words[i]) != 0)
            continue;
        copy(order->time_in_force, sizeof(order->time_in_force), given);
        return true;
    }
    return answer_fail(answer, FAILURE_BAD_REQUEST, "timeInForce is GTC, IOC or FOK");
}

/* A limit order's amount is its price times its quantity; that of another is what it said. */
static bool set_amount(struct order *order, struct answer *answer)
{
    struct decimal amount;
    if (order->is_market)
        return true;
    if (!decimal_multiply(&amount, &order->limit, &order->left))
        return answer_fail(answer, FAILURE_BAD_REQUEST, "the order's amount has too many digits");
    (void)decimal_format(order->amount, &amount); /* gives the text back */
    return true;
}

bool order_form_make(struct order *order, const struct order_form *form, int64_t now_ms, struct answer *answer)
{
    struct decimal amount;
    *order = (struct order){ .symbol = NULL };
    if (!input_require(form->symbol, "symbol", answer) || !input_require(form->side, "side", answer) ||
        !input_require(form->type, "ordType", answer) || !input_symbol(&order->symbol, form->symbol, answer))
        return false;
    const struct order_rule *rule = find_rule(form, answer);
    if (rule == NULL || !take_number(order->price, &order->limit, rule->needs_price, form->price, "ordPrice", answer) ||
        !take_number(order->quantity, &order->left, rule->needs_quantity, form->quantity, "ordQty", answer) ||
        !take_number(order->amount, &amount, rule->needs_amount, form->amount, "ordAmt", answer) ||
        !take_time_in_force(order, form->time_in_force, answer))
        return false;
    order->buys = strcmp(form->side, "BUY") == 0;
    order->is_market = strcmp(form->type, "MARKET") == 0;
    order->is_post_only = strcmp(form->type, "POST_ONLY") == 0;
    order->placed_ms = order->changed_ms = now_ms;
    copy(order->client_id, sizeof(order->client_id), form->client_id);
    return set_amount(order, answer);
}
