/* The JSON tokenizer and what stands on it: member lookup, escapes, re-indenting. */
#include "countersign/json_scan.h"

#include "countersign/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { OUT_MAX = 65536 };

static void assert_slice(struct slice actual, const char *expected)
{
    assert_int_equal(actual.length, strlen(expected));
    assert_memory_equal(actual.data, expected, actual.length);
}

/* Scans to the end or to the first invalid byte. The text is copied to memory of its very size, so that a sanitizer sees
 * every read beyond it. */
static bool is_json(struct slice text)
{
    char *copy = malloc(text.length > 0 ? text.length : 1);
    assert_non_null(copy);
    memcpy(copy, text.data, text.length);
    struct json_scan scan;
    json_scan_init(&scan, slice_of(copy, text.length));
    enum json_token token;
    do
        token = json_scan_next(&scan, NULL);
    while (token != JSON_END && token != JSON_INVALID);
    assert_int_equal(json_scan_next(&scan, NULL), token);
    free(copy);
    return token == JSON_END;
}

static void tokens_come_in_order_with_their_bytes(void **state)
{
    (void)state;
    static const struct {
        enum json_token token;
        const char *text;
    } expected[] = {
        { JSON_OBJECT_BEGIN, "{" }, { JSON_NAME, "\"a\"" },  { JSON_ARRAY_BEGIN, "[" },  { JSON_NUMBER, "1" },
        { JSON_TRUE, "true" },      { JSON_FALSE, "false" }, { JSON_NULL, "null" },      { JSON_STRING, "\"x\\n\"" },
        { JSON_ARRAY_END, "]" },    { JSON_NAME, "\"b\"" },  { JSON_OBJECT_BEGIN, "{" }, { JSON_OBJECT_END, "}" },
        { JSON_OBJECT_END, "}" },   { JSON_END, "" },        { JSON_END, "" },
    };
    struct json_scan scan;
    json_scan_init(&scan, SLICE_LITERAL(" {\"a\" : [1, true,false ,\r\n\tnull,\"x\\n\"] , \"b\":{ } } "));
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        struct slice text;
        assert_int_equal(json_scan_next(&scan, &text), expected[i].token);
        assert_slice(text, expected[i].text);
    }
}

static void numbers_stay_as_they_were_written(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "11594964764657880", "9.1E-10", "0E-18", "-0", "1e400", "0", "-1.50", "1E+2", "0.0", "18446744073709551616",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        struct json_scan scan;
        struct slice text;
        json_scan_init(&scan, slice_text(numbers[i]));
        assert_int_equal(json_scan_next(&scan, &text), JSON_NUMBER);
        assert_slice(text, numbers[i]);
        assert_int_equal(json_scan_next(&scan, NULL), JSON_END);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "01",  "-",    "-01", "+1",       ".5",        "1.",    "1.e5", "1e",
        "1e+", "0x10", "NaN", "Infinity", "-Infinity", "1_000", "1a",   "1-",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        if (is_json(slice_text(texts[i])))
            fail_msg("%s was accepted", texts[i]);
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "[1,]",
        "{\"a\":1,}",
        "[,1]",
        "[1 2]",
        "[1",
        "]",
        "{",
        "}",
        "[}",
        "{]",
        "{\"a\"}",
        "{\"a\":",
        "{\"a\":}",
        "{a:1}",
        "{1:2}",
        "{'a':1}",
        "{\"a\" 1}",
        "1 2",
        "{} {}",
        "{}x",
        "tru",
        "truex",
        "True",
        "nul",
        "nullnull",
        "\"abc",
        "\"a\\",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\x1f\"",
        "// c\n1",
        "/**/1",
        ",",
        ":",
        "{,}",
        "{\"a\"::1}",
        "[1,,2]",
        "{\"a\":1 \"b\":2}",
        "\xEF\xBB\xBF{}",
        "\v1",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        if (is_json(slice_text(texts[i])))
            fail_msg("%s was accepted", texts[i]);
}

static void a_nul_byte_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    assert_false(is_json(SLICE_LITERAL("\0")));
    assert_false(is_json(SLICE_LITERAL("1\0")));
    assert_false(is_json(SLICE_LITERAL("\"a\0b\"")));
    assert_false(is_json(SLICE_LITERAL("\"a\\\0\"")));
    assert_false(is_json(SLICE_LITERAL("{}\0")));
}

static void an_empty_text_without_memory_is_refused(void **state)
{
    (void)state;
    struct json_scan scan;
    json_scan_init(&scan, slice_of(NULL, 0));
    assert_int_equal(json_scan_next(&scan, NULL), JSON_INVALID);
    assert_int_equal(scan.offset, 0);
}

