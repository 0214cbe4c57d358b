/* A ring file that a run left, as a damaged disk or a forger would have it: opened, searched and read to its end, as the
 * recovery does. Whatever the file holds, reading ends, and each frame given out is one that its sums vouch for, written
 * after the one before it.
 *
 * The input's first byte says how the rest becomes a file: bit 0: the header is made good, with version 1 or 2 (bit 1) and
 * head and tail from the input; bit 2: frames of the input's bytes are put in and sealed first, which the rest then
 * damages. */
#include "capture/little_endian.h"
#include "capture/ring.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAKE_HEADER = 1, VERSION_1 = 2, PUT_FRAMES = 4, FRAMES_MAX = 16, FILE_SIZE = 2 * RING_GRAIN };
enum { AT_VERSION = 8, AT_SIZE = 16, AT_RUN = 24, AT_HEAD = 64, AT_TAIL = 128, AT_SUM = 192, AT_DROPPED = 200 };

static const char run_name[] = "0123456789abcdeffedcba9876543210";

struct input {
    const uint8_t *data;
    size_t size;
};

static uint64_t take(struct input *input, size_t bytes)
{
    uint64_t number = 0;
    for (; bytes > 0 && input->size > 0; bytes--, input->size--)
        number = number << 8 | *input->data++;
    return number;
}

static void make_header(char *file, struct input *input, unsigned how)
{
    memcpy(file, "CSCRING1", 8);
    put_u64(file + AT_VERSION, (how & VERSION_1) != 0 ? 1 : 2);
    put_u64(file + AT_SIZE, RING_GRAIN);
    memcpy(file + AT_RUN, run_name, sizeof(run_name));
    put_u64(file + AT_SUM, frame_sum(file + AT_VERSION, AT_RUN + sizeof(run_name) - AT_VERSION));
    put_u64(file + AT_TAIL, take(input, 3) * 4);
    put_u64(file + AT_HEAD, get_u64(file + AT_TAIL) + take(input, 2) * 4);
}

/* The first two words of the run's name, as ring.c reads them. */
static struct frame_key key_of(unsigned how)
{
    static const char bytes[] = "\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10";
    if ((how & VERSION_1) != 0)
        return (struct frame_key){ 0, 0 };
    return (struct frame_key){ get_u64(bytes), get_u64(bytes + 8) };
}

static void put_frames(char *area, struct input *input, const struct frame_key *key)
{
    size_t at = take(input, 1) * FRAME_ALIGNMENT;
    uint64_t sequence = take(input, 1);
    for (size_t i = 0; i < FRAMES_MAX && input->size > 0; i++) {
        uint64_t step = take(input, 2);
        size_t length = step % 1024;
        if (at + frame_size(length) > RING_GRAIN)
            return;
        memset(area + at + FRAME_HEADER_SIZE, (int)step, length);
        frame_seal(area + at, key, (enum frame_type)(1 + step / 1024 % 5), sequence, length);
        at += frame_size(length) + step / 8192 % 2 * FRAME_ALIGNMENT;
        sequence += step / 16384;
    }
}

/* What is left of the input: places, and what stands there. */
static void damage(char *file, struct input *input)
{
    while (input->size >= 4) {
        size_t at = RING_GRAIN + take(input, 2) % RING_GRAIN;
        file[at] = (char)(file[at] ^ (char)take(input, 1));
    }
}

static void fill_file(char *file, const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    unsigned how = (unsigned)take(&input, 1);
    struct frame_key key = key_of(how);
    memset(file, 0, AT_DROPPED + sizeof(struct dropped));
    memset(file + RING_GRAIN, 0, RING_GRAIN);
    if ((how & MAKE_HEADER) != 0)
        make_header(file, &input, how);
    if ((how & PUT_FRAMES) != 0) {
        put_frames(file + RING_GRAIN, &input, &key);
        damage(file, &input);
        return;
    }
    size_t head = (how & MAKE_HEADER) != 0 ? 0 : AT_DROPPED;
    head = head < input.size ? head : input.size;
    memcpy(file, input.data, head);
    size_t rest = input.size - head < RING_GRAIN ? input.size - head : RING_GRAIN;
    memcpy(file + RING_GRAIN, input.data + head, rest);
}

/* The ring's data area is mapped twice in a row, so a frame that crosses its end can be looked at in one piece. */
static void check_frame(const struct ring *ring, const struct frame *frame)
{
    struct frame again;
    size_t size;
    const char *at = frame->payload.data - FRAME_HEADER_SIZE;
    if (at < ring->data || at >= ring->data + ring->size ||
        frame_read(&again, &size, &ring->key, at, ring->size) != FRAME_GOOD || again.sequence != frame->sequence ||
        again.payload.length != frame->payload.length)
        abort();
}

static void read_all(const struct ring *ring, uint64_t position, uint64_t head)
{
    uint64_t last = 0;
    while (position < head) {
        struct frame frame;
        uint64_t before = position;
        enum frame_state state = ring_read(&frame, ring, &position, head, last);
        if (position <= before || position > head)
            abort();
        if (state == FRAME_GOOD)
            check_frame(ring, &frame);
        if (state == FRAME_GOOD && frame.sequence > last)
            last = frame.sequence;
    }
}

static void recover_from(struct ring *ring, uint64_t after)
{
    uint64_t begin;
    if (ring_find_oldest(&begin, ring, after)) {
        if (begin < ring_tail(ring) || begin >= ring_tail(ring) + ring->size)
            abort();
        read_all(ring, begin, begin + ring->size);
    }
    read_all(ring, ring_tail(ring), ring_head(ring));
    ring_release(ring, ring_head(ring));
    if (ring_used(ring) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char *file;
    struct ring ring = { .header = NULL };
    enum ring_found found;
    struct error error;
    if (fd < 0) {
        fd = memfd_create("ring", MFD_CLOEXEC);
        if (fd < 0 || ftruncate(fd, FILE_SIZE) != 0)
            abort();
        file = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (file == MAP_FAILED)
            abort();
    }
    fill_file(file, data, size);
    if (!ring_open_left_on(&ring, &found, fd, "the fuzzer's ring", &error))
        abort();
    if (ring.header != NULL && found != RING_USABLE && found != RING_UNPLACED)
        abort();
    if (ring.header != NULL)
        recover_from(&ring, size % 3);
    ring_close(&ring);
    return 0;
}
