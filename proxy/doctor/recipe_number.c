/* Numbers as languages print them that read them as doubles: to guess what was signed, never for what is sent. Pure. */
#include "recipe_private.h"

#include <float.h>
#include <math.h>
#include <stdio.h> /* snprintf */
#include <stdlib.h>
#include <string.h>

enum {
    DIGITS_MAX = 17,      /* significant digits that tell every double from each other (IEEE 754-2019 §5.12.2) */
    NUMBER_TEXT_MAX = 400 /* bytes of a number with its NUL; a longer one stays as written */
};

/* A double in its shortest decimal form that reads back as itself: 0.DIGITS times ten to `point`. */
struct decimal {
    bool is_negative;
    char digits[DIGITS_MAX + 1];
    int count;
    int point;
};

/* A form of up to DBL_DIG digits comes out of DBL_DIG of them, with zeros at its end; but not below DBL_MIN, where doubles
 * have fewer. */
static bool shortest(struct decimal *decimal, double value)
{
    char text[DIGITS_MAX + 16]; /* sign, point, exponent */
    *decimal = (struct decimal){ .is_negative = signbit(value) };
    for (int precision = fabs(value) < DBL_MIN ? 0 : DBL_DIG - 1; precision < DIGITS_MAX; precision++) {
        (void)snprintf(text, sizeof(text), "%.*e", precision, fabs(value)); /* fits */
        if (strtod(text, NULL) == fabs(value))
            break;
    }
    const char *exponent = strchr(text, 'e');
    if (exponent == NULL)
        return false; /* infinite, or no number */
    for (const char *at = text; at < exponent; at++) {
        if (*at != '.')
            decimal->digits[decimal->count++] = *at;
    }
    while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0')
        decimal->count--;
    decimal->point = (int)strtol(exponent + 1, NULL, 10) + 1;
    return true;
}

/* Digits with the point among, before or behind them; `fraction` is what an integer has behind it. */
static void append_fixed(struct buffer *out, const struct decimal *decimal, const char *fraction)
{
    int count = decimal->count, point = decimal->point;
    if (point <= 0) {
        buffer_append_text(out, "0.");
        for (int i = point; i < 0; i++)
            buffer_append_byte(out, '0');
        buffer_append(out, decimal->digits, (size_t)count);
        return;
    }
    buffer_append(out, decimal->digits, (size_t)(count < point ? count : point));
    for (int i = count; i < point; i++)
        buffer_append_byte(out, '0');
    if (count <= point) {
        buffer_append_text(out, fraction);
        return;
    }
    buffer_append_byte(out, '.');
    buffer_append(out, decimal->digits + point, (size_t)(count - point));
}

/* One digit, the rest behind the point; `exponent` is a format for the exponent. */
static void append_mantissa(struct buffer *out, const struct decimal *decimal, const char *fraction)
{
    buffer_append_byte(out, decimal->digits[0]);
    if (decimal->count > 1) {
        buffer_append_byte(out, '.');
        buffer_append(out, decimal->digits + 1, (size_t)decimal->count - 1);
    } else {
        buffer_append_text(out, fraction);
    }
}

/* repr(): exponents below -4 and from 16 on, with two digits at least (Python, float_repr_style "short"). */
static void append_python(struct buffer *out, const struct decimal *decimal)
{
    int exponent = decimal->point - 1;
    if (exponent >= -4 && exponent < 16) {
        append_fixed(out, decimal, ".0");
        return;
    }
    append_mantissa(out, decimal, "");
    buffer_append_format(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

/* Number::toString (ECMA-262): exponents below -7 and from 21 on. */
static void append_javascript(struct buffer *out, const struct decimal *decimal)
{
    if (decimal->point > -6 && decimal->point <= 21) {
        append_fixed(out, decimal, "");
        return;
    }
    append_mantissa(out, decimal, "");
    buffer_append_format(out, "e%c%d", decimal->point < 1 ? '-' : '+', abs(decimal->point - 1));
}

/* Double.toString (Java): exponents below -3 and from 7 on, a digit behind the point always. */
static void append_java(struct buffer *out, const struct decimal *decimal)
{
    if (decimal->point > -3 && decimal->point <= 7) {
        append_fixed(out, decimal, ".0");
        return;
    }
    append_mantissa(out, decimal, ".0");
    buffer_append_format(out, "E%d", decimal->point - 1);
}

static void append_double(struct buffer *out, double value, enum recipe_numbers form)
{
    struct decimal decimal;
    if (!shortest(&decimal, value))
        return;
    if (value == 0) {
        decimal.point = 1; /* zero has no exponent */
        decimal.is_negative = decimal.is_negative && form != NUMBERS_JAVASCRIPT;
    }
    if (decimal.is_negative)
        buffer_append_byte(out, '-');
    if (form == NUMBERS_PYTHON)
        append_python(out, &decimal);
    else if (form == NUMBERS_JAVASCRIPT)
        append_javascript(out, &decimal);
    else
        append_java(out, &decimal);
}

static bool is_integer(struct slice number)
{
    for (size_t i = 0; i < number.length; i++) {
        if (strchr(".eE", number.data[i]) != NULL) /* no JSON number has a NUL */
            return false;
    }
    return true;
}

/* Python and Java read integers as such; JavaScript makes a double of every number. */
void recipe_number_append(struct buffer *out, struct slice number, enum recipe_numbers form)
{
    char text[NUMBER_TEXT_MAX];
    bool is_printed_again = form == NUMBERS_PYTHON || form == NUMBERS_JAVASCRIPT || form == NUMBERS_JAVA;
    if (!is_printed_again || number.length >= sizeof(text)) {
        buffer_append_slice(out, number);
        return;
    }
    if (is_integer(number) && form != NUMBERS_JAVASCRIPT) {
        buffer_append_slice(out, slice_equal_text(number, "-0") ? SLICE_LITERAL("0") : number);
        return;
    }
    (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARGUMENTS(number)); /* fits: see above */
    double value = strtod(text, NULL);
    if (isfinite(value))
        append_double(out, value, form);
    else
        buffer_append_slice(out, number);
}

void recipe_double_append_python(struct buffer *out, double value)
{
    append_double(out, value, NUMBERS_PYTHON);
}

bool recipe_is_number(struct slice text)
{
    struct json_scan scan;
    struct slice token_text;
    json_scan_init(&scan, text);
    return json_scan_next(&scan, &token_text) == JSON_NUMBER && token_text.length == text.length;
}
