/* Who may ask: web pages do not get through, by what browsers add and by the name they were led here with; users by the
 * listener's rule; and tokens. */
#include "countersign/caller.h"
#include "countersign/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static enum caller_verdict judge_at(const char *local, const char *allowed, const char *name, const char *value)
{
    struct http_field field = { slice_text(name), slice_text(value) };
    struct caller_hosts hosts;
    caller_hosts_read(&hosts, allowed);
    const struct caller_names names = { .local = local, .upstream_host = "api.coinstore.com", .allowed = &hosts };
    return caller_judge((struct http_fields){ &field, 1 }, &names);
}

static enum caller_verdict judge(const char *name, const char *value)
{
    return judge_at("127.0.0.1:8787", "", name, value);
}

static void the_listeners_own_names_may_ask(void **state)
{
    (void)state;
    static const char *const hosts[] = { "127.0.0.1:8787", "127.0.0.1",  "127.9.0.255:1",     "localhost:8787",
                                         "LOCALHOST",      "[::1]:8787", "api.coinstore.com", "API.coinstore.com" };
    for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++)
        assert_int_equal(judge("Host", hosts[i]), CALLER_MAY_ASK);
}

static void a_rebound_name_may_not(void **state)
{
    (void)state;
    static const char *const hosts[] = { "evil.example:8787",
                                         "127.0.0.1.evil.example",
                                         "127.evil.example",
                                         "localhost.evil.example",
                                         "",
                                         "[::1].evil.example",
                                         "127.0.0",
                                         "127.0.0.1.1",
                                         "127.0.0.256",
                                         "127.0.0.0x1",
                                         "0.0.0.0:8787",
                                         "[::ffff:127.0.0.1]",
                                         "api.coinstore.com.cn",
                                         "127.0.0.1234" };
    for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
        if (judge("host", hosts[i]) != CALLER_NAMES_ANOTHER_HOST)
            fail_msg("\"%s\" may ask", hosts[i]);
    }
}

static void what_browsers_add_gives_them_away(void **state)
{
    (void)state;
    assert_int_equal(judge("Origin", "null"), CALLER_IS_A_BROWSER);
    assert_int_equal(judge("origin", "http://127.0.0.1:8787"), CALLER_IS_A_BROWSER);
    assert_int_equal(judge("Sec-Fetch-Site", "same-origin"), CALLER_IS_A_BROWSER);
    assert_int_equal(judge("sec-fetch-site", "cross-site"), CALLER_IS_A_BROWSER);
    assert_int_equal(judge("Sec-Fetch-Site", "none"), CALLER_MAY_ASK);
    assert_int_equal(judge("Sec-Fetch-Mode", "cors"), CALLER_MAY_ASK); /* Node's fetch sends it */
}

static void over_a_unix_socket_any_name_may_ask(void **state)
{
    (void)state;
    assert_int_equal(judge_at("unix:/run/bot.sock", "", "Host", "bot"), CALLER_MAY_ASK);
    assert_int_equal(judge_at("unix:/run/bot.sock", "", "Origin", "null"), CALLER_IS_A_BROWSER);
}

struct host_case {
    const char *local;
    const char *allowed;
    const char *host;
    bool may_ask;
};

