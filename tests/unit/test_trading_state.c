/* The page that says whether orders may be placed: what is written is read again, and what is not of its form lets nothing
 * pass. */
#include "countersign/trading_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct trading_state two = {
    .stops = { { .listener = "bot", .since = "2026-01-31T23:59:59Z", .uid = 1000, .reason = "a reason" },
               { .listener = "other", .since = "2026-01-31T23:59:59Z", .uid = 0, .reason = "" } },
    .count = 2,
};

static enum trading_page_kind read_page(struct trading_state *state, const struct trading_page *page)
{
    return trading_page_read(state, slice_of(page->bytes, sizeof(page->bytes)));
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    struct trading_page page;
    struct trading_state read;
    assert_true(trading_page_write(&page, &two));
    assert_int_equal(read_page(&read, &page), TRADING_STOPPED);
    assert_int_equal(read.count, 2);
    assert_string_equal(read.stops[0].reason, "a reason");
    assert_int_equal(read.stops[0].uid, 1000);
    assert_string_equal(trading_stop_for(&read, "other")->listener, "other");
    assert_null(trading_stop_for(&read, "third"));
    assert_true(trading_page_write(&page, &(struct trading_state){ .count = 0 }));
    assert_int_equal(read_page(&read, &page), TRADING_RUNS);
    assert_true(trading_page_runs(&page));
}

static void the_largest_state_fits(void **state)
{
    (void)state;
    struct trading_state full = { .count = TRADING_STOPS_MAX };
    struct trading_state read;
    struct trading_page page;
    for (size_t i = 0; i < TRADING_STOPS_MAX; i++) {
        struct trading_stop *stop = &full.stops[i];
        (void)snprintf(stop->listener, sizeof(stop->listener), "%032zu", i);
        (void)snprintf(stop->since, sizeof(stop->since), "2026-01-31T23:59:59Z");
        stop->uid = UINT32_MAX;
        memset(stop->reason, 'r', TRADING_REASON_MAX);
    }
    assert_true(trading_page_write(&page, &full));
    assert_int_equal(read_page(&read, &page), TRADING_STOPPED);
    assert_int_equal(read.count, TRADING_STOPS_MAX);
    struct trading_page again;
    assert_true(trading_page_write(&again, &read));
    assert_memory_equal(&again, &page, sizeof(page));
}

static void a_stop_is_told_to_the_listeners_it_is_for(void **state)
{
    (void)state;
    struct trading_page page;
    struct trading_state all = { .stops = { { .since = "now", .uid = 7, .reason = "why" } }, .count = 1 };
    char reason[640] = "";
    assert_true(trading_page_write(&page, &two));
    assert_true(trading_page_stops(reason, sizeof(reason), &page, "bot"));
    assert_string_equal(reason, "since 2026-01-31T23:59:59Z, by user id 1000: a reason; `countersign resume-trading "
                                "--listener bot` lifts it");
    assert_false(trading_page_stops(reason, sizeof(reason), &page, "third"));
    assert_true(trading_page_write(&page, &all));
    assert_true(trading_page_stops(reason, sizeof(reason), &page, "third"));
    assert_string_equal(reason, "since now, by user id 7: why; `countersign resume-trading` lifts it");
}

/* One wrong byte anywhere: nothing passes that did not before; and with the word of change, nothing at all. */
static void a_page_with_one_wrong_byte_stops_whom_it_stopped(void **state)
{
    (void)state;
    struct trading_page page, good;
    struct trading_state read;
    char reason[640];
    assert_true(trading_page_write(&good, &two));
    for (size_t i = 0; i < sizeof(good.bytes); i++) {
        page = good;
        page.bytes[i] ^= 0x04;
        enum trading_page_kind kind = read_page(&read, &page);
        assert_true(kind == TRADING_DAMAGED || kind == TRADING_STOPPED);
        if (kind == TRADING_DAMAGED)
            assert_true(trading_page_stops(reason, sizeof(reason), &page, "third"));
        assert_false(trading_page_runs(&page));
    }
    memcpy(good.bytes, trading_word_changing, TRADING_WORD_SIZE);
    assert_int_equal(read_page(&read, &good), TRADING_CHANGING);
    assert_true(trading_page_stops(reason, sizeof(reason), &good, "third"));
}

static void what_is_no_page_is_damaged(void **state)
{
    (void)state;
    static const char *const forms[] = { "", "RUNNING\n", "STOPPED\n", "RUNNING\nend\n", "STOPPED\nx\ty\t1\tz\nend\n" };
    struct trading_page page;
    struct trading_state read;
    char reason[640];
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        memset(page.bytes, 0, sizeof(page.bytes));
        memcpy(page.bytes, forms[i], strlen(forms[i]));
        assert_int_equal(read_page(&read, &page), TRADING_DAMAGED);
    }
    assert_true(trading_page_write(&page, &two));
    assert_int_equal(trading_page_read(&read, slice_of(page.bytes, sizeof(page.bytes) - 1)), TRADING_DAMAGED);
    page.bytes[sizeof(page.bytes) - 1] = 'x';
    assert_int_equal(read_page(&read, &page), TRADING_DAMAGED);
    memset(page.bytes, 0, sizeof(page.bytes));
    assert_true(trading_page_stops(reason, sizeof(reason), &page, "bot"));
    assert_non_null(strstr(reason, "countersign resume-trading"));
}

static void what_cannot_stand_in_a_line_is_not_written(void **state)
{
    (void)state;
    struct trading_page page;
    struct trading_state bad = two;
    memcpy(bad.stops[0].reason, "a\tb", 4);
    assert_false(trading_page_write(&page, &bad));
    memcpy(bad.stops[0].reason, "a\nb", 4);
    assert_false(trading_page_write(&page, &bad));
    bad = two;
    memcpy(bad.stops[0].listener, "a b", 4);
    assert_false(trading_page_write(&page, &bad));
    bad = two;
    bad.stops[0].uid = -1;
    assert_false(trading_page_write(&page, &bad));
    assert_false(trading_reason_is_valid(slice_text("a\x7f")));
    assert_true(trading_reason_is_valid(slice_text("ein Grund, \xC3\xBC")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(the_largest_state_fits),
        cmocka_unit_test(a_stop_is_told_to_the_listeners_it_is_for),
        cmocka_unit_test(a_page_with_one_wrong_byte_stops_whom_it_stopped),
        cmocka_unit_test(what_is_no_page_is_damaged),
        cmocka_unit_test(what_cannot_stand_in_a_line_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
