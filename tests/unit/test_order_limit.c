/* Limits for orders: which bodies are read, what is made of them, and that the reason is one to act on. */
#include "countersign/order_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPOT    "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\","
#define MARKET  "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"MARKET\","
#define ITEM    "{\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":1,\"ordQty\":1"
#define FUTURES "\"contractId\":100300034,\"side\":1,\"orderType\":1,"

enum { REASON_MAX = 640 };

static char reason[REASON_MAX];

static struct order_limits limits_of(const char *maximum, const char *symbols, const char *sides)
{
    struct order_limits limits;
    assert_true(order_limits_read(&limits, maximum, symbols, sides));
    return limits;
}

static enum order_verdict judge_as(const struct order_limits *limits, enum order_action action, const char *target,
                                   const char *type, struct slice body)
{
    struct http_field field = { SLICE_LITERAL("Content-Type"), slice_text(type) };
    const struct order_request request = {
        .target = slice_text(target), .fields = { &field, 1 }, .body = body, .action = action
    };
    memset(reason, 0, sizeof(reason));
    return order_judge(reason, sizeof(reason), limits, "bot", &request);
}

static enum order_verdict judge(const struct order_limits *limits, const char *body)
{
    return judge_as(limits, ORDER_ACTION_PLACES, "/api/trade/order/place", "application/json", slice_text(body));
}

static enum order_verdict judge_batch(const struct order_limits *limits, const char *body)
{
    return judge_as(limits, ORDER_ACTION_PLACES_BATCH, "/api/trade/order/placeBatch", "application/json",
                    slice_text(body));
}

struct row {
    const char *body;
    enum order_verdict verdict;
    const char *says; /* part of the reason */
};

static void judge_rows(const struct order_limits *limits, const struct row *rows, size_t count, bool is_batch)
{
    for (size_t i = 0; i < count; i++) {
        enum order_verdict verdict = is_batch ? judge_batch(limits, rows[i].body) : judge(limits, rows[i].body);
        if (verdict != rows[i].verdict || (rows[i].says != NULL && strstr(reason, rows[i].says) == NULL))
            fail_msg("%s: verdict %d, reason %s", rows[i].body, (int)verdict, reason);
        assert_true(verdict == ORDER_PASSES || (reason[0] != '\0' && strlen(reason) < sizeof(reason) - 1));
    }
}

