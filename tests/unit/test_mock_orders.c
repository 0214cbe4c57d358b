/* Orders at the mock exchange: placed, looked up, cancelled and refused, through a real socket; and the table that keeps
 * them. */
#include "mock_rig.h"

static int start(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct mock_options options = { .log_requests = false };
    assert_non_null(rig);
    rig_start(rig, &options);
    *state = rig;
    return 0;
}

static int stop(void **state)
{
    rig_stop(*state);
    free(*state);
    return 0;
}

static void place(struct rig *rig, const char *body)
{
    rig_signed(rig, "POST", "/api/trade/order/place", body);
}

static void cancel(struct rig *rig, const char *body)
{
    rig_signed(rig, "POST", "/api/trade/order/cancel", body);
}

#define FIRST_ID "11594964764657881" /* above 2^53 and odd: no double holds it */
static const char luffy_limit[] =
    "{\"symbol\":\"LUFFYUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":9.0e-10,"
    "\"ordQty\":\"12323231243\",\"timestamp\":1770742394290,\"clOrdId\":\"mine-1\"}";

static void a_limit_order_is_active_until_it_is_cancelled(void **state)
{
    struct rig *rig = *state;
    place(rig, luffy_limit);
    assert_refused(rig, 200, "{\"code\":\"0\",\"data\":{\"ordId\":" FIRST_ID "}}");
    rig_signed(rig, "GET", "/api/trade/order/active", NULL);
    assert_holds(rig, "\"clOrdId\":\"mine-1\"");
    rig_signed(rig, "GET", "/api/trade/order/orderInfo?ordId=" FIRST_ID, NULL);
    assert_holds(rig, "\"ordState\":\"SUBMITTED\"");
    cancel(rig, "{\"symbol\":\"LUFFYUSDT\",\"ordId\":" FIRST_ID "}");
    assert_refused(
        rig, 200, "{\"code\":0,\"data\":{\"clientOrderId\":\"mine-1\",\"state\":\"CANCELED\",\"ordId\":" FIRST_ID "}}");
    rig_signed(rig, "GET", "/api/trade/order/active", NULL);
    assert_refused(rig, 200, "{\"code\":0,\"data\":[]}");
    rig_signed(rig, "GET", "/api/trade/order/orderInfo?ordId=" FIRST_ID, NULL);
    assert_holds(rig, "\"ordState\":\"CANCELED\"");
}

static void ids_and_prices_are_answered_as_written(void **state)
{
    struct rig *rig = *state;
    place(rig, luffy_limit);
    rig_signed(rig, "GET", "/api/trade/order/active?symbol=luffyusdt", NULL);
    assert_refused(
        rig, 200,
        "{\"code\":0,\"data\":[{\"symbol\":\"LUFFYUSDT\",\"baseCurrency\":\"LUFFY\",\"quoteCurrency\":\"USDT\","
        "\"timestamp\":1770742394290,\"side\":\"BUY\",\"timeInForce\":\"GTC\",\"accountId\":1134971,"
        "\"ordPrice\":9.0e-10,\"cumAmt\":\"0\",\"cumQty\":\"0\",\"leavesQty\":\"12323231243\","
        "\"clOrdId\":\"mine-1\",\"ordAmt\":\"11.09090811870\",\"ordQty\":\"12323231243\","
        "\"ordId\":\"" FIRST_ID "\",\"ordStatus\":\"SUBMITTED\",\"ordType\":\"LIMIT\"}]}");
    rig_signed(rig, "GET", "/api/v2/trade/order/active", NULL);
    assert_holds(rig, "\"ordId\":" FIRST_ID ",");
    assert_holds(rig, "\"ordPrice\":\"9.0e-10\",");
    rig_signed(rig, "GET", "/api/v2/trade/order/orderInfo?clOrdId=mine%2d1", NULL);
    assert_holds(rig, "\"data\":[{");
    assert_holds(rig, "\"ordId\":" FIRST_ID ",");
    rig_signed(rig, "GET", "/api/trade/order/orderInfo?ordId=" FIRST_ID, NULL);
    assert_holds(rig, "\"data\":{");
    assert_holds(rig, "\"ordId\":" FIRST_ID ",");
    assert_holds(rig, "\"ordPrice\":\"9.0e-10\",");
}

