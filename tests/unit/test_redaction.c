/* The redaction table, and heads copied by it. */
#include "countersign/redaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void assert_redacted(const char *head, size_t length, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 65536);
    assert_true(redaction_append_head(&out, slice_of(head, length)));
    assert_int_equal(out.length, length);
    assert_memory_equal(out.data, expected, length);
    buffer_free(&out);
}

#define ASSERT_REDACTED(head, expected)                                                                                \
    do {                                                                                                               \
        _Static_assert(sizeof(head) == sizeof(expected), "redaction keeps the length");                                \
        assert_redacted(head, sizeof(head) - 1, expected);                                                             \
    } while (0)

/* The copy of a head follows the same rule. */
static void assert_line_is_treated(const char *name, enum redaction_record record)
{
    static const char *const copies[] = { [REDACTION_KEEP] = "abcd-a-value-wxyz",
                                          [REDACTION_MASK_KEY] = "abcd*********wxyz",
                                          [REDACTION_MASK_ALL] = "*****************" };
    struct buffer head, expected;
    buffer_init(&head, 256);
    buffer_init(&expected, 256);
    assert_true(buffer_append_format(&head, "GET / HTTP/1.1\r\nHost: a\r\n%s: abcd-a-value-wxyz\r\n\r\n", name));
    assert_true(buffer_append_format(&expected, "GET / HTTP/1.1\r\nHost: a\r\n%s: %s\r\n\r\n", name, copies[record]));
    assert_true(buffer_append_byte(&expected, '\0'));
    assert_redacted(head.data, head.length, expected.data);
    buffer_free(&head);
    buffer_free(&expected);
}

static void each_field_has_its_rule(void **state)
{
    static const struct {
        const char *name;
        bool forward;
        enum redaction_record record;
    } expected[] = {
        { "X-CS-APIKEY", false, REDACTION_MASK_KEY },
        { "x-cs-sign", false, REDACTION_KEEP },
        { "X-CS-EXPIRES", false, REDACTION_KEEP },
        { "X-CS-SIGNATURE", false, REDACTION_MASK_ALL },
        { "X-CS-", false, REDACTION_MASK_ALL },
        { "X-CS", true, REDACTION_KEEP },
        { "authorization", true, REDACTION_MASK_ALL },
        { "Proxy-Authorization", false, REDACTION_MASK_ALL },
        { "COOKIE", true, REDACTION_MASK_ALL },
        { "Set-Cookie", true, REDACTION_MASK_ALL },
        { "Countersign-Token", false, REDACTION_MASK_ALL },
        { "x-api-key", true, REDACTION_MASK_ALL },
        { "Api-Key", true, REDACTION_MASK_ALL },
        { "X-Auth-Token", true, REDACTION_MASK_ALL },
        { "X-Auth", true, REDACTION_KEEP },
        { "Content-Type", true, REDACTION_KEEP },
        { "", true, REDACTION_KEEP },
        { "Authorizations", true, REDACTION_KEEP },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        const struct redaction_rule *rule = redaction_rule_find(slice_text(expected[i].name));
        assert_int_equal(rule->forward, expected[i].forward);
        assert_int_equal(rule->record, expected[i].record);
        assert_true(strlen(rule->reason) > 0);
        assert_line_is_treated(expected[i].name, expected[i].record);
    }
}

static void a_key_shows_its_ends_and_other_secrets_nothing(void **state)
{
    (void)state;
    ASSERT_REDACTED("GET /a?b HTTP/1.1\r\nHost: h\r\nX-CS-APIKEY: 0123456789abcdef\r\nX-CS-SIGN: 00ff\r\n"
                    "Authorization: Basic YTpi\r\nx-cs-other:v\r\n\r\n",
                    "GET /a?b HTTP/1.1\r\nHost: h\r\nX-CS-APIKEY: 0123********cdef\r\nX-CS-SIGN: 00ff\r\n"
                    "Authorization: **********\r\nx-cs-other:*\r\n\r\n");
}

static void a_short_key_shows_nothing(void **state)
{
    (void)state;
    ASSERT_REDACTED("X-CS-APIKEY: 01234567890\r\n", "X-CS-APIKEY: ***********\r\n");
    ASSERT_REDACTED("X-CS-APIKEY: 012345678901\r\n", "X-CS-APIKEY: 0123****8901\r\n");
    ASSERT_REDACTED("X-CS-APIKEY:\r\n", "X-CS-APIKEY:\r\n");
}

static void blanks_around_a_value_stay(void **state)
{
    (void)state;
    ASSERT_REDACTED("Cookie: \t a b \t\r\nA: b\r\n", "Cookie: \t *** \t\r\nA: b\r\n");
}

static void folded_lines_share_their_fields_treatment(void **state)
{
    (void)state;
    ASSERT_REDACTED("Authorization: Basic\r\n YTpi\r\n\tmore: x\r\nA: b\r\n c\r\n",
                    "Authorization: *****\r\n ****\r\n\t*******\r\nA: b\r\n c\r\n");
    ASSERT_REDACTED("Cookie:\r\n a\r\n", "Cookie:\r\n *\r\n");
    ASSERT_REDACTED("X-CS-APIKEY: 0123456789abcdef\r\n 0123456789abcdef\r\n",
                    "X-CS-APIKEY: 0123********cdef\r\n ****************\r\n");
}

static void a_line_without_colon_is_kept(void **state)
{
    (void)state;
    ASSERT_REDACTED("HTTP/1.1 200 OK\r\nno field\r\nCookie: a\r\nno field\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nno field\r\nCookie: *\r\nno field\r\n\r\n");
}

static void malformed_heads_do_not_leak(void **state)
{
    (void)state;
    ASSERT_REDACTED("G\nCookie : a\n\nCookie: b", "G\nCookie : *\n\nCookie: *"); /* LF alone, a blank, no end */
    ASSERT_REDACTED("G\rCookie: a\rA: b", "G\rCookie: *\rA: b");                 /* CR alone */
    ASSERT_REDACTED("Cookie: a", "Cookie: *");                                   /* no first line */
    ASSERT_REDACTED("G\r\n Cookie: a\r\n", "G\r\n Cookie: *\r\n");               /* indented */
    ASSERT_REDACTED("G\r\n\x01"
                    "Cookie\x7f: \0a\0b\r\n",
                    "G\r\n\x01"
                    "Cookie\x7f: \0***\r\n"); /* control bytes */
    ASSERT_REDACTED("", "");
    ASSERT_REDACTED(":", ":");
    ASSERT_REDACTED("\r\n\n\r", "\r\n\n\r");
}

static void a_full_buffer_is_left_as_it_was(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out, 4);
    assert_false(redaction_append_head(&out, SLICE_LITERAL("A: b\r\n")));
    assert_int_equal(out.length, 0);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_has_its_rule),
        cmocka_unit_test(a_key_shows_its_ends_and_other_secrets_nothing),
        cmocka_unit_test(a_short_key_shows_nothing),
        cmocka_unit_test(blanks_around_a_value_stay),
        cmocka_unit_test(folded_lines_share_their_fields_treatment),
        cmocka_unit_test(a_line_without_colon_is_kept),
        cmocka_unit_test(malformed_heads_do_not_leak),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
