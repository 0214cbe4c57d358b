/* One row for each fact of a record: its column in the store, its kind and its place in struct record. The frame codec,
 * the store's statements and the reader all walk this table, so a fact that is in it is written and read everywhere. */
#ifndef COUNTERSIGN_CAPTURE_RECORD_FIELDS_H
#define COUNTERSIGN_CAPTURE_RECORD_FIELDS_H

#include "countersign/record.h"

enum record_field_kind {
    RECORD_FIELD_TEXT,      /* struct slice */
    RECORD_FIELD_CHARS,     /* char[width] */
    RECORD_FIELD_BYTES,     /* unsigned char[width] */
    RECORD_FIELD_NUMBER_64, /* int64_t, uint64_t */
    RECORD_FIELD_NUMBER_32, /* int, unsigned */
    RECORD_FIELD_FLAG,      /* bool */
    RECORD_FIELD_OUTCOME,   /* enum record_outcome; its name in the store */
    RECORD_FIELD_SIGNATURE  /* enum record_client_signature; likewise */
};

struct record_field {
    const char *column;
    enum record_field_kind kind;
    size_t offset; /* in struct record */
    size_t width;  /* of CHARS and BYTES; of TEXT the bytes that are kept, where RECORD_FIELD_WHOLE is all of them */
    bool has_null; /* the value that says "not there" is NULL in the store: an empty text, all bytes 0, or `absent` */
    int64_t absent;
};

enum {
    RECORD_FIELD_WHOLE = 0,
    RECORD_FIELD_COUNT_1 = 38, /* those that stores and rings of version 1 have: they come first */
    RECORD_FIELD_COUNT_2 = 39, /* likewise of version 2 */
    RECORD_FIELD_COUNT = 42
};

extern const struct record_field record_fields[RECORD_FIELD_COUNT]; /* the first is the id */

/* The field of that column; the name is one of the table's. */
const struct record_field *record_field_find(const char *column);

/* Numbers of every kind (what is an enum counts as one). Setting cuts to the field's own width. */
int64_t record_field_number(const struct record *record, const struct record_field *field);
void record_field_set_number(struct record *record, const struct record_field *field, int64_t value);

/* Bytes of every kind: texts cut to what is kept (never within a UTF-8 sequence), CHARS and BYTES whole. */
struct slice record_field_bytes(const struct record *record, const struct record_field *field);

/* TEXT borrows `value`; CHARS and BYTES copy it. False where its length is not the field's. */
bool record_field_set_bytes(struct record *record, const struct record_field *field, struct slice value);

bool record_field_is_number(const struct record_field *field);

/* Whether the value is the one that says "not there". */
bool record_field_is_absent(const struct record *record, const struct record_field *field);

#endif
