/* Buffers, slices, errors, endpoints, HTTP heads and JSON strings. */
#include "countersign/buffer.h"
#include "countersign/compiler.h"
#include "countersign/endpoint.h"
#include "countersign/error.h"
#include "countersign/hex.h"
#include "countersign/http_message.h"
#include "countersign/json_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void a_number_is_appended_in_decimal(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 30);
    assert_true(buffer_append_decimal(&buffer, 0));
    assert_true(buffer_append_byte(&buffer, ' '));
    assert_true(buffer_append_decimal(&buffer, 100));
    assert_true(buffer_append_byte(&buffer, ' '));
    assert_true(buffer_append_decimal(&buffer, UINT64_MAX));
    assert_string_equal(buffer_text(&buffer), "0 100 18446744073709551615");
    assert_false(buffer_append_decimal(&buffer, 12345)); /* beyond the maximum */
    assert_string_equal(buffer_text(&buffer), "0 100 18446744073709551615");
    buffer_free(&buffer);
}

static void a_buffer_refuses_what_exceeds_its_maximum_and_stays_as_it_was(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 5);
    assert_true(buffer_append_text(&buffer, "abcde"));
    assert_false(buffer_append_byte(&buffer, 'f'));
    assert_true(buffer.failed);
    assert_string_equal(buffer_text(&buffer), "abcde");
    assert_false(buffer_append(&buffer, "x", SIZE_MAX));
    assert_int_equal(buffer.length, 5);
    buffer_reset(&buffer);
    assert_false(buffer.failed);
    assert_true(buffer_append_format(&buffer, "%d", 12345));
    assert_false(buffer_append_format(&buffer, "%d", 6));
    buffer_free(&buffer);
}

static void a_buffer_that_was_never_initialised_takes_nothing(void **state)
{
    (void)state;
    struct buffer buffer = { .data = NULL };
    assert_false(buffer_append_byte(&buffer, 'a'));
}

static void parts_between_separators_are_given_in_order_empty_ones_too(void **state)
{
    (void)state;
    struct slice rest = slice_text("a,,b,"), part;
    const char *const expected[] = { "a", "", "b", "" };
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        assert_true(slice_next_part(&rest, ',', &part));
        assert_true(slice_equal_text(part, expected[i]));
    }
    assert_false(slice_next_part(&rest, ',', &part));
}

