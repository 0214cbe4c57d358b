/* The ring: frames through a shared mapping, its end, its faults, two threads. */
#include "capture_fixture.h"

#include "capture/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char run_name[] = "0123456789abcdef0123456789abcdef";

static struct ring make_ring(void *const *state)
{
    struct ring ring = { .header = NULL };
    struct error error = { .message = "" };
    if (!ring_create(&ring, scratch_path(state, "ring-0.journal"), 1, run_name, &error))
        fail_msg("%s", error.message);
    assert_int_equal(ring.size, RING_GRAIN);
    return ring;
}

static bool append(struct ring *ring, size_t length, char fill)
{
    char *at = ring_claim(ring, length);
    if (at == NULL)
        return false;
    memset(at, fill, length);
    ring_publish(ring, FRAME_OUTCOME, length);
    return true;
}

static void assert_frame(struct ring *ring, uint64_t *position, size_t length, char fill, uint64_t sequence)
{
    struct frame frame;
    assert_int_equal(ring_read(&frame, ring, position, ring_head(ring), 0), FRAME_GOOD);
    assert_int_equal(frame.type, FRAME_OUTCOME);
    assert_int_equal(frame.sequence, sequence);
    assert_int_equal(frame.payload.length, length);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(frame.payload.data[i], fill);
}

static void frames_cross_the_rings_end_in_one_piece(void **state)
{
    struct ring ring = make_ring(state);
    uint64_t position = 0;
    for (uint64_t i = 1; i <= 200; i++) { /* more than the ring twice over, and never at the same place */
        size_t length = (size_t)(i * 37 % 1500);
        assert_true(append(&ring, length, (char)i));
        assert_frame(&ring, &position, length, (char)i, i);
        ring_release(&ring, position);
    }
    assert_true(position > 2 * ring.size);
    ring_close(&ring);
}

static void a_full_ring_refuses_frames_until_some_are_released(void **state)
{
    struct ring ring = make_ring(state);
    uint64_t position = 0;
    size_t count = 0;
    while (append(&ring, 1000, 'x'))
        count++;
    assert_int_equal(count, RING_GRAIN / frame_size(1000));
    assert_int_equal(ring_used(&ring), count * frame_size(1000));
    assert_frame(&ring, &position, 1000, 'x', 1);
    assert_false(append(&ring, 1000, 'y')); /* read, but not released */
    ring_release(&ring, position);
    assert_true(append(&ring, 1000, 'y'));
    ring_close(&ring);
}

static void a_frame_may_fill_the_whole_ring_and_no_more(void **state)
{
    struct ring ring = make_ring(state);
    uint64_t position = 0;
    assert_null(ring_claim(&ring, RING_GRAIN - FRAME_HEADER_SIZE + 1));
    assert_null(ring_claim(&ring, SIZE_MAX));
    assert_true(append(&ring, 8, 'a'));
    assert_frame(&ring, &position, 8, 'a', 1);
    ring_release(&ring, position);
    assert_true(append(&ring, RING_GRAIN - FRAME_HEADER_SIZE, 'b'));
    assert_frame(&ring, &position, RING_GRAIN - FRAME_HEADER_SIZE, 'b', 2);
    ring_close(&ring);
}

/* KiB of the ring's file that are in this process's memory, over all its mappings; -1 where the kernel does not say. */
static long resident_kib(const char *path)
{
    char line[512];
    long sum = -1, kib;
    bool is_ring = false;
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (strncmp(line, "VmFlags:", strlen("VmFlags:")) == 0) /* the last of each mapping's lines */
            is_ring = false;
        else if (strstr(line, path) != NULL)
            is_ring = true;
        else if (is_ring && sscanf(line, "Rss: %ld", &kib) == 1) /* NOLINT: the kernel's own form */
            sum = (sum < 0 ? 0 : sum) + kib;
    }
    (void)fclose(maps); /* read only */
    return sum;
}

