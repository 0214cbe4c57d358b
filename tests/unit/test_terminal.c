/* What is printed for people: colours on and off, bytes from outside made harmless, columns. */
#include "cli/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { OUT_MAX = 65536 };

static void assert_escaped(struct slice bytes, enum terminal_text kind, const char *expected)
{
    struct buffer out;
    buffer_init(&out, OUT_MAX);
    terminal_append_escaped(&out, bytes, kind);
    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
}

static void assert_fitted(const char *text, size_t columns, const char *expected)
{
    struct buffer out;
    buffer_init(&out, OUT_MAX);
    terminal_append_fitted(&out, slice_text(text), columns);
    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
}

static void printable_text_stays_as_it_is(void **state)
{
    (void)state;
    assert_escaped(SLICE_LITERAL("/api/v1?a=b\\n \"é€漢😀~"), TERMINAL_ONE_LINE, "/api/v1?a=b\\n \"é€漢😀~");
}

static void control_bytes_never_pass(void **state)
{
    (void)state;
    assert_escaped(SLICE_LITERAL("\x1b[31m\a\0\x7f"), TERMINAL_ONE_LINE, "\\x1b[31m\\x07\\x00\\x7f");
    assert_escaped(SLICE_LITERAL("a\tb\r\n"), TERMINAL_ONE_LINE, "a\\x09b\\x0d\\x0a");
    for (unsigned byte = 0; byte < 0x20; byte++) {
        char text[1] = { (char)byte };
        bool kept = byte == '\n' || byte == '\t';
        assert_int_equal(terminal_count_escaped(slice_of(text, 1), TERMINAL_ONE_LINE), 1);
        assert_int_equal(terminal_count_escaped(slice_of(text, 1), TERMINAL_LINES), kept ? 0 : 1);
    }
}

static void c1_controls_in_utf8_are_escaped(void **state)
{
    (void)state;
    assert_escaped(SLICE_LITERAL("\xC2\x9B"
                                 "31m\xC2\xA0"),
                   TERMINAL_ONE_LINE, "\\xc2\\x9b31m\xC2\xA0");
}

static void what_reorders_or_hides_text_is_escaped(void **state)
{
    (void)state;
    assert_escaped(SLICE_LITERAL("a\xE2\x80\xAE"
                                 "b\xE2\x80\x8B"
                                 "c\xEF\xBB\xBF"),
                   TERMINAL_LINES, "a\\xe2\\x80\\xaeb\\xe2\\x80\\x8bc\\xef\\xbb\\xbf");
}

static void invalid_utf8_is_escaped_byte_by_byte(void **state)
{
    (void)state;
    assert_escaped(SLICE_LITERAL("\xFF\xC3"), TERMINAL_ONE_LINE, "\\xff\\xc3");
    assert_escaped(SLICE_LITERAL("\xC0\x9B"), TERMINAL_ONE_LINE, "\\xc0\\x9b");          /* overlong ESC */
    assert_escaped(SLICE_LITERAL("\xED\xA0\x80"), TERMINAL_ONE_LINE, "\\xed\\xa0\\x80"); /* a surrogate */
    assert_escaped(SLICE_LITERAL("\xF4\x90\x80\x80"), TERMINAL_ONE_LINE, "\\xf4\\x90\\x80\\x80");
    assert_escaped(SLICE_LITERAL("\xE2\x82"
                                 "a"),
                   TERMINAL_ONE_LINE, "\\xe2\\x82a");
}

static void utf8_is_told_from_other_bytes(void **state)
{
    (void)state;
    assert_true(terminal_is_utf8(SLICE_LITERAL("")));
    assert_true(terminal_is_utf8(SLICE_LITERAL("a\0é€😀")));
    assert_false(terminal_is_utf8(SLICE_LITERAL("a\x80")));
    assert_false(terminal_is_utf8(SLICE_LITERAL("\xF0\x9F\x98")));
}

static void json_stays_the_same_value_without_controls(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, OUT_MAX);
    terminal_append_json(&out, SLICE_LITERAL("{\"a\":\"é\xC2\x9B\x7F\xE2\x80\xAE\xF3\xA0\x80\x81\"}"));
    assert_string_equal(buffer_text(&out), "{\"a\":\"é\\u009b\\u007f\\u202e\\udb40\\udc01\"}");
    buffer_free(&out);
}

static void columns_count_wide_and_combining_characters(void **state)
{
    (void)state;
    assert_int_equal(terminal_columns(SLICE_LITERAL("")), 0);
    assert_int_equal(terminal_columns(SLICE_LITERAL("abc")), 3);
    assert_int_equal(terminal_columns(SLICE_LITERAL("é€")), 2);
    assert_int_equal(terminal_columns(SLICE_LITERAL("漢字")), 4);
    assert_int_equal(terminal_columns(SLICE_LITERAL("e\xCC\x81")), 1);
}

