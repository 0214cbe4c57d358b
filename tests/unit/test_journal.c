/* The journal: records as frames, the promise of room, the wake-up. No recorder runs: the tests read the ring. */
#include "capture_fixture.h"

#include "capture/journal_private.h"
#include "capture/record_codec.h"
#include "capture/record_fields.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RING_SIZE = 1024 * 1024 };

struct bench {
    struct journal journal;
    struct wake wake;
    uint64_t position;
};

static struct bench *make_bench(void *const *state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct error error = { .message = "" };
    assert_non_null(bench);
    assert_true(wake_open(&bench->wake, &error));
    bench->journal.wake = &bench->wake;
    bench->journal.overhead = record_image_overhead();
    assert_true(ring_create(&bench->journal.ring, scratch_path(state, "ring-0.journal"), RING_SIZE,
                            "0123456789abcdef0123456789abcdef", &error));
    return bench;
}

static void free_bench(struct bench *bench)
{
    ring_close(&bench->journal.ring);
    wake_close(&bench->wake);
    free(bench->journal.admitted);
    free(bench);
}

static struct frame next_frame(struct bench *bench)
{
    struct frame frame;
    uint64_t head = ring_head(&bench->journal.ring);
    assert_true(bench->position < head);
    assert_int_equal(ring_read(&frame, &bench->journal.ring, &bench->position, head, 0), FRAME_GOOD);
    return frame;
}

static void release_all(struct bench *bench)
{
    bench->position = ring_head(&bench->journal.ring);
    ring_release(&bench->journal.ring, bench->position);
}

static size_t request_bytes(const struct record *record)
{
    return record->views[RECORD_CLIENT_REQUEST].head.length + record->views[RECORD_CLIENT_REQUEST].body.length;
}

static void an_outcome_carries_every_field_and_view(void **state)
{
    struct bench *bench = make_bench(state);
    struct record sent = sample_record(7), got;
    assert_true(journal_admit(&bench->journal, request_bytes(&sent)));
    assert_true(journal_outcome(&bench->journal, &sent));
    struct frame frame = next_frame(bench);
    assert_int_equal(frame.type, FRAME_OUTCOME);
    assert_true(record_decode(&got, frame.payload));
    assert_same_record(&got, &sent);
    free_bench(bench);
}

static void an_intent_carries_the_requests_and_no_answer(void **state)
{
    struct bench *bench = make_bench(state);
    struct record sent = sample_record(7), expected = sample_record(7), got;
    assert_true(journal_admit(&bench->journal, request_bytes(&sent)));
    assert_true(journal_intent(&bench->journal, &sent));
    struct frame frame = next_frame(bench);
    assert_int_equal(frame.type, FRAME_INTENT);
    assert_true(record_decode(&got, frame.payload));
    expected.views[RECORD_UPSTREAM_REQUEST].head = slice_of(NULL, 0);
    expected.views[RECORD_UPSTREAM_RESPONSE] = (struct record_message){ .head = slice_of(NULL, 0) };
    expected.views[RECORD_CLIENT_RESPONSE] = (struct record_message){ .head = slice_of(NULL, 0) };
    assert_same_record(&got, &expected);
    free_bench(bench);
}

static void an_empty_record_is_carried_too(void **state)
{
    struct bench *bench = make_bench(state);
    struct record sent = { .id = 1, .client_uid = -1 }, got;
    assert_true(journal_admit(&bench->journal, 0));
    assert_true(journal_outcome(&bench->journal, &sent));
    assert_true(record_decode(&got, next_frame(bench).payload));
    assert_same_record(&got, &sent);
    free_bench(bench);
}