static void numbers_are_digits_only_and_never_overflow(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_true(slice_to_u64(slice_text("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    static const char *const bad[] = { "", "18446744073709551616", "-1", "+1", " 1", "1 ", "0x1", "1.0" };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(slice_to_u64(slice_text(bad[i]), &value));
}

static void hex_is_read_in_either_case_and_written_in_lower(void **state)
{
    (void)state;
    unsigned char bytes[2];
    char text[5] = "";
    assert_true(hex_decode(bytes, "aBfF", 2));
    hex_encode(text, bytes, 2);
    assert_string_equal(text, "abff");
    assert_false(hex_decode(bytes, "0g", 1));
}

static void an_error_gives_its_exit_code_and_keeps_its_whole_story(void **state)
{
    (void)state;
    struct error error;
    assert_false(error_set(&error, ERROR_CONFIG, "line %d is wrong", 3));
    assert_false(error_prefix(&error, "file %s", "x.ini"));
    assert_string_equal(error.message, "file x.ini: line 3 is wrong");
    assert_int_equal(error_exit_code(error.kind), 2);
    assert_int_equal(error_exit_code(ERROR_NETWORK), 3);
    assert_int_equal(error_exit_code(ERROR_NONE), 0);
}

static void endpoints_are_literal_addresses(void **state)
{
    (void)state;
    struct endpoint endpoint;
    struct error error;
    char text[ENDPOINT_TEXT_MAX];
    static const char *const good[] = { "127.0.0.1:8787", "[::1]:80", "unix:/run/x.sock", "0.0.0.0:1" };
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        assert_true(endpoint_parse(&endpoint, good[i], &error));
        assert_string_equal(endpoint_format(text, (struct sockaddr *)&endpoint.address, endpoint.length), good[i]);
        assert_int_equal(endpoint_is_local(&endpoint), i < 3);
    }
    static const char *const bad[] = {
        "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[::1:80",
        "unix:x",       "",          ":80",        "[::1]80"
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(endpoint_parse(&endpoint, bad[i], &error));
}

static void a_unix_socket_is_its_owners_alone_and_a_stale_one_is_replaced(void **state)
{
    (void)state;
    char folder[] = "/tmp/countersign-test-XXXXXX", text[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(text, sizeof(text), "unix:%s/s", folder);
    struct endpoint endpoint;
    struct error error;
    struct stat status;
    int first = -1, second = -1;
    assert_true(endpoint_parse(&endpoint, text, &error));
    assert_true(endpoint_listen(&first, &endpoint, &error));
    assert_int_equal(stat(text + 5, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_false(endpoint_listen(&second, &endpoint, &error)); /* a live one is not taken away */
    assert_non_null(strstr(error.message, "another process listens"));
    close(first);
    assert_true(endpoint_listen(&second, &endpoint, &error));
    close(second);
    unlink(text + 5);
    rmdir(folder);
}

static void a_port_in_use_is_said_to_be_so(void **state)
{
    (void)state;
    struct endpoint endpoint;
    struct error error;
    char text[ENDPOINT_TEXT_MAX];
    int first = -1, second = -1;
    assert_true(endpoint_parse(&endpoint, "127.0.0.1:0", &error));
    assert_true(endpoint_listen(&first, &endpoint, &error));
    assert_true(endpoint_parse(&endpoint, endpoint_format_local(text, first), &error));
    assert_false(endpoint_listen(&second, &endpoint, &error));
    assert_non_null(strstr(error.message, "the port is in use"));
    close(first);
}

static void a_response_head_is_read_as_it_came(void **state)
{
    (void)state;
    struct http_field items[4];
    struct http_fields fields = { .items = items };
    int status = 0;
    struct slice head = slice_text("HTTP/1.1 200 \r\nX-a:  b \r\nSet-Cookie: 1\r\nset-cookie:\r\n\r\n");
    assert_true(http_parse_response_head(&status, &fields, ARRAY_LENGTH(items), head));
    assert_int_equal(status, 200);
    assert_int_equal(fields.count, 3);
    assert_true(slice_equal_text(fields.items[0].name, "X-a"));
    assert_true(slice_equal_text(fields.items[0].value, "b"));
    assert_int_equal(http_field_count(fields, "SET-COOKIE"), 2);
    assert_false(http_parse_response_head(&status, &fields, 2, head));
    assert_false(http_parse_response_head(&status, &fields, 4, slice_text("HTTP/1.1 200 OK\r\nno colon\r\n\r\n")));
    assert_false(http_parse_response_head(&status, &fields, 4, slice_text("HTTP/1.1 2000 OK\r\n\r\n")));
    assert_false(http_parse_response_head(&status, &fields, 4, slice_text("HTTP/1.1 200 OK\r\na: b\r\n")));
}

static void fields_of_one_connection_alone_are_known_by_name_and_by_what_connection_lists(void **state)
{
    (void)state;
    struct http_field items[] = { { SLICE_LITERAL("connection"), SLICE_LITERAL("close, X-Mine ,Y") } };
    struct http_fields fields = { items, 1 };
    assert_true(http_field_is_hop_by_hop(fields, slice_text("x-mine")));
    assert_true(http_field_is_hop_by_hop(fields, slice_text("Keep-Alive")));
    assert_true(http_field_is_hop_by_hop(fields, slice_text("TRANSFER-ENCODING")));
    assert_false(http_field_is_hop_by_hop(fields, slice_text("X-Mine-2")));
}

static void the_query_begins_at_the_first_question_mark(void **state)
{
    (void)state;
    assert_true(slice_equal_text(http_target_query(slice_text("/a?b?c=1")), "b?c=1"));
    assert_true(slice_equal_text(http_target_path(slice_text("/a;x?b")), "/a;x"));
    assert_int_equal(http_target_query(slice_text("/a")).length, 0);
}

static void json_strings_escape_controls_and_replace_what_is_no_utf8(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 200);
    assert_true(json_append_string(&out, slice_of("a\"\\\n\x01\xc3\xa4\xff\xed\xa0\x80", 11)));
    assert_string_equal(buffer_text(&out),
                        "\"a\\\"\\\\\\n\\u0001\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    buffer_free(&out);
}

static void dates_are_read_as_http_writes_them(void **state)
{
    (void)state;
    static const char *const none[] = {
        "",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nvm 1994 08:49:37 GMT",
        "Sun, 06 Nov 19x4 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
    };
    int64_t seconds = 1;
    assert_true(http_date_read(&seconds, SLICE_LITERAL("Thu, 01 Jan 1970 00:00:00 GMT")));
    assert_int_equal(seconds, 0);
    assert_true(http_date_read(&seconds, SLICE_LITERAL("Sun, 06 Nov 1994 08:49:37 GMT")));
    assert_int_equal(seconds, 784111777);
    assert_true(http_date_read(&seconds, SLICE_LITERAL("Thu, 29 Feb 2024 23:59:60 GMT")));
    assert_int_equal(seconds, 1709251200);
    for (size_t i = 0; i < ARRAY_LENGTH(none); i++)
        assert_false(http_date_read(&seconds, slice_text(none[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_appended_in_decimal),
        cmocka_unit_test(a_buffer_refuses_what_exceeds_its_maximum_and_stays_as_it_was),
        cmocka_unit_test(a_buffer_that_was_never_initialised_takes_nothing),
        cmocka_unit_test(parts_between_separators_are_given_in_order_empty_ones_too),
        cmocka_unit_test(numbers_are_digits_only_and_never_overflow),
        cmocka_unit_test(hex_is_read_in_either_case_and_written_in_lower),
        cmocka_unit_test(an_error_gives_its_exit_code_and_keeps_its_whole_story),
        cmocka_unit_test(endpoints_are_literal_addresses),
        cmocka_unit_test(a_unix_socket_is_its_owners_alone_and_a_stale_one_is_replaced),
        cmocka_unit_test(a_port_in_use_is_said_to_be_so),
        cmocka_unit_test(a_response_head_is_read_as_it_came),
        cmocka_unit_test(fields_of_one_connection_alone_are_known_by_name_and_by_what_connection_lists),
        cmocka_unit_test(the_query_begins_at_the_first_question_mark),
        cmocka_unit_test(dates_are_read_as_http_writes_them),
        cmocka_unit_test(json_strings_escape_controls_and_replace_what_is_no_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
