/* Placing orders, one or many. The loop's thread. */
#include "room.h"

#include "match.h"
#include "order_form.h"
#include "settle.h"

#include <stdio.h>
#include <string.h>

enum { BATCH_MAX = ORDERS_ACTIVE_MAX /* orders in one batch; not documented: as many as an account may hold */ };

/* Freezes what the order spends: the quote currency for BUY, the base currency for SELL. */
static bool reserve(struct mock *mock, struct order *order, struct answer *answer)
{
    struct decimal needs;
    const char *currency = order->buys ? order->symbol->quote : order->symbol->base;
    if (!match_needs(&needs, order))
        return answer_fail(answer, FAILURE_BAD_REQUEST, "the order's amount has too many digits");
    if (settle_reserve(mock, order, &needs))
        return true;
    char need[DECIMAL_TEXT_MAX], has[DECIMAL_TEXT_MAX];
    return answer_fail(answer, FAILURE_INSUFFICIENT, "the order spends %s %s, the account has %s",
                       decimal_format(need, &needs), currency,
                       decimal_format(has, &account_balance(&mock->account, currency)->available));
}

static bool check_account(struct orders *orders, const struct order *order, struct answer *answer)
{
    if (order->client_id[0] != '\0' && orders_find_client_id(orders, order->client_id) != NULL)
        return answer_fail(answer, FAILURE_DUPLICATE, "clOrdId \"%s\" was used before", order->client_id);
    bool may_rest = !order->is_market && strcmp(order->time_in_force, "GTC") == 0;
    if (may_rest && orders_active_count(orders) >= ORDERS_ACTIVE_MAX)
        return answer_fail(answer, FAILURE_TOO_MANY_ORDERS, "the account has %d active orders", ORDERS_ACTIVE_MAX);
    return true;
}

/* Places what the form asks for; NULL, and the answer says why, where it is refused. */
static const struct order *place(const struct call *call, const struct order_form *form, struct answer *answer)
{
    struct mock *mock = call->mock;
    struct order order;
    if (!order_form_make(&order, form, call->now_ms, answer) || !check_account(&mock->orders, &order, answer) ||
        !reserve(mock, &order, answer))
        return NULL;
    struct order *placed = orders_add(&mock->orders, &order);
    if (match_order(mock, placed, call->now_ms))
        return placed;
    (void)answer_fail(answer, FAILURE_INTERNAL, "a sum of order %s has too many digits", placed->id);
    return NULL;
}

/* The futures hosts take orders on the same path, with a contract in place of a symbol. */
static bool check_kind(const struct call *call, const struct order_form *form, struct answer *answer)
{
    char contract[ORDER_TEXT_MAX];
    if (form->symbol[0] != '\0' || input_body(contract, sizeof(contract), call->body, "contractId") == INPUT_ABSENT)
        return true;
    return answer_fail(answer, FAILURE_FIELD_MISSING,
                       "symbol is missing: this is an order for futures (contractId), which the mock does not keep");
}

void order_place(const struct call *call, struct answer *answer)
{
    struct order_form form;
    if (!order_form_read(&form, call->body, answer) || !check_kind(call, &form, answer))
        return;
    const struct order *placed = place(call, &form, answer);
    /* The documentation's table of this answer says `ordId`, its example `order_id`. */
    if (placed != NULL)
        answer_put_number(answer, answer_object(answer), "ordId", placed->id);
}

/* One order of a batch, and its place in the answer's list: `{ordId, clOrdId}`, or `{errno, errMsg}`. */
static void place_in_batch(const struct call *call, struct answer *answer, const char *symbol, struct slice object)
{
    struct order_form form;
    struct answer own = { .failure = FAILURE_NONE };
    const struct order *placed = NULL;
    if (order_form_read(&form, object, &own)) {
        (void)snprintf(form.symbol, sizeof(form.symbol), "%s", symbol); /* of the same size */
        placed = place(call, &form, &own);
    }
    cJSON *item = answer_add_object(answer, answer->data);
    if (placed != NULL) {
        answer_put_number(answer, item, "ordId", placed->id);
        answer_put_text(answer, item, "clOrdId", placed->client_id);
        return;
    }
    answer_put_number(answer, item, "errno", failure_row(&own)->code);
    answer_put_text(answer, item, "errMsg", failure_row(&own)->message);
    answer_note(answer, "one of the batch: %s", own.reason);
}

void order_place_batch(const struct call *call, struct answer *answer)
{
    char symbol[ORDER_TEXT_MAX];
    const struct symbol *found;
    struct input_list list;
    struct slice item;
    if (!input_take(symbol, call->body, "symbol", answer) || !input_require(symbol, "symbol", answer) ||
        !input_symbol(&found, symbol, answer) || !input_list_begin(&list, call->body, "orders", BATCH_MAX, answer))
        return;
    (void)answer_list(answer);
    while (input_list_next(&list, &item))
        place_in_batch(call, answer, symbol, item);
}
