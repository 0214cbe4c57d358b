/* The configuration of who may ask: where a listener may be, which users, names and tokens. */
#include "config_harness.h"

/* With whatever words. */
static void refuses_somehow(const char *text)
{
    struct buffer report;
    struct config *config = harness_load(text, harness_environment, NULL, 0, &report);
    if (config != NULL)
        fail_msg("not refused: %s", text);
    buffer_free(&report);
}

/* A wildcard, another machine's view of this one, and loopback in a form that is not loopback's own. */
static void what_other_machines_reach_needs_expose_and_a_token(void **state)
{
    (void)state;
    static const char *const addresses[] = { "0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[2001:db8::1]:1",
                                             "[::ffff:127.0.0.1]:1" };
    static const struct {
        const char *keys;
        const char *missing; /* NULL: nothing is */
    } cases[] = {
        { "", "if that is meant, set expose = yes and a token" },
        { "expose = yes\n", "give it a token as well, such as token = file:PATH" },
        { "token = env:T\n", "if that is meant, set expose = yes" },
        { "expose = yes\ntoken = env:T\n", NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(addresses) * ARRAY_LENGTH(cases); i++) {
        const char *address = addresses[i / ARRAY_LENGTH(cases)], *missing = cases[i % ARRAY_LENGTH(cases)].missing;
        char text[256], said[512] = "";
        (void)snprintf(text, sizeof(text), "[listener bot]\naccount = main\nlisten = %s\n%s", address,
                       cases[i % ARRAY_LENGTH(cases)].keys);
        if (missing != NULL)
            (void)snprintf(said, sizeof(said),
                           "countersign.ini:3: [listener bot] listen: other machines can reach %s, and whoever reaches "
                           "a listener can trade; %s, or listen on 127.0.0.1:PORT, [::1]:PORT or unix:/absolute/path\n",
                           address, missing);
        if (missing != NULL)
            refuses(text, said);
        else
            config_free(accepts(text));
    }
}

static void who_may_ask_is_read_as_it_is_written(void **state)
{
    (void)state;
    refuses(
        "[listener bot]\naccount = main\npeer = root\nallowed_hosts = *.internal\ntoken = abcdefghijklmnop\n",
        "countersign.ini:3: [listener bot] peer: \"root\" is no user id; expected same-user, any, or user ids between "
        "commas (at most 16), not \"root\"\n"
        "countersign.ini:4: [listener bot] allowed_hosts: expected host names or IP addresses between commas, each "
        "with a port or without, not \"*.internal\"\n"
        "countersign.ini:5: [listener bot] token: expected a secret's source (env:NAME, file:PATH, credential:NAME or "
        "command:LINE); what stands there is not shown, as it may be a secret\n");
    static const char *const wrong[] = { "peer = ",
                                         "peer = 1000,",
                                         "peer = -1",
                                         "peer = 4294967295",
                                         "peer = same-user, 1",
                                         "peer = 1 2",
                                         "peer = 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
                                         "allowed_hosts = a,,b",
                                         "allowed_hosts = http://a",
                                         "allowed_hosts = a:0",
                                         "allowed_hosts = 127.1" };
    static const char *const right[] = {
        "peer = any",       "peer = same-user",
        "peer = 0",         "peer = 1000, 1001 ,4294967294",
        "allowed_hosts = ", "allowed_hosts = bot.internal, 10.0.0.7:80, [2001:db8::1]"
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong) + ARRAY_LENGTH(right); i++) {
        bool is_right = i >= ARRAY_LENGTH(wrong);
        char text[256];
        (void)snprintf(text, sizeof(text), "[listener bot]\naccount = main\n%s\n",
                       is_right ? right[i - ARRAY_LENGTH(wrong)] : wrong[i]);
        if (is_right)
            config_free(accepts(text));
        else
            refuses_somehow(text);
    }
}

static void by_default_the_same_user_may_ask_at_the_listeners_own_address(void **state)
{
    (void)state;
    struct config *config = accepts("");
    assert_int_equal(config->listeners[0].expose, 0);
    assert_string_equal(config->listeners[0].peer, "same-user");
    assert_string_equal(config->listeners[0].allowed_hosts, "");
    assert_string_equal(config->listeners[0].token, "");
    config_free(config);
}

static void note(void *context, const char *variable)
{
    struct buffer *seen = context;
    assert_true(buffer_append_format(seen, "%s ", variable));
}

static void a_tokens_variable_is_one_that_holds_a_secret(void **state)
{
    (void)state;
    struct config *config =
        accepts("[account main]\napi_key = file:/k\n[listener a]\naccount = main\ntoken = env:TOKEN_A\n"
                "[listener b]\naccount = main\nlisten = 127.0.0.1:1\ntoken = file:/t\n");
    struct buffer seen;
    buffer_init(&seen, 256);
    config_each_secret_variable(config, note, &seen);
    assert_string_equal(buffer_text(&seen), "COINSTORE_API_SECRET TOKEN_A ");
    buffer_free(&seen);
    config_free(config);
}

static void a_tokens_variable_is_no_setting_whatever_its_name(void **state)
{
    (void)state;
    char *const environment[] = { (char[]){ "HOME=/h" }, (char[]){ "COUNTERSIGN_TOKEN=0123456789abcdef" }, NULL };
    harness_expect("[listener bot]\naccount = main\ntoken = env:COUNTERSIGN_TOKEN\n", environment, NULL, 0, "");
    harness_expect("", environment, NULL, 0,
                   "environment COUNTERSIGN_TOKEN: no setting has this name; `countersign config keys` lists them\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_other_machines_reach_needs_expose_and_a_token),
        cmocka_unit_test(who_may_ask_is_read_as_it_is_written),
        cmocka_unit_test(by_default_the_same_user_may_ask_at_the_listeners_own_address),
        cmocka_unit_test(a_tokens_variable_is_one_that_holds_a_secret),
        cmocka_unit_test(a_tokens_variable_is_no_setting_whatever_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
