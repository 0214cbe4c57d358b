/* The page that a diff for people is written on: what its files share. Private to these. One thread. */
#ifndef COUNTERSIGN_CLI_LOG_DIFF_PAGE_H
#define COUNTERSIGN_CLI_LOG_DIFF_PAGE_H

#include "log_diff.h"

enum { LOG_DIFF_LABEL = 11 /* columns of what a finding is about */ };

struct log_diff_page {
    struct buffer *out;
    const struct terminal *terminal;
    const struct diff *diff;
    const struct log_diff_options *options;
    size_t subject; /* columns */
};

extern const enum terminal_style log_diff_side_styles[2];

size_t log_diff_width_of(const struct log_diff_page *page); /* columns; of a pipe a bound */
void log_diff_append_styled(const struct log_diff_page *page, enum terminal_style style, const char *text);
void log_diff_append_padding(const struct log_diff_page *page, size_t columns);

/* A finding with its note, on lines of its own. */
void log_diff_append_finding(const struct log_diff_page *page, const struct diff_finding *finding);

/* Its subject and both values alone; its note alone. */
void log_diff_append_values(const struct log_diff_page *page, const struct diff_finding *finding);
void log_diff_append_note_of(const struct log_diff_page *page, const struct diff_finding *finding);

/* The bytes around the first difference of two bodies (log_diff_bytes.c); for who shows one elsewhere, too: only the
 * finding's values and offset are looked at. */
void log_diff_append_window(struct buffer *out, const struct terminal *terminal, const struct diff_finding *finding);

#endif
