/* The ring file: made, mapped, written and read. The producer's and the consumer's halves share nothing but head and
 * tail, each written by one side with release order and read by the other with acquire order. */
#include "ring.h"

#include "little_endian.h"

#include "countersign/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RING_VERSION = 2, CACHE_LINE = 64 };

/* What rings of each version are like. 1: frames have sums without a key, and the header none. */
static const struct {
    bool is_keyed;
    bool has_sum;
} versions[RING_VERSION + 1] = { [1] = { false, false }, [2] = { true, true } };

static const uint64_t ring_magic = 0x31474E4952435343; /* "CSCRING1" */

struct ring_header {
    _Atomic uint64_t magic; /* written last: a header without it was never finished */
    uint64_t version;
    uint64_t size;
    char run[RING_RUN_LENGTH + 1];
    /* Apart, so that the two threads do not take one cache line from each other. */
    _Alignas(CACHE_LINE) _Atomic uint64_t head;
    _Alignas(CACHE_LINE) _Atomic uint64_t tail;
    _Alignas(CACHE_LINE) uint64_t sum; /* of version, size and run */
    struct dropped dropped;
};

_Static_assert(sizeof(struct ring_header) <= RING_GRAIN, "the header has its own part of the file");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "atomics in a shared mapping must not need a lock");

static bool map(struct ring *ring, int fd, size_t size, const char *path, struct error *error)
{
    size_t whole = RING_GRAIN + 2 * size;
    char *base = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        (void)error_system(error, errno, "cannot find %zu bytes of address space for %s", whole, path);
        return false;
    }
    if (mmap(base, RING_GRAIN + size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
        mmap(base + RING_GRAIN + size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, RING_GRAIN) ==
            MAP_FAILED) {
        int number = errno;
        (void)munmap(base, whole); /* nothing to be done where even this fails */
        (void)error_system(error, number, "cannot map %s", path);
        return false;
    }
    ring->header = (struct ring_header *)(void *)base;
    ring->data = base + RING_GRAIN;
    ring->size = size;
    ring->fd = -1;
    return true;
}

void ring_close(struct ring *ring)
{
    if (ring->header != NULL) {
        (void)munmap(ring->header, RING_GRAIN + 2 * ring->size); /* cannot fail for what map() made */
        if (ring->fd >= 0)
            (void)close(ring->fd); /* nothing was written through it */
    }
    *ring = (struct ring){ .header = NULL };
}

/* The run's name as two words. */
static bool take_key(struct ring *ring, const char *run)
{
    unsigned char bytes[RING_RUN_LENGTH / 2];
    if (!hex_decode(bytes, run, sizeof(bytes)))
        return false;
    ring->key.header = get_u64((const char *)bytes);
    ring->key.payload = get_u64((const char *)bytes + sizeof(uint64_t));
    ring->is_keyed = true;
    return true;
}

static uint64_t header_sum(const struct ring_header *header)
{
    size_t begin = offsetof(struct ring_header, version);
    return frame_sum((const char *)header + begin, offsetof(struct ring_header, run) + sizeof(header->run) - begin);
}

static bool allocate(int fd, size_t size, const char *path, struct error *error)
{
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0) /* whatever the umask took away */
        return error_system(error, errno, "cannot set the mode of %s", path);
    int number = posix_fallocate(fd, 0, (off_t)(RING_GRAIN + size));
    if (number != 0)
        return error_system(error, number, "cannot allocate %zu bytes for %s (capture.ring_size says how many)",
                            RING_GRAIN + size, path);
    return true;
}

static bool create_on(struct ring *ring, int fd, const char *path, size_t size, const char *run, struct error *error)
{
    if (!allocate(fd, size, path, error) || !map(ring, fd, size, path, error))
        return false;
    if (!take_key(ring, run))
        return error_set(error, ERROR_SYSTEM, "cannot make %s: its run's name is no hexadecimal number", path);
    ring->header->version = RING_VERSION;
    ring->header->size = size;
    memcpy(ring->header->run, run, RING_RUN_LENGTH);
    ring->header->sum = header_sum(ring->header);
    atomic_store_explicit(&ring->header->magic, ring_magic, memory_order_release);
    return true;
}

