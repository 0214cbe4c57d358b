/* The progress bar's line: what it says, and that it never takes more than the terminal's width. */
#include "cli/progress.h"

#include "cli/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINE_MAX_BYTES = 4096, SECOND_US = 1000000 };

static const char *line_of(struct buffer *out, uint64_t done, uint64_t total, int64_t elapsed_us, size_t width)
{
    buffer_free(out);
    buffer_init(out, LINE_MAX_BYTES);
    progress_append(out, "pruning", done, total, elapsed_us, width);
    assert_false(out->failed);
    return buffer_text(out);
}

static void the_line_holds_share_count_rate_and_time_left(void **state)
{
    (void)state;
    struct buffer out = { .data = NULL };
    assert_string_equal(line_of(&out, 250, 1000, 10 * SECOND_US, 60),
                        "pruning [####...............]  25%  250/1000  25/s  31s left");
    assert_string_equal(line_of(&out, 1000, 1000, 10 * SECOND_US, 50),
                        "pruning [#################] 100%  1000/1000  100/s");
    assert_non_null(strstr(line_of(&out, 1, 1000, 10 * SECOND_US, 80), "2h46m left"));
    assert_null(strstr(line_of(&out, 1, UINT64_MAX, 10 * SECOND_US, 120), "left")); /* nobody waits for that */
    assert_non_null(strstr(line_of(&out, 100, 1000, 10 * SECOND_US, 80), "1m31s left"));
    buffer_free(&out);
}

static void without_a_total_it_counts(void **state)
{
    (void)state;
    struct buffer out = { .data = NULL };
    assert_string_equal(line_of(&out, 250, 0, 10 * SECOND_US, 80), "pruning 250  25/s");
    buffer_free(&out);
}

/* The total is what was counted at the beginning; more may come meanwhile. */
static void more_than_the_total_is_all_of_it(void **state)
{
    (void)state;
    struct buffer out = { .data = NULL };
    assert_non_null(strstr(line_of(&out, 1001, 1000, SECOND_US, 80), " 100%  1000/1000"));
    buffer_free(&out);
}

static void no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    static const uint64_t counts[] = { 0, 1, 999, 5000000, UINT64_MAX / 2, UINT64_MAX };
    struct buffer out = { .data = NULL };
    for (size_t width = 1; width <= 200; width++) {
        for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
            for (size_t j = 0; j < ARRAY_LENGTH(counts); j++) {
                (void)line_of(&out, counts[i], counts[j], 3 * SECOND_US, width);
                assert_true(terminal_columns(buffer_slice(&out)) <= width);
            }
        }
    }
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_holds_share_count_rate_and_time_left),
        cmocka_unit_test(without_a_total_it_counts),
        cmocka_unit_test(more_than_the_total_is_all_of_it),
        cmocka_unit_test(no_line_is_wider_than_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
