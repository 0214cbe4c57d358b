/* The filter's options: words to conditions, what is wrong with them, and the search in bodies. */
#include "cli/log_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct log_options fresh_options(void)
{
    return (struct log_options){ .now_us = 1770742394290123 };
}

static void assert_taken(struct log_options *options, const char *name, const char *value)
{
    const char *wrong = log_filter_take(options, name, value);
    if (wrong != NULL)
        fail_msg("--%s `%s`: %s", name, value, wrong);
}

static void assert_refused(const char *name, const char *value, const char *part)
{
    struct log_options options = fresh_options();
    const char *wrong = log_filter_take(&options, name, value);
    if (wrong == NULL)
        fail_msg("--%s `%s` is taken", name, value);
    if (strstr(wrong, name) == NULL || strstr(wrong, part) == NULL || strchr(wrong, '\n') != NULL)
        fail_msg("--%s `%s` is refused with `%s`", name, value, wrong);
}

static void assert_statuses(const char *text, int from, int to)
{
    struct log_options options = fresh_options();
    assert_taken(&options, "status", text);
    assert_int_equal(options.filter.status_from, from);
    assert_int_equal(options.filter.status_to, to);
}

static void a_status_is_a_number_a_class_or_a_range(void **state)
{
    (void)state;
    assert_statuses("401", 401, 401);
    assert_statuses("4xx", 400, 499);
    assert_statuses("5XX", 500, 599);
    assert_statuses("400-499", 400, 499);
    assert_statuses("200-200", 200, 200);
    static const char *const wrong[] = { "",     "4x",   "xxx",     "0xx",  "99",      "1000",
                                         "401-", "-401", "4xxx",    "ok",   "500-400", "9xx",
                                         "6xx",  "600",  "500-600", "40 1", "400-4xx", "99999999999999999999" };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_refused("status", wrong[i], "4xx");
}

static void a_code_is_one_as_the_exchange_writes_it(void **state)
{
    (void)state;
    struct log_options options = fresh_options();
    static const char *const codes[] = { "0", "1401", "101040502", "-1", "abc", "order-not-found" };
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        assert_taken(&options, "code", codes[i]);
        assert_true(slice_equal_text(options.filter.code, codes[i]));
    }
    assert_refused("code", "3011,1401", "one code");
    assert_refused("code", "\"1401\"", "without quotes");
    assert_refused("code", "14 01", "without quotes");
}

static void outcomes_are_names_with_commas_and_a_near_miss_is_told(void **state)
{
    (void)state;
    struct log_options options = fresh_options();
    assert_taken(&options, "outcome", "api_error,unknown");
    assert_int_equal(options.filter.outcomes, 1u << RECORD_API_ERROR | 1u << RECORD_UNKNOWN);
    assert_taken(&options, "outcome", "in_flight");
    assert_int_equal(options.filter.outcomes, 1u << RECORD_IN_FLIGHT);
    assert_refused("outcome", "api_eror", "did you mean `api_error`?");
    assert_refused("outcome", "ok,unknwon", "did you mean `unknown`?");
    assert_refused("outcome", "nonsense", "http_error");
    assert_refused("outcome", "", "http_error");
    assert_refused("outcome", "ok,", "http_error");
}

static void verdicts_on_client_signatures_are_names_with_commas(void **state)
{
    (void)state;
    struct log_options options = fresh_options();
    assert_taken(&options, "client-signature", "wrong,other_key");
    assert_int_equal(options.filter.client_signatures,
                     1u << RECORD_CLIENT_SIGNATURE_WRONG | 1u << RECORD_CLIENT_SIGNATURE_OTHER_KEY);
    assert_refused("client-signature", "wrogn", "unreadable");
    assert_refused("client-signature", "", "unreadable");
    assert_refused("client-signature", "right,", "unreadable");
}

static void methods_are_upper_case(void **state)
{
    (void)state;
    struct log_options options = fresh_options();
    assert_taken(&options, "method", "post");
    assert_true(slice_equal_text(options.filter.method, "POST"));
    assert_taken(&options, "method", "DELETE");
    assert_true(slice_equal_text(options.filter.method, "DELETE"));
    assert_refused("method", "", "GET");
    assert_refused("method", "GE T", "GET");
    assert_refused("method", "a-method-of-more-than-thirty-two-bytes", "GET");
}

