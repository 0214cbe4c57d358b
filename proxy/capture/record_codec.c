/* The layout of a record's bytes, all numbers little-endian:
 *
 *   each field of record_fields.h in its order   numbers u64; CHARS and BYTES as they are; TEXT u32 length, bytes;
 *                                                a digest that follows is all zero, as no payload's is
 *   for each view                                u32 length, head; u8 view with this body; where that is the view itself:
 *                                                u32 length, body
 */
#include "record_codec.h"

#include "little_endian.h"
#include "record_fields.h"
#include "redaction_copy.h"

enum { NUMBER_SIZE = 8, LENGTH_SIZE = 4, SOURCE_SIZE = 1 };
enum {
    AT_REPLIED_US = NUMBER_SIZE,
    AT_DELIVERED = AT_REPLIED_US + NUMBER_SIZE
}; /* in a "replied" note, behind its id */

/* --- measuring and writing --- */

static struct slice head_of(const struct record_image *image, size_t view)
{
    bool is_in = image->whole || view == RECORD_CLIENT_REQUEST;
    return is_in ? image->record->views[view].head : slice_of(NULL, 0);
}

static struct slice body_of(const struct record_image *image, size_t view)
{
    bool is_in = image->whole || view <= RECORD_UPSTREAM_REQUEST;
    return is_in ? image->record->views[view].body : slice_of(NULL, 0);
}

/* Where a body is passed on, its slices have one address: most comparisons end there. */
static bool same_bytes(struct slice a, struct slice b)
{
    return a.length == b.length && (a.data == b.data || slice_equal(a, b));
}

static unsigned char source_of(const struct record_image *image, size_t view)
{
    size_t source = 0;
    while (source < view && !same_bytes(body_of(image, source), body_of(image, view)))
        source++;
    return (unsigned char)source;
}

static size_t field_length(const struct record *record, const struct record_field *field)
{
    if (record_field_is_number(field))
        return NUMBER_SIZE;
    size_t length = record_field_bytes(record, field).length;
    return field->kind == RECORD_FIELD_TEXT ? LENGTH_SIZE + length : length;
}

struct record_image record_image_of(const struct record *record, bool whole)
{
    struct record_image image = { .record = record, .whole = whole };
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        image.length += field_length(record, &record_fields[i]);
    for (size_t view = 0; view < RECORD_VIEW_COUNT; view++) {
        image.body_sources[view] = source_of(&image, view);
        image.length += LENGTH_SIZE + head_of(&image, view).length + SOURCE_SIZE;
        if (image.body_sources[view] == view)
            image.length += LENGTH_SIZE + body_of(&image, view).length;
    }
    return image;
}

size_t record_image_overhead(void)
{
    static const struct record nothing;
    size_t length = (size_t)RECORD_VIEW_COUNT * (LENGTH_SIZE + SOURCE_SIZE + LENGTH_SIZE);
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++) {
        length += field_length(&nothing, &record_fields[i]);
        if (record_fields[i].kind == RECORD_FIELD_TEXT)
            length += record_fields[i].width;
    }
    return length;
}

static char *write_bytes(char *out, struct slice bytes)
{
    if (bytes.length > 0)
        memcpy(out, bytes.data, bytes.length);
    return out + bytes.length;
}

/* Lengths fit: a frame lies within one ring, and capture.ring_size is at most 4 GiB. */
static char *write_length(char *out, size_t length)
{
    put_u32(out, (uint32_t)length);
    return out + LENGTH_SIZE;
}

static char *write_field(char *out, const struct record *record, const struct record_field *field)
{
    if (record_field_is_number(field)) {
        put_u64(out, (uint64_t)record_field_number(record, field));
        return out + NUMBER_SIZE;
    }
    struct slice bytes = record_field_bytes(record, field);
    if (field->kind == RECORD_FIELD_TEXT)
        out = write_length(out, bytes.length);
    return write_bytes(out, bytes);
}

void record_image_write(char *out, const struct record_image *image)
{
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        out = write_field(out, image->record, &record_fields[i]);
    for (size_t view = 0; view < RECORD_VIEW_COUNT; view++) {
        struct slice head = head_of(image, view);
        out = write_length(out, head.length);
        redaction_copy_head(out, head);
        out += head.length;
        *out++ = (char)image->body_sources[view];
        if (image->body_sources[view] == view) {
            struct slice body = body_of(image, view);
            out = write_bytes(write_length(out, body.length), body);
        }
    }
}

/* --- reading --- */

/* Cuts `length` bytes off `rest`. */
static bool take(struct slice *part, struct slice *rest, size_t length)
{
    if (rest->length < length)
        return false;
    *part = slice_first(*rest, length);
    *rest = slice_from(*rest, length);
    return true;
}

