/* `countersign log ls`: the latest exchanges, one a line. One thread. */
#include "log_command.h"

#include <unistd.h>

/* What a listing's visits share. */
struct listing {
    struct log_table *table;
    struct buffer out;
    struct error *error;
    size_t count;
    bool failed; /* `error` says why */
};

static bool fail_for_memory(struct listing *listing)
{
    listing->failed = true;
    return error_set(listing->error, ERROR_MEMORY, "not enough memory for the listing: ask for fewer with --limit");
}

static bool visit_row(void *context, const struct record *record)
{
    struct listing *listing = context;
    listing->count++;
    return log_table_add(listing->table, record) || fail_for_memory(listing);
}

static bool flush(struct listing *listing)
{
    if (listing->out.failed)
        return fail_for_memory(listing);
    listing->failed = !terminal_write(STDOUT_FILENO, buffer_slice(&listing->out), listing->error);
    buffer_reset(&listing->out);
    return !listing->failed;
}

static bool visit_json(void *context, const struct record *record)
{
    struct listing *listing = context;
    listing->count++;
    log_append_json(&listing->out, record, false);
    buffer_append_byte(&listing->out, '\n');
    return listing->out.length < LOG_FLUSH || flush(listing);
}

bool log_list(const struct log_run *run, struct error *error)
{
    struct listing listing = { .error = error };
    bool json = run->options->json;
    const struct capture_query query = { .limit = run->options->limit, .oldest_first = true };
    buffer_init(&listing.out, LOG_OUTPUT_MAX);
    if (!log_table_create(&listing.table, &run->terminal, run->now_us))
        return fail_for_memory(&listing);
    bool done =
        capture_reader_list(run->reader, &query, json ? visit_json : visit_row, &listing, error) && !listing.failed;
    if (done && !json && listing.count > 0)
        log_table_print(&listing.out, listing.table);
    done = done && flush(&listing);
    if (done && listing.count == 0)
        log_note("no exchange is recorded yet in %s", run->store_path);
    buffer_free(&listing.out);
    log_table_free(listing.table);
    return done;
}
