/* From the journal to the store: what is written, when it cannot be, who may. */
#include "capture_fixture.h"

#include "capture/record_fields.h"
#include "capture/sql.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool try_open(void *const *state, const char *folder, size_t ring_size, struct error *error)
{
    struct capture *capture = NULL;
    struct capture_recovery recovery;
    struct capture_options options = {
        .state_dir = folder == NULL ? *state : folder,
        .workers = 1,
        .ring_size = ring_size,
    };
    *error = (struct error){ .message = "" };
    bool done = capture_open(&capture, &options, &recovery, error);
    capture_close(capture);
    return done;
}

static void every_field_and_view_comes_back_from_the_store(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct record sent = sample_record(capture_next_id(capture));
    assert_int_equal(sent.id, 1);
    assert_string_equal(capture_store_path(capture), scratch_path(state, "capture.db"));
    journal_whole(capture_journal(capture, 0), &sent);
    capture_close(capture);
    struct capture_reader *reader = open_reader(state);
    struct record got = read_exchange(reader, 1);
    assert_same_record(&got, &sent);
    capture_reader_close(reader);
}

static void what_did_not_happen_is_null_and_comes_back_as_such(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct record sent = { .id = capture_next_id(capture), .client_uid = -1, .outcome = RECORD_REFUSED };
    journal_whole(capture_journal(capture, 0), &sent);
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE id = 1 AND client_uid IS NULL AND "
                                         "received_us IS NULL AND signature IS NULL AND client_request_head IS NULL"),
                     1);
    assert_int_equal(store_number(state, "SELECT count(*) FROM bytes"), 0);
    struct capture_reader *reader = open_reader(state);
    struct record got = read_exchange(reader, 1);
    assert_same_record(&got, &sent);
    capture_reader_close(reader);
}

static void the_tables_columns_are_the_schemas(void **state)
{
    capture_close(open_capture(state, NULL));
    for (size_t i = 0; i < RECORD_FIELD_COUNT + SQL_REFERENCE_COUNT; i++) {
        char sql[256];
        const char *name =
            i < RECORD_FIELD_COUNT ? record_fields[i].column : sql_reference_columns[i - RECORD_FIELD_COUNT];
        (void)snprintf(sql, sizeof(sql),
                       "SELECT count(*) FROM pragma_table_info('exchange') WHERE name = '%s' AND cid = %zu", name, i);
        assert_int_equal(store_number(state, sql), 1);
    }
    assert_int_equal(store_number(state, "SELECT count(*) FROM pragma_table_info('exchange')"),
                     RECORD_FIELD_COUNT + SQL_REFERENCE_COUNT);
}

static void equal_bytes_are_stored_once(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    for (size_t i = 0; i < 100; i++) {
        struct record sent = sample_record(capture_next_id(capture));
        journal_whole(capture_journal(capture, 0), &sent);
    }
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 100);
    assert_int_equal(store_number(state, "SELECT count(*) FROM bytes"), 2);
    /* The reply names exchange 7: in the seventh its own, but what gives it already is not written again. */
    assert_int_equal(store_number(state, "SELECT count(*) FROM head"), 4);
    assert_int_equal(store_number(state, "SELECT count(*) FROM verdict WHERE outcome IS NOT NULL"), 1);
    assert_int_equal(store_number(state, "SELECT count(*) FROM connection"), 1);
}

static void queries_see_heads_and_bodies_as_text(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct record sent = sample_record(capture_next_id(capture));
    journal_whole(capture_journal(capture, 0), &sent);
    capture_close(capture);
    assert_int_equal(store_number(state,
                                  "SELECT count(*) FROM exchange_text WHERE received = '2026-02-10T16:53:14.290' "
                                  "AND client_request_head LIKE 'POST /api/trade%' "
                                  "AND client_response_body LIKE '%11594964764657880%'"),
                     1);
}

