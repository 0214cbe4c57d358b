/* What the tests of the capture room share. */
#include "capture_fixture.h"

#include "capture/record_fields.h"
#include "countersign/redaction.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int scratch_make(void **state)
{
    const char *parent = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/countersign-capture-XXXXXX", parent == NULL ? "/tmp" : parent) < 0)
        return -1;
    *state = path;
    return mkdtemp(path) == NULL ? -1 : 0;
}

static void each_file(const char *folder, bool (*visit)(void *context, const char *path), void *context)
{
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    bool goes_on = true;
    for (struct dirent *entry = readdir(entries); goes_on && entry != NULL; entry = readdir(entries)) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_REG)
            goes_on = visit(context, path);
    }
    (void)closedir(entries);
}

static bool remove_file(void *context, const char *path)
{
    (void)context;
    assert_int_equal(unlink(path), 0);
    return true;
}

int scratch_remove(void **state)
{
    each_file(*state, remove_file, NULL);
    int result = rmdir(*state);
    free(*state);
    return result;
}

const char *scratch_path(void *const *state, const char *name)
{
    static char paths[3][4096];
    static unsigned next;
    char *path = paths[next++ % 3];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", (const char *)*state, name);
    return path;
}

static const char client_head[] = "POST /api/trade/order/place?a=%7B HTTP/1.1\r\nHost: 127.0.0.1:8787\r\n"
                                  "x-cs-apikey: " KEY_CANARY "\r\nCookie: " COOKIE_CANARY "\r\n\r\n";
static const char upstream_head[] = "POST /api/trade/order/place?a=%7B HTTP/1.1\r\nHost: api.coinstore.com\r\n"
                                    "X-CS-APIKEY: " KEY_CANARY "\r\nX-CS-SIGN: 0123\r\n\r\n";
static const char response_head[] = "HTTP/1.1 200 OK\r\nSet-Cookie: " COOKIE_CANARY "\r\nDate: now\r\n\r\n";
static const char reply_head[] = "HTTP/1.1 200 OK\r\nset-cookie: " COOKIE_CANARY "\r\nCountersign-Exchange: 7\r\n\r\n";
static const char order[] = "{\"symbol\": \"BTCUSDT\", \"ordPrice\": 9.1E-10,\0\xff\xfe \"side\": \"BUY\"}";
static const char answer[] = "{\"code\": 0, \"data\": {\"ordId\": 11594964764657880}}";

#define BYTES_OF(array) slice_of(array, sizeof(array) - 1)

static void set_facts(struct record *record)
{
    for (size_t i = 0; i < sizeof(record->payload_sha256); i++)
        record->payload_sha256[i] = (unsigned char)(i * 7 + 1);
    memset(record->signature, 'e', sizeof(record->signature));
    record->connection = (struct record_connection){
        .local_address = slice_text("192.0.2.1"),
        .remote_address = slice_text("2001:db8::1"),
        .local_port = 40001,
        .remote_port = 443,
        .ip_family = 6,
        .reused = true,
        .tls_version = slice_text("TLSv1.3"),
        .tls_cipher = slice_text("TLS_AES_256_GCM_SHA384"),
        .http_version = slice_text("HTTP/1.1"),
    };
}

struct record sample_intent(int64_t id)
{
    struct record record = {
        .id = id,
        .listener = slice_text("bot"),
        .account = slice_text("main"),
        .api_key_masked = slice_text("c0ff************************ee01"),
        .client_address = slice_text("127.0.0.1:50001"),
        .client_uid = 0,
        .method = slice_text("POST"),
        .target = SLICE_LITERAL("/api/trade/order/place?a=%7B\xc3"),
        .received_us = 1770742394290123,
        .signed_us = 1770742394290200,
        .connected_us = 1770742394290190,
        .is_signed = true,
        .payload_length = 71,
        .expires_ms = 1770742394290,
        .window = 59024746,
        .attempts = 2,
        .clock_offset_us = -412000,
        .clock_bound_us = 510000,
        .waited_us = 1200345,
        .client_signature = RECORD_CLIENT_SIGNATURE_WRONG,
    };
    set_facts(&record);
    record.views[RECORD_CLIENT_REQUEST] =
        (struct record_message){ .head = BYTES_OF(client_head), .body = BYTES_OF(order) };
    record.views[RECORD_UPSTREAM_REQUEST].body = BYTES_OF(order);
    return record;
}