static bool take_counted(struct slice *part, struct slice *rest)
{
    struct slice length;
    return take(&length, rest, LENGTH_SIZE) && take(part, rest, get_u32(length.data));
}

static bool number_is_possible(const struct record_field *field, int64_t value)
{
    switch (field->kind) {
    case RECORD_FIELD_NUMBER_32:
        return value >= INT32_MIN && value <= INT32_MAX;
    case RECORD_FIELD_FLAG:
        return value == 0 || value == 1;
    case RECORD_FIELD_OUTCOME:
        return value >= 0 && value < RECORD_OUTCOME_COUNT;
    case RECORD_FIELD_SIGNATURE:
        return value >= 0 && value < RECORD_CLIENT_SIGNATURE_COUNT;
    default:
        return true;
    }
}

static bool read_field(struct record *record, const struct record_field *field, struct slice *rest)
{
    struct slice part;
    if (record_field_is_number(field)) {
        if (!take(&part, rest, NUMBER_SIZE))
            return false;
        int64_t value = (int64_t)get_u64(part.data);
        if (!number_is_possible(field, value))
            return false;
        record_field_set_number(record, field, value);
        return true;
    }
    bool taken = field->kind == RECORD_FIELD_TEXT ? take_counted(&part, rest) : take(&part, rest, field->width);
    return taken && record_field_set_bytes(record, field, part);
}

static bool read_view(struct record *record, size_t view, struct slice *rest)
{
    struct slice source;
    if (!take_counted(&record->views[view].head, rest) || !take(&source, rest, SOURCE_SIZE))
        return false;
    size_t from = (unsigned char)source.data[0];
    if (from < view)
        record->views[view].body = record->views[from].body;
    return from < view || (from == view && take_counted(&record->views[view].body, rest));
}

static bool decode(struct record *record, struct slice payload, size_t fields)
{
    struct record read = { .id = 0 };
    struct slice rest = payload;
    for (size_t i = 0; i < fields; i++) {
        if (!read_field(&read, &record_fields[i], &rest))
            return false;
    }
    for (size_t view = 0; view < RECORD_VIEW_COUNT; view++) {
        if (!read_view(&read, view, &rest))
            return false;
    }
    if (rest.length != 0)
        return false;
    read.digest_follows = read.is_signed && slice_is_zero(slice_of(read.payload_sha256, sizeof(read.payload_sha256)));
    *record = read;
    return true;
}

/* What stands where the fields do that an older payload lacks is the length of the client's head, and its first bytes: of
 * any that HTTP allows, they are more than a field or the next length may be. */
bool record_decode(struct record *record, struct slice payload)
{
    return decode(record, payload, RECORD_FIELD_COUNT) || decode(record, payload, RECORD_FIELD_COUNT_2) ||
           decode(record, payload, RECORD_FIELD_COUNT_1);
}

/* --- replied --- */

void replied_write(char *out, const struct replied *replied)
{
    put_u64(out, (uint64_t)replied->id);
    put_u64(out + AT_REPLIED_US, (uint64_t)replied->replied_us);
    out[AT_DELIVERED] = replied->delivered ? 1 : 0;
}

bool replied_decode(struct replied *replied, struct slice payload)
{
    if (payload.length != REPLIED_LENGTH)
        return false;
    *replied = (struct replied){
        .id = (int64_t)get_u64(payload.data),
        .replied_us = (int64_t)get_u64(payload.data + AT_REPLIED_US),
        .delivered = payload.data[AT_DELIVERED] == 1,
    };
    return true;
}

/* --- dropped --- */

enum { AT_FIRST_US = NUMBER_SIZE, AT_LAST_US = AT_FIRST_US + NUMBER_SIZE };

void dropped_write(char *out, const struct dropped *dropped)
{
    put_u64(out, dropped->count);
    put_u64(out + AT_FIRST_US, (uint64_t)dropped->first_us);
    put_u64(out + AT_LAST_US, (uint64_t)dropped->last_us);
}

bool dropped_decode(struct dropped *dropped, struct slice payload)
{
    if (payload.length != DROPPED_LENGTH)
        return false;
    *dropped = (struct dropped){
        .count = get_u64(payload.data),
        .first_us = (int64_t)get_u64(payload.data + AT_FIRST_US),
        .last_us = (int64_t)get_u64(payload.data + AT_LAST_US),
    };
    return true;
}

void dropped_add(struct dropped *dropped, const struct dropped *more)
{
    if (more->count == 0)
        return;
    if (dropped->count == 0 || more->first_us < dropped->first_us)
        dropped->first_us = more->first_us;
    if (more->last_us > dropped->last_us)
        dropped->last_us = more->last_us;
    dropped->count += more->count;
}

bool payload_id(int64_t *id, struct slice payload)
{
    if (payload.length < NUMBER_SIZE)
        return false;
    *id = (int64_t)get_u64(payload.data);
    return true;
}
