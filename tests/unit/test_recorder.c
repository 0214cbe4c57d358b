/* Who goes first: the recorder lets others have the processor between two exchanges, once it has had it for a while, and brings
 * pages into memory for what is to come, unless it is behind. */
#include "capture_fixture.h"

#include "capture/journal_private.h"

#include <sched.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    FEW = 5,    /* exchanges; less than a sixteenth of FIXTURE_RING_SIZE */
    MANY = 100, /* much more */
};

static atomic_uint times_given_way;

/* In the place of the C library's. */
int sched_yield(void)
{
    atomic_fetch_add(&times_given_way, 1);
    return (int)syscall(SYS_sched_yield);
}

/* In the place of the C library's: each look at the clock finds that a while has passed. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
    enum { STEP_NS = 200 * 1000 };
    static atomic_llong looks;
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (clock != CLOCK_MONOTONIC)
        return result;
    long long ns = time->tv_nsec + (atomic_fetch_add(&looks, 1) + 1) * STEP_NS;
    time->tv_sec += (time_t)(ns / 1000000000);
    time->tv_nsec = (long)(ns % 1000000000);
    return result;
}

static struct {
    _Atomic(const struct ring *) ring; /* NULL as yet */
    atomic_bool is_held;
    atomic_uint times_behind; /* how often pages were brought into memory while much waited */
} making_ready;

/* In the place of the C library's. */
int madvise(void *from, size_t length, int advice)
{
    const struct ring *ring = atomic_load(&making_ready.ring);
    if (advice == MADV_POPULATE_WRITE && ring != NULL && ring_used(ring) > ring->size / 16)
        atomic_fetch_add(&making_ready.times_behind, 1);
    while (advice == MADV_POPULATE_WRITE && atomic_load(&making_ready.is_held))
        (void)syscall(SYS_sched_yield); /* cannot fail on Linux */
    return (int)syscall(SYS_madvise, from, length, advice);
}

static void journal_many(struct capture *capture, int count)
{
    for (int i = 0; i < count; i++) {
        struct record sent = sample_record(capture_next_id(capture));
        journal_whole(capture_journal(capture, 0), &sent);
    }
}

static void while_little_waits_it_gives_way_after_each_while(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    atomic_store(&times_given_way, 0);
    journal_many(capture, FEW);
    wait_for_store(state, "SELECT count(*) FROM exchange WHERE outcome IS NOT NULL", FEW);
    assert_true(atomic_load(&times_given_way) >= FEW);
    capture_close(capture);
}

/* What it had begun with before so much waited may still have given way. */
static void while_much_waits_it_does_not(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(scratch_path(state, "capture.db"), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    atomic_store(&times_given_way, 0);
    journal_many(capture, MANY);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    wait_for_store(state, "SELECT count(*) FROM exchange WHERE outcome IS NOT NULL", MANY);
    assert_true(atomic_load(&times_given_way) < MANY / 2);
    capture_close(capture);
}

static void while_much_waits_no_pages_are_brought_into_memory(void **state)
{
    atomic_store(&making_ready.is_held, true); /* with the first pages, before it looks for frames */
    struct capture *capture = open_capture(state, NULL);
    atomic_store(&making_ready.ring, &capture_journal(capture, 0)->ring);
    journal_many(capture, MANY);
    atomic_store(&making_ready.is_held, false);
    wait_for_store(state, "SELECT count(*) FROM exchange WHERE outcome IS NOT NULL", MANY);
    assert_int_equal(atomic_load(&making_ready.times_behind), 0);
    atomic_store(&making_ready.ring, NULL);
    capture_close(capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(while_little_waits_it_gives_way_after_each_while, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(while_much_waits_it_does_not, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(while_much_waits_no_pages_are_brought_into_memory, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
