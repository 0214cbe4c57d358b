/* What the store's two sides share of SQLite: errors with advice, small queries, and the columns of `exchange`. */
#ifndef COUNTERSIGN_CAPTURE_SQL_H
#define COUNTERSIGN_CAPTURE_SQL_H

#include "record_fields.h"
#include "value.h"

#include "countersign/buffer.h"
#include "countersign/error.h"

#include <sqlite3.h>

enum { SQL_TEXT_MAX = 16384 }; /* bytes of one statement */

/* Writes what was tried on which file, SQLite's own words and what to do. Always returns false. */
bool sql_error(struct error *error, sqlite3 *db, const char *tried, const char *path);

/* For what people ask for: what a person can put right (a lock, rights, a full disk) is ERROR_INPUT to them, and not a
 * failure of the system. Returns `done`; `error` is looked at where that is false. */
bool sql_for_person(bool done, struct error *error);

/* sqlite3_open_v2 with these flags, in a library that is set up for this program. SQLITE_OK, or what failed; *db is to be closed
 * in either case. Any thread. */
int sql_open(sqlite3 **db, const char *path, int flags);

MUST_CHECK bool sql_run(sqlite3 *db, const char *sql, const char *path, struct error *error);

/* Prepares a statement that is used for long. */
MUST_CHECK bool sql_prepare(sqlite3_stmt **statement, sqlite3 *db, const char *sql, const char *path,
                            struct error *error);

/* The first column of the first row as a number; 0 where it is NULL or there is no row. */
MUST_CHECK bool sql_number(int64_t *value, sqlite3 *db, const char *sql, const char *path, struct error *error);

/* A store's version and whether it is one of this program. An empty file has version 0 and is none yet. */
struct sql_identity {
    int64_t version;     /* PRAGMA user_version */
    int64_t application; /* PRAGMA application_id */
    int64_t objects;     /* tables, indexes, views */
};

MUST_CHECK bool sql_identify(struct sql_identity *identity, sqlite3 *db, const char *path, struct error *error);

/* Whether it is this program's store, of whatever version, or a file in which nothing is yet. */
bool sql_identity_is_ours(const struct sql_identity *identity);

/* An error where the store is another program's, or of a schema newer than this program's. */
MUST_CHECK bool sql_identity_check(const struct sql_identity *identity, const char *path, struct error *error);

/* The columns that refer to `bytes`: a view's head and body. */
enum { SQL_REFERENCE_COUNT = 2 * RECORD_VIEW_COUNT };
extern const char *const sql_reference_columns[SQL_REFERENCE_COUNT];

/* Appends "PREFIXid, PREFIXreceived_us, ...": the columns of record_fields in their order. */
void sql_append_columns(struct buffer *sql, const char *prefix);

/* As sql_prepare for a text that was put together; frees the buffer. */
MUST_CHECK bool sql_prepare_buffer(sqlite3_stmt **statement, sqlite3 *db, struct buffer *sql, const char *path,
                                   struct error *error);

/* What a text or blob refers to must stay until the statement's next step. SQLITE_OK, or what failed. */
int sql_bind_value(sqlite3_stmt *statement, int place, const struct value *value);

/* A column's bytes, of text as it is stored; valid until the statement's next step. */
struct slice sql_column_bytes(sqlite3_stmt *row, int column);

#endif
