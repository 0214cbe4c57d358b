/* Cancelling orders: one, several, all. The loop's thread. */
#include "room.h"

#include "match.h"

enum { CANCELS_MAX = 100 /* orders named in one request; not documented */ };

static bool cancel(const struct call *call, struct order *order, struct answer *answer)
{
    return match_cancel(call->mock, order, call->now_ms) ||
           answer_fail(answer, FAILURE_INTERNAL, "a sum of order %s has too many digits", order->id);
}

/* An active order of this pair (NULL: of any) that a lookup found, or NULL. */
static struct order *active(struct order *order, const struct symbol *symbol)
{
    bool is_meant = order != NULL && order_is_active(order) && (symbol == NULL || order->symbol == symbol);
    return is_meant ? order : NULL;
}

/* `ordId` is what the documentation's table and its JSON say; its Python example sends `orderId`. */
void order_cancel(const struct call *call, struct answer *answer)
{
    char code[ORDER_TEXT_MAX], id[ORDER_TEXT_MAX];
    const struct symbol *symbol = NULL;
    if (!input_take(code, call->body, "symbol", answer) || !input_take(id, call->body, "ordId", answer) ||
        (id[0] == '\0' && !input_take(id, call->body, "orderId", answer)) || !input_require(code, "symbol", answer) ||
        !input_require(id, "ordId", answer) || !input_symbol(&symbol, code, answer))
        return;
    struct order *order = active(orders_find(&call->mock->orders, id), symbol);
    if (order == NULL) {
        (void)answer_fail(answer, FAILURE_ORDER_NOT_FOUND, "no active order %s for %s", id, symbol->code);
        return;
    }
    if (!cancel(call, order, answer))
        return;
    cJSON *object = answer_object(answer);
    answer_put_text(answer, object, "clientOrderId", order->client_id);
    answer_put_text(answer, object, "state", "CANCELED");
    answer_put_number(answer, object, "ordId", order->id);
}

/* What a batch's request names: the pair, and the list of ids. */
static bool begin_batch(struct input_list *list, const struct symbol **symbol, const struct call *call,
                        const char *list_name, struct answer *answer)
{
    char code[ORDER_TEXT_MAX];
    return input_take(code, call->body, "symbol", answer) && input_require(code, "symbol", answer) &&
           input_symbol(symbol, code, answer) && input_list_begin(list, call->body, list_name, CANCELS_MAX, answer);
}

/* An id that was cancelled is answered as a number. One that was not comes back as a number where it can be one. */
static void put_id(struct answer *answer, cJSON *list, const char *id)
{
    struct decimal number;
    bool is_number = decimal_parse(&number, slice_text(id));
    answer_put_item(answer, list, is_number ? cJSON_CreateRaw(id) : cJSON_CreateString(id));
}

void order_cancel_batch(const struct call *call, struct answer *answer)
{
    const struct symbol *symbol;
    struct input_list list;
    char id[ORDER_TEXT_MAX];
    if (!begin_batch(&list, &symbol, call, "orderIds", answer))
        return;
    cJSON *object = answer_object(answer);
    cJSON *success = answer_put_list(answer, object, "success"), *reject = answer_put_list(answer, object, "reject");
    while (input_list_next_text(&list, id)) {
        struct order *order = active(orders_find(&call->mock->orders, id), symbol);
        if (order != NULL && !cancel(call, order, answer))
            return;
        put_id(answer, order != NULL ? success : reject, id);
        if (order == NULL)
            answer_note(answer, "no active order %s for %s", id, symbol->code);
    }
}

/* Those that are not found are left out of the answer, which is documented with `success` alone. */
void order_cancel_batch_by_client_id(const struct call *call, struct answer *answer)
{
    const struct symbol *symbol;
    struct input_list list;
    char id[ORDER_TEXT_MAX];
    if (!begin_batch(&list, &symbol, call, "clientOrderIds", answer))
        return;
    cJSON *success = answer_put_list(answer, answer_object(answer), "success");
    while (input_list_next_text(&list, id)) {
        struct order *order = active(orders_find_client_id(&call->mock->orders, id), symbol);
        if (order != NULL && !cancel(call, order, answer))
            return;
        if (order != NULL)
            answer_put_item(answer, success, cJSON_CreateString(id));
        else
            answer_note(answer, "no active order with clOrdId \"%s\" for %s", id, symbol->code);
    }
}

/* "cancel all contract orders if not passed" (futures); the spot documentation asks for `symbol`. Both are taken. */
void order_cancel_all(const struct call *call, struct answer *answer)
{
    char code[ORDER_TEXT_MAX], contract[ORDER_TEXT_MAX];
    const struct symbol *symbol = NULL;
    if (!input_take(code, call->body, "symbol", answer) || !input_take(contract, call->body, "contractId", answer) ||
        (code[0] != '\0' && !input_symbol(&symbol, code, answer)) ||
        (contract[0] != '\0' && !input_contract(&symbol, contract, answer)))
        return;
    struct orders *orders = &call->mock->orders;
    for (size_t i = 0; i < orders->count; i++) {
        struct order *order = active(&orders->items[i], symbol);
        if (order != NULL && !cancel(call, order, answer))
            return;
    }
    answer_text(answer, "cancel all order success");
}

/* [client order id, order id], and with an error code between them where it was not cancelled. */
static void put_deleted(struct answer *answer, cJSON *list, const struct order *order, const char *id)
{
    cJSON *row = cJSON_CreateArray();
    answer_put_item(answer, row, cJSON_CreateString(order == NULL ? "" : order->client_id));
    if (order == NULL)
        answer_put_item(answer, row, cJSON_CreateString("1019")); /* of the documentation's example; not explained */
    answer_put_item(answer, row, cJSON_CreateString(id));
    answer_put_item(answer, list, row);
}

/* Futures: {"cancels": [{contractId, originalOrderId}]}. The mock has one table of orders: a contract is the pair of its
 * name. */
void orders_delete(const struct call *call, struct answer *answer)
{
    struct input_list list;
    struct slice item;
    if (!input_list_begin(&list, call->body, "cancels", CANCELS_MAX, answer))
        return;
    cJSON *object = answer_object(answer);
    cJSON *reject = answer_put_list(answer, object, "reject"), *succeeded = answer_put_list(answer, object, "succ");
    while (input_list_next(&list, &item)) {
        char contract[ORDER_TEXT_MAX], id[ORDER_TEXT_MAX];
        const struct symbol *symbol = NULL;
        if (!input_take(contract, item, "contractId", answer) || !input_take(id, item, "originalOrderId", answer) ||
            !input_require(contract, "contractId", answer) || !input_require(id, "originalOrderId", answer) ||
            !input_contract(&symbol, contract, answer))
            return;
        struct order *order = active(orders_find(&call->mock->orders, id), symbol);
        if (order != NULL && !cancel(call, order, answer))
            return;
        put_deleted(answer, order != NULL ? succeeded : reject, order, id);
    }
}
