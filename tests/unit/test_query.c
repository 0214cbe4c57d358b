/* Filters through the real store: what a query finds is what a plain look at every exchange finds. */
#include "capture_fixture.h"

#include "countersign/compiler.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXCHANGES = 600, IDS_MAX = 2 * EXCHANGES };

static const int64_t begin_us = 1770742394000000;

/* Exchange `id`, with facts that vary each in a rhythm of its own. */
static struct record varied_record(int64_t id, char *target)
{
    static const char *const methods[] = { "GET", "POST" };
    static const char *const paths[] = { "/api/trade/order/place", "/api/trade/order/active", "/api/spot/accountList",
                                         "/api/v1/market/depth/BTCUSDT", "/api/[odd]*path" };
    static const char *const clients[] = { "127.0.0.1:50001", "127.0.0.1:5000", "[::1]:50001", "unix:" };
    static const char *const codes[] = { "0", "1401", "3113", "" };
    struct record record = sample_record(id);
    (void)sprintf(target, "%s?n=%" PRId64, paths[id % 5], id);
    record.method = slice_text(methods[id / 5 % 2]);
    record.target = slice_text(target);
    record.listener = slice_text(id % 7 == 0 ? "other" : "bot");
    record.account = slice_text(id % 11 == 0 ? "" : "main");
    record.client_address = slice_text(clients[id / 3 % 4]);
    record.api_code = slice_text(codes[id / 2 % 4]);
    record.status = id % 13 == 0 ? 502 : 200;
    record.outcome = (enum record_outcome)(id % RECORD_OUTCOME_COUNT);
    record.client_signature = (enum record_client_signature)(id / 4 % RECORD_CLIENT_SIGNATURE_COUNT);
    record.received_us = begin_us + id * 1000000;
    if (id % 50 == 0) /* the clock was set back for a moment */
        record.received_us -= 30000000;
    record.complete_us = record.received_us + id % 20 * 1000;
    record.replied_us = id % 3 == 0 ? 0 : record.complete_us + 500;
    record.delivered = record.replied_us != 0;
    return record;
}

/* The small ring may be full for a moment. */
static void journal_outcome_in_time(struct capture *capture, const struct record *record)
{
    while (!journal_admit(capture_journal(capture, 0), 1000))
        continue;
    assert_true(journal_outcome(capture_journal(capture, 0), record));
}

static void fill(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    char target[128];
    for (size_t i = 0; i < EXCHANGES; i++) {
        struct record record = varied_record(capture_next_id(capture), target);
        journal_outcome_in_time(capture, &record);
    }
    capture_close(capture);
}

/* The plain look, written apart from the reader's. */
static bool fits(const struct capture_filter *f, const struct record *r, bool (*glob)(const char *path))
{
    char path[128];
    const char *mark = memchr(r->target.data, '?', r->target.length);
    (void)snprintf(path, sizeof(path), "%.*s", (int)(mark - r->target.data), r->target.data);
    int64_t end_us = r->replied_us != 0 ? r->replied_us : r->complete_us;
    return (f->since_us == 0 || r->received_us >= f->since_us) && (f->until_us == 0 || r->received_us < f->until_us) &&
           (f->id_from == 0 || r->id >= f->id_from) && (f->id_to == 0 || r->id <= f->id_to) &&
           (f->listener.length == 0 || slice_equal(f->listener, r->listener)) &&
           (f->account.length == 0 || slice_equal(f->account, r->account)) &&
           (f->method.length == 0 || slice_equal(f->method, r->method)) &&
           (f->code.length == 0 || slice_equal(f->code, r->api_code)) &&
           (f->client.length == 0 || (r->client_address.length >= f->client.length &&
                                      memcmp(r->client_address.data, f->client.data, f->client.length) == 0)) &&
           (f->status_to == 0 || (f->status_from <= r->status && r->status <= f->status_to)) &&
           (f->outcomes == 0 || (f->outcomes >> r->outcome & 1) != 0) &&
           (f->client_signatures == 0 || (f->client_signatures >> r->client_signature & 1) != 0) &&
           (f->slower_than_us == 0 || end_us - r->received_us > f->slower_than_us) && (glob == NULL || glob(path));
}

struct found {
    int64_t ids[IDS_MAX];
    size_t count;
};

static bool take(void *context, const struct record *record)
{
    struct found *found = context;
    assert_true(found->count < IDS_MAX);
    found->ids[found->count++] = record->id;
    return true;
}

