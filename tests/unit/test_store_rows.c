/* Rows that are written many at a time: each is read back as it was sent, whatever came beside it in its batch; what no table takes
 * is left out alone; what a failed batch had waiting is gone with it. */
#include "capture_fixture.h"

#include "capture/store_private.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BODY_ROOM = 64, BATCH_MAX = 128, BIG_BODY = 256 * 1024 };

struct opened {
    struct store *store;
    char *path;
};

static struct opened open_store(void **state)
{
    struct opened opened = { .path = strdup(scratch_path(state, "capture.db")) };
    struct error error = { .message = "" };
    assert_non_null(opened.path);
    if (!store_open(&opened.store, &(struct store_options){ .path = opened.path, .owned = true }, &error))
        fail_msg("%s", error.message);
    return opened;
}

static void close_store(struct opened *opened)
{
    store_close(opened->store);
    free(opened->path);
}

/* How often a statement was run. */
static int runs_of(const struct opened *opened, enum store_statement which)
{
    return sqlite3_stmt_status(opened->store->statements[which], SQLITE_STMTSTATUS_RUN, 0);
}

/* --- a batch --- */

/* Its frames' payloads belong to it. */
struct made {
    struct batch batch;
    char *payloads[2 * BATCH_MAX];
    size_t count;
};

static struct made *begin_batch(void)
{
    struct made *made = calloc(1, sizeof(*made));
    assert_non_null(made);
    batch_reset(&made->batch);
    return made;
}

static void add_record(struct made *made, const struct record *record, bool whole)
{
    struct record_image image = record_image_of(record, whole);
    char *payload = malloc(image.length);
    assert_non_null(payload);
    assert_true(made->count < ARRAY_LENGTH(made->payloads));
    made->payloads[made->count++] = payload;
    record_image_write(payload, &image);
    const struct frame frame = { .type = whole ? FRAME_OUTCOME : FRAME_INTENT,
                                 .payload = slice_of(payload, image.length) };
    assert_true(batch_add(&made->batch, &frame));
}

static void free_batch(struct made *made)
{
    for (size_t i = 0; i < made->count; i++)
        free(made->payloads[i]);
    free(made);
}

static bool try_batch(struct store *store, struct made *made, struct error *error)
{
    return store_begin(store, error) && store_write_batch(store, &made->batch, error) && store_commit(store, error);
}

static void write_batch(struct store *store, struct made *made)
{
    struct error error = { .message = "" };
    if (!try_batch(store, made, &error))
        fail_msg("%s", error.message);
    free_batch(made);
}

/* --- exchanges --- */

/* Every third has a signature that is kept as text, every fifth a digest of its own, every seventh no query; each its own body. */
static struct record record_of(int64_t id, char body[BODY_ROOM])
{
    static const char odd_signature[] = "ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789";
    struct record record = sample_record(id);
    int length = snprintf(body, BODY_ROOM, "{\"clOrdId\":\"%lld\"}", (long long)id);
    assert_true(length > 0 && length < BODY_ROOM);
    record.received_us += id;
    record.views[RECORD_CLIENT_REQUEST].body = slice_of(body, (size_t)length);
    record.views[RECORD_UPSTREAM_REQUEST].body = record.views[RECORD_CLIENT_REQUEST].body;
    if (id % 3 == 0)
        memcpy(record.signature, odd_signature, sizeof(record.signature));
    if (id % 5 == 0)
        memset(record.payload_sha256, (int)(id % 255) + 1, sizeof(record.payload_sha256));
    if (id % 7 == 0)
        record.target = slice_first(record.target, slice_find(record.target, '?'));
    return record;
}

enum frames { INTENTS = 1, OUTCOMES = 2, BOTH = INTENTS | OUTCOMES };

static struct made *batch_of(int64_t first, int64_t count, enum frames frames)
{
    struct made *made = begin_batch();
    for (int64_t id = first; id < first + count; id++) {
        char body[BODY_ROOM];
        struct record intent = sample_intent(id), outcome = record_of(id, body);
        intent.received_us += id;
        if ((frames & INTENTS) != 0)
            add_record(made, &intent, false);
        if ((frames & OUTCOMES) != 0)
            add_record(made, &outcome, true);
    }
    return made;
}

