/* What a killed proxy left: rings that were made by hand, and a real process that is killed at any moment. */
#include "capture_fixture.h"

#include "capture/journal_private.h"
#include "capture/record_codec.h"
#include "capture/source.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char run_name[] = "0123456789abcdef0123456789abcdef";

enum { AT_VERSION = 1, AT_HEAD = 8, AT_TAIL = 16, AT_SUM = 24 }; /* in a ring's header, in words */

struct left {
    struct journal journal;
    struct wake wake;
    uint64_t begins[8]; /* where each exchange's outcome begins */
};

/* A ring as a killed run would leave it: outcomes of exchanges 1 to `count`. */
static struct left *leave_ring(void *const *state, const char *name, size_t size, int64_t first, uint64_t count)
{
    struct left *left = calloc(1, sizeof(*left));
    struct error error = { .message = "" };
    assert_non_null(left);
    left->wake.fd = -1; /* nobody sleeps, so nobody is called */
    left->journal.wake = &left->wake;
    left->journal.overhead = record_image_overhead();
    assert_true(ring_create(&left->journal.ring, scratch_path(state, name), size, run_name, &error));
    for (uint64_t i = 0; i < count; i++) {
        struct record sent = sample_record(first + (int64_t)i);
        left->begins[i] = ring_head(&left->journal.ring);
        assert_true(journal_admit(&left->journal, 1000));
        assert_true(journal_outcome(&left->journal, &sent));
    }
    return left;
}

static void end_run(struct left *left)
{
    ring_close(&left->journal.ring);
    free(left->journal.admitted);
    free(left);
}

static struct capture_recovery recover_once(void *const *state)
{
    struct capture_recovery recovery = { 0 };
    capture_close(open_capture(state, &recovery));
    return recovery;
}

static long long count_where(void *const *state, const char *condition, int64_t id)
{
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM exchange WHERE %s %llu", condition, (unsigned long long)id);
    return store_number(state, sql);
}

static void what_was_left_is_carried_over_once(void **state)
{
    end_run(leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 3));
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.frames, 3);
    assert_int_equal(recovery.torn, 0);
    assert_int_equal(recovery.exchanges_unknown, 0);
    struct capture_reader *reader = open_reader(state);
    struct record got = read_exchange(reader, 3), sent = sample_record(3);
    assert_same_record(&got, &sent);
    capture_reader_close(reader);
    assert_int_equal(recover_once(state).frames, 0);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 3);
}

static void rings_of_another_number_and_size_are_carried_over_too(void **state)
{
    end_run(leave_ring(state, "ring-0.journal", 3 * RING_GRAIN, 1, 1));
    end_run(leave_ring(state, "ring-17.journal", 2 * FIXTURE_RING_SIZE, 2, 2));
    assert_int_equal(recover_once(state).frames, 3);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 3);
    assert_int_equal(access(scratch_path(state, "ring-17.journal"), F_OK), -1);
}

static void exchanges_in_flight_become_unknown(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 1);
    struct record intent = sample_intent(2);
    assert_true(journal_admit(&left->journal, 1000));
    assert_true(journal_intent(&left->journal, &intent));
    end_run(left);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.frames, 2);
    assert_int_equal(recovery.exchanges_unknown, 1);
    struct capture_reader *reader = open_reader(state);
    struct record got = read_exchange(reader, 2);
    assert_int_equal(got.outcome, RECORD_UNKNOWN);
    assert_true(slice_equal_text(got.error_name, "process-ended"));
    assert_true(got.error_message.length > 0);
    assert_memory_equal(got.signature, intent.signature, sizeof(got.signature));
    got = read_exchange(reader, 1);
    assert_int_equal(got.outcome, RECORD_API_ERROR);
    capture_reader_close(reader);
}

static void a_torn_frame_is_dropped_and_counted_and_what_is_behind_it_kept(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 3);
    left->journal.ring.data[left->begins[1] + FRAME_HEADER_SIZE + 30] ^= 1;
    end_run(left);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.torn, 1);
    assert_int_equal(recovery.frames, 2);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE id IN (1, 3)"), 2);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 2);
}

