/* The reader: lists, single exchanges, and stores that cannot be read. */
#include "capture_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static void record_exchanges(void *const *state, size_t count)
{
    struct capture *capture = open_capture(state, NULL);
    for (size_t i = 0; i < count; i++) {
        struct record sent = sample_record(capture_next_id(capture));
        journal_whole(capture_journal(capture, 0), &sent);
    }
    capture_close(capture);
}

struct listing {
    int64_t ids[16];
    size_t count;
    size_t stop_after;
};

static bool note(void *context, const struct record *record)
{
    struct listing *listing = context;
    struct record expected = sample_record(record->id);
    memset(expected.views, 0, sizeof(expected.views));
    assert_same_record(record, &expected);
    listing->ids[listing->count++] = record->id;
    return listing->count != listing->stop_after;
}

static void assert_listed(struct capture_reader *reader, size_t limit, bool oldest_first, size_t stop_after,
                          const char *expected)
{
    struct listing listing = { .stop_after = stop_after };
    struct error error = { .message = "" };
    char text[256] = "";
    const struct capture_query query = { .limit = limit, .oldest_first = oldest_first };
    assert_true(capture_reader_list(reader, &query, note, &listing, &error));
    for (size_t i = 0; i < listing.count; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%llu ", (unsigned long long)listing.ids[i]);
    assert_string_equal(text, expected);
}

static void lists_are_the_latest_in_either_order(void **state)
{
    record_exchanges(state, 5);
    struct capture_reader *reader = open_reader(state);
    assert_listed(reader, 3, false, 0, "5 4 3 ");
    assert_listed(reader, 3, true, 0, "3 4 5 ");
    assert_listed(reader, SIZE_MAX, true, 0, "1 2 3 4 5 ");
    assert_listed(reader, 5, false, 2, "5 4 ");
    assert_listed(reader, 0, false, 0, "");
    assert_listed(reader, 1, true, 0, "5 ");
    capture_reader_close(reader);
}

static void an_id_that_is_not_there_names_those_that_are(void **state)
{
    struct record record = { .id = 99 };
    struct error error = { .message = "" };
    record_exchanges(state, 5);
    struct capture_reader *reader = open_reader(state);
    assert_false(capture_reader_get(&record, reader, 6, &error));
    assert_int_equal(error.kind, ERROR_INPUT);
    assert_non_null(strstr(error.message, "1 to 5"));
    assert_false(capture_reader_get(&record, reader, 0, &error));
    assert_false(capture_reader_get(&record, reader, INT64_MIN, &error));
    assert_int_equal(record.id, 99);
    record = read_exchange(reader, 5);
    assert_int_equal(record.id, 5);
    capture_reader_close(reader);
}

static void an_empty_store_has_no_last_id(void **state)
{
    int64_t id = 99;
    struct record record;
    struct error error = { .message = "" };
    record_exchanges(state, 0);
    struct capture_reader *reader = open_reader(state);
    assert_true(capture_reader_last_id(&id, reader, &error));
    assert_int_equal(id, 0);
    assert_listed(reader, 5, false, 0, "");
    assert_false(capture_reader_get(&record, reader, 1, &error));
    assert_non_null(strstr(error.message, "none yet"));
    capture_reader_close(reader);
}

static void what_comes_while_it_is_open_is_seen(void **state)
{
    int64_t id;
    struct error error = { .message = "" };
    record_exchanges(state, 1);
    struct capture_reader *reader = open_reader(state);
    record_exchanges(state, 2); /* another proxy's life, from start to end */
    assert_true(capture_reader_last_id(&id, reader, &error));
    assert_int_equal(id, 3);
    assert_listed(reader, 2, false, 0, "3 2 ");
    capture_reader_close(reader);
}

/* A reader that has read does not keep the recorder's log from being emptied. */
static void an_idle_reader_holds_nothing_up(void **state)
{
    struct stat status;
    record_exchanges(state, 1);
    struct capture_reader *reader = open_reader(state);
    (void)read_exchange(reader, 1);
    assert_listed(reader, 5, false, 1, "1 "); /* stopped in the middle */
    record_exchanges(state, 1);
    int found = stat(scratch_path(state, "capture.db-wal"), &status);
    assert_true(found != 0 || status.st_size == 0);
    capture_reader_close(reader);
}

/* --- stores that cannot be read --- */

static void assert_refused(void *const *state, const char *name, enum error_kind kind, const char *says)
{
    struct capture_reader *reader = NULL;
    struct error error = { .message = "" };
    assert_false(capture_reader_open(&reader, scratch_path(state, name), &error));
    assert_null(reader);
    if (strstr(error.message, says) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", says, error.message);
    assert_int_equal(error.kind, kind);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void a_missing_store_says_how_to_get_one(void **state)
{
    assert_refused(state, "capture.db", ERROR_INPUT, "start `countersign serve` first");
    assert_refused(state, "capture.db", ERROR_INPUT, *state);
    assert_refused(state, "no-such-folder/capture.db", ERROR_INPUT, "start `countersign serve` first");
    assert_refused(state, "nofile", ERROR_INPUT, "--store FILE");
    write_file(scratch_path(state, "capture.db"), ""); /* a first run that ended at once */
    assert_refused(state, "capture.db", ERROR_INPUT, "start `countersign serve` first");
    assert_refused(state, ".", ERROR_INPUT, "is a folder");
}

static void what_is_no_store_of_ours_is_refused(void **state)
{
    write_file(scratch_path(state, "capture.db"), "neither a store nor anything else that SQLite could read: too short "
                                                  "for it is the one thing that this text is not");
    assert_refused(state, "capture.db", ERROR_INPUT, "is no capture store: a record is the file capture.db");
    assert_int_equal(unlink(scratch_path(state, "capture.db")), 0);
    store_run(state, "CREATE TABLE theirs(a)");
    assert_refused(state, "capture.db", ERROR_INPUT, "is no capture store: a record is the file capture.db");
}

static void a_newer_store_is_refused(void **state)
{
    record_exchanges(state, 1);
    store_run(state, "PRAGMA user_version = 99");
    assert_refused(state, "capture.db", ERROR_INPUT, "version 99");
}

/* Root may read everything, so these become somebody else where they run as root. */
static uid_t be_another(void *const *state)
{
    uid_t before = geteuid();
    if (before == 0) {
        assert_int_equal(chown(*state, NOBODY, NOBODY), 0);
        assert_int_equal(chown(scratch_path(state, "capture.db"), NOBODY, NOBODY), 0);
        assert_int_equal(seteuid(NOBODY), 0);
    }
    return before;
}

static void be_oneself_again(uid_t before)
{
    if (before == 0)
        assert_int_equal(seteuid(0), 0);
}

static void a_store_that_may_not_be_read_says_so(void **state)
{
    record_exchanges(state, 1);
    assert_int_equal(chmod(scratch_path(state, "capture.db"), 0), 0);
    uid_t before = be_another(state);
    assert_refused(state, "capture.db", ERROR_INPUT, "Permission denied");
    be_oneself_again(before);
    assert_int_equal(chmod(*state, 0), 0);
    before = be_another(state);
    assert_refused(state, "capture.db", ERROR_INPUT, "Permission denied");
    be_oneself_again(before);
    assert_int_equal(chmod(*state, 0700), 0);
}

static void a_store_in_a_folder_that_may_not_be_written_is_read(void **state)
{
    int64_t id = 0;
    struct error error = { .message = "" };
    record_exchanges(state, 2);
    assert_int_equal(chmod(*state, 0500), 0);
    assert_int_equal(chmod(scratch_path(state, "capture.db"), 0400), 0);
    uid_t before = be_another(state);
    struct capture_reader *reader = open_reader(state);
    assert_true(capture_reader_last_id(&id, reader, &error));
    struct record got = read_exchange(reader, 2), sent = sample_record(2);
    assert_same_record(&got, &sent);
    capture_reader_close(reader);
    be_oneself_again(before);
    assert_int_equal(id, 2);
    assert_int_equal(chmod(*state, 0700), 0);
}

/* A killed proxy leaves its log beside the store; what is in it counts. */
static void a_log_that_was_left_is_read_too(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct record sent = sample_record(capture_next_id(capture));
    size_t lengths[2];
    journal_whole(capture_journal(capture, 0), &sent);
    wait_for_store(state, "SELECT count(*) FROM exchange WHERE delivered = 1", 1);
    char *file = read_whole_file(scratch_path(state, "capture.db"), &lengths[0]);
    char *log = read_whole_file(scratch_path(state, "capture.db-wal"), &lengths[1]);
    capture_close(capture);
    FILE *copies[2] = { fopen(scratch_path(state, "copy.db"), "wb"), fopen(scratch_path(state, "copy.db-wal"), "wb") };
    assert_int_equal(fwrite(file, 1, lengths[0], copies[0]), lengths[0]);
    assert_int_equal(fwrite(log, 1, lengths[1], copies[1]), lengths[1]);
    assert_int_equal(fclose(copies[0]) + fclose(copies[1]), 0);
    free(file);
    free(log);
    struct capture_reader *reader = NULL;
    struct error error = { .message = "" };
    assert_true(capture_reader_open(&reader, scratch_path(state, "copy.db"), &error));
    struct record got = read_exchange(reader, 1);
    assert_same_record(&got, &sent);
    capture_reader_close(reader);
}

static void a_path_with_marks_of_a_uri_is_a_path(void **state)
{
    record_exchanges(state, 1);
    assert_int_equal(rename(scratch_path(state, "capture.db"), scratch_path(state, "a%41?b#c.db")), 0);
    struct capture_reader *reader = NULL;
    struct error error = { .message = "" };
    assert_true(capture_reader_open(&reader, scratch_path(state, "a%41?b#c.db"), &error));
    capture_reader_close(reader);
}

static void names_of_views_and_outcomes_are_fixed(void **state)
{
    static const char *const names[] = { "in_flight", "ok",       "api_error", "http_error",
                                         "refused",   "not_sent", "unknown",   "dry_run" };
    static const char *const signatures[] = { "not_checked", "none",      "right",      "wrong",
                                              "stale",       "other_key", "unreadable", "unknown" };
    enum record_outcome outcome;
    enum record_client_signature signature;
    (void)state;
    for (size_t i = 0; i < RECORD_CLIENT_SIGNATURE_COUNT; i++) {
        assert_string_equal(record_client_signature_name((enum record_client_signature)i), signatures[i]);
        assert_true(record_client_signature_parse(&signature, slice_text(signatures[i])));
        assert_int_equal(signature, i);
    }
    assert_false(record_client_signature_parse(&signature, slice_text("Right")));
    for (size_t i = 0; i < RECORD_OUTCOME_COUNT; i++) {
        assert_string_equal(record_outcome_name((enum record_outcome)i), names[i]);
        assert_true(record_outcome_parse(&outcome, slice_text(names[i])));
        assert_int_equal(outcome, i);
    }
    assert_false(record_outcome_parse(&outcome, slice_text("OK")));
    assert_false(record_outcome_parse(&outcome, slice_text("")));
    assert_string_equal(record_view_name(RECORD_UPSTREAM_RESPONSE), "upstream response");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_are_the_latest_in_either_order),  TEST(an_id_that_is_not_there_names_those_that_are),
        TEST(an_empty_store_has_no_last_id),         TEST(what_comes_while_it_is_open_is_seen),
        TEST(an_idle_reader_holds_nothing_up),       TEST(a_missing_store_says_how_to_get_one),
        TEST(what_is_no_store_of_ours_is_refused),   TEST(a_newer_store_is_refused),
        TEST(a_store_that_may_not_be_read_says_so),  TEST(a_store_in_a_folder_that_may_not_be_written_is_read),
        TEST(a_log_that_was_left_is_read_too),       TEST(a_path_with_marks_of_a_uri_is_a_path),
        TEST(names_of_views_and_outcomes_are_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