static void the_notional_is_reckoned_exactly(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { SPOT "\"ordPrice\":50000,\"ordQty\":0.01}", ORDER_PASSES, NULL },
        { SPOT "\"ordPrice\":\"5E+4\",\"ordQty\":\"1.0e-2\"}", ORDER_PASSES, NULL },
        { SPOT "\"ordPrice\":50000,\"ordQty\":0.010000000000000000000000000001}", ORDER_BEYOND_LIMIT,
          "max_notional = 500" },
        { SPOT "\"ordPrice\":0.1,\"ordQty\":5000.0000000000000000001}", ORDER_BEYOND_LIMIT,
          "500.00000000000000000001" },
        { SPOT "\"ordPrice\":9.2e-10,\"ordQty\":\"12323231243\"}", ORDER_PASSES, NULL },
        { SPOT "\"ordPrice\":1e40,\"ordQty\":1e-40}", ORDER_PASSES, NULL },
        { SPOT "\"ordPrice\":1,\"ordQty\":1,\"ordAmt\":500}", ORDER_PASSES, NULL },
        { SPOT "\"ordPrice\":1,\"ordQty\":1,\"ordAmt\":\"500.1\"}", ORDER_BEYOND_LIMIT, "ordAmt 500.1" },
        { SPOT "\"ordPrice\":501,\"ordQty\":1,\"ordAmt\":1}", ORDER_BEYOND_LIMIT, "501 x ordQty 1 = 501" },
        { SPOT "\"ordPrice\":1,\"ordQty\":1,\"ordAmt\":null,\"clOrdId\":null,\"timeInForce\":null}", ORDER_PASSES,
          NULL },
        { SPOT "\"ordPrice\":0,\"ordQty\":1}", ORDER_BEYOND_LIMIT, "above 0" },
        { SPOT "\"ordPrice\":\"0E-18\",\"ordQty\":1}", ORDER_BEYOND_LIMIT, "above 0" },
        { SPOT "\"ordPrice\":1,\"ordQty\":null}", ORDER_BEYOND_LIMIT, "above 0" },
        { SPOT "\"ordPrice\":1}", ORDER_BEYOND_LIMIT, "above 0" },
        { MARKET "\"ordAmt\":500}", ORDER_PASSES, NULL },
        { MARKET "\"ordAmt\":\"500\",\"ordQty\":0,\"ordPrice\":\"0\"}", ORDER_PASSES, NULL },
        { MARKET "\"ordAmt\":500.5}", ORDER_BEYOND_LIMIT, "ordAmt 500.5" },
        { MARKET "\"ordQty\":1}", ORDER_BEYOND_LIMIT, "without ordAmt" },
        { MARKET "\"ordAmt\":1,\"ordQty\":1}", ORDER_BEYOND_LIMIT, "which of them counts" },
        { "{\"symbol\":\"BTCUSDT\",\"side\":\"SELL\",\"ordType\":\"MARKET\",\"ordQty\":1}", ORDER_BEYOND_LIMIT,
          "sells at the market" },
        { "{" FUTURES "\"price\":\"1\",\"quantity\":\"1\"}", ORDER_BEYOND_LIMIT, "futures contract" },
    };
    struct order_limits limits = limits_of("500", "", "");
    judge_rows(&limits, rows, ARRAY_LENGTH(rows), false);
}

static void symbols_and_sides_are_told_from_others(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { SPOT "\"ordPrice\":1,\"ordQty\":1e9}", ORDER_PASSES, NULL },
        { "{\"symbol\":\"ethusdt\",\"side\":\"BUY\",\"ordType\":\"POST_ONLY\"}", ORDER_PASSES, NULL },
        { "{\"symbol\":\"BTCUSDT2\",\"side\":\"BUY\",\"ordType\":\"LIMIT\"}", ORDER_BEYOND_LIMIT, "is for BTCUSDT2" },
        { "{\"symbol\":\"BTCUSD\",\"side\":\"BUY\",\"ordType\":\"LIMIT\"}", ORDER_BEYOND_LIMIT,
          "listener bot, symbols = BTCUSDT , ETHUSDT,100300034: the order is for BTCUSD" },
        { "{\"symbol\":\" BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"LIMIT\"}", ORDER_BEYOND_LIMIT, "is for  BTCUSDT" },
        { "{\"symbol\":\"BTCUSDT\",\"side\":\"SELL\",\"ordType\":\"MARKET\"}", ORDER_BEYOND_LIMIT, "sides = BUY" },
        { "{" FUTURES "\"price\":\"1\",\"quantity\":\"1\"}", ORDER_PASSES, NULL },
        { "{\"contractId\":\"100300034\",\"side\":-1,\"orderType\":3,\"quantity\":1}", ORDER_BEYOND_LIMIT, "a SELL" },
        { "{\"contractId\":1,\"side\":1,\"orderType\":3,\"quantity\":1}", ORDER_BEYOND_LIMIT, "is for 1" },
    };
    struct order_limits limits = limits_of("", "BTCUSDT , ETHUSDT,100300034", "BUY");
    judge_rows(&limits, rows, ARRAY_LENGTH(rows), false);
}

