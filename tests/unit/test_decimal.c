/* Exact decimals: read as JSON numbers, reckoned with, compared, and written as the exchange writes them. */
#include "countersign/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct decimal read(const char *text)
{
    struct decimal decimal;
    if (!decimal_parse(&decimal, slice_text(text)))
        fail_msg("%s is a number", text);
    return decimal;
}

static void numbers_are_written_as_the_exchange_writes_them(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "0", "0" },
        { "0E-18", "0E-18" },
        { "0.000", "0.000" },
        { "1", "1" },
        { "41995.5", "41995.5" },
        { "9.1E-10", "9.1E-10" },
        { "0.00000000092", "9.2E-10" },
        { "0.000001", "0.000001" },
        { "0.0000001", "1E-7" },
        { "1e3", "1E+3" },
        { "12e3", "1.2E+4" },
        { "40.900000000000000000", "40.900000000000000000" },
        { "10e-1", "1.0" },
        { "0.5", "0.5" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[DECIMAL_TEXT_MAX];
        struct decimal decimal = read(cases[i][0]);
        assert_string_equal(decimal_format(text, &decimal), cases[i][1]);
    }
}

static void what_is_no_json_number_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = { "",
                                         "-1",
                                         "+1",
                                         "01",
                                         "1.",
                                         ".5",
                                         "1e",
                                         "1e+",
                                         "0x1",
                                         "1 ",
                                         " 1",
                                         "1,5",
                                         "NaN",
                                         "1_0",
                                         "e1",
                                         "1.e5",
                                         "Infinity",
                                         "1e41",
                                         "1e-41",
                                         "0.00000000000000000000000000000000000000001",
                                         "1e99999999999999999999",
                                         "12345678901234567890123456789012345678901" };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct decimal decimal;
        if (decimal_parse(&decimal, slice_text(cases[i])))
            fail_msg("\"%s\" is no number", cases[i]);
    }
}

static void products_are_exact(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        { "9.2e-10", "12323231243", "11.33737274356" },
        { "0.02", "1386.193512614361", "27.72387025228722" },
        { "9999999999999999999999999999999999999999", "9999999999999999999999999999999999999999",
          "99999999999999999999999999999999999999980000000000000000000000000000000000000001" },
        { "0", "5", "0" },
        { "3", "4", "12" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[DECIMAL_TEXT_MAX];
        struct decimal a = read(cases[i][0]), b = read(cases[i][1]), product;
        assert_true(decimal_multiply(&product, &a, &b));
        assert_string_equal(decimal_format(text, &product), cases[i][2]);
    }
}

static void a_product_of_products_that_is_too_long_is_refused(void **state)
{
    (void)state;
    struct decimal a = read("9999999999999999999999999999999999999999"), b, c;
    assert_true(decimal_multiply(&b, &a, &a));
    assert_false(decimal_multiply(&c, &b, &a));
}

static void numbers_compare_by_value_not_by_form(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        int order;
    } cases[] = {
        { "1", "1.000", 0 },
        { "1e3", "1000", 0 },
        { "0", "0E-18", 0 },
        { "0", "0.0000001", -1 },
        { "9.1E-10", "9.2E-10", -1 },
        { "10", "9", 1 },
        { "9007199254740993", "9007199254740992", 1 },
        { "0.1", "0.10000000000000000001", -1 },
        { "1.5", "1.499999999999", 1 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct decimal a = read(cases[i].a), b = read(cases[i].b);
        int forward = decimal_compare(&a, &b), backward = decimal_compare(&b, &a);
        assert_int_equal((forward > 0) - (forward < 0), cases[i].order);
        assert_int_equal((backward > 0) - (backward < 0), -cases[i].order);
    }
}

struct sum_case {
    const char *a;
    const char *b;
    const char *result; /* NULL: refused */
};

