/* The recipes where the program's own command does not reach: holders of window keys alone, bounds, and numbers as languages
 * print them. That each recipe and pair is named is tests/integration/test_verify.py's. */
#include "countersign/recipe.h"

#include "doctor/recipe_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char secret[] = "0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e";
static const char api_key[] = "0123456789abcdef0123456789abcdef";
enum { WINDOW = 59024746, SAID_MAX = 4096 };

static struct recipe_request order(const char *body)
{
    return (struct recipe_request){ .method = SLICE_LITERAL("POST"),
                                    .target = SLICE_LITERAL("/api/trade/order/place?b=1&a=2"),
                                    .host = SLICE_LITERAL("api.coinstore.com"),
                                    .body = slice_text(body),
                                    .expires = SLICE_LITERAL("1770742394290"),
                                    .api_key = slice_text(api_key) };
}

static struct recipe_window_key window_key(const char *of, uint64_t window)
{
    struct recipe_window_key key = { .window = window };
    assert_true(scheme_window_key_derive(&key.key, slice_text(of), window, NULL));
    return key;
}

/* Signs with a window's key; the payload may be another than what is sent. */
static void sign(char *signature, const struct recipe_window_key *key, const char *payload)
{
    struct scheme_hmac *hmac;
    assert_true(scheme_hmac_create(&hmac, NULL));
    assert_true(scheme_sign(signature, hmac, &key->key, slice_of(NULL, 0), slice_text(payload), NULL));
    scheme_hmac_free(hmac);
}

struct judged {
    enum recipe_verdict verdict;
    const char *names[RECIPES_TOGETHER_MAX];
    size_t tried;
    bool is_limited;
};

static struct judged judge(const struct recipe_request *request, const struct recipe_keys *keys,
                           const struct recipe_options *options)
{
    struct recipe_finding finding;
    struct judged judged = { .verdict = RECIPE_NO_FIELDS };
    struct buffer said;
    assert_true(recipe_judge(&finding, request, keys, options, NULL));
    judged.verdict = finding.verdict;
    judged.tried = finding.tried;
    judged.is_limited = finding.is_limited;
    buffer_init(&said, SAID_MAX);
    recipe_append_names(&said, &finding);
    recipe_append_meaning(&said, &finding);
    assert_int_equal(said.length > 0, finding.verdict == RECIPE_FOUND);
    buffer_free(&said);
    for (size_t i = 0; i < finding.recipe_count; i++)
        judged.names[i] = finding.recipes[i]->name;
    assert_int_equal(finding.verdict == RECIPE_FOUND, finding.recipe_count > 0);
    recipe_finding_end(&finding);
    return judged;
}

static void assert_names(const struct judged *judged, const char *first, const char *second)
{
    assert_int_equal(judged->verdict, RECIPE_FOUND);
    assert_string_equal(judged->names[0], first);
    if (second == NULL)
        assert_null(judged->names[1]);
    else
        assert_string_equal(judged->names[1], second);
}

static void test_who_holds_window_keys_alone_names_what_needs_no_secret(void **state)
{
    (void)state;
    char signature[SCHEME_SIGNATURE_LENGTH];
    const struct recipe_window_key held[] = { window_key(secret, WINDOW), window_key(secret, WINDOW + 1) };
    const struct recipe_window_key of_api_key = window_key(api_key, WINDOW), quoted = window_key("\"x\"", WINDOW);
    const struct recipe_keys keys = { .window_keys = held, .window_key_count = ARRAY_LENGTH(held) };
    struct recipe_request request = order("{\"a\": 1}");
    request.signature = slice_of(signature, sizeof(signature));
    struct judged judged;

    sign(signature, &held[0], "b=1&a=2{\"a\": 1}");
    assert_int_equal(judge(&request, &keys, NULL).verdict, RECIPE_RIGHT);
    sign(signature, &held[0], "b=1&a=2{\"a\":1}");
    judged = judge(&request, &keys, NULL);
    assert_names(&judged, "json-compact", NULL);
    sign(signature, &held[1], "a=2&b=1{\"a\": 1}");
    judged = judge(&request, &keys, NULL);
    assert_names(&judged, "query-sorted", "window-after");
    sign(signature, &of_api_key, "b=1&a=2{\"a\": 1}");
    judged = judge(&request, &keys, NULL);
    assert_names(&judged, "secret-is-api-key", NULL);
    sign(signature, &quoted, "b=1&a=2{\"a\": 1}");
    judged = judge(&request, &keys, NULL);
    assert_int_equal(judged.verdict, RECIPE_NONE);
    assert_true(judged.tried > 1000);
}