bool ring_create(struct ring *ring, const char *path, size_t size, const char *run, struct error *error)
{
    struct ring made = { .header = NULL };
    size_t rounded = size == 0 ? RING_GRAIN : (size + RING_GRAIN - 1) / RING_GRAIN * RING_GRAIN;
    if (unlink(path) != 0 && errno != ENOENT)
        return error_system(error, errno, "cannot replace %s", path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return error_system(error, errno, "cannot create %s", path);
    if (!create_on(&made, fd, path, rounded, run, error)) {
        ring_close(&made);
        (void)close(fd);    /* the error that is reported comes first */
        (void)unlink(path); /* likewise */
        return false;
    }
    *ring = made;
    ring->fd = fd;
    return true;
}

static bool synced(int (*sync)(int fd), const struct ring *ring, const char *what, struct error *error)
{
    int result;
    do
        result = sync(ring->fd);
    while (result != 0 && errno == EINTR);
    return result == 0 || error_system(error, errno, "cannot bring %s to the disk", what);
}

bool ring_sync(const struct ring *ring, struct error *error)
{
    return synced(fdatasync, ring, "a ring", error);
}

bool ring_sync_new(const struct ring *ring, struct error *error)
{
    return synced(fsync, ring, "a new ring", error);
}

static bool is_placed(const struct ring_header *header, size_t size)
{
    uint64_t head = atomic_load_explicit(&header->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&header->tail, memory_order_relaxed);
    /* Positions that a ring can reach leave room for sums. */
    return head <= INT64_MAX && head >= tail && head - tail <= size && head % FRAME_ALIGNMENT == 0 &&
           tail % FRAME_ALIGNMENT == 0;
}

/* All of the header but head and tail. */
static bool header_is_sound(const struct ring_header *header, size_t size, const char *path, struct error *error)
{
    uint64_t version = header->version;
    if (header->magic == ring_magic && (version == 0 || version > RING_VERSION))
        return error_set(error, ERROR_INPUT, "%s was written by another version of this program", path);
    if (header->magic != ring_magic || header->size != size || header->run[RING_RUN_LENGTH] != '\0' ||
        (versions[version].has_sum && header->sum != header_sum(header)))
        return error_set(error, ERROR_INPUT, "the header of %s is damaged", path);
    return true;
}

/* What kind of ring it is that was mapped. */
static enum ring_found look_at(struct ring *left, const char *path, struct error *error)
{
    struct ring_header *header = left->header;
    if (!header_is_sound(header, left->size, path, error))
        return RING_DAMAGED;
    if (versions[header->version].is_keyed && !take_key(left, header->run)) {
        (void)error_set(error, ERROR_INPUT, "the header of %s is damaged", path); /* goes with RING_DAMAGED */
        return RING_DAMAGED;
    }
    if (is_placed(header, left->size))
        return RING_USABLE;
    (void)error_set(error, ERROR_INPUT, "the header of %s is damaged", path); /* likewise, and with RING_UNPLACED */
    if (!left->is_keyed)
        return RING_DAMAGED;
    atomic_store(&header->head, 0);
    atomic_store(&header->tail, 0);
    return RING_UNPLACED;
}

/* A run that ended while it made the file leaves it without the magic number, and then perhaps not in its full length. */
static bool was_finished(int fd)
{
    uint64_t start[2] = { 0 }; /* magic and version */
    ssize_t length = pread(fd, start, sizeof(start), 0);
    return length == (ssize_t)sizeof(start) && (start[0] != 0 || start[1] != 0);
}

bool ring_open_left_on(struct ring *ring, enum ring_found *found, int fd, const char *path, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_system(error, errno, "cannot look at %s", path);
    size_t size = (size_t)status.st_size;
    *found = was_finished(fd) ? RING_DAMAGED : RING_UNUSED;
    if (size < 2 * (size_t)RING_GRAIN || size % RING_GRAIN != 0) {
        (void)error_set(error, ERROR_INPUT, "%s has the wrong length", path); /* goes with RING_DAMAGED */
        return true;
    }
    if (*found == RING_UNUSED)
        return true;
    struct ring left = { .header = NULL };
    if (!map(&left, fd, size - RING_GRAIN, path, error))
        return false;
    *found = look_at(&left, path, error);
    if (*found == RING_DAMAGED)
        ring_close(&left);
    else
        *ring = left;
    return true;
}

bool ring_open_left(struct ring *ring, enum ring_found *found, const char *path, struct error *error)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_system(error, errno, "cannot open %s", path);
    bool done = ring_open_left_on(ring, found, fd, path, error);
    (void)close(fd); /* the mapping keeps the file open; nothing was written through the descriptor */
    return done;
}

struct dropped *ring_dropped(struct ring *ring)
{
    return &ring->header->dropped;
}

const char *ring_run(const struct ring *ring)
{
    return ring->header->run;
}

uint64_t ring_head(const struct ring *ring)
{
    /* Sequentially consistent, with ring_publish: see wake.h. */
    return atomic_load(&ring->header->head);
}

uint64_t ring_tail(const struct ring *ring)
{
    return atomic_load_explicit(&ring->header->tail, memory_order_acquire);
}

size_t ring_used(const struct ring *ring)
{
    uint64_t tail = ring_tail(ring); /* first: the head only grows, so the difference is never below 0 */
    return (size_t)(ring_head(ring) - tail);
}

