/* Requests to the mock exchange behind its signature check: lines of target and body in turn. Held: each answer is one
 * JSON value whatever was asked, no more orders are active than an account may hold, what is frozen is what active orders
 * and withdrawals need, and no sum was ever too long. */
#include "mock/room.h"

#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MAX = 16 /* in one input */ };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool held)
{
    if (!held)
        abort();
}

static void require_json(const char *text)
{
    struct json_scan scan;
    enum json_token token;
    json_scan_init(&scan, slice_text(text));
    do
        token = json_scan_next(&scan, NULL);
    while (token != JSON_END && token != JSON_INVALID);
    require(token == JSON_END);
}

static void ask(struct mock *mock, struct slice target, struct slice body)
{
    static struct http_field json[] = { { SLICE_LITERAL("Content-Type"), SLICE_LITERAL("application/json") } };
    struct answer answer = { .failure = FAILURE_NONE };
    struct call call = {
        .mock = mock,
        .method = body.length > 0 ? SLICE_LITERAL("POST") : SLICE_LITERAL("GET"),
        .target = target,
        .path = http_target_path(target),
        .peer = "127.0.0.1:50000",
        .query = http_target_query(target),
        .fields = { json, ARRAY_LENGTH(json) },
        .body = body,
        .now_ms = INT64_C(1770742394290),
    };
    if (!route_find(&call))
        (void)answer_fail(&answer, FAILURE_NO_SERVICE, "no such endpoint");
    else if (body.length == 0 || input_check_post(&call, &answer))
        call.route->handler(&call, &answer);
    require(answer.failure != FAILURE_INTERNAL);
    char *text = answer_render(&answer, call.route);
    require(text != NULL);
    require_json(text);
    cJSON_free(text);
    answer_end(&answer);
}

/* What is frozen of a currency for orders and withdrawals, and before any of them. */
static struct decimal frozen_for(const struct mock *mock, const struct currency *currency)
{
    struct decimal sum = decimal_constant(currency->frozen);
    for (size_t i = 0; i < mock->orders.count; i++) {
        const struct order *order = &mock->orders.items[i];
        const char *spends = order->buys ? order->symbol->quote : order->symbol->base;
        if (strcmp(spends, currency->code) == 0)
            require(decimal_add(&sum, &sum, &order->reserved));
        require(order_is_active(order) || decimal_is_zero(&order->reserved));
    }
    for (size_t i = 0; i < mock->withdrawals.count; i++) {
        const struct withdrawal *withdrawal = &mock->withdrawals.items[i];
        if (withdrawal->currency == currency && withdrawal->status != WITHDRAWAL_CANCELLED)
            require(decimal_add(&sum, &sum, &withdrawal->amount));
    }
    return sum;
}

static void require_money(const struct mock *mock)
{
    for (size_t i = 0; i < CURRENCY_COUNT; i++) {
        struct decimal frozen = frozen_for(mock, &currencies[i]);
        require(decimal_compare(&frozen, &mock->account.balances[i].frozen) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mock mock; /* large: kept from one input to the next, its orders are not */
    struct slice rest = slice_of(data, size), target, body;
    mock_forget(&mock);
    for (int i = 0; i < REQUESTS_MAX && slice_next_part(&rest, '\n', &target); i++) {
        if (!slice_next_part(&rest, '\n', &body))
            body = slice_of(NULL, 0);
        ask(&mock, target, body);
        require(orders_active_count(&mock.orders) <= ORDERS_ACTIVE_MAX);
        require_money(&mock);
    }
    return 0;
}
