/* `countersign log`: rows, facts, views and JSON of a record, without a store. */
#include "cli/log_command.h"
#include "text_asserts.h"

#include "countersign/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { OUT_MAX = 1 << 20 };

static const int64_t received_us = 1770742394290123; /* 2026-02-10T16:53:14.290123Z */
static const struct terminal in_a_pipe = { .is_terminal = false };

/* A POST that was answered with HTTP 200 and code 1401. */
static struct record unauthorized_order(void)
{
    struct record record = {
        .id = 9007199254740993, /* 2^53 + 1: no double */
        .listener = SLICE_LITERAL("bot"),
        .account = SLICE_LITERAL("main"),
        .api_key_masked = SLICE_LITERAL("abcd********wxyz"),
        .client_address = SLICE_LITERAL("127.0.0.1:50312"),
        .client_uid = -1,
        .method = SLICE_LITERAL("POST"),
        .target = SLICE_LITERAL("/api/trade/order/place"),
        .received_us = received_us,
        .connected_us = received_us + 31,
        .signed_us = received_us + 47,
        .sent_us = received_us + 190,
        .first_byte_us = received_us + 73920,
        .complete_us = received_us + 74010,
        .replied_us = received_us + 74120,
        .delivered = true,
        .is_signed = true,
        .payload_length = 16,
        .expires_ms = received_us / 1000,
        .window = 59024746,
        .connection = { .local_address = SLICE_LITERAL("192.0.2.7"),
                        .remote_address = SLICE_LITERAL("2001:db8::1"),
                        .local_port = 40112,
                        .remote_port = 443,
                        .ip_family = 6,
                        .reused = true,
                        .tls_version = SLICE_LITERAL("TLSv1.3"),
                        .http_version = SLICE_LITERAL("HTTP/1.1") },
        .attempts = 1,
        .outcome = RECORD_API_ERROR,
        .status = 200,
        .api_code = SLICE_LITERAL("1401"),
        .api_message = SLICE_LITERAL("unauthorized"),
    };
    memset(record.signature, 'c', sizeof(record.signature));
    record.views[RECORD_CLIENT_REQUEST] =
        (struct record_message){ SLICE_LITERAL("POST /api/trade/order/place HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                                 SLICE_LITERAL("{\"ordPrice\":0.1}") };
    record.views[RECORD_UPSTREAM_REQUEST] =
        (struct record_message){ SLICE_LITERAL("POST /api/trade/order/place HTTP/1.1\r\nHost: example\r\n\r\n"),
                                 SLICE_LITERAL("{\"ordPrice\":0.1}") };
    record.views[RECORD_UPSTREAM_RESPONSE] =
        (struct record_message){ SLICE_LITERAL("HTTP/1.1 200 OK\r\n\r\n"),
                                 SLICE_LITERAL("{\"code\":1401,\"ordId\":11594964764657880,\"p\":9.1E-10}") };
    record.views[RECORD_CLIENT_RESPONSE] = record.views[RECORD_UPSTREAM_RESPONSE];
    return record;
}

static const char *table_of(struct buffer *out, const struct terminal *terminal, const struct record *records,
                            size_t count, int64_t now_us)
{
    struct log_table *table;
    buffer_init(out, OUT_MAX);
    assert_true(log_table_create(&table, terminal, now_us));
    for (size_t i = 0; i < count; i++)
        assert_true(log_table_add(table, &records[i]));
    log_table_print(out, table);
    log_table_free(table);
    return buffer_text(out);
}

static const char *view_of(struct buffer *out, const struct record *record, enum record_view view)
{
    buffer_init(out, OUT_MAX);
    log_append_view(out, &in_a_pipe, record, view, true);
    return buffer_text(out);
}

static const char *facts_of(struct buffer *out, const struct record *record)
{
    buffer_init(out, OUT_MAX);
    log_append_facts(out, &in_a_pipe, record, received_us);
    return buffer_text(out);
}

static void a_row_in_a_pipe_is_whole_aligned_and_plain(void **state)
{
    (void)state;
    struct record records[2] = { unauthorized_order(), unauthorized_order() };
    struct buffer out;
    records[1].id = 7;
    records[1].outcome = RECORD_UNKNOWN;
    records[1].api_code = SLICE_LITERAL("");
    records[1].error_name = SLICE_LITERAL("upstream-timeout");
    records[1].replied_us = 0;
    records[1].complete_us = received_us + 10003000;
    assert_string_equal(table_of(&out, &in_a_pipe, records, 2, received_us),
                        "              ID          TIME  LISTENER  METHOD  TARGET                  HTTP  OUTCOME       "
                        "               MS\n"
                        "9007199254740993  16:53:14.290  bot       POST    /api/trade/order/place   200  api_error "
                        "1401             74.1\n"
                        "               7  16:53:14.290  bot       POST    /api/trade/order/place   200  unknown "
                        "upstream-timeout  10003\n");
    buffer_free(&out);
}

static void rows_fit_a_narrow_terminal_by_cutting_the_target(void **state)
{
    (void)state;
    const struct terminal terminal = { .is_terminal = true, .width = 80 };
    struct record record = unauthorized_order();
    struct buffer out;
    record.target = SLICE_LITERAL("/api/trade/order/active?symbol=btcusdt&limit=100");
    const char *text = table_of(&out, &terminal, &record, 1, received_us);
    assert_contains(text, "/api…=100 ");
    struct slice rest = slice_text(text), line;
    while (slice_next_part(&rest, '\n', &line))
        assert_true(terminal_columns(line) <= 80);
    buffer_free(&out);
}

static void another_days_row_shows_its_date(void **state)
{
    (void)state;
    const int64_t day_us = 86400000000;
    struct record record = unauthorized_order();
    struct buffer out;
    assert_contains(table_of(&out, &in_a_pipe, &record, 1, received_us + day_us), "2026-02-10 16:53:14.290");
    buffer_free(&out);
}

static void rows_are_coloured_by_outcome(void **state)
{
    (void)state;
    static const struct {
        enum record_outcome outcome;
        const char *begin;
    } expected[] = {
        { RECORD_OK, "\x1b[32mok" },           { RECORD_API_ERROR, "\x1b[33mapi_error" },
        { RECORD_REFUSED, "\x1b[2mrefused" },  { RECORD_HTTP_ERROR, "\x1b[33mhttp_error" },
        { RECORD_UNKNOWN, "\x1b[31munknown" }, { RECORD_NOT_SENT, "\x1b[31mnot_sent" },
    };
    const struct terminal terminal = { .color = true };
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        struct record record = unauthorized_order();
        struct buffer out;
        record.outcome = expected[i].outcome;
        assert_contains(table_of(&out, &terminal, &record, 1, received_us), expected[i].begin);
        buffer_free(&out);
    }
}