char *ring_claim(struct ring *ring, size_t payload_length)
{
    uint64_t head = atomic_load_explicit(&ring->header->head, memory_order_relaxed);
    size_t used = (size_t)(head - ring_tail(ring));
    if (payload_length > ring->size || frame_size(payload_length) > ring->size - used)
        return NULL;
    return ring->data + head % ring->size + FRAME_HEADER_SIZE;
}

void ring_publish(struct ring *ring, enum frame_type type, size_t payload_length)
{
    uint64_t head = atomic_load_explicit(&ring->header->head, memory_order_relaxed);
    frame_seal(ring->data + head % ring->size, &ring->key, type, ++ring->sequence, payload_length);
    /* Header and payload are written before this: a process that dies in between leaves nothing visible. */
    atomic_store(&ring->header->head, head + frame_size(payload_length));
}

/* The next position from `position` on, before `end`, where a frame begins that was written after the one with sequence
 * `after`, or `end`. It may reach `over` bytes beyond `end`. */
static uint64_t seek(uint64_t *sequence, size_t *size, const struct ring *ring, uint64_t position, uint64_t end,
                     size_t over, uint64_t after)
{
    for (; position < end; position += FRAME_ALIGNMENT) {
        position += frame_seek(ring->data + position % ring->size, (size_t)(end - position));
        size_t left = (size_t)(end - position) + over;
        size_t available = left < ring->size ? left : ring->size;
        if (position < end && frame_begins(sequence, size, &ring->key, ring->data + position % ring->size, available) &&
            *sequence > after)
            return position;
    }
    return end;
}

enum frame_state ring_read(struct frame *frame, const struct ring *ring, uint64_t *position, uint64_t head,
                           uint64_t after)
{
    size_t size = 0;
    uint64_t next;
    const char *at = ring->data + *position % ring->size;
    enum frame_state state = frame_read(frame, &size, &ring->key, at, (size_t)(head - *position));
    /* The torn rest of an older frame says nothing of where the next one begins. */
    if (state == FRAME_GOOD || (state == FRAME_TORN && (frame->sequence > after || !ring->is_keyed)))
        *position += size;
    else
        *position = ring->is_keyed ? seek(&next, &size, ring, *position + FRAME_ALIGNMENT, head, 0, after) : head;
    return state;
}

void ring_release(struct ring *ring, uint64_t position)
{
    uint64_t head = atomic_load_explicit(&ring->header->head, memory_order_relaxed);
    atomic_store_explicit(&ring->header->tail, position < head ? position : head, memory_order_release);
}

/* Of a shared mapping, this takes the pages out of the page tables and nothing else (madvise(2): MADV_DONTNEED): what was written
 * is the file's. Where it fails, they take memory still. */
static void forget_pages(char *from, size_t length)
{
    (void)madvise(from, length, MADV_DONTNEED);
}

/* Of both mappings: a frame that crosses the ring's end was written through the second. */
void ring_let_go(struct ring *ring, size_t most)
{
    uint64_t tail = ring_tail(ring), oldest = tail > ring->size ? tail - ring->size : 0;
    oldest += (RING_GRAIN - oldest % RING_GRAIN) % RING_GRAIN;
    ring->let_go = ring->let_go > oldest ? ring->let_go : oldest;
    if (ring->let_go + ring->size < ring->ready) /* a round ago these were the pages that are to be written next */
        ring->ready = ring->let_go + ring->size;
    for (size_t left = most; left >= RING_GRAIN && ring->let_go + RING_GRAIN <= tail; left -= RING_GRAIN) {
        forget_pages(ring->data + ring->let_go % ring->size, RING_GRAIN);
        forget_pages(ring->data + ring->size + ring->let_go % ring->size, RING_GRAIN);
        ring->let_go += RING_GRAIN;
    }
}

/* No more than the room: what is not consumed is in memory, mostly. */
bool ring_make_ready(struct ring *ring, size_t ahead)
{
    uint64_t head = ring_head(ring), room = ring->size - ring_used(ring);
    uint64_t end = head + (ahead < room ? ahead : room);
    uint64_t begin = head - head % RING_GRAIN;
    ring->ready = ring->ready > begin ? ring->ready : begin;
    if (ring->ready >= end)
        return false;
    (void)madvise(ring->data + ring->ready % ring->size, RING_GRAIN, MADV_POPULATE_WRITE); /* it is a favour */
    ring->ready += RING_GRAIN;
    return true;
}

bool ring_find_oldest(uint64_t *position, const struct ring *ring, uint64_t after)
{
    uint64_t least = UINT64_MAX, sequence, end = ring_tail(ring) + ring->size;
    size_t size;
    if (!ring->is_keyed)
        return false;
    /* Where tail cannot be trusted, a frame may lie across it. */
    for (uint64_t at = ring_tail(ring); (at = seek(&sequence, &size, ring, at, end, ring->size, after)) < end;
         at += size) {
        if (sequence < least) {
            least = sequence;
            *position = at;
        }
    }
    return least != UINT64_MAX;
}
