/* `countersign log`: what its files share. Private to these. One thread. */
#ifndef COUNTERSIGN_CLI_LOG_COMMAND_H
#define COUNTERSIGN_CLI_LOG_COMMAND_H

#include "common.h"
#include "terminal.h"

#include "countersign/capture_reader.h"
#include "countersign/capture_store.h"

enum {
    LOG_LIMIT_MAX = 100000,     /* exchanges in one listing: all of them are held to align the columns */
    LOG_OUTPUT_MAX = 512 << 20, /* bytes of what is printed at once */
    LOG_FLUSH = 65536,          /* bytes after which a listing that streams is written */
    LOG_METHOD_MAX = 32,        /* characters, as http_method_is_valid has it */
    LOG_PROBLEM_MAX = 512       /* bytes of what is wrong with an option's value */
};

struct log_options {
    struct capture_filter filter;
    char method[LOG_METHOD_MAX]; /* what filter.method points to */
    bool has_filter;             /* one of its options was given */
    struct slice grep;           /* bytes that a body must hold; empty: any */
    size_t limit;                /* 0: the command's own */
    bool json;
    bool raw;
    bool help;
    bool follow;
    bool all;
    bool share;
    bool force;
    bool arm;
    bool yes;
    bool dry_run;
    bool no_pager;
    const char *view;   /* as given: which words it takes is the command's to say */
    const char *format; /* likewise */
    const char *output; /* a file's name */
    const char *to;     /* an address */
    const char *by;     /* a listener's name */
    bool again;
    struct capture_keep keep;
    enum terminal_color_choice color;
    const char *store;        /* NULL: the configuration's */
    const char *const *words; /* what is no option */
    size_t word_count;
    int64_t now_us; /* wall clock, when the command began */
    char problem[LOG_PROBLEM_MAX];
    struct cli_config_options config;
};

/* One run, options read and, where the command asks for it, the store open. */
struct log_run {
    const struct log_options *options;
    struct capture_reader *reader; /* NULL where the command opens it itself */
    const char *store_path;
    struct terminal terminal; /* standard output */
    int64_t now_us;           /* wall clock */
    int exit_code;            /* what to end with where the command does not fail: 0, or 1 for a difference */
};

/* Which options a command takes. */
enum {
    LOG_TAKES_FILTER = 1 << 0,
    LOG_TAKES_LIMIT = 1 << 1,
    LOG_TAKES_JSON = 1 << 2,
    LOG_TAKES_VIEW = 1 << 3,
    LOG_TAKES_RAW = 1 << 4,
    LOG_TAKES_FOLLOW = 1 << 5,
    LOG_TAKES_ALL = 1 << 6,
    LOG_TAKES_EXPORT = 1 << 7, /* --format, --output, --share, --force, --to */
    LOG_TAKES_FORMAT = 1 << 8,
    LOG_TAKES_KEEP = 1 << 9,    /* --keep-*, --imported, --yes, --dry-run */
    LOG_TAKES_REPLAY = 1 << 10, /* --to, --arm */
    LOG_TAKES_PAGER = 1 << 11,
    LOG_TAKES_VIEWS = 1 << 12,        /* --view with two of them */
    LOG_TAKES_RECONCILE = 1 << 13,    /* --listener as the one to ask, --again */
    LOG_TAKES_NOT_RECONCILE = 1 << 14 /* an option's: reconcile has another one of this name */
};

struct log_command {
    const char *word;
    const char *synopsis; /* behind the word */
    const char *summary;  /* one line */
    const char *help;     /* what it does; the options' help follows, generated */
    unsigned takes;
    size_t words_min;
    size_t words_max;
    const char *what_words; /* for the usage error: "which exchange? Give its id, or `last`" */
    bool opens_itself;      /* the store need not be there, or is not read */
    bool is_top_level;      /* `countersign WORD` and not `countersign log WORD` */
    bool (*run)(struct log_run *run, struct error *error);
};

/* The subcommands; each writes to standard output. One row each in log.c. */
extern const struct log_command log_command_list, log_command_show, log_command_tail, log_command_diff,
    log_command_export, log_command_import, log_command_replay, log_command_prune, log_command_migrate,
    log_command_stats, log_command_sql, log_command_why;

/* Runs a command that is no subcommand of `countersign log`: argv[0] is its word. Returns the exit code. */
int log_run_command(const struct log_command *command, int argc, char **argv);

/* --- options (log_options.c) --- */

/* Reads the command's options. Returns 0, or the exit code after having printed what is wrong. */
int log_options_read(struct log_options *options, const struct log_command *command, int argc, char **argv);

/* Prints the command's help to standard output. */
void log_help(const struct log_command *command);