static void behind_a_length_that_cannot_be_trusted_the_next_frame_is_found(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 3);
    left->journal.ring.data[left->begins[1] + 16] ^= 8;
    end_run(left);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.torn, 1);
    assert_int_equal(recovery.frames, 2);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE id IN (1, 3)"), 2);
}

static void torn_stretches_are_counted_once_each_at_the_end_too(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 8);
    memset(left->journal.ring.data + left->begins[1], 0, left->begins[3] - left->begins[1] + 40); /* 2, 3 and 4 */
    left->journal.ring.data[left->begins[5] + 16] ^= 8;
    left->journal.ring.data[left->begins[7] + 100] ^= 8; /* the last one */
    end_run(left);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.torn, 3);
    assert_int_equal(recovery.frames, 3);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE id IN (1, 5, 7)"), 3);
}

/* The header's page reached the disk earlier than the frames'. */
static void frames_behind_a_head_that_is_too_old_are_found(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 5);
    ((uint64_t *)(void *)left->journal.ring.header)[AT_HEAD] = left->begins[2];
    end_run(left);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.torn, 0);
    assert_int_equal(recovery.frames, 5);
}

static void frames_in_a_ring_with_an_impossible_head_are_found(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 5);
    ((uint64_t *)(void *)left->journal.ring.header)[AT_HEAD] = 7;
    end_run(left);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.torn, 1); /* what told where frames end */
    assert_int_equal(recovery.frames, 5);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 5);
    assert_int_equal(access(scratch_path(state, "ring-0.journal.damaged"), F_OK), 0);
}

/* Version 1: sums without a key, no sum over the header. Nothing behind a lost length is guessed there: a client's body
 * could pass for a frame. */
static void what_went_unrecorded_is_still_counted(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 2);
    left->journal.drops_when_full = true;
    assert_true(journal_drop(&left->journal, 1770742394290123));
    assert_true(journal_drop(&left->journal, 1770742394290124));
    end_run(left);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.dropped, 2);
    assert_int_equal(recovery.frames, 2);
    assert_int_equal(recover_once(state).dropped, 0);
}

/* As a store that holds this run's frames up to `sequence`. */
static void leave_position(void *const *state, uint64_t sequence)
{
    struct store *store = NULL;
    struct error error = { .message = "" };
    char *path = capture_store_file(*state);
    const struct store_options options = { .path = path, .owned = true };
    assert_true(store_open(&store, &options, &error));
    assert_true(store_begin(store, &error));
    assert_true(store_set_ring_position(store, "ring-0.journal", run_name, sequence, &error));
    assert_true(store_commit(store, &error));
    store_close(store);
    free(path);
}

/* After a power failure the newest frames may stand before older ones that the store does not hold: the header's page is
 * older than all of them. */
static void frames_are_taken_in_the_order_in_which_they_were_written(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", RING_GRAIN * 2, 1, 0);
    struct ring *ring = &left->journal.ring;
    uint64_t *header = (uint64_t *)(void *)ring->header;
    uint64_t begins[400];
    int64_t id = 0;
    while (ring_head(ring) < 3 * ring->size) { /* outcomes of one length, the oldest given free as the ring fills */
        struct record sent = sample_record(++id);
        struct record_image image = record_image_of(&sent, true);
        begins[id] = ring_head(ring);
        if (ring_head(ring) - ring_tail(ring) > ring->size - 2 * frame_size(image.length))
            ring_release(ring, ring_head(ring) - ring->size / 2);
        record_image_write(ring_claim(ring, image.length), &image);
        ring_publish(ring, FRAME_OUTCOME, image.length);
    }
    int64_t oldest = id;
    while (begins[oldest - 1] >= ring_head(ring) - ring->size)
        oldest--;
    header[AT_HEAD] = begins[oldest + 2] % ring->size; /* as it was two rounds before */
    header[AT_TAIL] = 0;
    end_run(left);
    leave_position(state, (uint64_t)oldest - 1);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.frames, id - oldest + 1);
    assert_int_equal(store_number(state, "SELECT min(id) FROM exchange"), oldest);
    assert_int_equal(store_number(state, "SELECT max(id) FROM exchange"), id);
    assert_int_equal(recovery.torn, 0);
}

