/* The answer of `countersign log why`, written. Private to its files. */
#ifndef COUNTERSIGN_CLI_LOG_WHY_H
#define COUNTERSIGN_CLI_LOG_WHY_H

#include "terminal.h"

#include "countersign/why.h"

void log_append_why(struct buffer *out, const struct terminal *terminal, const struct why_report *report);

/* One object a line: the exchanges looked at, each comparison, and each of its facts behind it. */
void log_append_why_json(struct buffer *out, const struct why_report *report);

#endif