static void bytes_above_ascii_are_taken_as_they_are(void **state)
{
    (void)state;
    assert_true(is_json(SLICE_LITERAL("\"\xC3\xA9\"")));
    assert_true(is_json(SLICE_LITERAL("\"\xFF\xC0\x80\x7F\"")));
    assert_false(is_json(SLICE_LITERAL("\xC3\xA9")));
}

static void the_offset_of_an_invalid_text_is_where_it_breaks(void **state)
{
    (void)state;
    struct json_scan scan;
    json_scan_init(&scan, SLICE_LITERAL("[1,x]"));
    while (json_scan_next(&scan, NULL) != JSON_INVALID)
        ;
    assert_int_equal(scan.offset, 3);
    json_scan_init(&scan, SLICE_LITERAL("\"ab\nc\""));
    assert_int_equal(json_scan_next(&scan, NULL), JSON_INVALID);
    assert_int_equal(scan.offset, 3);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    char text[2 * (JSON_DEPTH_MAX + 1)];
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    assert_true(is_json(slice_of(text, 2 * JSON_DEPTH_MAX)));
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_false(is_json(slice_of(text, sizeof(text))));
}

static void skip_ends_behind_the_value(void **state)
{
    (void)state;
    struct json_scan scan;
    struct slice text;
    json_scan_init(&scan, SLICE_LITERAL("[{\"a\":[1,{}]},[[]],7,8]"));
    assert_int_equal(json_scan_next(&scan, NULL), JSON_ARRAY_BEGIN);
    for (int i = 0; i < 3; i++)
        assert_true(json_scan_skip(&scan, json_scan_next(&scan, NULL)));
    assert_int_equal(json_scan_next(&scan, &text), JSON_NUMBER);
    assert_slice(text, "8");
}

static void skip_fails_on_an_invalid_value(void **state)
{
    (void)state;
    struct json_scan scan;
    json_scan_init(&scan, SLICE_LITERAL("[[1,2}"));
    assert_int_equal(json_scan_next(&scan, NULL), JSON_ARRAY_BEGIN);
    assert_false(json_scan_skip(&scan, json_scan_next(&scan, NULL)));
}

static void a_member_is_found_on_the_top_level_alone(void **state)
{
    (void)state;
    struct slice object = SLICE_LITERAL("{\"data\":{\"code\":1,\"x\":[{\"code\":2}]},\"code\":\"0\",\"code\":3}");
    struct slice value;
    enum json_token kind;
    assert_true(json_member(object, "code", &value, &kind));
    assert_int_equal(kind, JSON_STRING);
    assert_slice(value, "\"0\"");
    assert_true(json_member(object, "data", &value, &kind));
    assert_int_equal(kind, JSON_OBJECT_BEGIN);
    assert_slice(value, "{\"code\":1,\"x\":[{\"code\":2}]}");
    assert_true(json_member(object, "code", NULL, NULL));
}

static void a_members_number_is_given_as_written(void **state)
{
    (void)state;
    struct slice value;
    enum json_token kind;
    assert_true(json_member(SLICE_LITERAL("{ \"ordId\" : 11594964764657880 }"), "ordId", &value, &kind));
    assert_int_equal(kind, JSON_NUMBER);
    assert_slice(value, "11594964764657880");
}

static void a_members_name_may_be_written_with_escapes(void **state)
{
    (void)state;
    struct slice value;
    assert_true(json_member(SLICE_LITERAL("{\"c\\u006Fde\":1401}"), "code", &value, NULL));
    assert_slice(value, "1401");
    assert_true(json_member(SLICE_LITERAL("{\"\":5}"), "", &value, NULL));
    assert_slice(value, "5");
}

static void a_missing_member_leaves_the_outputs_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "[\"code\",1]",
        "\"code\"",
        "{}",
        "{\"cod\":1}",
        "{\"codes\":1}",
        "{\"code\"}",
        "{\"code\":",
        "{\"code\":01}",
        "{\"code\":[1}",
        "{\"a\":x,\"code\":1}",
        "{\"Code\":1}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct slice value = SLICE_LITERAL("before");
        enum json_token kind = JSON_NULL;
        assert_false(json_member(slice_text(texts[i]), "code", &value, &kind));
        assert_slice(value, "before");
        assert_int_equal(kind, JSON_NULL);
    }
}

