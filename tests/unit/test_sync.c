/* durability = power at the journal: tickets, one sync for all that wait, a disk that fails, who is told. */
#include "capture_fixture.h"

#include "capture/journal_private.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static struct capture *open_synced(void *const *state)
{
    struct capture *capture = NULL;
    struct capture_recovery recovery;
    struct error error = { .message = "" };
    struct capture_options options = {
        .state_dir = *state,
        .workers = 1,
        .ring_size = FIXTURE_RING_SIZE,
        .durability = CAPTURE_DURABILITY_POWER,
    };
    if (!capture_open(&capture, &options, &recovery, &error))
        fail_msg("%s", error.message);
    return capture;
}

static void count_up(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
}

/* Waits for the end of a sync, 30 s at most. */
static enum journal_sync_state wait_for(const struct journal *journal, uint64_t ticket)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    for (int i = 0; i < 30000 && journal_sync_look(journal, ticket) == JOURNAL_SYNC_PENDING; i++)
        (void)nanosleep(&pause, NULL);
    return journal_sync_look(journal, ticket);
}

static uint64_t ask(struct journal *journal, int64_t id)
{
    struct record intent = sample_intent(id);
    assert_true(journal_admit(journal, 1000));
    assert_true(journal_intent(journal, &intent));
    return journal_ask_for_sync(journal);
}

static void end_exchanges(struct journal *journal, int64_t count)
{
    for (int64_t id = 1; id <= count; id++) {
        struct record sent = sample_record(id);
        assert_true(journal_outcome(journal, &sent));
    }
}

static void without_it_a_journal_is_not_synced(void **state)
{
    struct capture *capture = open_capture(state, NULL);
    struct journal *journal = capture_journal(capture, 0);
    assert_false(journal_is_synced(journal));
    journal_on_synced(journal, count_up, NULL); /* nothing to tell */
    capture_close(capture);
}

static void an_intent_is_synced_and_its_worker_told(void **state)
{
    struct capture *capture = open_synced(state);
    struct journal *journal = capture_journal(capture, 0);
    atomic_int told = 0;
    assert_true(journal_is_synced(journal));
    journal_on_synced(journal, count_up, &told);
    for (int64_t id = 1; id <= 5; id++)
        assert_int_equal(wait_for(journal, ask(journal, id)), JOURNAL_SYNC_DONE);
    journal_on_synced(journal, NULL, NULL); /* waits for one that is being told */
    assert_in_range(atomic_load(&told), 1, 5);
    end_exchanges(journal, 5);
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange"), 5);
}

/* fdatasync fails on a pipe (EINVAL). */
static void a_failed_sync_fails_all_that_waited_for_it_and_none_that_come_later(void **state)
{
    struct capture *capture = open_synced(state);
    struct journal *journal = capture_journal(capture, 0);
    int ends[2], fd = journal->ring.fd;
    uint64_t first = ask(journal, 1);
    assert_int_equal(wait_for(journal, first), JOURNAL_SYNC_DONE);
    assert_int_equal(pipe(ends), 0);
    journal->ring.fd = ends[0];
    uint64_t second = ask(journal, 2);
    assert_int_equal(wait_for(journal, second), JOURNAL_SYNC_FAILED);
    journal->ring.fd = fd;
    uint64_t third = ask(journal, 3);
    assert_int_equal(wait_for(journal, third), JOURNAL_SYNC_DONE);
    assert_int_equal(journal_sync_look(journal, second), JOURNAL_SYNC_FAILED); /* the later sync does not mend it */
    end_exchanges(journal, 3);
    capture_close(capture);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

static void closing_waits_for_no_sync_that_nobody_wants(void **state)
{
    struct capture *capture = open_synced(state);
    struct journal *journal = capture_journal(capture, 0);
    (void)ask(journal, 1); /* nobody looks what became of it */
    end_exchanges(journal, 1);
    capture_close(capture);
    assert_int_equal(store_number(state, "SELECT count(*) FROM exchange WHERE outcome = 'api_error'"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_it_a_journal_is_not_synced),
        TEST(an_intent_is_synced_and_its_worker_told),
        TEST(a_failed_sync_fails_all_that_waited_for_it_and_none_that_come_later),
        TEST(closing_waits_for_no_sync_that_nobody_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
