/* Rules: what a glob matches, which rules are refused, which leave another nothing to decide, and who decides. */
#include "guard/glob.h"

#include "countersign/compiler.h"
#include "countersign/ruling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct rule parsed(enum rule_verdict verdict, const char *text)
{
    struct rule rule;
    struct buffer complaint;
    buffer_init(&complaint, 1024);
    if (!rule_parse(&rule, verdict, slice_text(text), &complaint))
        fail_msg("%s: %s", text, buffer_text(&complaint));
    buffer_free(&complaint);
    return rule;
}

static void a_glob_matches_within_segments_and_across_them(void **state)
{
    static const struct {
        const char *glob, *path;
        bool matches;
    } cases[] = {
        { "/api/x", "/api/x", true },
        { "/api/X", "/api/x", true },
        { "/api/x", "/api/xy", false },
        { "/api/x", "/api", false },
        { "/api/x*", "/api/x", true },
        { "/api/x*", "/api/xy", true },
        { "/api/x*", "/api/x/y", false },
        { "/api/*/y", "/api/x/y", true },
        { "/api/*/y", "/api/y", false },
        { "/api/*/y", "/api/x/z/y", false },
        { "/api/*b*d", "/api/abcd", true },
        { "/api/*b*d", "/api/abbbdd", true },
        { "/api/*b*d", "/api/acd", false },
        { "/api/**", "/api", true },
        { "/api/**", "/api/x", true },
        { "/api/**", "/api/x/y/z", true },
        { "/api/**", "/apix", false },
        { "/**", "/", true },
        { "/**", "/x/y", true },
        { "/api/**/y", "/api/y", true },
        { "/api/**/y", "/api/a/b/y", true },
        { "/api/**/y", "/api/a/b/yz", false },
        { "/api/**/b*/c", "/api/b/b1/c", true },
        { "/api/**/b/**/c", "/api/b/c/b/c", true },
        { "/api/**/b/**/c", "/api/c/b", false },
        { "/api/*", "/api/", true },
        { "/api/*/**", "/api", false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        if (glob_matches(slice_text(cases[i].glob), slice_text(cases[i].path)) != cases[i].matches)
            fail_msg("%s and %s", cases[i].glob, cases[i].path);
    }
}

static void a_rule_that_could_never_match_is_refused_with_what_to_write(void **state)
{
    static const struct {
        const char *text, *advice;
    } cases[] = {
        { "", "expected a method and a path" },
        { "/api/x", "expected a method and a path" },
        { "POST", "expected a path that begins with /" },
        { "POST api/x", "expected a path that begins with /" },
        { "post /api/x", "capitals" },
        { "FETCH /api/x", "expected methods" },
        { "CONNECT /api/x", "never forwarded" },
        { "GET,GET /api/x", "twice" },
        { "GET, /api/x", "expected methods" },
        { "GET /trade/order/active", "write /api/trade/order/active" },
        { "GET /apix", "write /api/apix" },
        { "GET /api//x", "single slashes" },
        { "GET //api/x", "single slashes" },
        { "GET /api/x/", "without a slash at the end" },
        { "GET /", "without a slash at the end" },
        { "GET /api/./x", "segment ." },
        { "GET /api/x/..", "segment .." },
        { "GET /api/..;/x", "segment .." },
        { "GET /api/x?a=1", "the query is not looked at" },
        { "GET /api/x%20y", "write the character itself" },
        { "GET /api/x#y", "# or a backslash" },
        { "GET /api\\x", "# or a backslash" },
        { "GET /api/x y", "blanks" },
        { "GET /api/\xc3\xa9", "outside ASCII" },
        { "GET /api/x**", "segment of its own" },
        { "GET /api/***", "segment of its own" },
        { "GET /api/x;a/y", "parameter" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct rule rule;
        struct buffer complaint;
        buffer_init(&complaint, 1024);
        if (rule_parse(&rule, RULE_DENY, slice_text(cases[i].text), &complaint))
            fail_msg("%s is taken", cases[i].text);
        if (strstr(buffer_text(&complaint), cases[i].advice) == NULL)
            fail_msg("%s: %s", cases[i].text, buffer_text(&complaint));
        buffer_free(&complaint);
    }
}

static void a_rule_is_covered_only_where_that_is_certain(void **state)
{
    static const struct {
        enum rule_verdict first;
        const char *earlier;
        enum rule_verdict second;
        const char *later;
        bool covers;
    } cases[] = {
        { RULE_DENY, "* /api/**", RULE_ALLOW, "POST /api/x", true },
        { RULE_DENY, "* /api/**", RULE_ALLOW, "POST /api/**/x", true },
        { RULE_DENY, "* /api/*", RULE_ALLOW, "POST /api/**", false },
        { RULE_DENY, "* /api/*", RULE_ALLOW, "POST /api/x*", true },
        { RULE_DENY, "* /api/x*", RULE_ALLOW, "POST /api/*", false },
        { RULE_DENY, "POST /api/x", RULE_ALLOW, "POST /api/X", true },
        { RULE_DENY, "POST /api/x", RULE_ALLOW, "GET,POST /api/x", false },
        { RULE_DENY, "POST /api/x", RULE_ALLOW, "* /api/x", false },
        { RULE_DENY, "GET,POST /api/x", RULE_DENY, "POST /api/x", true },
        { RULE_DENY, "* /api/**/y", RULE_ALLOW, "* /api/*/y", true },
        { RULE_DENY, "* /api/*/*", RULE_ALLOW, "* /api/**/y", false },
        { RULE_ALLOW, "* /api/spot/**", RULE_DENY, "POST /api/spot/accountList", true },
        { RULE_ALLOW, "* /api/**", RULE_ALLOW, "POST /api/fi/v3/asset/doWithdraw", false },
        { RULE_ALLOW, "* /api/**", RULE_DENY, "POST /api/fi/**", false },
        { RULE_ALLOW, "POST /api/v1/future/transfer*", RULE_ALLOW, "POST /api/v1/future/transfer", true },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct rule earlier = parsed(cases[i].first, cases[i].earlier), later = parsed(cases[i].second, cases[i].later);
        if (rule_covers(&earlier, &later) != cases[i].covers)
            fail_msg("%s before %s", cases[i].earlier, cases[i].later);
    }
}

/* --- rulings --- */

enum { RULES_HERE_MAX = 4 };

static struct ruling ruled(enum policy policy, const char *const *lines, const char *method, const char *target)
{
    struct rule rules[RULES_HERE_MAX];
    size_t count = 0;
    for (; lines[count] != NULL; count++) {
        bool is_allow = strncmp(lines[count], "allow ", 6) == 0;
        rules[count] = parsed(is_allow ? RULE_ALLOW : RULE_DENY, lines[count] + (is_allow ? 6 : 5));
    }
    const struct ruling_rules own = { .items = rules, .count = count, .policy = policy };
    struct endpoint_path path;
    struct ruling ruling;
    endpoint_path_read(&path, slice_text(target));
    ruling_make(&ruling, &own, slice_text(method), &path, (struct http_fields){ .count = 0 });
    ruling.rule = NULL; /* gone with this frame */
    return ruling;
}

#define RULES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void the_first_rule_that_matches_decides_and_then_the_policy(void **state)
{
    (void)state;
    const char *const *rules = RULES("allow GET /api/a/b", "deny * /api/a/*", "allow * /api/**");
    assert_true(ruled(POLICY_READ_ONLY, rules, "GET", "/api/a/b").passes);
    assert_false(ruled(POLICY_READ_ONLY, rules, "POST", "/api/a/b").passes);
    assert_false(ruled(POLICY_ALL, rules, "GET", "/api/a/c").passes);
    assert_true(ruled(POLICY_READ_ONLY, rules, "POST", "/api/trade/order/place").passes);
    assert_false(ruled(POLICY_READ_ONLY, rules, "POST", "/other").passes);
    assert_true(ruled(POLICY_TRADE, rules, "POST", "/other").passes);
    assert_int_equal(ruled(POLICY_TRADE, rules, "POST", "/other").reason, RULING_BY_POLICY);
}

static void moving_funds_passes_by_a_rule_that_names_it_alone(void **state)
{
    static const char withdraw[] = "/api/fi/v3/asset/doWithdraw", transfer[] = "/api/v1/future/transfer";
    static const struct {
        const char *rule;
        bool withdraws, transfers;
    } cases[] = {
        { "allow * /**", false, false },
        { "allow POST /api/fi/v3/asset/*", false, false },
        { "allow POST /api/fi/v3/asset/d*", false, false },
        { "allow POST /api/fi/**", false, false },
        { "allow POST /api/fi/v3/asset/doWithdraw", true, false },
        { "allow POST /api/fi/v3/asset/DOWITHDRAW", true, false },
        { "allow POST /api/**/doWithdraw", true, false },
        { "allow POST /api/fi/v3/asset/*Withdraw", true, false },
        { "allow * /api/v1/future/transfer*", false, true },
        { "allow GET /api/v1/future/transfer", false, false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const char *const *rules = RULES(cases[i].rule);
        for (int policy = POLICY_TRADE; policy <= POLICY_READ_ONLY; policy++) {
            if (ruled((enum policy)policy, rules, "POST", withdraw).passes != cases[i].withdraws ||
                ruled((enum policy)policy, rules, "POST", transfer).passes != cases[i].transfers)
                fail_msg("%s under policy %s", cases[i].rule, policy_name((enum policy)policy));
        }
        assert_true(ruled(POLICY_ALL, rules, "POST", withdraw).passes);
    }
    assert_int_equal(ruled(POLICY_TRADE, RULES("allow * /**"), "POST", withdraw).reason, RULING_BY_UNNAMED_FUNDS);
}

static void a_method_in_another_form_does_not_slip_past_a_deny_nor_through_an_allow(void **state)
{
    (void)state;
    const char *const *deny = RULES("deny GET /api/x");
    assert_false(ruled(POLICY_TRADE, deny, "get", "/api/x").passes);
    assert_false(ruled(POLICY_TRADE, deny, "HEAD", "/api/x").passes);
    assert_true(ruled(POLICY_TRADE, deny, "POST", "/api/x").passes);
    const char *const *allow = RULES("allow GET /api/x", "deny * /**");
    assert_false(ruled(POLICY_TRADE, allow, "get", "/api/x").passes);
    assert_false(ruled(POLICY_TRADE, allow, "HEAD", "/api/x").passes);
    assert_false(ruled(POLICY_TRADE, allow, "FETCH", "/api/x").passes);
    assert_true(ruled(POLICY_TRADE, RULES("allow * /api/x", "deny * /**"), "FETCH", "/api/x").passes);
}

/* Each is `/api/trade/order/cancelAll` to some router. */
static const char *const spellings[] = {
    "/api/trade/order/CANCELALL",
    "/API/trade/order/cancelAll",
    "/api//trade/order/cancelAll",
    "//api/trade/order/cancelAll",
    "//host/api/trade/order/cancelAll",
    "///api/trade/order/cancelAll",
    "/api/trade/order/cancelAll/",
    "/api/trade/order/cancelAll//",
    "/api/trade/order/cancelAll;x=1",
    "/api/trade;x/order/cancelAll",
    "/api/trade/order/cancelAll;x/",
    "/api/./trade/order/cancelAll",
    "/api/x/../trade/order/cancelAll",
    "/api/trade/order/x/../cancelAll",
    "/api/trade/order/cancelAll/.",
    "/api/x/..;/trade/order/cancelAll",
    "/api/%2e/trade/order/cancelAll",
    "/api/x/%2E%2e/trade/order/cancelAll",
    "/api%2Ftrade/order/cancelAll",
    "/api/trade%2forder/cancelAll",
    "/api/trade/order/cancel%41ll",
    "/api/trade/order/cancel%2541ll",
    "/api/trade/order/cancelAll%00",
    "/api/trade/order/cancelAll%00.json",
    "/api/trade/order/cancelAll%20",
    "/api/trade/order/cancelAll%09",
    "/api/trade/order/cancelAll%0d%0a",
    "/api/trade/order/cancelAll%3fx",
    "/api/trade/order/cancelAll%23",
    "/api/trade/order/cancelAll#x",
    "/api\\trade\\order\\cancelAll",
    "/api/trade/order%5ccancelAll",
    "/api%c0%aftrade/order/cancelAll",
    "/api/trade/order/cancelAll.json",
    "/api/trade/order/cancelAll.",
    "/api/trade/order/cancelAll.a.b",
    "/api/trade/order/cancelAll?a=1",
    "/api/trade/order/cancelAll?/../x",
    "/api/trade/order/cancelAll%3b",
    "/api/;x/trade/order/cancelAll",
    "/api/trade/order/%63%61%6e%63%65%6c%41%6c%6c",
};

static void no_spelling_slips_past_a_deny(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(spellings); i++) {
        for (int policy = POLICY_TRADE; policy <= POLICY_ALL; policy++) {
            if (ruled((enum policy)policy, RULES("deny POST /api/trade/order/cancelAll"), "POST", spellings[i]).passes)
                fail_msg("%s under policy %s", spellings[i], policy_name((enum policy)policy));
        }
    }
    assert_true(
        ruled(POLICY_TRADE, RULES("deny POST /api/trade/order/cancelAll"), "POST", "/api/trade/order/cancel").passes);
}

/* What is the same path to every router that decodes: the case of letters, an escape of a plain character, a query. */
static bool is_the_same_path(const char *spelling)
{
    return strchr(spelling, '?') != NULL || strcmp(spelling, "/api/trade/order/CANCELALL") == 0 ||
           strcmp(spelling, "/API/trade/order/cancelAll") == 0 ||
           strcmp(spelling, "/api/trade/order/cancel%41ll") == 0 || strstr(spelling, "%63%61") != NULL;
}

static void no_spelling_widens_an_allow(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(spellings); i++) {
        const char *const *rules = RULES("allow POST /api/trade/order/cancelAll", "deny * /**");
        if (ruled(POLICY_TRADE, rules, "POST", spellings[i]).passes != is_the_same_path(spellings[i]))
            fail_msg("%s", spellings[i]);
    }
}

static void a_path_in_doubt_passes_where_nothing_could_decide_otherwise(void **state)
{
    (void)state;
    static const char doubtful[] = "/api/%2e/x";
    assert_true(ruled(POLICY_ALL, RULES(NULL), "GET", doubtful).passes);
    assert_true(ruled(POLICY_ALL, RULES("allow GET /api/x"), "GET", doubtful).passes);
    assert_false(ruled(POLICY_ALL, RULES("deny GET /api/y"), "GET", doubtful).passes);
    assert_false(ruled(POLICY_TRADE, RULES(NULL), "GET", doubtful).passes);
    assert_false(ruled(POLICY_TRADE, RULES("allow * /**"), "GET", doubtful).passes);
    assert_int_equal(ruled(POLICY_ALL, RULES("deny GET /api/y"), "GET", doubtful).reason, RULING_BY_DOUBTFUL_PATH);
}

static void an_oddity_that_makes_no_difference_passes(void **state)
{
    (void)state;
    assert_true(ruled(POLICY_TRADE, RULES(NULL), "POST", "/api//trade/order/place").passes);
    assert_true(ruled(POLICY_TRADE, RULES("deny POST /api/x"), "POST", "/api/trade/order/place/").passes);
    assert_true(ruled(POLICY_READ_ONLY, RULES(NULL), "GET", "/api/v1/ticker/price;symbol=btcusdt,eosusdt").passes);
    assert_false(ruled(POLICY_READ_ONLY, RULES(NULL), "POST", "/api/spot/accountList/").passes);
}

static void a_field_that_names_another_path_or_method_is_refused_where_it_could_matter(void **state)
{
    (void)state;
    static const char *const names[] = { "X-Original-URL", "x-rewrite-url", "X-HTTP-Method-Override", "X-Http-Method",
                                         "X-METHOD-OVERRIDE" };
    struct endpoint_path path;
    endpoint_path_read(&path, SLICE_LITERAL("/api/spot/accountList"));
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        struct http_field field = { slice_text(names[i]), SLICE_LITERAL("/api/x") };
        const struct http_fields fields = { .items = &field, .count = 1 };
        struct ruling_rules rules = { .policy = POLICY_TRADE };
        struct ruling ruling;
        ruling_make(&ruling, &rules, SLICE_LITERAL("POST"), &path, fields);
        assert_false(ruling.passes);
        assert_int_equal(ruling.reason, RULING_BY_REWRITING_FIELD);
        rules.policy = POLICY_ALL;
        ruling_make(&ruling, &rules, SLICE_LITERAL("POST"), &path, fields);
        assert_true(ruling.passes);
    }
    assert_false(rule_field_rewrites(SLICE_LITERAL("X-Requested-With")));
}

