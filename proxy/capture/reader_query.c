/* Finding exchanges: a walk over ids that may fit (reader_walk.h), and a test of each against the whole filter. The
 * reader's thread. */
#include "reader_walk.h"

#include "countersign/http_message.h"

#include <stdlib.h>
#include <string.h>

enum {
    HELD_FIRST = 256,
    IDS_HELD_MAX = 1000000, /* of a listing that shows the latest, oldest first */
    GLOB_MAX = 4096,        /* bytes */
    PATH_MAX_BYTES = 65536  /* of a path that a glob is held against: the head's greatest size */
};

/* --- testing --- */

static bool is_text(struct slice wanted, struct slice text)
{
    return wanted.length == 0 || slice_equal(wanted, text);
}

static bool is_path(const struct capture_filter *filter, const struct record *record)
{
    char glob[GLOB_MAX], path[PATH_MAX_BYTES + 1];
    struct slice part = http_target_path(record->target);
    if (filter->path_glob.length == 0)
        return true;
    if (filter->path_glob.length >= sizeof(glob) || part.length >= sizeof(path))
        return false;
    memcpy(glob, filter->path_glob.data, filter->path_glob.length);
    glob[filter->path_glob.length] = '\0';
    if (part.length > 0)
        memcpy(path, part.data, part.length);
    path[part.length] = '\0';
    return sqlite3_strglob(glob, path) == 0;
}

static bool is_in_time(const struct capture_filter *filter, const struct record *record)
{
    return (filter->since_us == 0 || (record->received_us != 0 && record->received_us >= filter->since_us)) &&
           (filter->until_us == 0 || (record->received_us != 0 && record->received_us < filter->until_us));
}

static bool is_slow(const struct capture_filter *filter, const struct record *record)
{
    int64_t end_us = record->replied_us != 0 ? record->replied_us : record->complete_us;
    return filter->slower_than_us == 0 ||
           (end_us != 0 && record->received_us != 0 && end_us - record->received_us > filter->slower_than_us);
}

static bool passes(const struct capture_filter *filter, const struct record *record)
{
    return is_in_time(filter, record) && is_text(filter->listener, record->listener) &&
           is_text(filter->account, record->account) && is_text(filter->method, record->method) &&
           is_text(filter->code, record->api_code) &&
           slice_equal(slice_first(record->client_address, filter->client.length), filter->client) &&
           (filter->status_to == 0 || (record->status >= filter->status_from && record->status <= filter->status_to)) &&
           (filter->outcomes == 0 || (filter->outcomes & 1u << record->outcome) != 0) &&
           (filter->client_signatures == 0 || (filter->client_signatures & 1u << record->client_signature) != 0) &&
           is_slow(filter, record) && is_path(filter, record);
}

/* Reads the exchange and says whether it passes. With `whole` the views are there where it does. */
static bool judge(struct record *record, bool *does_pass, struct walk *walk, int64_t id, bool whole,
                  struct error *error)
{
    const struct capture_filter *filter = walk->filter;
    enum record_row_kind kind = whole || filter->accepts != NULL ? RECORD_ROW_WHOLE : RECORD_ROW_FACTS;
    struct record read;
    bool found = false;
    *does_pass = false;
    if (!reader_read(&read, &found, walk->reader, id, RECORD_ROW_FACTS, error))
        return false;
    if (!found || !passes(filter, &read))
        return true;
    if (kind == RECORD_ROW_WHOLE) {
        reader_reset(walk->reader, RECORD_ROW_FACTS);
        if (!reader_read(&read, &found, walk->reader, id, RECORD_ROW_WHOLE, error))
            return false;
        if (!found || (filter->accepts != NULL && !filter->accepts(filter->context, &read)))
            return true;
    }
    *does_pass = true;
    *record = read;
    return reader_complete(record, walk->reader, kind, error);
}

static void done_with(struct walk *walk)
{
    reader_reset(walk->reader, RECORD_ROW_FACTS);
    reader_reset(walk->reader, RECORD_ROW_WHOLE);
}

/* --- listing --- */

