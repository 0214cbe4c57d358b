/* The capture log's writing side. A worker writes frames into its journal: a ring in a shared mapping of a preallocated
 * file, so what is in it survives the process's death. The recorder, one thread, is the only writer of capture.db and
 * carries frames over; at start it first carries over what a killed process left.
 *
 * Field values that must not be written down are masked (redaction.h) before they reach the ring. */
#ifndef COUNTERSIGN_CAPTURE_H
#define COUNTERSIGN_CAPTURE_H

#include "countersign/capture_store.h"
#include "countersign/error.h"
#include "countersign/record.h"

struct capture;
struct journal; /* one worker's; used on that worker's thread alone */

enum capture_durability {
    CAPTURE_DURABILITY_PROCESS, /* what is journaled survives the process */
    CAPTURE_DURABILITY_POWER /* journals can be synced, and keep their frames until the store is: journal_is_synced */
};

enum capture_when_full {
    CAPTURE_REFUSE, /* an exchange that is not admitted must be refused */
    CAPTURE_DROP    /* it may go unrecorded: journal_drop */
};

struct capture_options {
    const char *state_dir; /* created with mode 0700 where missing; locked against a second proxy */
    unsigned workers;      /* one journal each */
    size_t ring_size;      /* bytes of each ring */
    enum capture_durability durability;
    enum capture_when_full when_full;
    struct capture_keep keep; /* older exchanges are deleted while the proxy runs */
    bool is_claimed;          /* `lock` is capture_claim_folder's: capture_open takes it over where it succeeds */
    int lock;
};

struct capture_recovery {       /* what a killed process left */
    uint64_t frames;            /* carried over */
    uint64_t exchanges_unknown; /* were in flight: now outcome `unknown` */
    uint64_t torn;              /* stretches that are not what was written: left out, never guessed */
    uint64_t dropped;           /* went out unrecorded, which was not noted yet */
};

/* Makes the folder that capture_open makes, and locks it against a second proxy: first of all, before anything that a first
 * one may have is touched. *lock is the caller's: closing it gives the folder free. */
MUST_CHECK bool capture_claim_folder(int *lock, const char *state_dir, struct error *error);

/* Opens or creates the store (schema migrated), locks the folder, recovers, starts the recorder. Not enough space for the
 * rings, another proxy in the folder, a store newer than this program: an error each. */
MUST_CHECK bool capture_open(struct capture **capture, const struct capture_options *options,
                             struct capture_recovery *recovery, struct error *error);

/* Call after every journal's last frame: carries everything over, ends the thread, closes the store. NULL is allowed. */
void capture_close(struct capture *capture);

const char *capture_store_path(const struct capture *capture);

struct journal *capture_journal(struct capture *capture, unsigned worker);

/* The next exchange's id: 1 and up, one sequence over all workers and runs. Any thread. */
int64_t capture_next_id(struct capture *capture);

/* Room that every admitted exchange is sure of: its intents, and an outcome whose answer is up to JOURNAL_OUTCOME_SURE
 * bytes: the heads of both responses, and their body, counted once where it is the same. */
enum { JOURNAL_OUTCOME_SURE = 65536 };

/* Admits one exchange: reserves room for its frames, `request_bytes` being the size of its request (head and body, as the
 * record's first view will hold them). False when the ring is too full: the exchange must be refused. Each admitted
 * exchange ends with exactly one journal_outcome that returned true. */
MUST_CHECK bool journal_admit(struct journal *journal, size_t request_bytes);

/* With CAPTURE_DROP: counts an exchange that was not admitted and goes unrecorded, at `now_us` (wall clock): it must write
 * nothing into the journal. The count reaches the store once there is room. False otherwise: it must be refused. */
MUST_CHECK bool journal_drop(struct journal *journal, int64_t now_us);

/* Writes the intent: the client's request, the upstream request's body, signature and connection. Must be called between
 * admit and outcome, at most twice (a repeated GET is signed again, and what is synced is written before it is signed; the
 * later one counts). Never fails within what was admitted; false is a defect of the caller. */
MUST_CHECK bool journal_intent(struct journal *journal, const struct record *record);

/* Writes the outcome: everything. False when an answer larger than JOURNAL_OUTCOME_SURE finds no room now: try again
 * later (the recorder makes room), or give up with record->views' upstream response and client response bodies emptied
 * and `error_name` "record-truncated", which always fits. Gives the reservation back. */
MUST_CHECK bool journal_outcome(struct journal *journal, const struct record *record);

/* Notes when the reply left and whether the client took it. After the outcome. Always fits. */
void journal_replied(struct journal *journal, int64_t id, int64_t replied_us, bool delivered);

/* Whether an intent can be brought to the disk before its request leaves (CAPTURE_DURABILITY_POWER). If so: ask, and look
 * with the ticket whenever `on_synced` was called. */
bool journal_is_synced(const struct journal *journal);

/* Sets whom to tell that a sync has ended, well or not: called on the sync thread, and must not block. NULL: nobody; once
 * this returns, nobody is being told any more. Nothing happens where the journal is not synced. */
void journal_on_synced(struct journal *journal, void (*on_synced)(void *context), void *context);

/* Asks for a sync of all that was written up to now, and returns the ticket for it. One sync serves all that ask before it
 * begins. */
uint64_t journal_ask_for_sync(struct journal *journal);

enum journal_sync_state {
    JOURNAL_SYNC_PENDING,
    JOURNAL_SYNC_DONE,  /* it is on the disk */
    JOURNAL_SYNC_FAILED /* it may not be, and no later sync would tell */
};
enum journal_sync_state journal_sync_look(const struct journal *journal, uint64_t ticket);

/* How far the recorder is behind this journal, µs: how long it has not had all that was written into it, which is the age of
 * the oldest unrecorded frame at most; 0 where nothing waits. `now_us` is monotonic. Any thread. */
int64_t journal_lag_us(const struct journal *journal, int64_t now_us);

/* Whether an exchange of this size would be admitted now. Any thread. */
bool journal_has_room(const struct journal *journal, size_t request_bytes);

struct capture_state {
    bool is_failing;       /* the recorder's last write failed */
    uint64_t write_errors; /* since the start, each try counted */
    uint64_t batches;      /* transactions written */
};

/* Any thread. */
void capture_look(struct capture_state *state, const struct capture *capture);

/* Bytes used (frames not yet carried over, and reservations) of all. */
size_t journal_used(const struct journal *journal);
size_t journal_size(const struct journal *journal);

#endif
