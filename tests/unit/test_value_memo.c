/* Rows at hand: values are found again with the id they were kept with, where every one of them is the same, and nowhere else. */
#include "capture/value_memo.h"

#include "countersign/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NONE                                                                                                           \
    {                                                                                                                  \
        .kind = VALUE_NULL                                                                                             \
    }
#define NUMBER(of)                                                                                                     \
    {                                                                                                                  \
        .kind = VALUE_NUMBER, .number = (of)                                                                           \
    }
#define TEXT(string)                                                                                                   \
    {                                                                                                                  \
        .kind = VALUE_TEXT, .text = SLICE_OF_LITERAL(string)                                                           \
    }

enum { ROW_ID = 77 };

static int make(void **state)
{
    struct value_memo *memo = NULL;
    struct error error;
    bool made = value_memo_create(&memo, &error);
    *state = memo;
    return made ? 0 : -1;
}

static int unmake(void **state)
{
    value_memo_free(*state);
    return 0;
}

static void values_that_were_kept_are_found_by_what_they_are(void **state)
{
    char text[] = "127.0.0.1", same[] = "127.0.0.1";
    struct value kept[] = { NUMBER(INT64_MIN), { .kind = VALUE_TEXT, .text = slice_text(text) }, NONE, TEXT("") };
    struct value asked[] = { NUMBER(INT64_MIN), { .kind = VALUE_TEXT, .text = slice_text(same) }, NONE, TEXT("") };
    assert_int_equal(value_memo_find(*state, asked, ARRAY_LENGTH(asked)), 0);
    value_memo_keep(*state, kept, ARRAY_LENGTH(kept), ROW_ID);
    memset(text, 'x', sizeof(text) - 1); /* the memo has its own */
    assert_int_equal(value_memo_find(*state, asked, ARRAY_LENGTH(asked)), ROW_ID);
    assert_int_equal(value_memo_find(*state, kept, ARRAY_LENGTH(kept)), 0);
    value_memo_keep(*state, asked, ARRAY_LENGTH(asked), INT64_MAX);
    assert_int_equal(value_memo_find(*state, asked, ARRAY_LENGTH(asked)), INT64_MAX);
}

/* Each pair: one is kept, the other is not it. Many come to the same sum of numbers and lengths. */
static void values_that_differ_in_anything_are_not_found(void **state)
{
    static const struct value pairs[][2][3] = {
        { { NUMBER(1), NUMBER(2), NONE }, { NUMBER(2), NUMBER(1), NONE } },
        { { NUMBER(0), NONE, NONE }, { NONE, NONE, NONE } },
        { { NUMBER(0), NONE, NONE }, { TEXT(""), NONE, NONE } },
        { { TEXT(""), NONE, NONE }, { NONE, NONE, NONE } },
        { { NONE, TEXT(""), NONE }, { TEXT(""), NONE, NONE } },
        { { NUMBER(1), NONE, NONE }, { TEXT("1"), NONE, NONE } },
        { { NUMBER(5), NONE, NONE }, { NUMBER(5 + VALUE_MEMO_SLOTS), NONE, NONE } },
        { { NUMBER(5), NONE, NONE }, { NUMBER(5 + ((int64_t)1 << 32)), NONE, NONE } },
        { { NUMBER(-1), NONE, NONE }, { NUMBER(UINT32_MAX), NONE, NONE } },
        { { NUMBER(-1), NUMBER(1), NONE }, { NUMBER(1), NUMBER(-1), NONE } },
        { { TEXT("abc"), NONE, NONE }, { TEXT("abd"), NONE, NONE } },
        { { TEXT("abc"), NONE, NONE }, { TEXT("xbc"), NONE, NONE } },
        { { TEXT("abc"), NONE, NONE }, { TEXT("ABC"), NONE, NONE } },
        { { TEXT("abc"), NUMBER(1), NONE }, { TEXT("ab"), NUMBER(2), NONE } },
        { { TEXT("ab"), TEXT("c"), NONE }, { TEXT("a"), TEXT("bc"), NONE } },
        { { TEXT("ab"), TEXT("ab"), TEXT("ba") }, { TEXT("ab"), TEXT("ba"), TEXT("ab") } },
        { { TEXT("ab"), TEXT(""), NONE }, { TEXT(""), TEXT("ab"), NONE } },
        { { TEXT("a\0b"), NONE, NONE }, { TEXT("a\0c"), NONE, NONE } },
        { { TEXT("a\0"), NONE, NONE }, { TEXT("a "), NONE, NONE } },
        { { TEXT("a\0"), NUMBER(0), NONE }, { TEXT("a"), NUMBER(1), NONE } },
        { { TEXT("same"), TEXT("same"), TEXT("one") }, { TEXT("same"), TEXT("same"), TEXT("two") } },
        { { TEXT("same"), TEXT("same"), NUMBER(3) }, { TEXT("same"), TEXT("same"), TEXT("two") } },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++) {
        for (size_t kept = 0; kept < 2; kept++) {
            value_memo_forget(*state);
            value_memo_keep(*state, pairs[i][kept], 3, ROW_ID);
            assert_int_equal(value_memo_find(*state, pairs[i][kept], 3), ROW_ID);
            assert_int_equal(value_memo_find(*state, pairs[i][1 - kept], 3), 0);
            value_memo_keep(*state, pairs[i][1 - kept], 3, ROW_ID + 1);
            assert_int_equal(value_memo_find(*state, pairs[i][1 - kept], 3), ROW_ID + 1);
            int64_t first = value_memo_find(*state, pairs[i][kept], 3);
            assert_true(first == 0 || first == ROW_ID);
        }
    }
}

