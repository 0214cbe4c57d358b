/* `countersign reconcile`: what became of orders in doubt. It only looks: each call is a GET of class read, through the
 * running proxy. What was found out is noted beside the exchange; the exchange's own record stays. One thread. */
#include "reconcile.h"
#include "progress.h"

#include "countersign/capture_store.h"
#include "countersign/cli.h"
#include "countersign/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXCHANGES_MAX = 1000, WORDS_MAX = 64, NOTE_MAX = 65536 };

struct reconciling {
    struct log_run *run;
    struct reconcile_asker asker;
    struct reconcile_request *request; /* the one at hand */
    struct reconcile_finding *findings;
    int64_t ids[EXCHANGES_MAX];
    size_t count;
    size_t settled;
    size_t doubtful;
};

/* --- which exchanges --- */

static bool hold_id(void *context, const struct record *record)
{
    struct reconciling *all = context;
    if (!slice_equal_text(record->method, "GET") && !slice_equal_text(record->method, "HEAD"))
        all->ids[all->count++] = record->id;
    return all->count < EXCHANGES_MAX;
}

static bool find_by_filter(struct reconciling *all, struct error *error)
{
    struct capture_query query = {
        .filter = log_filter(all->run),
        .limit = all->run->options->limit > 0 ? all->run->options->limit : EXCHANGES_MAX,
        .oldest_first = true,
    };
    if (query.filter.imported)
        return error_set(error, ERROR_USAGE,
                         "imported exchanges did not go through this proxy: there is nothing to ask");
    if (query.filter.outcomes != 0 && query.filter.outcomes != 1u << RECORD_UNKNOWN)
        return error_set(error, ERROR_USAGE, "only what has the outcome unknown is in doubt: leave --outcome out");
    query.filter.outcomes = 1u << RECORD_UNKNOWN;
    return capture_reader_list(all->run->reader, &query, hold_id, all, error);
}

static bool find_by_words(struct reconciling *all, struct error *error)
{
    const struct log_options *options = all->run->options;
    for (size_t i = 0; i < options->word_count; i++) {
        if (!log_id_resolve(&all->ids[i], all->run, options->words[i], error))
            return false;
    }
    all->count = options->word_count;
    _Static_assert(WORDS_MAX <= EXCHANGES_MAX, "a place for each word");
    return true;
}

/* --- one exchange --- */

static void begin_findings(struct reconciling *all)
{
    memset(all->findings, 0, RECONCILE_ORDERS_MAX * sizeof(*all->findings));
}

static void end_findings(struct reconciling *all)
{
    for (size_t i = 0; i < RECONCILE_ORDERS_MAX; i++)
        buffer_free(&all->findings[i].looked);
}

static bool is_settled(const struct reconciling *all)
{
    for (size_t i = 0; i < all->request->count; i++) {
        if (!all->findings[i].is_settled)
            return false;
    }
    return true;
}

static bool was_asked(const struct reconciling *all)
{
    for (size_t i = 0; i < all->request->count; i++) {
        if (all->findings[i].verdict == RECONCILE_NOT_ASKED)
            return false;
    }
    return true;
}

/* The store is opened for writing for this alone: for as long as an answer is waited for, nobody else has to. */
static bool note(const struct reconciling *all, struct error *error)
{
    struct capture_store *store = NULL;
    struct buffer summary, detail;
    struct progress progress;
    if (!was_asked(all))
        return true;
    progress_begin(&progress, "opening");
    bool is_open = log_store_open(&store, all->run, &progress, error);
    progress_end(&progress);
    if (!is_open)
        return false;
    buffer_init(&summary, NOTE_MAX);
    buffer_init(&detail, NOTE_MAX);
    reconcile_append_summary(&summary, all->request, all->findings);
    reconcile_append_detail(&detail, all->request, all->findings);
    const struct capture_reconciled reconciled = {
        .exchange = all->request->id,
        .at_us = clock_wall_us(),
        .is_settled = is_settled(all),
        .summary = buffer_text(&summary),
        .detail = buffer_text(&detail),
    };
    bool done = capture_store_note_reconciled(store, &reconciled, error);
    buffer_free(&summary);
    buffer_free(&detail);
    capture_store_close(store);
    return done;
}

