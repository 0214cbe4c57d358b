/* The store's insides, shared by store.c (its life) and store_write.c (its rows). */
#ifndef COUNTERSIGN_CAPTURE_STORE_PRIVATE_H
#define COUNTERSIGN_CAPTURE_STORE_PRIVATE_H

#include "bytes_cache.h"
#include "sql.h"
#include "store.h"

enum store_statement {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_ROLLBACK,
    STORE_ADD_BYTES,
    STORE_PUT_EXCHANGE, /* inserts, or overwrites what an intent had written */
    STORE_PUT_REPLIED,
    STORE_PUT_POSITION,
    STORE_STATEMENT_COUNT
};

struct store {
    sqlite3 *db;
    const char *path; /* the caller's */
    sqlite3_stmt *statements[STORE_STATEMENT_COUNT];
    struct bytes_cache *cache;
    uint64_t rows_left_out;
    uint64_t left_out_now; /* in the transaction at hand, not counted yet */
};

/* store_write.c */
MUST_CHECK bool store_prepare(struct store *store, struct error *error);

#endif
