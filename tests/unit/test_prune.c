/* Retention, epochs, imported exchanges: what goes, what stays, and that nothing that stays loses a byte. */
#include "capture_fixture.h"

#include "capture/store_private.h"

#include "countersign/capture_store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const int64_t begin_us = 1770742394000000;

/* The body of the exchange with that id: no two are the same. The caller frees it. */
static char *body_of(int64_t id, size_t length)
{
    char *body = malloc(length);
    assert_non_null(body);
    for (size_t i = 0; i < length; i++)
        body[i] = (char)('a' + ((size_t)id * 7 + i * i) % 26);
    (void)snprintf(body, length, "%lld", (long long)id);
    return body;
}

/* An exchange with bodies of its own, a second after the one before. */
static void journal_one(struct capture *capture, size_t body_length)
{
    struct record record = sample_record(capture_next_id(capture));
    char *body = body_of(record.id, body_length);
    record.received_us = begin_us + record.id * 1000000;
    record.views[RECORD_UPSTREAM_RESPONSE].body = record.views[RECORD_CLIENT_RESPONSE].body =
        slice_of(body, body_length);
    while (!journal_admit(capture_journal(capture, 0), 1000))
        continue;
    while (!journal_outcome(capture_journal(capture, 0), &record))
        continue;
    free(body);
}

static void fill(void **state, size_t count, size_t body_length)
{
    struct capture *capture = open_capture(state, NULL);
    for (size_t i = 0; i < count; i++)
        journal_one(capture, body_length);
    capture_close(capture);
}

static struct capture_store *open_store(void **state)
{
    struct capture_store *store = NULL;
    struct error error = { .message = "" };
    if (!capture_store_open(&store, *state, (struct capture_progress){ .tell = NULL }, &error))
        fail_msg("%s", error.message);
    return store;
}

static struct capture_pruned prune(void **state, struct capture_keep keep, bool imported, int64_t now_us)
{
    struct capture_pruned pruned;
    struct error error = { .message = "" };
    struct capture_store *store = open_store(state);
    if (!capture_store_prune(&pruned, store, keep, imported, now_us, (struct capture_progress){ .tell = NULL }, &error))
        fail_msg("%s", error.message);
    capture_store_close(store);
    return pruned;
}