static void ids_count_up_by_one(void **state)
{
    struct rig *rig = *state;
    static const char body[] = "{\"symbol\":\"TIPUSDT\",\"side\":\"SELL\",\"ordType\":\"MARKET\",\"ordQty\":1}";
    place(rig, body);
    assert_holds(rig, "11594964764657881");
    place(rig, body);
    assert_holds(rig, "11594964764657882");
    place(rig, body);
    assert_holds(rig, "11594964764657883");
}

static void an_order_without_a_client_id_gets_one(void **state)
{
    struct rig *rig = *state;
    place(rig,
          "{\"symbol\":\"BTCUSDT\",\"side\":\"SELL\",\"ordType\":\"POST_ONLY\",\"ordPrice\":50000,\"ordQty\":0.5}");
    rig_signed(rig, "GET", "/api/v2/trade/order/active", NULL);
    assert_holds(rig, "\"clOrdId\":\"00000000000000000029318f1bfb08d9\"");
    assert_holds(rig, "\"ordType\":\"POST_ONLY\"");
}

static void a_client_id_that_is_not_ascii_comes_back_the_same(void **state)
{
    struct rig *rig = *state;
    place(rig, "{\"symbol\":\"BTCUSDT\",\"side\":\"SELL\",\"ordType\":\"LIMIT\",\"ordPrice\":50000,\"ordQty\":0.5,"
               "\"clOrdId\":\"订单-\\u00e4-\\\"\"}");
    rig_signed(rig, "GET", "/api/v2/trade/order/active?clOrdId=%E8%AE%A2%E5%8D%95-%C3%A4-%22", NULL);
    assert_holds(rig, "\"clOrdId\":\"订单-ä-\\\"\"");
}

static void a_market_sale_is_filled_at_once(void **state)
{
    struct rig *rig = *state;
    place(rig, "{\"symbol\":\"SHARPUSDT\",\"side\":\"SELL\",\"ordType\":\"MARKET\",\"timestamp\":1770742394290,"
               "\"ordQty\":\"1386.193512614361\"}");
    rig_signed(rig, "GET", "/api/trade/order/orderInfo?ordId=" FIRST_ID, NULL);
    /* 1000.5 at 0.01999, the rest at 0.01998 */
    assert_holds(rig, "\"ordState\":\"FILLED\",\"ordPrice\":\"0\",\"ordQty\":\"1386.193512614361\",\"ordAmt\":\"0\","
                      "\"cumAmt\":\"27.70615138203493278\",\"cumQty\":\"1386.193512614361\",\"leavesQty\":\"0E-12\","
                      "\"avgPrice\":\"0.019987217606999999\",\"feeCurrency\":\"USDT\"");
    rig_signed(rig, "GET", "/api/trade/order/active", NULL);
    assert_refused(rig, 200, "{\"code\":0,\"data\":[]}");
}

static void a_market_purchase_names_its_amount_and_is_filled_at_once(void **state)
{
    struct rig *rig = *state;
    place(rig, "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"MARKET\",\"ordAmt\":100}");
    rig_signed(rig, "GET", "/api/trade/order/orderInfo?ordId=" FIRST_ID, NULL);
    assert_holds(rig,
                 "\"ordState\":\"FILLED\",\"ordPrice\":\"0\",\"ordQty\":\"0\",\"ordAmt\":\"100\","
                 "\"cumAmt\":\"99.960002499\",\"cumQty\":\"0.002499\",\"leavesQty\":\"0\",\"avgPrice\":\"40000.001\"");
}

static void orders_that_must_not_rest_are_cancelled_at_once(void **state)
{
    struct rig *rig = *state;
    place(rig, "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":1,\"ordQty\":1,"
               "\"timeInForce\":\"IOC\"}");
    rig_signed(rig, "GET", "/api/trade/order/orderInfo?ordId=" FIRST_ID, NULL);
    assert_holds(rig, "\"ordState\":\"CANCELED\"");
    assert_holds(rig, "\"timeInForce\":\"IOC\"");
}