static void check_sums(const struct sum_case *cases, size_t count,
                       bool (*reckon)(struct decimal *result, const struct decimal *a, const struct decimal *b))
{
    for (size_t i = 0; i < count; i++) {
        char text[DECIMAL_TEXT_MAX];
        struct decimal a = read(cases[i].a), b = read(cases[i].b), result;
        if (reckon(&result, &a, &b) != (cases[i].result != NULL))
            fail_msg("%s and %s: %s", cases[i].a, cases[i].b, cases[i].result == NULL ? "not refused" : "refused");
        if (cases[i].result != NULL)
            assert_string_equal(decimal_format(text, &result), cases[i].result);
    }
}

static void sums_are_exact_and_as_precise_as_the_more_precise_of_the_two(void **state)
{
    (void)state;
    static const struct sum_case cases[] = {
        { "1.50", "1", "2.50" },
        { "0.1", "0.2", "0.3" },
        { "999", "1", "1000" },
        { "9.99e2", "1e-3", "999.001" },
        { "0", "0E-18", "0E-18" },
        { "1e40", "1", "10000000000000000000000000000000000000001" },
        { "9007199254740993", "1", "9007199254740994" },
        { "1e40", "1e-40", NULL }, /* 81 digits */
    };
    check_sums(cases, ARRAY_LENGTH(cases), decimal_add);
}

static void differences_are_exact_and_never_below_zero(void **state)
{
    (void)state;
    static const struct sum_case cases[] = {
        { "1000", "1", "999" },
        { "13297.94999", "0.05001", "13297.89998" },
        { "40.900000000000000000", "40.9", "0E-18" },
        { "1e3", "0.001", "999.999" },
        { "1", "1.00", "0.00" },
        { "1", "1.0000000000000000001", NULL },
        { "0", "1e-40", NULL },
    };
    check_sums(cases, ARRAY_LENGTH(cases), decimal_subtract);
}

static void quotients_drop_what_is_beyond_their_places(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        int decimals;
        const char *result;
    } cases[] = {
        { "100", "40000.001", 6, "0.002499" },
        { "1", "3", 18, "0.333333333333333333" },
        { "2", "3", 2, "0.66" },
        { "6", "3", 18, "2" },
        { "1", "9.1E-10", 0, "1098901098" },
        { "1", "8", 18, "0.125" },
        { "1", "1000", 2, "0" },
        { "0", "7", 18, "0" },
        { "1e3", "1e-3", 0, "1000000" },
        { "27.70615638203493278", "1386.193512614361", 6, "0.019987" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[DECIMAL_TEXT_MAX];
        struct decimal a = read(cases[i].a), b = read(cases[i].b), quotient;
        assert_true(decimal_divide(&quotient, &a, &b, cases[i].decimals));
        assert_string_equal(decimal_format(text, &quotient), cases[i].result);
    }
    struct decimal large = read("1e40"), small = read("1e-40"), quotient;
    assert_false(decimal_divide(&quotient, &large, &small, 0));
}

static void truncation_never_rounds_up(void **state)
{
    (void)state;
    static const struct {
        const char *number;
        int decimals;
        const char *result;
    } cases[] = {
        { "1.999", 2, "1.99" }, { "1.999", 5, "1.999" }, { "0.0009", 3, "0.000" },
        { "1e3", 0, "1E+3" },   { "12.34", 0, "12" },    { "0", 2, "0" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[DECIMAL_TEXT_MAX];
        struct decimal number = read(cases[i].number);
        decimal_truncate(&number, cases[i].decimals);
        assert_string_equal(decimal_format(text, &number), cases[i].result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_the_exchange_writes_them),
        cmocka_unit_test(what_is_no_json_number_is_refused),
        cmocka_unit_test(products_are_exact),
        cmocka_unit_test(a_product_of_products_that_is_too_long_is_refused),
        cmocka_unit_test(numbers_compare_by_value_not_by_form),
        cmocka_unit_test(sums_are_exact_and_as_precise_as_the_more_precise_of_the_two),
        cmocka_unit_test(differences_are_exact_and_never_below_zero),
        cmocka_unit_test(quotients_drop_what_is_beyond_their_places),
        cmocka_unit_test(truncation_never_rounds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
