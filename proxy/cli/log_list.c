/* `countersign log ls`: the latest exchanges, one a line. One thread. */
#include "log_command.h"

#include <unistd.h>

enum { LIST_LIMIT = 20 };

/* What a listing's visits share. */
struct listing {
    struct log_table *table;
    struct buffer out;
    struct error *error;
    size_t count;
    size_t in_doubt; /* what may have changed something, and nothing was settled of */
    bool failed;     /* `error` says why */
};

static bool fail_for_memory(struct listing *listing)
{
    listing->failed = true;
    return error_set(listing->error, ERROR_MEMORY, "not enough memory for the listing: ask for fewer with --limit");
}

static bool visit_row(void *context, const struct record *record)
{
    struct listing *listing = context;
    bool only_looks = slice_equal_text(record->method, "GET") || slice_equal_text(record->method, "HEAD");
    listing->count++;
    listing->in_doubt += record->outcome == RECORD_UNKNOWN && record->id > 0 && !record->is_settled && !only_looks;
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

static bool list_rows(struct log_run *run, const struct capture_query *query, struct listing *listing)
{
    if (!log_table_create(&listing->table, &run->terminal, run->now_us))
        return fail_for_memory(listing);
    if (!capture_reader_list(run->reader, query, visit_row, listing, listing->error) || listing->failed)
        return false;
    if (listing->count == 0)
        return true;
    log_table_print(&listing->out, listing->table);
    return !listing->out.failed ? log_print(run, buffer_slice(&listing->out), listing->error)
                                : fail_for_memory(listing);
}

static bool list_json(struct log_run *run, const struct capture_query *query, struct listing *listing)
{
    return capture_reader_list(run->reader, query, visit_json, listing, listing->error) && !listing->failed &&
           flush(listing);
}

static bool list(struct log_run *run, struct error *error)
{
    struct listing listing = { .error = error };
    const struct capture_query query = {
        .filter = log_filter(run),
        .limit = run->options->limit > 0 ? run->options->limit : LIST_LIMIT,
        .oldest_first = true,
        /* What is in doubt is shown with what it ordered. */
        .with_views = run->options->filter.outcomes == 1u << RECORD_UNKNOWN && !run->options->json,
    };
    buffer_init(&listing.out, LOG_OUTPUT_MAX);
    bool done = run->options->json ? list_json(run, &query, &listing) : list_rows(run, &query, &listing);
    if (done && listing.count == 0)
        log_note(run->options->has_filter ? "no exchange in %s fits" : "no exchange is recorded yet in %s",
                 run->store_path);
    if (done && listing.in_doubt > 0 && run->options->filter.outcomes == 1u << RECORD_UNKNOWN)
        log_note("%zu in doubt: `countersign reconcile` asks what became of %s", listing.in_doubt,
                 listing.in_doubt == 1 ? "it" : "them");
    buffer_free(&listing.out);
    log_table_free(listing.table);
    return done;
}

const struct log_command log_command_list = {
    .word = "ls",
    .synopsis = "[FILTERS] [-n N]",
    .summary = "the latest exchanges, one a line (what `log` alone does)",
    .help =
        "Lists the latest exchanges that fit, the newest at the bottom: 20 of them without --limit.\n"
        "`log show ID` shows one whole. MS is the time from the request's last byte to the reply's.\n"
        "\n"
        "Outcomes: ok; api_error (an answer whose code is not success, whatever the HTTP status); http_error;\n"
        "refused (by countersign); not_sent (no byte left); unknown (bytes left, no whole answer came); in_flight;\n"
        "dry_run (mode dry-run: nothing was sent). With --outcome unknown, what was ordered stands behind the target;\n"
        "`countersign reconcile` asks what became of it. `own signature wrong` behind it: of a client that signs by "
        "itself.",
    .takes = LOG_TAKES_FILTER | LOG_TAKES_LIMIT | LOG_TAKES_JSON | LOG_TAKES_PAGER,
    .what_words = "`log ls` takes options alone",
    .run = list,
};