static void what_can_be_read_in_two_ways_is_not_read(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "", ORDER_UNREADABLE, "not one JSON object" },
        { "[]", ORDER_UNREADABLE, "not one JSON object" },
        { SPOT "\"ordPrice\":1,\"ordQty\":1}x", ORDER_UNREADABLE, "not one JSON object" },
        { SPOT "\"ordPrice\":1,\"ordQty\":1}{}", ORDER_UNREADABLE, NULL },
        { SPOT "\"ordPrice\":1,\"ordQty\":1,}", ORDER_UNREADABLE, NULL },
        { "\xEF\xBB\xBF{}", ORDER_UNREADABLE, "outside ASCII" },
        { SPOT "\"symbol\":\"DOGE\"}", ORDER_UNREADABLE, "symbol stands twice" },
        { SPOT "\"Symbol\":\"DOGE\"}", ORDER_UNREADABLE, "\"Symbol\"" },
        { SPOT "\"\\u0073ymbol\":\"DOGE\"}", ORDER_UNREADABLE, "backslash" },
        { SPOT "\"clOrdId\":\"a\\\"b\"}", ORDER_UNREADABLE, "backslash" },
        { SPOT "\"amount\":1}", ORDER_UNREADABLE, "\"amount\"" },
        { SPOT "\"ordPrice\":{\"ordPrice\":1}}", ORDER_UNREADABLE, "ordPrice" },
        { SPOT "\"clOrdId\":{}}", ORDER_UNREADABLE, "clOrdId" },
        { SPOT "\"clOrdId\":[]}", ORDER_UNREADABLE, "clOrdId" },
        { SPOT "\"orders\":[]}", ORDER_UNREADABLE, NULL },
        { SPOT "\"ordPrice\":01}", ORDER_UNREADABLE, NULL },
        { SPOT "\"ordPrice\":-1}", ORDER_UNREADABLE, "ordPrice" },
        { SPOT "\"ordPrice\":\"+1\"}", ORDER_UNREADABLE, "ordPrice" },
        { SPOT "\"ordPrice\":\"1 \"}", ORDER_UNREADABLE, "ordPrice" },
        { SPOT "\"ordPrice\":\"\"}", ORDER_UNREADABLE, "ordPrice" },
        { SPOT "\"ordPrice\":\".5\"}", ORDER_UNREADABLE, "ordPrice" },
        { SPOT "\"ordPrice\":1e41}", ORDER_UNREADABLE, "ordPrice" },
        { SPOT "\"ordPrice\":12345678901234567890123456789012345678901}", ORDER_UNREADABLE, "ordPrice" },
        { SPOT "\"ordPrice\":true}", ORDER_UNREADABLE, "ordPrice" },
        { SPOT "\"ordPrice\":\"Infinity\"}", ORDER_UNREADABLE, "ordPrice" },
        { "{\"symbol\":\"BTCUSDT\",\"side\":\"Buy\",\"ordType\":\"LIMIT\"}", ORDER_UNREADABLE, "side" },
        { "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"ordType\":\"STOP\"}", ORDER_UNREADABLE, "ordType" },
        { "{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\"}", ORDER_UNREADABLE, "members" },
        { "{\"symbol\":1,\"side\":\"BUY\",\"ordType\":\"LIMIT\"}", ORDER_UNREADABLE, "symbol" },
        { "{\"symbol\":null,\"side\":\"BUY\",\"ordType\":\"LIMIT\"}", ORDER_UNREADABLE, "symbol" },
        { SPOT "\"contractId\":1}", ORDER_UNREADABLE, "members" },
        { "{" FUTURES "\"price\":\"1\"}", ORDER_UNREADABLE, "members" },
        { "{\"contractId\":1.5,\"side\":1,\"orderType\":1,\"quantity\":1}", ORDER_UNREADABLE, "contractId" },
        { "{\"contractId\":1,\"side\":1.0,\"orderType\":1,\"quantity\":1}", ORDER_UNREADABLE, "side" },
        { "{\"contractId\":1,\"side\":\"BUY\",\"orderType\":1,\"quantity\":1}", ORDER_UNREADABLE, "side" },
    };
    struct order_limits limits = limits_of("", "BTCUSDT", "");
    judge_rows(&limits, rows, ARRAY_LENGTH(rows), false);
}