static void frames_that_are_missing_before_the_first_one_are_counted_too(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 4);
    memset(left->journal.ring.data + left->begins[1], 0, FRAME_HEADER_SIZE);
    end_run(left);
    leave_position(state, 1);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.torn, 1);
    assert_int_equal(recovery.frames, 2);
}

enum { POWER_FAILURES = 40, PAGE = 4096, IMAGE_MAX = RING_GRAIN + FIXTURE_RING_SIZE };

struct image { /* a ring's file at one moment */
    char bytes[IMAGE_MAX];
};

static void take_image(struct image *image, void *const *state)
{
    size_t length;
    char *content = read_whole_file(scratch_path(state, "ring-0.journal"), &length);
    assert_int_equal(length, IMAGE_MAX);
    memcpy(image->bytes, content, length);
    free(content);
}

/* Each page is that of the last sync or a newer one: which, nobody can know. */
static void leave_mixed(void *const *state, const struct image *synced, const struct image *last)
{
    FILE *file = fopen(scratch_path(state, "ring-0.journal"), "r+b");
    assert_non_null(file);
    for (size_t at = 0; at < IMAGE_MAX; at += PAGE)
        assert_int_equal(fwrite((rand() % 2 == 0 ? synced : last)->bytes + at, 1, PAGE, file), PAGE);
    assert_int_equal(fclose(file), 0);
}

/* What was synced before the power failed is all there; of what was written later, what is whole; nothing else. */
static void a_power_failure_loses_nothing_that_was_synced(void **state)
{
    static struct image synced, last;
    int64_t id = 0;
    srand(20260101);
    for (size_t i = 0; i < POWER_FAILURES; i++) {
        char run[RING_RUN_LENGTH + 1];
        struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 0);
        (void)snprintf(run, sizeof(run), "%032zx", i); /* fits */
        ring_close(&left->journal.ring);
        struct error error;
        assert_true(
            ring_create(&left->journal.ring, scratch_path(state, "ring-0.journal"), FIXTURE_RING_SIZE, run, &error));
        int64_t first = id + 1, last_synced = id + rand() % 30, end = last_synced + rand() % 30;
        while (id < end) {
            if (id == last_synced)
                take_image(&synced, state);
            struct record sent = sample_record(++id);
            assert_true(journal_admit(&left->journal, 1000));
            assert_true(journal_outcome(&left->journal, &sent));
        }
        take_image(&last, state);
        end_run(left);
        if (end > last_synced)
            leave_mixed(state, &synced, &last);
        struct capture_recovery recovery = recover_once(state);
        assert_int_equal(count_where(state, "id >=", first), recovery.frames);
        assert_in_range(recovery.frames, last_synced - first + 1, end - first + 1);
        for (int64_t lost = first; lost <= last_synced; lost++)
            assert_int_equal(count_where(state, "outcome = 'api_error' AND id =", lost), 1);
        id = end;
    }
}

static void a_ring_of_the_first_version_is_carried_over(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 0);
    uint64_t *header = (uint64_t *)(void *)left->journal.ring.header;
    header[AT_VERSION] = 1;
    header[AT_SUM] = 0;
    left->journal.ring.key = (struct frame_key){ 0, 0 };
    for (int64_t id = 1; id <= 4; id++) {
        struct record sent = sample_record(id);
        left->begins[id] = ring_head(&left->journal.ring);
        assert_true(journal_admit(&left->journal, 1000));
        assert_true(journal_outcome(&left->journal, &sent));
    }
    left->journal.ring.data[left->begins[3] + 16] ^= 8;
    end_run(left);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.torn, 1);
    assert_int_equal(recovery.frames, 2);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE id IN (1, 2)"), 2);
}