static void a_client_id_that_was_used_is_a_duplicate(void **state)
{
    struct rig *rig = *state;
    place(rig, luffy_limit);
    place(rig, luffy_limit);
    assert_refused(rig, DUPLICATE_ORDER);
    cancel(rig, "{\"symbol\":\"LUFFYUSDT\",\"ordId\":\"" FIRST_ID "\"}");
    assert_holds(rig, "CANCELED");
    place(rig, luffy_limit);
    assert_refused(rig, DUPLICATE_ORDER);
}

static void a_pair_that_is_not_listed_is_refused(void **state)
{
    struct rig *rig = *state;
    place(rig, "{\"symbol\":\"NOUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":1,\"ordQty\":1}");
    assert_refused(rig, NO_SYMBOL);
    cancel(rig, "{\"symbol\":\"NOUSDT\",\"ordId\":" FIRST_ID "}");
    assert_refused(rig, NO_SYMBOL);
    rig_signed(rig, "GET", "/api/trade/order/active?symbol=NOUSDT", NULL);
    assert_refused(rig, NO_SYMBOL);
}

static void an_order_that_is_not_there_is_not_found(void **state)
{
    struct rig *rig = *state;
    place(rig, luffy_limit);
    cancel(rig, "{\"symbol\":\"LUFFYUSDT\",\"ordId\":11594964764657880}");
    assert_refused(rig, NO_ORDER);
    cancel(rig, "{\"symbol\":\"BTCUSDT\",\"ordId\":" FIRST_ID "}");
    assert_refused(rig, NO_ORDER);
    cancel(rig, "{\"symbol\":\"LUFFYUSDT\",\"ordId\":" FIRST_ID "}");
    assert_holds(rig, "CANCELED");
    cancel(rig, "{\"symbol\":\"LUFFYUSDT\",\"ordId\":" FIRST_ID "}");
    assert_refused(rig, NO_ORDER);
    rig_signed(rig, "GET", "/api/trade/order/orderInfo?ordId=1", NULL);
    assert_refused(rig, NO_ORDER);
    rig_signed(rig, "GET", "/api/v2/trade/order/orderInfo?clOrdId=mine", NULL);
    assert_refused(rig, NO_ORDER);
}

static void a_missing_field_is_named_as_documented(void **state)
{
    struct rig *rig = *state;
    static const char *const bodies[] = {
        "{}",
        "{\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":1,\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"ordType\":\"LIMIT\",\"ordPrice\":1,\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordPrice\":1,\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"MARKET\",\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"SELL\",\"ordType\":\"MARKET\",\"ordAmt\":1}",
        "{\"symbol\":null,\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":1,\"ordQty\":1}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
        place(rig, bodies[i]);
        assert_refused(rig, FIELD_MISSING);
    }
    cancel(rig, "{\"symbol\":\"BTCUSDT\"}");
    assert_refused(rig, FIELD_MISSING);
    rig_signed(rig, "GET", "/api/trade/order/orderInfo", NULL);
    assert_refused(rig, FIELD_MISSING);
}

static void a_value_that_is_none_is_a_bad_request(void **state)
{
    struct rig *rig = *state;
    static const char *const bodies[] = {
        "{\"symbol\":\"BTCUSDT\",\"side\":\"buy\",\"ordType\":\"LIMIT\",\"ordPrice\":1,\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"STOP\",\"ordPrice\":1,\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":0,\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":-1,\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":\"1,5\",\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":\"0x1\",\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":1e999,\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":[1],\"ordQty\":1}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":1,\"ordQty\":true}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":1,\"ordQty\":1,"
        "\"timeInForce\":\"DAY\"}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":1,\"ordQty\":1,"
        "\"clOrdId\":\"a\\u0000b\"}",
        "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":1,\"ordQty\":1,"
        "\"clOrdId\":\"01234567890123456789012345678901234567890123456789012345678901234\"}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
        place(rig, bodies[i]);
        assert_refused(rig, BAD_REQUEST);
    }
    rig_signed(rig, "GET", "/api/trade/order/orderInfo?clOrdId=%00", NULL);
    assert_refused(rig, BAD_REQUEST);
    rig_signed(rig, "GET", "/api/trade/order/orderInfo?clOrdId=%4", NULL);
    assert_refused(rig, BAD_REQUEST);
}

