/* Waits for frames, lets some gather, stores them in one transaction, and so on until it is stopped. */
#include "recorder.h"

#include "give_way.h"

#include "countersign/clock.h"
#include "countersign/log.h"
#include "countersign/thread.h"

#include <malloc.h>
#include <sched.h>
#include <time.h>

enum {
    GATHER_MS = 10,         /* how long frames may wait for company: then intent, outcome and reply mostly meet; */
    GATHER_MORE_MS = 40,    /* and how much longer where many come: a commit takes as long as thirty exchanges do */
    MANY_BYTES = 48 * 1024, /* of them, waiting by then */
    SHORT_SHARE = 4,        /* but not while more than this part of a ring is in use */
    CALM_SHARE = 8,         /* while no more than this part is, requests go first: a batch at once holds them up */
    PAUSE_FIRST_MS = 10,    /* after a failure of the store; doubled up to */
    PAUSE_LAST_MS = 1000,
    STOP_PATIENCE_MS = 5000, /* how long a failing store is tried again once the proxy ends */
    PRUNE_EVERY_MS = 1000,   /* how often it is looked for what need not be kept any longer, */
    PRUNE_SLICE_US = 5000,   /* how long it is deleted at a time: rings fill meanwhile, */
    PRUNE_PAUSE_MS = 5,      /* and how soon that goes on where nothing else is to be done */
    PRUNE_IDLE_MS = 600000,  /* exchanges grow old although none comes, by days */
    READY_BYTES = 64 * 1024, /* what is always ready to be written to; and where many come, twice as much as waits */
    LET_GO_EVERY_MS = 1000,  /* how often, and how much, rings in use give memory back: of one that is gone round in */
    LET_GO_BYTES = 2 * 1024 * 1024 /* seconds little, as each page costs a fault when it is written again */
};

static size_t bytes_waiting(const struct recorder *recorder)
{
    size_t used = 0;
    for (size_t i = 0; i < recorder->source_count; i++)
        used += ring_used(recorder->sources[i].ring);
    return used;
}

static bool has_frames(const void *context)
{
    return bytes_waiting(context) > 0;
}

static bool uses_more_than(const struct recorder *recorder, size_t share)
{
    for (size_t i = 0; i < recorder->source_count; i++) {
        const struct ring *ring = recorder->sources[i].ring;
        if (ring_used(ring) > ring->size / share)
            return true;
    }
    return false;
}

static bool is_short_of_room(const void *context)
{
    return uses_more_than(context, SHORT_SHARE);
}

static bool is_stopped(const struct recorder *recorder)
{
    return atomic_load(&recorder->wake.stop);
}

/* Whether requests go first. */
static bool is_calm(const void *context)
{
    return !uses_more_than(context, CALM_SHARE) && !is_stopped(context);
}

/* --- storing --- */

static void tell_failure(struct recorder *recorder, const struct error *error)
{
    if (!recorder->is_failing)
        log_warning(
            "%s. Nothing is lost: exchanges wait in the journal; once it is full, they are refused or go unrecorded "
            "(capture.when_full)",
            error->message);
    atomic_store(&recorder->is_failing, true);
    atomic_fetch_add(&recorder->write_errors, 1);
}

static void tell_success(struct recorder *recorder)
{
    if (recorder->is_failing)
        log_info("the record is being written again");
    atomic_store(&recorder->is_failing, false);
    atomic_fetch_add(&recorder->batches, 1);
    for (size_t i = 0; i < recorder->source_count; i++) {
        const struct source *source = &recorder->sources[i];
        if (ring_tail(source->ring) >= source->goal) /* what is left was written after that moment */
            atomic_store_explicit(&source->ring->behind_since_us, source->goal_us, memory_order_relaxed);
    }
}

/* The end of the proxy is seen after a pause, which is a second at most. */
static void pause_for(int ms)
{
    const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
    (void)nanosleep(&pause, NULL); /* this thread takes no signals */
}

