/* Endpoint classes and policies: documented endpoints get their documented class, tricks never slip past. */
#include "countersign/compiler.h"
#include "countersign/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static enum endpoint_class classify(const char *method, const char *target)
{
    return endpoint_classify(slice_text(method), slice_text(target));
}

static void documented_endpoints_have_their_documented_class(void **state)
{
    (void)state;
    assert_int_equal(classify("GET", "/api/v1/market/tickers"), ENDPOINT_PUBLIC);
    assert_int_equal(classify("GET", "/api/v1/market/depth/BTCUSDT?depth=5"), ENDPOINT_PUBLIC);
    assert_int_equal(classify("GET", "/api/v1/ticker/price;symbol=btcusdt,eosusdt"), ENDPOINT_PUBLIC);
    assert_int_equal(classify("POST", "/api/v2/public/config/spot/symbols"), ENDPOINT_PUBLIC);
    assert_int_equal(classify("POST", "/api/spot/accountList"), ENDPOINT_READ);
    assert_int_equal(classify("GET", "/api/trade/order/active?symbol=BTCUSDT"), ENDPOINT_READ);
    assert_int_equal(classify("POST", "/api/fi/v3/asset/deposit/do"), ENDPOINT_READ);
    assert_int_equal(classify("POST", "/api/trade/order/place"), ENDPOINT_TRADE);
    assert_int_equal(classify("POST", "/api/trade/order/cancelBatchByClOrdId"), ENDPOINT_TRADE);
    assert_int_equal(classify("POST", "/api/fi/v3/asset/doWithdraw"), ENDPOINT_FUNDS);
    assert_int_equal(classify("POST", "/api/fi/v3/asset/cancelWithdraw"), ENDPOINT_FUNDS);
    assert_int_equal(classify("POST", "/api/v1/future/transfer"), ENDPOINT_FUNDS);
    assert_int_equal(classify("POST", "/api/something/new"), ENDPOINT_UNKNOWN);
}

static void an_undocumented_endpoint_that_names_a_withdrawal_or_a_transfer_is_funds(void **state)
{
    (void)state;
    assert_int_equal(classify("POST", "/api/v2/asset/transfer"), ENDPOINT_FUNDS);
    assert_int_equal(classify("POST", "/api/spot/subTransferIn"), ENDPOINT_FUNDS);
    assert_int_equal(classify("PUT", "/api/v9/fastWithdraw"), ENDPOINT_FUNDS);
    assert_int_equal(classify("GET", "/api/future/transfer"), ENDPOINT_FUNDS);
    assert_int_equal(classify("GET", "/api/future/position"), ENDPOINT_READ);
}

static void a_withdrawal_under_another_spelling_is_still_funds_or_doubtful(void **state)
{
    (void)state;
    static const char *const spellings[] = {
        "/api//fi/v3/asset/doWithdraw",      "//api/fi/v3/asset/doWithdraw",    "/api/fi/v3/asset/dowithdraw",
        "/API/FI/V3/ASSET/DOWITHDRAW",       "/api/fi/v3/asset/do%57ithdraw",   "/api/fi/v3/asset/doWithdraw/",
        "/api/fi;x=1/v3/asset/doWithdraw",   "/api/fi/v3/asset/doWithdraw;a=b", "/api/./fi/v3/asset/doWithdraw",
        "/api/v1/../fi/v3/asset/doWithdraw", "/api/%66i/v3/asset/doWithdraw",   "/api%2Ffi/v3/asset/doWithdraw",
        "/api/fi/v3/asset%2fdoWithdraw",     "/api/fi/v3/%2e/asset/doWithdraw", "/api/x/%2e%2e/fi/v3/asset/doWithdraw",
        "/api/%2566i/v3/asset/doWithdraw",   "/api/fi/v3/asset/doWithdraw%00",  "/api\\fi\\v3\\asset\\doWithdraw",
        "/api/fi/v3/asset/doWithdraw?x",     "/api/fi/v3/asset/doWithdraw%3Fx", "/api/fi/v3/asset/doWithdraw#x",
        "/api/x/..;/fi/v3/asset/doWithdraw", "/api/fi/v3/asset/doWithdraw%0d",  "/api/fi/v3/asset/doWithdraw%c0%af",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(spellings); i++) {
        enum endpoint_class found = classify("POST", spellings[i]);
        if (policy_allows(POLICY_TRADE, found))
            fail_msg("%s is %s and passes", spellings[i], endpoint_class_name(found));
        if (policy_allows(POLICY_READ_ONLY, found))
            fail_msg("%s is %s and passes read-only", spellings[i], endpoint_class_name(found));
    }
}

static void another_method_does_not_turn_a_withdrawal_into_something_else(void **state)
{
    (void)state;
    assert_int_equal(classify("PUT", "/api/fi/v3/asset/doWithdraw"), ENDPOINT_FUNDS);
    assert_int_equal(classify("GET", "/api/fi/v3/asset/deposit/do"), ENDPOINT_FUNDS);
    assert_int_equal(classify("post", "/api/fi/v3/asset/doWithdraw"), ENDPOINT_FUNDS);
}

static void read_only_refuses_orders_and_what_is_unknown(void **state)
{
    (void)state;
    assert_true(policy_allows(POLICY_READ_ONLY, classify("POST", "/api/spot/accountList")));
    assert_false(policy_allows(POLICY_READ_ONLY, classify("POST", "/api/trade/order/place")));
    assert_false(policy_allows(POLICY_READ_ONLY, classify("POST", "/api/something/new")));
}

static void all_lets_everything_pass(void **state)
{
    (void)state;
    for (int c = ENDPOINT_PUBLIC; c <= ENDPOINT_DOUBTFUL; c++)
        assert_true(policy_allows(POLICY_ALL, (enum endpoint_class)c));
}

static void a_target_that_is_no_path_is_doubtful(void **state)
{
    (void)state;
    assert_int_equal(classify("OPTIONS", "*"), ENDPOINT_DOUBTFUL);
    assert_int_equal(classify("GET", ""), ENDPOINT_DOUBTFUL);
    assert_int_equal(classify("GET", "?a=1"), ENDPOINT_DOUBTFUL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_endpoints_have_their_documented_class),
        cmocka_unit_test(an_undocumented_endpoint_that_names_a_withdrawal_or_a_transfer_is_funds),
        cmocka_unit_test(a_withdrawal_under_another_spelling_is_still_funds_or_doubtful),
        cmocka_unit_test(another_method_does_not_turn_a_withdrawal_into_something_else),
        cmocka_unit_test(read_only_refuses_orders_and_what_is_unknown),
        cmocka_unit_test(all_lets_everything_pass),
        cmocka_unit_test(a_target_that_is_no_path_is_doubtful),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
