/* The mock exchange's public endpoints, without any key, through a real socket. */
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

static void get(struct rig *rig, const char *target)
{
    rig_send(rig, "GET", target, "", NULL);
}

static size_t count(const struct rig *rig, const char *text)
{
    size_t found = 0;
    for (const char *at = rig->body; (at = strstr(at, text)) != NULL; at++)
        found++;
    return found;
}

static void tickers_show_prices_as_the_exchange_writes_them(void **state)
{
    struct rig *rig = *state;
    get(rig, "/api/v1/market/tickers");
    assert_int_equal(rig->status, 200);
    assert_holds(rig, "{\"channel\":\"ticker\",\"symbol\":\"LUFFYUSDT\",\"instrumentId\":120,\"close\":\"9.1E-10\",");
    assert_holds(rig, "{\"channel\":\"ticker\",\"symbol\":\"BTCUSDT\",\"instrumentId\":4,\"close\":\"40000\","
                      "\"open\":\"39999.750\",\"high\":\"40000.500\",\"low\":\"39999.500\",\"bid\":\"39999.999\","
                      "\"ask\":\"40000.001\",");
    assert_int_equal(count(rig, "\"channel\""), 6);
}

static void prices_of_all_pairs_are_the_default(void **state)
{
    struct rig *rig = *state;
    get(rig, "/api/v1/ticker/price");
    assert_holds(rig, "\"code\":0,\"message\":\"\",");
    assert_int_equal(count(rig, "\"price\""), 6);
    get(rig, "/api/v1/ticker/price?symbol=");
    assert_int_equal(count(rig, "\"price\""), 6);
}

static void prices_can_be_asked_for_by_query_and_by_path_parameter(void **state)
{
    struct rig *rig = *state;
    static const char both[] =
        "{\"code\":0,\"message\":\"\",\"data\":[{\"id\":4,\"symbol\":\"btcusdt\",\"price\":\"40000\"},"
        "{\"id\":120,\"symbol\":\"luffyusdt\",\"price\":\"9.1E-10\"}]}";
    static const char *const targets[] = {
        "/api/v1/ticker/price;symbol=btcusdt,luffyusdt",
        "/api/v1/ticker/price?symbol=btcusdt,luffyusdt",
        "/api/v1/ticker/price?x=1&symbol=btcusdt%2Cluffyusdt",
        "/api/v1/ticker/price;symbol=BTCUSDT,LUFFYUSDT?symbol=ethusdt",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
        get(rig, targets[i]);
        assert_refused(rig, 200, both);
    }
}

static void a_price_of_a_pair_that_is_not_listed_is_refused(void **state)
{
    struct rig *rig = *state;
    get(rig, "/api/v1/ticker/price;symbol=btcusdt,nousdt");
    assert_refused(rig, NO_SYMBOL);
    get(rig, "/api/v1/ticker/price?symbol=btcusdt,");
    assert_refused(rig, NO_SYMBOL);
}

static void the_book_has_as_many_levels_as_asked_for(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *query;
        size_t levels;
    } cases[] = { { "", 20 },          { "?depth=5", 5 },   { "?depth=10", 10 },
                  { "?depth=20", 20 }, { "?depth=50", 50 }, { "?depth=100", 100 } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char target[64];
        (void)snprintf(target, sizeof(target), "/api/v1/market/depth/BTCUSDT%s", cases[i].query);
        get(rig, target);
        assert_int_equal(count(rig, ",-1]"), cases[i].levels);
        assert_int_equal(count(rig, ",1]"), cases[i].levels);
    }
}

static void the_book_lists_asks_above_and_bids_below_the_price(void **state)
{
    struct rig *rig = *state;
    get(rig, "/api/v1/market/depth/luffyusdt?depth=5");
    assert_holds(rig, "{\"code\":0,\"data\":{\"channel\":\"120@depth@5\",\"level\":5,"
                      "\"a\":[[\"9.1001E-10\",\"100000000000\",-1],[\"9.1002E-10\",\"100000000000\",-1],");
    assert_holds(rig, "\"b\":[[\"9.0999E-10\",\"100000000000\",1],[\"9.0998E-10\",\"100000000000\",1],");
    assert_holds(rig, "\"symbol\":\"LUFFYUSDT\",\"instrumentId\":120}}");
}