static bool print(const struct buffer *out, struct error *error)
{
    if (out->failed)
        return error_set(error, ERROR_MEMORY, "not enough memory for what is to be printed");
    return terminal_write(STDOUT_FILENO, buffer_slice(out), error);
}

/* What a remark says of its exchange. */
enum remark { REMARK_NOTHING_TO_ASK, REMARK_SETTLED, REMARK_IN_DOUBT, REMARK_NOT_ASKED };

/* A sentence in the place of an answer; counts the exchange. */
static bool print_remark(struct reconciling *all, enum remark remark, const char *text, struct error *error)
{
    static const enum terminal_style styles[] = {
        [REMARK_NOTHING_TO_ASK] = TERMINAL_DIM,
        [REMARK_SETTLED] = TERMINAL_GREEN,
        [REMARK_IN_DOUBT] = TERMINAL_YELLOW,
        [REMARK_NOT_ASKED] = TERMINAL_RED,
    };
    enum terminal_style style = styles[remark];
    bool is_doubtful = remark == REMARK_IN_DOUBT || remark == REMARK_NOT_ASKED;
    struct buffer out;
    all->settled += remark == REMARK_SETTLED ? 1 : 0;
    all->doubtful += is_doubtful ? 1 : 0;
    buffer_init(&out, LOG_OUTPUT_MAX);
    if (all->run->options->json) {
        reconcile_append_json_remark(&out, all->request, !is_doubtful, text);
    } else {
        reconcile_append_heading(&out, all->run, all->request);
        (void)buffer_append_text(&out, "  "); /* `failed` is checked by print, as below */
        terminal_style_begin(&out, &all->run->terminal, style);
        terminal_append_escaped(&out, slice_text(text), TERMINAL_ONE_LINE);
        terminal_style_end(&out, &all->run->terminal, style);
        (void)buffer_append_byte(&out, '\n');
    }
    bool done = print(&out, error);
    buffer_free(&out);
    return done;
}

static bool ask_and_print(struct reconciling *all, struct error *error)
{
    struct buffer out;
    bool done = true;
    begin_findings(all);
    for (size_t i = 0; done && i < all->request->count; i++)
        done = reconcile_find(&all->findings[i], &all->asker, all->run, all->request, &all->request->orders[i], error);
    buffer_init(&out, LOG_OUTPUT_MAX);
    if (all->run->options->json) {
        reconcile_append_json(&out, all->request, all->findings);
    } else {
        reconcile_append_heading(&out, all->run, all->request);
        reconcile_append_page(&out, all->run, all->request, all->findings);
    }
    done = done && print(&out, error) && note(all, error);
    *(is_settled(all) ? &all->settled : &all->doubtful) += 1;
    buffer_free(&out);
    end_findings(all);
    return done;
}

/* A listener that cannot be asked is this exchange's trouble; others may have another. */
static bool ask_by_listener(struct reconciling *all, struct error *error)
{
    struct error why = { .kind = ERROR_NONE };
    if (reconcile_asker_aim(&all->asker, all->run, all->request, &why))
        return ask_and_print(all, error);
    char text[ERROR_MESSAGE_MAX + 32];
    (void)snprintf(text, sizeof(text), "could not ask: %s", why.message); /* fits */
    return print_remark(all, REMARK_NOT_ASKED, text, error);
}

static bool skip_settled(struct reconciling *all, const struct record *record, struct error *error)
{
    char at[CLOCK_TEXT_MAX];
    struct buffer text;
    buffer_init(&text, LOG_OUTPUT_MAX);
    (void)buffer_append_format(&text, "reconciled at %s: ", clock_format_utc(at, record->reconciled_us));
    (void)buffer_append_slice(&text, record->reconciled_detail);
    (void)buffer_append_text(&text, " (--again asks anew)"); /* cut short it is still one, as above */
    bool done = print_remark(all, REMARK_SETTLED, buffer_text(&text), error);
    buffer_free(&text);
    return done;
}

