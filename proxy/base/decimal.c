/* Exact decimal numbers, as JSON writes them. Pure; any thread. */
#include "countersign/decimal.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(struct slice text, size_t at)
{
    return at < text.length && text.data[at] >= '0' && text.data[at] <= '9';
}

static bool is_one_of(struct slice text, size_t at, char a, char b)
{
    return at < text.length && (text.data[at] == a || text.data[at] == b);
}

/* Takes the run of digits at *at over, but for leading zeros; false where there is none or there are too many. */
static bool take_digits(struct decimal *decimal, struct slice text, size_t *at)
{
    if (!is_digit(text, *at))
        return false;
    for (; is_digit(text, *at); (*at)++) {
        unsigned char digit = (unsigned char)(text.data[*at] - '0');
        if (digit == 0 && decimal->count == 0)
            continue;
        if (decimal->count == DECIMAL_READ_DIGITS_MAX)
            return false;
        decimal->digits[decimal->count++] = digit;
    }
    return true;
}

static bool take_exponent(int *exponent, struct slice text, size_t *at)
{
    bool negative = is_one_of(text, *at, '-', '-');
    if (is_one_of(text, *at, '+', '-'))
        (*at)++;
    if (!is_digit(text, *at))
        return false;
    int value = 0;
    for (; is_digit(text, *at); (*at)++) {
        value = value * 10 + (text.data[*at] - '0');
        if (value > DECIMAL_READ_EXPONENT_MAX)
            return false;
    }
    *exponent = negative ? -value : value;
    return true;
}

bool decimal_parse(struct decimal *decimal, struct slice text)
{
    struct decimal read = { .count = 0 };
    size_t at = 0;
    bool leading_zero = is_one_of(text, 0, '0', '0');
    if (!take_digits(&read, text, &at) || (leading_zero && at > 1))
        return false;
    if (is_one_of(text, at, '.', '.')) {
        size_t fraction = ++at;
        if (!take_digits(&read, text, &at) || at - fraction > DECIMAL_READ_EXPONENT_MAX)
            return false;
        read.exponent = -(int)(at - fraction);
    }
    int exponent = 0;
    if (is_one_of(text, at, 'e', 'E') && (at++, !take_exponent(&exponent, text, &at)))
        return false;
    read.exponent += exponent;
    if (at != text.length || read.exponent < -DECIMAL_READ_EXPONENT_MAX)
        return false;
    *decimal = read;
    return true;
}

struct decimal decimal_constant(const char *text)
{
    struct decimal number;
    return decimal_parse(&number, slice_text(text)) ? number : (struct decimal){ .count = 0 };
}

struct decimal decimal_of(uint64_t mantissa, int exponent)
{
    struct decimal decimal = { .exponent = exponent };
    for (uint64_t rest = mantissa; rest > 0; rest /= 10)
        decimal.count++;
    for (size_t i = decimal.count; i > 0; i--, mantissa /= 10)
        decimal.digits[i - 1] = (unsigned char)(mantissa % 10);
    return decimal;
}

void decimal_drop_leading_zeros(struct decimal *decimal)
{
    size_t zeros = 0;
    while (zeros < decimal->count && decimal->digits[zeros] == 0)
        zeros++;
    decimal->count -= zeros;
    memmove(decimal->digits, decimal->digits + zeros, decimal->count);
}

bool decimal_multiply(struct decimal *product, const struct decimal *a, const struct decimal *b)
{
    struct decimal result = { .count = a->count + b->count, .exponent = a->exponent + b->exponent };
    if (result.count > DECIMAL_DIGITS_MAX)
        return false;
    for (size_t i = a->count; i > 0; i--) {
        unsigned carry = 0;
        for (size_t j = b->count; j > 0; j--) {
            unsigned sum = (unsigned)a->digits[i - 1] * b->digits[j - 1] + result.digits[i + j - 1] + carry;
            result.digits[i + j - 1] = (unsigned char)(sum % 10);
            carry = sum / 10;
        }
        result.digits[i - 1] = (unsigned char)carry;
    }
    decimal_drop_leading_zeros(&result);
    *product = result;
    return true;
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    if (a->count == 0 || b->count == 0)
        return (a->count > 0) - (b->count > 0);
    /* The power of ten of the digit before the first one; the larger number has the larger one. */
    int a_magnitude = (int)a->count + a->exponent;
    int b_magnitude = (int)b->count + b->exponent;
    if (a_magnitude != b_magnitude)
        return a_magnitude - b_magnitude;
    for (size_t i = 0; i < a->count || i < b->count; i++) {
        int difference = (i < a->count ? a->digits[i] : 0) - (i < b->count ? b->digits[i] : 0);
        if (difference != 0)
            return difference;
    }
    return 0;
}

/* "0.0123" or "12.3" from the digits of a number whose exponent is not positive. */
static void format_plain(char *text, const char *digits, int count, int exponent)
{
    int whole = count + exponent; /* digits before the point */
    if (exponent == 0)
        (void)snprintf(text, DECIMAL_TEXT_MAX, "%s", digits);
    else if (whole > 0)
        (void)snprintf(text, DECIMAL_TEXT_MAX, "%.*s.%s", whole, digits, digits + whole);
    else
        (void)snprintf(text, DECIMAL_TEXT_MAX, "0.%.*s%s", -whole, "00000000", digits);
}

char *decimal_format(char *text, const struct decimal *decimal)
{
    char digits[DECIMAL_DIGITS_MAX + 1] = "0";
    int count = decimal->count == 0 ? 1 : (int)decimal->count;
    for (size_t i = 0; i < decimal->count; i++) {
        digits[i] = (char)('0' + decimal->digits[i]);
        digits[i + 1] = '\0';
    }
    int adjusted = decimal->exponent + count - 1;
    if (decimal->exponent <= 0 && adjusted >= -6) /* BigDecimal.toString's own bound */
        format_plain(text, digits, count, decimal->exponent);
    else
        (void)snprintf(text, DECIMAL_TEXT_MAX, "%c%s%sE%+d", digits[0], count > 1 ? "." : "", digits + 1, adjusted);
    return text;
}