/* Every reference leads to a row. */
static void assert_sound(void **state)
{
    static const char *const dangling[] = {
        "SELECT count(*) FROM record WHERE upstream_response_body NOT IN (SELECT id FROM bytes)",
        "SELECT count(*) FROM record WHERE client_request_body NOT IN (SELECT id FROM bytes)",
        "SELECT count(*) FROM record WHERE client_response_body NOT IN (SELECT id FROM bytes)",
        "SELECT count(*) FROM record WHERE upstream_request_body NOT IN (SELECT id FROM bytes)",
        "SELECT count(*) FROM record WHERE client_request_head NOT IN (SELECT id FROM head)",
        "SELECT count(*) FROM record WHERE upstream_response_head NOT IN (SELECT id FROM head)",
        "SELECT count(*) FROM record WHERE client_response_head NOT IN (SELECT id FROM head)",
        "SELECT count(*) FROM record WHERE upstream_request_head NOT IN (SELECT id FROM head)",
        "SELECT count(*) FROM record WHERE connection NOT IN (SELECT id FROM connection)",
        "SELECT count(*) FROM record WHERE verdict NOT IN (SELECT id FROM verdict)",
        "SELECT count(*) FROM record WHERE endpoint NOT IN (SELECT id FROM endpoint)",
        "SELECT count(*) FROM record WHERE party NOT IN (SELECT id FROM party)",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(dangling); i++)
        assert_int_equal(store_number(state, dangling[i]), 0);
    assert_int_equal(store_number(state, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
                     1);
}

static long long file_size(void **state)
{
    struct stat status;
    assert_int_equal(stat(scratch_path(state, "capture.db"), &status), 0);
    return status.st_size;
}

static void the_latest_so_many_stay(void **state)
{
    fill(state, 1000, 300);
    struct capture_pruned pruned = prune(state, (struct capture_keep){ .count = 100 }, false, begin_us);
    assert_int_equal(pruned.exchanges, 900);
    assert_int_equal(store_number(state, "SELECT min(id) FROM exchange"), 901);
    assert_int_equal(store_number(state, "SELECT max(id) FROM exchange"), 1000);
    assert_sound(state);
    assert_int_equal(prune(state, (struct capture_keep){ .count = 100 }, false, begin_us).exchanges, 0);
}

static void what_is_too_old_goes(void **state)
{
    fill(state, 1000, 300);
    int64_t now_us = begin_us + (int64_t)1000 * 1000000;
    prune(state, (struct capture_keep){ .age_us = (int64_t)200 * 1000000 }, false, now_us);
    assert_int_equal(store_number(state, "SELECT min(id) FROM exchange"), 800);
    assert_sound(state);
}

static void a_file_that_is_too_large_becomes_smaller(void **state)
{
    fill(state, 3 * EPOCH_RECORDS, 2000);
    long long before = file_size(state);
    assert_true(before > 24 * 1024 * 1024);
    struct capture_pruned pruned = prune(state, (struct capture_keep){ .bytes = 20 * 1024 * 1024 }, false, begin_us);
    long long after = file_size(state);
    assert_true(pruned.exchanges >= EPOCH_RECORDS);
    assert_true(after < 20 * 1024 * 1024 + 5 * 1024 * 1024); /* a few free pages stay for what comes */
    assert_int_equal(pruned.bytes_freed, before - after);
    assert_int_equal(store_number(state, "SELECT max(id) FROM exchange"), 3 * EPOCH_RECORDS);
    assert_sound(state);
    /* What the gone epochs' exchanges had for themselves is gone as well. */
    assert_int_equal(store_number(state,
                                  "SELECT count(*) FROM bytes WHERE id NOT IN (SELECT upstream_response_body FROM "
                                  "record) AND id NOT IN (SELECT client_request_body FROM record)"),
                     0);
}

static void what_stays_is_whole(void **state)
{
    fill(state, 2 * EPOCH_RECORDS + 500, 200);
    prune(state, (struct capture_keep){ .count = EPOCH_RECORDS }, false, begin_us);
    struct capture_reader *reader = open_reader(state);
    for (int64_t id = EPOCH_RECORDS + 501; id <= 2 * EPOCH_RECORDS + 500; id += 97) {
        struct record got = read_exchange(reader, id), wanted = sample_record(id);
        wanted.received_us = begin_us + id * 1000000;
        char *body = body_of(id, 200);
        wanted.views[RECORD_UPSTREAM_RESPONSE].body = wanted.views[RECORD_CLIENT_RESPONSE].body = slice_of(body, 200);
        assert_same_record(&got, &wanted);
        free(body);
    }
    capture_reader_close(reader);
    assert_sound(state);
}

static void what_is_in_flight_stays(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct record intent = sample_intent(capture_next_id(capture));
    assert_true(journal_admit(capture_journal(capture, 0), 1000));
    assert_true(journal_intent(capture_journal(capture, 0), &intent));
    for (size_t i = 0; i < 50; i++)
        journal_one(capture, 100);
    wait_for_store(state, "SELECT count(*) FROM exchange", 51);
    prune(state, (struct capture_keep){ .count = 10 }, false, begin_us);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 11);
    assert_int_equal(store_number(state, "SELECT min(id) FROM exchange"), 1);
    struct record whole = sample_record(1);
    assert_true(journal_outcome(capture_journal(capture, 0), &whole));
    capture_close(capture);
    struct capture_reader *reader = open_reader(state);
    struct record got = read_exchange(reader, 1);
    assert_same_record(&got, &whole);
    capture_reader_close(reader);
}

/* A tool deletes while the recorder writes: the recorder must not refer to rows that are gone. */
static void a_recorder_goes_on_beside_a_tool_that_deletes(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    for (size_t round = 0; round < 8; round++) {
        for (size_t i = 0; i < 1500; i++)
            journal_one(capture, 100);
        prune(state, (struct capture_keep){ .count = 50 }, false, begin_us);
    }
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT max(id) FROM exchange"), 8 * 1500);
    assert_sound(state);
}