static void a_listener_is_called_by_its_own_address_and_its_allowed_names(void **state)
{
    (void)state;
    static const struct host_case cases[] = {
        { "192.0.2.7:8787", "", "192.0.2.7:8787", true },
        { "192.0.2.7:8787", "", "192.0.2.7", true },
        { "192.0.2.7:8787", "", "192.0.2.7:80", false },
        { "192.0.2.7:8787", "", "192.0.2.77", false },
        { "192.0.2.7:8787", "", "192.0.2.7.evil.example", false },
        { "[2001:db8::1]:8787", "", "[2001:DB8::1]:8787", true },
        { "[2001:db8::1]:8787", "", "[2001:db8::1]", true },
        { "[2001:db8::1]:8787", "", "[2001:db8::1]:1", false },
        { "192.0.2.7:8787", "", "127.0.0.1:8787", true },
        { "127.0.0.1:8787", "bot.internal, other:81", "bot.internal", true },
        { "127.0.0.1:8787", "bot.internal, other:81", "BOT.internal:9", true },
        { "127.0.0.1:8787", "bot.internal, other:81", "other:81", true },
        { "127.0.0.1:8787", "bot.internal, other:81", "other", false },
        { "127.0.0.1:8787", "bot.internal, other:81", "other:80", false },
        { "127.0.0.1:8787", "bot.internal, other:81", "not.bot.internal", false },
        { "127.0.0.1:8787", "bot.internal, other:81", "bot.internal.evil.example", false },
        { "127.0.0.1:8787", "[2001:db8::2]", "[2001:db8::2]:5", true },
        { "127.0.0.1:8787", " , ", "", false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        if ((judge_at(cases[i].local, cases[i].allowed, "Host", cases[i].host) == CALLER_MAY_ASK) != cases[i].may_ask)
            fail_msg("\"%s\" at %s with \"%s\"", cases[i].host, cases[i].local, cases[i].allowed);
    }
}

/* --- users --- */

static enum caller_verdict judge_peer(enum peer_standing standing, int64_t uid, const char *rule_text, bool has_token)
{
    struct peer peer = { .standing = standing, .uid = uid };
    struct peer_rule rule;
    assert_true(peer_rule_parse(&rule, rule_text, 1000, NULL));
    return caller_judge_peer(&peer, &rule, has_token);
}

static void the_rule_names_who_may_ask(void **state)
{
    (void)state;
    assert_int_equal(judge_peer(PEER_USER, 1000, "same-user", false), CALLER_MAY_ASK);
    assert_int_equal(judge_peer(PEER_USER, 1001, "same-user", false), CALLER_IS_ANOTHER_USER);
    assert_int_equal(judge_peer(PEER_USER, 0, "same-user", true),
                     CALLER_IS_ANOTHER_USER); /* root is not the same user */
    assert_int_equal(judge_peer(PEER_USER, 1001, "7, 1001", false), CALLER_MAY_ASK);
    assert_int_equal(judge_peer(PEER_USER, 1000, "7, 1001", false), CALLER_IS_ANOTHER_USER);
    assert_int_equal(judge_peer(PEER_USER, 65534, "any", false), CALLER_MAY_ASK);
}

static void who_could_not_be_found_may_not_ask(void **state)
{
    (void)state;
    static const enum peer_standing unknown[] = { PEER_NOT_ASKED, PEER_CLOSED,        PEER_NOT_FOUND,
                                                  PEER_UNMAPPED,  PEER_KERNEL_CANNOT, PEER_NO_ANSWER };
    for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++) {
        assert_int_equal(judge_peer(unknown[i], -1, "same-user", true),
                         CALLER_IS_UNKNOWN); /* a token is no way around */
        assert_int_equal(judge_peer(unknown[i], -1, "1000", false), CALLER_IS_UNKNOWN);
        assert_int_equal(judge_peer(unknown[i], -1, "any", false), CALLER_MAY_ASK);
    }
}

static void on_another_machine_the_token_decides(void **state)
{
    (void)state;
    assert_int_equal(judge_peer(PEER_OTHER_MACHINE, -1, "same-user", true), CALLER_MAY_ASK);
    assert_int_equal(judge_peer(PEER_OTHER_MACHINE, -1, "same-user", false), CALLER_IS_UNKNOWN);
}

static void a_refused_peer_is_told_what_was_found_and_what_to_do(void **state)
{
    (void)state;
    struct peer peer = { .standing = PEER_USER, .uid = 1002 };
    struct peer_rule rule;
    char text[CALLER_REASON_MAX];
    assert_true(peer_rule_parse(&rule, "1000,1001", 0, NULL));
    caller_explain_peer(text, &peer, &rule, "1000,1001", "bot");
    assert_string_equal(text, "it is of uid 1002, and listener bot takes requests of uid 1000, 1001 alone (peer = "
                              "1000,1001); run it as that user, or set peer = 1000, 1001, 1002");
    for (enum peer_standing standing = PEER_NOT_ASKED; standing <= PEER_NO_ANSWER; standing++) {
        peer = (struct peer){ .standing = standing, .uid = -1, .number = 1 };
        caller_explain_peer(text, &peer, &rule, "1000,1001", "bot");
        assert_true(strlen(text) > 20);
    }
    assert_non_null(strstr(text, "Operation not permitted"));
}

/* --- tokens --- */

#define TOKEN "0123456789abcdefX"

struct token_case {
    const char *name;
    const char *value;
    const char *second_name; /* NULL: one field */
    const char *second_value;
    enum caller_verdict verdict;
};

