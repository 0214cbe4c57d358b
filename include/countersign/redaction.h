/* The one table of what is done with a header field: whether it is forwarded, and whether it is kept or masked where it
 * is written down. Every writer (store, export, inspector) goes through it. Pure. */
#ifndef COUNTERSIGN_REDACTION_H
#define COUNTERSIGN_REDACTION_H

#include "countersign/buffer.h"
#include "countersign/record.h"
#include "countersign/slice.h"

enum redaction_record {
    REDACTION_KEEP,     /* written as it is */
    REDACTION_MASK_KEY, /* first and last four characters, the rest as '*', same length */
    REDACTION_MASK_ALL  /* '*' for each byte */
};

struct redaction_rule {
    const char *name; /* field name; a trailing '*' matches any ending */
    bool forward;     /* to the exchange, when a client sent it */
    enum redaction_record record;
    const char *reason;
};

/* The rule for this field name (case ignored); never NULL: the last rule matches everything. */
const struct redaction_rule *redaction_rule_find(struct slice name);

/* Appends a message head with field values masked as the rules say; length and everything else stay the same. */
bool redaction_append_head(struct buffer *out, struct slice head);

/* Masks the heads of a record: its slices then point into `heads`, which is emptied first. False, and then the record is as
 * it was, when memory or room is out. */
bool redaction_mask_record(struct record *record, struct buffer *heads);

#endif
