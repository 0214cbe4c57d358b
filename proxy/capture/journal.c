/* The worker's side: promises of room, and frames. Runs on the journal's worker.
 *
 * The promise: an admitted exchange's intents, an outcome of normal size and its "replied" note always fit. Each admitted
 * exchange therefore holds back room for all of them until its outcome is written; what its intents take of the ring
 * meanwhile is counted twice, which errs on the safe side. */
#include "journal_private.h"
#include "record_codec.h"

#include "countersign/clock.h"
#include "countersign/log.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    /* A GET that is repeated is signed again; anything else is never repeated, and with durability = power is written once
     * before it is signed. */
    INTENTS_MAX = 2,
    DEFAULT_BODY_MAX = 64,    /* what this proxy sends as the body of a POST that has none */
    REQUEST_ADDED_MAX = 8192, /* what it adds to a request's head: Host, the signature's fields */
    OWED_SHARE = 16, /* "replied" notes hold back at most this part of a ring, and no outcome ever uses it up */
    CALM_SHARE = 2,  /* dropping is over once no more than this part of a ring is in use */
    SHORT_SHARE = 4  /* with this part of the ring in use, a recorder that lets frames gather is called */
};

/* --- promises --- */

/* The client's request, and beside it method and target again and perhaps another body. */
static size_t intent_room(const struct journal *journal, size_t request_bytes)
{
    return frame_size(2 * request_bytes + DEFAULT_BODY_MAX + journal->overhead);
}

/* As above, and the upstream's request head, and the answer. */
static size_t outcome_room(const struct journal *journal, size_t request_bytes)
{
    size_t request = 3 * request_bytes + DEFAULT_BODY_MAX + REQUEST_ADDED_MAX;
    return frame_size(request + JOURNAL_OUTCOME_SURE + journal->overhead);
}

static size_t exchange_room(const struct journal *journal, size_t request_bytes)
{
    return INTENTS_MAX * intent_room(journal, request_bytes) + outcome_room(journal, request_bytes) +
           frame_size(REPLIED_LENGTH);
}

/* An exchange whose client left before the outcome is never noted as replied, so what is owed is a bound only; it must
 * not grow until nothing else fits. */
static size_t owed_room(const struct journal *journal)
{
    size_t room = atomic_load_explicit(&journal->owed, memory_order_relaxed) * frame_size(REPLIED_LENGTH);
    size_t bound = journal->ring.size / OWED_SHARE;
    return room < bound ? room : bound;
}

static size_t reserved_room(const struct journal *journal)
{
    return atomic_load_explicit(&journal->reserved, memory_order_relaxed) + owed_room(journal);
}

size_t journal_used(const struct journal *journal)
{
    size_t used = ring_used(&journal->ring) + reserved_room(journal);
    return used < journal->ring.size ? used : journal->ring.size;
}

int64_t journal_lag_us(const struct journal *journal, int64_t now_us)
{
    int64_t since_us = atomic_load_explicit(&journal->ring.behind_since_us, memory_order_relaxed);
    return ring_used(&journal->ring) > 0 && since_us > 0 && now_us > since_us ? now_us - since_us : 0;
}

bool journal_has_room(const struct journal *journal, size_t request_bytes)
{
    size_t size = journal->ring.size;
    if (request_bytes > size) /* keeps the sums below from overflowing, too */
        return false;
    size_t room = exchange_room(journal, request_bytes);
    size_t used = ring_used(&journal->ring) + reserved_room(journal);
    return used <= size && room <= size - used;
}

size_t journal_size(const struct journal *journal)
{
    return journal->ring.size;
}

static bool has_slot(struct journal *journal)
{
    if (journal->admitted_count < journal->admitted_capacity)
        return true;
    size_t capacity = journal->admitted_capacity == 0 ? 64 : 2 * journal->admitted_capacity;
    size_t *grown = reallocarray(journal->admitted, capacity, sizeof(*grown));
    if (grown == NULL)
        return false;
    journal->admitted = grown;
    journal->admitted_capacity = capacity;
    return true;
}

static void publish(struct journal *journal, enum frame_type type, size_t length)
{
    if (ring_used(&journal->ring) == 0)
        atomic_store_explicit(&journal->ring.behind_since_us, clock_monotonic_us(), memory_order_relaxed);
    ring_publish(&journal->ring, type, length);
    wake_notify(journal->wake, ring_used(&journal->ring) > journal->ring.size / SHORT_SHARE);
}

/* Notes how many went unrecorded. Not at the first room that is found: one message for each time, not for each request. */
static void end_dropping(struct journal *journal)
{
    struct dropped *dropped = ring_dropped(&journal->ring);
    if (ring_used(&journal->ring) + reserved_room(journal) > journal->ring.size / CALM_SHARE)
        return;
    char *at = ring_claim(&journal->ring, DROPPED_LENGTH);
    if (at == NULL)
        return;
    dropped_write(at, dropped);
    publish(journal, FRAME_DROPPED, DROPPED_LENGTH);
    log_warning("the journal has room again: %" PRIu64 " requests went unrecorded", dropped->count);
    *dropped = (struct dropped){ .count = 0 };
    journal->is_dropping = false;
}