static void assert_read_back(struct capture_reader *reader, int64_t id)
{
    char body[BODY_ROOM];
    struct record sent = record_of(id, body), got = read_exchange(reader, id);
    assert_same_record(&got, &sent);
}

/* --- tests --- */

static void batches_of_every_size_are_read_back_as_they_were_sent(void **state)
{
    static const int64_t sizes[] = { 1, 2, 15, 16, 17, 31, 32, 33, 48, 64 };
    struct opened opened = open_store(state);
    int64_t next = 1, together = 0, alone = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        write_batch(opened.store, batch_of(next, sizes[i], BOTH));
        next += sizes[i];
        together += sizes[i] / STORE_ROWS_AT_ONCE;
        alone += sizes[i] % STORE_ROWS_AT_ONCE;
        assert_int_equal(opened.store->epoch.last_record, next - 1);
    }
    assert_int_equal(runs_of(&opened, STORE_ADD_RECORDS), together);
    assert_int_equal(runs_of(&opened, STORE_PUT_RECORD), alone);
    close_store(&opened);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), next - 1);
    struct capture_reader *reader = open_reader(state);
    for (int64_t id = 1; id < next; id++)
        assert_read_back(reader, id);
    capture_reader_close(reader);
}

/* The second batch's places are not the first's. */
static void outcomes_overwrite_what_intents_had_written(void **state)
{
    struct opened opened = open_store(state);
    write_batch(opened.store, batch_of(1, 70, INTENTS));
    write_batch(opened.store, batch_of(6, 64, OUTCOMES));
    close_store(&opened);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 70);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE outcome IS NULL"), 6);
    struct capture_reader *reader = open_reader(state);
    for (int64_t id = 6; id < 70; id++)
        assert_read_back(reader, id);
    capture_reader_close(reader);
}

/* A batch that is stored twice, say: some of what seems new is there. */
static void what_is_there_already_is_overwritten_and_what_is_beside_it_is_kept(void **state)
{
    struct opened opened = open_store(state);
    write_batch(opened.store, batch_of(20, 10, INTENTS));
    write_batch(opened.store, batch_of(1, 64, BOTH));
    assert_int_equal(store_rows_left_out(opened.store), 0);
    close_store(&opened);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 64);
    assert_int_equal(store_number(state, "SELECT sum(records) FROM epoch"), 74); /* how often one was written */
    assert_int_equal(store_number(state, "SELECT count(*) FROM incident"), 0);
    struct capture_reader *reader = open_reader(state);
    for (int64_t id = 1; id <= 64; id++)
        assert_read_back(reader, id);
    capture_reader_close(reader);
}

