/* Heads to templates: one walk over the lines, a look at a value where its field's name is one of a few. */
#include "head_template.h"

#include "little_endian.h"
#include "schema.h"

#include "countersign/compiler.h"
#include "countersign/digits.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DATE_LENGTH = 29, CASE_BIT = 0x20 };

static const char day_names[] = "SunMonTueWedThuFriSat", month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Whether any of eight bytes at once is below SCHEMA_HOLE_END: in each that is not, taking that away borrows nothing. */
static bool has_low_byte(uint64_t word)
{
    const uint64_t each = 0x0101010101010101;
    return ((word - each * SCHEMA_HOLE_END) & ~word & each << 7) != 0;
}

bool head_template_takes(struct slice head)
{
    size_t at = 0;
    while (at + sizeof(uint64_t) <= head.length && !has_low_byte(get_u64(head.data + at)))
        at += sizeof(uint64_t);
    for (; at < head.length; at++) { /* its end; or all from the first low byte on, which a NUL is, too */
        if ((unsigned char)(head.data[at] - 1) < SCHEMA_HOLE_END - 1)
            return false;
    }
    return true;
}

/* --- dates --- */

/* "Sun, 06 Nov 1994 08:49:37 GMT" into `text` of DATE_LENGTH + 1 bytes. */
static void format_date(char *text, size_t size, const struct tm *parts)
{
    (void)snprintf(text, size, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                   day_names + (size_t)3 * (size_t)parts->tm_wday, parts->tm_mday,
                   month_names + (size_t)3 * (size_t)parts->tm_mon, parts->tm_year + 1900, parts->tm_hour,
                   parts->tm_min, parts->tm_sec); /* what does not fit is no such date: the caller compares */
}

static int two_digits(const char *at)
{
    return (at[0] - '0') * 10 + (at[1] - '0');
}

static int month_of(const char *name)
{
    for (int i = 0; i < 12; i++) {
        if (memcmp(month_names + (size_t)i * 3, name, 3) == 0)
            return i;
    }
    return 0;
}

/* Only what formats back to the very same text counts. */
static int64_t read_date(struct slice value)
{
    char text[DATE_LENGTH * 2];
    const char *at = value.data;
    struct tm parts = { .tm_mday = two_digits(at + 5),
                        .tm_mon = month_of(at + 8),
                        .tm_year = two_digits(at + 12) * 100 + two_digits(at + 14) - 1900,
                        .tm_hour = two_digits(at + 17),
                        .tm_min = two_digits(at + 20),
                        .tm_sec = two_digits(at + 23) };
    time_t seconds = timegm(&parts); /* fills in the day of the week */
    format_date(text, sizeof(text), &parts);
    return seconds > 0 && slice_equal_text(value, text) ? (int64_t)seconds : 0;
}

/* Heads of one second have the same, several times each: the last one is kept. */
static int64_t date_value(struct slice value)
{
    static _Thread_local struct {
        char text[DATE_LENGTH];
        int64_t value;
    } last;
    if (value.length != DATE_LENGTH)
        return 0;
    if (memcmp(last.text, value.data, DATE_LENGTH) != 0) {
        last.value = read_date(value);
        memcpy(last.text, value.data, DATE_LENGTH);
    }
    return last.value;
}

/* --- fields --- */

struct field_row {
    const char *name;
    enum schema_hole hole;
};

static const struct field_row fields[] = {
    { "X-CS-SIGN", SCHEMA_HOLE_SIGNATURE },   { "X-CS-EXPIRES", SCHEMA_HOLE_EXPIRES },    { "Date", SCHEMA_HOLE_DATE },
    { "Content-Length", SCHEMA_HOLE_LENGTH }, { "Countersign-Exchange", SCHEMA_HOLE_ID },
};

static const struct field_row *find_field(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        if ((name.data[0] | CASE_BIT) == (fields[i].name[0] | CASE_BIT) &&
            slice_equal_text_caseless(name, fields[i].name))
            return &fields[i];
    }
    return NULL;
}

/* Of imported exchanges alone. */
static bool is_negative(struct slice value, int64_t number)
{
    char text[DIGITS_MAX];
    return value.length > 0 && value.data[0] == '-' &&
           slice_equal(slice_from(value, 1), digits_of(text, -(uint64_t)number));
}