struct visitor {
    bool (*visit)(void *context, const struct record *record);
    void *context;
    bool whole;
    size_t limit;
};

static bool visit_walk(struct walk *walk, const struct visitor *visitor, struct error *error)
{
    size_t count = 0;
    int64_t id;
    while (count < visitor->limit) {
        struct record record;
        bool does_pass;
        if (!walk_next(&id, walk, error))
            return false;
        if (id == 0)
            return true;
        bool done = judge(&record, &does_pass, walk, id, visitor->whole, error);
        bool goes_on = !done || !does_pass || visitor->visit(visitor->context, &record);
        done_with(walk);
        if (!done || !goes_on)
            return done;
        count += does_pass ? 1 : 0;
    }
    return true;
}

struct held_ids {
    int64_t *ids;
    size_t count;
    size_t capacity;
    bool failed;
};

static bool hold(void *context, const struct record *record)
{
    struct held_ids *held = context;
    if (held->count == held->capacity) {
        size_t capacity = held->capacity == 0 ? HELD_FIRST : 2 * held->capacity;
        int64_t *ids = capacity > 2 * (size_t)IDS_HELD_MAX ? NULL : reallocarray(held->ids, capacity, sizeof(*ids));
        if (ids == NULL)
            return !(held->failed = true);
        held->ids = ids;
        held->capacity = capacity;
    }
    held->ids[held->count++] = record->id;
    return true;
}

/* What was found, from its end: the latest exchanges, the oldest of them first. */
static bool visit_held(struct walk *walk, const struct held_ids *held, const struct visitor *visitor,
                       struct error *error)
{
    for (size_t i = held->count; i > 0; i--) {
        struct record record;
        bool does_pass;
        bool done = judge(&record, &does_pass, walk, held->ids[i - 1], visitor->whole, error);
        bool goes_on = !done || !does_pass || visitor->visit(visitor->context, &record);
        done_with(walk);
        if (!done || !goes_on)
            return done;
    }
    return true;
}

static bool visit_latest_forward(struct walk *walk, const struct visitor *visitor, struct error *error)
{
    struct held_ids held = { .ids = NULL };
    const struct visitor holder = { .visit = hold, .context = &held, .limit = visitor->limit };
    bool done = visit_walk(walk, &holder, error);
    if (done && held.failed)
        done = error_set(error, ERROR_LIMIT,
                         "more than %d exchanges are to be held at once: ask for fewer with --limit", IDS_HELD_MAX);
    done = done && visit_held(walk, &held, visitor, error);
    free(held.ids);
    return done;
}

bool capture_reader_list(struct capture_reader *reader, const struct capture_query *query,
                         bool (*visit)(void *context, const struct record *record), void *context, struct error *error)
{
    struct walk walk;
    bool all = query->limit == SIZE_MAX;
    const struct visitor visitor = {
        .visit = visit, .context = context, .whole = query->with_views, .limit = query->limit
    };
    /* Imported ids go down: the latest is the lowest. */
    bool rising = (query->oldest_first && all) != query->filter.imported;
    bool done = walk_open(&walk, reader, &query->filter, rising, error);
    if (done)
        done = query->oldest_first && !all ? visit_latest_forward(&walk, &visitor, error)
                                           : visit_walk(&walk, &visitor, error);
    walk_close(&walk);
    return done;
}

struct finding {
    uint64_t skip;
    int64_t id; /* 0: not found yet */
};

static bool look(void *context, const struct record *record)
{
    struct finding *finding = context;
    if (finding->skip-- > 0)
        return true;
    finding->id = record->id;
    return false;
}

bool capture_reader_find(int64_t *id, struct capture_reader *reader, const struct capture_filter *filter, uint64_t skip,
                         struct error *error)
{
    const struct capture_query query = { .filter = *filter, .limit = SIZE_MAX };
    struct finding finding = { .skip = skip };
    if (!capture_reader_list(reader, &query, look, &finding, error))
        return false;
    if (finding.id == 0)
        return error_set(error, ERROR_INPUT, skip == 0 ? "no exchange in %s fits" : "not so many exchanges in %s fit",
                         reader->path);
    *id = finding.id;
    return true;
}