/* A file that cannot be trusted is set aside; what is in the rings goes into a new one. */
static void replace_damaged_store(struct recorder *recorder)
{
    struct error error;
    if (recorder->store != NULL && !store_is_damaged(recorder->store))
        return;
    if (recorder->store != NULL ? !store_set_aside(&recorder->store, &error)
                                : !store_open(&recorder->store, &recorder->store_options, &error))
        log_error("%s", error.message); /* tried again with the batch */
}

/* Stores the batch, however long it takes; false only where the proxy ends and patience is out. */
static bool store_batch(struct recorder *recorder)
{
    int pause_ms = PAUSE_FIRST_MS;
    int64_t stopped_us = 0;
    struct error error;
    while (recorder->store == NULL ||
           !sources_store(recorder->sources, recorder->source_count, &recorder->batch, recorder->store, &error)) {
        if (recorder->store != NULL)
            tell_failure(recorder, &error);
        replace_damaged_store(recorder);
        if (is_stopped(recorder)) {
            if (stopped_us == 0)
                stopped_us = clock_monotonic_us();
            if (clock_monotonic_us() - stopped_us > (int64_t)STOP_PATIENCE_MS * 1000)
                return false;
        }
        pause_for(pause_ms);
        pause_ms = pause_ms * 2 < PAUSE_LAST_MS ? pause_ms * 2 : PAUSE_LAST_MS;
    }
    tell_success(recorder);
    recorder->has_stored = true;
    return true;
}

/* Each ring gets its share of a batch, and each in turn is the first: a busy one does not keep the others waiting. */
static size_t fill_batch(struct recorder *recorder)
{
    size_t read = 0;
    size_t count = recorder->source_count;
    size_t share = count < BATCH_FRAMES_MAX ? BATCH_FRAMES_MAX / count : 1;
    batch_reset(&recorder->batch);
    int64_t now_us = clock_monotonic_us();
    for (size_t i = 0; i < count; i++) {
        recorder->sources[i].goal = ring_head(recorder->sources[i].ring);
        recorder->sources[i].goal_us = now_us;
    }
    for (size_t i = 0; i < count; i++)
        read += source_read(&recorder->sources[(recorder->first_source + i) % count], &recorder->batch, share);
    recorder->first_source = (recorder->first_source + 1) % count;
    return read;
}

/* Carries over what is there. A batch that is less than half full has taken all there was: what came since is better
 * left to gather. */
static void carry_over(struct recorder *recorder)
{
    size_t read;
    do {
        read = fill_batch(recorder);
        if (read > 0 && !store_batch(recorder)) {
            recorder->gave_up = true;
            return;
        }
    } while (read > 0 && (is_short_of_room(recorder) || is_stopped(recorder) ||
                          recorder->batch.frames > BATCH_FRAMES_MAX / 2 || batch_is_full(&recorder->batch)));
}

/* --- what need not be kept --- */

static void prune(struct recorder *recorder)
{
    struct store_prune_step step = { .more = true };
    struct error error;
    int64_t begun_us = clock_monotonic_us();
    while (step.more && clock_monotonic_us() - begun_us < PRUNE_SLICE_US) {
        if (!store_prune(&step, recorder->store, recorder->keep, clock_wall_us(), &error)) {
            log_warning("old exchanges stay for now: %s", error.message); /* tried again in a while */
            step.more = false;
        }
    }
    recorder->has_more_to_prune = step.more;
    recorder->has_stored = false;
    recorder->pruned_us = clock_monotonic_us();
}

static void prune_if_due(struct recorder *recorder)
{
    bool is_due =
        recorder->has_more_to_prune || clock_monotonic_us() - recorder->pruned_us >= (int64_t)PRUNE_EVERY_MS * 1000;
    if (capture_keep_has_bound(recorder->keep) && is_due && recorder->store != NULL && !is_stopped(recorder) &&
        !is_short_of_room(recorder))
        prune(recorder);
}

