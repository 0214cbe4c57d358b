/* The answer of `countersign log why`, written. Private to its files. */
#ifndef COUNTERSIGN_CLI_LOG_WHY_H
#define COUNTERSIGN_CLI_LOG_WHY_H

#include "log_command.h"
#include "terminal.h"

#include "countersign/why.h"

/* Commands that it proposes repeat the options of `options`. */
void log_append_why(struct buffer *out, const struct terminal *terminal, const struct why_report *report,
                    const struct log_options *options);

/* One object a line: the exchanges looked at, each comparison, and each of its facts behind it. */
void log_append_why_json(struct buffer *out, const struct why_report *report);

#endif
