/* `countersign log prune` and `log migrate`: changes to the store as a whole. One thread. */
#include "log_command.h"
#include "progress.h"

#include "countersign/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUESTION_MAX = 512 };

/* A store that is not there is not made. */
static bool check_is_there(const struct log_run *run, struct error *error)
{
    struct capture_reader *reader;
    if (!capture_reader_open(&reader, run->store_path, error))
        return false;
    capture_reader_close(reader);
    return true;
}

/* --- prune --- */

static void describe(char *text, size_t size, const struct log_options *options, uint64_t exchanges)
{
    const char *imported = options->filter.imported ? "all imported exchanges" : "";
    const char *size_too = options->keep.bytes > 0 ? ", and more where the file is still too large" : "";
    if (!capture_keep_has_bound(options->keep))
        (void)snprintf(text, size, "%s", imported); /* sized for it, as below */
    else
        (void)snprintf(text, size, "%" PRIu64 " of the oldest exchanges%s%s%s", exchanges, size_too,
                       imported[0] != '\0' ? ", and " : "", imported);
}

/* Whether to go on: asked on a terminal, and elsewhere only where --yes says so. */
static bool is_wanted(bool *wanted, const struct log_options *options, const char *what, struct error *error)
{
    char question[QUESTION_MAX];
    *wanted = options->yes;
    if (options->yes)
        return true;
    if (!log_can_ask())
        return error_set(error, ERROR_USAGE, "this would delete %s: give --yes where nobody can be asked", what);
    (void)snprintf(question, sizeof(question), "Delete %s? Type yes:", what); /* fits */
    *wanted = log_ask(question, "yes");
    if (!*wanted)
        log_note("nothing was deleted");
    return true;
}

/* Its reader sees a failure, here and below. */
static void tell_pruned(const struct log_run *run, const struct capture_pruned *pruned)
{
    if (run->options->json)
        (void)printf("{\"deleted\":%" PRIu64 ",\"bytesFreed\":%" PRId64 "}\n", pruned->exchanges, pruned->bytes_freed);
    else
        (void)printf("deleted %" PRIu64 " exchanges; the file is %" PRId64 " KiB smaller\n", pruned->exchanges,
                     pruned->bytes_freed / 1024);
}

static void tell_plan(const struct log_run *run, uint64_t exchanges, const char *what)
{
    if (run->options->json) /* how many the bound of size takes is not known before */
        (void)printf("{\"wouldDelete\":%" PRIu64 ",\"andMore\":%s}\n", exchanges,
                     run->options->keep.bytes > 0 ? "true" : "false");
    else
        (void)printf("would delete %s\n", what);
}

static bool do_prune(struct log_run *run, struct capture_store *store, struct error *error)
{
    struct capture_pruned pruned;
    struct progress progress;
    progress_begin(&progress, "pruning");
    bool done = capture_store_prune(&pruned, store, run->options->keep, run->options->filter.imported, run->now_us,
                                    (struct capture_progress){ .tell = progress_tell, .context = &progress }, error);
    progress_end(&progress);
    if (done)
        tell_pruned(run, &pruned);
    return done;
}

static bool prune_open(struct log_run *run, struct capture_store *store, struct error *error)
{
    char what[QUESTION_MAX / 2];
    uint64_t exchanges = 0, imported = 0;
    bool wanted;
    if (!capture_store_prune_preview(&exchanges, store, run->options->keep, run->now_us, error) ||
        (run->options->filter.imported && !capture_store_count_imported(&imported, store, error)))
        return false;
    if (exchanges == 0 && run->options->keep.bytes == 0 && !run->options->filter.imported) {
        log_note("nothing to delete: all of it is within the bounds");
        if (run->options->json && run->options->dry_run)
            tell_plan(run, 0, "nothing");
        else if (run->options->json)
            tell_pruned(run, &(struct capture_pruned){ .exchanges = 0 });
        return true;
    }
    describe(what, sizeof(what), run->options, exchanges);
    if (run->options->dry_run) {
        tell_plan(run, exchanges + imported, what);
        return true;
    }
    return is_wanted(&wanted, run->options, what, error) && (!wanted || do_prune(run, store, error));
}

static bool prune(struct log_run *run, struct error *error)
{
    struct capture_store *store = NULL;
    struct progress progress;
    if (!capture_keep_has_bound(run->options->keep) && !run->options->filter.imported)
        return error_set(
            error, ERROR_USAGE,
            "what is to stay? Give --keep-days, --keep-mib or --keep-count, or --imported to delete what was "
            "imported");
    progress_begin(&progress, "opening");
    bool done = check_is_there(run, error) && log_store_open(&store, run, &progress, error);
    progress_end(&progress);
    done = done && prune_open(run, store, error);
    capture_store_close(store);
    return done;
}

const struct log_command log_command_prune = {
    .word = "prune",
    .synopsis = "--keep-days N | --keep-mib N | --keep-count N | --imported",
    .summary = "deletes old exchanges, gives their space back",
    .help =
        "Deletes the oldest exchanges until all bounds hold, and gives the space back to the disk. It asks first, on "
        "a\n"
        "terminal. A running proxy goes on meanwhile; what is in flight stays. The proxy keeps to bounds by itself:\n"
        "capture.keep_days, keep_mib and keep_count.",
    .takes = LOG_TAKES_KEEP | LOG_TAKES_JSON,
    .what_words = "`log prune` takes options alone",
    .opens_itself = true,
    .run = prune,
};

/* --- migrate --- */

static bool tell_migrated(const struct log_run *run, bool is_carried_over, struct error *error)
{
    struct buffer out;
    buffer_init(&out, LOG_OUTPUT_MAX);
    if (run->options->json) {
        buffer_append_text(&out, "{\"store\":");
        (void)json_append_string(&out, slice_text(run->store_path)); /* the buffer remembers a failure */
        buffer_append_format(&out, ",\"carriedOver\":%s}\n", is_carried_over ? "true" : "false");
    } else {
        buffer_append_format(&out, "%s is carried over\n", run->store_path);
    }
    bool done = out.failed ? error_set(error, ERROR_MEMORY, "out of memory")
                           : terminal_write(STDOUT_FILENO, buffer_slice(&out), error);
    buffer_free(&out);
    return done;
}

static bool migrate(struct log_run *run, struct error *error)
{
    struct capture_store *store = NULL;
    struct capture_reader *reader = NULL;
    struct progress progress;
    if (capture_reader_open(&reader, run->store_path, error)) {
        capture_reader_close(reader);
        if (run->options->json)
            return tell_migrated(run, false, error);
        log_note("%s is of this version already", run->store_path);
        return true;
    }
    if (access(run->store_path, F_OK) != 0)
        return false; /* there is none, as the error says */
    progress_begin(&progress, "carrying over");
    bool done = log_store_open(&store, run, &progress, error);
    progress_end(&progress);
    capture_store_close(store);
    return done && tell_migrated(run, true, error);
}

const struct log_command log_command_migrate = {
    .word = "migrate",
    .synopsis = "",
    .summary = "carries a record of an older version over (serve does it, too)",
    .help = "Carries a record that an older version wrote over into today's form. `countersign serve` does the same "
            "when it\n"
            "starts. The old file stays as it was until the new one is whole; there must be room for both.",
    .takes = LOG_TAKES_JSON,
    .what_words = "`log migrate` takes options alone",
    .opens_itself = true,
    .run = migrate,
};
