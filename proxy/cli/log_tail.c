/* `countersign log tail`: the latest exchanges, and with -f what comes, each once it has ended. One thread. */
#include "log_follow.h"

#include <unistd.h>

enum { TAIL_LIMIT = 10 };

struct tail {
    struct log_run *run;
    struct log_table *table;
    struct buffer out;
};

static bool out_of_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "not enough memory for the listing: ask for fewer with --limit");
}

static bool add(void *context, const struct record *record)
{
    struct tail *tail = context;
    if (!tail->run->options->json)
        return log_table_add(tail->table, record);
    log_append_json(&tail->out, record, false);
    return buffer_append_byte(&tail->out, '\n');
}

static bool flush(void *context, struct error *error)
{
    struct tail *tail = context;
    if (!tail->run->options->json)
        log_table_print_more(&tail->out, tail->table);
    if (tail->out.failed)
        return out_of_memory(error);
    bool done = terminal_write(STDOUT_FILENO, buffer_slice(&tail->out), error);
    buffer_reset(&tail->out);
    return done;
}

struct showing {
    struct tail *tail;
    bool failed;
};

static bool visit(void *context, const struct record *record)
{
    struct showing *showing = context;
    showing->failed = !add(showing->tail, record);
    return !showing->failed;
}

static bool show_latest(struct tail *tail, size_t limit, struct error *error)
{
    struct showing showing = { .tail = tail };
    const struct capture_query query = { .filter = log_filter(tail->run), .limit = limit, .oldest_first = true };
    if (!capture_reader_list(tail->run->reader, &query, visit, &showing, error))
        return false;
    return showing.failed ? out_of_memory(error) : flush(tail, error);
}

static bool open_and_show(struct tail *tail, size_t limit, struct error *error)
{
    return capture_reader_open(&tail->run->reader, tail->run->store_path, error) && show_latest(tail, limit, error);
}

static bool run_tail(struct log_run *run, struct error *error)
{
    struct tail tail = { .run = run };
    size_t limit = run->options->limit > 0 ? run->options->limit : TAIL_LIMIT;
    const struct log_follower follower = { .add = add, .flush = flush, .context = &tail, .limit = limit };
    if (run->options->follow && run->options->filter.imported)
        return error_set(error, ERROR_USAGE,
                         "imported exchanges do not come by themselves: --follow goes without --imported");
    buffer_init(&tail.out, LOG_OUTPUT_MAX);
    bool done = log_table_create(&tail.table, &run->terminal, run->now_us) || out_of_memory(error);
    if (done)
        done = run->options->follow ? log_follow(run, &follower, error) : open_and_show(&tail, limit, error);
    buffer_free(&tail.out);
    log_table_free(tail.table);
    return done;
}

const struct log_command log_command_tail = {
    .word = "tail",
    .synopsis = "[FILTERS] [-n N] [-f]",
    .summary = "the latest exchanges, and with -f those that come",
    .help = "Shows the latest 10 exchanges that fit. With -f it goes on: each exchange is shown once, when it has "
            "ended. It\n"
            "waits for a record that is not there yet, and goes on with a new one.",
    .takes = LOG_TAKES_FILTER | LOG_TAKES_LIMIT | LOG_TAKES_FOLLOW | LOG_TAKES_JSON,
    .what_words = "`log tail` takes options alone",
    .opens_itself = true,
    .run = run_tail,
};
