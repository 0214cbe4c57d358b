/* JSON numbers compared as decimals, digit by digit: order ids exceed 2^53 and prices look like 9.1E-10, so no double is
 * ever made of one. Pure; any thread. */
#include "diff_private.h"

#include "countersign/json_scan.h"

enum { EXPONENT_DIGITS_MAX = 18 /* of int64_t */ };

/* The value is 0.DIGITS * 10^exponent; the digits, whose point is left out, begin and end with one that is not 0. */
struct decimal {
    bool is_negative;
    bool is_zero;
    bool is_known; /* false: an exponent that no int64_t holds */
    struct slice whole;
    struct slice fraction;
    int64_t exponent;
};

bool diff_is_number(struct slice text)
{
    struct json_scan scan;
    json_scan_init(&scan, text);
    struct slice token;
    return text.length > 0 && json_scan_next(&scan, &token) == JSON_NUMBER && token.length == text.length;
}

static struct slice without_leading_zeros(struct slice digits)
{
    while (digits.length > 0 && digits.data[0] == '0')
        digits = slice_from(digits, 1);
    return digits;
}

static struct slice without_trailing_zeros(struct slice digits)
{
    while (digits.length > 0 && digits.data[digits.length - 1] == '0')
        digits.length--;
    return digits;
}

static bool read_exponent(int64_t *exponent, struct slice text)
{
    bool is_negative = slice_starts_with(text, "-");
    uint64_t value = 0;
    if (is_negative || slice_starts_with(text, "+"))
        text = slice_from(text, 1);
    text = without_leading_zeros(text);
    if (text.length > EXPONENT_DIGITS_MAX || (text.length > 0 && !slice_to_u64(text, &value)))
        return false;
    *exponent = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* Leaves no zero at either end, so that equal values have equal digits and exponents. */
static void normalise(struct decimal *decimal)
{
    decimal->whole = without_leading_zeros(decimal->whole);
    decimal->fraction = without_trailing_zeros(decimal->fraction);
    decimal->exponent += (int64_t)decimal->whole.length;
    if (decimal->fraction.length == 0)
        decimal->whole = without_trailing_zeros(decimal->whole);
    if (decimal->whole.length == 0) {
        size_t before = decimal->fraction.length;
        decimal->fraction = without_leading_zeros(decimal->fraction);
        decimal->exponent -= (int64_t)(before - decimal->fraction.length);
    }
    decimal->is_zero = decimal->whole.length == 0 && decimal->fraction.length == 0;
}

static struct decimal read_decimal(struct slice text)
{
    struct decimal decimal = { .is_negative = slice_starts_with(text, "-") };
    if (decimal.is_negative)
        text = slice_from(text, 1);
    size_t end = slice_find(text, 'e');
    if (end == text.length)
        end = slice_find(text, 'E');
    struct slice digits = slice_first(text, end);
    size_t point = slice_find(digits, '.');
    decimal.whole = slice_first(digits, point);
    decimal.fraction = slice_from(digits, point + 1);
    decimal.is_known = read_exponent(&decimal.exponent, slice_from(text, end + 1));
    normalise(&decimal);
    return decimal;
}

static char digit_at(const struct decimal *decimal, size_t i)
{
    return i < decimal->whole.length ? decimal->whole.data[i] : decimal->fraction.data[i - decimal->whole.length];
}

static bool digits_equal(const struct decimal *a, const struct decimal *b)
{
    size_t count = a->whole.length + a->fraction.length;
    if (count != b->whole.length + b->fraction.length)
        return false;
    for (size_t i = 0; i < count; i++)
        if (digit_at(a, i) != digit_at(b, i))
            return false;
    return true;
}

bool diff_numbers_equal(struct slice a, struct slice b)
{
    struct decimal left = read_decimal(a), right = read_decimal(b);
    if (left.is_zero || right.is_zero)
        return left.is_zero && right.is_zero; /* -0 is 0, whatever its exponent */
    return left.is_known && right.is_known && left.is_negative == right.is_negative &&
           left.exponent == right.exponent && digits_equal(&left, &right);
}