/* Every field that a peer can fill. */
static struct record hostile_record(void)
{
    const struct slice evil = SLICE_LITERAL("\x1b]0;x\a\xC2\x9B\xFF\r\n");
    struct record record = unauthorized_order();
    record.method = record.target = record.api_code = record.api_message = record.error_message = evil;
    record.client_address = record.connection.tls_cipher = record.connection.remote_address = evil;
    for (size_t i = 0; i < RECORD_VIEW_COUNT; i++)
        record.views[i].head = record.views[i].body = evil;
    record.views[RECORD_CLIENT_RESPONSE].body = SLICE_LITERAL("{\"a\":\"\xC2\x9B\x7F\xFF\"}");
    record.views[RECORD_UPSTREAM_REQUEST].body = SLICE_LITERAL("a long text, with one \x1b in it");
    return record;
}

static void nothing_a_peer_sends_reaches_the_terminal_raw(void **state)
{
    (void)state;
    const struct record record = hostile_record();
    struct buffer out;
    (void)table_of(&out, &in_a_pipe, &record, 1, received_us);
    log_append_facts(&out, &in_a_pipe, &record, received_us);
    for (int i = 0; i < RECORD_VIEW_COUNT; i++)
        log_append_view(&out, &in_a_pipe, &record, (enum record_view)i, false);
    log_append_json(&out, &record, true);
    assert_false(out.failed);
    assert_int_equal(terminal_count_escaped(buffer_slice(&out), TERMINAL_LINES), 0);
    buffer_free(&out);
}

static void the_head_says_what_happened_in_a_sentence(void **state)
{
    (void)state;
    struct record record = unauthorized_order();
    struct buffer out;
    const char *text = facts_of(&out, &record);
    assert_contains(text, "the exchange said no: code 1401 \"unauthorized\", in an answer with HTTP 200\n");
    assert_contains(text, "(2026-02-10T16:53:14.290123Z)");
    assert_contains(text, "main, key abcd********wxyz");
    assert_contains(text, "192.0.2.7:40112 to [2001:db8::1]:443 (IPv6, reused)");
    assert_contains(text, "window 59024746");
    assert_contains(text, "first byte        73.920      73.730\n");
    assert_lacks(text, "did not take");
    buffer_free(&out);
}

static void facts_that_are_not_there_are_not_made_up(void **state)
{
    (void)state;
    struct record record = { .id = 3, .outcome = RECORD_REFUSED, .client_uid = -1, .received_us = received_us };
    record.error_name = SLICE_LITERAL("policy");
    record.error_message = SLICE_LITERAL("moving funds is not allowed here");
    record.replied_us = received_us + 210;
    struct buffer out;
    const char *text = facts_of(&out, &record);
    assert_contains(text, "nothing left for the exchange");
    assert_contains(text, "moving funds is not allowed here");
    assert_contains(text, "not signed by this proxy");
    assert_contains(text, "did not take the whole reply");
    assert_lacks(text, "account");
    assert_lacks(text, "SHA-256");
    assert_lacks(text, "first byte");
    buffer_free(&out);
}

