/* Exchanges in HAR, JSON lines and raw messages, byte by byte. The scripts are in test_export_scripts.c. */
#include "export_fixture.h"

#include "countersign/import.h"
#include "countersign/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *exported(struct buffer *out, enum export_format format, const struct record *record)
{
    return fixture_export(out, &(struct export_options){ .format = format, .to = "http://127.0.0.1:8787" }, record);
}

static void formats_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < EXPORT_FORMAT_COUNT; i++) {
        enum export_format format = EXPORT_FORMAT_COUNT;
        assert_true(export_format_parse(&format, slice_text(export_format_name((enum export_format)i))));
        assert_int_equal(format, i);
    }
    enum export_format format;
    assert_false(export_format_parse(&format, SLICE_LITERAL("xml")));
}

static void no_format_holds_a_credential(void **state)
{
    (void)state;
    const struct record record = fixture_record();
    for (int i = 0; i < EXPORT_FORMAT_COUNT; i++) {
        struct buffer out;
        const char *text = exported(&out, (enum export_format)i, &record);
        assert_lacks(text, FIXTURE_KEY);
        assert_lacks(text, FIXTURE_COOKIE);
        assert_lacks(text, FIXTURE_BEARER);
        buffer_free(&out);
    }
}

static void a_line_of_json_is_the_object_of_the_log(void **state)
{
    (void)state;
    struct record record = fixture_record();
    struct buffer out, object;
    for (size_t i = 0; i < RECORD_VIEW_COUNT; i++) /* nothing to mask */
        record.views[i].head = SLICE_LITERAL("HTTP/1.1 200 OK\r\n\r\n");
    buffer_init(&object, 1 << 20);
    export_append_json(&object, &record, true);
    buffer_append_byte(&object, '\n');
    assert_string_equal(exported(&out, EXPORT_JSON_LINES, &record), buffer_text(&object));
    buffer_free(&object);
    buffer_free(&out);
}

