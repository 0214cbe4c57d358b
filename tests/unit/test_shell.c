/* Words of shell commands, as text. */
#include "countersign/shell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void words_are_quoted_where_they_need_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *word;
    } cases[] = {
        { "plain-word_1.2:3/4", "plain-word_1.2:3/4" },
        { "", "''" },
        { "a b", "'a b'" },
        { "it's", "'it'\\''s'" },
        { "$(x)`y`\\\n!", "'$(x)`y`\\\n!'" },
        { "\xff", "'\xff'" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer out;
        buffer_init(&out, 1024);
        shell_append_word(&out, slice_text(cases[i].text));
        assert_string_equal(buffer_text(&out), cases[i].word);
        buffer_free(&out);
    }
}

static void printf_formats_print_any_byte(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 1024);
    shell_append_printf_format(&out, SLICE_LITERAL("\0%\\'\xff z"));
    assert_string_equal(buffer_text(&out), "'\\000%%\\\\\\047\\377 z'");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_quoted_where_they_need_it),
        cmocka_unit_test(printf_formats_print_any_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
