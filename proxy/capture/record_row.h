/* A row of the view `exchange` (and of version 1's table of that name, which had the same columns) as a record. */
#ifndef COUNTERSIGN_CAPTURE_RECORD_ROW_H
#define COUNTERSIGN_CAPTURE_RECORD_ROW_H

#include "digest.h"
#include "sql.h"

enum record_row_kind {
    RECORD_ROW_FACTS, /* every fact; the views stay empty */
    RECORD_ROW_WHOLE  /* heads and bodies too */
};

/* Appends the columns to select. */
void record_row_append_columns(struct buffer *sql, enum record_row_kind kind);

/* Reads the row at hand; slices are valid until the statement's next step. False where a value cannot be: `column` is its
 * name. The payload's digest is there only where the store has it. */
bool record_row_read(struct record *record, sqlite3_stmt *row, enum record_row_kind kind, const char **column);

/* Adds the digest that the store left out since it follows from what is there: for a record that is shown, not for each one
 * that is looked at. The row is still at hand. */
bool record_row_complete(struct record *record, sqlite3_stmt *row, enum record_row_kind kind, struct digester *digester,
                         const char **column);

#endif