static void test_without_the_windows_key_nothing_is_judged_but_what_needs_none(void **state)
{
    (void)state;
    char signature[SCHEME_SIGNATURE_LENGTH];
    const struct recipe_window_key other = window_key(secret, WINDOW + 5), unset = window_key("undefined", WINDOW);
    const struct recipe_keys keys = { .window_keys = &other, .window_key_count = 1 };
    struct recipe_request request = order("{}");
    request.signature = slice_of(signature, sizeof(signature));
    sign(signature, &unset, "b=1&a=2x");
    assert_int_equal(judge(&request, &keys, NULL).verdict, RECIPE_NO_KEY);
    sign(signature, &unset, "b=1&a=2{}");
    struct judged judged = judge(&request, &keys, NULL);
    assert_names(&judged, "secret-undefined", NULL);
    sign(signature, &other, "b=1&a=2{}");
    judged = judge(&request, &keys, NULL);
    assert_names(&judged, "window-away", NULL);
}

static void test_absent_and_unreadable_fields_are_told_apart(void **state)
{
    (void)state;
    const struct recipe_keys keys = { .has_secret = true, .secret = slice_text(secret) };
    struct recipe_request request = order("");
    assert_int_equal(judge(&request, &keys, NULL).verdict, RECIPE_NO_FIELDS);
    request.signature = SLICE_LITERAL("x");
    static const char *const unreadable[] = { "soon", "-1", "1770742394.290", "9999999999999999999", " 1" };
    for (size_t i = 0; i < ARRAY_LENGTH(unreadable); i++) {
        request.expires = slice_text(unreadable[i]);
        assert_int_equal(judge(&request, &keys, NULL).verdict, RECIPE_NO_WINDOW);
        assert_int_equal(recipe_oddities(&request) & ~(unsigned)RECIPE_ODD_SIGNATURE, RECIPE_ODD_EXPIRES);
    }
    request.expires = SLICE_LITERAL("1770742394");
    assert_int_equal(recipe_oddities(&request), RECIPE_ODD_SECONDS | RECIPE_ODD_SIGNATURE);
    request.expires = SLICE_LITERAL("1770742394290123");
    assert_int_equal(recipe_oddities(&request), RECIPE_ODD_MICROSECONDS | RECIPE_ODD_SIGNATURE);
    request.expires = SLICE_LITERAL("1770742394290");
    request.signature = slice_text("b0e77819987eddbbe6a588834123ab04ff9efa6f0c49c09e1175d1caa9345a98");
    assert_int_equal(recipe_oddities(&request), 0);
}

static void test_what_is_too_large_is_tried_in_part_and_says_so(void **state)
{
    (void)state;
    enum { LARGE = 4 << 20 };
    const struct recipe_keys keys = { .has_secret = true, .secret = slice_text(secret) };
    struct recipe_request request = order("{\"a\": 1}");
    request.signature = slice_text("00e77819987eddbbe6a588834123ab04ff9efa6f0c49c09e1175d1caa9345a98");
    struct judged whole = judge(&request, &keys, NULL);
    struct judged part = judge(&request, &keys, &(struct recipe_options){ .work_max = 10000 });
    struct judged alone = judge(&request, &keys, &(struct recipe_options){ .without_pairs = true });
    assert_false(whole.is_limited || alone.is_limited);
    assert_true(part.is_limited && part.tried < whole.tried && alone.tried < whole.tried);

    char *large = malloc(LARGE);
    assert_non_null(large);
    memset(large, '[', LARGE);
    request.body = slice_of(large, LARGE);
    struct judged judged = judge(&request, &keys, NULL);
    assert_true(judged.verdict == RECIPE_NONE && judged.is_limited);
    free(large);
}

