/* The writing side put together: folder, lock, store, recovery, rings, recorder; and taken apart again. */
#include "journal_private.h"
#include "record_codec.h"
#include "recorder.h"
#include "recovery.h"
#include "state_dir.h"
#include "syncer.h"

#include "countersign/capture_reader.h"
#include "countersign/hex.h"
#include "countersign/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct capture {
    char *state_dir;
    char *store_path;
    int lock; /* descriptor that holds the folder's lock */
    unsigned workers;
    struct journal *journals;
    struct source *sources; /* the recorder's */
    char (*ring_names)[RING_NAME_MAX];
    struct recorder recorder;
    bool is_synced; /* durability = power */
    struct syncer syncer;
    _Atomic int64_t next_id;
};

static bool new_run(char *run, struct error *error)
{
    unsigned char bytes[RING_RUN_LENGTH / 2];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return error_system(error, errno, "cannot get %zu random bytes", sizeof(bytes));
    hex_encode(run, bytes, sizeof(bytes));
    return true;
}

static bool allocate(struct capture *capture, const struct capture_options *options, struct error *error)
{
    capture->workers = options->workers;
    capture->is_synced = options->durability == CAPTURE_DURABILITY_POWER;
    capture->recorder.keep = options->keep;
    capture->state_dir = strdup(options->state_dir);
    capture->store_path = capture_store_file(options->state_dir);
    capture->journals = calloc(options->workers, sizeof(*capture->journals));
    capture->sources = calloc(options->workers, sizeof(*capture->sources));
    capture->ring_names = calloc(options->workers, sizeof(*capture->ring_names));
    if (capture->state_dir == NULL || capture->store_path == NULL || capture->journals == NULL ||
        capture->sources == NULL || capture->ring_names == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the record");
    return true;
}

/* With durability = power. A ring's file is there for certain, too: its size before it is used, its name in the folder with
 * all others. */
static bool open_sync(struct capture *capture, struct journal *journal, struct error *error)
{
    journal->sync.wake = &capture->syncer.wake;
    (void)pthread_mutex_init(&journal->sync.listener, NULL); /* cannot fail with these attributes */
    return ring_sync_new(&journal->ring, error);
}

static bool open_journal(struct capture *capture, unsigned worker, const struct capture_options *options,
                         const char *run, struct error *error)
{
    struct journal *journal = &capture->journals[worker];
    ring_file_name(capture->ring_names[worker], worker);
    char *path = state_dir_file(capture->state_dir, capture->ring_names[worker]);
    if (path == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the record");
    bool done = ring_create(&journal->ring, path, options->ring_size, run, error);
    free(path);
    if (!done)
        return false;
    journal->wake = &capture->recorder.wake;
    journal->overhead = record_image_overhead();
    journal->drops_when_full = options->when_full == CAPTURE_DROP;
    capture->sources[worker] = source_of_ring(&journal->ring, capture->ring_names[worker], 0);
    return !capture->is_synced || open_sync(capture, journal, error);
}

static bool open_journals(struct capture *capture, const struct capture_options *options, struct error *error)
{
    char run[RING_RUN_LENGTH];
    if (!new_run(run, error))
        return false;
    for (unsigned worker = 0; worker < capture->workers; worker++) {
        if (!open_journal(capture, worker, options, run, error))
            return false;
    }
    return !capture->is_synced || state_dir_sync(options->state_dir, error);
}

static bool start_recorder(struct capture *capture, struct error *error)
{
    capture->recorder.sources = capture->sources;
    capture->recorder.source_count = capture->workers;
    return recorder_start(&capture->recorder, error);
}

static bool open_store(struct capture *capture, struct error *error)
{
    struct recorder *recorder = &capture->recorder;
    recorder->store_options =
        (struct store_options){ .path = capture->store_path, .power = capture->is_synced, .owned = true };
    return store_open(&recorder->store, &recorder->store_options, error);
}

static bool start_syncer(struct capture *capture, struct error *error)
{
    if (!capture->is_synced)
        return true;
    capture->syncer.journals = capture->journals;
    capture->syncer.journal_count = capture->workers;
    return syncer_start(&capture->syncer, error);
}

static bool take_lock(struct capture *capture, const struct capture_options *options, struct error *error)
{
    if (!options->is_claimed)
        return state_dir_lock(&capture->lock, options->state_dir, error);
    capture->lock = options->lock;
    return true;
}

static bool open_steps(struct capture *capture, const struct capture_options *options,
                       struct capture_recovery *recovery, struct error *error)
{
    int64_t last_id;
    if (!allocate(capture, options, error) || !state_dir_make(options->state_dir, error) ||
        !take_lock(capture, options, error) || !open_store(capture, error) ||
        !recover(recovery, options->state_dir, capture->recorder.store, error) ||
        !store_last_id(&last_id, capture->recorder.store, error) || !wake_open(&capture->recorder.wake, error) ||
        !wake_open(&capture->syncer.wake, error) || !open_journals(capture, options, error))
        return false;
    atomic_init(&capture->next_id, last_id + 1);
    return start_syncer(capture, error) && start_recorder(capture, error);
}

bool capture_claim_folder(int *lock, const char *state_dir, struct error *error)
{
    return state_dir_create(state_dir, error) && state_dir_lock(lock, state_dir, error);
}

bool capture_open(struct capture **capture, const struct capture_options *options, struct capture_recovery *recovery,
                  struct error *error)
{
    if (options->workers == 0)
        return error_set(error, ERROR_CONFIG, "the record needs at least one worker");
    struct capture *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the record");
    made->lock = -1;
    made->recorder.wake.fd = -1;
    made->syncer.wake.fd = -1;
    if (!open_steps(made, options, recovery, error)) {
        if (options->is_claimed)
            made->lock = -1; /* the caller's still */
        capture_close(made);
        return false;
    }
    *capture = made;
    return true;
}

/* Notes what went unrecorded and is in no frame. False where the store cannot be written; the ring's header still has it. */
static bool note_dropped(struct capture *capture, struct journal *journal)
{
    struct dropped *dropped = ring_dropped(&journal->ring);
    struct error error;
    if (dropped->count == 0)
        return true;
    log_warning("%" PRIu64 " requests went unrecorded", dropped->count);
    struct store *store = capture->recorder.store;
    if (store == NULL) /* a damaged one could not be replaced, which was told */
        return false;
    if (dropped_commit(dropped, store, &error))
        return true;
    log_error("%s", error.message);
    return false;
}

/* A ring file that is carried over holds nothing any more. */
static void close_journal(struct capture *capture, unsigned worker)
{
    struct journal *journal = &capture->journals[worker];
    if (journal->ring.header == NULL)
        return;
    size_t left = ring_used(&journal->ring);
    bool is_noted = note_dropped(capture, journal);
    char *path = state_dir_file(capture->state_dir, capture->ring_names[worker]);
    ring_close(&journal->ring);
    free(journal->admitted);
    if (capture->is_synced)
        (void)pthread_mutex_destroy(&journal->sync.listener); /* cannot fail: nobody holds it */
    if (left > 0 || !is_noted)
        log_error("%zu bytes of %s are not recorded yet; the next start carries them over", left,
                  capture->ring_names[worker]);
    else if (path == NULL || unlink(path) != 0)
        log_warning("%s is empty and could not be removed", capture->ring_names[worker]);
    free(path);
}

void capture_close(struct capture *capture)
{
    if (capture == NULL)
        return;
    syncer_stop(&capture->syncer);
    (void)recorder_stop(&capture->recorder); /* frames left behind are told for each ring */
    for (unsigned worker = 0; capture->journals != NULL && worker < capture->workers; worker++)
        close_journal(capture, worker);
    if (capture->recorder.store != NULL && store_rows_left_out(capture->recorder.store) > 0)
        log_error("%" PRIu64 " exchanges of this run could not be recorded",
                  store_rows_left_out(capture->recorder.store));
    store_close(capture->recorder.store);
    wake_close(&capture->recorder.wake);
    wake_close(&capture->syncer.wake);
    if (capture->lock >= 0)
        (void)close(capture->lock); /* gives the folder free */
    free(capture->journals);
    free(capture->sources);
    free(capture->ring_names);
    free(capture->store_path);
    free(capture->state_dir);
    free(capture);
}

const char *capture_store_path(const struct capture *capture)
{
    return capture->store_path;
}

struct journal *capture_journal(struct capture *capture, unsigned worker)
{
    return &capture->journals[worker];
}

int64_t capture_next_id(struct capture *capture)
{
    return atomic_fetch_add_explicit(&capture->next_id, 1, memory_order_relaxed);
}

void capture_look(struct capture_state *state, const struct capture *capture)
{
    *state = (struct capture_state){ .is_failing = atomic_load(&capture->recorder.is_failing),
                                     .write_errors = atomic_load(&capture->recorder.write_errors),
                                     .batches = atomic_load(&capture->recorder.batches) };
}
