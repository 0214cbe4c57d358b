/* `countersign log import FILE`: exchanges made elsewhere, put beside the recorded ones. One thread. */
#include "log_command.h"
#include "progress.h"

#include "countersign/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MAX = 512 << 20, /* bytes: the file, what is read of it and a HAR's bodies are in memory together */
    READ_STEP = 1 << 20,
    TARGET_COLUMNS_MIN = 20
};

/* --- the file --- */

/* What cannot be opened or read is for a person to put right. */
static bool unreadable(const char *name, struct error *error)
{
    (void)error_system(error, errno, "%s", name);
    error->kind = ERROR_INPUT;
    return false;
}

static uint64_t size_of(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 ? (uint64_t)status.st_size : 0;
}

static bool read_all(struct buffer *bytes, int fd, const char *name, struct progress *progress, struct error *error)
{
    uint64_t total = size_of(fd);
    for (;;) {
        char *place = buffer_reserve(bytes, READ_STEP);
        if (place == NULL)
            return error_set(error, ERROR_INPUT, "%s: larger than %d MiB, or than the memory: split it", name,
                             FILE_MAX >> 20);
        ssize_t count = read(fd, place, READ_STEP);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return unreadable(name, error);
        if (count == 0)
            return true;
        buffer_commit(bytes, (size_t)count);
        progress_tell(progress, bytes->length, total);
    }
}

static bool read_file(struct buffer *bytes, const char *name, struct progress *progress, struct error *error)
{
    bool is_input = strcmp(name, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return unreadable(name, error);
    bool done = read_all(bytes, fd, is_input ? "standard input" : name, progress, error);
    if (!is_input)
        (void)close(fd); /* only read from: nothing can be lost */
    return done;
}

/* --- what is said of it --- */

static void append_line(struct buffer *out, const struct log_run *run, const struct record *record)
{
    char id[RECORD_ID_TEXT_MAX];
    struct buffer end;
    buffer_init(&end, LOG_OUTPUT_MAX);
    (void)record_id_text(id, record->id);
    buffer_append_format(&end, "  %s",
                         log_is_without_answer(record) ? LOG_WITHOUT_ANSWER : record_outcome_name(record->outcome));
    if (record->api_code.length > 0) {
        buffer_append_byte(&end, ' ');
        terminal_append_escaped(&end, record->api_code, TERMINAL_ONE_LINE);
    }
    buffer_append_format(&end, "  countersign log diff %s last", id);
    buffer_append_format(out, "%-5s ", id);
    size_t begin = out->length;
    terminal_append_escaped(out, record->method, TERMINAL_ONE_LINE);
    buffer_append_byte(out, ' ');
    size_t taken = 6 + (out->length - begin) + end.length;
    struct buffer target;
    buffer_init(&target, LOG_OUTPUT_MAX);
    terminal_append_escaped(&target, record->target, TERMINAL_ONE_LINE);
    if (run->terminal.width > taken + TARGET_COLUMNS_MIN)
        terminal_append_fitted(out, buffer_slice(&target), run->terminal.width - taken);
    else
        buffer_append_slice(out, buffer_slice(&target));
    buffer_append_slice(out, buffer_slice(&end));
    buffer_append_byte(out, '\n');
    out->failed = out->failed || target.failed || end.failed;
    buffer_free(&target);
    buffer_free(&end);
}

static bool print(struct log_run *run, const struct import *import, int64_t first, struct error *error)
{
    struct buffer out;
    buffer_init(&out, LOG_OUTPUT_MAX);
    for (size_t i = 0; i < import->count; i++) {
        struct record record = import->records[i];
        record.id = first - (int64_t)i;
        if (run->options->json) {
            log_append_json(&out, &record, false);
            buffer_append_byte(&out, '\n');
        } else {
            append_line(&out, run, &record);
        }
    }
    if (import->left_out > 0)
        log_note("left out: %zu of %zu entries; %s", import->left_out, import->left_out + import->count,
                 import->reason);
    bool done = out.failed ? error_set(error, ERROR_MEMORY, "out of memory")
                           : terminal_write(STDOUT_FILENO, buffer_slice(&out), error);
    buffer_free(&out);
    return done;
}

/* --- from the one to the other --- */

static bool put_into_store(struct log_run *run, const struct import *import, struct progress *progress, int64_t *first,
                           struct error *error)
{
    struct capture_store *store = NULL;
    bool done = log_store_open(&store, run, progress, error);
    progress_next(progress, "storing");
    done = done && capture_store_import(first, store, import->records, import->count,
                                        (struct capture_progress){ .tell = progress_tell, .context = progress }, error);
    capture_store_close(store);
    return done;
}

struct import *log_import_read(const struct log_run *run, const char *name, struct progress *progress,
                               struct error *error)
{
    enum import_format format = IMPORT_GUESS;
    const struct import_progress tell = { .tell = progress_tell, .context = progress };
    struct import *import = NULL;
    struct buffer bytes;
    if (run->options->format != NULL && !import_format_parse(&format, slice_text(run->options->format))) {
        (void)error_set(error, ERROR_USAGE, "--format takes har, http or curl, not `%s`", run->options->format);
        return NULL;
    }
    buffer_init(&bytes, FILE_MAX);
    bool is_read = read_file(&bytes, name, progress, error);
    progress_next(progress, "taking exchanges out");
    if (is_read && !import_read(&import, buffer_slice(&bytes), format, &tell, error)) {
        if (error->kind == ERROR_LIMIT) /* too much for one file: for a person to put right */
            error->kind = ERROR_INPUT;
        (void)error_prefix(error, "%s", strcmp(name, "-") == 0 ? "standard input" : name);
    }
    buffer_free(&bytes);
    return import;
}

static bool run_import(struct log_run *run, struct error *error)
{
    struct progress progress;
    int64_t first = 0;
    progress_begin(&progress, "reading");
    struct import *import = log_import_read(run, run->options->words[0], &progress, error);
    bool done = import != NULL && put_into_store(run, import, &progress, &first, error);
    progress_end(&progress);
    done = done && print(run, import, first, error);
    import_free(import);
    return done;
}

const struct log_command log_command_import = {
    .word = "import",
    .synopsis = "[--format har|http|curl] FILE|-",
    .summary = "exchanges made elsewhere: HAR, .http, curl commands",
    .help =
        "Puts exchanges that were made elsewhere beside the recorded ones, so that a working example can be compared:\n"
        "`countersign log diff i1 last`. They get ids i1, i2, ... of their own and stay until `log prune --imported`.\n"
        "\n"
        "  HAR    of a browser (\"Save all as HAR\"), a proxy, or `log export --format har`\n"
        "  http   raw HTTP messages, the answer behind its request; what editors send; `log export --format http`\n"
        "  curl   commands as browsers copy them (\"Copy as cURL\", for bash) and documentation shows them\n"
        "\n"
        "API keys, passwords and cookies are masked before anything is written down. What only a shell, an editor or\n"
        "another file knows ($VARIABLES, {{variables}}, @files) is not guessed: the file is refused, with the place.\n"
        "Of curl's own fields its version and its encodings (--compressed) are not known: User-Agent is `curl`.",
    .takes = LOG_TAKES_FORMAT | LOG_TAKES_JSON,
    .words_min = 1,
    .words_max = 1,
    .what_words = "which file? Give its name, or - for standard input",
    .opens_itself = true,
    .run = run_import,
};
