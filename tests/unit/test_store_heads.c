/* Heads and digests in the store: whatever heads come, in whatever order, each is read back byte for byte, by the reader and by
 * plain SQL. What is to be masked is masked here by hand; digests are OpenSSL's own. */
#include "capture_fixture.h"

#include "capture/store_private.h"

#include "countersign/capture_store.h"

#include <openssl/evp.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BYTES_OF(array) slice_of(array, sizeof(array) - 1)
#define ONE_OF(array)   (&(array)[draw(ARRAY_LENGTH(array))])

enum { HEAD_ROOM = 4096, SIGNATURE_LENGTH = 64, BODY_MAX = 48, SHAPES = 11 };

static const int64_t begin_us = 1770742394000000;

/* --- chance --- */

/* A generator of its own, so that each run has the same heads. */
static uint64_t chance;

static void chance_begin(uint64_t seed)
{
    chance = seed * 0x9E3779B97F4A7C15U + 1;
}

static uint32_t draw(size_t below)
{
    chance = chance * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((chance >> 33) % below);
}

/* --- one head --- */

/* As it is written, and as it is to be read. */
struct head {
    char raw[HEAD_ROOM];
    char wanted[HEAD_ROOM];
    size_t length;
};

static void put(struct head *head, struct slice bytes)
{
    assert_true(bytes.length <= HEAD_ROOM - head->length);
    if (bytes.length > 0) {
        memcpy(head->raw + head->length, bytes.data, bytes.length);
        memcpy(head->wanted + head->length, bytes.data, bytes.length);
    }
    head->length += bytes.length;
}

static void put_text(struct head *head, const char *text)
{
    put(head, slice_text(text));
}

/* But for `shown` bytes at either end, it is read as asterisks. */
static void put_masked(struct head *head, struct slice bytes, size_t shown)
{
    size_t at = head->length;
    put(head, bytes);
    memset(head->wanted + at + shown, '*', bytes.length - 2 * shown);
}

/* --- one exchange --- */

struct made {
    struct record record;
    struct head heads[RECORD_VIEW_COUNT];
    char bodies[RECORD_VIEW_COUNT][BODY_MAX];
    char date[64];
    char other_date[64];
};

