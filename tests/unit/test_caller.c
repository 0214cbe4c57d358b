/* Web pages do not get through: by what browsers add, and by the name they were led here with. */
#include "countersign/caller.h"
#include "countersign/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static enum caller_verdict judge(const char *name, const char *value)
{
    struct http_field field = { slice_text(name), slice_text(value) };
    return caller_judge((struct http_fields){ &field, 1 }, true, "api.coinstore.com");
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
    struct http_field field = { SLICE_LITERAL("Host"), SLICE_LITERAL("bot") };
    assert_int_equal(caller_judge((struct http_fields){ &field, 1 }, false, "x"), CALLER_MAY_ASK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_listeners_own_names_may_ask),
        cmocka_unit_test(a_rebound_name_may_not),
        cmocka_unit_test(what_browsers_add_gives_them_away),
        cmocka_unit_test(over_a_unix_socket_any_name_may_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