static void a_token_is_the_whole_token(void **state)
{
    (void)state;
    static const struct token_case cases[] = {
        { "Host", "x", NULL, NULL, CALLER_HAS_NO_TOKEN },
        { "Countersign-Token", TOKEN, NULL, NULL, CALLER_MAY_ASK },
        { "countersign-token", TOKEN, NULL, NULL, CALLER_MAY_ASK },
        { "Countersign-Token", "", NULL, NULL, CALLER_HAS_ANOTHER_TOKEN },
        { "Countersign-Token", "0123456789abcdef", NULL, NULL, CALLER_HAS_ANOTHER_TOKEN },
        { "Countersign-Token", TOKEN "Y", NULL, NULL, CALLER_HAS_ANOTHER_TOKEN },
        { "Countersign-Token", "0123456789abcdefx", NULL, NULL, CALLER_HAS_ANOTHER_TOKEN },
        { "Countersign-Token", "Bearer " TOKEN, NULL, NULL, CALLER_HAS_ANOTHER_TOKEN },
        { "Authorization", "Bearer " TOKEN, NULL, NULL, CALLER_MAY_ASK },
        { "authorization", "bearer  " TOKEN, NULL, NULL, CALLER_MAY_ASK },
        { "Authorization", TOKEN, NULL, NULL, CALLER_HAS_NO_TOKEN },
        { "Authorization", "Basic " TOKEN, NULL, NULL, CALLER_HAS_NO_TOKEN },
        { "Authorization", "Bearer", NULL, NULL, CALLER_HAS_NO_TOKEN },
        { "Authorization", "Bearer other", NULL, NULL, CALLER_HAS_ANOTHER_TOKEN },
        { "Authorization", "Bearer other", "Countersign-Token", TOKEN, CALLER_MAY_ASK },
        { "Authorization", "Bearer " TOKEN, "Countersign-Token", "other", CALLER_HAS_ANOTHER_TOKEN },
        { "Countersign-Token", TOKEN, "Countersign-Token", "other", CALLER_HAS_ANOTHER_TOKEN },
        { "Countersign-Token", "other", "Countersign-Token", TOKEN, CALLER_HAS_ANOTHER_TOKEN },
    };
    struct caller_token token;
    caller_token_set(&token, SLICE_LITERAL(TOKEN));
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct http_field fields[] = { { slice_text(cases[i].name), slice_text(cases[i].value) },
                                       { slice_text(cases[i].second_name), slice_text(cases[i].second_value) } };
        size_t count = cases[i].second_name == NULL ? 1 : 2;
        if (caller_judge_token(&token, (struct http_fields){ fields, count }) != cases[i].verdict)
            fail_msg("case %zu: %s: %s", i, cases[i].name, cases[i].value);
    }
}

static void no_length_but_its_own_is_a_tokens(void **state)
{
    (void)state;
    char longer[2 * CALLER_TOKEN_MAX];
    struct caller_token token;
    memset(longer, 'a', sizeof(longer));
    caller_token_set(&token, slice_of(longer, CALLER_TOKEN_MAX));
    for (size_t length = 0; length <= sizeof(longer); length++) {
        struct http_field field = { SLICE_LITERAL("Countersign-Token"), slice_of(longer, length) };
        assert_int_equal(caller_judge_token(&token, (struct http_fields){ &field, 1 }),
                         length == CALLER_TOKEN_MAX ? CALLER_MAY_ASK : CALLER_HAS_ANOTHER_TOKEN);
    }
}

static void without_a_token_none_is_asked_for_and_authorization_is_the_clients(void **state)
{
    (void)state;
    struct caller_token none = { .length = 0 }, token;
    struct http_field field = { SLICE_LITERAL("Authorization"), SLICE_LITERAL("Bearer ") };
    assert_int_equal(caller_judge_token(&none, (struct http_fields){ &field, 1 }), CALLER_MAY_ASK);
    assert_false(caller_field_is_token(&none, &field));
    caller_token_set(&token, SLICE_LITERAL(TOKEN));
    field.value = SLICE_LITERAL("Bearer " TOKEN);
    assert_true(caller_field_is_token(&token, &field));
    field.value = SLICE_LITERAL("Bearer " TOKEN "1");
    assert_false(caller_field_is_token(&token, &field));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_listeners_own_names_may_ask),
        cmocka_unit_test(a_rebound_name_may_not),
        cmocka_unit_test(what_browsers_add_gives_them_away),
        cmocka_unit_test(over_a_unix_socket_any_name_may_ask),
        cmocka_unit_test(a_listener_is_called_by_its_own_address_and_its_allowed_names),
        cmocka_unit_test(the_rule_names_who_may_ask),
        cmocka_unit_test(who_could_not_be_found_may_not_ask),
        cmocka_unit_test(on_another_machine_the_token_decides),
        cmocka_unit_test(a_refused_peer_is_told_what_was_found_and_what_to_do),
        cmocka_unit_test(a_token_is_the_whole_token),
        cmocka_unit_test(no_length_but_its_own_is_a_tokens),
        cmocka_unit_test(without_a_token_none_is_asked_for_and_authorization_is_the_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