static void what_was_released_can_be_let_go_and_is_in_the_file_still(void **state)
{
    enum { SIZE = 16 * RING_GRAIN, FRAME = 1000, KIB = 1024 };
    struct ring ring = { .header = NULL }, left = { .header = NULL };
    enum ring_found found;
    struct error error = { .message = "" };
    const char *path = scratch_path(state, "ring-0.journal");
    assert_true(ring_create(&ring, path, SIZE, run_name, &error));
    for (int round = 0; round < 3; round++) { /* each begins elsewhere */
        uint64_t position = ring_head(&ring), released = ring.sequence + SIZE / 2 / frame_size(FRAME);
        while (append(&ring, FRAME, (char)round)) {}
        long before = resident_kib(path);
        assert_true(before >= SIZE / KIB);
        ring_let_go(&ring, SIZE_MAX); /* nothing was released */
        assert_int_equal(resident_kib(path), before);
        position += SIZE / 2 / frame_size(FRAME) * frame_size(FRAME);
        ring_release(&ring, position);
        ring_let_go(&ring, 2 * (size_t)RING_GRAIN);
        long after = resident_kib(path);
        assert_true(after <= before - 2 * RING_GRAIN / KIB && after > before - 5 * RING_GRAIN / KIB);
        ring_let_go(&ring, SIZE_MAX);
        assert_true(resident_kib(path) <= before - 6 * RING_GRAIN / KIB);
        while (position < ring_head(&ring))
            assert_frame(&ring, &position, FRAME, (char)round, ++released);
        ring_release(&ring, position);
        ring_let_go(&ring, SIZE_MAX);
        assert_true(resident_kib(path) <= 4 * RING_GRAIN / KIB); /* the header's part, and the last one twice */
    }
    assert_true(append(&ring, FRAME, 'l'));
    assert_true(ring_open_left(&left, &found, path, &error));
    assert_int_equal(found, RING_USABLE);
    uint64_t position = ring_tail(&left);
    assert_frame(&left, &position, FRAME, 'l', ring.sequence);
    ring_close(&left);
    ring_close(&ring);
}

static size_t make_ready(struct ring *ring, size_t ahead)
{
    size_t pieces = 0;
    while (ring_make_ready(ring, ahead))
        pieces++;
    return pieces;
}

static void what_is_made_ready_is_in_memory_before_it_is_written(void **state)
{
    enum { SIZE = 16 * RING_GRAIN, FRAME = 1000, KIB = 1024, AHEAD = 3 * RING_GRAIN };
    struct ring ring = { .header = NULL };
    struct error error = { .message = "" };
    const char *path = scratch_path(state, "ring-0.journal");
    assert_true(ring_create(&ring, path, SIZE, run_name, &error));
    if (madvise(ring.header, RING_GRAIN, MADV_POPULATE_WRITE) != 0) {
        ring_close(&ring);
        skip(); /* before Linux 5.14 */
    }
    for (int round = 0; round < 40; round++) { /* more than twice around */
        uint64_t head = ring_head(&ring), position = head, sequence = ring.sequence;
        ring_let_go(&ring, SIZE_MAX);
        (void)make_ready(&ring, AHEAD);
        assert_int_equal(make_ready(&ring, AHEAD), 0);
        long ready = resident_kib(path);
        assert_in_range(ready, AHEAD / KIB,
                        (AHEAD + 5 * RING_GRAIN) / KIB); /* begun pieces, the header's, one of two mappings */
        bool crosses = head % SIZE + AHEAD > SIZE;       /* then one frame is in the second mapping */
        while (ring_head(&ring) + frame_size(FRAME) <= head + AHEAD)
            assert_true(append(&ring, FRAME, (char)round));
        assert_in_range(resident_kib(path), ready, ready + (crosses ? RING_GRAIN / KIB : 0));
        while (position < ring_head(&ring))
            assert_frame(&ring, &position, FRAME, (char)round, ++sequence);
        ring_release(&ring, position);
    }
    while (append(&ring, FRAME, 'f')) {}
    assert_true(make_ready(&ring, SIZE) <= 1); /* there is no room to make ready */
    uint64_t position = ring_tail(&ring);
    assert_frame(&ring, &position, FRAME, 'f', ring.sequence - SIZE / frame_size(FRAME) + 1);
    ring_close(&ring);
}

