/* The writing side put together: folder, lock, store, recovery, rings, recorder; and taken apart again. */
#include "journal_private.h"
#include "record_codec.h"
#include "recorder.h"
#include "recovery.h"
#include "state_dir.h"

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
    struct store *store;
    unsigned workers;
    struct journal *journals;
    struct source *sources; /* the recorder's */
    char (*ring_names)[RING_NAME_MAX];
    struct recorder recorder;
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

static bool open_journal(struct capture *capture, unsigned worker, const char *run, size_t ring_size,
                         struct error *error)
{
    struct journal *journal = &capture->journals[worker];
    ring_file_name(capture->ring_names[worker], worker);
    char *path = state_dir_file(capture->state_dir, capture->ring_names[worker]);
    if (path == NULL)
        return error_set(error, ERROR_MEMORY, "out of memory for the record");
    bool done = ring_create(&journal->ring, path, ring_size, run, error);
    free(path);
    if (!done)
        return false;
    journal->wake = &capture->recorder.wake;
    journal->overhead = record_image_overhead();
    capture->sources[worker] = source_of_ring(&journal->ring, capture->ring_names[worker], 0);
    return true;
}

static bool open_journals(struct capture *capture, size_t ring_size, struct error *error)
{
    char run[RING_RUN_LENGTH];
    if (!new_run(run, error))
        return false;
    for (unsigned worker = 0; worker < capture->workers; worker++) {
        if (!open_journal(capture, worker, run, ring_size, error))
            return false;
    }
    return true;
}

static bool start_recorder(struct capture *capture, struct error *error)
{
    capture->recorder.store = capture->store;
    capture->recorder.sources = capture->sources;
    capture->recorder.source_count = capture->workers;
    return recorder_start(&capture->recorder, error);
}

static bool open_steps(struct capture *capture, const struct capture_options *options,
                       struct capture_recovery *recovery, struct error *error)
{
    int64_t last_id;
    if (!allocate(capture, options, error) || !state_dir_make(options->state_dir, error) ||
        !state_dir_lock(&capture->lock, options->state_dir, error) ||
        !store_open(&capture->store, capture->store_path, false, error) ||
        !recover(recovery, options->state_dir, capture->store, error) ||
        !store_last_id(&last_id, capture->store, error) || !wake_open(&capture->recorder.wake, error) ||
        !open_journals(capture, options->ring_size, error))
        return false;
    atomic_init(&capture->next_id, last_id + 1);
    return start_recorder(capture, error);
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
    if (!open_steps(made, options, recovery, error)) {
        capture_close(made);
        return false;
    }
    *capture = made;
    return true;
}

/* A ring file that is carried over holds nothing any more. */
static void close_journal(struct capture *capture, unsigned worker)
{
    struct journal *journal = &capture->journals[worker];
    if (journal->ring.header == NULL)
        return;
    size_t left = ring_used(&journal->ring);
    char *path = state_dir_file(capture->state_dir, capture->ring_names[worker]);
    ring_close(&journal->ring);
    free(journal->admitted);
    if (left > 0)
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
    (void)recorder_stop(&capture->recorder); /* frames left behind are told for each ring */
    for (unsigned worker = 0; capture->journals != NULL && worker < capture->workers; worker++)
        close_journal(capture, worker);
    if (capture->store != NULL && store_rows_left_out(capture->store) > 0)
        log_error("%" PRIu64 " exchanges of this run could not be recorded", store_rows_left_out(capture->store));
    store_close(capture->store);
    wake_close(&capture->recorder.wake);
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