/* Making what would be hashed is work, too. */
static void test_a_signature_that_none_could_give_is_bounded_as_others_are(void **state)
{
    (void)state;
    const struct recipe_keys keys = { .has_secret = true, .secret = slice_text(secret) };
    struct recipe_request request = order("{\"a\": 1}");
    request.signature = slice_text("abc");
    struct judged whole = judge(&request, &keys, NULL);
    struct judged part = judge(&request, &keys, &(struct recipe_options){ .work_max = 10000 });
    assert_false(whole.is_limited);
    assert_true(part.is_limited && part.tried < whole.tried);
}

static void test_a_body_full_of_numbers_takes_no_longer_than_others(void **state)
{
    (void)state;
    enum { BODY_BYTES = 64 << 10, SECONDS_MAX = 2 };
    const struct recipe_keys keys = { .has_secret = true, .secret = slice_text(secret) };
    struct recipe_request request = order("");
    struct buffer body;
    buffer_init(&body, BODY_BYTES);
    buffer_append_text(&body, "[0.5");
    for (unsigned i = 1; body.length < BODY_BYTES - 32; i++)
        buffer_append_format(&body, ",%.17g", 1.0 / (i * 3));
    buffer_append_byte(&body, ']');
    assert_false(body.failed);
    request.body = buffer_slice(&body);
    request.signature = slice_text("00e77819987eddbbe6a588834123ab04ff9efa6f0c49c09e1175d1caa9345a98");
    clock_t begin = clock(); /* of the processor: others may use it meanwhile */
    struct judged judged = judge(&request, &keys, NULL);
    assert_true((clock() - begin) / CLOCKS_PER_SEC < SECONDS_MAX);
    assert_true(judged.verdict == RECIPE_NONE && !judged.is_limited);
    buffer_free(&body);
}

static void test_a_query_that_is_no_text_is_no_bound_that_was_reached(void **state)
{
    (void)state;
    const struct recipe_keys keys = { .has_secret = true, .secret = slice_text(secret) };
    struct recipe_request request = order("{}");
    request.target = slice_text("/api/x?a=%ff");
    request.signature = slice_text("00e77819987eddbbe6a588834123ab04ff9efa6f0c49c09e1175d1caa9345a98");
    assert_false(judge(&request, &keys, NULL).is_limited);
}