/* A ring that was gone round in no time gives back the pages that are to be written next: those are made ready anew. */
static void what_was_let_go_is_made_ready_again(void **state)
{
    enum { SIZE = 16 * RING_GRAIN, FRAME = 1000, AHEAD = 2 * RING_GRAIN };
    struct ring ring = { .header = NULL };
    struct error error = { .message = "" };
    assert_true(ring_create(&ring, scratch_path(state, "ring-0.journal"), SIZE, run_name, &error));
    while (ring_head(&ring) < 3 * (uint64_t)SIZE / 2) {
        (void)make_ready(&ring, AHEAD);
        assert_true(append(&ring, FRAME, 'f'));
        ring_release(&ring, ring_head(&ring));
    }
    (void)make_ready(&ring, AHEAD);
    assert_int_equal(make_ready(&ring, AHEAD), 0);
    ring_let_go(&ring, SIZE_MAX);
    assert_in_range(make_ready(&ring, AHEAD), AHEAD / RING_GRAIN, AHEAD / RING_GRAIN + 1);
    ring_close(&ring);
}

static void what_is_claimed_is_not_visible_until_it_is_published(void **state)
{
    struct ring ring = make_ring(state);
    assert_non_null(ring_claim(&ring, 100));
    assert_int_equal(ring_used(&ring), 0);
    ring_close(&ring);
}

static void any_changed_byte_of_a_frame_is_found(void **state)
{
    struct ring ring = make_ring(state);
    struct frame frame;
    size_t size = frame_size(21);
    assert_true(append(&ring, 21, 'p'));
    for (size_t i = 0; i < FRAME_HEADER_SIZE + 21; i++) {
        uint64_t position = 0;
        ring.data[i] ^= 0x10;
        enum frame_state state_found = ring_read(&frame, &ring, &position, ring_head(&ring), 0);
        assert_int_equal(state_found, i < FRAME_HEADER_SIZE ? FRAME_LOST : FRAME_TORN);
        assert_int_equal(position, size);
        ring.data[i] ^= 0x10;
    }
    uint64_t position = 0;
    assert_frame(&ring, &position, 21, 'p', 1);
    ring_close(&ring);
}

static void behind_a_torn_payload_and_behind_a_lost_header_the_next_frame_is_found(void **state)
{
    struct ring ring = make_ring(state);
    struct frame frame;
    uint64_t position = 0;
    assert_true(append(&ring, 100, 'a'));
    assert_true(append(&ring, 100, 'b'));
    ring.data[FRAME_HEADER_SIZE + 50] = 'x';
    assert_int_equal(ring_read(&frame, &ring, &position, ring_head(&ring), 0), FRAME_TORN);
    assert_frame(&ring, &position, 100, 'b', 2);
    ring.data[17] ^= 1; /* the first frame's length */
    position = 0;
    assert_int_equal(ring_read(&frame, &ring, &position, ring_head(&ring), 0), FRAME_LOST);
    assert_frame(&ring, &position, 100, 'b', 2);
    position = 0;
    assert_int_equal(ring_read(&frame, &ring, &position, ring_head(&ring), 2), FRAME_LOST); /* it is older than that */
    assert_int_equal(position, ring_head(&ring));
    ring_close(&ring);
}