static void raw_messages_are_counted_and_keep_every_byte(void **state)
{
    (void)state;
    struct record record = { .id = -3, .client_uid = -1 };
    struct buffer out;
    record.views[RECORD_CLIENT_REQUEST].head = SLICE_LITERAL("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    record.views[RECORD_UPSTREAM_RESPONSE] =
        (struct record_message){ SLICE_LITERAL("HTTP/1.1 200 OK\r\n\r\n"), SLICE_LITERAL("\0\n### no\xff\r\n") };
    static const char expected[] =
        "### countersign exchange i3 client-request 27+0\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\n"
        "### countersign exchange i3 upstream-response 19+11\nHTTP/1.1 200 OK\r\n\r\n"
        "\0\n### no\xff\r\n\n";
    (void)exported(&out, EXPORT_HTTP, &record);
    assert_int_equal(out.length, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, out.length);
    buffer_free(&out);
}

static void one_view_can_be_had_bare(void **state)
{
    (void)state;
    struct record record = { .id = 3, .client_uid = -1 };
    struct buffer out;
    record.views[RECORD_CLIENT_REQUEST] =
        (struct record_message){ SLICE_LITERAL("GET / HTTP/1.1\r\n\r\n"), SLICE_LITERAL("b") };
    const struct export_options options = {
        .format = EXPORT_HTTP, .has_view = true, .view = RECORD_CLIENT_REQUEST, .bare = true
    };
    assert_string_equal(fixture_export(&out, &options, &record), "GET / HTTP/1.1\r\n\r\nb");
    buffer_free(&out);
}

static void a_har_shows_the_exchange_as_it_left(void **state)
{
    (void)state;
    const struct record record = fixture_record();
    struct buffer out;
    const char *text = exported(&out, EXPORT_HAR, &record);
    assert_contains(
        text, "\"url\":\"https://api.coinstore.com/api/spot/accountList?ordId=11594964764657880&symbol=BTCUSDT\"");
    assert_contains(text, "\"startedDateTime\":\"2026-02-10T16:53:14.290123Z\",\"time\":74.010");
    assert_contains(text, "{\"blocked\":-1,\"dns\":-1,\"connect\":1.031,\"ssl\":-1,\"send\":0.159,\"wait\":72.730,"
                          "\"receive\":0.090}");
    assert_contains(text, "\"statusText\":\"OK\",\"httpVersion\":\"HTTP/1.1\"");
    assert_contains(text, "\"connection\":\"40112\"");
    assert_contains(text, "{\"name\":\"symbol\",\"value\":\"BTCUSDT\"}");
    buffer_free(&out);
}

static void a_har_of_what_never_left_shows_the_clients_side(void **state)
{
    (void)state;
    struct record record = fixture_record();
    struct buffer out;
    record.views[RECORD_UPSTREAM_REQUEST] = record.views[RECORD_UPSTREAM_RESPONSE] =
        (struct record_message){ .head = { NULL, 0 } };
    record.connection.ip_family = 0;
    const char *text = exported(&out, EXPORT_HAR, &record);
    assert_contains(text, "\"url\":\"http://127.0.0.1:8787/api/spot/accountList?");
    assert_contains(text, "\"wait\":74.120,\"receive\":0.000");
    assert_lacks(text, "serverIPAddress");
    buffer_free(&out);
}

static void a_har_without_an_answer_says_status_0(void **state)
{
    (void)state;
    struct record record = fixture_record();
    struct buffer out;
    record.views[RECORD_UPSTREAM_RESPONSE] = (struct record_message){ .head = { NULL, 0 } };
    record.first_byte_us = record.complete_us = 0;
    record.received_us += 100000; /* the clock was set back: nothing becomes negative */
    const char *text = exported(&out, EXPORT_HAR, &record);
    assert_contains(text, "\"response\":{\"status\":0,\"statusText\":\"\"");
    assert_contains(text, "\"headersSize\":-1,\"bodySize\":-1}");
    assert_contains(text, "\"connect\":0.000");
    buffer_free(&out);
}

static void bodies_that_are_no_text_are_base64(void **state)
{
    (void)state;
    struct record record = fixture_record();
    struct buffer out;
    for (size_t i = 0; i < RECORD_VIEW_COUNT; i++)
        record.views[i].body = SLICE_LITERAL("\x00\xff\xfe");
    const char *text = exported(&out, EXPORT_HAR, &record);
    assert_contains(text, "\"text\":\"AP/+\",\"_encoding\":\"base64\"}");
    assert_contains(text, "\"text\":\"AP/+\",\"encoding\":\"base64\"}");
    buffer_free(&out);
}

static void assert_same_message(const struct record_message *a, const struct record_message *b)
{
    assert_true(slice_equal(a->head, b->head));
    assert_true(slice_equal(a->body, b->body));
}

/* The two directions know each other by the grammar in export.h alone. */
static void what_is_exported_can_be_imported(void **state)
{
    (void)state;
    static const enum export_format formats[] = { EXPORT_HAR, EXPORT_HTTP };
    struct record record = fixture_record();
    record.views[RECORD_UPSTREAM_REQUEST].head = SLICE_LITERAL("POST /a HTTP/1.1\r\nHost: api.coinstore.com\r\n\r\n");
    record.views[RECORD_CLIENT_REQUEST].head = SLICE_LITERAL("POST /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    record.views[RECORD_UPSTREAM_RESPONSE].head = record.views[RECORD_CLIENT_RESPONSE].head =
        SLICE_LITERAL("HTTP/1.1 200 OK\r\n\r\n");
    record.views[RECORD_UPSTREAM_RESPONSE].body = SLICE_LITERAL("\0\xff{}");
    record.target = SLICE_LITERAL("/a");
    for (size_t i = 0; i < 2; i++) {
        struct buffer out;
        struct import *import = NULL;
        struct error error;
        (void)exported(&out, formats[i], &record);
        assert_true(import_read(&import, buffer_slice(&out), IMPORT_GUESS, NULL, &error));
        assert_int_equal(import->count, 1);
        for (size_t j = 0; j < RECORD_VIEW_COUNT; j++)
            assert_same_message(&import->records[0].views[j], &record.views[j]);
        if (formats[i] == EXPORT_HAR) {
            assert_int_equal(import->records[0].complete_us, record.complete_us);
            assert_true(slice_equal(import->records[0].client_address, record.client_address));
            assert_memory_equal(import->records[0].signature, record.signature, sizeof(record.signature));
        }
        import_free(import);
        buffer_free(&out);
    }
}

static void options_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    static const struct export_options wrong[] = {
        { .format = EXPORT_HAR, .has_view = true },
        { .format = EXPORT_HTTP, .bare = true },
        { .format = EXPORT_CURL },
        { .format = EXPORT_CURL, .to = "127.0.0.1:8787" },
        { .format = EXPORT_PYTHON, .to = "unix:/run/x" },
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct export export;
        struct buffer out;
        struct error error = { .kind = ERROR_NONE };
        buffer_init(&out, 1024);
        assert_false(export_begin(&export, &wrong[i], &out, &error));
        assert_int_equal(error.kind, ERROR_USAGE);
        export_free(&export);
        buffer_free(&out);
    }
}

static void an_exchange_beyond_the_buffer_is_an_error(void **state)
{
    (void)state;
    const struct record record = fixture_record();
    struct export export;
    struct buffer out;
    struct error error = { .kind = ERROR_NONE };
    buffer_init(&out, 512);
    assert_true(export_begin(&export, &(struct export_options){ .format = EXPORT_HAR }, &out, &error));
    assert_false(export_append(&export, &out, &record, &error));
    assert_int_equal(error.kind, ERROR_LIMIT);
    export_free(&export);
    buffer_free(&out);
}

static void entries_are_separated_and_the_har_is_one_json_text(void **state)
{
    (void)state;
    const struct record record = fixture_record();
    struct export export;
    struct buffer out;
    struct error error;
    struct json_scan scan;
    enum json_token token;
    buffer_init(&out, 1 << 20);
    assert_true(export_begin(&export, &(struct export_options){ .format = EXPORT_HAR }, &out, &error));
    for (int i = 0; i < 3; i++)
        assert_true(export_append(&export, &out, &record, &error));
    assert_true(export_end(&export, &out, &error));
    assert_int_equal(export.count, 3);
    json_scan_init(&scan, buffer_slice(&out));
    while ((token = json_scan_next(&scan, NULL)) != JSON_END)
        assert_int_not_equal(token, JSON_INVALID);
    export_free(&export);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_have_names),
        cmocka_unit_test(no_format_holds_a_credential),
        cmocka_unit_test(a_line_of_json_is_the_object_of_the_log),
        cmocka_unit_test(raw_messages_are_counted_and_keep_every_byte),
        cmocka_unit_test(one_view_can_be_had_bare),
        cmocka_unit_test(a_har_shows_the_exchange_as_it_left),
        cmocka_unit_test(a_har_of_what_never_left_shows_the_clients_side),
        cmocka_unit_test(a_har_without_an_answer_says_status_0),
        cmocka_unit_test(bodies_that_are_no_text_are_base64),
        cmocka_unit_test(what_is_exported_can_be_imported),
        cmocka_unit_test(options_that_do_not_go_together_are_refused),
        cmocka_unit_test(an_exchange_beyond_the_buffer_is_an_error),
        cmocka_unit_test(entries_are_separated_and_the_har_is_one_json_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
