/* From rings to the store. One thread at a time: the recorder's, or capture_open's while it recovers. */
#include "source.h"

#include "countersign/log.h"

#include <inttypes.h>

struct source source_of_ring(struct ring *ring, const char *name, uint64_t sequence)
{
    return (struct source){
        .ring = ring,
        .name = name,
        .position = ring_tail(ring),
        .read_sequence = sequence,
        .sequence = sequence,
    };
}

static void take(struct source *source, struct batch *batch, const struct frame *frame)
{
    if (frame->sequence <= source->sequence)
        return; /* stored, but the process ended before the ring's tail said so */
    source->read_sequence = frame->sequence;
    source->carried++;
    if (!batch_add(batch, frame))
        log_error("%s: frame %" PRIu64 " holds no record and is left out", source->name, frame->sequence);
}

size_t source_read(struct source *source, struct batch *batch, size_t frames_max)
{
    uint64_t head = ring_head(source->ring);
    size_t count = 0;
    while (source->position < head && count < frames_max && !batch_is_full(batch)) {
        struct frame frame;
        uint64_t begin = source->position;
        count++;
        if (ring_read(&frame, source->ring, &source->position, head) == FRAME_GOOD) {
            take(source, batch, &frame);
            continue;
        }
        source->torn++;
        log_warning("%s: %" PRIu64 " bytes at %" PRIu64 " are not what was written (torn); they are dropped",
                    source->name, source->position - begin, begin);
    }
    return count;
}

bool sources_store(struct source *sources, size_t count, const struct batch *batch, struct store *store,
                   struct error *error)
{
    if (!store_begin(store, error) || !store_write_batch(store, batch, error))
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