/* Whoever sends a body knows how frames look, and not the run's name. */
static void a_frame_within_a_payload_is_never_taken_for_one(void **state)
{
    static const struct frame_key keys[] = { { 0, 0 }, { 0x0123456789abcdef, 0x0123456789abcdef } };
    struct ring ring = make_ring(state);
    struct frame frame;
    uint64_t position = 0;
    char *body = ring_claim(&ring, 4096);
    memset(body, 'p', 4096);
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        frame_seal(body + i * 256, &keys[i], FRAME_OUTCOME, 1000, 64);
    ring_publish(&ring, FRAME_OUTCOME, 4096);
    assert_true(append(&ring, 100, 'b'));
    ring.data[17] ^= 1;
    assert_int_equal(ring_read(&frame, &ring, &position, ring_head(&ring), 0), FRAME_LOST);
    assert_frame(&ring, &position, 100, 'b', 2);
    ring_close(&ring);
}

static void the_oldest_frame_that_is_wanted_is_found_wherever_it_is(void **state)
{
    struct ring ring = make_ring(state);
    uint64_t position = 0, begins[100];
    uint64_t last = 0;
    while (last < 99) { /* the ring holds 63 of these: the first ones are overwritten, in another rhythm */
        size_t length = last < 50 ? 1000 : 1016;
        if (append(&ring, length, (char)last)) {
            begins[++last] = ring_head(&ring) - frame_size(length);
            continue;
        }
        assert_frame(&ring, &position, ring_tail(&ring) < begins[50] ? 1000 : 1016, (char)(ring_tail(&ring) / 1040),
                     ring_tail(&ring) / 1040 + 1);
        ring_release(&ring, position);
    }
    for (uint64_t after = ring_tail(&ring) / 1040; after < 99; after++) {
        assert_true(ring_find_oldest(&position, &ring, after));
        assert_int_equal(position % ring.size, begins[after + 1] % ring.size);
        assert_true(position >= ring_tail(&ring));
    }
    assert_false(ring_find_oldest(&position, &ring, 99));
    ring_close(&ring);
}

static void a_frame_across_a_tail_that_cannot_be_trusted_is_found(void **state)
{
    struct ring ring = make_ring(state), left = { .header = NULL };
    enum ring_found found;
    struct error error = { .message = "" };
    uint64_t position = 0;
    assert_true(append(&ring, RING_GRAIN - 200, 'a'));
    ring_release(&ring, ring_head(&ring));
    uint64_t begin = ring_head(&ring);
    assert_true(append(&ring, 1000, 'b'));
    ((uint64_t *)(void *)ring.header)[8] = 3; /* head */
    assert_true(ring_open_left(&left, &found, scratch_path(state, "ring-0.journal"), &error));
    assert_int_equal(found, RING_UNPLACED);
    assert_true(ring_find_oldest(&position, &left, 1));
    assert_int_equal(position, begin);
    ring_close(&left);
    ring_close(&ring);
}

static void a_ring_that_was_left_is_opened_as_it_was(void **state)
{
    struct ring ring = make_ring(state), left = { .header = NULL };
    enum ring_found found;
    struct error error = { .message = "" };
    uint64_t position = 0;
    assert_true(append(&ring, 100, 'a'));
    ring_close(&ring);
    assert_true(ring_open_left(&left, &found, scratch_path(state, "ring-0.journal"), &error));
    assert_int_equal(found, RING_USABLE);
    assert_string_equal(ring_run(&left), run_name);
    assert_frame(&left, &position, 100, 'a', 1);
    ring_close(&left);
}

static enum ring_found find_ring(void *const *state)
{
    struct ring left = { .header = NULL };
    enum ring_found found;
    struct error error = { .message = "" };
    assert_true(ring_open_left(&left, &found, scratch_path(state, "ring-0.journal"), &error));
    ring_close(&left);
    return found;
}