static void equal_bodies_are_printed_once(void **state)
{
    (void)state;
    const struct record record = unauthorized_order();
    struct buffer out;
    assert_contains(view_of(&out, &record, RECORD_CLIENT_REQUEST), "\"ordPrice\": 0.1");
    buffer_free(&out);
    const char *text = view_of(&out, &record, RECORD_UPSTREAM_REQUEST);
    assert_contains(text, "body: the same 16 bytes as the client request's\n");
    assert_lacks(text, "ordPrice");
    assert_contains(text, "  Host: example\n");
    buffer_free(&out);
    text = view_of(&out, &record, RECORD_CLIENT_RESPONSE);
    assert_contains(text, "head: the same 19 bytes as the upstream response's\n");
    buffer_free(&out);
}

static void a_json_body_is_indented_and_keeps_its_numbers(void **state)
{
    (void)state;
    const struct record record = unauthorized_order();
    struct buffer out;
    assert_string_equal(view_of(&out, &record, RECORD_UPSTREAM_RESPONSE), "\nupstream response, as it came back\n"
                                                                          "  HTTP/1.1 200 OK\n"
                                                                          "\n"
                                                                          "  body: 51 bytes\n"
                                                                          "  {\n"
                                                                          "    \"code\": 1401,\n"
                                                                          "    \"ordId\": 11594964764657880,\n"
                                                                          "    \"p\": 9.1E-10\n"
                                                                          "  }\n");
    buffer_free(&out);
}

static void a_binary_body_is_shown_as_hex_with_its_length(void **state)
{
    (void)state;
    struct record record = unauthorized_order();
    char bytes[200];
    struct buffer out;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    record.views[RECORD_UPSTREAM_RESPONSE].body = slice_of(bytes, sizeof(bytes));
    const char *text = view_of(&out, &record, RECORD_UPSTREAM_RESPONSE);
    assert_contains(text, "body: 200 bytes\n");
    assert_contains(text, "  0040  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO\n");
    assert_contains(text, "  ... 72 more bytes\n");
    buffer_free(&out);
}

static void a_broken_gzip_body_is_said_to_be_one(void **state)
{
    (void)state;
    struct record record = unauthorized_order();
    struct buffer out;
    record.views[RECORD_UPSTREAM_RESPONSE] =
        (struct record_message){ SLICE_LITERAL("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"),
                                 SLICE_LITERAL("\x1f\x8b\x08\0\0\0\0\0\0\x03\xab") };
    const char *text = view_of(&out, &record, RECORD_UPSTREAM_RESPONSE);
    assert_contains(text, "body: 11 bytes of gzip (broken or cut short), as they came\n");
    assert_contains(text, "0000  1f 8b 08");
    buffer_free(&out);
}

static void a_gzip_body_is_shown_decoded(void **state)
{
    (void)state;
    struct record record = unauthorized_order();
    struct buffer out;
    record.views[RECORD_UPSTREAM_RESPONSE] = (struct record_message){
        SLICE_LITERAL("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n"),
        SLICE_LITERAL("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x4a\xce\x4f\x49\x55\xb2\x32\xa8\x05\x00\x98\xae"
                      "\x3c\x72\x0a\x00\x00\x00")
    };
    const char *text = view_of(&out, &record, RECORD_UPSTREAM_RESPONSE);
    assert_contains(text, "body: 30 bytes of gzip, decoded to 10 bytes\n");
    assert_contains(text, "    \"code\": 0\n");
    buffer_free(&out);
}

static void text_from_outside_cannot_pass_for_a_line_of_ours(void **state)
{
    (void)state;
    struct record record = unauthorized_order();
    struct buffer out;
    record.views[RECORD_UPSTREAM_RESPONSE].body = SLICE_LITERAL("x\nclient response, as the client got it\n\nok");
    const char *text = view_of(&out, &record, RECORD_UPSTREAM_RESPONSE);
    assert_contains(text, "\n  client response, as the client got it\n\n  ok\n");
    assert_lacks(text, "\nclient response");
    buffer_free(&out);
}

static void a_view_that_never_was_is_said_to_be_absent(void **state)
{
    (void)state;
    struct record record = unauthorized_order();
    struct buffer out;
    memset(&record.views[RECORD_UPSTREAM_RESPONSE], 0, sizeof(record.views[RECORD_UPSTREAM_RESPONSE]));
    assert_contains(view_of(&out, &record, RECORD_UPSTREAM_RESPONSE), "  nothing came back\n");
    buffer_free(&out);
}

