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
    FEW = 12,   /* exchanges; more than it reads at once, less than an eighth of FIXTURE_RING_SIZE */
    MANY = 100, /* much more */
};

/* What the thread at hand did last. */
static _Thread_local enum { OTHER, GAVE_WAY, MADE_READY } last;

static atomic_uint times_given_way;    /* but for what is made ready */
static atomic_uint pages_written;      /* and other writes of SQLite's, */
static atomic_uint pages_given_way;    /* and before how many of them it gave way */
static atomic_uint times_ready_behind; /* how often pages were brought into memory while much waited */

static struct {
    _Atomic(const struct ring *) ring; /* NULL as yet */
    atomic_bool is_held;
} making_ready;

/* In the place of the C library's, here and below. */
int sched_yield(void)
{
    if (last != MADE_READY)
        atomic_fetch_add(&times_given_way, 1);
    last = GAVE_WAY;
    return (int)syscall(SYS_sched_yield);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    atomic_fetch_add(&pages_written, 1);
    atomic_fetch_add(&pages_given_way, last == GAVE_WAY);
    last = OTHER;
    return syscall(SYS_pwrite64, fd, data, length, offset);
}

/* Each look at the clock finds that a while has passed. */
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

int madvise(void *from, size_t length, int advice)
{
    const struct ring *ring = atomic_load(&making_ready.ring);
    if (advice == MADV_POPULATE_WRITE && ring != NULL && ring_used(ring) > ring->size / 8)
        atomic_fetch_add(&times_ready_behind, 1);
    while (advice == MADV_POPULATE_WRITE && atomic_load(&making_ready.is_held))
        (void)syscall(SYS_sched_yield); /* cannot fail on Linux */
    last = MADE_READY;
    return (int)syscall(SYS_madvise, from, length, advice);
}

static void forget_counts(void)
{
    atomic_store(&times_given_way, 0);
    atomic_store(&pages_written, 0);
    atomic_store(&pages_given_way, 0);
    atomic_store(&times_ready_behind, 0);
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
    forget_counts();
    journal_many(capture, FEW);
    wait_for_store(state, "SELECT count(*) FROM exchange WHERE replied_us IS NOT NULL",
                   FEW); /* the last that is written */
    assert_true(atomic_load(&times_given_way) >= FEW);
    assert_true(atomic_load(&pages_given_way) > 0);
    assert_int_equal(atomic_load(&pages_given_way), atomic_load(&pages_written));
    capture_close(capture);
}

static sqlite3 *hold_store(void **state)
{
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(scratch_path(state, "capture.db"), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return other;
}

static void let_store_go(sqlite3 *other)
{
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

static void it_gives_way_while_it_reads(void **state)
{
    atomic_store(&making_ready.is_held, true); /* so that all of them make one batch */
    struct capture *capture = open_capture(state, NULL);
    sqlite3 *other = hold_store(state); /* so that nothing is written */
    journal_many(capture, FEW);
    forget_counts();
    atomic_store(&making_ready.is_held, false);
    time_t deadline = time(NULL) + 30;
    while (atomic_load(&times_given_way) == 0 && time(NULL) < deadline)
        (void)syscall(SYS_sched_yield); /* cannot fail on Linux */
    assert_true(atomic_load(&times_given_way) > 0);
    assert_int_equal(atomic_load(&pages_written), 0);
    let_store_go(other);
    wait_for_store(state, "SELECT count(*) FROM exchange WHERE outcome IS NOT NULL", FEW);
    capture_close(capture);
}

static void while_much_waits_it_neither_gives_way_nor_brings_pages_into_memory(void **state)
{
    atomic_store(&making_ready.is_held, true); /* with the first pages, before it looks for frames */
    struct capture *capture = open_capture(state, NULL);
    atomic_store(&making_ready.ring, &capture_journal(capture, 0)->ring);
    journal_many(capture, MANY);
    forget_counts();
    atomic_store(&making_ready.is_held, false);
    wait_for_store(state, "SELECT count(*) FROM exchange WHERE outcome IS NOT NULL", MANY);
    assert_int_equal(atomic_load(&times_given_way), 0);
    assert_int_equal(atomic_load(&times_ready_behind), 0);
    atomic_store(&making_ready.ring, NULL);
    capture_close(capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(while_little_waits_it_gives_way_after_each_while, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(it_gives_way_while_it_reads, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(while_much_waits_it_neither_gives_way_nor_brings_pages_into_memory,
                                        scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