static void texts_are_taken_as_they_are_and_none_may_be_empty(void **state)
{
    (void)state;
    struct log_options options = fresh_options();
    assert_taken(&options, "listener", "bot");
    assert_taken(&options, "account", "main");
    assert_taken(&options, "client", "unix:");
    assert_taken(&options, "code", "1401");
    assert_taken(&options, "path", "/api/trade/*");
    assert_taken(&options, "path", "*order*");
    assert_true(slice_equal_text(options.filter.listener, "bot"));
    assert_true(slice_equal_text(options.filter.account, "main"));
    assert_true(slice_equal_text(options.filter.client, "unix:"));
    assert_true(slice_equal_text(options.filter.code, "1401"));
    assert_true(slice_equal_text(options.filter.path_glob, "*order*"));
    static const char *const names[] = { "listener", "account", "client", "code", "path", "grep", "slower-than" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        assert_refused(names[i], "", "");
    assert_refused("path", "api/trade", "'/api/trade/*'");
}

static void times_are_counted_from_the_commands_beginning(void **state)
{
    (void)state;
    struct log_options options = fresh_options();
    assert_taken(&options, "since", "10m");
    assert_taken(&options, "until", "@1770742394");
    assert_taken(&options, "slower-than", "1.5s");
    assert_int_equal(options.filter.since_us, options.now_us - INT64_C(600000000));
    assert_int_equal(options.filter.until_us, INT64_C(1770742394000000));
    assert_int_equal(options.filter.slower_than_us, 1500000);
    assert_refused("since", "wobble", "10m");
    assert_refused("until", "wobble", "2026-11-24");
    assert_refused("slower-than", "5", "250ms");
    assert_refused("slower-than", "0ms", "250ms");
}

static void every_condition_is_noted_as_one(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
    } conditions[] = {
        { "since", "1h" }, { "until", "1h" },       { "listener", "x" },  { "account", "x" },  { "method", "x" },
        { "path", "/" },   { "status", "4xx" },     { "code", "1" },      { "outcome", "ok" }, { "client", "x" },
        { "grep", "x" },   { "slower-than", "1s" }, { "imported", NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(conditions); i++) {
        struct log_options options = fresh_options();
        assert_taken(&options, conditions[i].name, conditions[i].value);
        assert_true(options.has_filter);
    }
}

static bool is_found(const char *text, const struct record *record)
{
    struct log_options options = fresh_options();
    assert_taken(&options, "grep", text);
    const struct log_run run = { .options = &options };
    struct capture_filter filter = log_filter(&run);
    assert_non_null(filter.accepts);
    return filter.accepts(filter.context, record);
}

/* gzip of "the needle", made with Python's gzip.compress(b"the needle", mtime=0). */
static const unsigned char compressed[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                                            0x2b, 0xc9, 0x48, 0x55, 0xc8, 0x4b, 0x4d, 0x4d, 0xc9, 0x49,
                                            0x05, 0x00, 0xcd, 0xba, 0xbf, 0x78, 0x0a, 0x00, 0x00, 0x00 };

static void grep_looks_into_every_body_and_no_head(void **state)
{
    (void)state;
    struct record record = { .id = 1 };
    for (int i = 0; i < RECORD_VIEW_COUNT; i++) {
        memset(record.views, 0, sizeof(record.views));
        record.views[i].head = SLICE_LITERAL("X: in-the-head\r\n\r\n");
        record.views[i].body = SLICE_LITERAL("a\0b haystack");
        assert_true(is_found("haystack", &record));
        assert_true(is_found("b hay", &record));
        assert_false(is_found("in-the-head", &record));
        assert_false(is_found("a haystack and more than that", &record));
    }
}

static void grep_looks_into_compressed_bodies(void **state)
{
    (void)state;
    struct record record = { .id = 1 };
    struct record_message *message = &record.views[RECORD_UPSTREAM_RESPONSE];
    message->head = SLICE_LITERAL("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
    message->body = slice_of(compressed, sizeof(compressed));
    assert_true(is_found("needle", &record));
    assert_false(is_found("thread", &record));
    message->head = SLICE_LITERAL("HTTP/1.1 200 OK\r\n\r\n");
    assert_false(is_found("needle", &record)); /* nothing says that it is compressed */
}

static void without_grep_no_body_is_asked_for(void **state)
{
    (void)state;
    struct log_options options = fresh_options();
    assert_taken(&options, "code", "1401");
    const struct log_run run = { .options = &options };
    assert_null(log_filter(&run).accepts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_is_a_number_a_class_or_a_range),
        cmocka_unit_test(a_code_is_one_as_the_exchange_writes_it),
        cmocka_unit_test(outcomes_are_names_with_commas_and_a_near_miss_is_told),
        cmocka_unit_test(verdicts_on_client_signatures_are_names_with_commas),
        cmocka_unit_test(methods_are_upper_case),
        cmocka_unit_test(texts_are_taken_as_they_are_and_none_may_be_empty),
        cmocka_unit_test(times_are_counted_from_the_commands_beginning),
        cmocka_unit_test(every_condition_is_noted_as_one),
        cmocka_unit_test(grep_looks_into_every_body_and_no_head),
        cmocka_unit_test(grep_looks_into_compressed_bodies),
        cmocka_unit_test(without_grep_no_body_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
