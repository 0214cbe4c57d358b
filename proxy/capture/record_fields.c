/* The table of a record's facts and the access by row. Pure; any thread. */
#include "record_fields.h"

#include "countersign/compiler.h"

#include <stddef.h>
#include <string.h>

#define PLACE(member) offsetof(struct record, member)

#define TEXT(name, member, kept)                                                                                       \
    {                                                                                                                  \
        name, RECORD_FIELD_TEXT, PLACE(member), kept, true, 0                                                          \
    }
#define CHARS(name, member)                                                                                            \
    {                                                                                                                  \
        name, RECORD_FIELD_CHARS, PLACE(member), sizeof(((struct record *)0)->member), true, 0                         \
    }
#define BYTES(name, member)                                                                                            \
    {                                                                                                                  \
        name, RECORD_FIELD_BYTES, PLACE(member), sizeof(((struct record *)0)->member), true, 0                         \
    }
#define TIME(name, member)                                                                                             \
    {                                                                                                                  \
        name, RECORD_FIELD_NUMBER_64, PLACE(member), 0, true, 0                                                        \
    }
#define FLAG(name, member)                                                                                             \
    {                                                                                                                  \
        name, RECORD_FIELD_FLAG, PLACE(member), 0, false, 0                                                            \
    }
#define SMALL(name, member)                                                                                            \
    {                                                                                                                  \
        name, RECORD_FIELD_NUMBER_32, PLACE(member), 0, true, 0                                                        \
    }

/* The bytes kept of texts are far above what the configuration and the network's libraries give; they bound a frame. A
 * target is the client's, so it is kept whole. Of an answer's message the whole is in its body. */
const struct record_field record_fields[RECORD_FIELD_COUNT] = {
    { "id", RECORD_FIELD_NUMBER_64, PLACE(id), 0, false, 0 },
    TIME("received_us", received_us),
    { "outcome", RECORD_FIELD_OUTCOME, PLACE(outcome), 0, true, RECORD_IN_FLIGHT },
    TEXT("listener", listener, 64),
    TEXT("account", account, 64),
    TEXT("api_key_masked", api_key_masked, 256),
    TEXT("client_address", client_address, 256),
    { "client_uid", RECORD_FIELD_NUMBER_64, PLACE(client_uid), 0, true, -1 },
    TEXT("method", method, RECORD_FIELD_WHOLE),
    TEXT("target", target, RECORD_FIELD_WHOLE),
    SMALL("status", status),
    TEXT("api_code", api_code, 64),
    TEXT("api_message", api_message, 1024),
    TEXT("error_name", error_name, 64),
    TEXT("error_message", error_message, 1024),
    TIME("signed_us", signed_us),
    TIME("connected_us", connected_us),
    TIME("sent_us", sent_us),
    TIME("first_byte_us", first_byte_us),
    TIME("complete_us", complete_us),
    TIME("replied_us", replied_us),
    FLAG("delivered", delivered),
    FLAG("is_signed", is_signed),
    { "payload_length", RECORD_FIELD_NUMBER_64, PLACE(payload_length), 0, false, 0 },
    BYTES("payload_sha256", payload_sha256),
    TIME("expires_ms", expires_ms),
    { "window", RECORD_FIELD_NUMBER_64, PLACE(window), 0, true, 0 },
    CHARS("signature", signature),
    TEXT("local_address", connection.local_address, 64),
    SMALL("local_port", connection.local_port),
    TEXT("remote_address", connection.remote_address, 64),
    SMALL("remote_port", connection.remote_port),
    SMALL("ip_family", connection.ip_family),
    FLAG("reused", connection.reused),
    TEXT("tls_version", connection.tls_version, 64),
    TEXT("tls_cipher", connection.tls_cipher, 64),
    TEXT("http_version", connection.http_version, 64),
    { "attempts", RECORD_FIELD_NUMBER_32, PLACE(attempts), 0, false, 0 },
    { "client_signature", RECORD_FIELD_SIGNATURE, PLACE(client_signature), 0, true,
      RECORD_CLIENT_SIGNATURE_NOT_CHECKED },
    { "clock_offset_us", RECORD_FIELD_NUMBER_64, PLACE(clock_offset_us), 0, true, 0 },
    TIME("clock_bound_us", clock_bound_us),
    TIME("waited_us", waited_us),
};

