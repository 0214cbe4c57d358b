/* `countersign log why`: hands the exchanges to the search for what sets failures apart, and prints what it finds. One
 * thread. */
#include "log_why.h"

#include "log_command.h"
#include "progress.h"

#include <stdlib.h>
#include <unistd.h>

enum { WHY_LIMIT = 10000 };
_Static_assert((int)LOG_LIMIT_MAX <= (int)WHY_EXCHANGES_MAX, "all that may be asked for");

struct looking {
    struct why *why;
    struct progress *progress;
    size_t count;
    size_t total; /* at most so many; 0: not known */
    struct error *error;
    bool failed; /* `error` says why */
};

static bool look(void *context, const struct record *record)
{
    struct looking *looking = context;
    looking->failed = !why_add(looking->why, record, looking->error);
    progress_tell(looking->progress, ++looking->count, looking->total);
    return !looking->failed;
}

/* Code, outcome and status choose among the failures: what went well must stay, to be compared with. */
static struct why_failures take_failures(struct capture_filter *filter)
{
    const struct why_failures failures = {
        .code = filter->code,
        .outcomes = filter->outcomes,
        .status_from = filter->status_from,
        .status_to = filter->status_to,
    };
    filter->code = slice_of(NULL, 0);
    filter->outcomes = 0;
    filter->status_from = filter->status_to = 0;
    return failures;
}

/* At most the limit, and no more than there are ids. */
static bool find_total(size_t *total, const struct log_run *run, const struct capture_query *query, struct error *error)
{
    int64_t last_id;
    *total = 0;
    if (query->filter.imported)
        return true;
    if (!capture_reader_last_id(&last_id, run->reader, error))
        return false;
    *total = (uint64_t)last_id < query->limit ? (size_t)last_id : query->limit;
    return true;
}

static bool look_at_all(struct why *why, const struct log_run *run, const struct capture_filter *filter,
                        struct error *error)
{
    struct progress progress;
    const struct capture_query query = {
        .filter = *filter,
        .limit = run->options->limit > 0 ? run->options->limit : WHY_LIMIT,
        .with_views = true,
    };
    struct looking looking = { .why = why, .progress = &progress, .error = error };
    progress_begin(&progress, "comparing");
    bool done = find_total(&looking.total, run, &query, error) &&
                capture_reader_list(run->reader, &query, look, &looking, error) && !looking.failed;
    progress_end(&progress);
    return done;
}

static bool print(const struct log_run *run, const struct why_report *report, struct error *error)
{
    struct buffer out;
    bool done;
    buffer_init(&out, LOG_OUTPUT_MAX);
    if (run->options->json)
        log_append_why_json(&out, report);
    else
        log_append_why(&out, &run->terminal, report, run->options);
    if (out.failed)
        done = error_set(error, ERROR_MEMORY, "not enough memory for the answer");
    else
        done = run->options->json ? terminal_write(STDOUT_FILENO, buffer_slice(&out), error)
                                  : log_print(run, buffer_slice(&out), error);
    buffer_free(&out);
    return done;
}

static bool run_why(struct log_run *run, struct error *error)
{
    struct capture_filter filter = log_filter(run);
    const struct why_failures failures = take_failures(&filter);
    struct why *why = NULL;
    struct why_report *report = NULL;
    bool done = why_create(&why, &failures, error) && look_at_all(why, run, &filter, error) &&
                why_conclude(&report, why, error);
    if (done && report->exchanges == 0)
        log_note(run->options->has_filter ? "no exchange in %s fits" : "no exchange is recorded yet in %s",
                 run->store_path);
    done = done && print(run, report, error);
    if (done && why_report_tells(report))
        run->exit_code = 1;
    free(report);
    why_free(why);
    return done;
}

const struct log_command log_command_why = {
    .word = "why",
    .synopsis = "[FILTERS] [-n N]",
    .summary = "what sets the exchanges that failed apart from those that went well",
    .help =
        "Looks at the latest exchanges that fit, 10000 of them without --limit, and says what the failures have that "
        "the\n"
        "successes have not: the way out (IP family, addresses, egress), the endpoint, how the body is written, its\n"
        "timestamp, the order's type, clocks and the age of the signature, header fields, the connection, the "
        "account.\n"
        "Each code is explained by itself, beside the successes that can be compared with it. --code, --outcome and\n"
        "--status choose the failures; the other filters choose among all exchanges.\n"
        "\n"
        "  why --since 1h                         all that failed in the last hour\n"
        "  why --code 1401 --path '/api/trade/*'  what 1401 on these endpoints has to do with\n"
        "\n"
        "A fact is told where chance alone would show it in fewer than one in 1000 searches (Fisher's exact test, for "
        "as\n"
        "many facts as were tried; as to time, exchanges of one moment count once). What always comes together is\n"
        "told together: such exchanges cannot tell it apart.\n"
        "Each names a failure and a success that differ in it and in little else, for `log diff`.\n"
        "\n"
        "Ends with 1 where a fact was found, 0 where there is nothing to tell, 2 or 3 on trouble.",
    .takes = LOG_TAKES_FILTER | LOG_TAKES_LIMIT | LOG_TAKES_JSON | LOG_TAKES_PAGER,
    .what_words = "`log why` takes options alone",
    .run = run_why,
};