static void escapes_are_resolved_to_utf8(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, OUT_MAX);
    assert_true(json_unescape(&out, SLICE_LITERAL("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"")));
    assert_slice(buffer_slice(&out), "a\"\\/\b\f\n\r\t");
    buffer_reset(&out);
    assert_true(json_unescape(&out, SLICE_LITERAL("\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\xC3\xA9\"")));
    assert_slice(buffer_slice(&out), "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xC3\xA9");
    buffer_reset(&out);
    assert_true(json_unescape(&out, SLICE_LITERAL("\"\\u0000\"")));
    assert_int_equal(out.length, 1);
    assert_int_equal(out.data[0], 0);
    buffer_free(&out);
}

static void bad_escapes_and_lone_surrogates_append_nothing(void **state)
{
    (void)state;
    static const char *const strings[] = {
        "\"x\\uD83D\"",
        "\"x\\uDE00\"",
        "\"x\\uD83D\\u0041\"",
        "\"x\\uD83Dab\"",
        "\"x\\uD83D\\n\"",
        "\"x\\uD83D\\uD83D\"",
        "\"x\\q\"",
        "\"x\\u12\"",
        "\"x\\u12x4\"",
        "\"x\\\"",
        "\"x\ny\"",
        "\"x\"y\"",
        "x",
        "\"",
        "",
        "\"x",
        "x\"",
        "\"x\\",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(strings); i++) {
        struct buffer out;
        buffer_init(&out, OUT_MAX);
        assert_true(buffer_append_text(&out, "kept"));
        assert_false(json_unescape(&out, slice_text(strings[i])));
        assert_slice(buffer_slice(&out), "kept");
        buffer_free(&out);
    }
}

static void unescape_into_a_full_buffer_fails(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 3);
    assert_false(json_unescape(&out, SLICE_LITERAL("\"abcd\"")));
    assert_int_equal(out.length, 0);
    assert_true(out.failed);
    buffer_free(&out);
}

static void assert_indented(const char *text, const char *expected)
{
    struct buffer out;
    buffer_init(&out, OUT_MAX);
    assert_true(json_indent(&out, slice_text(text)));
    assert_slice(buffer_slice(&out), expected);
    buffer_free(&out);
}

static void indenting_changes_blanks_alone(void **state)
{
    (void)state;
    assert_indented(" 9.1E-10 ", "9.1E-10");
    assert_indented("{ }", "{}");
    assert_indented("[\n]", "[]");
    assert_indented("{\"code\":0,\"data\":[{\"ordId\":11594964764657880,\"p\":0E-18},[]],\"m\":\"a\\u0041\"}",
                    "{\n"
                    "  \"code\": 0,\n"
                    "  \"data\": [\n"
                    "    {\n"
                    "      \"ordId\": 11594964764657880,\n"
                    "      \"p\": 0E-18\n"
                    "    },\n"
                    "    []\n"
                    "  ],\n"
                    "  \"m\": \"a\\u0041\"\n"
                    "}");
}

static void indenting_what_is_no_json_appends_nothing(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, OUT_MAX);
    assert_true(buffer_append_text(&out, "kept"));
    assert_false(json_indent(&out, SLICE_LITERAL("{\"a\":[1,2,}")));
    assert_false(json_indent(&out, SLICE_LITERAL("<html>")));
    assert_false(json_indent(&out, SLICE_LITERAL("{} 1")));
    assert_slice(buffer_slice(&out), "kept");
    assert_false(out.failed);
    buffer_free(&out);
}

static void indenting_into_a_full_buffer_fails_and_says_so(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 8);
    assert_false(json_indent(&out, SLICE_LITERAL("[1,2,3,4,5]")));
    assert_int_equal(out.length, 0);
    assert_true(out.failed);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_come_in_order_with_their_bytes),
        cmocka_unit_test(numbers_stay_as_they_were_written),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(a_nul_byte_is_refused_wherever_it_stands),
        cmocka_unit_test(an_empty_text_without_memory_is_refused),
        cmocka_unit_test(bytes_above_ascii_are_taken_as_they_are),
        cmocka_unit_test(the_offset_of_an_invalid_text_is_where_it_breaks),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(skip_ends_behind_the_value),
        cmocka_unit_test(skip_fails_on_an_invalid_value),
        cmocka_unit_test(a_member_is_found_on_the_top_level_alone),
        cmocka_unit_test(a_members_number_is_given_as_written),
        cmocka_unit_test(a_members_name_may_be_written_with_escapes),
        cmocka_unit_test(a_missing_member_leaves_the_outputs_alone),
        cmocka_unit_test(escapes_are_resolved_to_utf8),
        cmocka_unit_test(bad_escapes_and_lone_surrogates_append_nothing),
        cmocka_unit_test(unescape_into_a_full_buffer_fails),
        cmocka_unit_test(indenting_changes_blanks_alone),
        cmocka_unit_test(indenting_what_is_no_json_appends_nothing),
        cmocka_unit_test(indenting_into_a_full_buffer_fails_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