_Static_assert(sizeof(int) == sizeof(int32_t), "NUMBER_32 reads int and unsigned as 32 bits");

const struct record_field *record_field_find(const char *column)
{
    const struct record_field *field = record_fields;
    while (strcmp(field->column, column) != 0)
        field++; /* ends: the caller names a column of the table */
    return field;
}

bool record_field_is_number(const struct record_field *field)
{
    return field->kind >= RECORD_FIELD_NUMBER_64;
}

int64_t record_field_number(const struct record *record, const struct record_field *field)
{
    const char *place = (const char *)record + field->offset;
    int64_t wide;
    int32_t narrow;
    switch (field->kind) {
    case RECORD_FIELD_NUMBER_64:
        memcpy(&wide, place, sizeof(wide));
        return wide;
    case RECORD_FIELD_NUMBER_32:
        memcpy(&narrow, place, sizeof(narrow));
        return narrow;
    case RECORD_FIELD_FLAG:
        return *(const bool *)place;
    case RECORD_FIELD_OUTCOME:
        return (int64_t)record->outcome;
    case RECORD_FIELD_SIGNATURE:
        return (int64_t)record->client_signature;
    default:
        return 0;
    }
}

void record_field_set_number(struct record *record, const struct record_field *field, int64_t value)
{
    char *place = (char *)record + field->offset;
    int32_t narrow = (int32_t)value;
    switch (field->kind) {
    case RECORD_FIELD_NUMBER_64:
        memcpy(place, &value, sizeof(value));
        break;
    case RECORD_FIELD_NUMBER_32:
        memcpy(place, &narrow, sizeof(narrow));
        break;
    case RECORD_FIELD_FLAG:
        *(bool *)place = value != 0;
        break;
    case RECORD_FIELD_OUTCOME:
        record->outcome = (enum record_outcome)value;
        break;
    case RECORD_FIELD_SIGNATURE:
        record->client_signature = (enum record_client_signature)value;
        break;
    default:
        break;
    }
}

/* A byte of a UTF-8 sequence that is not its first (RFC 3629 §3). */
static bool continues_sequence(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

static struct slice cut_text(struct slice text, size_t kept)
{
    if (kept == RECORD_FIELD_WHOLE || text.length <= kept)
        return text;
    while (kept > 0 && continues_sequence(text.data[kept]))
        kept--;
    return slice_first(text, kept);
}

struct slice record_field_bytes(const struct record *record, const struct record_field *field)
{
    const char *place = (const char *)record + field->offset;
    struct slice text;
    if (field->kind != RECORD_FIELD_TEXT)
        return slice_of(place, field->width);
    memcpy(&text, place, sizeof(text));
    return cut_text(text, field->width);
}

bool record_field_set_bytes(struct record *record, const struct record_field *field, struct slice value)
{
    char *place = (char *)record + field->offset;
    if (field->kind == RECORD_FIELD_TEXT) {
        memcpy(place, &value, sizeof(value));
        return true;
    }
    if (value.length != field->width)
        return false;
    memcpy(place, value.data, value.length);
    return true;
}

bool record_field_is_absent(const struct record *record, const struct record_field *field)
{
    if (!field->has_null)
        return false;
    if (record_field_is_number(field))
        return record_field_number(record, field) == field->absent;
    struct slice bytes = record_field_bytes(record, field);
    return field->kind == RECORD_FIELD_TEXT ? bytes.length == 0 : slice_is_zero(bytes);
}