static void the_recorder_keeps_to_its_bounds_by_itself(void **state)
{
    struct capture *capture = NULL;
    struct capture_recovery recovery;
    struct error error = { .message = "" };
    const struct capture_options options = {
        .state_dir = *state, .workers = 1, .ring_size = FIXTURE_RING_SIZE, .keep = { .count = 500 }
    };
    if (!capture_open(&capture, &options, &recovery, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < 2 * EPOCH_RECORDS + 1000; i++)
        journal_one(capture, 100);
    wait_for_store(state, "SELECT count(*) FROM exchange", 500);
    wait_for_store(state, "SELECT count(*) FROM epoch", 1);
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT max(id) FROM exchange"), 2 * EPOCH_RECORDS + 1000);
    assert_sound(state);
}

static void bounds_are_previewed(void **state)
{
    uint64_t exchanges = 0;
    struct error error = { .message = "" };
    fill(state, 200, 100);
    struct capture_store *store = open_store(state);
    assert_true(
        capture_store_prune_preview(&exchanges, store, (struct capture_keep){ .count = 150 }, begin_us, &error));
    assert_int_equal(exchanges, 50);
    assert_true(
        capture_store_prune_preview(&exchanges, store, (struct capture_keep){ .count = 500 }, begin_us, &error));
    assert_int_equal(exchanges, 0);
    capture_store_close(store);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 200);
}

/* An id is told to clients: it must never mean another exchange. */
static void ids_go_on_where_everything_was_deleted(void **state)
{
    fill(state, 500, 100);
    prune(state, (struct capture_keep){ .age_us = 1 }, false, begin_us + (int64_t)5000 * 1000000);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 0);
    fill(state, 3, 100);
    assert_int_equal(store_number(state, "SELECT min(id) FROM exchange"), 501);
    assert_sound(state);
    prune(state, (struct capture_keep){ .bytes = 1 }, false, begin_us);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 3); /* the newest epoch stays */
}

static void a_clock_that_was_ahead_keeps_no_other_exchange(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    for (size_t i = 0; i < 300; i++) {
        if (i == 100) {
            struct record ahead = sample_record(capture_next_id(capture));
            ahead.received_us = begin_us + INT64_C(10) * 365 * 86400 * 1000000;
            journal_whole(capture_journal(capture, 0), &ahead);
        }
        journal_one(capture, 100);
    }
    capture_close(capture);
    int64_t now_us = begin_us + INT64_C(100) * 86400 * 1000000;
    prune(state, (struct capture_keep){ .age_us = INT64_C(86400) * 1000000 }, false, now_us);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 1);
    assert_int_equal(store_number(state, "SELECT id FROM exchange"), 101);
}

/* While one epoch's rows are being deleted, nothing new may be given ids among them. */
static void row_ids_never_go_back(void **state)
{
    fill(state, 2 * EPOCH_RECORDS, 100);
    long long bytes = store_number(state, "SELECT max(id) FROM bytes");
    prune(state, (struct capture_keep){ .age_us = 1 }, false, begin_us + (int64_t)100000 * 1000000);
    store_run(state, "DELETE FROM bytes");
    fill(state, 1, 100);
    assert_true(store_number(state, "SELECT min(id) FROM bytes") >=
                store_number(state, "SELECT max(first_bytes) FROM epoch"));
    assert_true(bytes > EPOCH_RECORDS);
    assert_sound(state);
}

/* Thousands of messages that are all different: each is looked up by an index, and goes with its exchange. */
static void a_verdict_of_its_own_for_each_exchange_costs_no_walk_and_goes_with_it(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    for (size_t i = 0; i < 3000; i++) {
        struct record record = sample_record(capture_next_id(capture));
        char message[64];
        (void)snprintf(message, sizeof(message), "order %zu not found", i);
        record.api_message = slice_text(message);
        while (!journal_admit(capture_journal(capture, 0), 1000))
            continue;
        assert_true(journal_outcome(capture_journal(capture, 0), &record));
    }
    for (size_t i = 0; i < EPOCH_RECORDS; i++)
        journal_one(capture, 100);
    capture_close(capture);
    assert_in_range(store_number(state, "SELECT count(*) FROM verdict"), 3000, 3002);
    prune(state, (struct capture_keep){ .count = 1 }, false, begin_us);
    assert_in_range(store_number(state, "SELECT count(*) FROM verdict"), 1, 2);
    assert_sound(state);
}

/* --- imported exchanges --- */

static int64_t import(void **state, size_t count)
{
    int64_t first = 0;
    struct error error = { .message = "" };
    struct capture_store *store = open_store(state);
    struct record *records = calloc(count, sizeof(*records));
    assert_non_null(records);
    for (size_t i = 0; i < count; i++)
        records[i] = sample_record(0);
    if (!capture_store_import(&first, store, records, count, (struct capture_progress){ .tell = NULL }, &error))
        fail_msg("%s", error.message);
    free(records);
    capture_store_close(store);
    return first;
}

