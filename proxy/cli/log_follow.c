/* Each look asks for the ids beyond the highest that was seen, and for those that were open: in flight, or not stored yet
 * although a higher one is. What has ended is handed over, where it fits. One thread. */
#include "log_follow.h"

#include "countersign/clock.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    POLL_MS = 20,     /* between looks: a line is to be there within 100 ms */
    REOPEN_MS = 200,  /* between tries to open a store that is not there */
    OPEN_MAX = 20000, /* ids that are open at a time; the oldest are given up */
    LOOK_BACK = 1000  /* ids before the last one at the start, among which some may not be stored yet */
};

/* An id that is not stored by then was given to no exchange that is recorded. */
static const int64_t gap_patience_us = INT64_C(60) * 1000000;

struct open_id {
    int64_t id;
    int64_t since_us; /* monotonic; 0: in flight, waited for without end */
};

struct follow {
    struct log_run *run;
    const struct log_follower *follower;
    struct open_id *open;
    size_t open_count;
    int64_t *ended; /* of one look, rising */
    size_t ended_count;
    int64_t start;  /* where it began to look at each id */
    int64_t seen;   /* the highest id met */
    int64_t now_us; /* monotonic, of this look */
    bool added;     /* something was handed over in this look */
    bool has_more;  /* than one look takes */
    bool failed;    /* for memory */
    bool output_failed;
    int64_t since_us; /* wall clock; of a store that took the first one's place, what is older is not looked at */
};

/* --- what is open --- */

static void add_open(struct follow *follow, int64_t id, int64_t since_us)
{
    if (follow->open_count == OPEN_MAX) {
        memmove(follow->open, follow->open + 1, (OPEN_MAX - 1) * sizeof(*follow->open));
        follow->open_count--;
    }
    follow->open[follow->open_count++] = (struct open_id){ .id = id, .since_us = since_us };
}

static void add_gap(struct follow *follow, int64_t from, int64_t to)
{
    for (int64_t id = to - from > OPEN_MAX ? to - OPEN_MAX : from; id < to; id++)
        add_open(follow, id, follow->now_us);
}

/* One exchange beyond those seen. Stops where no more fit into one look. */
static bool meet(void *context, const struct record *record)
{
    struct follow *follow = context;
    bool is_far = follow->seen == 0 && record->id > LOOK_BACK; /* what is far below a store's first was pruned */
    add_gap(follow, is_far ? record->id - LOOK_BACK : follow->seen + 1, record->id);
    follow->seen = record->id;
    if (record->outcome == RECORD_IN_FLIGHT)
        add_open(follow, record->id, 0);
    else
        follow->ended[follow->ended_count++] = record->id;
    follow->has_more = follow->ended_count == OPEN_MAX;
    return !follow->has_more;
}

/* --- handing over --- */