/* Verdicts that the languages' own documents give: repr(), Number::toString, Double.toString. */
static void test_numbers_are_printed_as_languages_print_doubles(void **state)
{
    (void)state;
    static const struct {
        const char *written, *python, *javascript, *java;
    } numbers[] = {
        { "9.2E-10", "9.2e-10", "9.2e-10", "9.2E-10" },
        { "1.0", "1.0", "1", "1.0" },
        { "1.50", "1.5", "1.5", "1.5" },
        { "1", "1", "1", "1" },
        { "0", "0", "0", "0" },
        { "-0", "0", "0", "0" },
        { "-0.0", "-0.0", "0", "-0.0" },
        { "0E-18", "0.0", "0", "0.0" },
        { "0.0001", "0.0001", "0.0001", "1.0E-4" },
        { "0.00001", "1e-05", "0.00001", "1.0E-5" },
        { "0.0000001", "1e-07", "1e-7", "1.0E-7" },
        { "0.001", "0.001", "0.001", "0.001" },
        { "1e7", "10000000.0", "10000000", "1.0E7" },
        { "9999999.0", "9999999.0", "9999999", "9999999.0" },
        { "1e15", "1000000000000000.0", "1000000000000000", "1.0E15" },
        { "1e16", "1e+16", "10000000000000000", "1.0E16" },
        { "1e21", "1e+21", "1e+21", "1.0E21" },
        { "123456789012345678901234567890", "123456789012345678901234567890", "1.2345678901234568e+29",
          "123456789012345678901234567890" },
        { "11594964764657880123", "11594964764657880123", "11594964764657881000", "11594964764657880123" },
        { "0.1", "0.1", "0.1", "0.1" },
        { "0.30000000000000004", "0.30000000000000004", "0.30000000000000004", "0.30000000000000004" },
        { "5e-324", "5e-324", "5e-324", "5.0E-324" },
        { "1.7976931348623157e308", "1.7976931348623157e+308", "1.7976931348623157e+308", "1.7976931348623157E308" },
        { "4.9406564584124654E-324", "5e-324", "5e-324", "5.0E-324" },
        { "2.2250738585072014e-308", "2.2250738585072014e-308", "2.2250738585072014e-308", "2.2250738585072014E-308" },
        { "123456789.012345000", "123456789.012345", "123456789.012345", "1.23456789012345E8" },
        { "1200.0e1", "12000.0", "12000", "12000.0" },
        { "1e999", "1e999", "1e999", "1e999" },
        { "-12.5e1", "-125.0", "-125", "-125.0" },
    };
    static const enum recipe_numbers forms[] = { NUMBERS_PYTHON, NUMBERS_JAVASCRIPT, NUMBERS_JAVA };
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        const char *const expected[] = { numbers[i].python, numbers[i].javascript, numbers[i].java };
        for (size_t form = 0; form < ARRAY_LENGTH(forms); form++) {
            struct buffer out;
            buffer_init(&out, 1000);
            recipe_number_append(&out, slice_text(numbers[i].written), forms[form]);
            if (strcmp(buffer_text(&out), expected[form]) == 0 && out.length > 0) {
                buffer_free(&out);
                continue;
            }
            fail_msg("%s is printed as %s, not as %s", numbers[i].written, buffer_text(&out), expected[form]);
        }
    }
}

static void test_names_are_stable_words_and_each_row_has_its_fix(void **state)
{
    (void)state;
    for (size_t i = 0; i < recipe_count(); i++) {
        const struct recipe *recipe = recipe_at(i);
        assert_int_equal(strspn(recipe->name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(recipe->name));
        assert_true(recipe->value > 0 && recipe->dimension < RECIPE_DIMENSION_COUNT);
        assert_non_null(recipe_dimension_name(recipe->dimension));
        assert_true(strlen(recipe->fix->python) > 10 && strlen(recipe->fix->javascript) > 10 &&
                    strlen(recipe->fix->java) > 10);
        assert_null(strchr(recipe->meaning, '\n'));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(recipe->name, recipe_at(j)->name);
            assert_false(recipe->dimension == recipe_at(j)->dimension && recipe->value == recipe_at(j)->value);
            assert_true(recipe_at(j)->dimension <= recipe->dimension); /* the search rests on it */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_holds_window_keys_alone_names_what_needs_no_secret),
        cmocka_unit_test(test_without_the_windows_key_nothing_is_judged_but_what_needs_none),
        cmocka_unit_test(test_absent_and_unreadable_fields_are_told_apart),
        cmocka_unit_test(test_what_is_too_large_is_tried_in_part_and_says_so),
        cmocka_unit_test(test_a_signature_that_none_could_give_is_bounded_as_others_are),
        cmocka_unit_test(test_a_body_full_of_numbers_takes_no_longer_than_others),
        cmocka_unit_test(test_a_query_that_is_no_text_is_no_bound_that_was_reached),
        cmocka_unit_test(test_numbers_are_printed_as_languages_print_doubles),
        cmocka_unit_test(test_names_are_stable_words_and_each_row_has_its_fix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