/* What SQLite would keep of pages to undo a statement that fails goes into a file of its own, each time. */
static void a_batch_needs_no_file_of_its_own(void **state)
{
    struct opened opened = open_store(state);
    struct made *first = batch_of(61, 60, BOTH), *second = batch_of(1, 60, OUTCOMES);
    struct error error = { .message = "" };
    struct rlimit before, none;
    write_batch(opened.store, batch_of(1, 60, BOTH));
    int next = dup(STDERR_FILENO);
    assert_true(next >= 0);
    (void)close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ .rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool has_none = dup(STDERR_FILENO) < 0;
    bool done = try_batch(opened.store, first, &error) && try_batch(opened.store, second, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(has_none);
    if (!done)
        fail_msg("%s", error.message);
    free_batch(first);
    free_batch(second);
    assert_int_equal(runs_of(&opened, STORE_ADD_RECORDS), 6);
    close_store(&opened);
    assert_int_equal(store_number(state, "SELECT count(*) FROM record"), 120);
}

static void what_no_table_takes_is_left_out_alone(void **state)
{
    /* The first and the last of a statement, two in one, none in the next, one that is written alone. */
    static const char refusal[] = "CREATE TRIGGER refusal BEFORE INSERT ON record WHEN NEW.id IN (1, 32, 40, 41, 58)"
                                  " BEGIN SELECT RAISE(ABORT, 'not this one'); END";
    struct opened opened = open_store(state);
    store_run(state, refusal);
    write_batch(opened.store, batch_of(1, 60, BOTH));
    assert_int_equal(store_rows_left_out(opened.store), 5);
    store_run(state, "DROP TRIGGER refusal");
    write_batch(opened.store, batch_of(71, 20, BOTH));
    assert_int_equal(store_rows_left_out(opened.store), 5);
    close_store(&opened);
    assert_int_equal(store_number(state, "SELECT count(*) FROM record"), 75);
    assert_int_equal(store_number(state, "SELECT count(*) FROM record WHERE id IN (1, 32, 40, 41, 58)"), 0);
    assert_int_equal(store_number(state, "SELECT sum(records) FROM epoch"), 75);
    assert_int_equal(store_number(state, "SELECT count(*) FROM incident WHERE kind = 'left-out' AND detail IN"
                                         " ('exchange 1 cannot be recorded', 'exchange 32 cannot be recorded',"
                                         " 'exchange 40 cannot be recorded', 'exchange 41 cannot be recorded',"
                                         " 'exchange 58 cannot be recorded')"),
                     5);
    assert_int_equal(store_number(state, "SELECT count(*) FROM incident"), 5);
    struct capture_reader *reader = open_reader(state);
    for (int64_t id = 42; id < 58; id++)
        assert_read_back(reader, id);
    capture_reader_close(reader);
}

/* An epoch's bytes are deleted with its last exchange: none may refer to another's. */
static void rows_belong_to_the_epoch_of_what_they_refer_to(void **state)
{
    static const char strays[] =
        "SELECT count(*) FROM record r JOIN epoch e ON r.id BETWEEN e.first_record AND e.last_record WHERE"
        " r.client_request_body < e.first_bytes OR r.client_request_body >= coalesce((SELECT n.first_bytes FROM epoch n"
        " WHERE n.id = e.id + 1), 1 << 60)";
    struct opened opened = open_store(state);
    /* an epoch ends with some of a statement's rows waiting: 4096 = 67 * 61 + 9 */
    for (int64_t next = 1; next < 3 * (int64_t)EPOCH_RECORDS; next += 61)
        write_batch(opened.store, batch_of(next, 61, BOTH));
    close_store(&opened);
    assert_true(store_number(state, "SELECT count(*) FROM epoch") >= 3);
    assert_int_equal(store_number(state, "SELECT sum(records) FROM epoch"),
                     store_number(state, "SELECT count(*) FROM record"));
    assert_int_equal(store_number(state, "SELECT count(*) FROM record r JOIN epoch e ON r.id BETWEEN e.first_record AND"
                                         " e.last_record"),
                     store_number(state, "SELECT count(*) FROM record"));
    assert_int_equal(store_number(state, "SELECT max(records) FROM epoch"), EPOCH_RECORDS);
    assert_int_equal(store_number(state, strays), 0);
}

static void a_batch_that_fails_leaves_nothing_behind(void **state)
{
    struct opened opened = open_store(state);
    struct error error = { .message = "" };
    struct made *full = begin_batch();
    char *big = calloc(1, BIG_BODY);
    assert_non_null(big);
    write_batch(opened.store, batch_of(1, 5, BOTH));
    for (int64_t id = 6; id < 30;
         id++) { /* the last one's body finds no room, with some rows written and some waiting */
        char body[BODY_ROOM];
        struct record record = record_of(id, body);
        if (id == 29)
            record.views[RECORD_CLIENT_REQUEST].body = slice_of(big, BIG_BODY);
        add_record(full, &record, false);
        add_record(full, &record, true);
    }
    assert_int_equal(sqlite3_exec(opened.store->db, "PRAGMA max_page_count = 32", NULL, NULL, NULL), SQLITE_OK);
    assert_false(try_batch(opened.store, full, &error));
    assert_non_null(strstr(error.message, "full"));
    free_batch(full);
    free(big);
    write_batch(opened.store, batch_of(40, 3, BOTH)); /* there is room for these */
    close_store(&opened);
    assert_int_equal(store_number(state, "SELECT count(*) FROM record"), 8);
    assert_int_equal(store_number(state, "SELECT sum(records) FROM epoch"), 8);
    assert_int_equal(store_number(state, "SELECT count(*) FROM record WHERE id BETWEEN 6 AND 39"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batches_of_every_size_are_read_back_as_they_were_sent, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(outcomes_overwrite_what_intents_had_written, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(what_is_there_already_is_overwritten_and_what_is_beside_it_is_kept,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_batch_needs_no_file_of_its_own, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(what_no_table_takes_is_left_out_alone, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(rows_belong_to_the_epoch_of_what_they_refer_to, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_batch_that_fails_leaves_nothing_behind, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
