/* See store_row.h. */
#include "store_row.h"

#include "countersign/compiler.h"
#include "countersign/hex.h"
#include "countersign/http_message.h"

#include <string.h>

enum { SIGNATURE_BYTES = sizeof(((struct record *)0)->signature) / 2, WINDOW_MS = 30000 };

/* The columns before the eight references, in the order in which store_row_take takes them. */
static const char *const own_columns[] = {
    "id",
    "received_us",
    "party",
    "endpoint",
    "verdict",
    "connection",
    "client_port",
    "query",
    "signed_after",
    "connected_after",
    "sent_after",
    "first_byte_after",
    "complete_after",
    "replied_after",
    "delivered",
    "is_signed",
    "reused",
    "attempts",
    "payload_length",
    "payload_sha256",
    "expires_after",
    "window",
    "signature",
    "date_after",
    "clock_offset_us",
    "clock_bound_us",
    "waited_us",
};
_Static_assert(ARRAY_LENGTH(own_columns) + SQL_REFERENCE_COUNT == STORE_ROW_COLUMNS, "each column has a value");

/* --- the statement --- */

static const char *column_name(size_t i)
{
    size_t own = ARRAY_LENGTH(own_columns);
    return i < own ? own_columns[i] : sql_reference_columns[i - own];
}

/* The caller checks `failed`, here and below. */
static void append_places(struct buffer *sql)
{
    for (size_t i = 0; i < STORE_ROW_COLUMNS; i++)
        (void)buffer_append_text(sql, i == 0 ? "(?" : ", ?");
    (void)buffer_append_byte(sql, ')');
}

static void append_insert(struct buffer *sql, const char *verb, size_t rows)
{
    (void)buffer_append_format(sql, "%s INTO record(", verb);
    for (size_t i = 0; i < STORE_ROW_COLUMNS; i++)
        (void)buffer_append_format(sql, "%s%s", i == 0 ? "" : ", ", column_name(i));
    (void)buffer_append_text(sql, ") VALUES ");
    for (size_t i = 0; i < rows; i++) {
        (void)buffer_append_text(sql, i == 0 ? "" : ", ");
        append_places(sql);
    }
}

void store_row_append_put(struct buffer *sql)
{
    append_insert(sql, "INSERT", 1);
    (void)buffer_append_text(sql, " ON CONFLICT(id) DO UPDATE SET ");
    for (size_t i = 1; i < STORE_ROW_COLUMNS; i++)
        (void)buffer_append_format(sql, "%s%s = excluded.%s", i == 1 ? "" : ", ", column_name(i), column_name(i));
}

void store_row_append_add(struct buffer *sql, size_t rows)
{
    append_insert(sql, "INSERT OR FAIL", rows);
}

int store_row_bind(sqlite3_stmt *statement, size_t number, const struct store_row *row)
{
    int place = (int)(number * STORE_ROW_COLUMNS), code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < STORE_ROW_COLUMNS; i++)
        code = sql_bind_value(statement, ++place, &row->values[i]);
    return code;
}

/* --- its values --- */

/* Takes one value after the other. */
struct taker {
    struct store_row *row;
    struct value *next;
};

static void take_number(struct taker *taker, int64_t number)
{
    value_set_number(taker->next++, number);
}

/* NULL where `known` is false. */
static void take_known(struct taker *taker, int64_t number, bool known)
{
    if (known)
        value_set_number(taker->next++, number);
    else
        value_set_null(taker->next++);
}

static void take_text(struct taker *taker, struct slice text)
{
    value_set_text(taker->next++, text);
}

static void take_blob(struct taker *taker, struct slice bytes, bool known)
{
    if (known)
        value_set_blob(taker->next++, bytes);
    else
        value_set_null(taker->next++);
}

static void take_times(struct taker *taker, const struct record *record)
{
    const int64_t moments[] = { record->signed_us,     record->connected_us, record->sent_us,
                                record->first_byte_us, record->complete_us,  record->replied_us };
    for (size_t i = 0; i < ARRAY_LENGTH(moments); i++)
        take_known(taker, (int64_t)((uint64_t)moments[i] - (uint64_t)record->received_us), moments[i] != 0);
}

