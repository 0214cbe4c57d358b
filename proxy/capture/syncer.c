/* Syncs of rings, and who is told of them. The sync thread. */
#include "syncer.h"

#include "countersign/log.h"
#include "countersign/thread.h"

static bool is_asked(const struct journal *journal)
{
    const struct journal_sync *sync = &journal->sync;
    uint64_t asked = atomic_load(&sync->asked);
    return asked > atomic_load(&sync->synced) && asked > atomic_load(&sync->failed);
}

static bool has_work(const void *context)
{
    const struct syncer *syncer = context;
    for (size_t i = 0; i < syncer->journal_count; i++) {
        if (is_asked(&syncer->journals[i]))
            return true;
    }
    return false;
}

static void tell_failure(struct journal_sync *sync, const struct error *error)
{
    if (!sync->is_failing)
        log_error("%s: requests that change anything are refused (capture.durability = power)", error->message);
    sync->is_failing = true;
}

static void tell_success(struct journal_sync *sync)
{
    if (sync->is_failing)
        log_info("rings are synced again");
    sync->is_failing = false;
}

static void tell_worker(struct journal_sync *sync)
{
    (void)pthread_mutex_lock(&sync->listener); /* these two cannot fail on a mutex of the default kind */
    if (sync->on_synced != NULL)
        sync->on_synced(sync->context);
    (void)pthread_mutex_unlock(&sync->listener);
}

/* The head is read before the sync begins: what is published later may be on the disk too, but nobody can know. */
static void sync_journal(struct journal *journal)
{
    struct error error;
    uint64_t head = ring_head(&journal->ring);
    if (ring_sync(&journal->ring, &error)) {
        tell_success(&journal->sync);
        atomic_store(&journal->sync.synced, head);
    } else {
        tell_failure(&journal->sync, &error);
        atomic_store(&journal->sync.failed, head);
    }
    tell_worker(&journal->sync);
}

static void *keep_synced(void *context)
{
    struct syncer *syncer = context;
    while (!atomic_load(&syncer->wake.stop)) {
        wake_wait(&syncer->wake, WAKE_ASLEEP, -1, has_work, syncer);
        for (size_t i = 0; i < syncer->journal_count; i++) {
            if (is_asked(&syncer->journals[i]))
                sync_journal(&syncer->journals[i]);
        }
    }
    return NULL;
}

bool syncer_start(struct syncer *syncer, struct error *error)
{
    syncer->is_running = thread_start(&syncer->thread, "sync", keep_synced, syncer, error);
    return syncer->is_running;
}

void syncer_stop(struct syncer *syncer)
{
    if (!syncer->is_running)
        return;
    wake_stop(&syncer->wake);
    (void)pthread_join(syncer->thread, NULL); /* cannot fail: joined once, by this one caller */
    syncer->is_running = false;
}