static void imported_exchanges_have_ids_of_their_own_and_are_masked(void **state)
{
    assert_int_equal(import(state, 1), -1); /* a store is made where there is none */
    assert_int_equal(import(state, 450), -2);
    assert_int_equal(import(state, 1), -452);
    assert_false(scratch_holds(state, KEY_CANARY));
    assert_false(scratch_holds(state, COOKIE_CANARY));
    struct capture_reader *reader = open_reader(state);
    struct record got = read_exchange(reader, -300), wanted = sample_record(-300);
    assert_same_record(&got, &wanted);
    capture_reader_close(reader);
}

static void an_import_beside_a_recorder_disturbs_neither(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    for (size_t round = 0; round < 5; round++) {
        for (size_t i = 0; i < 300; i++)
            journal_one(capture, 100);
        import(state, 50);
    }
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE id > 0"), 1500);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE id < 0"), 250);
    assert_int_equal(store_number(state,
                                  "SELECT count(*) FROM record r JOIN bytes b ON b.id = r.upstream_response_body "
                                  "WHERE (r.id < 0) <> (b.id < 0)"),
                     0);
    assert_sound(state);
}

static void *import_some(void *context)
{
    for (size_t i = 0; i < 5; i++)
        import(context, 400);
    return NULL;
}

static void two_imports_at_once_lose_nothing(void **state)
{
    pthread_t threads[2];
    import(state, 1);
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, import_some, state), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 4001);
    assert_int_equal(store_number(state, "SELECT min(id) FROM exchange"), -4001);
    assert_sound(state);
}

static void recorded_exchanges_do_not_go_for_the_sake_of_imported_ones(void **state)
{
    int64_t first;
    struct error error = { .message = "" };
    char *body = malloc(30 << 20);
    assert_non_null(body);
    memset(body, 'x', 30 << 20);
    fill(state, 2 * EPOCH_RECORDS, 100);
    struct record large = sample_record(0);
    large.views[RECORD_UPSTREAM_RESPONSE].body = slice_of(body, 30 << 20);
    struct capture_store *store = open_store(state);
    assert_true(capture_store_import(&first, store, &large, 1, (struct capture_progress){ .tell = NULL }, &error));
    capture_store_close(store);
    prune(state, (struct capture_keep){ .bytes = 20 << 20 }, false, begin_us);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 2 * EPOCH_RECORDS + 1);
    free(body);
}

static void pruning_keeps_imported_exchanges_unless_they_are_named(void **state)
{
    fill(state, 300, 100);
    import(state, 300);
    prune(state, (struct capture_keep){ .count = 10 }, false, begin_us);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE id < 0"), 300);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE id > 0"), 10);
    assert_int_equal(prune(state, (struct capture_keep){ .count = 0 }, true, begin_us).exchanges, 300);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 10);
    assert_int_equal(store_number(state, "SELECT count(*) FROM bytes WHERE id < 0"), 0);
    assert_sound(state);
}

static void ids_of_recorded_exchanges_do_not_depend_on_imported_ones(void **state)
{
    import(state, 3);
    struct capture *capture = open_capture(state, NULL);
    assert_int_equal(capture_next_id(capture), 1);
    struct record record = sample_record(1);
    journal_whole(capture_journal(capture, 0), &record);
    capture_close(capture);
    struct capture_reader *reader = open_reader(state);
    struct record got = read_exchange(reader, 1);
    assert_same_record(&got, &record);
    capture_reader_close(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_latest_so_many_stay),
        TEST(what_is_too_old_goes),
        TEST(a_file_that_is_too_large_becomes_smaller),
        TEST(what_stays_is_whole),
        TEST(what_is_in_flight_stays),
        TEST(a_recorder_goes_on_beside_a_tool_that_deletes),
        TEST(the_recorder_keeps_to_its_bounds_by_itself),
        TEST(bounds_are_previewed),
        TEST(ids_go_on_where_everything_was_deleted),
        TEST(a_clock_that_was_ahead_keeps_no_other_exchange),
        TEST(row_ids_never_go_back),
        TEST(a_verdict_of_its_own_for_each_exchange_costs_no_walk_and_goes_with_it),
        TEST(two_imports_at_once_lose_nothing),
        TEST(recorded_exchanges_do_not_go_for_the_sake_of_imported_ones),
        TEST(imported_exchanges_have_ids_of_their_own_and_are_masked),
        TEST(an_import_beside_a_recorder_disturbs_neither),
        TEST(pruning_keeps_imported_exchanges_unless_they_are_named),
        TEST(ids_of_recorded_exchanges_do_not_depend_on_imported_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
