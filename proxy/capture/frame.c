/* Frames: their header and checksums. Pure; any thread.
 *
 *   0  magic           u32
 *   4  type            u32
 *   8  sequence        u64
 *  16  payload length  u64
 *  24  payload sum     u64, with the key's word added
 *  32  header sum      u64, over the 32 bytes before it, likewise
 *  40  payload, then up to 7 bytes without meaning
 */
#include "frame.h"

#include "little_endian.h"

enum { AT_TYPE = 4, AT_SEQUENCE = 8, AT_LENGTH = 16, AT_PAYLOAD_SUM = 24, AT_HEADER_SUM = 32 };

static const uint32_t frame_magic = 0x4D465343; /* "CSFM" */

/* Two running sums over 64-bit words, as Fletcher's: the first knows every word, the second its place. The factor is
 * even, so a change of a single word always changes the result: by change × (1 + place × factor), and the bracket is odd.
 * Made to find torn writes. Against who would make up a frame without having seen one, the key's word is enough: any sum is
 * as likely as any other. */
uint64_t frame_sum(const char *data, size_t length)
{
    static const uint64_t factor = 0x9E3779B97F4A7C16;
    uint64_t sum = length, sum_of_sums = 0;
    for (; length >= sizeof(uint64_t); data += sizeof(uint64_t), length -= sizeof(uint64_t)) {
        sum += get_u64(data);
        sum_of_sums += sum;
    }
    char last[sizeof(uint64_t)] = { 0 };
    if (length > 0)
        memcpy(last, data, length);
    sum += get_u64(last);
    sum_of_sums += sum;
    return sum + sum_of_sums * factor;
}

size_t frame_size(size_t payload_length)
{
    return (FRAME_HEADER_SIZE + payload_length + FRAME_ALIGNMENT - 1) / FRAME_ALIGNMENT * FRAME_ALIGNMENT;
}

void frame_seal(char *at, const struct frame_key *key, enum frame_type type, uint64_t sequence, size_t payload_length)
{
    put_u32(at, frame_magic);
    put_u32(at + AT_TYPE, (uint32_t)type);
    put_u64(at + AT_SEQUENCE, sequence);
    put_u64(at + AT_LENGTH, payload_length);
    put_u64(at + AT_PAYLOAD_SUM, frame_sum(at + FRAME_HEADER_SIZE, payload_length) + key->payload);
    put_u64(at + AT_HEADER_SUM, frame_sum(at, AT_HEADER_SUM) + key->header);
}

bool frame_begins(uint64_t *sequence, size_t *size, const struct frame_key *key, const char *at, size_t available)
{
    if (available < FRAME_HEADER_SIZE || get_u32(at) != frame_magic ||
        get_u64(at + AT_HEADER_SUM) != frame_sum(at, AT_HEADER_SUM) + key->header)
        return false;
    uint64_t length = get_u64(at + AT_LENGTH);
    if (length > available || frame_size(length) > available)
        return false;
    *sequence = get_u64(at + AT_SEQUENCE);
    *size = frame_size(length);
    return true;
}

size_t frame_seek(const char *at, size_t available)
{
    char magic[sizeof(frame_magic)];
    put_u32(magic, frame_magic);
    size_t from = 0;
    while (from < available) {
        const char *found = memmem(at + from, available - from, magic, sizeof(magic));
        if (found == NULL)
            return available;
        from = (size_t)(found - at);
        if (from % FRAME_ALIGNMENT == 0)
            return from;
        from++;
    }
    return available;
}

enum frame_state frame_read(struct frame *frame, size_t *size, const struct frame_key *key, const char *at,
                            size_t available)
{
    if (!frame_begins(&frame->sequence, size, key, at, available))
        return FRAME_LOST;
    uint32_t type = get_u32(at + AT_TYPE);
    uint64_t length = get_u64(at + AT_LENGTH);
    if (type < FRAME_INTENT || type > FRAME_DROPPED ||
        get_u64(at + AT_PAYLOAD_SUM) != frame_sum(at + FRAME_HEADER_SIZE, length) + key->payload)
        return FRAME_TORN;
    frame->type = (enum frame_type)type;
    frame->payload = slice_of(at + FRAME_HEADER_SIZE, length);
    return FRAME_GOOD;
}