struct record sample_record(int64_t id)
{
    struct record record = sample_intent(id);
    record.sent_us = 1770742394290300;
    record.first_byte_us = 1770742394310000;
    record.complete_us = 1770742394310100;
    record.replied_us = 1770742394310500;
    record.delivered = true;
    record.outcome = RECORD_API_ERROR;
    record.error_name = slice_text("timeout");
    record.error_message = slice_text("no whole answer within 10 s");
    record.status = 200;
    record.api_code = slice_text("1401");
    record.api_message = slice_text("unauthorized \xe2\x82\xac");
    record.views[RECORD_UPSTREAM_REQUEST].head = BYTES_OF(upstream_head);
    record.views[RECORD_UPSTREAM_RESPONSE] =
        (struct record_message){ .head = BYTES_OF(response_head), .body = BYTES_OF(answer) };
    record.views[RECORD_CLIENT_RESPONSE] =
        (struct record_message){ .head = BYTES_OF(reply_head), .body = BYTES_OF(answer) };
    return record;
}

static void assert_same_bytes(struct slice got, struct slice sent)
{
    assert_int_equal(got.length, sent.length);
    if (sent.length > 0)
        assert_memory_equal(got.data, sent.data, sent.length);
}

void assert_same_record(const struct record *got, const struct record *sent)
{
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++) {
        const struct record_field *field = &record_fields[i];
        if (record_field_is_number(field))
            assert_int_equal(record_field_number(got, field), record_field_number(sent, field));
        else
            assert_same_bytes(record_field_bytes(got, field), record_field_bytes(sent, field));
    }
    for (size_t view = 0; view < RECORD_VIEW_COUNT; view++) {
        struct buffer head;
        buffer_init(&head, SIZE_MAX / 2);
        assert_true(redaction_append_head(&head, sent->views[view].head));
        assert_same_bytes(got->views[view].head, buffer_slice(&head));
        assert_same_bytes(got->views[view].body, sent->views[view].body);
        buffer_free(&head);
    }
}

struct capture *open_capture(void *const *state, struct capture_recovery *recovery)
{
    struct capture *capture = NULL;
    struct capture_recovery ignored;
    struct error error = { .message = "" };
    struct capture_options options = { .state_dir = *state, .workers = 1, .ring_size = FIXTURE_RING_SIZE };
    if (!capture_open(&capture, &options, recovery == NULL ? &ignored : recovery, &error))
        fail_msg("%s", error.message);
    return capture;
}

void journal_whole(struct journal *journal, const struct record *record)
{
    const struct record_message *request = &record->views[RECORD_CLIENT_REQUEST];
    struct record outcome = *record;
    outcome.replied_us = 0;
    outcome.delivered = false;
    assert_true(journal_admit(journal, request->head.length + request->body.length));
    assert_true(journal_intent(journal, record));
    assert_true(journal_outcome(journal, &outcome));
    journal_replied(journal, record->id, record->replied_us, record->delivered);
}

struct capture_reader *open_reader(void *const *state)
{
    struct capture_reader *reader = NULL;
    struct error error = { .message = "" };
    if (!capture_reader_open(&reader, scratch_path(state, "capture.db"), &error))
        fail_msg("%s", error.message);
    return reader;
}

struct record read_exchange(struct capture_reader *reader, int64_t id)
{
    struct record record = { .id = 0 };
    struct error error = { .message = "" };
    if (!capture_reader_get(&record, reader, id, &error))
        fail_msg("%s", error.message);
    return record;
}

long long store_number(void *const *state, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(scratch_path(state, "capture.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    long long number = sqlite3_column_type(statement, 0) == SQLITE_NULL ? -1 : sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

void store_run(void *const *state, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(scratch_path(state, "capture.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void wait_for_store(void *const *state, const char *sql, long long wanted)
{
    const struct timespec pause = { .tv_nsec = 5000000 };
    for (int i = 0; i < 6000 && store_number(state, sql) != wanted; i++)
        (void)nanosleep(&pause, NULL);
    assert_int_equal(store_number(state, sql), wanted);
}

char *read_whole_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *length = (size_t)ftell(file);
    rewind(file);
    char *content = malloc(*length + 1);
    assert_non_null(content);
    assert_int_equal(fread(content, 1, *length, file), *length);
    (void)fclose(file);
    return content;
}

struct search {
    const char *bytes;
    bool found;
};

static bool search_file(void *context, const char *path)
{
    struct search *search = context;
    size_t length;
    char *content = read_whole_file(path, &length);
    search->found = memmem(content, length, search->bytes, strlen(search->bytes)) != NULL;
    free(content);
    return !search->found;
}

bool scratch_holds(void *const *state, const char *bytes)
{
    struct search search = { .bytes = bytes };
    each_file(*state, search_file, &search);
    return search.found;
}
