/* Each look asks for the ids beyond the highest that was seen, and for those that were open: in flight, or not stored yet
 * although a higher one is. What has ended is handed over, where it fits. One thread. */
#include "log_follow.h"

#include "countersign/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    add_gap(follow, follow->seen + 1, record->id);
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
    return !follow->added || follow->follower->flush(follow->follower->context, error);
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

/* Those that begin() met by the state that it saw: what has ended since comes with the next look. */
static bool hand_over_latest(void *context, const struct record *record)
{
    struct follow *follow = context;
    if (record->id > follow->start)
        return hand_over(context, record);
    follow->failed = record->outcome != RECORD_IN_FLIGHT && !follow->follower->add(follow->follower->context, record);
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

static void pause_for(int ms)
{
    const struct timespec pause = { .tv_nsec = ms * 1000000L };
    (void)nanosleep(&pause, NULL); /* a shorter one does no harm */
}

static void close_store(struct follow *follow)
{
    capture_reader_close(follow->run->reader);
    follow->run->reader = NULL;
}

/* Waits until there is a store that can be read; what keeps it from it is told once. */
static void open_store(struct follow *follow)
{
    bool told = false;
    struct error error;
    while (!capture_reader_open(&follow->run->reader, follow->run->store_path, &error)) {
        if (!told)
            log_note("countersign log tail: waiting: %s", error.message);
        told = true;
        pause_for(REOPEN_MS);
    }
}

/* Ids begin anew in a new store. */
static bool reopen(struct follow *follow, struct error *error)
{
    int64_t last;
    close_store(follow);
    open_store(follow);
    if (!capture_reader_last_id(&last, follow->run->reader, error))
        return false;
    if (last >= follow->seen)
        return true;
    log_note("countersign log tail: %s is a new record", follow->run->store_path);
    follow->open_count = 0;
    follow->seen = 0;
    return true;
}

static bool follow_on(struct follow *follow, struct error *error)
{
    for (;;) {
        struct error why = { .kind = ERROR_NONE };
        bool changed = true;
        bool is_well = capture_reader_is_current(follow->run->reader) &&
                       capture_reader_has_changed(&changed, follow->run->reader, &why) &&
                       ((!changed && !follow->has_more) || look(follow, &why));
        if (!is_well && why.kind == ERROR_MEMORY) {
            *error = why;
            return false;
        }
        if (!is_well && !reopen(follow, error))
            log_note("countersign log tail: %s", error->message); /* tried again */
        if (!follow->has_more)
            pause_for(POLL_MS);
    }
}

bool log_follow(struct log_run *run, const struct log_follower *follower, struct error *error)
{
    struct follow follow = { .run = run, .follower = follower };
    follow.open = calloc(OPEN_MAX, sizeof(*follow.open));
    follow.ended = calloc(2 * (size_t)OPEN_MAX, sizeof(*follow.ended));
    bool done =
        (follow.open != NULL && follow.ended != NULL) || error_set(error, ERROR_MEMORY, "not enough memory to follow");
    if (done) {
        open_store(&follow);
        done = begin(&follow, error) && show_latest(&follow, error) && follow_on(&follow, error);
    }
    free(follow.open);
    free(follow.ended);
    return done;
}