static bool is_number(struct slice value, int64_t number)
{
    char text[DIGITS_MAX];
    return number >= 0 ? slice_equal(value, digits_of(text, (uint64_t)number)) : is_negative(value, number);
}

static bool fills_hole(struct slice value, enum schema_hole hole, const struct head_values *values)
{
    switch (hole) {
    case SCHEMA_HOLE_SIGNATURE:
        return values->signature.length > 0 && slice_equal(value, values->signature);
    case SCHEMA_HOLE_EXPIRES:
        return values->expires_ms != 0 && is_number(value, values->expires_ms);
    case SCHEMA_HOLE_DATE:
        return values->date_s != 0 && date_value(value) == values->date_s;
    case SCHEMA_HOLE_LENGTH:
        return is_number(value, (int64_t)values->body_length);
    case SCHEMA_HOLE_ID:
        return is_number(value, values->id);
    default:
        return false;
    }
}

/* A line without its line end: name and value with the blanks around it left out. False where it is no field. */
static bool split_line(struct slice line, struct slice *name, struct slice *value)
{
    size_t colon = slice_find(line, ':');
    if (colon == 0 || colon >= line.length)
        return false;
    *name = slice_first(line, colon);
    *value = slice_trim_blanks(slice_from(line, colon + 1));
    return true;
}

static void append_with_hole(struct buffer *out, struct slice line, struct slice part, enum schema_hole hole)
{
    size_t before = (size_t)(part.data - line.data);
    (void)buffer_append_slice(out, slice_first(line, before)); /* the caller checks `failed`, here and below */
    (void)buffer_append_byte(out, (char)hole);
    (void)buffer_append_slice(out, slice_from(line, before + part.length));
}

static void append_field_line(struct buffer *out, struct slice line, const struct head_values *values)
{
    struct slice name, value;
    const struct field_row *field = split_line(line, &name, &value) ? find_field(name) : NULL;
    if (field != NULL && fills_hole(value, field->hole, values))
        append_with_hole(out, line, value, field->hole);
    else
        (void)buffer_append_slice(out, line); /* the caller checks `failed` */
}

/* "METHOD TARGET VERSION": the target where it is the row's. */
static void append_first_line(struct buffer *out, struct slice line, const struct head_values *values)
{
    size_t blank = slice_find(line, ' ');
    struct slice target = slice_first(slice_from(line, blank + 1), values->target.length);
    struct slice after = slice_from(line, blank + 1 + target.length);
    if (target.length > 0 && after.length > 0 && after.data[0] == ' ' && slice_equal(target, values->target))
        append_with_hole(out, line, target, SCHEMA_HOLE_TARGET);
    else
        (void)buffer_append_slice(out, line); /* the caller checks `failed` */
}

/* Cuts the next line off `rest`; `end` gets its CR and LF, or what there is of them. */
static struct slice next_line(struct slice *rest, struct slice *end)
{
    size_t length = slice_find(*rest, '\n');
    struct slice whole = slice_first(*rest, length + 1);
    struct slice line = slice_first(whole, length);
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    *end = slice_from(whole, line.length);
    *rest = slice_from(*rest, whole.length);
    return line;
}

bool head_template_append(struct buffer *out, struct slice head, const struct head_values *values)
{
    struct slice rest = head, end;
    bool is_first = true;
    if (!head_template_takes(head))
        return false;
    while (rest.length > 0) {
        struct slice line = next_line(&rest, &end);
        if (is_first)
            append_first_line(out, line, values);
        else
            append_field_line(out, line, values);
        (void)buffer_append_slice(out, end); /* the caller checks `failed` */
        is_first = false;
    }
    return true;
}

/* The Date field's value; empty where there is none. */
static struct slice date_text(struct slice head)
{
    struct slice rest = head, end, name, value;
    while (rest.length > 0) {
        struct slice line = next_line(&rest, &end);
        bool may_be_it = line.length > 0 && (line.data[0] | CASE_BIT) == 'd';
        if (may_be_it && split_line(line, &name, &value) && slice_equal_text_caseless(name, "Date"))
            return value;
    }
    return slice_of(NULL, 0);
}

int64_t head_template_date(struct slice head, struct slice *text)
{
    struct slice found = date_text(head);
    int64_t seconds = date_value(found);
    *text = seconds == 0 ? slice_of(NULL, 0) : found;
    return seconds;
}