static void secrets_in_heads_never_reach_a_file(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct record sent = sample_record(capture_next_id(capture));
    journal_whole(capture_journal(capture, 0), &sent);
    wait_for_store(state, "SELECT count(*) FROM exchange", 1);
    assert_true(scratch_holds(state, "x-cs-apikey: c0ff")); /* the search does find what is there */
    assert_false(scratch_holds(state, KEY_CANARY));
    assert_false(scratch_holds(state, COOKIE_CANARY));
    capture_close(capture);
    assert_false(scratch_holds(state, KEY_CANARY));
    assert_false(scratch_holds(state, COOKIE_CANARY));
}

static void an_intent_is_in_the_store_while_its_exchange_is_in_flight(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct journal *journal = capture_journal(capture, 0);
    struct record intent = sample_intent(capture_next_id(capture)), whole = sample_record(1);
    whole.replied_us = 0;
    whole.delivered = false;
    assert_true(journal_admit(journal, 1000));
    assert_true(journal_intent(journal, &intent));
    wait_for_store(state, "SELECT count(*) FROM exchange WHERE outcome IS NULL", 1);
    struct capture_reader *reader = open_reader(state);
    struct record got = read_exchange(reader, 1);
    assert_same_record(&got, &intent);
    assert_true(journal_outcome(journal, &whole));
    wait_for_store(state, "SELECT count(*) FROM exchange WHERE outcome = 'api_error'", 1);
    got = read_exchange(reader, 1);
    assert_same_record(&got, &whole);
    journal_replied(journal, 1, 1770742394310999, true);
    wait_for_store(state, "SELECT count(*) FROM exchange WHERE replied_us = 1770742394310999 AND delivered = 1", 1);
    capture_reader_close(reader);
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 1);
    assert_int_equal(store_number(state, "SELECT count(*) FROM bytes"), 2);
    assert_int_equal(store_number(state, "SELECT count(*) FROM head"), 4);
}

static void ids_go_on_where_the_last_run_ended(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct record sent = sample_record(41);
    journal_whole(capture_journal(capture, 0), &sent);
    capture_close(capture);
    capture = open_capture(state, NULL);
    assert_int_equal(capture_next_id(capture), 42);
    assert_int_equal(capture_next_id(capture), 43);
    capture_close(capture);
}

static void an_answer_of_32_mib_is_recorded(void **state)
{
    struct capture *capture = NULL;
    struct capture_recovery recovery;
    struct error error = { .message = "" };
    struct capture_options options = { .state_dir = *state, .workers = 1, .ring_size = 64 * 1024 * 1024 };
    size_t size = 32 * 1024 * 1024;
    char *answer = malloc(size);
    for (size_t i = 0; i < size; i++)
        answer[i] = (char)(i * 31 + i / 251);
    assert_true(capture_open(&capture, &options, &recovery, &error));
    for (int64_t id = 1; id <= 3; id++) { /* more than the ring holds at once */
        struct record sent = sample_record(capture_next_id(capture));
        answer[0] = (char)id;
        sent.views[RECORD_UPSTREAM_RESPONSE].body = slice_of(answer, size);
        sent.views[RECORD_CLIENT_RESPONSE].body = slice_of(answer, size);
        assert_true(journal_admit(capture_journal(capture, 0), 1000));
        while (!journal_outcome(capture_journal(capture, 0), &sent))
            sched_yield(); /* the recorder makes room */
    }
    capture_close(capture);
    struct capture_reader *reader = open_reader(state);
    for (int64_t id = 1; id <= 3; id++) {
        struct record got = read_exchange(reader, id);
        answer[0] = (char)id;
        assert_int_equal(got.views[RECORD_CLIENT_RESPONSE].body.length, size);
        assert_memory_equal(got.views[RECORD_CLIENT_RESPONSE].body.data, answer, size);
    }
    capture_reader_close(reader);
    free(answer);
}

/* --- when the store cannot be written --- */

static sqlite3 *lock_store(void *const *state)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(scratch_path(state, "capture.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void a_locked_store_is_written_once_it_is_free(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct journal *journal = capture_journal(capture, 0);
    sqlite3 *db = lock_store(state);
    int64_t last = 0;
    while (journal_admit(journal, 1000)) { /* until exchanges are refused */
        struct record sent = sample_record(last = capture_next_id(capture));
        assert_true(journal_outcome(journal, &sent));
    }
    assert_true(last > 100);
    (void)usleep(500000); /* longer than SQLite waits for a lock: so the recorder has failed and tries again */
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK); /* rolls back */
    wait_for_store(state, "SELECT count(*) FROM exchange", (long long)last);
    while (journal_used(journal) > FIXTURE_RING_SIZE / 2)
        sched_yield();
    assert_true(journal_admit(journal, 1000));
    struct record sent = sample_record(capture_next_id(capture));
    assert_true(journal_outcome(journal, &sent));
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), (long long)last + 1);
}

