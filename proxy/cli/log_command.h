/* `countersign log`: what its files share. Private to these. One thread. */
#ifndef COUNTERSIGN_CLI_LOG_COMMAND_H
#define COUNTERSIGN_CLI_LOG_COMMAND_H

#include "common.h"
#include "terminal.h"

#include "countersign/capture_reader.h"

enum {
    LOG_LIMIT_DEFAULT = 20,
    LOG_LIMIT_MAX = 100000,     /* exchanges in one listing: all of them are held to align the columns */
    LOG_OUTPUT_MAX = 512 << 20, /* bytes of what is printed at once */
    LOG_FLUSH = 65536           /* bytes after which a listing that streams is written */
};

struct log_options {
    size_t limit;
    bool json;
    bool raw;
    bool help;
    bool has_view;
    enum record_view view; /* where has_view */
    enum terminal_color_choice color;
    const char *store;        /* NULL: the configuration's */
    const char *const *words; /* what is no option */
    size_t word_count;
    struct cli_config_options config;
};

/* One run, options read and the store open. */
struct log_run {
    const struct log_options *options;
    struct capture_reader *reader;
    const char *store_path;
    struct terminal terminal;
    int64_t now_us; /* wall clock */
};

/* A remark on standard error, so that standard output holds the answer alone. */
void log_note(const char *format, ...) PRINTF_LIKE(1, 2);

/* The two subcommands; each writes to standard output. */
MUST_CHECK bool log_list(const struct log_run *run, struct error *error);
MUST_CHECK bool log_show(const struct log_run *run, struct error *error);

/* A word as in "upstream-request" for --view. */
const char *log_view_word(enum record_view view);
MUST_CHECK bool log_view_parse(enum record_view *view, const char *word);

/* The exchange's colour in a listing. */
enum terminal_style log_outcome_style(enum record_outcome outcome);

/* The moment in local time, with the date where it is not `now_us`'s: "16:53:14.290", "2026-02-09 16:53:14.290"; with
 * `shorten` the latter is "2026-02-09 16:53". */
void log_append_local_time(struct buffer *out, int64_t wall_us, int64_t now_us, bool shorten);

/* The rows of a listing. Columns are as wide as their widest cell; on a terminal the target gives way. */
struct log_table;

MUST_CHECK bool log_table_create(struct log_table **table, const struct terminal *terminal, int64_t now_us);
void log_table_free(struct log_table *table);
MUST_CHECK bool log_table_add(struct log_table *table, const struct record *record); /* false: out of memory */
void log_table_print(struct buffer *out, const struct log_table *table);

/* The record as one JSON object without a newline: every fact, numbers exact, facts that are not known null. */
void log_append_json(struct buffer *out, const struct record *record, bool with_views);

/* What happened in a sentence, and the facts of the record as lines "label  value". */
void log_append_facts(struct buffer *out, const struct terminal *terminal, const struct record *record, int64_t now_us);

/* One view: title, head, body; parts that an earlier view of the record has too are said to be the same. */
void log_append_view(struct buffer *out, const struct terminal *terminal, const struct record *record,
                     enum record_view view, bool compare);

#endif
