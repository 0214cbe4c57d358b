/* What exchanges have in common, each kept once: parties, endpoints, verdicts, connections. Gives the row's id, adding
 * the row where it is not there. Part of the store's writing side, within its transaction. */
#ifndef COUNTERSIGN_CAPTURE_DICTIONARY_H
#define COUNTERSIGN_CAPTURE_DICTIONARY_H

#include "id_cache.h"
#include "sql.h"
#include "value_memo.h"

enum dictionary_kind {
    DICTIONARY_PARTY,
    DICTIONARY_ENDPOINT,
    DICTIONARY_VERDICT,
    DICTIONARY_CONNECTION, /* not looked up again once it is forgotten: its rows belong to an epoch */
    DICTIONARY_COUNT
};

enum { DICTIONARY_COLUMNS_MAX = VALUE_MEMO_COLUMNS };

struct dictionary {
    enum dictionary_kind kind;
    const struct record_field *fields[DICTIONARY_COLUMNS_MAX]; /* NULL: a column that is made of one */
    struct value_memo *memo;
    struct id_cache *cache;
    sqlite3_stmt *find; /* NULL for connections */
    sqlite3_stmt *add;
};

MUST_CHECK bool dictionary_open(struct dictionary *dictionary, enum dictionary_kind kind, sqlite3 *db, const char *path,
                                struct error *error);
void dictionary_close(struct dictionary *dictionary); /* one that is not open is allowed */

/* What is known of its rows without asking for them: they may have changed. */
void dictionary_forget(const struct dictionary *dictionary);

/* The id of the record's row; a new one gets the id `new_id`, which is moved on by `step`. SQLITE_DONE, or what failed. */
int dictionary_id(int64_t *id, struct dictionary *dictionary, struct fingerprinter *fingerprinter,
                  const struct record *record, int64_t *new_id, int step);

/* An address without its port ("127.0.0.1:50001" -> "127.0.0.1", 50001); port 0 where there is none that would be written
 * the same way again. */
struct slice dictionary_split_port(struct slice address, int64_t *port);

/* A target's path (before the first question mark); *query is what follows, its data NULL where there is none. */
struct slice dictionary_split_query(struct slice target, struct slice *query);

#endif
