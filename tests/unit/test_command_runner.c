/* The process that runs commands: what it gives, what it does not have, and its end. */
#include "signer/command_runner.h"
#include "signer/secret_given.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET_VARIABLE "COUNTERSIGN_TEST_SECRET"

enum { ACCOUNTS = 2, PATH_TEXT_MAX = 128, TIMEOUT_US = 5000000, SHORT_US = 200000 };

static char first_key[] = "env:" SECRET_VARIABLE, first_secret[] = "command:echo one",
            second_key[] = "command:printf '%s' \"[$" SECRET_VARIABLE "]\"", second_secret[] = "command:exec sleep 60";

struct setting {
    struct config config;
    struct config_account accounts[ACCOUNTS];
    struct secret secret;
};

static int set_up(void **state)
{
    struct setting *setting = calloc(1, sizeof(*setting));
    struct error error;
    assert_non_null(setting);
    setting->accounts[0] = (struct config_account){ .api_key = first_key, .api_secret = first_secret };
    setting->accounts[1] = (struct config_account){ .api_key = second_key, .api_secret = second_secret };
    setting->config = (struct config){ .accounts = setting->accounts, .account_count = ACCOUNTS };
    assert_int_equal(setenv(SECRET_VARIABLE, "very secret", 1), 0);
    assert_true(secret_allocate(&setting->secret, &error));
    *state = setting;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    command_runner_end();
    secret_end(&setting->secret);
    free(setting);
    return 0;
}

static void start(const struct setting *setting, int64_t timeout_us)
{
    struct error error;
    if (!command_runner_start(&setting->config, timeout_us, &error))
        fail_msg("%s", error.message);
    assert_true(command_runner_is_there());
}

static void test_a_commands_output_comes_back(void **state)
{
    struct setting *setting = *state;
    struct error error;
    start(setting, TIMEOUT_US);
    for (int i = 0; i < 3; i++) {
        if (!command_runner_read(&setting->secret, "echo one", &error))
            fail_msg("%s", error.message);
        assert_true(slice_equal_text(secret_slice(&setting->secret), "one\n"));
    }
}

static void test_a_command_gets_no_variable_that_holds_a_secret(void **state)
{
    struct setting *setting = *state;
    struct error error;
    start(setting, TIMEOUT_US);
    assert_true(command_runner_read(&setting->secret, second_key + strlen("command:"), &error));
    assert_true(slice_equal_text(secret_slice(&setting->secret), "[]"));
    assert_string_equal(getenv(SECRET_VARIABLE), "very secret"); /* the signer's own is still to be read */
}

static void test_values_that_were_taken_from_variables_before_are_neither_there_nor_in_the_way(void **state)
{
    struct setting *setting = *state;
    struct error error;
    assert_true(secret_given_take(&setting->config, &error));
    assert_non_null(secret_given_find(SECRET_VARIABLE));
    start(setting, TIMEOUT_US);
    assert_true(command_runner_read(&setting->secret, second_key + strlen("command:"), &error));
    assert_true(slice_equal_text(secret_slice(&setting->secret), "[]"));
    secret_given_end_all();
}

static void test_a_line_that_is_not_configured_is_not_run(void **state)
{
    struct setting *setting = *state;
    struct error error;
    start(setting, TIMEOUT_US);
    assert_false(command_runner_read(&setting->secret, "echo two", &error));
    assert_int_equal(error.kind, ERROR_INTERNAL);
}

static void test_its_errors_are_those_of_the_command(void **state)
{
    struct setting *setting = *state;
    struct error error;
    start(setting, SHORT_US);
    assert_false(command_runner_read(&setting->secret, "exec sleep 60", &error));
    assert_non_null(strstr(error.message, "has not ended within 200 ms"));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_true(command_runner_read(&setting->secret, "echo one", &error)); /* it goes on */
}

static void test_a_runner_that_was_killed_is_told(void **state)
{
    struct setting *setting = *state;
    struct error error;
    char path[PATH_TEXT_MAX];
    int child = 0;
    start(setting, TIMEOUT_US);
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "re");
    assert_non_null(children);
    char text[32] = "";
    assert_non_null(fgets(text, sizeof(text), children));
    (void)fclose(children);
    child = (int)strtol(text, NULL, 10);
    assert_true(child > 0);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_false(command_runner_read(&setting->secret, "echo one", &error));
    assert_non_null(strstr(error.message, "has ended"));
}

static void test_without_a_command_there_is_no_runner(void **state)
{
    struct setting *setting = *state;
    struct error error;
    setting->config.account_count = 1;
    setting->accounts[0].api_secret = first_key;
    assert_true(command_runner_start(&setting->config, TIMEOUT_US, &error));
    assert_false(command_runner_is_there());
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_commands_output_comes_back),
        TEST(test_a_command_gets_no_variable_that_holds_a_secret),
        TEST(test_values_that_were_taken_from_variables_before_are_neither_there_nor_in_the_way),
        TEST(test_a_line_that_is_not_configured_is_not_run),
        TEST(test_its_errors_are_those_of_the_command),
        TEST(test_a_runner_that_was_killed_is_told),
        TEST(test_without_a_command_there_is_no_runner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
