/* Numbers with units, read and written through one table of units. Pure; any thread. */
#include "number.h"

#include <inttypes.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* A spelling that is refused but whose meaning is plain. */
struct spelling {
    const char *written; /* lower case */
    const char *meant;
};

/* Largest unit first: writing takes the first that divides. */
static const struct unit integer_units[] = { { "", 1 } };
static const struct unit size_units[] = {
    { "GiB", INT64_C(1) << 30 }, { "MiB", INT64_C(1) << 20 }, { "KiB", INT64_C(1) << 10 }, { "", 1 }, { "B", 1 },
};
static const struct unit duration_units[] = {
    { "h", INT64_C(3600000000) },
    { "m", INT64_C(60000000) },
    { "s", INT64_C(1000000) },
    { "ms", INT64_C(1000) },
    { "us", 1 },
};

static const struct spelling size_spellings[] = {
    { "k", "KiB" },   { "kb", "KiB" }, { "kib", "KiB" }, { "m", "MiB" },   { "mb", "MiB" },
    { "mib", "MiB" }, { "g", "GiB" },  { "gb", "GiB" },  { "gib", "GiB" }, { "b", "B" },
};
static const struct spelling duration_spellings[] = {
    { "", "s" },  { "s", "s" },    { "sec", "s" }, { "seconds", "s" }, { "min", "m" },        { "minutes", "m" },
    { "h", "h" }, { "hour", "h" }, { "ms", "ms" }, { "msec", "ms" },   { "\xc2\xb5s", "us" }, { "us", "us" },
};

struct family {
    const struct unit *units;
    size_t unit_count;
    const struct spelling *spellings;
    size_t spelling_count;
    const char *zero;
};

static const struct family integers = { integer_units, ARRAY_LENGTH(integer_units), NULL, 0, "0" };
static const struct family sizes = { size_units, ARRAY_LENGTH(size_units), size_spellings, ARRAY_LENGTH(size_spellings),
                                     "0" };
static const struct family durations = { duration_units, ARRAY_LENGTH(duration_units), duration_spellings,
                                         ARRAY_LENGTH(duration_spellings), "0s" };

static const struct family *family_of(enum config_type type)
{
    if (type == CONFIG_TYPE_SIZE)
        return &sizes;
    return type == CONFIG_TYPE_DURATION ? &durations : &integers;
}

static struct slice leading_digits(struct slice text)
{
    size_t length = 0;
    while (length < text.length && text.data[length] >= '0' && text.data[length] <= '9')
        length++;
    return slice_first(text, length);
}

/* 0 where there is no such unit. */
static int64_t unit_factor(const struct family *family, struct slice name)
{
    for (size_t i = 0; i < family->unit_count; i++) {
        if (slice_equal_text(name, family->units[i].name))
            return family->units[i].factor;
    }
    return 0;
}

bool config_number_parse(int64_t *number, enum config_type type, struct slice text)
{
    struct slice digits = leading_digits(text);
    uint64_t count = 0;
    int64_t factor = unit_factor(family_of(type), slice_from(text, digits.length));
    int64_t product = 0;
    if (factor == 0 || !slice_to_u64(digits, &count) || __builtin_mul_overflow(count, factor, &product))
        return false;
    *number = product;
    return true;
}

void config_number_append(struct buffer *out, enum config_type type, int64_t number)
{
    const struct family *family = family_of(type);
    if (number == 0) {
        (void)buffer_append_text(out, family->zero); /* the caller checks `failed` */
        return;
    }
    const struct unit *unit = family->units;
    while (unit->factor != 1 && number % unit->factor != 0)
        unit++;
    (void)buffer_append_format(out, "%" PRId64 "%s", number / unit->factor, unit->name); /* likewise */
}

void config_number_append_meant(struct buffer *out, enum config_type type, struct slice text)
{
    const struct family *family = family_of(type);
    struct slice digits = leading_digits(text);
    struct slice rest = slice_trim_blanks(slice_from(text, digits.length));
    for (size_t i = 0; digits.length > 0 && i < family->spelling_count; i++) {
        if (slice_equal_text_caseless(rest, family->spellings[i].written))
            (void)buffer_append_format(out, "%.*s%s", SLICE_ARGUMENTS(digits), family->spellings[i].meant);
    }
}