bool journal_drop(struct journal *journal, int64_t now_us)
{
    const struct dropped one = { .count = 1, .first_us = now_us, .last_us = now_us };
    if (!journal->drops_when_full)
        return false;
    if (!journal->is_dropping)
        log_warning("the journal has no room (is the disk full, or another program holding capture.db?): requests go "
                    "unrecorded until it has (capture.when_full = drop)");
    journal->is_dropping = true;
    dropped_add(ring_dropped(&journal->ring), &one);
    return true;
}

bool journal_admit(struct journal *journal, size_t request_bytes)
{
    if (!journal_has_room(journal, request_bytes) || !has_slot(journal))
        return false;
    journal->admitted[journal->admitted_count++] = request_bytes;
    atomic_fetch_add_explicit(&journal->reserved, exchange_room(journal, request_bytes), memory_order_relaxed);
    if (journal->is_dropping)
        end_dropping(journal);
    return true;
}

/* Where the admitted exchange with this size of request stands; the last one where the caller named another size then. */
static size_t find_admitted(const struct journal *journal, size_t request_bytes)
{
    size_t i = journal->admitted_count;
    while (i > 0 && journal->admitted[i - 1] != request_bytes)
        i--;
    return i > 0 ? i - 1 : journal->admitted_count - 1;
}

static void give_back(struct journal *journal, size_t place)
{
    size_t room = exchange_room(journal, journal->admitted[place]);
    journal->admitted[place] = journal->admitted[--journal->admitted_count];
    atomic_fetch_sub_explicit(&journal->reserved, room, memory_order_relaxed);
}

/* --- frames --- */

static bool write_record(struct journal *journal, enum frame_type type, const struct record_image *image)
{
    char *at = ring_claim(&journal->ring, image->length);
    if (at == NULL)
        return false;
    record_image_write(at, image);
    publish(journal, type, image->length);
    return true;
}

static size_t request_bytes_of(const struct record *record)
{
    const struct record_message *request = &record->views[RECORD_CLIENT_REQUEST];
    return request->head.length + request->body.length;
}

/* Whether a frame larger than promised may be written: only from what no other exchange was promised. */
static bool leaves_others_their_room(const struct journal *journal, size_t frame, size_t own_room)
{
    size_t taken = ring_used(&journal->ring) + reserved_room(journal) - own_room;
    return taken <= journal->ring.size && frame <= journal->ring.size - taken;
}

bool journal_intent(struct journal *journal, const struct record *record)
{
    struct record_image image = record_image_of(record, false);
    size_t request_bytes = request_bytes_of(record);
    if (journal->admitted_count == 0)
        return false;
    if (frame_size(image.length) > intent_room(journal, request_bytes) &&
        !leaves_others_their_room(journal, frame_size(image.length), 0))
        return false;
    return write_record(journal, FRAME_INTENT, &image);
}

static bool outcome_fits(const struct journal *journal, const struct record_image *image, size_t place)
{
    size_t request_bytes = journal->admitted[place];
    size_t own_room = exchange_room(journal, request_bytes) - frame_size(REPLIED_LENGTH);
    return frame_size(image->length) <= outcome_room(journal, request_bytes) ||
           leaves_others_their_room(journal, frame_size(image->length), own_room);
}

/* A record that its writer already cut short must fit: as a last resort its heads go as well, the answer's first. */
static struct record_image cut_further(struct record *cut, const struct journal *journal, struct record_image image,
                                       size_t place)
{
    for (size_t view = RECORD_VIEW_COUNT; view-- > RECORD_UPSTREAM_REQUEST && !outcome_fits(journal, &image, place);) {
        *cut = *image.record;
        cut->views[view].head = slice_of(NULL, 0);
        image = record_image_of(cut, true);
    }
    return image;
}

bool journal_outcome(struct journal *journal, const struct record *record)
{
    if (journal->admitted_count == 0)
        return false;
    struct record cut;
    struct record_image image = record_image_of(record, true);
    size_t place = find_admitted(journal, request_bytes_of(record));
    if (slice_equal_text(record->error_name, "record-truncated"))
        image = cut_further(&cut, journal, image, place);
    if (!outcome_fits(journal, &image, place) || !write_record(journal, FRAME_OUTCOME, &image))
        return false;
    give_back(journal, place);
    if (record->replied_us == 0)
        atomic_fetch_add_explicit(&journal->owed, 1, memory_order_relaxed);
    return true;
}

void journal_replied(struct journal *journal, int64_t id, int64_t replied_us, bool delivered)
{
    const struct replied replied = { .id = id, .replied_us = replied_us, .delivered = delivered };
    char *at = ring_claim(&journal->ring, REPLIED_LENGTH);
    if (atomic_load_explicit(&journal->owed, memory_order_relaxed) > 0)
        atomic_fetch_sub_explicit(&journal->owed, 1, memory_order_relaxed);
    if (at == NULL) { /* only with more replies under way than a sixteenth of the ring holds notes */
        log_warning("exchange %" PRId64 ": no room to note when its reply left", id);
        return;
    }
    replied_write(at, &replied);
    publish(journal, FRAME_REPLIED, REPLIED_LENGTH);
}
