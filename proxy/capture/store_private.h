/* The store's insides, shared by store.c (its life), store_write.c (its rows), store_epoch.c and store_prune.c. */
#ifndef COUNTERSIGN_CAPTURE_STORE_PRIVATE_H
#define COUNTERSIGN_CAPTURE_STORE_PRIVATE_H

#include "dictionary.h"
#include "digest.h"
#include "fingerprint.h"
#include "head_memo.h"
#include "sql.h"
#include "store.h"
#include "store_row.h"

enum store_statement {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_ROLLBACK,
    STORE_DATA_VERSION,
    STORE_ADD_BYTES,
    STORE_ADD_HEAD,
    STORE_PUT_RECORD,  /* inserts, or overwrites what an intent had written */
    STORE_ADD_RECORDS, /* STORE_ROWS_AT_ONCE of them, in 2.3 µs each; alone 3.3 */
    STORE_PUT_REPLIED,
    STORE_PUT_POSITION,
    STORE_ADD_EPOCH,
    STORE_PUT_EPOCH,
    STORE_STATEMENT_COUNT
};

enum { STORE_ROWS_AT_ONCE = 16 };

/* An epoch ends with so many exchanges or bytes: what is kept longer than its exchanges is at most that. */
enum { EPOCH_RECORDS = 4096, EPOCH_SIZE = 16 * 1024 * 1024 };

struct store_epoch {
    int64_t id;           /* 0: none is begun */
    int64_t first_record; /* the lowest and the highest id written in it */
    int64_t last_record;
    int64_t earliest_us; /* of its exchanges' receipts; 0: none known */
    int64_t latest_us;
    int64_t disorder_us; /* none was received longer before one with a lower id, within it */
    int64_t records;
    int64_t size;
};

/* Where the sweep through the small tables is: rows that nothing refers to go, a few at a time. */
struct store_sweep {
    bool is_on;
    size_t table;
    int64_t after; /* id */
};

/* The ids that the next new rows get. */
struct store_next {
    int64_t bytes;
    int64_t head;
    int64_t dictionary[DICTIONARY_COUNT];
};

struct store {
    sqlite3 *db;
    struct store_options options;
    sqlite3_stmt *statements[STORE_STATEMENT_COUNT];
    struct digester *digester; /* of payloads */
    struct fingerprinter fingerprinter;
    struct id_cache *bytes_cache;
    struct id_cache *head_cache;
    struct head_memo *head_memos; /* RECORD_VIEW_COUNT, by view */
    struct dictionary dictionaries[DICTIONARY_COUNT];
    struct buffer template;                    /* the head at hand */
    struct store_row rows[STORE_ROWS_AT_ONCE]; /* new ones of the batch at hand; `rows_waiting` are not written yet */
    size_t rows_waiting;
    struct store_next next;
    struct store_epoch epoch;
    struct store_sweep sweep;
    int64_t imported_bytes; /* of all imported exchanges, as summed by a prune; -1: not known */
    int64_t data_version;   /* as of `next`, `epoch`, `imported_bytes` and the caches */
    bool is_stale;          /* these must be read again */
    bool is_dirty;          /* the epoch changed in the transaction at hand */
    bool is_shorter;        /* space was given back, and the log is not in the file yet */
    bool is_damaged;
    uint64_t rows_left_out;
    uint64_t left_out_now; /* in the transaction at hand, not counted yet */
};

/* Runs a statement that gives no rows, and makes it ready for the next time. SQLITE_DONE, or what failed. */
int store_step(const struct store *store, enum store_statement which);

/* Tells a failure, and rolls back. Always returns false. */
bool store_fail(struct store *store, struct error *error);

/* store_write.c */
MUST_CHECK bool store_prepare(struct store *store, struct error *error);

/* store_bytes.c: rows of heads and bodies, found again or added; SQLITE_DONE, or what failed. The record's heads go to the
 * even places of `ids`, its bodies to the odd ones; 0 where there are no bytes. */
int store_put_heads(int64_t *ids, struct store *store, const struct record *record, struct head_values values);
int store_put_bodies(int64_t *ids, struct store *store, const struct record *record);

void store_forget_heads(const struct store *store);

/* store_epoch.c: what is known of the tables; called within a transaction. */
MUST_CHECK bool store_refresh(struct store *store, struct error *error);
bool store_epoch_is_due(const struct store *store); /* the next, once the rows that wait are written */
int store_begin_epoch_if_due(struct store *store);  /* SQLITE_DONE, or what failed */
void store_note_record(struct store *store, int64_t id, int64_t received_us);
int store_write_epoch(struct store *store); /* likewise */

#endif