/* The value of `path` ("views", "clientRequest", "body", NULL) in a JSON object, as written. */
static void assert_json(struct slice json, const char *expected, const char *const *path)
{
    struct slice value = json;
    for (; *path != NULL; path++)
        if (!json_member(value, *path, &value, NULL))
            fail_msg("no member %s", *path);
    if (!slice_equal_text(value, expected))
        fail_msg("`%.*s` instead of `%s`", SLICE_ARGUMENTS(value), expected);
}

#define PATH(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void json_holds_every_fact_with_exact_numbers(void **state)
{
    (void)state;
    const struct record record = unauthorized_order();
    struct buffer out, indented;
    buffer_init(&out, OUT_MAX);
    buffer_init(&indented, OUT_MAX);
    log_append_json(&out, &record, true);
    struct slice json = buffer_slice(&out);
    assert_true(json_indent(&indented, json));
    assert_json(json, "9007199254740993", PATH("id"));
    assert_json(json, "1770742394290123", PATH("times", "receivedUs"));
    assert_json(json, "\"1401\"", PATH("apiCode"));
    assert_json(json, "null", PATH("clientSignature"));
    assert_json(json, "null", PATH("client", "uid"));
    assert_json(json, "59024746", PATH("signing", "window"));
    assert_json(json, "true", PATH("connection", "reused"));
    assert_json(json, "\"HTTP/1.1 200 OK\\r\\n\\r\\n\"", PATH("views", "upstreamResponse", "head"));
    assert_json(json, "\"{\\\"ordPrice\\\":0.1}\"", PATH("views", "clientRequest", "body"));
    assert_json(json, "\"text\"", PATH("views", "clientRequest", "bodyEncoding"));
    buffer_free(&out);
    buffer_free(&indented);
}

static void a_listings_json_has_no_views(void **state)
{
    (void)state;
    const struct record record = unauthorized_order();
    struct buffer out;
    buffer_init(&out, OUT_MAX);
    log_append_json(&out, &record, false);
    assert_false(json_member(buffer_slice(&out), "views", NULL, NULL));
    assert_int_equal(slice_find(buffer_slice(&out), '\n'), out.length);
    buffer_free(&out);
}

static void json_gives_bytes_that_are_no_text_as_base64(void **state)
{
    (void)state;
    const struct {
        struct slice body;
        const char *expected;
    } cases[] = {
        { SLICE_LITERAL("\xFF"), "\"/w==\"" },
        { SLICE_LITERAL("\xFF\x00"), "\"/wA=\"" },
        { SLICE_LITERAL("\xFF\x00\x10"), "\"/wAQ\"" },
        { SLICE_LITERAL("\xFF\x00\x10\x83"), "\"/wAQgw==\"" },
    };
    struct record record = unauthorized_order();
    record.target = SLICE_LITERAL("/\xFF");
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buffer out;
        buffer_init(&out, OUT_MAX);
        record.views[RECORD_CLIENT_REQUEST].body = cases[i].body;
        log_append_json(&out, &record, true);
        assert_json(buffer_slice(&out), cases[i].expected, PATH("views", "clientRequest", "body"));
        assert_json(buffer_slice(&out), "\"base64\"", PATH("views", "clientRequest", "bodyEncoding"));
        assert_json(buffer_slice(&out), "\"L/8=\"", PATH("target"));
        assert_json(buffer_slice(&out), "\"base64\"", PATH("targetEncoding"));
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_in_a_pipe_is_whole_aligned_and_plain),
        cmocka_unit_test(rows_fit_a_narrow_terminal_by_cutting_the_target),
        cmocka_unit_test(another_days_row_shows_its_date),
        cmocka_unit_test(rows_are_coloured_by_outcome),
        cmocka_unit_test(nothing_a_peer_sends_reaches_the_terminal_raw),
        cmocka_unit_test(the_head_says_what_happened_in_a_sentence),
        cmocka_unit_test(facts_that_are_not_there_are_not_made_up),
        cmocka_unit_test(equal_bodies_are_printed_once),
        cmocka_unit_test(a_json_body_is_indented_and_keeps_its_numbers),
        cmocka_unit_test(a_binary_body_is_shown_as_hex_with_its_length),
        cmocka_unit_test(a_broken_gzip_body_is_said_to_be_one),
        cmocka_unit_test(a_gzip_body_is_shown_decoded),
        cmocka_unit_test(text_from_outside_cannot_pass_for_a_line_of_ours),
        cmocka_unit_test(a_view_that_never_was_is_said_to_be_absent),
        cmocka_unit_test(json_holds_every_fact_with_exact_numbers),
        cmocka_unit_test(a_listings_json_has_no_views),
        cmocka_unit_test(json_gives_bytes_that_are_no_text_as_base64),
    };
    if (setenv("TZ", "UTC0", 1) != 0) /* rows show local time */
        return 1;
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
