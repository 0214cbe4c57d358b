/* Sums, differences and quotients of exact decimal numbers. Pure; any thread. */
#include "countersign/decimal.h"

bool decimal_is_zero(const struct decimal *decimal)
{
    return decimal->count == 0;
}

/* The digit that stands for 10^power. */
static int digit_at(const struct decimal *decimal, int power)
{
    int from_last = power - decimal->exponent;
    if (from_last < 0 || from_last >= (int)decimal->count)
        return 0;
    return decimal->digits[(int)decimal->count - 1 - from_last];
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* The power of ten above the first digit of either. */
static int power_above(const struct decimal *a, const struct decimal *b)
{
    int a_power = decimal_is_zero(a) ? a->exponent : (int)a->count + a->exponent;
    int b_power = decimal_is_zero(b) ? b->exponent : (int)b->count + b->exponent;
    return a_power > b_power ? a_power : b_power;
}

/* a + b or, with sign -1, a - b, which is then not negative. */
static bool combine(struct decimal *result, const struct decimal *a, const struct decimal *b, int sign)
{
    struct decimal made = { .exponent = smaller(a->exponent, b->exponent) };
    int width = power_above(a, b) - made.exponent + 1; /* one for a carry */
    if (width > DECIMAL_DIGITS_MAX)
        return false;
    made.count = (size_t)width;
    int carry = 0;
    for (int i = 0; i < width; i++) {
        int power = made.exponent + i;
        int digit = digit_at(a, power) + sign * digit_at(b, power) + carry;
        carry = digit < 0 ? -1 : digit / 10;
        made.digits[width - 1 - i] = (unsigned char)(digit - 10 * carry);
    }
    decimal_drop_leading_zeros(&made);
    *result = made;
    return true;
}

bool decimal_add(struct decimal *sum, const struct decimal *a, const struct decimal *b)
{
    return combine(sum, a, b, 1);
}

bool decimal_subtract(struct decimal *difference, const struct decimal *a, const struct decimal *b)
{
    return decimal_compare(a, b) >= 0 && combine(difference, a, b, -1);
}

void decimal_truncate(struct decimal *decimal, int decimals)
{
    int beyond = -decimals - decimal->exponent;
    if (beyond <= 0)
        return;
    decimal->count = beyond >= (int)decimal->count ? 0 : decimal->count - (size_t)beyond;
    decimal->exponent = -decimals;
}

static void drop_zeros_behind_point(struct decimal *decimal)
{
    while (decimal->count > 0 && decimal->exponent < 0 && decimal->digits[decimal->count - 1] == 0) {
        decimal->count--;
        decimal->exponent++;
    }
    if (decimal->count == 0)
        decimal->exponent = 0;
}

/* Appends a digit to a whole number: *rest = 10 × *rest + digit. */
static void append_digit(struct decimal *rest, int digit)
{
    if (digit != 0 || rest->count > 0)
        rest->digits[rest->count++] = (unsigned char)digit;
}

/* By hand, digit by digit: the rest is never longer than the divisor and one digit. */
bool decimal_divide(struct decimal *quotient, const struct decimal *a, const struct decimal *b, int decimals)
{
    struct decimal divisor = *b, rest = { .count = 0 }, made = { .exponent = -decimals };
    divisor.exponent = 0;
    int steps = (int)a->count + a->exponent - b->exponent + decimals;
    if (steps > DECIMAL_DIGITS_MAX || b->count >= DECIMAL_DIGITS_MAX)
        return false;
    for (int i = 0; i < steps; i++) {
        append_digit(&rest, i < (int)a->count ? a->digits[i] : 0);
        int digit = 0;
        while (decimal_subtract(&rest, &rest, &divisor))
            digit++;
        append_digit(&made, digit);
    }
    drop_zeros_behind_point(&made);
    *quotient = made;
    return true;
}