static bool has_ended(const struct follow *follow, int64_t id)
{
    size_t low = 0, high = follow->ended_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (follow->ended[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < follow->ended_count && follow->ended[low] == id;
}

/* What ended between the two listings is handed over with the next look. */
static bool hand_over(void *context, const struct record *record)
{
    struct follow *follow = context;
    if (!has_ended(follow, record->id))
        return true;
    follow->added = true;
    follow->failed = !follow->follower->add(follow->follower->context, record);
    return !follow->failed;
}

static bool list(struct follow *follow, struct capture_filter filter, int64_t from, int64_t to,
                 bool (*visit)(void *context, const struct record *record), struct error *error)
{
    if (filter.since_us < follow->since_us)
        filter.since_us = follow->since_us;
    filter.id_from = from;
    filter.id_to = to;
    const struct capture_query query = { .filter = filter, .limit = SIZE_MAX, .oldest_first = true };
    return capture_reader_list(follow->run->reader, &query, visit, follow, error) &&
           (!follow->failed || error_set(error, ERROR_MEMORY, "not enough memory for the listing"));
}

static bool hand_over_ended(struct follow *follow, struct error *error)
{
    if (follow->ended_count == 0)
        return true;
    return list(follow, log_filter(follow->run), follow->ended[0], follow->ended[follow->ended_count - 1], hand_over,
                error);
}

/* --- looks --- */

enum state { ABSENT, IN_FLIGHT, ENDED };

static bool note_state(void *context, const struct record *record)
{
    *(enum state *)context = record->outcome == RECORD_IN_FLIGHT ? IN_FLIGHT : ENDED;
    return true;
}

static bool state_of(enum state *state, const struct follow *follow, int64_t id, struct error *error)
{
    const struct capture_query query = { .filter = { .id_from = id, .id_to = id }, .limit = 1 };
    *state = ABSENT;
    return capture_reader_list(follow->run->reader, &query, note_state, state, error);
}

static bool look_at_open(struct follow *follow, struct error *error)
{
    size_t kept = 0;
    follow->ended_count = 0;
    for (size_t i = 0; i < follow->open_count; i++) {
        struct open_id open = follow->open[i];
        enum state state;
        if (!state_of(&state, follow, open.id, error))
            return false;
        if (state == ENDED)
            follow->ended[follow->ended_count++] = open.id;
        else if (state == IN_FLIGHT)
            follow->open[kept++] = (struct open_id){ .id = open.id };
        else if (open.since_us != 0 && follow->now_us - open.since_us < gap_patience_us)
            follow->open[kept++] = open;
    }
    follow->open_count = kept;
    return true;
}

static int by_id(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return first < second ? -1 : first > second;
}

static bool look(struct follow *follow, struct error *error)
{
    follow->now_us = clock_monotonic_us();
    follow->added = false;
    if (!look_at_open(follow, error))
        return false;
    qsort(follow->ended, follow->ended_count, sizeof(*follow->ended), by_id);
    if (!hand_over_ended(follow, error))
        return false;
    follow->ended_count = 0;
    follow->has_more = false;
    if (!list(follow, (struct capture_filter){ .since_us = 0 }, follow->seen + 1, INT64_MAX, meet, error) ||
        !hand_over_ended(follow, error))
        return false;
    follow->output_failed = follow->added && !follow->follower->flush(follow->follower->context, error);
    return !follow->output_failed;
}

/* --- the start --- */

static bool note_in_flight(void *context, const struct record *record)
{
    add_open(context, record->id, 0);
    return true;
}

/* Everything up to the last id counts as seen, but for what is in flight, and for gaps among the latest. */
static bool begin(struct follow *follow, struct error *error)
{
    int64_t last;
    const struct capture_filter in_flight = { .outcomes = 1u << RECORD_IN_FLIGHT };
    if (!capture_reader_last_id(&last, follow->run->reader, error))
        return false;
    follow->now_us = clock_monotonic_us();
    follow->open_count = follow->ended_count = 0;
    follow->seen = follow->start = last > LOOK_BACK ? last - LOOK_BACK : 0;
    return (follow->start == 0 || list(follow, in_flight, 1, follow->start, note_in_flight, error)) &&
           list(follow, (struct capture_filter){ .since_us = 0 }, follow->start + 1, INT64_MAX, meet, error);
}

static bool is_open(const struct follow *follow, int64_t id)
{
    for (size_t i = 0; i < follow->open_count; i++) {
        if (follow->open[i].id == id)
            return true;
    }
    return false;
}

/* By the state that begin() saw: what has ended since comes with the next look. */
static bool hand_over_latest(void *context, const struct record *record)
{
    struct follow *follow = context;
    if (record->id > follow->start)
        return hand_over(context, record);
    follow->failed = record->outcome != RECORD_IN_FLIGHT && !is_open(follow, record->id) &&
                     !follow->follower->add(follow->follower->context, record);
    return !follow->failed;
}

static bool show_latest(struct follow *follow, struct error *error)
{
    const struct capture_query query = { .filter = log_filter(follow->run),
                                         .limit = follow->follower->limit,
                                         .oldest_first = true };
    return capture_reader_list(follow->run->reader, &query, hand_over_latest, follow, error) &&
           (!follow->failed || error_set(error, ERROR_MEMORY, "not enough memory for the listing")) &&
           follow->follower->flush(follow->follower->context, error);
}

/* --- the store that comes and goes --- */

/* False once nobody reads the output any more: a tail without a line to write would else never notice. */
static bool pause_for(int ms)
{
    struct pollfd output = { .fd = STDOUT_FILENO };
    return poll(&output, 1, ms) <= 0 || (output.revents & (POLLERR | POLLNVAL)) == 0;
}

static void close_store(struct follow *follow)
{
    capture_reader_close(follow->run->reader);
    follow->run->reader = NULL;
}

/* Waits until there is a store that can be read; what keeps it from it is told once. False where nobody reads on. */
static bool open_store(struct follow *follow)
{
    bool told = false;
    struct error error;
    while (!capture_reader_open(&follow->run->reader, follow->run->store_path, &error)) {
        if (!told)
            log_note("countersign log tail: waiting: %s", error.message);
        told = true;
        if (!pause_for(REOPEN_MS))
            return false;
    }
    return true;
}

/* Ids may begin anew in a new store; what is in it from before this tail began was never to be shown. */
static void begin_new_store(struct follow *follow)
{
    log_note("countersign log tail: %s is a new record", follow->run->store_path);
    follow->open_count = 0;
    follow->seen = 0;
    follow->since_us = follow->run->now_us;
}

/* Opens the store, again where it was replaced. *is_read: somebody reads the output. */
static bool keep_open(struct follow *follow, bool *is_read, struct error *error)
{
    int64_t last;
    bool is_new = follow->run->reader != NULL && !capture_reader_is_current(follow->run->reader);
    if (is_new)
        close_store(follow);
    if (follow->run->reader != NULL)
        return true;
    *is_read = open_store(follow);
    if (!*is_read)
        return true;
    if (!capture_reader_last_id(&last, follow->run->reader, error))
        return false;
    if (is_new || last < follow->seen)
        begin_new_store(follow);
    return true;
}

static bool look_if_changed(struct follow *follow, bool *is_read, struct error *error)
{
    bool changed = true;
    if (!keep_open(follow, is_read, error))
        return false;
    return !*is_read || (capture_reader_has_changed(&changed, follow->run->reader, error) &&
                         ((!changed && !follow->has_more) || look(follow, error)));
}

static bool follow_on(struct follow *follow, struct error *error)
{
    bool told = false, is_read = true;
    while (is_read) {
        struct error why = { .kind = ERROR_NONE };
        if (look_if_changed(follow, &is_read, &why)) {
            told = false;
        } else if (why.kind == ERROR_MEMORY || follow->output_failed) {
            *error = why;
            return false;
        } else { /* tried again */
            if (!told)
                log_note("countersign log tail: %s", why.message);
            told = true;
            close_store(follow);
        }
        if (is_read && !follow->has_more)
            is_read = pause_for(POLL_MS);
    }
    return true;
}

bool log_follow(struct log_run *run, const struct log_follower *follower, struct error *error)
{
    struct follow follow = { .run = run, .follower = follower };
    follow.open = calloc(OPEN_MAX, sizeof(*follow.open));
    follow.ended = calloc(2 * (size_t)OPEN_MAX, sizeof(*follow.ended));
    bool done =
        (follow.open != NULL && follow.ended != NULL) || error_set(error, ERROR_MEMORY, "not enough memory to follow");
    if (done) {
        done =
            !open_store(&follow) || (begin(&follow, error) && show_latest(&follow, error) && follow_on(&follow, error));
    }
    free(follow.open);
    free(follow.ended);
    return done;
}