static void what_a_locked_store_kept_out_at_the_end_is_carried_over_at_the_next_start(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct capture_recovery recovery = { 0 };
    struct record sent = sample_record(capture_next_id(capture));
    sqlite3 *db = lock_store(state);
    journal_whole(capture_journal(capture, 0), &sent);
    capture_close(capture);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 0);
    capture = open_capture(state, &recovery);
    assert_int_equal(recovery.frames, 3);
    assert_int_equal(recovery.exchanges_unknown, 0);
    capture_close(capture);
    struct capture_reader *reader = open_reader(state);
    struct record got = read_exchange(reader, 1);
    assert_same_record(&got, &sent);
    capture_reader_close(reader);
}

static void a_row_that_cannot_be_stored_does_not_keep_the_others_out(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    store_run(state, "CREATE TRIGGER refuse BEFORE INSERT ON record WHEN new.id = 2 BEGIN "
                     "SELECT RAISE(ABORT, 'refused for the test'); END");
    for (size_t i = 0; i < 3; i++) {
        struct record sent = sample_record(capture_next_id(capture));
        journal_whole(capture_journal(capture, 0), &sent);
    }
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE id IN (1, 3)"), 2);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 2);
}

/* --- who may --- */

static void a_second_proxy_in_the_folder_is_refused(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct error error;
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "process %ld)", (long)getpid());
    assert_false(try_open(state, NULL, FIXTURE_RING_SIZE, &error));
    assert_non_null(strstr(error.message, *state));
    assert_non_null(strstr(error.message, pid));
    struct record sent = sample_record(capture_next_id(capture));
    journal_whole(capture_journal(capture, 0), &sent); /* the first goes on */
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 1);
    assert_true(try_open(state, NULL, FIXTURE_RING_SIZE, &error));
}