/* Whether the digest is what a reader gets from the query and the body that left (record_row.c). */
static bool follows_from_payload(struct digester *digester, const struct record *record)
{
    struct digest digest;
    return record->is_signed &&
           digester_of(&digest, digester, http_target_query(record->target),
                       record->views[RECORD_UPSTREAM_REQUEST].body) &&
           memcmp(digest.bytes, record->payload_sha256, DIGEST_LENGTH) == 0;
}

static void take_digest(struct taker *taker, const struct record *record, struct digester *digester)
{
    struct slice digest = slice_of(record->payload_sha256, DIGEST_LENGTH);
    bool is_kept = !record->digest_follows && (record->is_signed || !slice_is_zero(digest)) &&
                   !follows_from_payload(digester, record);
    if (is_kept)
        memcpy(taker->row->digest, record->payload_sha256, DIGEST_LENGTH);
    take_blob(taker, slice_of(taker->row->digest, DIGEST_LENGTH), is_kept);
}

static bool is_lower_hex(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.data[i];
        if (!((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f')))
            return false;
    }
    return true;
}

static void take_signature(struct taker *taker, const struct record *record)
{
    char *own = taker->row->signature;
    struct slice text = slice_of(record->signature, sizeof(record->signature));
    bool is_known = record->signature[0] != '\0';
    if (is_known && !is_lower_hex(text)) {
        memcpy(own, text.data, text.length);
        take_text(taker, slice_of(own, text.length));
        return;
    }
    is_known = is_known && hex_decode((unsigned char *)own, text.data, SIGNATURE_BYTES);
    take_blob(taker, slice_of(own, SIGNATURE_BYTES), is_known);
}

static void take_signing(struct taker *taker, const struct record *record, struct digester *digester)
{
    int64_t signed_ms = record->signed_us / 1000;
    int64_t window = record->expires_ms / WINDOW_MS; /* as the view has it */
    take_number(taker, (int64_t)record->payload_length);
    take_digest(taker, record, digester);
    take_known(taker, record->expires_ms - signed_ms, record->expires_ms != 0);
    take_known(taker, (int64_t)record->window, (int64_t)record->window != window);
    take_signature(taker, record);
}

static void take_what_was_asked(struct taker *taker, const struct record *record, const int64_t *dictionaries)
{
    struct slice query;
    int64_t port;
    (void)dictionary_split_query(record->target, &query);       /* for the query alone */
    (void)dictionary_split_port(record->client_address, &port); /* for the port alone */
    take_number(taker, record->id);
    take_known(taker, record->received_us, record->received_us != 0);
    take_number(taker, dictionaries[DICTIONARY_PARTY]);
    take_number(taker, dictionaries[DICTIONARY_ENDPOINT]);
    take_number(taker, dictionaries[DICTIONARY_VERDICT]);
    take_known(taker, dictionaries[DICTIONARY_CONNECTION], dictionaries[DICTIONARY_CONNECTION] != 0);
    take_known(taker, port, port != 0);
    take_text(taker, query);
}

void store_row_take(struct store_row *row, const struct record *record, const struct store_row_references *references,
                    int64_t date_s, struct digester *digester)
{
    struct taker taker = { .row = row, .next = row->values };
    row->received_us = record->received_us;
    take_what_was_asked(&taker, record, references->dictionaries);
    take_times(&taker, record);
    take_number(&taker, record->delivered ? 1 : 0);
    take_number(&taker, record->is_signed ? 1 : 0);
    take_number(&taker, record->connection.reused ? 1 : 0);
    take_number(&taker, (int64_t)record->attempts);
    take_signing(&taker, record, digester);
    take_known(&taker, date_s - record->received_us / 1000000, date_s != 0);
    take_known(&taker, record->clock_offset_us, record->clock_bound_us != 0);
    take_known(&taker, record->clock_bound_us, record->clock_bound_us != 0);
    take_known(&taker, record->waited_us, record->waited_us != 0);
    for (size_t i = 0; i < SQL_REFERENCE_COUNT; i++)
        take_known(&taker, references->bytes[i], references->bytes[i] != 0);
}