static void text_is_cut_in_the_middle_to_fit(void **state)
{
    (void)state;
    assert_fitted("abcdefgh", 8, "abcdefgh");
    assert_fitted("abcdefgh", 7, "abc…fgh");
    assert_fitted("abcdefgh", 6, "abc…gh");
    assert_fitted("abcdefgh", 2, "a…");
    assert_fitted("abcdefgh", 1, "…");
    assert_fitted("abcdefgh", 0, "");
    assert_fitted("", 0, "");
}

static void a_wide_character_is_never_cut_in_two(void **state)
{
    (void)state;
    assert_fitted("漢字漢字", 8, "漢字漢字");
    assert_fitted("漢字漢字", 7, "漢…字");
    assert_fitted("漢字漢字", 5, "漢…字");
    assert_fitted("漢字漢字", 4, "漢…");
}

static void colour_is_for_terminals_that_can_show_it(void **state)
{
    (void)state;
    assert_true(terminal_wants_color(TERMINAL_COLOR_AUTO, true, NULL, "xterm"));
    assert_true(terminal_wants_color(TERMINAL_COLOR_AUTO, true, NULL, NULL));
    assert_false(terminal_wants_color(TERMINAL_COLOR_AUTO, false, NULL, "xterm"));
    assert_false(terminal_wants_color(TERMINAL_COLOR_AUTO, true, NULL, "dumb"));
}

static void no_color_counts_when_it_is_not_empty(void **state)
{
    (void)state;
    assert_false(terminal_wants_color(TERMINAL_COLOR_AUTO, true, "1", "xterm"));
    assert_false(terminal_wants_color(TERMINAL_COLOR_AUTO, true, "0", "xterm"));
    assert_true(terminal_wants_color(TERMINAL_COLOR_AUTO, true, "", "xterm"));
}

static void an_explicit_colour_choice_outranks_the_environment(void **state)
{
    (void)state;
    enum terminal_color_choice choice = TERMINAL_COLOR_AUTO;
    assert_true(terminal_color_parse(&choice, "always"));
    assert_true(terminal_wants_color(choice, false, "1", "dumb"));
    assert_true(terminal_color_parse(&choice, "never"));
    assert_false(terminal_wants_color(choice, true, NULL, "xterm"));
    assert_false(terminal_color_parse(&choice, "yes"));
    assert_int_equal(choice, TERMINAL_COLOR_NEVER);
}

static void styles_write_nothing_without_colour(void **state)
{
    (void)state;
    const struct terminal plain = { .is_terminal = true }, coloured = { .color = true };
    struct buffer out;
    buffer_init(&out, OUT_MAX);
    terminal_style_begin(&out, &plain, TERMINAL_RED);
    terminal_style_end(&out, &plain, TERMINAL_RED);
    terminal_style_begin(&out, &coloured, TERMINAL_PLAIN);
    terminal_style_end(&out, &coloured, TERMINAL_PLAIN);
    assert_int_equal(out.length, 0);
    terminal_style_begin(&out, &coloured, TERMINAL_RED);
    terminal_style_end(&out, &coloured, TERMINAL_RED);
    assert_string_equal(buffer_text(&out), "\x1b[31m\x1b[0m");
    buffer_free(&out);
}

static void a_pipe_is_no_terminal_and_has_no_width(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct terminal terminal = terminal_detect(ends[1], TERMINAL_COLOR_AUTO);
    assert_false(terminal.is_terminal);
    assert_false(terminal.color);
    assert_int_equal(terminal.width, 0);
    struct error error = { .kind = ERROR_NONE };
    char text[8];
    assert_true(terminal_write(ends[1], SLICE_LITERAL("a\0b"), &error));
    assert_int_equal(read(ends[0], text, sizeof(text)), 3);
    assert_memory_equal(text, "a\0b", 3);
    (void)close(ends[0]); /* nothing is at stake */
    (void)close(ends[1]);
    assert_false(terminal_write(ends[1], SLICE_LITERAL("a"), &error));
    assert_int_equal(error.kind, ERROR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable_text_stays_as_it_is),
        cmocka_unit_test(control_bytes_never_pass),
        cmocka_unit_test(c1_controls_in_utf8_are_escaped),
        cmocka_unit_test(what_reorders_or_hides_text_is_escaped),
        cmocka_unit_test(invalid_utf8_is_escaped_byte_by_byte),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
        cmocka_unit_test(json_stays_the_same_value_without_controls),
        cmocka_unit_test(columns_count_wide_and_combining_characters),
        cmocka_unit_test(text_is_cut_in_the_middle_to_fit),
        cmocka_unit_test(a_wide_character_is_never_cut_in_two),
        cmocka_unit_test(colour_is_for_terminals_that_can_show_it),
        cmocka_unit_test(no_color_counts_when_it_is_not_empty),
        cmocka_unit_test(an_explicit_colour_choice_outranks_the_environment),
        cmocka_unit_test(styles_write_nothing_without_colour),
        cmocka_unit_test(a_pipe_is_no_terminal_and_has_no_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