static void each_order_of_a_batch_is_judged_and_one_refuses_all(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{\"symbol\":\"BTCUSDT\",\"orders\":[" ITEM "}," ITEM "}],\"timestamp\":1}", ORDER_PASSES, NULL },
        { "{\"orders\":[" ITEM ",\"clOrdId\":\"x\"}],\"symbol\":\"BTCUSDT\"}", ORDER_PASSES, NULL },
        { "{\"symbol\":\"DOGE\",\"orders\":[" ITEM "}]}", ORDER_BEYOND_LIMIT, "the order is for DOGE" },
        { "{\"symbol\":\"BTCUSDT\",\"orders\":[" ITEM
          "},{\"side\":\"BUY\",\"ordType\":\"LIMIT\",\"ordPrice\":2,\"ordQty\":"
          "1,\"clOrdId\":\"abc\"}]}",
          ORDER_BEYOND_LIMIT, "orders[1] (clOrdId abc) is of ordPrice 2 x ordQty 1 = 2" },
        { "{\"symbol\":\"BTCUSDT\",\"orders\":[" ITEM "}," ITEM ",\"ordQty\":1}]}", ORDER_UNREADABLE,
          "orders[1]: ordQty" },
        { "{\"symbol\":\"BTCUSDT\",\"orders\":[" ITEM ",\"symbol\":\"BTCUSDT\"}]}", ORDER_UNREADABLE, "orders[0]" },
        { "{\"symbol\":\"BTCUSDT\",\"orders\":[" ITEM ",\"orders\":[]}]}", ORDER_UNREADABLE, "within an order" },
        { "{\"symbol\":\"BTCUSDT\",\"orders\":[]}", ORDER_UNREADABLE, NULL },
        { "{\"symbol\":\"BTCUSDT\",\"orders\":[" ITEM "}],\"orders\":[]}", ORDER_UNREADABLE, "twice" },
        { "{\"symbol\":\"BTCUSDT\",\"orders\":[" ITEM "},1]}", ORDER_UNREADABLE, "no object" },
        { "{\"orders\":[" ITEM "}]}", ORDER_UNREADABLE, NULL },
        { "{\"symbol\":\"BTCUSDT\",\"orders\":[{" FUTURES "\"orderQty\":1}]}", ORDER_BEYOND_LIMIT, "is for 100300034" },
        { "{\"orders\":[{" FUTURES "\"orderQty\":1}," ITEM "}]}", ORDER_BEYOND_LIMIT, NULL },
        { SPOT "\"ordPrice\":1,\"ordQty\":1}", ORDER_UNREADABLE, NULL },
    };
    struct order_limits limits = limits_of("1", "BTCUSDT", "");
    judge_rows(&limits, rows, ARRAY_LENGTH(rows), true);
    limits = limits_of("", "", "BUY");
    assert_int_equal(judge_batch(&limits, "{\"orders\":[{" FUTURES "\"orderQty\":1}]}"), ORDER_PASSES);
    assert_int_equal(judge_batch(&limits, "{\"orders\":[{" FUTURES "\"orderQty\":1}," ITEM "}]}"), ORDER_UNREADABLE);
    assert_int_equal(judge_batch(&limits, "{\"symbol\":\"A\",\"orders\":[{" FUTURES "\"orderQty\":1}]}"),
                     ORDER_UNREADABLE);
}

