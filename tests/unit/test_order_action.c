/* What a request does with orders: no spelling turns a placing one into anything that passes, none keeps a cancel back. */
#include "countersign/compiler.h"
#include "countersign/order_action.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static enum order_action action_with(const char *method, const char *target, struct http_fields fields)
{
    struct slice m = slice_text(method), t = slice_text(target);
    return order_action_of(m, t, endpoint_classify(m, t), fields);
}

static enum order_action action(const char *method, const char *target)
{
    return action_with(method, target, (struct http_fields){ .items = NULL });
}

static void documented_endpoints_do_what_is_documented(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *target;
        enum order_action action;
    } rows[] = {
        { "POST", "/api/trade/order/place", ORDER_ACTION_PLACES },
        { "POST", "/api/trade/order/place?x=1", ORDER_ACTION_PLACES },
        { "POST", "/api/trade/order/placeBatch", ORDER_ACTION_PLACES_BATCH },
        { "POST", "/api/trade/order/cancel", ORDER_ACTION_CANCELS },
        { "POST", "/api/trade/order/cancelBatch", ORDER_ACTION_CANCELS },
        { "POST", "/api/trade/order/cancelBatchByClOrdId", ORDER_ACTION_CANCELS },
        { "POST", "/api/trade/order/cancelAll", ORDER_ACTION_CANCELS },
        { "POST", "/api/trade/orders/del", ORDER_ACTION_CANCELS },
        { "POST", "/API/trade//order/Cancel", ORDER_ACTION_CANCELS },
        { "POST", "/api/trade/order/cancel/", ORDER_ACTION_CANCELS },
        { "POST", "/api/trade//order/place", ORDER_ACTION_PLACES },
        { "POST", "/api/future/adjustMargin", ORDER_ACTION_ADJUSTS },
        { "POST", "/api/configs/adjustPositionConfig", ORDER_ACTION_ADJUSTS },
        { "POST", "/api/future/queryAvail", ORDER_ACTION_NONE },
        { "GET", "/api/future/queryAvail", ORDER_ACTION_NONE },
        { "POST", "/api/spot/accountList", ORDER_ACTION_NONE },
        { "GET", "/api/trade/order/active?symbol=BTCUSDT", ORDER_ACTION_NONE },
        { "GET", "/api/v1/market/depth/PLACEUSDT", ORDER_ACTION_NONE },
        { "POST", "/api/fi/v3/asset/doWithdraw", ORDER_ACTION_NONE },
        { "GET", "/api/something/new", ORDER_ACTION_NONE },
        { "HEAD", "/", ORDER_ACTION_NONE },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (action(rows[i].method, rows[i].target) != rows[i].action)
            fail_msg("%s %s: %d", rows[i].method, rows[i].target, (int)action(rows[i].method, rows[i].target));
    }
}

static void what_is_not_known_to_place_none_may_place(void **state)
{
    (void)state;
    static const char *const requests[][2] = {
        { "PUT", "/api/trade/order/place" },
        { "GET", "/api/trade/order/place" },
        { "post", "/api/trade/order/place" },
        { "PUT", "/api/trade/order/cancel" },
        { "GET", "/api/trade/order/cancel" },
        { "POST", "/api/v2/trade/order/place" },
        { "POST", "/trade/order/place" },
        { "POST", "/api/trade/order/active" },
        { "POST", "/api/trade/order/cancel/x" },
        { "POST", "//x/api/trade/order/cancel" }, /* two readings that do not agree */
        { "POST", "/api/trade//order/cancel/" },
        { "POST", "/api/trade/order/cancel%2f..%2fplace" },
        { "POST", "/api/trade/order/cancel/../place" },
        { "POST", "/api/trade/order/./place" },
        { "POST", "/api/trade/order/cancel;/place" },
        { "POST", "/api/trade/order/cancel%3Bx" },
        { "POST", "/api/trade/order/cancel\\place" },
        { "POST", "/api/something/new" },
        { "DELETE", "/api/something/new" },
        { "GET", "/api/v3/placeOrder" },
        { "GET", "/api/future/placeOrder" },
        { "POST", "/api/trade/order/placeWithTransfer" },
        { "POST", "/api/trade/order/cance%6c%00" },
        { "POST", "*" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
        if (action(requests[i][0], requests[i][1]) != ORDER_ACTION_MAY_PLACE)
            fail_msg("%s %s: %d", requests[i][0], requests[i][1], (int)action(requests[i][0], requests[i][1]));
    }
}

static void a_field_that_may_turn_it_into_another_request_is_found(void **state)
{
    (void)state;
    static const char *const names[] = { "X-HTTP-Method-Override", "x-http-method", "X-METHOD-OVERRIDE",
                                         "X-Original-URL", "x-rewrite-url" };
    struct http_field fields[] = { { SLICE_LITERAL("Accept"), SLICE_LITERAL("a") },
                                   { SLICE_LITERAL("X"), SLICE_LITERAL("b") } };
    const struct http_fields both = { fields, ARRAY_LENGTH(fields) };
    assert_int_equal(action_with("GET", "/api/v1/market/tickers", both), ORDER_ACTION_NONE);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        fields[1].name = slice_text(names[i]);
        assert_ptr_equal(order_action_overriding_field(both), &fields[1]);
        assert_int_equal(action_with("GET", "/api/v1/market/tickers", both), ORDER_ACTION_MAY_PLACE);
        assert_int_equal(action_with("POST", "/api/trade/order/cancel", both), ORDER_ACTION_MAY_PLACE);
    }
}

static void a_stop_of_trading_keeps_back_all_but_cancels_and_reads(void **state)
{
    (void)state;
    assert_false(order_action_is_trading(ORDER_ACTION_NONE));
    assert_false(order_action_is_trading(ORDER_ACTION_CANCELS));
    assert_true(order_action_is_trading(ORDER_ACTION_ADJUSTS));
    assert_true(order_action_is_trading(ORDER_ACTION_PLACES));
    assert_true(order_action_is_trading(ORDER_ACTION_PLACES_BATCH));
    assert_true(order_action_is_trading(ORDER_ACTION_MAY_PLACE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_endpoints_do_what_is_documented),
        cmocka_unit_test(what_is_not_known_to_place_none_may_place),
        cmocka_unit_test(a_field_that_may_turn_it_into_another_request_is_found),
        cmocka_unit_test(a_stop_of_trading_keeps_back_all_but_cancels_and_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
