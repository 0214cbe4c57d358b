/* The tools' door to the writing side: import, prune, migrate. One thread; owns its own connection. */
#include "countersign/capture_store.h"

#include "sql.h"
#include "state_dir.h"
#include "store.h"

#include "countersign/buffer.h"
#include "countersign/capture_reader.h"
#include "countersign/redaction.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_WAIT_MS = 5000,  /* the recorder's transactions are short */
    IMPORT_COMMIT = 200,  /* exchanges in one transaction: the recorder waits for it */
    HEADS_MAX = 64 << 20, /* bytes of one exchange's heads */
    PROGRESS_EVERY_STEPS = 4
};

struct capture_store {
    char *path;
    struct store *store;
};

/* --- opening --- */

static bool open_with(struct capture_store *store, bool owned, struct capture_progress progress, struct error *error)
{
    const struct store_options options = {
        .path = store->path, .imports = true, .owned = owned, .busy_wait_ms = BUSY_WAIT_MS, .progress = progress
    };
    return store_open(&store->store, &options, error);
}

/* The folder's lock says that no proxy is at work, so that an old store may be carried over and a damaged one set aside. It
 * is taken for these alone: a proxy that starts must not find it held by a tool. */
static bool open_file(struct capture_store *store, const char *state_dir, struct capture_progress progress,
                      struct error *error)
{
    int lock = -1;
    if (open_with(store, false, progress, error))
        return true;
    if (!state_dir_lock(&lock, state_dir, NULL))
        return false;
    bool done = open_with(store, true, progress, error);
    (void)close(lock); /* gives the folder free */
    return done;
}

bool capture_store_open(struct capture_store **store, const char *state_dir, struct capture_progress progress,
                        struct error *error)
{
    struct capture_store *made = calloc(1, sizeof(*made));
    if (made != NULL)
        made->path = capture_store_file(state_dir);
    if (made == NULL || made->path == NULL) {
        free(made);
        return error_set(error, ERROR_MEMORY, "out of memory for the capture store");
    }
    if (!sql_for_person(state_dir_make(state_dir, error) && open_file(made, state_dir, progress, error), error)) {
        capture_store_close(made);
        return false;
    }
    *store = made;
    return true;
}

void capture_store_close(struct capture_store *store)
{
    if (store == NULL)
        return;
    store_close(store->store);
    free(store->path);
    free(store);
}

/* --- import --- */

static bool import_part(struct capture_store *store, const struct record *records, size_t count, int64_t first_id,
                        struct error *error)
{
    struct buffer heads;
    buffer_init(&heads, HEADS_MAX);
    bool done = store_begin(store->store, error);
    for (size_t i = 0; done && i < count; i++) {
        struct record masked = records[i];
        masked.id = first_id - (int64_t)i;
        done = (redaction_mask_record(&masked, &heads) ||
                error_set(error, ERROR_LIMIT, "no room to mask the heads of one exchange (at most %d bytes)",
                          HEADS_MAX)) &&
               store_write_record(store->store, &masked, error);
    }
    if (done)
        done = store_commit(store->store, error);
    else
        store_rollback(store->store);
    buffer_free(&heads);
    return done;
}

/* One import at a time: each takes the ids below the last one's. */
static bool lock_imports(int *fd, const struct capture_store *store, struct error *error)
{
    char *path = NULL;
    if (asprintf(&path, "%s.import-lock", store->path) < 0)
        return error_set(error, ERROR_MEMORY, "out of memory for the capture store");
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    bool done = *fd >= 0 && flock(*fd, LOCK_EX) == 0;
    if (!done)
        (void)error_system(error, errno, "cannot lock %s", path); /* false */
    free(path);
    return done;
}

static void tell(struct capture_progress progress, uint64_t done, uint64_t total)
{
    if (progress.tell != NULL)
        progress.tell(progress.context, done, done < total ? total : done);
}

