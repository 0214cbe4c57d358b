/* Changes that tools make to the store, beside a running recorder or without one: import, prune, migrate. Each is done in
 * short transactions, so that the recorder never waits for long. One thread at a time.
 *
 * Errors as in capture_reader.h: what a person can put right is ERROR_INPUT. */
#ifndef COUNTERSIGN_CAPTURE_STORE_H
#define COUNTERSIGN_CAPTURE_STORE_H

#include "countersign/error.h"
#include "countersign/record.h"

struct capture_store;

/* Told now and then how far a long step is; `total` 0: not known. */
struct capture_progress {
    void (*tell)(void *context, uint64_t done, uint64_t total); /* NULL: nobody wants to know */
    void *context;
};

/* Opens the store in the folder `state_dir`; makes it (and the folder) where there is none. An older schema is migrated,
 * which needs the folder's lock: ERROR_INPUT where a proxy holds it. */
MUST_CHECK bool capture_store_open(struct capture_store **store, const char *state_dir,
                                   struct capture_progress progress, struct error *error);
void capture_store_close(struct capture_store *store); /* NULL is allowed */

/* Adds imported exchanges, all or (but for this process's death meanwhile) none, and gives each its id: *first is the
 * first's, the next ones' go down from it. `records[i].id` is not looked at. Heads are masked as the redaction table says. */
MUST_CHECK bool capture_store_import(int64_t *first, struct capture_store *store, const struct record *records,
                                     size_t count, struct capture_progress progress, struct error *error);

/* What was found out later of an exchange in doubt; the exchange itself stays as it was recorded. */
struct capture_reconciled {
    int64_t exchange;
    int64_t at_us;       /* wall clock */
    bool is_settled;     /* nothing of it is in doubt any more */
    const char *summary; /* a word or two, for a listing: "placed" */
    const char *detail;  /* a sentence for each order */
};

/* Notes it in the place of what was noted before. The exchange is one of the store's. */
MUST_CHECK bool capture_store_note_reconciled(struct capture_store *store, const struct capture_reconciled *reconciled,
                                              struct error *error);

/* What is to be kept; 0: no bound. */
struct capture_keep {
    int64_t age_us; /* received not longer ago */
    int64_t bytes;  /* of the file in use */
    int64_t count;  /* the latest so many */
};

static inline bool capture_keep_has_bound(struct capture_keep keep)
{
    return keep.age_us > 0 || keep.bytes > 0 || keep.count > 0;
}

struct capture_pruned {
    uint64_t exchanges;
    int64_t bytes_freed; /* by which the file became smaller */
};

/* Deletes the oldest recorded exchanges until all bounds hold, gives the space back. Exchanges in flight stay.
 * `imported`: all imported exchanges go too. `now_us`: wall clock. */
MUST_CHECK bool capture_store_prune(struct capture_pruned *pruned, struct capture_store *store,
                                    struct capture_keep keep, bool imported, int64_t now_us,
                                    struct capture_progress progress, struct error *error);

/* How many exchanges the bounds of age and count would delete now: for asking before it is done. */
MUST_CHECK bool capture_store_prune_preview(uint64_t *exchanges, struct capture_store *store, struct capture_keep keep,
                                            int64_t now_us, struct error *error);

/* How many imported exchanges there are. */
MUST_CHECK bool capture_store_count_imported(uint64_t *exchanges, struct capture_store *store, struct error *error);

#endif
