/* `countersign policy`: what its files share. Private to these. One thread. */
#ifndef COUNTERSIGN_CLI_POLICY_COMMAND_H
#define COUNTERSIGN_CLI_POLICY_COMMAND_H

#include "common.h"
#include "terminal.h"

#include "countersign/learned.h"
#include "countersign/ruling.h"

enum { POLICY_OUTPUT_MAX = 4 << 20 };

enum policy_from { POLICY_FROM_WHAT_IS_THERE, POLICY_FROM_LEARNED, POLICY_FROM_RECORD };

struct policy_options {
    const char *listener; /* NULL: each */
    int64_t since_us;     /* 0: any time */
    enum policy_from from;
    bool include_refused;
    bool json;
    bool help;
    const char *const *words; /* what is no option */
    size_t word_count;
    int64_t now_us; /* wall clock, when the command began */
    struct cli_config_options config;
};

/* The subcommands: the exit code, or a negative number after having set `error`. Each appends what is to be printed. */
int policy_list(struct buffer *out, const struct policy_options *options, struct error *error);
int policy_check(struct buffer *out, const struct policy_options *options, struct error *error);
int policy_suggest(struct buffer *out, const struct policy_options *options, struct error *error);

/* Loads the configuration; on failure what is wrong was printed. False also for an unknown --listener, which is printed, too. */
MUST_CHECK bool policy_load(struct config **config, const struct policy_options *options, const char *command,
                            int *exit_code);

/* Whether --listener means it. */
bool policy_means(const struct policy_options *options, const struct config_listener *listener);

/* --- policy_source.c --- */

/* What is known of a listener's use, and where it comes from; zeroed. */
struct policy_source {
    struct learned table;
    bool is_learned; /* else from the record */
};

MUST_CHECK bool policy_source_read(struct policy_source *source, const struct policy_options *options,
                                   const struct config *config, const char *listener, struct error *error);

/* --- policy_suggestion.c --- */

struct policy_line {
    const struct learned_use *use;
    enum endpoint_class endpoint_class;
};

/* The tightest rules: an allow line for each use, then one that denies the rest. Borrows from a struct learned. */
struct policy_suggestion {
    struct policy_line allowed[LEARNED_USES_MAX];
    size_t allowed_count;
    struct policy_line refused[LEARNED_USES_MAX]; /* only ever refused: left out unless asked for */
    size_t refused_count;
    struct policy_line unnamed[LEARNED_USES_MAX]; /* no rule can name it: an odd spelling or method */
    size_t unnamed_count;
};

void policy_suggestion_make(struct policy_suggestion *suggestion, const struct learned *learned, bool include_refused);

/* "balances", "this moves funds, or may": what the use is, in a few words. */
const char *policy_use_meaning(const struct policy_line *line);

/* --- policy_print.c --- */

void policy_append_ini(struct buffer *out, const struct policy_suggestion *suggestion,
                       const struct policy_source *source, const char *listener, int64_t now_us);
void policy_append_json(struct buffer *out, const struct policy_suggestion *suggestion,
                        const struct policy_source *source, const char *listener);

#endif