static bool import_all(int64_t *first, struct capture_store *store, const struct record *records, size_t count,
                       struct capture_progress progress, struct error *error)
{
    int64_t begin;
    if (!store_next_imported(&begin, store->store, error))
        return false;
    for (size_t at = 0; at < count; at += IMPORT_COMMIT) {
        size_t part = count - at < IMPORT_COMMIT ? count - at : IMPORT_COMMIT;
        tell(progress, at, count);
        if (import_part(store, records + at, part, begin - (int64_t)at, error))
            continue;
        bool undone = store_delete_imported_from(store->store, begin, NULL);
        if (!undone)
            (void)error_prefix(
                error, "part of it was imported and could not be taken back"); /* the error goes on its way below */
        return false;
    }
    *first = begin;
    return true;
}

bool capture_store_import(int64_t *first, struct capture_store *store, const struct record *records, size_t count,
                          struct capture_progress progress, struct error *error)
{
    int lock = -1;
    bool done = lock_imports(&lock, store, error) && import_all(first, store, records, count, progress, error);
    if (lock >= 0)
        (void)close(lock); /* lets the next one begin */
    return sql_for_person(done, error);
}

/* --- what was found out later --- */

bool capture_store_note_reconciled(struct capture_store *store, const struct capture_reconciled *reconciled,
                                   struct error *error)
{
    return sql_for_person(store_begin(store->store, error) && store_note_reconciled(store->store, reconciled, error) &&
                              store_commit(store->store, error),
                          error);
}

/* --- prune --- */

static int64_t file_size(const struct capture_store *store)
{
    struct stat status;
    return stat(store->path, &status) == 0 ? (int64_t)status.st_size : 0;
}

bool capture_store_prune_preview(uint64_t *exchanges, struct capture_store *store, struct capture_keep keep,
                                 int64_t now_us, struct error *error)
{
    int64_t count;
    if (!sql_for_person(store_prune_preview(&count, store->store, keep, now_us, error), error))
        return false;
    *exchanges = (uint64_t)count;
    return true;
}

bool capture_store_count_imported(uint64_t *exchanges, struct capture_store *store, struct error *error)
{
    int64_t count;
    if (!sql_for_person(store_count_imported(&count, store->store, error), error))
        return false;
    *exchanges = (uint64_t)count;
    return true;
}

static bool prune_recorded(struct capture_pruned *pruned, struct capture_store *store, struct capture_keep keep,
                           int64_t now_us, struct capture_progress progress, struct error *error)
{
    struct store_prune_step step = { .more = true };
    uint64_t expected;
    if (!capture_store_prune_preview(&expected, store, keep, now_us, error))
        return false;
    for (uint64_t steps = 0; step.more; steps++) {
        if (!store_prune(&step, store->store, keep, now_us, error))
            return false;
        pruned->exchanges += step.exchanges;
        if (steps % PROGRESS_EVERY_STEPS == 0)
            tell(progress, pruned->exchanges, expected);
    }
    return true;
}

static bool prune_imported(struct capture_pruned *pruned, struct capture_store *store, struct error *error)
{
    struct store_prune_step step = { .more = true };
    while (step.more) {
        if (!store_prune_imported(&step, store->store, error))
            return false;
        pruned->exchanges += step.exchanges;
    }
    return true;
}

static bool prune_all(struct capture_pruned *pruned, struct capture_store *store, struct capture_keep keep,
                      bool imported, int64_t now_us, struct capture_progress progress, struct error *error)
{
    return (!imported || prune_imported(pruned, store, error)) &&
           (!capture_keep_has_bound(keep) || prune_recorded(pruned, store, keep, now_us, progress, error));
}

bool capture_store_prune(struct capture_pruned *pruned, struct capture_store *store, struct capture_keep keep,
                         bool imported, int64_t now_us, struct capture_progress progress, struct error *error)
{
    struct capture_pruned made = { .exchanges = 0 };
    store_give_log_back(store->store);
    int64_t before = file_size(store);
    if (!sql_for_person(prune_all(&made, store, keep, imported, now_us, progress, error), error))
        return false;
    store_give_log_back(store->store); /* the file's length is that of the last time the log was moved into it */
    made.bytes_freed = before - file_size(store);
    *pruned = made;
    return true;
}