static void assert_same_ids(const struct found *got, const struct found *wanted)
{
    assert_int_equal(got->count, wanted->count);
    for (size_t i = 0; i < wanted->count; i++)
        assert_int_equal(got->ids[i], wanted->ids[i]);
}

static void look_at_all(struct found *wanted, const struct capture_filter *filter, size_t limit, bool oldest_first,
                        bool (*glob)(const char *path))
{
    char target[128];
    struct found newest = { .count = 0 };
    for (int64_t id = EXCHANGES; id >= 1 && newest.count < limit; id--) {
        struct record record = varied_record(id, target);
        if (fits(filter, &record, glob))
            newest.ids[newest.count++] = id;
    }
    wanted->count = newest.count;
    for (size_t i = 0; i < newest.count; i++)
        wanted->ids[i] = newest.ids[oldest_first ? newest.count - 1 - i : i];
}

static void assert_finds(struct capture_reader *reader, struct capture_filter filter, bool (*glob)(const char *path))
{
    static const size_t limits[] = { 0, 1, 7, 300, SIZE_MAX };
    struct error error = { .message = "" };
    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
        for (int oldest_first = 0; oldest_first < 2; oldest_first++) {
            struct found *got = calloc(2, sizeof(*got)), *wanted = got + 1;
            const struct capture_query query = {
                .filter = filter, .limit = limits[i], .oldest_first = oldest_first == 1, .with_views = i % 2 == 0
            };
            look_at_all(wanted, &filter, limits[i], oldest_first == 1, glob);
            if (!capture_reader_list(reader, &query, take, got, &error))
                fail_msg("%s", error.message);
            assert_same_ids(got, wanted);
            free(got);
        }
    }
}

static bool is_order(const char *path)
{
    return strncmp(path, "/api/trade/order/", 17) == 0;
}

static bool is_the_odd_one(const char *path)
{
    return strcmp(path, "/api/[odd]*path") == 0;
}

static bool is_none(const char *path)
{
    (void)path;
    return false;
}