static void a_refusal_says_which_line_and_how_to_let_it_pass(void **state)
{
    (void)state;
    struct rule rule = parsed(RULE_DENY, "POST /api/x");
    const struct ruling_rules rules = { .items = &rule, .count = 1, .policy = POLICY_TRADE };
    struct endpoint_path path;
    struct ruling ruling;
    char text[RULING_REFUSAL_MAX];
    strcpy(rule.place, "bot.ini:7");
    endpoint_path_read(&path, SLICE_LITERAL("/api/X?a=1"));
    ruling_make(&ruling, &rules, SLICE_LITERAL("POST"), &path, (struct http_fields){ .count = 0 });
    assert_string_equal(ruling_write_refusal(text, sizeof(text), &ruling, &rules, "bot", SLICE_LITERAL("POST"),
                                             SLICE_LITERAL("/api/X?a=1")),
                        "rule \"deny POST /api/x\" of listener bot (bot.ini:7) does not let POST /api/X pass; if it is "
                        "meant to, take that line away or put `allow = POST /api/X` before it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_glob_matches_within_segments_and_across_them),
        cmocka_unit_test(a_rule_that_could_never_match_is_refused_with_what_to_write),
        cmocka_unit_test(a_rule_is_covered_only_where_that_is_certain),
        cmocka_unit_test(the_first_rule_that_matches_decides_and_then_the_policy),
        cmocka_unit_test(moving_funds_passes_by_a_rule_that_names_it_alone),
        cmocka_unit_test(a_method_in_another_form_does_not_slip_past_a_deny_nor_through_an_allow),
        cmocka_unit_test(no_spelling_slips_past_a_deny),
        cmocka_unit_test(no_spelling_widens_an_allow),
        cmocka_unit_test(a_path_in_doubt_passes_where_nothing_could_decide_otherwise),
        cmocka_unit_test(an_oddity_that_makes_no_difference_passes),
        cmocka_unit_test(a_field_that_names_another_path_or_method_is_refused_where_it_could_matter),
        cmocka_unit_test(a_refusal_says_which_line_and_how_to_let_it_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
