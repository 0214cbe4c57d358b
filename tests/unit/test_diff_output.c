/* `countersign log diff`: a diff as text at 80 columns and in a pipe, and as JSON lines. */
#include "diff_fixture.h"
#include "text_asserts.h"

#include "cli/log_diff.h"

#include "countersign/json_scan.h"

enum { OUT_MAX = 1 << 24 };

static const struct terminal in_a_pipe = { .is_terminal = false };
static const struct terminal of_80_columns = { .is_terminal = true, .width = 80 };
static struct log_diff_options chosen(bool all)
{
    return (struct log_diff_options){ .all = all,
                                      .names = { SLICE_LITERAL("exchange 1"), SLICE_LITERAL("exchange 2") } };
}

static const char *text_of(struct buffer *out, const struct diff *diff, const struct terminal *terminal, bool all)
{
    const struct log_diff_options options = chosen(all);
    buffer_init(out, OUT_MAX);
    log_append_diff(out, terminal, diff, &options);
    return buffer_text(out);
}

static void test_the_verdict_comes_first_and_values_stand_side_by_side(void **state)
{
    (void)state;
    struct two_orders orders;
    struct buffer out;
    struct diff *diff = compared_bodies(&orders, SLICE_LITERAL("{\"ordPrice\":\"100\",\"timestamp\":1}"),
                                        SLICE_LITERAL("{\"ordPrice\":\"101\",\"timestamp\":2}"));
    const char *text = text_of(&out, diff, &of_80_columns, false);
    assert_int_equal(strncmp(text, "The requests differ in $.ordPrice.\n\n", 36), 0);
    assert_contains(text, "$.ordPrice      A  \"100\"             B  \"101\"\n");
    assert_contains(text, "1 that must differ: $.timestamp\n");
    assert_contains(text, "differ from offset 15 on");
    assert_contains(text, "signed payload (query and body): other bytes, so another signature\n");
    assert_contains(text, "answer, as it came back: alike, byte for byte\n");
    buffer_free(&out);
    text = text_of(&out, diff, &of_80_columns, true);
    assert_contains(text, "(must differ: a time)\n");
    assert_lacks(text, "that must differ");
    buffer_free(&out);
    diff_free(diff);
}

static void test_no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    char long_value[2][600];
    struct two_orders orders;
    struct buffer out;
    for (int side = 0; side < 2; side++) {
        memset(long_value[side], 'x', sizeof(long_value[side]));
        memcpy(long_value[side], "{\"a\":\"", 6);
        memcpy(long_value[side] + 597, "\"}", 3);
        long_value[side][400] = (char)('A' + side);
    }
    struct diff *diff = compared_bodies(&orders, slice_text(long_value[0]), slice_text(long_value[1]));
    const char *text = text_of(&out, diff, &of_80_columns, true);
    struct slice rest = slice_text(text), line;
    while (slice_next_part(&rest, '\n', &line))
        assert_true(terminal_columns(line) <= 80);
    assert_contains(text, "xxxA"); /* cut so that the difference is seen */
    assert_contains(text, "xxxB");
    buffer_free(&out);
    diff_free(diff);
}

static void test_bytes_from_outside_are_escaped(void **state)
{
    (void)state;
    struct two_orders orders;
    struct buffer out;
    struct diff *diff =
        compared_bodies(&orders, SLICE_LITERAL("{\"\x1b[2J\xff\":1}"), SLICE_LITERAL("{\"\\u001b[2J\":2}"));
    const char *text = text_of(&out, diff, &of_80_columns, true);
    assert_null(strchr(text, '\x1b'));
    buffer_free(&out);
    diff_free(diff);
    diff = compared_bodies(&orders, slice_of("a\x1b\0\x7f", 4), slice_of("a\x1b\x9b\x7f", 4));
    text = text_of(&out, diff, &in_a_pipe, true);
    assert_null(strchr(text, '\x1b'));
    assert_contains(text, "61 1b 00 7f");
    buffer_free(&out);
    diff_free(diff);
}