/* The first forms are as they should be; in the others a digit or a word is not, or more stands behind it. */
static void put_date(char *text, size_t size, uint32_t form, int64_t seconds)
{
    struct tm parts;
    time_t time = (time_t)seconds;
    size_t length;
    assert_non_null(gmtime_r(&time, &parts));
    if (form == 3)
        length = strftime(text, size, "%A, %d-%b-26 %H:%M:%S GMT", &parts);
    else if (form == 4)
        length = strftime(text, size, "%a, %d %b %Y %H:%M:60 GMT", &parts);
    else if (form == 5)
        length = strftime(text, size, "%a, %d %b %Y %H:%M:%S UTC", &parts);
    else if (form == 6)
        length = strftime(text, size, "Mon, %d %b %Y %H:%M:%S GMT", &parts);
    else if (form == 7)
        length = strftime(text, size, "%a, %d %b %Y %H:%M:%S GMT+1", &parts);
    else
        length = strftime(text, size, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    assert_true(length > 0);
}

static void make_dates(struct made *made, int64_t id)
{
    static const int64_t times[] = { 0, 1, 784111777, 951782400, 253402300799, -1 };
    int64_t now_s = begin_us / 1000000 + id / 40;
    put_date(made->date, sizeof(made->date), draw(8), draw(9) == 0 ? *ONE_OF(times) : now_s);
    put_date(made->other_date, sizeof(made->other_date), 0, now_s + draw(3));
}

static void make_facts(struct record *record, int64_t id)
{
    static const struct slice targets[] = {
        SLICE_OF_LITERAL("/api/trade/order/place"),
        SLICE_OF_LITERAL("/api/trade/order/place"),
        SLICE_OF_LITERAL("/api/trade/order/active?symbol=btcusdt&a=%7B"),
        SLICE_OF_LITERAL("/api/trade/order/active?symbol=ethusdt&a=%7B"),
        SLICE_OF_LITERAL("/a?"),
        SLICE_OF_LITERAL("/a??b=c?d"),
        SLICE_OF_LITERAL("?17"),
        SLICE_OF_LITERAL("/"),
        SLICE_OF_LITERAL("/\xc3\xbc\xff?\xfe"),
        SLICE_OF_LITERAL("/with\2hole"),
        SLICE_OF_LITERAL("/a?with=\6hole"),
        SLICE_OF_LITERAL("/below\7\x1f"),
        { NULL, 0 },
    };
    static const struct slice signatures[] = {
        SLICE_OF_LITERAL("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        SLICE_OF_LITERAL("0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"),
        SLICE_OF_LITERAL("no hexadecimal digits, yet of the length that a signature is of."),
        SLICE_OF_LITERAL("a signature that a client made up, with a byte \3 that is no text"),
    };
    static const int64_t expires[] = { 0, 1, -5, 1770742394290, 1770742394290, 1770742394291, INT64_MAX / 2000 };
    *record = (struct record){ .id = id,
                               .client_uid = -1,
                               .listener = SLICE_LITERAL("bot"),
                               .method = SLICE_LITERAL("POST"),
                               .outcome = RECORD_OK,
                               .target = *ONE_OF(targets) };
    record->received_us = draw(8) == 0 ? 0 : begin_us + id * 1000;
    record->signed_us = draw(4) == 0 ? 0 : begin_us + id * 1000 + draw(1000000);
    record->expires_ms = *ONE_OF(expires);
    if (draw(3) == 0)
        return;
    memcpy(record->signature, ONE_OF(signatures)->data, SIGNATURE_LENGTH);
    if (draw(4) > 0)
        (void)snprintf(record->signature + 8, 17, "%016llx", (unsigned long long)id); /* fits; next: over its NUL */
    record->signature[24] = record->signature[0];
    record->is_signed = draw(2) == 0;
}

/* Most exchanges have the same body in two places, as those that are passed on. */
static void make_bodies(struct made *made)
{
    for (size_t view = 0; view < RECORD_VIEW_COUNT; view++) {
        struct slice *body = &made->record.views[view].body;
        size_t length = draw(3) == 0 ? 0 : draw(BODY_MAX);
        for (size_t i = 0; i < length; i++)
            made->bodies[view][i] = (char)draw(8);
        *body = slice_of(made->bodies[view], length);
        if (view % 2 == 1 && draw(3) > 0)
            *body = made->record.views[view - 1].body;
    }
}

/* --- fields --- */

enum field {
    FIELD_SIGNATURE,
    FIELD_EXPIRES,
    FIELD_DATE,
    FIELD_LENGTH,
    FIELD_ID,
    FIELD_PLAIN,
    FIELD_MASKED,
    FIELD_KEY,
    FIELD_COUNT
};

static const char *const names[FIELD_COUNT][3] = {
    { "X-CS-SIGN", "x-cs-sign", "X-Cs-Sign" },
    { "X-CS-EXPIRES", "x-cs-expires", "X-CS-Expires" },
    { "Date", "date", "DATE" },
    { "Content-Length", "content-length", "CONTENT-LENGTH" },
    { "Countersign-Exchange", "countersign-exchange", "Countersign-exchange" },
    { "Countersign-Exchanges", "Dates", "X-Odd" },
    { "Authorization", "cookie", "Set-Cookie" },
    { "X-CS-APIKEY", "x-cs-apikey", "X-Cs-ApiKey" },
};

/* The row's own value, where it has one. */
static struct slice own_value(char room[128], const struct made *made, size_t view, enum field field)
{
    const struct record *record = &made->record;
    switch (field) {
    case FIELD_SIGNATURE:
        return record->signature[0] == '\0' ? SLICE_LITERAL("none") : slice_of(record->signature, SIGNATURE_LENGTH);
    case FIELD_DATE:
        return slice_text(made->date);
    case FIELD_EXPIRES:
        return slice_of(room, (size_t)snprintf(room, 128, "%lld", (long long)record->expires_ms));
    case FIELD_LENGTH:
        return slice_of(room, (size_t)snprintf(room, 128, "%zu", record->views[view].body.length));
    case FIELD_ID:
        return slice_of(room, (size_t)snprintf(room, 128, "%lld", (long long)record->id));
    default:
        return SLICE_LITERAL("c0ffee5ec2e7c0ffee5ec2e7c0ffee01");
    }
}

static void put_value(struct head *head, const struct made *made, size_t view, enum field field)
{
    char room[128];
    struct slice value = own_value(room, made, view, field);
    if (field >= FIELD_MASKED) {
        put_masked(head, value, field == FIELD_KEY ? 4 : 0);
        return;
    }
    uint32_t kind = draw(16);
    if (kind == 0) /* nearly its own: one byte less, more or before it */
        value.length--;
    if (kind == 1)
        put_text(head, "0");
    put(head, kind == 2 ? slice_text(field == FIELD_DATE ? made->other_date : "17") : value);
    if (kind == 3)
        put_text(head, "1");
    if (kind == 4 && draw(4) == 0) { /* a byte that stands for a hole, or one of those beside */
        const char byte = (char)draw(9);
        put(head, slice_of(&byte, 1));
    }
}

/* What a shape is made of is the same each time; the values are the exchange's. */
static void put_line(struct head *head, const struct made *made, size_t view, uint64_t line_seed)
{
    static const char *const before[] = { " ", " ", " ", "", "  ", "\t" }, *const behind[] = { "", "",  "",
                                                                                               "", " ", " \t" },
                             *const ends[] = { "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r\r\n" };
    static const struct slice odd_lines[] = {
        SLICE_OF_LITERAL("no field"),
        SLICE_OF_LITERAL(": no name"),
        SLICE_OF_LITERAL("X-A: 1\rContent-Length: 17"),
        SLICE_OF_LITERAL("X-A: 1\0Date: 17"),
        SLICE_OF_LITERAL("Content-Length 17"),
        SLICE_OF_LITERAL("Content-Length : 0"),
    };
    uint64_t values = chance;
    chance_begin(line_seed);
    enum field field = (enum field)draw(FIELD_COUNT);
    bool is_odd = draw(8) == 0;
    const struct slice *odd = ONE_OF(odd_lines);
    const char *name = *ONE_OF(names[field]), *first = *ONE_OF(before), *last = *ONE_OF(behind), *end = *ONE_OF(ends);
    chance = values;
    if (is_odd) {
        put(head, *odd);
    } else {
        put_text(head, name);
        put_text(head, ":");
        put_text(head, first);
        put_value(head, made, view, field);
        put_text(head, last);
    }
    put_text(head, end);
}

static void put_first_line(struct head *head, const struct made *made, size_t view)
{
    uint32_t kind = draw(12);
    if (view == RECORD_UPSTREAM_RESPONSE || view == RECORD_CLIENT_RESPONSE) {
        put_text(head, kind == 0 ? "HTTP/1.1 401 \r\n" : "HTTP/1.1 200 OK\r\n");
        return;
    }
    put_text(head, kind == 0 ? "GET  " : "POST ");
    put(head, kind == 1 ? SLICE_LITERAL("/another?target") : made->record.target);
    if (kind == 2)
        put_text(head, "/and/more");
    if (kind != 3)
        put_text(head, " HTTP/1.1");
    put_text(head, kind == 4 ? "\n" : "\r\n");
}

static void make_head(struct made *made, size_t view, int64_t id)
{
    struct head *head = &made->heads[view];
    /* A few shapes at a time, one of which comes several times in a row. */
    uint64_t shape = ((uint64_t)id / 23 + draw(3) * (draw(4) == 0)) % SHAPES * RECORD_VIEW_COUNT + view;
    head->length = 0;
    if (draw(24) > 0) {
        put_first_line(head, made, view);
        for (uint64_t line = 0; line < 2 + shape % 5; line++)
            put_line(head, made, view, shape * 16 + line + 1);
        if (draw(24) > 0)
            put_text(head, "\r\n");
    }
    made->record.views[view].head = slice_of(head->raw, head->length);
}

/* The same for the same id, whenever it is asked for; valid until the next call. */
static const struct made *make_exchange(int64_t id)
{
    static struct made made;
    chance_begin((uint64_t)id);
    make_facts(&made.record, id);
    make_dates(&made, id);
    make_bodies(&made);
    for (size_t view = 0; view < RECORD_VIEW_COUNT; view++)
        make_head(&made, view, id);
    return &made;
}

/* --- writing and reading --- */

static void journal_one(struct capture *capture, int64_t id)
{
    const struct made *made = make_exchange(id);
    struct journal *journal = capture_journal(capture, 0);
    struct record intent = made->record;
    const struct record_message *request = &intent.views[RECORD_CLIENT_REQUEST];
    while (!journal_admit(journal, request->head.length + request->body.length))
        (void)sched_yield(); /* the recorder makes room */
    intent.outcome = RECORD_IN_FLIGHT;
    intent.expires_ms = id % 3 == 0 ? 1770742394290 + id : intent.expires_ms;
    if (id % 2 == 0)
        assert_true(journal_intent(journal, &intent));
    assert_true(journal_outcome(journal, &made->record));
    if (id % 5 == 0)
        journal_replied(journal, id, begin_us + id * 1000 + 500, true);
}

static void journal_many(void *const *state, int64_t count)
{
    struct capture *capture = open_capture(state, NULL);
    for (int64_t i = 0; i < count; i++)
        journal_one(capture, capture_next_id(capture));
    capture_close(capture);
}

static void assert_bytes(int64_t id, size_t view, const char *what, struct slice got, struct slice wanted)
{
    if (!slice_equal(got, wanted))
        fail_msg("exchange %lld, %s %s:\n%.*s\ninstead of\n%.*s", (long long)id,
                 record_view_name((enum record_view)view), what, SLICE_ARGUMENTS(got), SLICE_ARGUMENTS(wanted));
}

static void assert_views(int64_t id, const struct record_message *views)
{
    const struct made *made = make_exchange(id);
    for (size_t view = 0; view < RECORD_VIEW_COUNT; view++) {
        const struct head *head = &made->heads[view];
        assert_bytes(id, view, "head", views[view].head, slice_of(head->wanted, head->length));
        assert_bytes(id, view, "body", views[view].body, made->record.views[view].body);
    }
}

static bool visit_exchange(void *context, const struct record *record)
{
    int64_t *next = context;
    assert_int_equal(record->id, *next);
    assert_views(record->id, record->views);
    const struct record *sent = &make_exchange(record->id)->record;
    assert_true(slice_equal(record->target, sent->target));
    assert_memory_equal(record->signature, sent->signature, SIGNATURE_LENGTH);
    assert_int_equal(record->expires_ms, sent->expires_ms);
    *next += 1;
    return true;
}

static void assert_reader_gives(void *const *state, int64_t first, int64_t last)
{
    struct capture_reader *reader = open_reader(state);
    int64_t next = first;
    struct error error = { .message = "" };
    const struct capture_query query = { .limit = SIZE_MAX, .oldest_first = true, .with_views = true };
    if (!capture_reader_list(reader, &query, visit_exchange, &next, &error))
        fail_msg("%s", error.message);
    assert_int_equal(next, last + 1);
    for (int64_t id = first; id <= last; id += 41)
        assert_views(id, read_exchange(reader, id).views);
    capture_reader_close(reader);
}

static struct slice column(sqlite3_stmt *row, int index)
{
    const void *bytes = sqlite3_column_blob(row, index);
    return slice_of(bytes, (size_t)sqlite3_column_bytes(row, index));
}

static void assert_sql_gives(void *const *state, int64_t first, int64_t last)
{
    static const char sql[] =
        "SELECT id, client_request_head, client_request_body, upstream_request_head, upstream_request_body,"
        " upstream_response_head, upstream_response_body, client_response_head, client_response_body"
        " FROM exchange ORDER BY id";
    sqlite3 *db;
    sqlite3_stmt *row;
    int code;
    assert_int_equal(sqlite3_open_v2(scratch_path(state, "capture.db"), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    int64_t next = first;
    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        struct record_message views[RECORD_VIEW_COUNT];
        assert_int_equal(sqlite3_column_int64(row, 0), next);
        for (int view = 0; view < RECORD_VIEW_COUNT; view++)
            views[view] = (struct record_message){ column(row, 1 + 2 * view), column(row, 2 + 2 * view) };
        assert_views(next++, views);
    }
    assert_int_equal(code, SQLITE_DONE);
    assert_int_equal(next, last + 1);
    assert_int_equal(sqlite3_finalize(row), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Where one's heads or connections are another epoch's, they go with it. */
static void assert_epochs_keep_to_their_own(void *const *state)
{
    static const char *const heads[] = { "client_request_head", "upstream_request_head", "upstream_response_head",
                                         "client_response_head" };
    for (size_t i = 0; i < ARRAY_LENGTH(heads); i++) {
        char sql[512];
        (void)snprintf(sql, sizeof(sql),
                       "SELECT count(*) FROM record r JOIN epoch e ON r.id BETWEEN e.first_record AND e.last_record "
                       "WHERE r.%s < e.first_head OR r.%s >= coalesce((SELECT first_head FROM epoch n "
                       "WHERE n.id = e.id + 1), 1 << 40)",
                       heads[i], heads[i]);
        assert_int_equal(store_number(state, sql), 0);
    }
}

static void heads_of_every_kind_come_back_over_several_epochs(void **state)
{
    enum { EXCHANGES = 3 * EPOCH_RECORDS + 500, KEPT = EPOCH_RECORDS + 100, FIRST_RUN = EPOCH_RECORDS + 1234 };
    struct capture_pruned pruned;
    struct capture_store *store = NULL;
    struct error error = { .message = "" };
    journal_many(state, FIRST_RUN);
    journal_many(state, EXCHANGES - FIRST_RUN);
    assert_reader_gives(state, 1, EXCHANGES);
    assert_sql_gives(state, 1, EXCHANGES);
    assert_true(store_number(state, "SELECT count(*) FROM epoch") > 3);
    assert_epochs_keep_to_their_own(state);
    /* Many are templates, several exchanges have one, and some are kept as they are. */
    assert_true(store_number(state, "SELECT count(*) FROM head WHERE raw") > EXCHANGES / 50);
    assert_true(store_number(state, "SELECT count(*) FROM head WHERE NOT raw") > EXCHANGES / 50);
    assert_true(
        store_number(state, "SELECT max(n) FROM (SELECT count(*) AS n FROM record GROUP BY upstream_request_head)") >
        10);
    assert_true(capture_store_open(&store, *state, (struct capture_progress){ .tell = NULL }, &error));
    assert_true(capture_store_prune(&pruned, store, (struct capture_keep){ .count = KEPT }, false, begin_us,
                                    (struct capture_progress){ .tell = NULL }, &error));
    capture_store_close(store);
    assert_int_equal(pruned.exchanges, EXCHANGES - KEPT);
    assert_reader_gives(state, EXCHANGES - KEPT + 1, EXCHANGES);
    assert_sql_gives(state, EXCHANGES - KEPT + 1, EXCHANGES);
}

/* Heads with the very byte that stands for a hole, between such as have the value there: each is its own. */
static void a_head_that_reads_like_a_template_is_none(void **state)
{
    static const char like_a_template[] = "HTTP/1.1 200 OK\r\nCountersign-Exchange: \6\r\n\r\n";
    enum { EXCHANGES = 24 };
    char heads[EXCHANGES + 1][128];
    struct capture *capture = open_capture(state, NULL);
    for (int64_t id = 1; id <= EXCHANGES; id++) {
        struct record sent = { .id = capture_next_id(capture), .client_uid = -1, .outcome = RECORD_OK };
        (void)snprintf(heads[id], sizeof(heads[id]), "HTTP/1.1 200 OK\r\nCountersign-Exchange: %lld\r\n\r\n",
                       (long long)id); /* fits */
        if (id / 3 % 2 == 0)
            memcpy(heads[id], like_a_template, sizeof(like_a_template));
        sent.views[RECORD_CLIENT_RESPONSE].head = slice_text(heads[id]);
        journal_whole(capture_journal(capture, 0), &sent);
    }
    capture_close(capture);
    struct capture_reader *reader = open_reader(state);
    for (int64_t id = 1; id <= EXCHANGES; id++)
        assert_bytes(id, RECORD_CLIENT_RESPONSE, "head", read_exchange(reader, id).views[RECORD_CLIENT_RESPONSE].head,
                     slice_text(heads[id]));
    capture_reader_close(reader);
}

/* --- rows that exchanges share --- */

/* Nearly the same each time: so much is the same as in the one before. */
static struct record with_shared_facts(int64_t id)
{
    static const struct slice texts[] = {
        SLICE_OF_LITERAL("1401"), SLICE_OF_LITERAL("1402"), SLICE_OF_LITERAL("401"), SLICE_OF_LITERAL(""), { NULL, 0 }
    };
    static char long_text[2000];
    struct record record = sample_record(id);
    memset(long_text, 'x', sizeof(long_text));
    chance_begin((uint64_t)id / 2);
    record.api_code = *ONE_OF(texts);
    record.api_message = *ONE_OF(texts);
    record.error_name = *ONE_OF(texts);
    record.status = 200 + (int)draw(3) * 16;
    record.connection.local_port = 40001 + (int)draw(4) * 16;
    record.connection.remote_port = draw(4) == 0 ? 0 : 443;
    record.connection.ip_family = draw(2) == 0 ? 4 : 6;
    record.client_uid = (int64_t)draw(3) - 1;
    record.account = draw(2) == 0 ? SLICE_LITERAL("main") : SLICE_LITERAL("mine");
    record.outcome = draw(2) == 0 ? RECORD_API_ERROR : RECORD_HTTP_ERROR;
    record.error_message = slice_of(long_text, draw(2) == 0 ? 20 : VALUE_MEMO_BYTES + draw(2) * 600 - 64);
    return record;
}

static void assert_shared_facts(const struct record *got, int64_t id)
{
    struct record sent = with_shared_facts(id);
    assert_same_record(got, &sent);
}

static void facts_that_exchanges_share_are_each_exchanges_own(void **state)
{
    enum { EXCHANGES = EPOCH_RECORDS + 300 };
    struct capture *capture = open_capture(state, NULL);
    for (int64_t id = 1; id <= EXCHANGES; id++) {
        struct record sent = with_shared_facts(capture_next_id(capture));
        while (!journal_admit(capture_journal(capture, 0), 1000))
            (void)sched_yield(); /* the recorder makes room */
        assert_true(journal_outcome(capture_journal(capture, 0), &sent));
        journal_replied(capture_journal(capture, 0), sent.id, sent.replied_us, sent.delivered);
    }
    capture_close(capture);
    struct capture_reader *reader = open_reader(state);
    for (int64_t id = 1; id <= EXCHANGES; id++) {
        struct record got = read_exchange(reader, id);
        assert_shared_facts(&got, id);
    }
    capture_reader_close(reader);
    assert_int_equal(store_number(state, "SELECT count(*) FROM epoch"), 2);
    assert_int_equal(store_number(state, "SELECT count(*) FROM record WHERE id > 4096 AND connection < "
                                         "(SELECT first_connection FROM epoch WHERE id = 2)"),
                     0);
}

/* --- what was signed --- */

static void digest_of(unsigned char digest[32], struct slice query, struct slice body)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned length = 0;
    assert_non_null(context);
    assert_int_equal(EVP_DigestInit_ex(context, EVP_sha256(), NULL), 1);
    assert_int_equal(EVP_DigestUpdate(context, query.data, query.length), 1);
    assert_int_equal(EVP_DigestUpdate(context, body.data, body.length), 1);
    assert_int_equal(EVP_DigestFinal_ex(context, digest, &length), 1);
    assert_int_equal(length, 32);
    EVP_MD_CTX_free(context);
}

/* `digest` 'z': all zero, 'o': of something else, 's': of query and body. `wanted` 'z', 'o', 's' likewise. */
static const struct digest_row {
    bool is_signed;
    struct slice target;
    struct slice query;
    struct slice body; /* that left */
    char digest;
    char wanted;
    bool is_stored; /* in the row, as it follows from nothing else */
} digest_rows[] = {
    { true, SLICE_OF_LITERAL("/p?a=1&b=%7B"), SLICE_OF_LITERAL("a=1&b=%7B"), SLICE_OF_LITERAL("{\"a\":\0 1}"), 'z', 's',
      false },
    { true, SLICE_OF_LITERAL("/p"), SLICE_OF_LITERAL(""), SLICE_OF_LITERAL("{}"), 'z', 's', false },
    { true, SLICE_OF_LITERAL("/p?a=1"), SLICE_OF_LITERAL("a=1"), { NULL, 0 }, 'z', 's', false },
    { true, SLICE_OF_LITERAL("/p?"), SLICE_OF_LITERAL(""), { NULL, 0 }, 'z', 's', false },
    { true, SLICE_OF_LITERAL("/p?a?b"), SLICE_OF_LITERAL("a?b"), SLICE_OF_LITERAL("?"), 'z', 's', false },
    { true, SLICE_OF_LITERAL("/p?a=1"), SLICE_OF_LITERAL("a=1"), SLICE_OF_LITERAL("{}"), 's', 's', false },
    { true, SLICE_OF_LITERAL("/p?a=1"), SLICE_OF_LITERAL("a=1"), { NULL, 0 }, 'o', 'o', true },
    { true, SLICE_OF_LITERAL("/p?a=1"), SLICE_OF_LITERAL("a=1"), SLICE_OF_LITERAL("{}"), 'o', 'o', true },
    { false, SLICE_OF_LITERAL("/p?a=1"), SLICE_OF_LITERAL("a=1"), SLICE_OF_LITERAL("{}"), 'z', 'z', false },
    { false, SLICE_OF_LITERAL("/p"), SLICE_OF_LITERAL(""), { NULL, 0 }, 'z', 'z', false },
    { false, SLICE_OF_LITERAL("/p?a=1"), SLICE_OF_LITERAL("a=1"), SLICE_OF_LITERAL("{}"), 's', 's', true },
    { false, SLICE_OF_LITERAL("/p?a=1"), SLICE_OF_LITERAL("a=1"), SLICE_OF_LITERAL("{}"), 'o', 'o', true },
};

static void set_digest(unsigned char digest[32], const struct digest_row *row, char which)
{
    memset(digest, 0, 32);
    if (which == 'o')
        digest_of(digest, SLICE_LITERAL("what was signed "), SLICE_LITERAL("and did not leave"));
    else if (which == 's')
        digest_of(digest, row->query, row->body);
}

static struct record with_digest(int64_t id, const struct digest_row *row)
{
    struct record record = sample_record(id);
    record.is_signed = row->is_signed;
    record.target = row->target;
    record.views[RECORD_UPSTREAM_REQUEST].body = row->body;
    set_digest(record.payload_sha256, row, row->digest);
    return record;
}

/* Other bodies of the same exchange are not what was signed. */
static bool visit_digest(void *context, const struct record *record)
{
    const struct digest_row *row = &digest_rows[record->id - 1];
    unsigned char wanted[32];
    set_digest(wanted, row, row->wanted);
    assert_memory_equal(record->payload_sha256, wanted, sizeof(wanted));
    *(size_t *)context += 1;
    return true;
}

static void list_digests(struct capture_reader *reader, bool with_views)
{
    size_t seen = 0;
    struct error error = { .message = "" };
    const struct capture_query query = { .limit = SIZE_MAX, .with_views = with_views };
    assert_true(capture_reader_list(reader, &query, visit_digest, &seen, &error));
    assert_int_equal(seen, ARRAY_LENGTH(digest_rows));
}

static void a_payloads_digest_is_given_whether_it_was_written_or_not(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(digest_rows); i++) {
        struct record sent = with_digest(capture_next_id(capture), &digest_rows[i]);
        journal_whole(capture_journal(capture, 0), &sent);
    }
    capture_close(capture);
    struct capture_reader *reader = open_reader(state);
    list_digests(reader, true);
    list_digests(reader, false);
    for (size_t i = 0; i < ARRAY_LENGTH(digest_rows); i++) {
        struct record got = read_exchange(reader, (int64_t)i + 1);
        size_t seen = 0;
        char sql[128];
        assert_true(visit_digest(&seen, &got));
        (void)snprintf(sql, sizeof(sql), "SELECT payload_sha256 IS NOT NULL FROM exchange WHERE id = %zu", i + 1);
        assert_int_equal(store_number(state, sql), digest_rows[i].is_stored);
    }
    capture_reader_close(reader);
}

/* An intent has the body that is to leave; when its process has died, that is what there is. */
static void a_payloads_digest_is_given_of_what_is_in_flight(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct record intent = with_digest(capture_next_id(capture), &digest_rows[0]);
    unsigned char wanted[32];
    intent.outcome = RECORD_IN_FLIGHT;
    set_digest(wanted, &digest_rows[0], 's');
    assert_true(journal_admit(capture_journal(capture, 0), 1000));
    assert_true(journal_intent(capture_journal(capture, 0), &intent));
    wait_for_store(state, "SELECT count(*) FROM exchange WHERE outcome IS NULL", 1);
    struct capture_reader *reader = open_reader(state);
    struct record got = read_exchange(reader, 1);
    assert_memory_equal(got.payload_sha256, wanted, sizeof(wanted));
    capture_reader_close(reader);
    struct record outcome = with_digest(1, &digest_rows[6]); /* it did not leave after all */
    set_digest(wanted, &digest_rows[6], 'o');
    assert_true(journal_outcome(capture_journal(capture, 0), &outcome));
    capture_close(capture);
    reader = open_reader(state);
    got = read_exchange(reader, 1);
    assert_memory_equal(got.payload_sha256, wanted, sizeof(wanted));
    capture_reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(heads_of_every_kind_come_back_over_several_epochs, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_head_that_reads_like_a_template_is_none, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(facts_that_exchanges_share_are_each_exchanges_own, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_payloads_digest_is_given_whether_it_was_written_or_not, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_payloads_digest_is_given_of_what_is_in_flight, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