static void a_damaged_header_is_not_trusted(void **state)
{
    struct ring ring = make_ring(state);
    uint64_t *header = (uint64_t *)(void *)ring.header;
    static const size_t places[] = { 0, 1, 2, 3, 24 }; /* magic, version, size, run, their sum; in words */
    assert_true(append(&ring, 100, 'a'));
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        header[places[i]] ^= 0x100001;
        assert_int_equal(find_ring(state), RING_DAMAGED);
        header[places[i]] ^= 0x100001;
    }
    assert_int_equal(find_ring(state), RING_USABLE);
    memset(header, 0, 64);
    assert_int_equal(find_ring(state), RING_UNUSED);
    ring_close(&ring);
}

static void a_ring_whose_head_or_tail_is_impossible_is_opened_to_be_searched(void **state)
{
    struct ring ring = make_ring(state), left = { .header = NULL };
    uint64_t *header = (uint64_t *)(void *)ring.header;
    static const size_t places[] = { 8, 16 }; /* head, tail */
    enum ring_found found;
    struct error error = { .message = "" };
    uint64_t position = 1;
    assert_true(append(&ring, 100, 'a'));
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        header[places[i]] ^= 0x100001;
        assert_true(ring_open_left(&left, &found, scratch_path(state, "ring-0.journal"), &error));
        assert_int_equal(found, RING_UNPLACED);
        assert_true(ring_find_oldest(&position, &left, 0));
        assert_int_equal(position, 0);
        ring_close(&left);
    }
    ring_close(&ring);
}

static void a_ring_larger_than_the_disk_is_an_error(void **state)
{
    struct ring ring = { .header = NULL };
    struct error error = { .message = "" };
    const char *path = scratch_path(state, "ring-0.journal");
    assert_false(ring_create(&ring, path, (size_t)1 << 50, run_name, &error));
    assert_int_equal(error.kind, ERROR_SYSTEM);
    assert_non_null(strstr(error.message, "ring_size"));
    assert_null(ring.header);
    assert_int_equal(access(path, F_OK), -1);
}

enum { THREAD_FRAMES = 20000 };

static void *produce(void *context)
{
    struct ring *ring = context;
    for (size_t i = 0; i < THREAD_FRAMES; i++) {
        while (!append(ring, i % 700, (char)i))
            sched_yield();
    }
    return NULL;
}

static void two_threads_pass_every_frame_in_order(void **state)
{
    struct ring ring = make_ring(state);
    pthread_t producer;
    uint64_t position = 0;
    assert_int_equal(pthread_create(&producer, NULL, produce, &ring), 0);
    for (uint64_t i = 0; i < THREAD_FRAMES; i++) {
        while (ring_head(&ring) == position)
            sched_yield();
        assert_frame(&ring, &position, i % 700, (char)i, i + 1);
        if (i % 3 == 0)
            ring_release(&ring, position);
    }
    assert_int_equal(pthread_join(producer, NULL), 0);
    ring_close(&ring);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_cross_the_rings_end_in_one_piece),
        TEST(a_full_ring_refuses_frames_until_some_are_released),
        TEST(a_frame_may_fill_the_whole_ring_and_no_more),
        TEST(what_was_released_can_be_let_go_and_is_in_the_file_still),
        TEST(what_is_made_ready_is_in_memory_before_it_is_written),
        TEST(what_was_let_go_is_made_ready_again),
        TEST(what_is_claimed_is_not_visible_until_it_is_published),
        TEST(any_changed_byte_of_a_frame_is_found),
        TEST(behind_a_torn_payload_and_behind_a_lost_header_the_next_frame_is_found),
        TEST(a_frame_within_a_payload_is_never_taken_for_one),
        TEST(the_oldest_frame_that_is_wanted_is_found_wherever_it_is),
        TEST(a_frame_across_a_tail_that_cannot_be_trusted_is_found),
        TEST(a_ring_that_was_left_is_opened_as_it_was),
        TEST(a_damaged_header_is_not_trusted),
        TEST(a_ring_whose_head_or_tail_is_impossible_is_opened_to_be_searched),
        TEST(a_ring_larger_than_the_disk_is_an_error),
        TEST(two_threads_pass_every_frame_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
