/* The reader's insides, shared by reader.c (one exchange), reader_open.c (its life), reader_query.c (many),
 * reader_stats.c and reader_sql.c. */
#ifndef COUNTERSIGN_CAPTURE_READER_PRIVATE_H
#define COUNTERSIGN_CAPTURE_READER_PRIVATE_H

#include "record_row.h"

#include "countersign/capture_reader.h"

#include <sys/types.h>

struct capture_reader {
    sqlite3 *db;
    char *path;
    dev_t device; /* of the file that is open */
    ino_t inode;
    sqlite3_stmt *facts; /* of one id */
    sqlite3_stmt *whole;
    sqlite3_stmt *reconciled; /* of one id; NULL where nothing was ever noted */
    sqlite3_stmt *data_version;
    int64_t version; /* as of the last look */
    bool has_looked;
    struct digester *digester;
    struct buffer bytes; /* what the last record's slices point into */
};

/* Reads one exchange; slices are valid until the statement is reset, which the caller does (reader_reset). `found` is
 * false where there is no such id. */
MUST_CHECK bool reader_read(struct record *record, bool *found, struct capture_reader *reader, int64_t id,
                            enum record_row_kind kind, struct error *error);
/* Adds what reader_read leaves out because it takes computing: the payload's digest. Before the reset. */
MUST_CHECK bool reader_complete(struct record *record, const struct capture_reader *reader, enum record_row_kind kind,
                                struct error *error);
void reader_reset(struct capture_reader *reader, enum record_row_kind kind);

/* What a person can put right (a lock, rights, a damaged file) is told as ERROR_INPUT. Always returns false. */
bool reader_error(struct error *error, const struct capture_reader *reader);
/* The first column of the first row; errors as above, here and below. */
MUST_CHECK bool reader_number(int64_t *value, const struct capture_reader *reader, const char *sql,
                              struct error *error);
MUST_CHECK bool reader_prepare(sqlite3_stmt **statement, struct capture_reader *reader, const char *sql,
                               struct error *error);
/* The same for a text that was put together; frees the buffer. */
MUST_CHECK bool reader_prepare_buffer(sqlite3_stmt **statement, struct capture_reader *reader, struct buffer *sql,
                                      struct error *error);

#endif
