/* Names of exchanges on the command line: their forms, and what they mean in a store. */
#include "cli/log_command.h"

#include "capture_fixture.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    enum record_outcome outcome;
    const char *code;
    const char *listener;
} exchanges[] = {
    { RECORD_OK, "0", "bot" },           { RECORD_API_ERROR, "1401", "bot" },   { RECORD_OK, "0", "other" },
    { RECORD_API_ERROR, "3113", "bot" }, { RECORD_API_ERROR, "1401", "other" }, { RECORD_UNKNOWN, "", "bot" },
    { RECORD_OK, "0", "bot" },
};

static void fill(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(exchanges); i++) {
        struct record record = sample_record(capture_next_id(capture));
        record.outcome = exchanges[i].outcome;
        record.api_code = slice_text(exchanges[i].code);
        record.listener = slice_text(exchanges[i].listener);
        journal_whole(capture_journal(capture, 0), &record);
    }
    capture_close(capture);
}

struct asking {
    struct log_options options;
    struct log_run run;
    struct error error;
};

static struct asking *begin(void **state)
{
    struct asking *asking = calloc(1, sizeof(*asking));
    assert_non_null(asking);
    asking->run = (struct log_run){ .options = &asking->options,
                                    .reader = open_reader(state),
                                    .store_path = scratch_path(state, "capture.db") };
    return asking;
}

static void end(struct asking *asking)
{
    capture_reader_close(asking->run.reader);
    free(asking);
}

static void assert_means(struct asking *asking, const char *word, int64_t expected)
{
    int64_t id = 0;
    if (!log_id_resolve(&id, &asking->run, word, &asking->error))
        fail_msg("`%s`: %s", word, asking->error.message);
    assert_int_equal(id, expected);
}

static void assert_refused(struct asking *asking, const char *word, const char *part)
{
    int64_t id = 0;
    assert_false(log_id_resolve(&id, &asking->run, word, &asking->error));
    assert_int_equal(asking->error.kind, ERROR_INPUT);
    if (strstr(asking->error.message, part) == NULL)
        fail_msg("`%s` is not in: %s", part, asking->error.message);
}

static void the_forms_of_an_id_are_known_without_a_store(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "17", "i3", "last", "last~3", "last:api_error", "last:1401", "last:unknown~2", "last:anything"
    };
    static const char *const none[] = { "",       "0",    "-1", "latest", "last~", "last~x", "last:",  "last:~1",
                                        "last 3", "Last", "i",  "i0",     "~3",    "17~1",   "last~-1" };
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++)
        assert_true(log_id_is_one(forms[i]));
    for (size_t i = 0; i < ARRAY_LENGTH(none); i++) {
        if (log_id_is_one(none[i]))
            fail_msg("`%s` is taken for an id", none[i]);
    }
}

static void last_counts_back_over_what_fits(void **state)
{
    fill(state);
    struct asking *asking = begin(state);
    assert_means(asking, "last", 7);
    assert_means(asking, "last~0", 7);
    assert_means(asking, "last~6", 1);
    assert_means(asking, "last:ok", 7);
    assert_means(asking, "last:ok~1", 3);
    assert_means(asking, "last:api_error", 5);
    assert_means(asking, "last:api_error~2", 2);
    assert_means(asking, "last:1401", 5);
    assert_means(asking, "last:1401~1", 2);
    assert_means(asking, "last:unknown", 6);
    assert_means(asking, "4", 4);
    assert_means(asking, "i3", -3);
    end(asking);
}

static void the_filters_of_the_command_line_hold_for_last(void **state)
{
    fill(state);
    struct asking *asking = begin(state);
    asking->options.filter.listener = SLICE_LITERAL("other");
    asking->options.has_filter = true;
    assert_means(asking, "last", 5);
    assert_means(asking, "last~1", 3);
    assert_means(asking, "last:ok", 3);
    int64_t id = 0; /* a number is one exchange: a filter beside it is a mistake */
    assert_false(log_id_resolve(&id, &asking->run, "7", &asking->error));
    assert_int_equal(asking->error.kind, ERROR_USAGE);
    assert_refused(asking, "last:unknown", "last:unknown");
    end(asking);
}

static void what_names_no_exchange_is_told_with_what_may_be_meant(void **state)
{
    fill(state);
    struct asking *asking = begin(state);
    assert_refused(asking, "last~7", "last~7");
    assert_refused(asking, "last:not_sent", "last:not_sent");
    assert_refused(asking, "last:api_eror", "did you mean last:api_error?");
    assert_refused(asking, "last:9999", "last:9999");
    assert_refused(asking, "latest", "last~3");
    assert_refused(asking, "-4", "last~3");
    assert_refused(asking, "last~99999999999999999999", "last~3");
    end(asking);
}

static void an_empty_store_is_said_to_be_empty(void **state)
{
    capture_close(open_capture(state, NULL));
    struct asking *asking = begin(state);
    assert_refused(asking, "last", "no exchange is recorded yet");
    end(asking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_forms_of_an_id_are_known_without_a_store),
        cmocka_unit_test_setup_teardown(last_counts_back_over_what_fits, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(the_filters_of_the_command_line_hold_for_last, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(what_names_no_exchange_is_told_with_what_may_be_meant, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(an_empty_store_is_said_to_be_empty, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