static bool reconcile_read_one(struct reconciling *all, struct error *error)
{
    switch (all->request->kind) {
    case RECONCILE_PLACES:
    case RECONCILE_CANCELS:
    case RECONCILE_CANCELS_ALL:
        return ask_by_listener(all, error);
    case RECONCILE_LOOKS:
        return all->run->options->word_count == 0 ||
               print_remark(all, REMARK_NOTHING_TO_ASK, "it only looked: nothing is to be found out", error);
    case RECONCILE_UNREADABLE:
        return print_remark(
            all, REMARK_IN_DOUBT,
            "what it ordered cannot be read: see it with `countersign log show`, and look it up by hand", error);
    case RECONCILE_OTHER:
        break;
    }
    return print_remark(all, REMARK_IN_DOUBT,
                        "it is no order that this command knows: look up what it changes (funds, margin, leverage) by "
                        "hand before it is sent again",
                        error);
}

static bool reconcile_one(struct reconciling *all, int64_t id, struct error *error)
{
    struct record record;
    if (!capture_reader_get(&record, all->run->reader, id, error))
        return false;
    reconcile_request_read(all->request, &record);
    if (record.id < 0)
        return print_remark(all, REMARK_NOTHING_TO_ASK, "it was imported, and did not go through this proxy", error);
    if (record.outcome == RECORD_IN_FLIGHT) {
        return print_remark(all, REMARK_IN_DOUBT, "it has not ended yet: ask again", error);
    }
    if (record.outcome != RECORD_UNKNOWN)
        return print_remark(all, REMARK_NOTHING_TO_ASK, "its outcome is known: `countersign log show` has it", error);
    if (record.reconciled.length > 0 && record.is_settled && !all->run->options->again)
        return skip_settled(all, &record, error);
    return reconcile_read_one(all, error);
}

/* --- all of them --- */

static bool reconcile_all(struct reconciling *all, struct error *error)
{
    bool by_words = all->run->options->word_count > 0;
    if (!(by_words ? find_by_words(all, error) : find_by_filter(all, error)))
        return false;
    for (size_t i = 0; i < all->count; i++) {
        if (!reconcile_one(all, all->ids[i], error))
            return false;
    }
    if (all->settled + all->doubtful == 0)
        log_note("nothing is in doubt among what was asked about in %s", all->run->store_path);
    else
        log_note("%zu resolved, %zu in doubt%s", all->settled, all->doubtful,
                 all->count == EXCHANGES_MAX ? " (the latest 1000; --until and --since find others)" : "");
    _Static_assert(EXCHANGES_MAX == 1000, "the message above says so");
    if (all->doubtful > 0)
        all->run->exit_code = 1;
    return true;
}

static bool reconcile(struct log_run *run, struct error *error)
{
    struct reconciling *all = calloc(1, sizeof(*all));
    bool done = all != NULL;
    if (done) {
        all->run = run;
        all->request = calloc(1, sizeof(*all->request));
        all->findings = calloc(RECONCILE_ORDERS_MAX, sizeof(*all->findings));
        done = all->request != NULL && all->findings != NULL;
    }
    if (done) {
        reconcile_asker_init(&all->asker, run->options);
        done = reconcile_all(all, error);
        reconcile_asker_end(&all->asker);
    } else {
        (void)error_set(error, ERROR_MEMORY, "out of memory"); /* false */
    }
    if (all != NULL) {
        free(all->request);
        free(all->findings);
    }
    free(all);
    return done;
}

static const struct log_command command = {
    .word = "reconcile",
    .is_top_level = true,
    .synopsis = "[OPTIONS] [ID...]",
    .summary = "says what became of orders in doubt",
    .help =
        "Says of each recorded order whose outcome is unknown, or of those named, what became of it: placed, not "
        "found,\n"
        "ambiguous, or that it could not ask. It asks the exchange through the running proxy, with GETs that only "
        "look\n"
        "(orderInfo, active, accountMatches; of futures queryHisMatch), and never sends anything that changes "
        "something.\n"
        "An order is looked up by its clOrdId; one without is found by symbol, side, quantity, price and time, where "
        "it\n"
        "can be told from others. Cancels: the order's state now. What was found is noted, and shown by `log ls` and\n"
        "`log show`; what is settled is not asked again without --again. Ends with 0 where all is resolved, 1 where\n"
        "something is left in doubt.",
    .takes = LOG_TAKES_FILTER | LOG_TAKES_LIMIT | LOG_TAKES_JSON | LOG_TAKES_RECONCILE,
    .words_max = WORDS_MAX,
    .what_words = "it takes the ids of at most 64 exchanges",
    .run = reconcile,
};

int cli_reconcile(int argc, char **argv)
{
    return log_run_command(&command, argc, argv);
}