static void every_column_counts(void **state)
{
    struct value values[VALUE_MEMO_COLUMNS], other[VALUE_MEMO_COLUMNS];
    for (size_t i = 0; i < VALUE_MEMO_COLUMNS; i++)
        values[i] = (struct value)TEXT("the same text");
    value_memo_keep(*state, values, VALUE_MEMO_COLUMNS, ROW_ID);
    assert_int_equal(value_memo_find(*state, values, VALUE_MEMO_COLUMNS), ROW_ID);
    for (size_t i = 0; i < VALUE_MEMO_COLUMNS; i++) {
        memcpy(other, values, sizeof(other));
        other[i] = (struct value)TEXT("the same texT");
        assert_int_equal(value_memo_find(*state, other, VALUE_MEMO_COLUMNS), 0);
        other[i] = (struct value)NUMBER(13);
        assert_int_equal(value_memo_find(*state, other, VALUE_MEMO_COLUMNS), 0);
        other[i] = (struct value)NONE;
        assert_int_equal(value_memo_find(*state, other, VALUE_MEMO_COLUMNS), 0);
    }
}

/* Texts of `length` bytes in all, in three. */
static void set_texts(struct value *values, const char *bytes, size_t length)
{
    const size_t first = length / 3, second = length / 2 - first;
    values[0] = (struct value){ .kind = VALUE_TEXT, .text = slice_of(bytes, first) };
    values[1] = (struct value){ .kind = VALUE_TEXT, .text = slice_of(bytes + first, second) };
    values[2] = (struct value){ .kind = VALUE_TEXT, .text = slice_of(bytes + first + second, length - first - second) };
}

static void texts_longer_than_the_bound_are_not_kept(void **state)
{
    char bytes[3 * VALUE_MEMO_BYTES];
    struct value values[3];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 + i / 256);
    for (size_t length = VALUE_MEMO_BYTES - 40; length < sizeof(bytes); length++) {
        set_texts(values, bytes, length);
        value_memo_keep(*state, values, 3, (int64_t)length);
        assert_int_equal(value_memo_find(*state, values, 3), length <= VALUE_MEMO_BYTES ? (int64_t)length : 0);
    }
    struct value whole = { .kind = VALUE_TEXT, .text = slice_of(bytes, VALUE_MEMO_BYTES) };
    value_memo_forget(*state);
    value_memo_keep(*state, &whole, 1, ROW_ID);
    assert_int_equal(value_memo_find(*state, &whole, 1), ROW_ID);
    bytes[VALUE_MEMO_BYTES - 1] ^= 1;
    assert_int_equal(value_memo_find(*state, &whole, 1), 0);
}