static void a_newer_schema_is_refused_and_left_as_it_was(void **state)
{
    struct error error;
    sqlite3 *db;
    size_t before_length, after_length;
    capture_close(open_capture(state, NULL));
    /* The newer program ended without moving its log into the file; the connection stands for it. */
    assert_int_equal(sqlite3_open(scratch_path(state, "capture.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    char *before = read_whole_file(scratch_path(state, "capture.db"), &before_length);
    assert_false(try_open(state, NULL, FIXTURE_RING_SIZE, &error));
    assert_non_null(strstr(error.message, "99"));
    assert_int_equal(error.kind, ERROR_INPUT);
    char *after = read_whole_file(scratch_path(state, "capture.db"), &after_length);
    assert_int_equal(after_length, before_length);
    assert_memory_equal(after, before, before_length);
    assert_int_equal(store_number(state, "PRAGMA user_version"), 99);
    free(before);
    free(after);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The one file whose name begins with capture.db.damaged-, and does not end with -wal. */
static const char *damaged_file(void *const *state)
{
    DIR *entries = opendir(*state);
    char name[256] = "";
    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (strncmp(entry->d_name, "capture.db.damaged-", 19) == 0 && strstr(entry->d_name, "-wal") == NULL) {
            assert_string_equal(name, "");
            (void)snprintf(name, sizeof(name), "%s", entry->d_name);
        }
    }
    (void)closedir(entries);
    assert_string_not_equal(name, "");
    return scratch_path(state, name);
}

static void a_file_that_is_no_database_is_set_aside_and_a_new_one_begun(void **state)
{
    size_t length;
    static const char text[] =
        "This is a text of more than a hundred bytes, which is as long as the header of an SQLite "
        "database, so that nothing but its content tells it apart.";
    write_file(scratch_path(state, "capture.db"), text);
    struct capture *capture = open_capture(state, NULL);
    struct record sent = sample_record(capture_next_id(capture));
    journal_whole(capture_journal(capture, 0), &sent);
    capture_close(capture);
    char *content = read_whole_file(damaged_file(state), &length);
    assert_int_equal(length, sizeof(text) - 1);
    assert_memory_equal(content, text, length);
    free(content);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 1);
    assert_int_equal(store_number(state, "SELECT count(*) FROM incident WHERE kind = 'set-aside'"), 1);
}

/* Overwrites the pages behind the first few: the file opens, and fails where it is written to. */
static void spoil(const char *path)
{
    static const char rubbish[16384] = "rubbish";
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long end = ftell(file);
    assert_true(end > (long)(2 * sizeof(rubbish)));
    assert_int_equal(fseek(file, (long)sizeof(rubbish), SEEK_SET), 0);
    for (long at = (long)sizeof(rubbish); at < end; at += (long)sizeof(rubbish))
        assert_int_equal(fwrite(rubbish, sizeof(rubbish), 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void a_damaged_store_is_set_aside_and_nothing_in_the_ring_is_lost(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct record sent = sample_record(capture_next_id(capture));
    journal_whole(capture_journal(capture, 0), &sent);
    capture_close(capture);
    spoil(scratch_path(state, "capture.db"));
    capture = open_capture(state, NULL);
    sent = sample_record(7);
    journal_whole(capture_journal(capture, 0), &sent);
    capture_close(capture);
    (void)damaged_file(state); /* there is one */
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE id = 7"), 1);
    assert_int_equal(store_number(state, "SELECT count(*) FROM incident WHERE kind = 'set-aside'"), 1);
}

static void another_programs_database_is_refused_and_left_as_it_was(void **state)
{
    struct error error;
    size_t before_length, after_length;
    store_run(state, "CREATE TABLE theirs(a)");
    char *before = read_whole_file(scratch_path(state, "capture.db"), &before_length);
    assert_false(try_open(state, NULL, FIXTURE_RING_SIZE, &error));
    assert_non_null(strstr(error.message, "another program"));
    char *after = read_whole_file(scratch_path(state, "capture.db"), &after_length);
    assert_int_equal(after_length, before_length);
    assert_memory_equal(after, before, before_length);
    free(before);
    free(after);
}

static void a_ring_that_the_disk_cannot_hold_is_an_error_at_start(void **state)
{
    struct error error;
    assert_false(try_open(state, NULL, (size_t)1 << 50, &error));
    assert_non_null(strstr(error.message, "ring-0.journal"));
    assert_true(try_open(state, NULL, FIXTURE_RING_SIZE, &error)); /* the lock and the store are free again */
}

static void assert_modes(const char *folder)
{
    struct stat status;
    size_t files = 0;
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        assert_int_equal(stat(path, &status), 0);
        if (S_ISREG(status.st_mode)) {
            assert_int_equal(status.st_mode & 0777, 0600);
            files++;
        }
    }
    assert_int_equal(closedir(entries), 0);
    assert_int_equal(files, 5); /* capture.db, -wal, -shm, lock, ring-0.journal */
}

static void folders_and_files_are_the_owners_alone_whatever_the_umask(void **state)
{
    static const mode_t umasks[] = { 0, 0177 };
    for (size_t i = 0; i < ARRAY_LENGTH(umasks); i++) {
        char upper[4096], folder[4200];
        struct capture *capture = NULL;
        struct capture_recovery recovery;
        struct error error = { .message = "" };
        (void)snprintf(upper, sizeof(upper), "%s/upper", (const char *)*state);
        (void)snprintf(folder, sizeof(folder), "%s/upper/state", (const char *)*state);
        struct capture_options options = { .state_dir = folder, .workers = 1, .ring_size = FIXTURE_RING_SIZE };
        mode_t before = umask(umasks[i]);
        bool done = capture_open(&capture, &options, &recovery, &error);
        (void)umask(before);
        if (!done)
            fail_msg("%s", error.message);
        assert_modes(folder);
        capture_close(capture);
        void *inner = folder;
        assert_int_equal(unlink(scratch_path(&inner, "capture.db")), 0);
        assert_int_equal(unlink(scratch_path(&inner, "lock")), 0);
        assert_int_equal(rmdir(folder), 0); /* the clean end left nothing else */
        assert_int_equal(rmdir(upper), 0);
    }
}

static void a_state_folder_that_is_none_is_an_error(void **state)
{
    struct error error;
    write_file(scratch_path(state, "file"), "");
    assert_false(try_open(state, scratch_path(state, "file"), FIXTURE_RING_SIZE, &error));
    assert_false(try_open(state, scratch_path(state, "file/below"), FIXTURE_RING_SIZE, &error));
    assert_false(try_open(state, "", FIXTURE_RING_SIZE, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
}

/* --- threads --- */

enum { WORKERS = 3, EXCHANGES_EACH = 2000 };

struct worker {
    pthread_t thread;
    struct capture *capture;
    unsigned number;
};

static void *work(void *context)
{
    struct worker *worker = context;
    struct journal *journal = capture_journal(worker->capture, worker->number);
    for (size_t i = 0; i < EXCHANGES_EACH; i++) {
        struct record sent = sample_record(capture_next_id(worker->capture));
        while (!journal_admit(journal, 1000))
            sched_yield();
        if (!journal_intent(journal, &sent) || !journal_outcome(journal, &sent))
            return worker;
        journal_replied(journal, sent.id, sent.replied_us, sent.delivered);
        if (i % 100 == 0)
            (void)usleep(12000); /* lets the recorder go to sleep now and then */
    }
    return NULL;
}

static void workers_a_recorder_and_a_reader_go_side_by_side(void **state)
{
    struct capture_options options = { .state_dir = *state, .workers = WORKERS, .ring_size = FIXTURE_RING_SIZE };
    struct capture *capture = NULL;
    struct capture_recovery recovery;
    struct error error = { .message = "" };
    struct worker workers[WORKERS];
    int64_t last = 0;
    assert_true(capture_open(&capture, &options, &recovery, &error));
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){ .capture = capture, .number = i };
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    struct capture_reader *reader = open_reader(state);
    for (size_t i = 0; i < 50; i++) {
        int64_t id;
        assert_true(capture_reader_last_id(&id, reader, &error));
        assert_true(id >= last);
        last = id;
        (void)journal_used(capture_journal(capture, 0)); /* as metrics do */
        (void)usleep(1000);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        void *failed;
        assert_int_equal(pthread_join(workers[i].thread, &failed), 0);
        assert_null(failed);
    }
    capture_reader_close(reader);
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE outcome = 'api_error' AND delivered = 1"),
                     WORKERS * EXCHANGES_EACH);
    assert_int_equal(store_number(state, "SELECT max(id) FROM exchange"), WORKERS * EXCHANGES_EACH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_field_and_view_comes_back_from_the_store),
        TEST(what_did_not_happen_is_null_and_comes_back_as_such),
        TEST(the_tables_columns_are_the_schemas),
        TEST(equal_bytes_are_stored_once),
        TEST(queries_see_heads_and_bodies_as_text),
        TEST(secrets_in_heads_never_reach_a_file),
        TEST(an_intent_is_in_the_store_while_its_exchange_is_in_flight),
        TEST(ids_go_on_where_the_last_run_ended),
        TEST(an_answer_of_32_mib_is_recorded),
        TEST(a_locked_store_is_written_once_it_is_free),
        TEST(what_a_locked_store_kept_out_at_the_end_is_carried_over_at_the_next_start),
        TEST(a_row_that_cannot_be_stored_does_not_keep_the_others_out),
        TEST(a_second_proxy_in_the_folder_is_refused),
        TEST(a_newer_schema_is_refused_and_left_as_it_was),
        TEST(a_file_that_is_no_database_is_set_aside_and_a_new_one_begun),
        TEST(a_damaged_store_is_set_aside_and_nothing_in_the_ring_is_lost),
        TEST(another_programs_database_is_refused_and_left_as_it_was),
        TEST(a_ring_that_the_disk_cannot_hold_is_an_error_at_start),
        TEST(folders_and_files_are_the_owners_alone_whatever_the_umask),
        TEST(a_state_folder_that_is_none_is_an_error),
        TEST(workers_a_recorder_and_a_reader_go_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
