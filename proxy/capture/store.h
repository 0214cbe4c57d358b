/* The writing side of capture.db. One thread at a time. The recorder is the only writer of recorded exchanges (capture_open
 * holds the folder's lock); tools write imported ones, or delete, in short transactions beside it (capture_store.h). */
#ifndef COUNTERSIGN_CAPTURE_ROOM_STORE_H
#define COUNTERSIGN_CAPTURE_ROOM_STORE_H

#include "batch.h"

#include "countersign/capture_store.h"
#include "countersign/error.h"

struct store;

enum { STORE_BUSY_WAIT_MS = 200 };

struct store_options {
    const char *path; /* the file; borrowed until store_close */
    bool power;       /* a commit is on the disk when it returns (capture.durability) */
    bool imports;     /* what is written are imported exchanges: ids from below 0 */
    bool owned;       /* the folder's lock is held: an older store may be migrated, a damaged one set aside */
    int busy_wait_ms; /* how long to wait for another writer's transaction; 0: STORE_BUSY_WAIT_MS */
    struct capture_progress progress; /* of a migration */
};

/* Opens or creates the file (mode 0600). With `owned` a store of an older schema is migrated (a damaged one of these is
 * refused), and a damaged one of today's is renamed (PATH.damaged-TIME) and a new one begun, with a line in the log and an
 * incident. */
MUST_CHECK bool store_open(struct store **store, const struct store_options *options, struct error *error);

/* Moves the write-ahead log into the file where nobody has to wait for it, and closes. NULL is allowed. */
void store_close(struct store *store);

/* Whether a failure since it was opened was the file's: what is in it cannot be trusted. */
bool store_is_damaged(const struct store *store);

/* Closes the store, sets its file aside and begins a new one under the same name; *store is then that one. False where
 * that cannot be done; *store is then NULL. */
MUST_CHECK bool store_set_aside(struct store **store, struct error *error);

/* One transaction: begin, writes, commit. A write or commit that fails has rolled everything back. */
MUST_CHECK bool store_begin(struct store *store, struct error *error);
MUST_CHECK bool store_commit(struct store *store, struct error *error);
void store_rollback(struct store *store);

/* A row that can never be stored (a constraint, a size) is left out, logged and counted; it does not fail the batch. */
MUST_CHECK bool store_write_batch(struct store *store, const struct batch *batch, struct error *error);
MUST_CHECK bool store_write_record(struct store *store, const struct record *record, struct error *error);
MUST_CHECK bool store_set_ring_position(struct store *store, const char *ring, const char *run, uint64_t sequence,
                                        struct error *error);
uint64_t store_rows_left_out(const struct store *store);

/* Outside a transaction: frees what SQLite keeps of the file in memory. It is read again when it is needed. */
void store_let_go(struct store *store);

/* Within a transaction: notes what befell the record itself; `kind` as in capture_reader.h, `detail` a sentence. */
MUST_CHECK bool store_note_incident(struct store *store, int64_t at_us, const char *kind, int64_t count,
                                    const char *detail, struct error *error);

/* Within a transaction: notes what was found out of an exchange, in the place of what was noted before. */
MUST_CHECK bool store_note_reconciled(struct store *store, const struct capture_reconciled *reconciled,
                                      struct error *error);

/* The last frame of this ring and run that is stored; 0 where there is none. */
MUST_CHECK bool store_ring_position(uint64_t *sequence, struct store *store, const char *ring, const char *run,
                                    struct error *error);

/* Ends exchanges that are in flight: outcome `unknown`, error_name "process-ended". */
MUST_CHECK bool store_end_in_flight(uint64_t *count, struct store *store, struct error *error);

/* The highest id that a recorded exchange has, or had before it was deleted; 0 where there was none. */
MUST_CHECK bool store_last_id(int64_t *id, struct store *store, struct error *error);

/* What one step of pruning did. */
struct store_prune_step {
    uint64_t exchanges; /* deleted */
    bool more;          /* there is more to do now */
};

/* Deletes a small part of what `keep` gives up, or of what nothing refers to any more, or gives a small part of the space
 * back: a few milliseconds' work. */
MUST_CHECK bool store_prune(struct store_prune_step *step, struct store *store, struct capture_keep keep,
                            int64_t now_us, struct error *error);

/* Deletes imported exchanges, a small part at a time. */
MUST_CHECK bool store_prune_imported(struct store_prune_step *step, struct store *store, struct error *error);

/* How many exchanges the bounds of age and count give up. */
MUST_CHECK bool store_prune_preview(int64_t *exchanges, struct store *store, struct capture_keep keep, int64_t now_us,
                                    struct error *error);

/* How many exchanges it holds, the imported too. */
MUST_CHECK bool store_count(int64_t *count, struct store *store, struct error *error);

MUST_CHECK bool store_count_imported(int64_t *count, struct store *store, struct error *error);

/* The id that the next imported exchange gets. */
MUST_CHECK bool store_next_imported(int64_t *id, struct store *store, struct error *error);

/* Deletes the imported exchanges from `id` on down: an import that failed. */
MUST_CHECK bool store_delete_imported_from(struct store *store, int64_t id, struct error *error);

/* Moves the write-ahead log into the file, as far as nobody has to wait for it. */
void store_give_log_back(struct store *store);

/* For a file that is to be moved: everything is in it, nothing beside it. An error where that cannot be done. */
MUST_CHECK bool store_seal(struct store *store, struct error *error);

#endif
