/* The worker's side of durability = power: asking for syncs, and looking what became of them. The journal's worker. */
#include "journal_private.h"

bool journal_is_synced(const struct journal *journal)
{
    return journal->sync.wake != NULL;
}

void journal_on_synced(struct journal *journal, void (*on_synced)(void *context), void *context)
{
    struct journal_sync *sync = &journal->sync;
    if (sync->wake == NULL)
        return;
    (void)pthread_mutex_lock(&sync->listener); /* these two cannot fail on a mutex of the default kind */
    sync->on_synced = on_synced;
    sync->context = context;
    (void)pthread_mutex_unlock(&sync->listener);
}

uint64_t journal_ask_for_sync(struct journal *journal)
{
    uint64_t head = ring_head(&journal->ring);
    atomic_store(&journal->sync.asked, head);
    wake_notify(journal->sync.wake, false);
    return head;
}

enum journal_sync_state journal_sync_look(const struct journal *journal, uint64_t ticket)
{
    /* The failure first: a later sync that succeeds says nothing of what an earlier one could not write. */
    if (atomic_load(&journal->sync.failed) >= ticket)
        return JOURNAL_SYNC_FAILED;
    return atomic_load(&journal->sync.synced) >= ticket ? JOURNAL_SYNC_DONE : JOURNAL_SYNC_PENDING;
}