static void target_and_type_must_leave_no_doubt(void **state)
{
    (void)state;
    static const char good[] = SPOT "\"ordPrice\":1,\"ordQty\":1}";
    static const char path[] = "/api/trade/order/place";
    static const struct {
        const char *target;
        const char *type;
        enum order_verdict verdict;
    } rows[] = {
        { path, "application/json", ORDER_PASSES },
        { path, "Application/JSON ;charset=UTF-8", ORDER_PASSES },
        { path, "application/json; charset=\"utf-8\"", ORDER_PASSES },
        { path, "application/json;", ORDER_PASSES },
        { path, "application/json; charset=utf-16", ORDER_UNREADABLE },
        { path, "application/json; charset=utf-8; charset=gbk", ORDER_UNREADABLE },
        { path, "application/json; x=1", ORDER_UNREADABLE },
        { path, "application/jsonp", ORDER_UNREADABLE },
        { path, "text/plain", ORDER_UNREADABLE },
        { path, "", ORDER_UNREADABLE },
        { "/api/trade/order/place?", "application/json", ORDER_UNREADABLE },
        { "/api/trade/order/place;a=1", "application/json", ORDER_UNREADABLE },
    };
    struct order_limits limits = limits_of("500", "", "");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        enum order_verdict verdict =
            judge_as(&limits, ORDER_ACTION_PLACES, rows[i].target, rows[i].type, slice_text(good));
        if (verdict != rows[i].verdict)
            fail_msg("%s, %s: %d, %s", rows[i].target, rows[i].type, (int)verdict, reason);
    }
    const struct order_request bare = { .target = slice_text(path),
                                        .body = slice_text(good),
                                        .action = ORDER_ACTION_PLACES };
    assert_int_equal(order_judge(reason, sizeof(reason), &limits, "bot", &bare), ORDER_UNREADABLE);
}

static void bodies_are_bounded(void **state)
{
    (void)state;
    struct order_limits limits = limits_of("500", "", "");
    char *body = malloc(ORDER_BODY_MAX + 2);
    assert_non_null(body);
    memset(body, ' ', ORDER_BODY_MAX + 1);
    memcpy(body, SPOT "\"ordPrice\":1,\"ordQty\":1}", strlen(SPOT "\"ordPrice\":1,\"ordQty\":1}"));
    assert_int_equal(judge_as(&limits, ORDER_ACTION_PLACES, "/", "application/json", slice_of(body, ORDER_BODY_MAX)),
                     ORDER_PASSES);
    assert_int_equal(
        judge_as(&limits, ORDER_ACTION_PLACES, "/", "application/json", slice_of(body, ORDER_BODY_MAX + 1)),
        ORDER_UNREADABLE);
    body[100] = '\0';
    assert_int_equal(judge_as(&limits, ORDER_ACTION_PLACES, "/", "application/json", slice_of(body, ORDER_BODY_MAX)),
                     ORDER_UNREADABLE);
    free(body);
}

static void only_what_places_or_may_place_is_judged(void **state)
{
    (void)state;
    struct order_limits limits = limits_of("500", "", "");
    static const enum order_action passing[] = { ORDER_ACTION_NONE, ORDER_ACTION_CANCELS, ORDER_ACTION_ADJUSTS };
    for (size_t i = 0; i < ARRAY_LENGTH(passing); i++)
        assert_int_equal(judge_as(&limits, passing[i], "/?a", "", slice_text("no")), ORDER_PASSES);
    assert_int_equal(judge_as(&limits, ORDER_ACTION_MAY_PLACE, "/", "", slice_text("no")), ORDER_UNREADABLE);
}

static void limits_of_another_form_are_not_read(void **state)
{
    (void)state;
    struct order_limits limits;
    assert_false(order_limits_read(&limits, "-1", "", ""));
    assert_false(order_limits_read(&limits, "", "A,,B", ""));
    assert_false(order_limits_read(&limits, "", "", "BUY,buy"));
    assert_true(order_limits_read(&limits, "", "", "SELL , BUY"));
    assert_true(limits.is_set && limits.may_buy && limits.may_sell && limits.symbol_count == 0 && !limits.has_maximum);
    assert_true(order_limits_read(&limits, "", "", ""));
    assert_false(limits.is_set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_notional_is_reckoned_exactly),
        cmocka_unit_test(symbols_and_sides_are_told_from_others),
        cmocka_unit_test(what_can_be_read_in_two_ways_is_not_read),
        cmocka_unit_test(each_order_of_a_batch_is_judged_and_one_refuses_all),
        cmocka_unit_test(target_and_type_must_leave_no_doubt),
        cmocka_unit_test(bodies_are_bounded),
        cmocka_unit_test(only_what_places_or_may_place_is_judged),
        cmocka_unit_test(limits_of_another_form_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