static void another_depth_is_a_bad_request(void **state)
{
    struct rig *rig = *state;
    static const char *const queries[] = { "1", "0", "-5", "5.0", "101", "x", "99999999999999999999999999" };
    for (size_t i = 0; i < ARRAY_LENGTH(queries); i++) {
        char target[96];
        (void)snprintf(target, sizeof(target), "/api/v1/market/depth/BTCUSDT?depth=%s", queries[i]);
        get(rig, target);
        assert_refused(rig, BAD_REQUEST);
    }
    get(rig, "/api/v1/market/depth/NOUSDT?depth=1");
    assert_refused(rig, NO_SYMBOL);
}

static void list_pairs(struct rig *rig, const char *body)
{
    rig_send(rig, "POST", "/api/v2/public/config/spot/symbols", "Content-Type: application/json\r\n", body);
}

static void pairs_are_listed_whole_or_by_code_and_id(void **state)
{
    struct rig *rig = *state;
    list_pairs(rig, "{}");
    assert_int_equal(count(rig, "symbolCode"), 6);
    list_pairs(rig, "{\"symbolCodes\":[],\"symbolIds\":null}");
    assert_int_equal(count(rig, "symbolCode"), 6);
    list_pairs(rig, "{\"symbolCodes\":[\"tipusdt\"],\"symbolIds\":[\"4\",120]}");
    assert_int_equal(count(rig, "symbolCode"), 3);
    list_pairs(rig, "{\"symbolCodes\":[\"NOUSDT\"]}");
    assert_refused(rig, 200, "{\"code\":\"0\",\"message\":\"Success\",\"data\":[]}");
    list_pairs(rig, "{\"symbolIds\":[4]}");
    assert_refused(rig, 200,
                   "{\"code\":\"0\",\"message\":\"Success\",\"data\":[{\"symbolId\":4,\"symbolCode\":\"BTCUSDT\","
                   "\"tradeCurrencyCode\":\"btc\",\"quoteCurrencyCode\":\"usdt\",\"openTrade\":true,"
                   "\"onLineTime\":1609813531019,\"tickSz\":2,\"lotSz\":6,\"minLmtPr\":\"0.0002\",\"minLmtSz\":\"0.2\","
                   "\"minMktVa\":\"0.1\",\"minMktSz\":\"0.1\",\"makerFee\":\"0.006\",\"takerFee\":\"0.003\"}]}");
}

static void signature_fields_do_not_change_a_public_answer(void **state)
{
    struct rig *rig = *state;
    static const char fields[] = "X-CS-APIKEY: unknown\r\nX-CS-EXPIRES: 1\r\nX-CS-SIGN: 0\r\nX-CS-SIGN: 0\r\n";
    char plain[sizeof(rig->answer)];
    get(rig, "/api/v1/ticker/price");
    (void)snprintf(plain, sizeof(plain), "%s", rig->answer);
    rig_send(rig, "GET", "/api/v1/ticker/price", fields, NULL);
    assert_string_equal(rig->answer, plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tickers_show_prices_as_the_exchange_writes_them, start, stop),
        cmocka_unit_test_setup_teardown(prices_of_all_pairs_are_the_default, start, stop),
        cmocka_unit_test_setup_teardown(prices_can_be_asked_for_by_query_and_by_path_parameter, start, stop),
        cmocka_unit_test_setup_teardown(a_price_of_a_pair_that_is_not_listed_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(the_book_has_as_many_levels_as_asked_for, start, stop),
        cmocka_unit_test_setup_teardown(the_book_lists_asks_above_and_bids_below_the_price, start, stop),
        cmocka_unit_test_setup_teardown(another_depth_is_a_bad_request, start, stop),
        cmocka_unit_test_setup_teardown(pairs_are_listed_whole_or_by_code_and_id, start, stop),
        cmocka_unit_test_setup_teardown(signature_fields_do_not_change_a_public_answer, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
