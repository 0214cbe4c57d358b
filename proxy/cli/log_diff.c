/* `countersign log diff`: finds the two sides (exchanges of the store, views of one, a file), compares and prints. One
 * thread. */
#include "log_diff.h"

#include "log_command.h"
#include "log_source.h"

#include <stdio.h>
#include <string.h>

static void close_sources(struct log_source sources[2])
{
    for (size_t side = 0; side < 2; side++)
        log_source_close(&sources[side]);
}

static bool parse_view(enum record_view *view, struct slice word)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARGUMENTS(word)); /* what is cut is no view's name */
    return log_view_parse(view, text);
}

/* Sets the sides' views from --view; without it both stay whole. */
static bool choose_views(struct diff_side sides[2], const struct log_options *options, struct error *error)
{
    struct slice words = slice_text(options->view), first;
    size_t expected = options->word_count == 1 ? 2 : 1;
    if (options->view == NULL)
        return true;
    (void)slice_next_part(&words, ',', &first); /* there is always a first part */
    bool has_second = words.data != NULL;
    if (!parse_view(&sides[0].view, first) || !parse_view(&sides[1].view, has_second ? words : first))
        return error_set(error, ERROR_USAGE,
                         "--view takes client, upstream, client-request, upstream-request, upstream-response or "
                         "client-response, not `%s`",
                         options->view);
    if (expected == 2 && !has_second)
        return error_set(error, ERROR_USAGE, "one exchange is compared by two views, as in --view client,upstream");
    sides[0].has_view = sides[1].has_view = true;
    return true;
}

/* A view that was asked for and is empty is trouble, not a difference. */
static bool check_views(const struct diff_side sides[2], const struct log_source sources[2], struct error *error)
{
    for (size_t side = 0; side < 2; side++) {
        const struct record_message *message = &sides[side].record->views[sides[side].view];
        if (sides[side].has_view && message->head.length == 0 && message->body.length == 0)
            return error_set(error, ERROR_INPUT, "%s has no %s", sources[side].name,
                             record_view_name(sides[side].view));
    }
    return true;
}

static bool print(struct log_run *run, const struct diff *diff, const struct log_source sources[2], struct error *error)
{
    const struct log_diff_options options = {
        .all = run->options->all,
        .names = { slice_text(sources[0].name), slice_text(sources[1].name) },
        .now_us = run->now_us,
    };
    struct buffer out;
    buffer_init(&out, LOG_OUTPUT_MAX);
    if (run->options->json)
        log_append_diff_json(&out, diff, &options);
    else
        log_append_diff(&out, &run->terminal, diff, &options);
    bool done = out.failed ? error_set(error, ERROR_MEMORY, "out of memory while printing a difference")
                           : log_print(run, buffer_slice(&out), error);
    buffer_free(&out);
    return done;
}

static bool compare(struct log_run *run, struct log_source sources[2], struct error *error)
{
    struct diff_side sides[2] = { { .record = &sources[0].record }, { .record = &sources[1].record } };
    struct diff *diff = NULL;
    if (!choose_views(sides, run->options, error) || !check_views(sides, sources, error) ||
        !diff_create(&diff, sides, error))
        return false;
    run->exit_code = diff_is_alike(diff) ? 0 : 1;
    bool done = print(run, diff, sources, error);
    diff_free(diff);
    return done;
}

bool log_diff_exchanges(struct log_run *run, const int64_t ids[2], struct error *error)
{
    struct log_source sources[2];
    memset(sources, 0, sizeof(sources));
    bool done = log_source_exchange(&sources[0], run, ids[0], error) &&
                log_source_exchange(&sources[1], run, ids[1], error) && compare(run, sources, error);
    close_sources(sources);
    return done;
}

static bool run_diff(struct log_run *run, struct error *error)
{
    const struct log_options *options = run->options;
    struct log_source sources[2];
    if (options->word_count == 1 && options->view == NULL)
        return error_set(error, ERROR_USAGE,
                         "with what? Give a second exchange, a file, or two views: --view client,upstream");
    memset(sources, 0, sizeof(sources));
    bool done = log_source_load(&sources[0], run, options->words[0], error) &&
                log_source_load(&sources[1], run, options->words[options->word_count - 1], error) &&
                compare(run, sources, error);
    close_sources(sources);
    return done;
}

const struct log_command log_command_diff = {
    .word = "diff",
    .synopsis = "[OPTIONS] A B | ID --view VIEW,VIEW",
    .summary = "two exchanges, two views of one, or one and a file",
    .help =
        "Says how A and B differ: the requests as they left for the exchange, what was signed, the answers, the\n"
        "network. A and B are ids (17, i3, last, last~3, last:1401), or files: HAR, .http, curl commands (FILE#2: the\n"
        "second exchange in it). JSON is compared by value, with numbers as written; bytes by the first that differs.\n"
        "What must differ (times, ids, the signature) is summed up; --all lists it.\n"
        "\n"
        "  diff 17 18                             two exchanges\n"
        "  diff last --view client,upstream       what the client sent, and what left for the exchange\n"
        "  diff last --view upstream-response,client-response\n"
        "  diff last:1401 working.har             with an example made elsewhere\n"
        "\n"
        "Ends with 0 where they are alike, 1 where they differ, 2 or 3 on trouble. Another order or case of the "
        "request's\n"
        "header fields, white space, key order and number forms of its body count as different: a signature covers\n"
        "bytes. In answers they do not. Timings, and addresses but the one that a request came from, never do.\n"
        "Masked values are compared as far as they are shown.",
    .takes = LOG_TAKES_FILTER | LOG_TAKES_VIEWS | LOG_TAKES_FORMAT | LOG_TAKES_ALL | LOG_TAKES_JSON | LOG_TAKES_PAGER,
    .words_min = 1,
    .words_max = 2,
    .what_words = "which exchanges? Give two ids, or one with --view client,upstream",
    .run = run_diff,
};