static void a_ring_with_a_damaged_header_is_set_aside(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 3);
    memset(left->journal.ring.header, 0xA5, 64);
    end_run(left);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.torn, 1);
    assert_int_equal(recovery.frames, 0);
    assert_int_equal(access(scratch_path(state, "ring-0.journal.damaged"), F_OK), 0);
}

static void a_ring_that_was_never_finished_is_passed_over(void **state)
{
    FILE *file = fopen(scratch_path(state, "ring-0.journal"), "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.torn + recovery.frames + recovery.exchanges_unknown, 0);
}

/* The process ends between the store's COMMIT and the ring's tail. */
static void frames_that_are_stored_but_not_released_are_not_stored_again(void **state)
{
    struct left *left = leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 3);
    struct source source = source_of_ring(&left->journal.ring, "ring-0.journal", 0);
    struct batch *batch = calloc(1, sizeof(*batch));
    struct store *store = NULL;
    struct error error = { .message = "" };
    char *path = capture_store_file(*state);
    const struct store_options options = { .path = path, .owned = true };
    assert_true(store_open(&store, &options, &error));
    assert_int_equal(source_read(&source, batch, 2), 2);
    assert_true(sources_store(&source, 1, batch, store, &error));
    store_close(store);
    assert_true(ring_tail(&left->journal.ring) > 0);
    ring_release(&left->journal.ring, 0);
    end_run(left);
    free(batch);
    free(path);
    store_run(state, "UPDATE record SET attempts = 77");
    struct capture_recovery recovery = recover_once(state);
    assert_int_equal(recovery.frames, 1);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE attempts = 77"), 2);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 3);
}

static void another_runs_frames_are_stored_whatever_the_last_run_had_reached(void **state)
{
    end_run(leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 1, 3));
    capture_close(open_capture(state, NULL));
    store_run(state, "UPDATE ring_position SET run = 'another', sequence = 1000");
    end_run(leave_ring(state, "ring-0.journal", FIXTURE_RING_SIZE, 4, 3));
    assert_int_equal(recover_once(state).frames, 3);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 6);
}

/* --- a process that is killed --- */

enum { KILLS = 20, DELAY = 3, REPORT_INTENT = 1, REPORT_OUTCOME, REPORT_REPLIED };

struct report { /* what the child has journaled, told once it is done */
    int64_t id;
    uint64_t what;
};

static void tell(int fd, int64_t id, uint64_t what)
{
    struct report report = { id, what };
    if (write(fd, &report, sizeof(report)) != (ssize_t)sizeof(report))
        _exit(3);
}

/* Exchanges one after the other, each ending when DELAY later ones have begun. Runs until it is killed. */
static void journal_for_ever(const char *folder, int fd)
{
    struct capture *capture = NULL;
    struct capture_recovery recovery;
    struct capture_options options = { .state_dir = folder, .workers = 1, .ring_size = FIXTURE_RING_SIZE };
    if (!capture_open(&capture, &options, &recovery, NULL))
        _exit(4);
    struct journal *journal = capture_journal(capture, 0);
    int64_t first = capture_next_id(capture);
    for (int64_t id = first;; id = capture_next_id(capture)) {
        struct record intent = sample_intent(id);
        while (!journal_admit(journal, 1000))
            sched_yield();
        if (!journal_intent(journal, &intent))
            _exit(5);
        tell(fd, id, REPORT_INTENT);
        if (id < first + DELAY)
            continue;
        struct record whole = sample_record(id - DELAY);
        whole.replied_us = 0;
        whole.delivered = false;
        if (!journal_outcome(journal, &whole))
            _exit(6);
        tell(fd, whole.id, REPORT_OUTCOME);
        journal_replied(journal, whole.id, 1770742394310500, true);
        tell(fd, whole.id, REPORT_REPLIED);
    }
}

struct reached { /* the last exchange told for each step */
    int64_t ids[4];
};

static void read_reports(struct reached *reached, int fd, size_t count)
{
    struct report report;
    for (size_t i = 0; i < count && read(fd, &report, sizeof(report)) == (ssize_t)sizeof(report); i++)
        reached->ids[report.what] = report.id;
}