static void each_filter_finds_what_a_plain_look_finds(void **state)
{
    fill(state);
    struct capture_reader *reader = open_reader(state);
    const struct {
        struct capture_filter filter;
        bool (*glob)(const char *path);
    } cases[] = {
        { { .since_us = 0 }, NULL },
        { { .listener = slice_text("other") }, NULL },
        { { .account = slice_text("main") }, NULL },
        { { .account = slice_text("nobody") }, NULL },
        { { .method = slice_text("POST") }, NULL },
        { { .client = slice_text("127.0.0.1") }, NULL },
        { { .client = slice_text("127.0.0.1:5000") }, NULL }, /* 50001 begins with it, too */
        { { .client = slice_text("[::1]:50001") }, NULL },
        { { .client = slice_text("unix:") }, NULL },
        { { .client = slice_text("127") }, NULL },
        { { .client = slice_text("127.0.0.1:") }, NULL },
        { { .client = slice_text("[::1]:") }, NULL },
        { { .client = slice_text("[:") }, NULL },
        { { .code = slice_text("1401") }, NULL },
        { { .status_from = 500, .status_to = 599 }, NULL },
        { { .outcomes = 1u << RECORD_API_ERROR | 1u << RECORD_UNKNOWN }, NULL },
        { { .client_signatures = 1u << RECORD_CLIENT_SIGNATURE_WRONG | 1u << RECORD_CLIENT_SIGNATURE_STALE }, NULL },
        { { .client_signatures = 1u << RECORD_CLIENT_SIGNATURE_NOT_CHECKED, .listener = slice_text("bot") }, NULL },
        { { .outcomes = 1u << RECORD_IN_FLIGHT }, NULL },
        { { .slower_than_us = 10000 }, NULL },
        { { .path_glob = slice_text("/api/trade/order/*") }, is_order },
        { { .path_glob = slice_text("/api/[[]odd]*path") }, is_the_odd_one },
        { { .path_glob = slice_text("/nothing") }, is_none },
        { { .id_from = 100, .id_to = 110 }, NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_finds(reader, cases[i].filter, cases[i].glob);
    capture_reader_close(reader);
}

static void filters_hold_together(void **state)
{
    fill(state);
    struct capture_reader *reader = open_reader(state);
    const struct capture_filter all = {
        .since_us = begin_us + 100 * 1000000,
        .until_us = begin_us + 500 * 1000000,
        .listener = slice_text("bot"),
        .account = slice_text("main"),
        .method = slice_text("GET"),
        .client = slice_text("127.0.0.1"),
        .code = slice_text("0"),
        .status_from = 200,
        .status_to = 299,
        .outcomes = 1u << RECORD_OK | 1u << RECORD_API_ERROR | 1u << RECORD_NOT_SENT,
        .client_signatures = ~(1u << RECORD_CLIENT_SIGNATURE_NONE),
        .path_glob = slice_text("/api/trade/order/*"),
    };
    assert_finds(reader, all, is_order);
    capture_reader_close(reader);
}

/* The clock went back for some exchanges: a search by halves must not lose these. */
static void times_are_found_although_the_clock_was_set_back(void **state)
{
    fill(state);
    struct capture_reader *reader = open_reader(state);
    for (int64_t second = 0; second <= EXCHANGES + 1; second += 7) {
        assert_finds(reader, (struct capture_filter){ .since_us = begin_us + second * 1000000 }, NULL);
        assert_finds(reader, (struct capture_filter){ .until_us = begin_us + second * 1000000 }, NULL);
        assert_finds(reader,
                     (struct capture_filter){ .since_us = begin_us + second * 1000000,
                                              .until_us = begin_us + (second + 20) * 1000000 },
                     NULL);
    }
    capture_reader_close(reader);
}

static bool is_even(void *context, const struct record *record)
{
    size_t *asked = context;
    ++*asked;
    assert_true(record->views[RECORD_CLIENT_REQUEST].head.length > 0); /* the views are at hand */
    return record->id % 2 == 0;
}

static void a_last_condition_is_asked_with_the_views_at_hand(void **state)
{
    struct error error = { .message = "" };
    struct found found = { .count = 0 };
    size_t asked = 0;
    fill(state);
    struct capture_reader *reader = open_reader(state);
    const struct capture_query query = {
        .filter = { .method = slice_text("POST"), .accepts = is_even, .context = &asked }, .limit = 5
    };
    assert_true(capture_reader_list(reader, &query, take, &found, &error));
    assert_int_equal(found.count, 5);
    for (size_t i = 0; i < found.count; i++)
        assert_int_equal(found.ids[i] % 2, 0);
    assert_in_range(asked, 5, 20); /* of those alone that fit otherwise, and no more than it takes */
    capture_reader_close(reader);
}

static void the_latest_that_fits_is_found_and_those_before_it(void **state)
{
    struct error error = { .message = "" };
    const struct capture_filter failures = { .outcomes = 1u << RECORD_API_ERROR };
    int64_t id = 0;
    fill(state);
    struct capture_reader *reader = open_reader(state);
    for (uint64_t skip = 0; skip < 3; skip++) {
        assert_true(capture_reader_find(&id, reader, &failures, skip, &error));
        assert_int_equal(id, (EXCHANGES - RECORD_API_ERROR) / RECORD_OUTCOME_COUNT * RECORD_OUTCOME_COUNT +
                                 RECORD_API_ERROR - (int64_t)skip * RECORD_OUTCOME_COUNT);
    }
    assert_false(capture_reader_find(&id, reader, &failures, EXCHANGES, &error));
    assert_int_equal(error.kind, ERROR_INPUT);
    assert_false(
        capture_reader_find(&id, reader, &(struct capture_filter){ .listener = slice_text("nobody") }, 0, &error));
    assert_non_null(strstr(error.message, "no exchange"));
    capture_reader_close(reader);
}

/* More rows of a small table than one walk merges: all ids are walked then, with the same result. */
static void a_thousand_paths_are_found_as_well(void **state)
{
    struct error error = { .message = "" };
    struct found *found = calloc(1, sizeof(*found));
    struct capture *capture = open_capture(state, NULL);
    for (size_t i = 0; i < EXCHANGES; i++) {
        struct record record = sample_record(capture_next_id(capture));
        char target[64];
        (void)snprintf(target, sizeof(target), "/api/%s/%zu", i % 2 == 0 ? "even" : "odd", i);
        record.target = slice_text(target);
        journal_outcome_in_time(capture, &record);
    }
    capture_close(capture);
    struct capture_reader *reader = open_reader(state);
    const struct capture_query query = { .filter = { .path_glob = slice_text("/api/even/*") }, .limit = SIZE_MAX };
    assert_true(capture_reader_list(reader, &query, take, found, &error));
    assert_int_equal(found->count, EXCHANGES / 2);
    assert_int_equal(found->ids[0], EXCHANGES - 1);
    free(found);
    capture_reader_close(reader);
}

static bool sum(void *context, const struct capture_group *group)
{
    *(int64_t *)context += group->count;
    return true;
}

static void figures_add_up(void **state)
{
    struct error error = { .message = "" };
    struct capture_stats stats;
    int64_t total = 0;
    fill(state);
    struct capture_reader *reader = open_reader(state);
    assert_true(capture_reader_stats(&stats, reader, &error));
    assert_int_equal(stats.exchanges, EXCHANGES);
    assert_int_equal(stats.first_id, 1);
    assert_int_equal(stats.last_id, EXCHANGES);
    assert_int_equal(stats.imported, 0);
    assert_true(stats.file_bytes > 0);
    for (size_t i = 0; i < RECORD_OUTCOME_COUNT; i++)
        total += stats.outcomes[i];
    assert_int_equal(total, EXCHANGES);
    for (int grouping = CAPTURE_BY_VERDICT; grouping <= CAPTURE_BY_PARTY; grouping++) {
        total = 0;
        assert_true(capture_reader_groups(reader, (enum capture_grouping)grouping, SIZE_MAX, sum, &total, &error));
        assert_int_equal(total, EXCHANGES);
    }
    capture_reader_close(reader);
}

struct rows {
    size_t count;
    int64_t integer;
    char text[64];
    enum capture_value_kind kinds[5];
};

static bool keep_row(void *context, const struct capture_row *row)
{
    struct rows *rows = context;
    rows->count++;
    assert_int_equal(row->count, 5);
    assert_string_equal(row->names[1], "name");
    for (size_t i = 0; i < 5; i++)
        rows->kinds[i] = row->values[i].kind;
    rows->integer = row->values[0].integer;
    (void)snprintf(rows->text, sizeof(rows->text), "%.*s", SLICE_ARGUMENTS(row->values[1].bytes));
    return true;
}

static void the_users_own_sql_reads_and_nothing_else(void **state)
{
    struct error error = { .message = "" };
    struct rows rows = { .count = 0 };
    fill(state);
    struct capture_reader *reader = open_reader(state);
    assert_true(capture_reader_sql(reader, "SELECT 9007199254740993, 'x' AS name, 1.5, NULL, x'00ff' ;\n", keep_row,
                                   &rows, &error));
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.integer, 9007199254740993); /* no double on its way */
    assert_string_equal(rows.text, "x");
    const enum capture_value_kind kinds[] = { CAPTURE_INTEGER, CAPTURE_TEXT, CAPTURE_REAL, CAPTURE_NULL, CAPTURE_BLOB };
    assert_memory_equal(rows.kinds, kinds, sizeof(kinds));
    static const char *const refused[] = { "DELETE FROM record", "SELECT 1; SELECT 2",   "SELEKT", "",
                                           "CREATE TABLE t(a)",  "SELECT * FROM nothing" };
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        assert_false(capture_reader_sql(reader, refused[i], keep_row, &rows, &error));
        assert_int_equal(error.kind, ERROR_INPUT);
    }
    assert_int_equal(rows.count, 1);
    capture_reader_close(reader);
}