static void test_body_paths_are_named_among_what_must_differ(void **state)
{
    (void)state;
    struct record a =
        made_exchange("POST / HTTP/1.1\r\nX-CS-EXPIRES: 1770742394000\r\nX-CS-SIGN: a\r\nX-Amzn-Trace-Id: a\r\n"
                      "X-Request-Id: a\r\ntraceparent: a\r\nDate: a\r\n\r\n",
                      SLICE_LITERAL("{\"clOrdId\":\"a\"}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct record b =
        made_exchange("POST / HTTP/1.1\r\nX-CS-EXPIRES: 1770742484000\r\nX-CS-SIGN: b\r\nX-Amzn-Trace-Id: b\r\n"
                      "X-Request-Id: b\r\ntraceparent: b\r\nDate: b\r\n\r\n",
                      SLICE_LITERAL("{\"clOrdId\":\"b\"}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct buffer out;
    struct diff *diff = compared(&a, &b);
    assert_contains(text_of(&out, diff, &of_80_columns, false),
                    "  7 that must differ: $.clOrdId, X-CS-EXPIRES, X-CS-SIGN, X-Amzn-Trace-Id,\n"
                    "    X-Request-Id, traceparent, Date\n");
    buffer_free(&out);
    diff_free(diff);
}

static void test_timings_are_named_as_steps(void **state)
{
    (void)state;
    struct record a = made_exchange(ORDER_HEAD, SLICE_LITERAL("{}"), OK_HEAD, SLICE_LITERAL("{}"));
    struct buffer out;
    a.received_us = 1000000;
    a.sent_us = 1001000;
    a.first_byte_us = 1004000;
    a.complete_us = 1009000;
    a.replied_us = 1010000;
    struct diff *diff = compared(&a, &a);
    const char *text = text_of(&out, diff, &of_80_columns, false);
    assert_contains(text, "timing, step by step\n");
    assert_contains(text, "  to send it                     1.000       1.000\n");
    assert_contains(text, "  then to the first byte         3.000       3.000\n");
    assert_contains(text, "  in all                        10.000      10.000\n");
    assert_lacks(text, "until");
    buffer_free(&out);
    diff_free(diff);
}

static void test_colour_is_there_for_a_terminal_that_wants_it_alone(void **state)
{
    (void)state;
    static const struct terminal coloured = { .is_terminal = true, .color = true, .width = 80 };
    struct two_orders orders;
    struct buffer out;
    struct diff *diff = compared_bodies(&orders, SLICE_LITERAL("[1]"), SLICE_LITERAL("[2]"));
    assert_contains(text_of(&out, diff, &coloured, false), "\x1b[31m");
    buffer_free(&out);
    assert_lacks(text_of(&out, diff, &in_a_pipe, false), "\x1b");
    buffer_free(&out);
    diff_free(diff);
}

static void test_what_is_not_listed_is_counted(void **state)
{
    (void)state;
    struct buffer texts[2], out;
    struct two_orders orders;
    for (int side = 0; side < 2; side++) {
        buffer_init(&texts[side], OUT_MAX);
        buffer_append_text(&texts[side], "[0");
        for (int i = 0; i < 300; i++)
            buffer_append_format(&texts[side], ",%d", i + side);
        buffer_append_byte(&texts[side], ']');
    }
    struct diff *diff = compared_bodies(&orders, buffer_slice(&texts[0]), buffer_slice(&texts[1]));
    assert_contains(text_of(&out, diff, &in_a_pipe, false), "100 more are not listed");
    buffer_free(&out);
    diff_free(diff);
    buffer_free(&texts[0]);
    buffer_free(&texts[1]);
}

static void test_each_json_line_is_an_object_and_the_verdict_is_the_first(void **state)
{
    (void)state;
    struct two_orders orders;
    struct buffer out;
    struct diff *diff = compared_bodies(&orders, slice_of("{\"a\":1,\"b\":\"\xff\"}", 15), SLICE_LITERAL("{\"b\": 2}"));
    buffer_init(&out, OUT_MAX);
    const struct log_diff_options options = chosen(false);
    log_append_diff_json(&out, diff, &options);
    struct slice rest = buffer_slice(&out), line, value;
    size_t lines = 0;
    while (slice_next_part(&rest, '\n', &line) && line.length > 0) {
        assert_true(json_member(line, "type", &value, NULL));
        assert_true(slice_equal_text(value, lines++ == 0 ? "\"verdict\"" : "\"finding\""));
        struct json_scan scan;
        json_scan_init(&scan, line);
        enum json_token token;
        while ((token = json_scan_next(&scan, NULL)) != JSON_END)
            assert_int_not_equal(token, JSON_INVALID);
    }
    assert_int_equal(lines, diff->count + 1);
    assert_contains(buffer_text(&out), "\"aEncoding\":\"base64\"");
    assert_contains(buffer_text(&out), "\"alike\":false");
    buffer_free(&out);
    diff_free(diff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_verdict_comes_first_and_values_stand_side_by_side),
        cmocka_unit_test(test_no_line_is_wider_than_the_terminal),
        cmocka_unit_test(test_bytes_from_outside_are_escaped),
        cmocka_unit_test(test_body_paths_are_named_among_what_must_differ),
        cmocka_unit_test(test_timings_are_named_as_steps),
        cmocka_unit_test(test_colour_is_there_for_a_terminal_that_wants_it_alone),
        cmocka_unit_test(test_what_is_not_listed_is_counted),
        cmocka_unit_test(test_each_json_line_is_an_object_and_the_verdict_is_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
