/* A row of the table `record`: what is written of an exchange, and the statement that writes it. The recorder's thread; a
 * tool's, while it imports. */
#ifndef COUNTERSIGN_CAPTURE_STORE_ROW_H
#define COUNTERSIGN_CAPTURE_STORE_ROW_H

#include "dictionary.h"
#include "digest.h"
#include "sql.h"
#include "value.h"

enum { STORE_ROW_COLUMNS = 27 + SQL_REFERENCE_COUNT };

struct store_row {
    int64_t received_us; /* as the record has it */
    struct value values[STORE_ROW_COLUMNS];
    /* What values of a record's own arrays refer to. */
    unsigned char digest[DIGEST_LENGTH];
    char signature[sizeof(((struct record *)0)->signature)];
};

/* The rows that a record refers to. */
struct store_row_references {
    int64_t dictionaries[DICTIONARY_COUNT]; /* 0: none */
    int64_t bytes[SQL_REFERENCE_COUNT];     /* likewise; heads at the even places, bodies at the odd ones */
};

/* `row` borrows the record's slices, not the record. `date_s`: seconds since 1970, of the answer's Date; 0: it has none. */
void store_row_take(struct store_row *row, const struct record *record, const struct store_row_references *references,
                    int64_t date_s, struct digester *digester);

static inline int64_t store_row_id(const struct store_row *row)
{
    return row->values[0].number;
}

/* Appends the statement that inserts a row, or overwrites what an intent had written of it. */
void store_row_append_put(struct buffer *sql);

/* Appends one that inserts so many new rows. Those before one that fails stay: SQLite copies no page to undo them, as it does in a
 * file for each transaction where a statement of many rows may fail otherwise. */
void store_row_append_add(struct buffer *sql, size_t rows);

/* Binds the row that is the statement's `number`th, from 0 on. It must stay where it is until the statement's step. SQLITE_OK, or
 * what failed. */
int store_row_bind(sqlite3_stmt *statement, size_t number, const struct store_row *row);

#endif