static void equal_bodies_are_in_a_frame_once(void **state)
{
    struct bench *bench = make_bench(state);
    static char body[100000], copy[100000];
    memset(body, 'b', sizeof(body));
    memset(copy, 'b', sizeof(copy)); /* the same bytes elsewhere */
    struct record sent = sample_record(7), got;
    sent.views[RECORD_CLIENT_REQUEST].body = slice_of(body, sizeof(body));
    sent.views[RECORD_UPSTREAM_REQUEST].body = slice_of(body, sizeof(body));
    sent.views[RECORD_UPSTREAM_RESPONSE].body = slice_of(copy, sizeof(copy));
    sent.views[RECORD_CLIENT_RESPONSE].body = slice_of(copy, sizeof(copy) - 1);
    assert_true(journal_admit(&bench->journal, request_bytes(&sent)));
    assert_true(journal_outcome(&bench->journal, &sent));
    struct frame frame = next_frame(bench);
    assert_in_range(frame.payload.length, 2 * sizeof(body), 2 * sizeof(body) + 4096);
    assert_true(record_decode(&got, frame.payload));
    assert_same_record(&got, &sent);
    free_bench(bench);
}

static void long_texts_are_cut_between_characters_and_a_target_never(void **state)
{
    struct bench *bench = make_bench(state);
    static char text[3000];
    struct record sent = sample_record(7), got;
    for (size_t i = 0; i + 3 <= sizeof(text); i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    sent.api_message = slice_of(text, sizeof(text));
    sent.target = slice_of(text, sizeof(text));
    sent.listener = slice_of("\x80\x80\x80\x80", 4); /* no UTF-8: kept as it is */
    assert_true(journal_admit(&bench->journal, request_bytes(&sent) + sizeof(text)));
    assert_true(journal_outcome(&bench->journal, &sent));
    assert_true(record_decode(&got, next_frame(bench).payload));
    assert_int_equal(got.api_message.length, 1023);
    assert_memory_equal(got.api_message.data, text, 1023);
    assert_int_equal(got.target.length, sizeof(text));
    assert_int_equal(got.listener.length, 4);
    free_bench(bench);
}

static void a_payload_that_is_cut_or_longer_is_refused(void **state)
{
    struct bench *bench = make_bench(state);
    struct record sent = sample_record(7), got;
    assert_true(journal_admit(&bench->journal, request_bytes(&sent)));
    assert_true(journal_outcome(&bench->journal, &sent));
    struct frame frame = next_frame(bench);
    char *copy = malloc(frame.payload.length + 1);
    for (size_t length = 0; length < frame.payload.length; length++) {
        char *exact = malloc(length + 1); /* of its own, so that a byte read beyond it is found */
        memcpy(exact, frame.payload.data, length);
        assert_false(record_decode(&got, slice_of(exact, length)));
        free(exact);
    }
    memcpy(copy, frame.payload.data, frame.payload.length);
    copy[frame.payload.length] = 0;
    assert_false(record_decode(&got, slice_of(copy, frame.payload.length + 1)));
    free(copy);
    free_bench(bench);
}

/* The first version's records had no verdict on the client's signature: its number stands before the first head. */
/* Reads `sent` as a version that knew of so many fields wrote it: each that came since is a number. */
static void assert_same_from_older(void **state, const struct record *sent, size_t known)
{
    const size_t lacks = (RECORD_FIELD_COUNT - known) * sizeof(uint64_t);
    struct bench *bench = make_bench(state);
    struct record whole = sample_record(7), got;
    assert_true(journal_admit(&bench->journal, request_bytes(&whole)));
    assert_true(journal_outcome(&bench->journal, &whole));
    struct slice payload = next_frame(bench).payload;
    const char *head = memmem(payload.data, payload.length, "POST /api/trade/order/place?a=%7B HTTP", 38);
    assert_non_null(head);
    size_t before = (size_t)(head - sizeof(uint32_t) - lacks - payload.data);
    char *older = malloc(payload.length - lacks);
    memcpy(older, payload.data, before);
    memcpy(older + before, payload.data + before + lacks, payload.length - before - lacks);
    assert_true(record_decode(&got, slice_of(older, payload.length - lacks)));
    assert_same_record(&got, sent);
    free(older);
    free_bench(bench);
}

static void a_payload_of_an_older_version_is_read_as_one_that_does_not_know(void **state)
{
    struct record sent = sample_record(7);
    sent.clock_offset_us = sent.clock_bound_us = sent.waited_us = 0;
    assert_same_from_older(state, &sent, RECORD_FIELD_COUNT_2);
    sent.client_signature = RECORD_CLIENT_SIGNATURE_NOT_CHECKED;
    assert_same_from_older(state, &sent, RECORD_FIELD_COUNT_1);
}

static void secrets_in_heads_never_reach_the_ring_file(void **state)
{
    struct bench *bench = make_bench(state);
    struct record sent = sample_record(7);
    journal_whole(&bench->journal, &sent);
    assert_false(scratch_holds(state, KEY_CANARY));
    assert_false(scratch_holds(state, COOKIE_CANARY));
    assert_true(scratch_holds(state, "x-cs-apikey: c0ff"));
    free_bench(bench);
}

static void a_full_ring_refuses_to_admit_until_outcomes_are_carried_over(void **state)
{
    struct bench *bench = make_bench(state);
    struct record sent = sample_record(7);
    size_t count = 0;
    while (journal_admit(&bench->journal, request_bytes(&sent)))
        count++;
    assert_in_range(count, 8, 13); /* each holds back 64 KiB and something for an outcome */
    assert_true(journal_used(&bench->journal) <= journal_size(&bench->journal));
    assert_true(journal_outcome(&bench->journal, &sent));
    assert_true(journal_admit(&bench->journal, request_bytes(&sent))); /* a small outcome gave most of its room back */
    assert_false(journal_admit(&bench->journal, request_bytes(&sent)));
    for (size_t i = 0; i < count; i++)
        assert_true(journal_outcome(&bench->journal, &sent));
    for (size_t i = 0; i <= count; i++)
        journal_replied(&bench->journal, 7, 1, true);
    release_all(bench);
    assert_int_equal(journal_used(&bench->journal), 0);
    free_bench(bench);
}

/* What was admitted fits, at its largest, although nothing is ever carried over. */
static void all_that_was_admitted_fits_at_its_largest(void **state)
{
    struct bench *bench = make_bench(state);
    static char body[20000], answer[JOURNAL_OUTCOME_SURE], head[2000];
    memset(head, 'h', sizeof(head));
    struct record sent = sample_record(7);
    size_t count = 0;
    sent.views[RECORD_CLIENT_REQUEST] =
        (struct record_message){ .head = slice_of(head, sizeof(head)), .body = slice_of(body, sizeof(body)) };
    sent.views[RECORD_UPSTREAM_REQUEST] =
        (struct record_message){ .head = slice_of(head, sizeof(head)), .body = slice_of(body + 1, sizeof(body) - 1) };
    sent.views[RECORD_UPSTREAM_RESPONSE] =
        (struct record_message){ .head = slice_of(NULL, 0), .body = slice_of(answer, sizeof(answer)) };
    sent.views[RECORD_CLIENT_RESPONSE] =
        (struct record_message){ .head = slice_of(NULL, 0), .body = slice_of(answer, sizeof(answer)) };
    sent.target = slice_of(head, sizeof(head));
    sent.replied_us = 0;
    while (journal_admit(&bench->journal, request_bytes(&sent)))
        count++;
    assert_true(count >= 4);
    for (size_t i = 0; i < 2 * count; i++)
        assert_true(journal_intent(&bench->journal, &sent));
    for (size_t i = 0; i < count; i++)
        assert_true(journal_outcome(&bench->journal, &sent));
    uint64_t before = ring_head(&bench->journal.ring);
    for (size_t i = 0; i < count; i++)
        journal_replied(&bench->journal, 7, 1, true);
    assert_int_equal(ring_head(&bench->journal.ring) - before, count * frame_size(REPLIED_LENGTH));
    free_bench(bench);
}

static void a_larger_answer_waits_for_room_or_is_cut(void **state)
{
    struct bench *bench = make_bench(state);
    size_t size = RING_SIZE - 200000;
    char *answer = calloc(1, size);
    char *head = calloc(1, size);
    struct record sent = sample_record(7), got;
    sent.views[RECORD_UPSTREAM_RESPONSE].body = slice_of(answer, size);
    sent.views[RECORD_CLIENT_RESPONSE].body = slice_of(answer, size);
    assert_true(journal_admit(&bench->journal, request_bytes(&sent)));
    assert_true(journal_admit(&bench->journal, request_bytes(&sent)));
    assert_true(journal_outcome(&bench->journal, &sent));
    assert_false(journal_outcome(&bench->journal, &sent)); /* the first one is still there */
    sent.error_name = slice_text("record-truncated");
    sent.views[RECORD_UPSTREAM_RESPONSE] = (struct record_message){ .head = slice_of(head, size) };
    sent.views[RECORD_CLIENT_RESPONSE] = (struct record_message){ .head = slice_of(head, size) };
    assert_true(journal_outcome(&bench->journal, &sent)); /* even where the caller left too large heads in */
    (void)next_frame(bench);
    assert_true(record_decode(&got, next_frame(bench).payload));
    assert_int_equal(got.views[RECORD_UPSTREAM_RESPONSE].head.length, 0);
    assert_int_equal(got.views[RECORD_CLIENT_RESPONSE].head.length, 0);
    assert_true(got.views[RECORD_UPSTREAM_REQUEST].head.length > 0);
    assert_true(slice_equal_text(got.error_name, "record-truncated"));
    free(answer);
    free(head);
    free_bench(bench);
}

static void a_larger_answer_takes_no_room_that_others_were_promised(void **state)
{
    struct bench *bench = make_bench(state);
    size_t size = RING_SIZE - 200000;
    char *answer = calloc(1, size);
    struct record small = sample_record(7), large = sample_record(8);
    large.views[RECORD_UPSTREAM_RESPONSE].body = slice_of(answer, size);
    for (size_t i = 0; i < 4; i++)
        assert_true(journal_admit(&bench->journal, request_bytes(&small)));
    assert_false(journal_outcome(&bench->journal, &large));
    for (size_t i = 0; i < 3; i++)
        assert_true(journal_outcome(&bench->journal, &small));
    release_all(bench);
    assert_true(journal_outcome(&bench->journal, &large));
    free(answer);
    free_bench(bench);
}

static void nothing_is_written_for_what_was_not_admitted(void **state)
{
    struct bench *bench = make_bench(state);
    struct record sent = sample_record(7);
    assert_false(journal_intent(&bench->journal, &sent));
    assert_false(journal_outcome(&bench->journal, &sent));
    assert_false(journal_admit(&bench->journal, RING_SIZE));
    assert_false(journal_admit(&bench->journal, SIZE_MAX));
    assert_int_equal(journal_used(&bench->journal), 0);
    free_bench(bench);
}

static size_t fill(struct bench *bench, const struct record *record)
{
    size_t count = 0;
    for (; journal_admit(&bench->journal, request_bytes(record)); count++)
        assert_true(journal_outcome(&bench->journal, record));
    return count;
}

static void what_finds_no_room_is_refused_unless_it_may_be_dropped(void **state)
{
    struct bench *bench = make_bench(state);
    struct record sent = sample_record(7);
    (void)fill(bench, &sent); /* how many does not matter here */
    assert_false(journal_drop(&bench->journal, 1000));
    assert_int_equal(ring_dropped(&bench->journal.ring)->count, 0);
    bench->journal.drops_when_full = true;
    assert_true(journal_drop(&bench->journal, 1000));
    assert_true(journal_drop(&bench->journal, 3000));
    assert_int_equal(ring_dropped(&bench->journal.ring)->count, 2);
    free_bench(bench);
}

static void what_was_dropped_is_told_once_the_ring_is_half_empty(void **state)
{
    struct bench *bench = make_bench(state);
    struct record sent = sample_record(7);
    struct dropped dropped;
    bench->journal.drops_when_full = true;
    size_t count = fill(bench, &sent);
    assert_true(journal_drop(&bench->journal, 1000));
    assert_true(journal_drop(&bench->journal, 3000));
    for (size_t i = 0; i < count / 4; i++)
        (void)next_frame(bench); /* an outcome each */
    ring_release(&bench->journal.ring, bench->position);
    assert_true(journal_admit(&bench->journal, request_bytes(&sent)));
    assert_true(journal_outcome(&bench->journal, &sent));
    assert_int_equal(ring_dropped(&bench->journal.ring)->count, 2); /* still too full */
    assert_true(journal_drop(&bench->journal, 4000));
    release_all(bench);
    assert_true(journal_admit(&bench->journal, request_bytes(&sent)));
    struct frame frame = next_frame(bench);
    assert_int_equal(frame.type, FRAME_DROPPED);
    assert_true(dropped_decode(&dropped, frame.payload));
    assert_int_equal(dropped.count, 3);
    assert_int_equal(dropped.first_us, 1000);
    assert_int_equal(dropped.last_us, 4000);
    assert_int_equal(ring_dropped(&bench->journal.ring)->count, 0);
    assert_true(journal_outcome(&bench->journal, &sent));
    assert_int_equal(next_frame(bench).type, FRAME_OUTCOME);
    free_bench(bench);
}

static void replies_that_are_never_noted_do_not_eat_the_ring(void **state)
{
    struct bench *bench = make_bench(state);
    struct record sent = sample_record(7);
    sent.replied_us = 0;
    for (size_t i = 0; i < 10000; i++) {
        assert_true(journal_admit(&bench->journal, request_bytes(&sent)));
        assert_true(journal_outcome(&bench->journal, &sent));
        release_all(bench);
    }
    assert_true(journal_used(&bench->journal) <= RING_SIZE / 16);
    free_bench(bench);
}

static bool bell_rings(struct bench *bench)
{
    struct pollfd bell = { .fd = bench->wake.fd, .events = POLLIN };
    uint64_t count;
    bool rings = poll(&bell, 1, 0) == 1;
    if (rings)
        assert_int_equal(read(bell.fd, &count, sizeof(count)), sizeof(count));
    return rings;
}

static void the_recorder_is_called_once_and_only_when_it_waits(void **state)
{
    struct bench *bench = make_bench(state);
    struct record sent = sample_record(7);
    journal_whole(&bench->journal, &sent);
    assert_false(bell_rings(bench)); /* at work */
    atomic_store(&bench->wake.state, WAKE_ASLEEP);
    journal_whole(&bench->journal, &sent);
    assert_true(bell_rings(bench));
    journal_whole(&bench->journal, &sent);
    assert_false(bell_rings(bench)); /* called before */
    atomic_store(&bench->wake.state, WAKE_GATHERING);
    while (ring_used(&bench->journal.ring) < RING_SIZE / 4 - 8192) {
        journal_whole(&bench->journal, &sent);
        assert_false(bell_rings(bench));
    }
    while (ring_used(&bench->journal.ring) <= RING_SIZE / 4)
        journal_whole(&bench->journal, &sent);
    assert_true(bell_rings(bench));
    free_bench(bench);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_outcome_carries_every_field_and_view),
        TEST(an_intent_carries_the_requests_and_no_answer),
        TEST(an_empty_record_is_carried_too),
        TEST(equal_bodies_are_in_a_frame_once),
        TEST(long_texts_are_cut_between_characters_and_a_target_never),
        TEST(a_payload_that_is_cut_or_longer_is_refused),
        TEST(a_payload_of_an_older_version_is_read_as_one_that_does_not_know),
        TEST(secrets_in_heads_never_reach_the_ring_file),
        TEST(a_full_ring_refuses_to_admit_until_outcomes_are_carried_over),
        TEST(all_that_was_admitted_fits_at_its_largest),
        TEST(a_larger_answer_waits_for_room_or_is_cut),
        TEST(a_larger_answer_takes_no_room_that_others_were_promised),
        TEST(nothing_is_written_for_what_was_not_admitted),
        TEST(what_finds_no_room_is_refused_unless_it_may_be_dropped),
        TEST(what_was_dropped_is_told_once_the_ring_is_half_empty),
        TEST(replies_that_are_never_noted_do_not_eat_the_ring),
        TEST(the_recorder_is_called_once_and_only_when_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