static void an_order_that_spends_more_than_the_account_has_is_refused(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *body;
        bool accepted;
    } cases[] = {
        { "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":13297.94999,\"ordQty\":1}",
          true },
        { "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":13297.94999,"
          "\"ordQty\":1.00000000000000000001}",
          false },
        { "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"MARKET\",\"ordAmt\":\"13297.95\"}", false },
        { "{\"symbol\":\"BTCUSDT\",\"side\":\"SELL\",\"ordType\":\"MARKET\",\"ordQty\":\"1.5\"}", true },
        { "{\"symbol\":\"BTCUSDT\",\"side\":\"SELL\",\"ordType\":\"MARKET\",\"ordQty\":\"1.500000000000000001\"}",
          false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        place(rig, cases[i].body);
        if (cases[i].accepted)
            assert_holds(rig, "\"code\":\"0\"");
        else
            assert_refused(rig, INSUFFICIENT);
    }
}

static void an_account_holds_50_active_orders_and_no_more(void **state)
{
    struct rig *rig = *state;
    static const char limit[] =
        "{\"symbol\":\"TIPUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":0.01,\"ordQty\":1}";
    for (int i = 0; i < 50; i++) {
        place(rig, limit);
        assert_holds(rig, "\"code\":\"0\"");
    }
    place(rig, limit);
    assert_refused(rig, RESTRICTED);
    place(rig, "{\"symbol\":\"TIPUSDT\",\"side\":\"SELL\",\"ordType\":\"MARKET\",\"ordQty\":1}");
    assert_holds(rig, "\"code\":\"0\"");
    cancel(rig, "{\"symbol\":\"TIPUSDT\",\"ordId\":" FIRST_ID "}");
    place(rig, limit);
    assert_holds(rig, "\"code\":\"0\"");
}

static void the_oldest_ended_order_makes_room_and_an_active_one_stays(void **state)
{
    (void)state;
    struct orders *orders = calloc(1, sizeof(*orders));
    assert_non_null(orders);
    orders_init(orders);
    struct order order = { .state = ORDER_SUBMITTED };
    char active[24], ended[24];
    (void)snprintf(active, sizeof(active), "%s", orders_add(orders, &order)->id);
    order.state = ORDER_FILLED;
    (void)snprintf(ended, sizeof(ended), "%s", orders_add(orders, &order)->id);
    for (int i = 2; i < ORDERS_KEPT_MAX; i++)
        (void)orders_add(orders, &order);
    assert_non_null(orders_find(orders, ended));
    (void)orders_add(orders, &order);
    assert_null(orders_find(orders, ended));
    assert_non_null(orders_find(orders, active));
    for (int i = 0; i < 3 * ORDERS_KEPT_MAX; i++)
        assert_non_null(orders_find(orders, orders_add(orders, &order)->id));
    assert_non_null(orders_find(orders, active));
    assert_int_equal(orders_active_count(orders), 1);
    free(orders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_limit_order_is_active_until_it_is_cancelled, start, stop),
        cmocka_unit_test_setup_teardown(ids_and_prices_are_answered_as_written, start, stop),
        cmocka_unit_test_setup_teardown(ids_count_up_by_one, start, stop),
        cmocka_unit_test_setup_teardown(an_order_without_a_client_id_gets_one, start, stop),
        cmocka_unit_test_setup_teardown(a_client_id_that_is_not_ascii_comes_back_the_same, start, stop),
        cmocka_unit_test_setup_teardown(a_market_sale_is_filled_at_once, start, stop),
        cmocka_unit_test_setup_teardown(a_market_purchase_names_its_amount_and_is_filled_at_once, start, stop),
        cmocka_unit_test_setup_teardown(orders_that_must_not_rest_are_cancelled_at_once, start, stop),
        cmocka_unit_test_setup_teardown(a_client_id_that_was_used_is_a_duplicate, start, stop),
        cmocka_unit_test_setup_teardown(a_pair_that_is_not_listed_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(an_order_that_is_not_there_is_not_found, start, stop),
        cmocka_unit_test_setup_teardown(a_missing_field_is_named_as_documented, start, stop),
        cmocka_unit_test_setup_teardown(a_value_that_is_none_is_a_bad_request, start, stop),
        cmocka_unit_test_setup_teardown(an_order_that_spends_more_than_the_account_has_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(an_account_holds_50_active_orders_and_no_more, start, stop),
        cmocka_unit_test(the_oldest_ended_order_makes_room_and_an_active_one_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