static void changes_are_seen_and_a_replaced_file_too(void **state)
{
    struct error error = { .message = "" };
    bool changed = false;
    struct capture *capture = open_capture(state, NULL);
    struct capture_reader *reader = open_reader(state);
    assert_true(capture_reader_has_changed(&changed, reader, &error));
    assert_true(changed);
    assert_true(capture_reader_has_changed(&changed, reader, &error));
    assert_false(changed);
    struct record record = sample_record(capture_next_id(capture));
    journal_whole(capture_journal(capture, 0), &record);
    wait_for_store(state, "SELECT count(*) FROM exchange", 1);
    assert_true(capture_reader_has_changed(&changed, reader, &error));
    assert_true(changed);
    assert_true(capture_reader_is_current(reader));
    capture_close(capture);
    assert_int_equal(rename(scratch_path(state, "capture.db"), scratch_path(state, "other.db")), 0);
    assert_false(capture_reader_is_current(reader));
    capture_reader_close(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_filter_finds_what_a_plain_look_finds),
        TEST(filters_hold_together),
        TEST(times_are_found_although_the_clock_was_set_back),
        TEST(a_last_condition_is_asked_with_the_views_at_hand),
        TEST(the_latest_that_fits_is_found_and_those_before_it),
        TEST(a_thousand_paths_are_found_as_well),
        TEST(figures_add_up),
        TEST(the_users_own_sql_reads_and_nothing_else),
        TEST(changes_are_seen_and_a_replaced_file_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
