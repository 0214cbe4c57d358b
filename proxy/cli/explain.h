/* `countersign explain`: what its files share. Private to these. */
#ifndef COUNTERSIGN_CLI_EXPLAIN_H
#define COUNTERSIGN_CLI_EXPLAIN_H

#include "terminal.h"

#include "countersign/catalogue.h"

/* One entry whole, for people: what it is, where that is known from, and each cause. */
void explain_append_entry(struct buffer *out, const struct terminal *terminal, const struct catalogue_entry *entry);

/* One cause alone, and the entries that name it. */
void explain_append_cause(struct buffer *out, const struct terminal *terminal, const struct catalogue_cause *cause);

/* One line of a list: name and first line; cut to the terminal's width. */
void explain_append_line(struct buffer *out, const struct terminal *terminal, const struct catalogue_entry *entry);

/* The same of a cause, and of an outcome. */
void explain_append_cause_line(struct buffer *out, const struct terminal *terminal,
                               const struct catalogue_cause *cause);
void explain_append_outcome(struct buffer *out, const struct terminal *terminal, enum record_outcome outcome);

/* All entries, a line each, under a title for each kind. */
void explain_append_list(struct buffer *out, const struct terminal *terminal);

/* The same as one JSON object with a line feed. */
void explain_append_entry_json(struct buffer *out, const struct catalogue_entry *entry);
void explain_append_cause_json(struct buffer *out, const struct catalogue_cause *cause);
void explain_append_outcome_json(struct buffer *out, enum record_outcome outcome);

#endif
