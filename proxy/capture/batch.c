/* Frames of one transaction by exchange. The recorder's thread (and capture_open's, while it recovers). */
#include "batch.h"

#include <string.h>

_Static_assert(BATCH_FRAMES_MAX < UINT16_MAX, "a slot holds a place plus one");

void batch_reset(struct batch *batch)
{
    batch->count = 0;
    batch->frames = 0;
    batch->bytes = 0;
    batch->dropped = (struct dropped){ .count = 0 };
    memset(batch->slots, 0, sizeof(batch->slots));
}

bool batch_is_full(const struct batch *batch)
{
    return batch->frames >= BATCH_FRAMES_MAX || batch->bytes >= BATCH_BYTES_MAX;
}

/* Ids are consecutive numbers, so their low bits spread them well. Half of the slots stay empty: the walk ends. */
static struct batch_entry *entry_of(struct batch *batch, int64_t id)
{
    size_t slot = (uint64_t)id % BATCH_SLOTS;
    while (batch->slots[slot] != 0) {
        struct batch_entry *entry = &batch->entries[batch->slots[slot] - 1];
        if (entry->id == id)
            return entry;
        slot = (slot + 1) % BATCH_SLOTS;
    }
    struct batch_entry *entry = &batch->entries[batch->count++];
    batch->slots[slot] = (uint16_t)batch->count;
    *entry = (struct batch_entry){ .id = id };
    return entry;
}

static bool add_dropped(struct batch *batch, struct slice payload)
{
    struct dropped dropped;
    if (!dropped_decode(&dropped, payload))
        return false;
    dropped_add(&batch->dropped, &dropped);
    return true;
}

bool batch_add(struct batch *batch, const struct frame *frame)
{
    int64_t id;
    struct replied replied;
    batch->frames++;
    batch->bytes += frame->payload.length;
    if (frame->type == FRAME_REPLIED) {
        if (!replied_decode(&replied, frame->payload))
            return false;
        entry_of(batch, replied.id)->replied = replied;
        return true;
    }
    if (frame->type == FRAME_DROPPED)
        return add_dropped(batch, frame->payload);
    if (!payload_id(&id, frame->payload))
        return false;
    struct batch_entry *entry = entry_of(batch, id);
    entry->record = frame->payload;
    entry->is_new |= frame->type == FRAME_INTENT;
    return true;
}