/* The words of an option's value for a filter (log_filter.c): NULL, or what is wrong. */
const char *log_filter_take(struct log_options *options, const char *name, const char *value);

/* The filter with its --grep, for a query; `run` must outlive it. */
struct capture_filter log_filter(const struct log_run *run);

/* How the command's errors begin: "log show". */
const char *log_command_name(const struct log_command *command);

/* --- ids (log_id.c) --- */

/* The outcome that a word was probably meant to be, NULL where none is near. For messages. */
const char *log_outcome_near(struct slice word);

/* "17", "i3", "last", "last~3", "last:api_error", "last:1401", "last:unknown~2"; the filter's options hold for the last
 * forms, too. What is none of these, and an id that is not there, is ERROR_INPUT. */
MUST_CHECK bool log_id_resolve(int64_t *id, struct log_run *run, const char *word, struct error *error);

/* Whether it has the form of one; looks at nothing. */
bool log_id_is_one(const char *word);

/* --- the store, for what changes it (log_store.c) --- */

struct progress;

/* The folder of the proxy that records into the store; the caller frees it. NULL and ERROR_USAGE where the file has another
 * name than a proxy's record: a copy, or one that was set aside. */
char *log_store_folder(const struct log_run *run, struct error *error);

/* Opens it, and makes it where there is none; `progress` is told how far a migration is. What a person can put right is
 * ERROR_INPUT. */
MUST_CHECK bool log_store_open(struct capture_store **store, const struct log_run *run, struct progress *progress,
                               struct error *error);

/* --- files of exchanges (log_import.c) --- */

struct import;

/* Reads the file (`-`: standard input) in the format of --format, or the one that its first bytes tell. NULL on failure.
 * The caller frees it with import_free. */
struct import *log_import_read(const struct log_run *run, const char *name, struct progress *progress,
                               struct error *error);

/* --- output --- */

/* A remark on standard error, so that standard output holds the answer alone. */
void log_note(const char *format, ...) PRINTF_LIKE(1, 2);

/* Prints the whole answer: through the pager where it is longer than the terminal is high. */
MUST_CHECK bool log_print(const struct log_run *run, struct slice text, struct error *error);

/* A question on the terminal; true only for a clear yes. Where standard input or error is none, false. */
bool log_can_ask(void);
bool log_ask(const char *question, const char *yes);

/* A word as in "upstream-request" for --view; a request's side alone ("client", "upstream") is read too. */
const char *log_view_word(enum record_view view);
MUST_CHECK bool log_view_parse(enum record_view *view, const char *word);

/* The exchange's colour in a listing. */
enum terminal_style log_outcome_style(enum record_outcome outcome);
enum terminal_style log_record_style(const struct record *record);

/* Whether it is a file's request without an answer. Its outcome is `unknown`, which of an exchange that went through the
 * proxy is an alarm, and of this one says nothing: people are told LOG_WITHOUT_ANSWER. */
bool log_is_without_answer(const struct record *record);
#define LOG_WITHOUT_ANSWER "no answer in the file"

/* The moment in local time, with the date where it is not `now_us`'s: "16:53:14.290", "2026-02-09 16:53:14.290"; with
 * `shorten` the latter is "2026-02-09 16:53". */
void log_append_local_time(struct buffer *out, int64_t wall_us, int64_t now_us, bool shorten);

/* The rows of a listing. Columns are as wide as their widest cell; on a terminal the target gives way. */
struct log_table;

MUST_CHECK bool log_table_create(struct log_table **table, const struct terminal *terminal, int64_t now_us);
void log_table_free(struct log_table *table);
MUST_CHECK bool log_table_add(struct log_table *table, const struct record *record); /* false: out of memory */
void log_table_print(struct buffer *out, const struct log_table *table);

/* For rows that come one after the other: only those added since the last call are printed; the header the first time. On a
 * terminal the columns keep the widths that they had then, and what is longer is cut. */
void log_table_print_more(struct buffer *out, struct log_table *table);

/* The record as one JSON object without a newline: every fact, numbers exact, facts that are not known null. */
void log_append_json(struct buffer *out, const struct record *record, bool with_views);

/* What happened in a sentence, and the facts of the record as lines "label  value". */
void log_append_facts(struct buffer *out, const struct terminal *terminal, const struct record *record, int64_t now_us);

/* One view: title, head, body; parts that an earlier view of the record has too are said to be the same. */
void log_append_view(struct buffer *out, const struct terminal *terminal, const struct record *record,
                     enum record_view view, bool compare);

/* The body as it was before its content coding; `decoded` holds it where it was coded. */
struct slice log_decoded_body(struct buffer *decoded, const struct record_message *message);

#endif
