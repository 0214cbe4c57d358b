/* From rings to the store. One thread at a time: the recorder's, or capture_open's while it recovers. */
#include "source.h"

#include "give_way.h"

#include "countersign/log.h"

#include <inttypes.h>

/* After how many it may give way: a batch at once, with each frame's sum to be checked, takes milliseconds. */
enum { LOOK_BYTES = 16 * 1024 };

struct source source_of_ring(struct ring *ring, const char *name, uint64_t sequence)
{
    uint64_t tail = ring_tail(ring);
    return (struct source){
        .ring = ring,
        .name = name,
        .position = tail,
        .whole_end = tail,
        .expected = sequence > 0 || tail == 0 ? sequence + 1 : 0, /* what was released before is in another store */
        .read_sequence = sequence,
        .sequence = sequence,
    };
}

static void look_for_gap(struct source *source, uint64_t sequence)
{
    if (source->expected != 0 && sequence != source->expected) {
        source->torn++;
        log_warning("%s: frames %" PRIu64 " to %" PRIu64 " are not what was written (torn); they are dropped",
                    source->name, source->expected, sequence - 1);
    }
    source->expected = sequence + 1;
}

static void take(struct source *source, struct batch *batch, const struct frame *frame)
{
    if (frame->sequence <= source->read_sequence)
        return; /* stored, but the process ended before the ring's tail said so; or an older frame */
    look_for_gap(source, frame->sequence);
    source->read_sequence = frame->sequence;
    source->carried++;
    if (!batch_add(batch, frame))
        log_error("%s: frame %" PRIu64 " holds no record and is left out", source->name, frame->sequence);
}

size_t source_read(struct source *source, struct batch *batch, size_t frames_max)
{
    uint64_t head = source->limit != 0 ? source->limit : ring_head(source->ring);
    uint64_t looked_at = source->position;
    size_t count = 0;
    while (source->position < head && count < frames_max && !batch_is_full(batch)) {
        struct frame frame;
        count++;
        if (source->position - looked_at >= LOOK_BYTES) {
            looked_at = source->position;
            give_way();
        }
        if (ring_read(&frame, source->ring, &source->position, head, source->read_sequence) != FRAME_GOOD)
            continue; /* the next whole frame's sequence tells what is missing */
        if (source->limit == 0 || frame.sequence > source->read_sequence)
            source->whole_end = source->position;
        take(source, batch, &frame);
    }
    return count;
}

static bool dropped_store(const struct dropped *dropped, struct store *store, struct error *error)
{
    static const char detail[] =
        "exchanges went out unrecorded, for the journal had no room (capture.when_full = drop)";
    return dropped->count == 0 ||
           store_note_incident(store, dropped->last_us, "dropped", (int64_t)dropped->count, detail, error);
}

bool dropped_commit(const struct dropped *dropped, struct store *store, struct error *error)
{
    return store_begin(store, error) && dropped_store(dropped, store, error) && store_commit(store, error);
}

bool sources_store(struct source *sources, size_t count, const struct batch *batch, struct store *store,
                   struct error *error)
{
    if (!store_begin(store, error) || !store_write_batch(store, batch, error) ||
        !dropped_store(&batch->dropped, store, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct source *source = &sources[i];
        if (source->read_sequence > source->sequence &&
            !store_set_ring_position(store, source->name, ring_run(source->ring), source->read_sequence, error))
            return false;
    }
    if (!store_commit(store, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        sources[i].sequence = sources[i].read_sequence;
        ring_release(sources[i].ring, sources[i].position);
    }
    return true;
}