static void run_and_kill(struct reached *reached, const char *folder, size_t after)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        journal_for_ever(folder, ends[1]);
    }
    assert_int_equal(close(ends[1]), 0);
    read_reports(reached, ends[0], after);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status)); /* it did not end by itself */
    read_reports(reached, ends[0], SIZE_MAX);
    assert_int_equal(close(ends[0]), 0);
}

static void assert_whole(void *const *state, int64_t id)
{
    struct capture_reader *reader = open_reader(state);
    struct record got = read_exchange(reader, id), sent = sample_record(id);
    assert_same_record(&got, &sent);
    capture_reader_close(reader);
}

static void a_killed_process_loses_nothing_that_was_journaled_and_doubles_nothing(void **state)
{
    int64_t before = 0; /* exchanges of the runs before, all ended by now */
    for (size_t i = 0; i < KILLS; i++) {
        struct reached reached = { .ids = { before, before, before, before } };
        struct capture_recovery recovery = { 0 };
        run_and_kill(&reached, *state, 1 + i * i * 61 % 4000);
        capture_close(open_capture(state, &recovery));
        int64_t intents = reached.ids[REPORT_INTENT], last = count_where(state, "id >=", 0);
        assert_in_range(last, intents, intents + 1); /* the next may be in the ring and not told */
        assert_int_equal(store_number(state, "SELECT max(id) FROM exchange"), last);
        assert_int_equal(recovery.torn, 0);
        assert_int_equal(count_where(state, "outcome IS NULL AND id >", 0), 0);
        long long unknown = count_where(state, "outcome = 'unknown' AND error_name = 'process-ended' AND id >", before);
        assert_int_equal(recovery.exchanges_unknown, unknown);
        assert_in_range(last - before - unknown, reached.ids[REPORT_OUTCOME] - before,
                        reached.ids[REPORT_OUTCOME] - before + 1);
        assert_int_equal(count_where(state, "outcome = 'unknown' AND id <=", reached.ids[REPORT_OUTCOME]),
                         count_where(state, "outcome = 'unknown' AND id <=", before));
        long long replied = count_where(state, "delivered = 1 AND replied_us = 1770742394310500 AND id >", before);
        assert_in_range(replied, reached.ids[REPORT_REPLIED] - before, reached.ids[REPORT_REPLIED] - before + 1);
        if (reached.ids[REPORT_REPLIED] > before) {
            assert_whole(state, before + 1);
            assert_whole(state, reached.ids[REPORT_REPLIED]);
        }
        before = last;
    }
    assert_true(before > KILLS);
    assert_int_equal(store_number(state, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_int_equal(store_number(state, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
                     1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_left_is_carried_over_once),
        TEST(rings_of_another_number_and_size_are_carried_over_too),
        TEST(exchanges_in_flight_become_unknown),
        TEST(a_torn_frame_is_dropped_and_counted_and_what_is_behind_it_kept),
        TEST(behind_a_length_that_cannot_be_trusted_the_next_frame_is_found),
        TEST(torn_stretches_are_counted_once_each_at_the_end_too),
        TEST(frames_behind_a_head_that_is_too_old_are_found),
        TEST(frames_in_a_ring_with_an_impossible_head_are_found),
        TEST(what_went_unrecorded_is_still_counted),
        TEST(frames_are_taken_in_the_order_in_which_they_were_written),
        TEST(frames_that_are_missing_before_the_first_one_are_counted_too),
        TEST(a_power_failure_loses_nothing_that_was_synced),
        TEST(a_ring_of_the_first_version_is_carried_over),
        TEST(a_ring_with_a_damaged_header_is_set_aside),
        TEST(a_ring_that_was_never_finished_is_passed_over),
        TEST(frames_that_are_stored_but_not_released_are_not_stored_again),
        TEST(another_runs_frames_are_stored_whatever_the_last_run_had_reached),
        TEST(a_killed_process_loses_nothing_that_was_journaled_and_doubles_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