/* --- memory --- */

static void let_go(struct recorder *recorder, size_t most)
{
    for (size_t i = 0; i < recorder->source_count; i++)
        ring_let_go(recorder->sources[i].ring, most);
    recorder->let_go_us = clock_monotonic_us();
}

/* What was freed goes back to the kernel. Other threads' allocations may wait for it, and there are hardly any: no frame has come
 * for a while. */
static void rest(struct recorder *recorder)
{
    if (recorder->store != NULL)
        store_let_go(recorder->store);
    (void)malloc_trim(0); /* whether there was any */
}

/* Before the batch: as much comes while it is stored and until the next as has come since the last. Whoever is behind stores first:
 * room is worth more than page faults. */
static void make_ready(const struct recorder *recorder)
{
    for (size_t i = 0; i < recorder->source_count; i++) {
        struct ring *ring = recorder->sources[i].ring;
        size_t ahead = READY_BYTES + 2 * ring_used(ring);
        while (is_calm(recorder) && ring_make_ready(ring, ahead))
            (void)sched_yield(); /* cannot fail on Linux */
    }
}

/* Some while frames come; all once none has come for as long. */
static void let_go_if_due(struct recorder *recorder, bool is_idle)
{
    recorder->holds_pages |= !is_idle;
    if (!recorder->holds_pages || clock_monotonic_us() - recorder->let_go_us < (int64_t)LET_GO_EVERY_MS * 1000)
        return;
    let_go(recorder, is_idle ? SIZE_MAX : LET_GO_BYTES);
    if (is_idle)
        rest(recorder);
    recorder->holds_pages = !is_idle;
}

/* --- the thread --- */

static int prune_wait_ms(const struct recorder *recorder)
{
    if (!capture_keep_has_bound(recorder->keep))
        return -1;
    if (recorder->has_more_to_prune)
        return PRUNE_PAUSE_MS;
    return recorder->has_stored ? PRUNE_EVERY_MS : PRUNE_IDLE_MS;
}

static int idle_wait_ms(const struct recorder *recorder)
{
    int wait_ms = prune_wait_ms(recorder);
    return recorder->holds_pages && (wait_ms < 0 || wait_ms > LET_GO_EVERY_MS) ? LET_GO_EVERY_MS : wait_ms;
}

/* Who asks for one just seen finds it soon; who sends many at once pays for fewer commits. */
static void gather(struct recorder *recorder)
{
    wake_wait(&recorder->wake, WAKE_GATHERING, GATHER_MS, is_short_of_room, recorder);
    if (bytes_waiting(recorder) > MANY_BYTES)
        wake_wait(&recorder->wake, WAKE_GATHERING, GATHER_MORE_MS, is_short_of_room, recorder);
}

static void *record(void *context)
{
    struct recorder *recorder = context;
    give_way_while(is_calm, recorder);
    make_ready(recorder);
    while (!is_stopped(recorder)) {
        wake_wait(&recorder->wake, WAKE_ASLEEP, idle_wait_ms(recorder), has_frames, recorder);
        gather(recorder);
        bool is_idle = !has_frames(recorder);
        make_ready(recorder);
        carry_over(recorder);
        prune_if_due(recorder);
        let_go_if_due(recorder, is_idle);
    }
    while (!recorder->gave_up && has_frames(recorder))
        carry_over(recorder);
    return NULL;
}

bool recorder_start(struct recorder *recorder, struct error *error)
{
    give_way_between_pages();
    recorder->is_running = thread_start(&recorder->thread, "recorder", record, recorder, error);
    return recorder->is_running;
}

bool recorder_stop(struct recorder *recorder)
{
    if (!recorder->is_running)
        return true;
    wake_stop(&recorder->wake);
    (void)pthread_join(recorder->thread, NULL); /* cannot fail: joined once, by this one caller */
    recorder->is_running = false;
    return !recorder->gave_up;
}
