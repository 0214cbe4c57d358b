/* What `countersign log diff` prints, for whoever has a diff to show. Private to this room. One thread. */
#ifndef COUNTERSIGN_CLI_LOG_DIFF_H
#define COUNTERSIGN_CLI_LOG_DIFF_H

#include "terminal.h"

#include "countersign/diff.h"

struct log_diff_options {
    bool all;              /* also what must differ, and what is the same; else these are summed up */
    struct slice names[2]; /* how the sides are called: "exchange 17", a file's name; bytes from outside */
    int64_t now_us;        /* wall clock, to shorten times */
};

/* The verdict in its first line, then by section what differs. Values are cut to the terminal's width around the first
 * difference. */
void log_append_diff(struct buffer *out, const struct terminal *terminal, const struct diff *diff,
                     const struct log_diff_options *options);

/* One JSON object a line: the verdict, then each finding. Values beyond LOG_DIFF_VALUE_MAX bytes are cut, which "aCut"
 * and "bCut" say; of bodies that differ the bytes around the first difference are given. */
enum { LOG_DIFF_VALUE_MAX = 65536 };
void log_append_diff_json(struct buffer *out, const struct diff *diff, const struct log_diff_options *options);

struct log_run;

/* Prints how two exchanges of the store differ, and sets run->exit_code: 0 alike, 1 different. */
MUST_CHECK bool log_diff_exchanges(struct log_run *run, const int64_t ids[2], struct error *error);

#endif
