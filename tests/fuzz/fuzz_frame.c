/* Frames as a damaged or forged ring file would give them: the walk over frames, and each payload as a record. The first
 * byte says whether the input is a frame's payload (its checksums then made good) or the ring's bytes as they are. */
#include "capture/frame.h"
#include "capture/record_codec.h"

#include <stdlib.h>
#include <string.h>

static const struct frame_key key = { 0x0123456789abcdef, 0xfedcba9876543210 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was decoded is encoded to something that decodes, and then to itself: heads are masked once. */
static void check_record(struct slice payload)
{
    struct record record, again;
    if (!record_decode(&record, payload))
        return;
    struct record_image image = record_image_of(&record, true);
    char *first = malloc(image.length);
    record_image_write(first, &image);
    if (!record_decode(&again, slice_of(first, image.length)))
        abort();
    struct record_image second_image = record_image_of(&again, true);
    char *second = malloc(second_image.length);
    record_image_write(second, &second_image);
    if (second_image.length != image.length || memcmp(first, second, image.length) != 0)
        abort();
    free(first);
    free(second);
}

static void check_payload(const struct frame *frame)
{
    struct replied replied;
    struct dropped dropped;
    int64_t id;
    (void)payload_id(&id, frame->payload);          /* only its reads matter here */
    (void)replied_decode(&replied, frame->payload); /* likewise */
    (void)dropped_decode(&dropped, frame->payload); /* likewise */
    check_record(frame->payload);
}

static void walk(const char *ring, size_t size)
{
    size_t at = 0;
    while (at < size) {
        struct frame frame;
        size_t length = 0;
        enum frame_state state = frame_read(&frame, &length, &key, ring + at, size - at);
        if (state == FRAME_LOST)
            return;
        if (length < FRAME_HEADER_SIZE || length > size - at)
            abort();
        if (state == FRAME_GOOD)
            check_payload(&frame);
        at += length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t length = size - 1;
    bool is_payload = data[0] % 2 == 0;
    size_t whole = is_payload ? frame_size(length) : length;
    char *ring = calloc(1, whole + 1);
    memcpy(ring + (is_payload ? FRAME_HEADER_SIZE : 0), data + 1, length);
    if (is_payload)
        frame_seal(ring, &key, FRAME_OUTCOME, 1, length);
    walk(ring, whole);
    free(ring);
    return 0;
}