/* Where too long a row would have stood, no half of it is left. */
static void a_row_that_is_not_kept_leaves_no_trace(void **state)
{
    static char long_text[VALUE_MEMO_BYTES + VALUE_MEMO_SLOTS];
    memset(long_text, 'x', sizeof(long_text));
    for (size_t length = VALUE_MEMO_BYTES + 1; length <= sizeof(long_text); length++) {
        const struct value kept[] = { TEXT("ab"), TEXT("cd") };
        const struct value too_long[] = { TEXT("xy"), { .kind = VALUE_TEXT, .text = slice_of(long_text, length) } };
        const struct value mixed[] = { TEXT("xy"), TEXT("cd") };
        value_memo_forget(*state);
        value_memo_keep(*state, kept, 2, ROW_ID);
        value_memo_keep(*state, too_long, 2, ROW_ID + 1);
        assert_int_equal(value_memo_find(*state, too_long, 2), 0);
        assert_int_equal(value_memo_find(*state, mixed, 2), 0);
        int64_t found = value_memo_find(*state, kept, 2);
        assert_true(found == 0 || found == ROW_ID);
    }
}

static void what_is_forgotten_is_found_no_more_until_it_is_kept_again(void **state)
{
    for (int64_t i = 0; i < 4 * VALUE_MEMO_SLOTS; i++)
        value_memo_keep(*state, &(struct value)NUMBER(i), 1, i + 1);
    value_memo_forget(*state);
    for (int64_t i = 0; i < 4 * VALUE_MEMO_SLOTS; i++)
        assert_int_equal(value_memo_find(*state, &(struct value)NUMBER(i), 1), 0);
    value_memo_keep(*state, &(struct value)NUMBER(3), 1, 99);
    assert_int_equal(value_memo_find(*state, &(struct value)NUMBER(3), 1), 99);
}

static void memos_are_apart_and_freeing_none_is_allowed(void **state)
{
    struct value_memo *other = NULL;
    struct error error;
    const struct value values[] = { NUMBER(200), TEXT("/api") };
    assert_true(value_memo_create(&other, &error));
    value_memo_keep(other, values, 2, 5);
    assert_int_equal(value_memo_find(*state, values, 2), 0);
    assert_int_equal(value_memo_find(other, values, 2), 5);
    value_memo_free(other);
    value_memo_free(NULL);
}

/* --- by chance --- */

/* A generator of its own, so that each run has the same numbers. */
static uint32_t draw(uint32_t below)
{
    static uint64_t seed = 20260211;
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(seed >> 33) % below;
}

enum { CHOICES = 9, COLUMNS = 3, ROWS = CHOICES * CHOICES * CHOICES };

static struct value choice(size_t which)
{
    static const struct value of[CHOICES] = { NONE,      NUMBER(0), NUMBER(1),  NUMBER(2),  TEXT(""),
                                              TEXT("a"), TEXT("b"), TEXT("ab"), TEXT("a\0") };
    return of[which];
}

static void a_row_is_found_with_the_id_it_was_last_kept_with_or_not_at_all(void **state)
{
    int64_t kept_with[ROWS] = { 0 };
    size_t found_count = 0;
    for (int64_t id = 1; id < 20000; id++) {
        size_t which = draw(ROWS);
        const struct value values[COLUMNS] = { choice(which % CHOICES), choice(which / CHOICES % CHOICES),
                                               choice(which / CHOICES / CHOICES) };
        int64_t found = value_memo_find(*state, values, COLUMNS);
        if (found != 0)
            assert_int_equal(found, kept_with[which]);
        found_count += found != 0;
        value_memo_keep(*state, values, COLUMNS, id);
        kept_with[which] = id;
        assert_int_equal(value_memo_find(*state, values, COLUMNS), id);
    }
    assert_true(found_count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_that_were_kept_are_found_by_what_they_are, make, unmake),
        cmocka_unit_test_setup_teardown(values_that_differ_in_anything_are_not_found, make, unmake),
        cmocka_unit_test_setup_teardown(every_column_counts, make, unmake),
        cmocka_unit_test_setup_teardown(texts_longer_than_the_bound_are_not_kept, make, unmake),
        cmocka_unit_test_setup_teardown(a_row_that_is_not_kept_leaves_no_trace, make, unmake),
        cmocka_unit_test_setup_teardown(what_is_forgotten_is_found_no_more_until_it_is_kept_again, make, unmake),
        cmocka_unit_test_setup_teardown(memos_are_apart_and_freeing_none_is_allowed, make, unmake),
        cmocka_unit_test_setup_teardown(a_row_is_found_with_the_id_it_was_last_kept_with_or_not_at_all, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
