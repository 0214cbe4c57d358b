/* Exact decimal numbers without a sign: amounts are compared and reckoned with as written, never as doubles.
 * value = digits × 10^exponent, the most significant digit first. Pure; any thread. */
#ifndef COUNTERSIGN_DECIMAL_H
#define COUNTERSIGN_DECIMAL_H

#include "countersign/compiler.h"
#include "countersign/slice.h"

enum {
    DECIMAL_READ_DIGITS_MAX = 40,                     /* significant digits of a number that is read */
    DECIMAL_READ_EXPONENT_MAX = 40,                   /* and its exponent, to either side of zero */
    DECIMAL_DIGITS_MAX = 2 * DECIMAL_READ_DIGITS_MAX, /* a product of two of them */
    DECIMAL_TEXT_MAX = DECIMAL_DIGITS_MAX + 16        /* decimal_format's longest text with its NUL */
};

struct decimal {
    unsigned char digits[DECIMAL_DIGITS_MAX]; /* 0 to 9, no leading zero */
    size_t count;                             /* 0 for zero */
    int exponent;
};

/* Reads a JSON number (RFC 8259 §6) without a minus sign. False where it is none, or beyond the bounds above. */
MUST_CHECK bool decimal_parse(struct decimal *decimal, struct slice text);

/* A number of the program's own tables; 0 where it is none. */
struct decimal decimal_constant(const char *text);

/* mantissa × 10^exponent. */
struct decimal decimal_of(uint64_t mantissa, int exponent);

/* False where the product has more than DECIMAL_DIGITS_MAX digits. */
MUST_CHECK bool decimal_multiply(struct decimal *product, const struct decimal *a, const struct decimal *b);

/* False where the sum has more than DECIMAL_DIGITS_MAX digits. Its exponent is the smaller of the two: 1.50 + 1 = 2.50. */
MUST_CHECK bool decimal_add(struct decimal *sum, const struct decimal *a, const struct decimal *b);

/* As above; false also where a is less than b. */
MUST_CHECK bool decimal_subtract(struct decimal *difference, const struct decimal *a, const struct decimal *b);

/* a / b to `decimals` places, what is beyond them dropped, without zeros at the end. b is not 0. False where the quotient
 * has more than DECIMAL_DIGITS_MAX digits. */
MUST_CHECK bool decimal_divide(struct decimal *quotient, const struct decimal *a, const struct decimal *b,
                               int decimals);

/* Drops what is beyond `decimals` places. */
void decimal_truncate(struct decimal *decimal, int decimals);

/* Restores what every number here keeps to, where a calculation left zeros before the first digit. */
void decimal_drop_leading_zeros(struct decimal *decimal);

bool decimal_is_zero(const struct decimal *decimal);

/* Below, at or above 0 where a is less than, equal to or greater than b. */
int decimal_compare(const struct decimal *a, const struct decimal *b);

/* The form in which the exchange writes numbers ("41995.5", "9.1E-10", "0E-18": that of Java's BigDecimal.toString, as
 * the examples in its documentation show) into `text` of DECIMAL_TEXT_MAX bytes; returns `text`. */
char *decimal_format(char *text, const struct decimal *decimal);

#endif
